"""Content identifiers: one spelling, and nothing else is read."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits.errors import InvalidInputError
from commons.artifacts.cids import DAG_PB, RAW, Cid

EMPTY = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
"""Of no bytes at all, as every tool of IPFS has it."""


def test_the_identifier_of_nothing_is_the_known_one() -> None:
    assert str(Cid.of(b"")) == EMPTY
    assert Cid.parse(EMPTY).digest == hashlib.sha256(b"").digest()


@given(st.binary(min_size=32, max_size=32), st.sampled_from((RAW, DAG_PB)))
def test_text_and_bytes_are_read_back(digest: bytes, codec: int) -> None:
    cid = Cid(codec, digest)
    assert Cid.parse(str(cid)) == cid == Cid.decode(bytes(cid))


def spelled(raw: bytes) -> str:
    return "b" + base64.b32encode(raw).decode().rstrip("=").lower()


GOOD = bytes(Cid.of(b"x"))


@pytest.mark.parametrize(
    "text",
    [
        "", "b", "../../etc/passwd", EMPTY.upper(), EMPTY + "=", EMPTY[:-1], EMPTY + "a", " " + EMPTY, EMPTY + "\n",
        "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn",  # version 0
        "f" + GOOD.hex(), spelled(b"\x02" + GOOD[1:]), spelled(b"\x01\x71" + GOOD[2:]),
        spelled(GOOD[:2] + b"\x13" + GOOD[3:]), spelled(GOOD[:3] + b"\x1f" + GOOD[4:-1]), spelled(GOOD + b"\0"),
        EMPTY[:-1] + "v",  # the same bytes, with bits set that base32 has to spare
    ],
)  # fmt: skip
def test_other_spellings_and_kinds_are_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        Cid.parse(text)


@pytest.mark.parametrize("raw", [b"", GOOD[:-1], GOOD + b"\0", b"\0" + GOOD[1:], GOOD[:1] + b"\x00" + GOOD[2:]])
def test_other_bytes_are_refused(raw: bytes) -> None:
    with pytest.raises(InvalidInputError):
        Cid.decode(raw)


def test_a_block_of_other_bytes_does_not_fit() -> None:
    assert Cid.of(b"x").fits(b"x")
    assert not Cid.of(b"x").fits(b"y")
