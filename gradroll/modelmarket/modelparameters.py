"""Public parameters of the model market: the reference string, commitment keys, keys of size classes, points of swaps.

A key file is found by the name that `gradroll setup model-keys` gives it.  The operator's file decides which key of a
class is meant: whoever made another key for the same circuit could prove any accuracy under it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from circuits import keyfiles
from circuits.accuracy.accuracycircuit import circuit_digest
from circuits.accuracy.accuracykeys import circuit_named
from circuits.accuracy.sizeclasses import CLASSES, MAX_CHUNKS, SizeClass
from circuits.commitment import CommitmentKey
from circuits.errors import ContractError, KeyMismatchError
from circuits.groth16 import CircuitKey, VerifyingKey
from circuits.srs import Srs
from circuits.statement import TAIL
from circuits.swap.swapbases import swap_bases
from commons.chain.calldata import ACCURACY_VERIFIER, ROUNDING_VERIFIER
from commons.chain.modelverifiers import ModelVerifier
from commons.runtime.amounts import checksum
from commons.runtime.memo import Memo
from commons.storage.parameters import PublicParameters
from native import G1Bases


class ModelParameters:
    """Loads and checks each file once, when it is first needed.  Thread-safe.

    Args:
        parameters: the reference string and commitment keys.
        directory: key files.
        classes: size classes that are known.
        allow_insecure: take development keys, which protect nothing.
    """

    def __init__(
        self,
        parameters: PublicParameters,
        directory: Path,
        classes: Sequence[SizeClass] = CLASSES,
        *,
        allow_insecure: bool = False,
    ) -> None:
        self._parameters, self._directory, self.classes = parameters, directory, tuple(classes)
        self._allow_insecure = allow_insecure
        self._find = partial(circuit_named, classes=self.classes)
        self._proving = Memo[str, CircuitKey]()
        self._verifying = Memo[str, VerifyingKey]()

    @property
    def srs(self) -> Srs:
        """The reference string.  Raises as ``PublicParameters.srs``."""
        return self._parameters.srs

    def commitment_key(self, dimension: int) -> CommitmentKey:
        """The commitment key of rows of so many weights.  Raises as ``PublicParameters.commitment_key``."""
        return self._parameters.commitment_key(dimension)

    def swap_bases(self, dimension: int) -> G1Bases:
        """The points that rows of so many weights are sealed with, tail included."""
        return swap_bases(dimension + TAIL, cache=self._directory)

    def class_of(self, verifier: ModelVerifier) -> SizeClass:
        """The size class that an accuracy verifier proves, under the operator's key.

        Raises:
            ContractError: it is no accuracy verifier.
            KeyMismatchError: its key is not the one of a key file here.
        """
        if verifier.contract == ACCURACY_VERIFIER:
            for size in self.classes:
                if circuit_digest(size) == verifier.key.circuit and self._holds(size.policy, MAX_CHUNKS, verifier):
                    return size
            raise _strange(verifier, self._directory)
        raise ContractError(
            f"the verifier {checksum(verifier.address)} takes no accuracy proofs; name an accuracy verifier of the "
            "market's operator"
        )

    def require_rounding(self, verifier: ModelVerifier, dimension: int) -> None:
        """Raise KeyMismatchError unless a verifier shows, under the operator's key, that such rows are 12-bit."""
        if verifier.contract != ROUNDING_VERIFIER or not self._holds(f"rounding-{dimension}", 1, verifier):
            raise _strange(verifier, self._directory)

    def accuracy_key(self, size: SizeClass) -> CircuitKey:
        """The proving key of a size class.  Raises KeyFileError, KeyMismatchError, InsecureSetupError."""
        return self._proving_key(size.policy, MAX_CHUNKS)

    def rounding_key(self, dimension: int) -> CircuitKey:
        """The proving key for the rounding of rows.  Raises as ``accuracy_key``."""
        return self._proving_key(f"rounding-{dimension}", 1)

    def verifying_key(self, policy: str, capacity: int) -> VerifyingKey:
        """A verifying key.  Raises as ``accuracy_key``."""
        path = self._directory / f"{policy}-{capacity}.verifying"

        def load() -> VerifyingKey:
            key = keyfiles.load_verifying_key(path, allow_insecure=self._allow_insecure, find=self._find)
            self._parameters.require_string(key.tau)
            return key

        return self._verifying.get(policy, load)

    def _proving_key(self, policy: str, capacity: int) -> CircuitKey:
        path = self._directory / f"{policy}-{capacity}.proving"

        def load() -> CircuitKey:
            key = keyfiles.load_circuit_key(path, self._find, allow_insecure=self._allow_insecure)
            self._parameters.require_string(key.verifying.tau)
            return key

        return self._proving.get(policy, load)

    def _holds(self, policy: str, capacity: int, verifier: ModelVerifier) -> bool:
        """Whether the key file of a circuit is here and holds a verifier's key."""
        if not (self._directory / f"{policy}-{capacity}.verifying").exists():
            return False
        return self.verifying_key(policy, capacity).key_hash == verifier.key.key_hash


def _strange(verifier: ModelVerifier, directory: Path) -> KeyMismatchError:
    return KeyMismatchError(
        f"no key file in {directory} has the key 0x{verifier.key.key_hash.hex()} of the verifier "
        f"{checksum(verifier.address)}: whoever made that key could prove anything under it; get the key files of its "
        "class from the market's operator, or leave it alone"
    )
