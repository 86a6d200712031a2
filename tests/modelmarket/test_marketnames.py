"""Beginnings of identifiers: one that fits several is refused, whoever made the others."""

from __future__ import annotations

import argparse

import pytest

from circuits.errors import InvalidInputError, UnknownError
from gradroll.commands.marketnames import Beginning, market_name, resolve

MINE = bytes.fromhex("abcdef" + "01" * 29)
OTHER = bytes.fromhex("abcdef" + "02" * 29)


def test_whole_identifiers_are_taken_as_they_are() -> None:
    assert market_name(" 0x" + MINE.hex().upper()) == MINE


def test_a_beginning_finds_the_one_that_has_it() -> None:
    named = market_name("0xABCDEF01")
    assert named == Beginning("abcdef01")
    assert resolve(named, [OTHER, MINE, MINE], "listing") == MINE


@pytest.mark.parametrize("text", ["0xabcde", "abcdef", "0x", "0xabcdeg", "0x" + "a" * 65, "-0xabcdef", "0xabcdef\n.."])
def test_what_is_too_short_or_no_identifier_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="at least the first 6"):
        market_name(text)


def test_one_that_several_have_is_refused_with_their_names() -> None:
    """Anybody grinds a listing that begins like another one: it takes some thousands of tries for six digits."""
    with pytest.raises(InvalidInputError) as refused:
        resolve(Beginning("abcdef"), [MINE, OTHER], "listing")
    assert f"0x{MINE.hex()}, 0x{OTHER.hex()}; write more digits" in str(refused.value)
    many = [bytes.fromhex("abcdef") + bytes((at,)) * 29 for at in range(9)]
    with pytest.raises(InvalidInputError, match=r"9 listings .* and others"):
        resolve(Beginning("abcdef"), many, "listing")


def test_one_that_nothing_has_is_refused() -> None:
    with pytest.raises(UnknownError, match=r"no bounty .* begins with 0xabcdee\.\."):
        resolve(Beginning("abcdee"), [MINE], "bounty")
