"""The contracts of BN254 that each chain has built in (EIP-196, EIP-197), for the development chain's EVM.

py-evm computes them in Python: a pairing of four takes it a second and more, in which it holds the interpreter and
with it every server of a market in one process.  Here the kernel does, in milliseconds.  What they answer, refuse and
cost stays py-evm's; tests compare the two.
"""

from __future__ import annotations

from typing import Any

import native
from commons.runtime.extras import missing

try:
    from eth._utils.address import force_bytes_to_address
    from eth.exceptions import VMError
    from eth.vm.forks.istanbul.constants import (
        GAS_ECADD,
        GAS_ECMUL,
        GAS_ECPAIRING_BASE,
        GAS_ECPAIRING_PER_POINT,
    )
    from eth.vm.forks.prague import PragueVM
    from eth.vm.forks.prague.computation import PragueComputation
    from eth.vm.forks.prague.state import PragueState
except ModuleNotFoundError as error:
    raise missing("a development chain", "dev-chain") from error

_G1, _PAIR = 64, 192


def ec_add(computation: Any) -> Any:
    """The sum of two points of G1, at address 6.  Raises VMError when one is none."""
    computation.consume_gas(GAS_ECADD, reason="ECADD Precompile")
    data = _input(computation, 2 * _G1)
    return _answer(computation, (data[:_G1], data[_G1:]), (1, 1))


def ec_mul(computation: Any) -> Any:
    """A multiple of a point of G1 by any number of 256 bits, at address 7.  Raises VMError when it is no point."""
    computation.consume_gas(GAS_ECMUL, reason="ECMUL Precompile")
    data = _input(computation, _G1 + 32)
    return _answer(computation, (data[:_G1],), (int.from_bytes(data[_G1:]) % native.R,))


def ec_pairing(computation: Any) -> Any:
    """Whether a product of pairings is one, at address 8.  Raises VMError when something is no point of its group."""
    data = bytes(computation.msg.data)
    if len(data) % _PAIR:
        raise VMError("Invalid ECPAIRING parameters")
    pairs = [data[at : at + _PAIR] for at in range(0, len(data), _PAIR)]
    computation.consume_gas(GAS_ECPAIRING_BASE + len(pairs) * GAS_ECPAIRING_PER_POINT, reason="ECPAIRING Precompile")
    try:
        one = native.pairing_product_is_one([(native.G1(pair[:_G1]), native.G2(pair[_G1:])) for pair in pairs])
    except native.PointError as error:
        raise VMError("Invalid ECPAIRING parameters") from error
    computation.output = int(one).to_bytes(32)
    return computation


def _input(computation: Any, length: int) -> bytes:
    """What the contract was called with: zeros are read after its end, and nothing after ``length``."""
    return bytes(computation.msg.data[:length]).ljust(length, b"\0")


def _answer(computation: Any, points: tuple[bytes, ...], scalars: tuple[int, ...]) -> Any:
    try:
        computation.output = native.g1_linear_combination([native.G1(point) for point in points], scalars)
    except native.PointError as error:
        raise VMError("not a point of BN254") from error
    return computation


_OURS = {force_bytes_to_address(bytes([at])): run for at, run in ((6, ec_add), (7, ec_mul), (8, ec_pairing))}


class _Computation(PragueComputation):
    _precompiles = PragueComputation.get_precompiles() | _OURS


class _State(PragueState):
    computation_class = _Computation


class DevVM(PragueVM):
    """Prague, with BN254 computed by the kernel."""

    _state_class = _State
