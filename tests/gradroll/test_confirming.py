"""Before money is committed people are asked, programs are not; who declines has sent nothing."""

from __future__ import annotations

import argparse
import io
import sys

import pytest

from gradroll.commands.confirming import DECLINED, can_be_asked, confirmed
from gradroll.console import Console


class Terminal(io.StringIO):
    """A terminal on which something was typed."""

    def isatty(self) -> bool:
        return True


def arguments(*, yes: bool = False, json: bool = False) -> argparse.Namespace:
    return argparse.Namespace(yes=yes, json=json, console=Console(io.StringIO()))


def terminal(monkeypatch: pytest.MonkeyPatch, typed: str = "") -> Terminal:
    """Somebody sits there and types; returns what is shown."""
    shown = Terminal()
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    monkeypatch.setattr(sys, "stderr", shown)
    return shown


@pytest.mark.parametrize(
    ("typed", "agreed"),
    [("y\n", True), ("YES\n", True), (" yes \n", True), ("n\n", False), ("\n", False), ("", False), ("yep\n", False)],
)
def test_only_yes_is_yes(typed: str, agreed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = terminal(monkeypatch, typed)
    assert confirmed(arguments(), "create this task?") is agreed
    assert shown.getvalue().startswith("create this task? [y/N] ")
    assert ("nothing was sent" in shown.getvalue()) is not agreed


def test_who_cannot_answer_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = terminal(monkeypatch)
    assert confirmed(arguments(yes=True), "?")
    assert confirmed(arguments(json=True), "?")
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    assert confirmed(arguments(), "?"), "a script that reads from a pipe has decided"
    assert not can_be_asked(arguments())
    assert shown.getvalue() == ""


def test_declining_ends_like_an_interruption() -> None:
    assert DECLINED == 130
