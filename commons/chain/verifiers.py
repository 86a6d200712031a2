"""Verifier contracts of this release: where the verifier of a key is, and what one says about its key.

Nobody is believed: a verifier's address is that of CREATE2 (EIP-1014) for its factory, salt 0 and the creation code
with the encoded key behind it, so it vouches for code and key, whatever factory, market and node say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from eth_utils.address import to_canonical_address

import contracts
from circuits.errors import ContractError
from circuits.groth16 import VerifyingKey
from circuits.hashing import keccak
from circuits.policies.spec import GRADED_KEY_POINTS
from circuits.statement import Policy
from commons.chain.abicoding import encoded
from commons.chain.calldata import GRADED_VERIFIER, VERIFIER, deployment, key_tuple, type_of
from commons.runtime.amounts import checksum
from native import G1, G2

FAMILIES = (VERIFIER, GRADED_VERIFIER)
"""Contracts of the policy families of this release, in the order of the factory's numbers."""
Call = Callable[[bytes, str, Sequence[Any], Sequence[str]], tuple[Any, ...]]
"""Asks a contract: its address, the function's signature, arguments, types of what it returns."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """What the verifier contract of a task holds.

    Attributes:
        tau: [tau]_2 of the reference string that its key is for.
    """

    policy: Policy
    tau: G2


def creation_codes() -> list[bytes]:
    """Creation code of every family, as the factory's constructor takes them."""
    return [contracts.load(family).linked() for family in FAMILIES]


def encoded_key(key: VerifyingKey) -> bytes:
    """A key as the factory takes it."""
    return encoded(VERIFIER, [_key_type()], [key_tuple(key)])


def family_of(key: VerifyingKey) -> str:
    """The contract that verifies by a key: those under which batches are graded have more public inputs."""
    return GRADED_VERIFIER if len(key.inputs) == GRADED_KEY_POINTS else VERIFIER


def verifier_address(factory: bytes, key: VerifyingKey) -> bytes:
    """Where a factory (20 bytes) puts the verifier of a key."""
    return create2_address(factory, deployment(family_of(key), key_tuple(key)))


def read_verifier(call: Call, code: Callable[[bytes], bytes], verifier: bytes) -> Verifier:
    """Read the key of a verifier contract, which must be one of this release.

    Raises:
        ContractError: it is another contract, or was not made by CREATE2 from this release's code and the key it names.
        ChainError: no contract is there, or the node is the trouble.
    """
    key = read_key(call, verifier, FAMILIES).key
    return Verifier(Policy(key.capacity, key.key_hash, keccak(code(verifier))), key.tau)


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """What the address of a verifier contract vouches for.

    Attributes:
        contract: name of its family.
        factory: who made it, 20 bytes.
        key: without names of policy and setup, which are not on the chain and not in its hash.
    """

    contract: str
    factory: bytes
    key: VerifyingKey


def read_key(call: Call, verifier: bytes, families: Sequence[str]) -> VerifierKey:
    """Read the key of a verifier contract, which must be of one of these families.  Raises as ``read_verifier``."""
    try:
        (factory,) = call(verifier, "factory()", [], ["address"])
        (key,) = call(verifier, "key()", [], [_key_type()])
    except ContractError as error:
        raise _not_ours(verifier) from error
    maker = to_canonical_address(factory)
    for family in families:
        if verifier == create2_address(maker, deployment(family, key)):
            return VerifierKey(family, maker, _key(key))
    raise _not_ours(verifier)


def create2_address(factory: bytes, creation: bytes) -> bytes:
    """Where a factory (20 bytes) creates a contract with this creation code (EIP-1014, salt 0)."""
    return keccak(b"\xff" + factory + bytes(32) + keccak(creation))[12:]


def _key_type() -> str:
    (constructor,) = (item for item in contracts.load(VERIFIER).abi if item["type"] == "constructor")
    return type_of(constructor["inputs"][0])


def _not_ours(verifier: bytes) -> ContractError:
    return ContractError(
        f"the verifier {checksum(verifier)} is not this release's code with the key that it names, so nobody knows "
        "what it accepts; name one that the market's factory made, take no part in tasks with this one, or use the "
        "release that the others use"
    )


def _key(stated: Sequence[Any]) -> VerifyingKey:
    """A key as its contract states it. Names of policy and setup are not on the chain, and not in its hash."""
    circuit, capacity, alpha, *twists, inputs = stated
    beta, gamma, delta, sigma, tau = (G2(_bytes(point)) for point in twists)
    basis = tuple(G1(_bytes(point)) for point in inputs)
    return VerifyingKey("", capacity, "", "", circuit, G1(_bytes(alpha)), beta, gamma, delta, sigma, tau, basis)


def _bytes(point: Sequence[int]) -> bytes:
    return b"".join(word.to_bytes(32, "big") for word in point)
