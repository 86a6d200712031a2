"""What BN254 answers on the development chain is what py-evm's own contracts answer, to the bit and to the gas."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from eth.exceptions import VMError
from eth.vm.forks.prague.computation import PragueComputation

import native
from commons.chain.devprecompiles import DevVM
from tests.native.test_curve import outside_the_subgroup

ADD, MUL, PAIRING = 6, 7, 8
G, H = native.g1_generator, native.g2_generator
NONE, NOWHERE = bytes(64), bytes(128)
P = 21888242871839275222246405745257275088696311157297823662689037894645226208583
THREE = native.g1_mul(G, 3)
OFF = G[:32] + (3).to_bytes(32)
OUTSIDE = outside_the_subgroup()
GREAT = (P + 1).to_bytes(32) + (2).to_bytes(32)
NEGATIVE = native.g1_neg(G)
INPUTS = [
    *((ADD, data) for data in (
        b"", G, G + G, G + THREE, G + NEGATIVE, G + NONE, NONE + G, NONE + NONE, G[:63], G[:40], G + THREE[:31],
        G + THREE + b"more", G + OFF, OFF, GREAT, G + GREAT, b"\xff" * 128,
    )),
    *((MUL, data) for data in (
        b"", G, *(G + n.to_bytes(32) for n in (0, 1, 2, native.R - 1, native.R, native.R + 1, 2**256 - 1)),
        NONE + b"\xff" * 32, THREE + b"\x01", THREE + bytes(31) + b"\x07more", OFF + bytes(32), GREAT + bytes(32),
    )),
    *((PAIRING, data) for data in (
        b"", G + H, G + H + NEGATIVE + H, NONE + H, G + NOWHERE, G + H[:-1], OFF + H, GREAT + H,
        G + H[:-32] + P.to_bytes(32), G + H[:-1] + bytes([H[-1] ^ 1]), G + OUTSIDE, NONE + OUTSIDE,
    )),
]  # fmt: skip


class Call:
    """One call of a built-in contract, as far as it looks at it."""

    def __init__(self, data: bytes) -> None:
        self.msg = SimpleNamespace(data=memoryview(data), data_as_bytes=data)
        self.output, self.gas = b"", 0

    def consume_gas(self, amount: int, reason: str) -> None:
        assert reason
        self.gas += amount


def run(contract: Callable[[Any], Any], data: bytes) -> tuple[bytes | None, int]:
    """What it answers, None where it refuses, and the gas that it took."""
    call = Call(data)
    try:
        contract(call)
    except VMError:
        return None, call.gas
    return call.output, call.gas


def contract(of: Any, at: int) -> Callable[[Any], Any]:
    found: Callable[[Any], Any] = of.get_precompiles()[at.to_bytes(20)]
    return found


@pytest.mark.parametrize(("at", "data"), INPUTS)
def test_each_answer_refusal_and_price_is_py_evms(at: int, data: bytes) -> None:
    ours = contract(DevVM.get_state_class().computation_class, at)
    theirs = contract(PragueComputation, at)
    assert ours is not theirs
    assert run(ours, data) == run(theirs, data)
