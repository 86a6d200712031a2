"""A small strict parser of the PromQL that our rules and dashboards use, for what it names.

It knows less than Prometheus: whatever it does not know it refuses, so that what it takes is a rule of Prometheus's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

FUNCTIONS = {
    "absent": 1, "changes": 1, "histogram_quantile": 2, "increase": 1, "rate": 1, "time": 0,
}  # fmt: skip
"""With how many arguments."""
RANGES = {"changes", "increase", "rate"}
"""Functions of a range of time."""
AGGREGATIONS = {"avg", "max", "min", "sum"}
_TOKEN = re.compile(
    r"""\s*(?:(?P<number>\d+(?:\.\d+)?)(?![\w.])|(?P<name>[A-Za-z_:][\w:]*)|(?P<string>"[^"\\\n]*")"""
    r"""|(?P<range>\[\d+[smhd]\])|(?P<sign>=~|!~|!=|==|<=|>=|[-+*/<>=(){},]))"""
)
_LEVELS = (("or",), ("and", "unless"), ("==", "!=", "<", ">", "<=", ">="), ("+", "-"), ("*", "/"))
"""Binary operators, those that bind least first."""


@dataclass(frozen=True)
class Selector:
    """A metric with the labels that it is chosen by, and the operator and value of each."""

    metric: str
    matchers: tuple[tuple[str, str, str], ...]


@dataclass
class Query:
    """What an expression names.

    Attributes:
        by: labels that are grouped by, with the selectors below.
    """

    selectors: list[Selector]
    by: list[tuple[tuple[str, ...], list[Selector]]]


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens = list(_tokens(text))
        self.at = 0
        self.found = Query([], [])

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "")

    def next(self, *wanted: str) -> str:
        kind, text = self.peek()
        if wanted and text not in wanted and kind not in wanted:
            raise ValueError(f"{text!r} where {' or '.join(wanted)} is wanted")
        self.at += 1
        return text

    def takes(self, *texts: str) -> bool:
        if self.peek()[1] in texts:
            self.at += 1
            return True
        return False

    def expression(self, level: int = 0) -> None:
        if level == len(_LEVELS):
            self.unary()
            return
        self.expression(level + 1)
        while self.takes(*_LEVELS[level]):
            self.expression(level + 1)

    def unary(self) -> None:
        kind, text = self.peek()
        if self.takes("("):
            self.expression()
            self.next(")")
        elif kind == "number":
            self.next()
        elif text in AGGREGATIONS:
            self.aggregation()
        elif text in FUNCTIONS:
            self.function()
        elif kind == "name":
            self.selector()
        else:
            raise ValueError(f"{text!r} where a value is wanted")

    def aggregation(self) -> None:
        self.next()
        labels = []
        if self.takes("by"):
            self.next("(")
            labels.append(self.next("name"))
            while self.takes(","):
                labels.append(self.next("name"))
            self.next(")")
        self.next("(")
        before = len(self.found.selectors)
        self.expression()
        self.next(")")
        self.found.by.append((tuple(labels), self.found.selectors[before:]))

    def function(self) -> None:
        name = self.next()
        self.next("(")
        if name in RANGES:
            self.selector(ranged=True)
        for number in range(0 if name in RANGES else FUNCTIONS[name]):
            if number:
                self.next(",")
            self.expression()
        self.next(")")

    def selector(self, *, ranged: bool = False) -> None:
        name, matchers = self.next("name"), []
        if self.takes("{"):
            while True:
                label, sign, value = self.next("name"), self.next("=", "!=", "=~", "!~"), self.next("string")
                if sign.endswith("~"):
                    re.compile(value[1:-1])
                matchers.append((label, sign, value[1:-1]))
                if not self.takes(","):
                    break
            self.next("}")
        if ranged:
            self.next("range")
        self.found.selectors.append(Selector(name, tuple(matchers)))


def parse(text: str) -> Query:
    """What an expression names.  Raises ValueError for one that this parser does not know."""
    parser = _Parser(text)
    parser.expression()
    if parser.peek()[0] != "end":
        raise ValueError(f"{parser.peek()[1]!r} after the end")
    return parser.found


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise ValueError(f"{text[at:]!r} is no PromQL that is known here")
        yield match.lastgroup, match[match.lastgroup]
        at = match.end()
