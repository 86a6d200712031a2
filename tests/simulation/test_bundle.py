"""The audit bundle: it holds what an audit needs, and has exactly one encoding."""

from __future__ import annotations

import contextlib
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import native
from circuits.errors import WireError
from circuits.hashing import challenge
from circuits.statement import ROWS, Attested, cohort_id, sign_seed
from circuits.transcript import RhoInputs, projections_digest, rho_state, squarings
from circuits.verify import verify_batch
from commons.protocol.bundle import AuditBundle, Certificate
from commons.protocol.rules import small
from commons.protocol.signing import require_signer
from tests.support.network import Network, network_with


@cache
def finished() -> tuple[Network, AuditBundle]:
    network = network_with(3)
    return network, network.run().completed.bundle


def test_bundle_survives_its_encoding() -> None:
    _, bundle = finished()
    raw = bundle.encode()
    again = AuditBundle.decode(raw)
    assert again.encode() == raw
    mine, theirs = bundle.certificate, again.certificate
    assert (theirs.statement, theirs.cohort, theirs.coin) == (mine.statement, mine.cohort, mine.coin)
    assert (theirs.proof, theirs.attestations) == (mine.proof, mine.attestations)
    assert Certificate.decode(mine.encode()).encode() == mine.encode()
    assert np.array_equal(again.row, bundle.row)
    assert all(np.array_equal(a, b) for a, b in zip(again.projections, bundle.projections, strict=True))


def test_bundle_is_enough_to_recheck_everything_the_provers_attest() -> None:
    network, made = finished()
    bundle = AuditBundle.decode(made.encode())
    context, proof = bundle.statement.context, bundle.proof
    batch_id = verify_batch(bundle.statement, proof, network.setup.verifying)
    certificate = bundle.certificate
    assert batch_id == certificate.batch_id
    assert proof.sign_seed == sign_seed(cohort_id(context, certificate.cohort), certificate.coin)
    assert proof.projections_digest == projections_digest(bundle.projections)
    assert all(small(z) for z in bundle.projections[1:])
    inputs = RhoInputs(proof.mask_commitment, proof.sign_seed, proof.projections_digest, proof.gram, proof.knowledge)
    weights = squarings(challenge(rho_state(context, bundle.statement.owners, inputs)), 4)
    values = bundle.row[: context.dimension]
    masks = np.ascontiguousarray(bundle.row[context.dimension + 1 :])
    projected = native.add(native.project([values], proof.sign_seed, ROWS)[0], masks)
    assert np.array_equal(projected, native.linear_combination(list(bundle.projections), weights))
    attested = Attested(
        batch_id, network.policy.verifier_code, network.terms.committee_id, 3, proof.commitment_sum, proof.square_norm,
        network.payee,
    )  # fmt: skip
    assert certificate.payee == network.payee
    digest = attested.digest(context)
    assert len(certificate.attestations) == 4
    for prover, signature in certificate.attestations:
        require_signer(digest, signature, network.committee.members[prover], "attestation")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_bundle_is_refused_or_is_another_bundle(data: st.DataObject) -> None:
    raw = finished()[1].encode()
    at = data.draw(st.integers(0, len(raw) - 1))
    damaged = raw[:at] + bytes((raw[at] ^ data.draw(st.integers(1, 255)),)) + raw[at + 1 :]
    with contextlib.suppress(WireError):
        assert AuditBundle.decode(damaged).encode() == damaged


@pytest.mark.parametrize("cut", [0, 1, 50, 200, -1])
def test_truncated_bundle_is_refused(cut: int) -> None:
    raw = finished()[1].encode()
    with pytest.raises(WireError):
        AuditBundle.decode(raw[:cut])


def test_trailing_bytes_are_refused() -> None:
    with pytest.raises(WireError, match="too many"):
        AuditBundle.decode(finished()[1].encode() + b"\0")
