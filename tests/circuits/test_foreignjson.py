"""JSON that somebody else wrote ends no process."""

from __future__ import annotations

import subprocess
import sys

import pytest

from circuits.foreignjson import parse_json


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"1 2", b"\xff", b"NaN", b"Infinity", b'"\\ud800"', b"[" * 10**6, b'{"a":' * 10**6, "\0"],
    ids=lambda text: repr(text[:9]),
)
def test_what_is_no_json_is_a_value_error(text: bytes | str) -> None:
    with pytest.raises(ValueError):
        parse_json(text)


def test_what_is_json_is_what_it_says() -> None:
    assert parse_json(b'{"a": [1, 123456789012345678901234567890, "x", null, true, 0.5]}') == {
        "a": [1, 123456789012345678901234567890, "x", None, True, 0.5]
    }
    assert parse_json(b"[" * 150 + b"]" * 150)


def test_it_holds_also_where_a_library_has_lifted_the_limit_of_recursion() -> None:
    """What a node sends would end the coordinator: the standard parser overflows the stack."""
    script = (
        "import sys; import py_ecc; from circuits.foreignjson import parse_json\n"
        "assert sys.getrecursionlimit() >= 100_000\n"
        "try: parse_json(b'[' * 10**6)\n"
        "except ValueError: print('refused')"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, check=False).stdout == b"refused\n"
