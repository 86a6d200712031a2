"""Identifiers as people write them: whole, decimal, or the first digits of one that is known."""

from __future__ import annotations

import pytest

from circuits.errors import InvalidInputError, UnknownError
from commons.runtime.identifiers import Prefix, parse, resolve, shown

KNOWN = (0x3FA9_0000_0000_0001, 0x3FA8_0000_0000_0001, 0xABCD_EF00_1234_5678, 7)


@pytest.mark.parametrize("identifier", [*KNOWN, 0, 2**64 - 1])
def test_what_is_shown_is_read_back(identifier: int) -> None:
    text = shown(identifier)
    assert len(text) == 18
    for written in (text, f" {text}\n", "0X" + text[2:].upper(), str(identifier)):
        assert parse(written) == identifier


@pytest.mark.parametrize(
    "text",
    [
        "", "0x", "0x123", "0x" + "1" * 17, "123x", "1.5", "-1", str(2**64), "9" * 5000, "0xfffg", "３", "0x 3f",
        "3fa9",
    ],
)  # fmt: skip
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="is no identifier: write 0x") as caught:
        parse(text)
    assert len(str(caught.value)) < 200


def test_the_first_digits_find_the_one_that_begins_with_them() -> None:
    assert parse("0x3FA9") == Prefix("3fa9")
    assert resolve(parse("0x3fa9"), KNOWN, "task") == KNOWN[0]
    assert resolve(parse("0xABCDEF001234567"), KNOWN, "task") == KNOWN[2]
    assert resolve(parse("0x0000"), KNOWN, "task") == 7


def test_a_prefix_of_none_or_of_several_is_told() -> None:
    """Anybody can create a task whose identifier begins with given digits: then nothing is found, never another."""
    with pytest.raises(UnknownError, match=r"no task begins with 0xffff\.\."):
        resolve(parse("0xffff"), KNOWN, "task")
    forged = (*KNOWN, 0x3FA9_7777_0000_0000)
    with pytest.raises(InvalidInputError, match=r"2 tasks begin with 0x3fa9.*0x3fa9000000000001.*give more digits"):
        resolve(parse("0x3fa9"), forged, "task")
    assert resolve(parse("0x3fa9000"), forged, "task") == KNOWN[0]


def test_a_whole_identifier_asks_nobody() -> None:
    def unreachable() -> list[int]:
        raise AssertionError

    numbers = (unreachable()[0] for _ in range(1))
    assert resolve(5, numbers, "task") == 5
