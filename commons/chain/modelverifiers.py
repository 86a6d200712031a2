"""Verifier contracts of the model market: what one proves, and under which key.

As of the gradient market's (`verifiers`), nobody is believed: a verifier's address vouches for its code and its key,
and the key's circuit is compared with that of the size class.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import contracts
from circuits.accuracy.accuracycircuit import circuit_digest
from circuits.accuracy.sizeclasses import SizeClass
from circuits.errors import ContractError, KeyMismatchError
from circuits.groth16 import VerifyingKey
from commons.chain.calldata import ACCURACY_VERIFIER, ROUNDING_VERIFIER, deployment, key_tuple
from commons.chain.verifiers import Call, create2_address, read_key
from commons.runtime.amounts import checksum

MODEL_FAMILIES = (ACCURACY_VERIFIER, ROUNDING_VERIFIER)
"""Contracts of the families of the models' factory, in the order of its numbers."""


@dataclass(frozen=True, slots=True)
class ModelVerifier:
    """A verifier contract of this release.

    Attributes:
        contract: name of its family.
        factory: who made it, 20 bytes.
        key: as the contract holds it; names of policy and setup are not on the chain.
    """

    address: bytes
    contract: str
    factory: bytes
    key: VerifyingKey

    def size_class(self, classes: Iterable[SizeClass]) -> SizeClass:
        """The class among these whose circuit the key is for, found by the circuit's digest in the key.

        The key is whatever its maker says; no circuit of this release is compiled to see that it is none of them.

        Raises:
            ContractError: the key is for no circuit of these, so nobody knows what it proves.
        """
        if self.contract == ACCURACY_VERIFIER:
            for size in classes:
                if circuit_digest(size) == self.key.circuit:
                    return size
        raise ContractError(
            f"the verifier {checksum(self.address)} is for no size class of this release, so nobody knows what it "
            "proves; name one of those that the market's operator publishes"
        )


def model_codes() -> list[bytes]:
    """Creation code of every family, as the models' factory takes them."""
    return [contracts.load(family).linked() for family in MODEL_FAMILIES]


def model_family(key: VerifyingKey) -> str:
    """The contract that verifies under a key.

    Raises:
        KeyMismatchError: it is no key of the model market.
    """
    for name, family in (("accuracy-", ACCURACY_VERIFIER), ("rounding-", ROUNDING_VERIFIER)):
        if key.policy.startswith(name):
            return family
    raise KeyMismatchError(f"the key of {key.policy!r} is none of the model market; name that of a size class")


def model_verifier_address(factory: bytes, key: VerifyingKey) -> bytes:
    """Where a factory (20 bytes) puts the verifier of a key.  Raises KeyMismatchError as ``model_family``."""
    return create2_address(factory, deployment(model_family(key), key_tuple(key)))


def read_model_verifier(call: Call, verifier: bytes) -> ModelVerifier:
    """Read the key of a verifier contract.

    Raises:
        ContractError: it is another contract, or was not made by CREATE2 from this release's code and the key it names.
        ChainError: no contract is there, or the node is the trouble.
    """
    found = read_key(call, verifier, MODEL_FAMILIES)
    return ModelVerifier(verifier, found.contract, found.factory, found.key)
