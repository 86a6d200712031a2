"""The page of errors, docs/errors.md: ``python -m tests.gradroll.errors_page`` prints it."""

from __future__ import annotations

import re
import sys

from circuits.errors import GradrollError, catalogue
from tests.gradroll.mistaken_files import SECRET
from tests.gradroll.mistakes import Mistake
from tests.gradroll.mistakes_of_operators import MISTAKES

_HEAD = """\
# Errors

What goes wrong has a stable code, an exit status, and a message with cause and cure: `error[code]: message`, in one
line on standard error. With `--json` the object on standard output has it too, under `error`, with `code` and
`message`. From Python each code is a class of `gradroll.errors`. Symptoms of servers, and what their logs say, are in
[operations](operations.md#starting-stopping-failing).

This page is made by `make reference` from `circuits/errors.py` and from a table of mistakes that the tests play.

## Codes

Beside these a command ends with 0 when it is done, with 2 when its arguments are wrong (with `--json` under the code
`usage`), and with 130 when it is interrupted (`interrupted`).

| code | exit status | gRPC status | means | what to do |
| --- | --- | --- | --- | --- |
"""
_MISTAKES = """\

## Mistakes

What people do, and what they see then. What is **bold** is the cure; … stands for what is another time otherwise.
"""
_TABLE_HEAD = "| mistake | command | what is seen |\n| --- | --- | --- |"
_SHOWN = (
    (r"\{stub\}(/\w+)?", "https://node.example.org/KEY"),
    (r"\{url\}", "http://127.0.0.1:8545"),
    (r"\{dead\}", "http://user:PASSWORD@127.0.0.1:8545"),
    (r"\{relay\}", "127.0.0.1:7100"),
    (r"\{taken\}", "127.0.0.1:7101"),
    (r"\{(task|bare|closed|late|free|spent|lonely|funded|ruled)\}", "0x3fa9"),
    (r"\{(owner|verifier|market|coordinator|committee|absent)\}", "0x…"),
    (SECRET, "PASSWORD"),
)
"""What the page shows in place of addresses that are another time others."""


def page() -> str:
    """The page, in Markdown."""
    kinds = sorted(catalogue().items(), key=lambda item: (item[1].exit_status, item[0]))
    roles = dict.fromkeys(mistake.role for mistake in MISTAKES)
    return "\n".join([_HEAD + "\n".join(_code(kind) for _, kind in kinds), _MISTAKES, *map(_role, roles)])


def _code(kind: type[GradrollError]) -> str:
    meaning = " ".join((kind.__doc__ or "").split("\n\n", maxsplit=1)[0].split())
    return f"| `{kind.code}` | {kind.exit_status} | {kind.rpc_status} | {_plain(meaning)} | {_plain(kind.cure)} |"


def _role(role: str) -> str:
    rows = [_row(mistake) for mistake in MISTAKES if mistake.role == role]
    return "\n".join([f"### {role}", "", _TABLE_HEAD, *rows, ""])


def _row(mistake: Mistake) -> str:
    code = f"`error[{mistake.code}]` " if mistake.is_error else ""
    before = f"`{_command(mistake.before)}`, then " if mistake.before else ""
    seen = f"{_plain(mistake.cause)}**{_plain(mistake.cure)}**"
    return f"| {mistake.what} | {before}`{_command(mistake.command)}` | {code}{seen} |"


def _command(typed: str) -> str:
    """As it is typed in a terminal: variables, the program, its arguments."""
    for placeholder, shown in _SHOWN:
        typed = re.sub(placeholder, shown, typed)
    variables = re.match(r"(?:\w+=\S+ )*", typed)
    after = variables.end() if variables else 0
    return f"{typed[:after]}gradroll {typed[after:]}"


def _plain(text: str) -> str:
    """Text in which Markdown finds nothing of its own."""
    for sign in ("*", "<", "[", "]", "|"):
        text = text.replace(sign, f"\\{sign}")
    return text


if __name__ == "__main__":
    sys.stdout.write(page())
