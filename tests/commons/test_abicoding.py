"""Values that a contract's types do not hold are told by function, position and limits."""

from __future__ import annotations

import re
from typing import Any

import pytest

import contracts
from circuits.errors import InvalidInputError
from circuits.terms import NewTask, Windows
from commons.chain.abicoding import call_data, encoded
from commons.chain.calldata import MARKET, call, deployment
from commons.chain.rpc import ErrorTable, Rpc

TERMS = NewTask(1, b"\1" * 20, b"\2" * 20, 10, 16, 1 << 40, 2, 6, 3, Windows(60, 600)).words


@pytest.mark.parametrize(
    ("signature", "arguments", "said"),
    [
        ("f(uint32)", [2**32], "argument 1 of f has to be a whole number from 0 to 2^32 - 1 (uint32), not 4294967296"),
        ("task(uint256)", [2**256], "argument 1 of task has to be a whole number from 0 to 2^256 - 1 (uint256), not "),
        ("f(bool,uint8)", [True, -1], "argument 2 of f has to be a whole number from 0 to 2^8 - 1 (uint8), not -1"),
        ("f(uint8)", [1.5], "argument 1 of f has to be a whole number"),
        ("f(address)", [b"12"], "argument 1 of f has to be an address of 20 bytes, not b'12'"),
        ("f(address[])", [[b"12"]], "argument 1 of f has to be a value of the type address[], not [b'12']"),
        ("f(bytes32)", [bytes(33)], "argument 1 of f has to be 32 bytes, not"),
        ("f(string)", ["\ud800"], "argument 1 of f has to be text, not '\\ud800'"),
        ("f((uint8,(bool,uint16)))", [(1, (True, 70_000))], "argument 1.2.2 of f has to be a whole number"),
        ("f((uint8,bool))", [(1,)], "argument 1 of f has 2 values, not 1"),
        ("f(uint8,bool)", [1], "argument list of f has 2 values, not 1"),
        ("f(bool)", [None], "argument 1 of f has to be true or false, not None"),
    ],
)
def test_what_does_not_fit_is_told(signature: str, arguments: list[Any], said: str) -> None:
    with pytest.raises(InvalidInputError, match=re.escape(said)) as caught:
        call_data(signature, arguments)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(("place", "value"), [(3, 2**32), (8, 2**32), (9, 10**20), (14, 2**128)])
def test_so_is_a_term_of_a_task(place: int, value: int) -> None:
    call(MARKET, "createTask", TERMS, 0)
    with pytest.raises(InvalidInputError, match=f"argument 1.{place + 1} of createTask"):
        call(MARKET, "createTask", (*TERMS[:place], value, *TERMS[place + 1 :]), 0)


def test_so_is_a_question_and_a_constructors_argument() -> None:
    with pytest.raises(InvalidInputError, match="of task has to be"):
        Rpc("http://127.0.0.1:9", ErrorTable(())).call(b"\1" * 20, "task(uint256)", [2**256], ["bool"])
    with pytest.raises(InvalidInputError, match="of Market has to be an address"):
        libraries = dict.fromkeys(contracts.load(MARKET).links, b"\1" * 20)
        deployment(MARKET, b"no address", b"\1" * 20, 1, b"\1" * 20, libraries=libraries)
    assert encoded("f", ["uint8"], [7]) == (7).to_bytes(32, "big")
