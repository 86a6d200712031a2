"""What a graded round was opened with is what hashes to the round's digest, whatever else a node shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import pytest
from eth_abi.abi import encode

import contracts
from circuits.errors import ChainError, UnknownError
from circuits.terms import Grading
from commons.chain.calldata import reference_tuples, type_of
from commons.chain.contractevents import Events
from commons.chain.openings import ROUND_REFERENCED, model_digest, read_opening
from commons.chain.ports import MarketReader
from commons.protocol.references import Copy, Opening
from native import G1, g1_generator

TASK, ROUND = 7, 3
OPENING = Opening(b"\x01" * 32, (Copy(g1_generator, b"\x02" * 32), Copy(g1_generator, b"\x03" * 32)))


@dataclass
class Shown:
    """The events that a node shows, as their data."""

    logs: Sequence[bytes]

    def read(self, decode: Callable[[Any], Opening], event: str, *topics: int) -> list[Opening]:
        assert (event, topics) == (ROUND_REFERENCED, (TASK, ROUND))
        return [decode({"data": data}) for data in self.logs]


def data(opening: Opening) -> bytes:
    return encode(["bytes32", "(uint256,uint256,bytes32)[]"], [opening.model_digest, reference_tuples(opening)])


def read(*logs: bytes) -> Opening:
    return read_opening(cast(Events, Shown(logs)), TASK, ROUND, OPENING.digest)


def test_the_event_is_the_contracts() -> None:
    (event,) = (item for item in contracts.load("Market").abi if item.get("name") == "RoundReferenced")
    assert f"RoundReferenced({','.join(type_of(part) for part in event['inputs'])})" == ROUND_REFERENCED


def test_the_opening_is_the_one_that_has_the_rounds_digest() -> None:
    other = Opening(b"\x01" * 32, OPENING.copies[:1])
    assert read(data(other), data(OPENING)) == OPENING


@pytest.mark.parametrize(
    "other",
    [
        Opening(b"\x09" * 32, OPENING.copies),
        Opening(OPENING.model_digest, OPENING.copies[::-1]),
        Opening(OPENING.model_digest, (*OPENING.copies, OPENING.copies[0])),
        Opening(OPENING.model_digest, (Copy(G1(bytes(64)), b"\x02" * 32), OPENING.copies[1])),
    ],
)
def test_nothing_else_is_believed(other: Opening) -> None:
    with pytest.raises(UnknownError, match=r"no event with what round 3 .* was opened with"):
        read(data(other))


def test_a_round_that_no_market_opens_is_the_nodes_trouble() -> None:
    none = encode(["bytes32", "(uint256,uint256,bytes32)[]"], [OPENING.model_digest, []])
    with pytest.raises(ChainError, match="that no market opens"):
        read(none)


@pytest.mark.parametrize(("grading", "digest"), [(None, OPENING.digest), (Grading(4, 4, bytes(32)), b"\x01" * 32)])
def test_the_model_has_a_digest_of_its_own(grading: Grading | None, digest: bytes) -> None:
    reader = SimpleNamespace(
        terms=lambda task: SimpleNamespace(grading=grading),
        round=lambda task, number: SimpleNamespace(model_digest=OPENING.digest),
        opening=lambda task, number: OPENING,
    )
    assert model_digest(cast(MarketReader, reader), TASK, ROUND) == digest
