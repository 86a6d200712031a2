"""Verifiers of circuits that are none of this release are told apart by the digest in their keys."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from circuits.accuracy.sizeclasses import CLASSES, MEDIUM, SizeClass, known_digest
from circuits.errors import ContractError, KeyMismatchError
from commons.chain.calldata import ACCURACY_VERIFIER, ROUNDING_VERIFIER
from commons.chain.modelverifiers import ModelVerifier
from commons.storage.parameters import PublicParameters
from gradroll.modelmarket.modelparameters import ModelParameters
from tests.support.accuracymodels import TOY, accuracy_setup


def verifier(circuit: bytes, contract: str = ACCURACY_VERIFIER) -> ModelVerifier:
    """A contract under a key that says to be for a circuit."""
    key = replace(accuracy_setup(TOY)[2].verifying, circuit=circuit)
    return ModelVerifier(b"\x01" * 20, contract, b"\x02" * 20, key)


@pytest.fixture(autouse=True)
def _nothing_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The circuits of the classes take 7 s and 655 MB, which anybody's bounty would cost every prover."""

    def refuse(size: SizeClass) -> None:
        assert size == TOY, f"{size.name} was compiled"

    accuracy_setup(TOY)
    monkeypatch.setattr("circuits.accuracy.accuracycircuit._Builder", refuse)


def test_a_class_is_found_by_the_digest_in_the_key() -> None:
    digest = known_digest(MEDIUM)
    assert digest is not None
    assert verifier(digest).size_class(CLASSES) is MEDIUM
    assert verifier(accuracy_setup(TOY)[2].verifying.circuit).size_class((TOY,)) == TOY
    with pytest.raises(ContractError, match="no size class"):
        verifier(digest, ROUNDING_VERIFIER).size_class(CLASSES)


def test_a_circuit_that_is_none_is_refused_without_compiling_any() -> None:
    with pytest.raises(ContractError, match="no size class"):
        verifier(b"\x09" * 32).size_class(CLASSES)


def test_no_key_file_is_read_for_a_circuit_that_is_none(tmp_path: Path) -> None:
    for size in CLASSES:
        (tmp_path / f"{size.policy}-16.verifying").write_bytes(b"not even looked at")
    parameters = ModelParameters(cast(PublicParameters, None), tmp_path)
    with pytest.raises(KeyMismatchError, match="could prove anything"):
        parameters.class_of(verifier(b"\x09" * 32))
