"""Public parameters of a development setup, without files."""

from __future__ import annotations

from pathlib import Path

from circuits.commitment import CommitmentKey
from circuits.groth16 import ProvingKey, VerifyingKey
from circuits.srs import Srs
from commons.storage.parameters import PublicParameters
from native import G2
from tests.support.plain_batch import Setup


class DevelopmentParameters(PublicParameters):
    """Those of one setup, made once, whatever is asked for."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(Path(), Path())
        self._setup = setup

    @property
    def srs(self) -> Srs:
        return self._setup.srs

    @property
    def tau(self) -> G2:
        return self._setup.srs.tau

    def commitment_key(self, dimension: int) -> CommitmentKey:
        return self._setup.commitment

    def proving_key(self, key_hash: bytes) -> ProvingKey:
        return self._setup.proving

    def verifying_key(self, key_hash: bytes) -> VerifyingKey:
        return self._setup.verifying
