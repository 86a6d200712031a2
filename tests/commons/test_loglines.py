"""Log lines as programs read them, and that nobody's words begin a line or a field of their own."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commons.runtime.logcontext import about, current_context
from commons.telemetry.loglines import JsonLines, TextLines, fields_of


def record(message: str, *args: object, exc: Any = None) -> logging.LogRecord:
    return logging.LogRecord("coordinator.driver", logging.WARNING, "driver.py", 1, message, args, exc)


def said(message: str, *args: object, exc: Any = None) -> dict[str, Any]:
    line = JsonLines().format(record(message, *args, exc=exc))
    assert "\n" not in line
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_line_is_an_object_with_the_fields_that_the_code_wrote() -> None:
    found = said("event=round-trouble task=%s round=%d code=%s reason=%r", "0x07", 3, "chain", "it's down")
    assert {key: found[key] for key in ("event", "task", "round", "code", "reason")} == {
        "event": "round-trouble", "task": "0x07", "round": "3", "code": "chain", "reason": "it's down",
    }  # fmt: skip
    assert (found["level"], found["logger"]) == ("WARNING", "coordinator.driver")
    assert found["time"].endswith("+00:00")


def test_a_line_says_what_the_work_is_about() -> None:
    with about(task="0x07", round=3):
        with about(step="MASK", round=4):
            found = said("event=prover-refused prover=%d step=%s", 2, "COIN")
        assert said("event=x")["round"] == "3"
    assert (found["task"], found["round"], found["step"], found["prover"]) == ("0x07", "4", "COIN", "2")
    assert not current_context()


def test_a_librarys_line_is_a_message() -> None:
    found = said("Retrying\n(a=1) event=forged")
    assert found["message"] == "Retrying\n(a=1) event=forged"
    assert "event" not in found


def test_an_exception_is_a_member_of_the_object() -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError:
        found = said("event=driver-error", exc=sys.exc_info())
    assert "ValueError: two\nlines" in found["exception"]
    assert found["event"] == "driver-error"


@given(st.text(), st.text())
def test_foreign_text_makes_no_field_and_no_line(first: str, second: str) -> None:
    found = said("event=call-refused code=%s reason=%r peer=%r", "closed", first, second)
    assert (found["event"], found["code"], found["reason"], found["peer"]) == ("call-refused", "closed", first, second)
    assert len(found) == 8


@pytest.mark.parametrize("name", ["time", "level", "logger", "thread", "message", "exception"])
def test_no_field_takes_the_place_of_what_every_line_has(name: str) -> None:
    found = said(f"event=x {name}=forged")
    assert found[f"{name}_"] == "forged"
    assert found.get(name) != "forged"


def test_the_first_of_two_fields_with_one_name_counts() -> None:
    assert fields_of("event=a code=1 code=2 event=b") == {"event": "a", "code": "1"}


def test_text_stays_one_line_whatever_a_library_says() -> None:
    line = TextLines().format(record("a node said: %s", "x\n2026-01-01 INFO forged\x1b[2J"))
    assert len(line.splitlines()) == 1
    assert "\x1b" not in line
    assert "x\\n2026-01-01 INFO forged" in line
