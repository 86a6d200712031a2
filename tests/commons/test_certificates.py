"""Certificates: one encoding, bounded, and an identifier that binds what the chain binds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest

import native
from circuits.errors import WireError
from circuits.statement import BatchStatement, SubmissionHeader
from commons.protocol.bundle import MAX_CERTIFICATE, AuditBundle, Certificate, largest_bundle
from commons.protocol.messages import MAX_COHORT, MAX_PROVERS
from tests.support.parts import with_parts
from tests.support.plain_batch import build_batch, bundle_of, development_setup, random_gradients, seed_of

COUNTS = 1 + 32 + 20 + 32 + 6 * 32 + 20
"""Where the five counts begin: behind version, market, the context's words and the payee."""


@cache
def bundle() -> AuditBundle:
    batch = build_batch(development_setup("norm", 2, 3), random_gradients(2, 3, 1 << 40))
    return bundle_of(batch, [seed_of("prover", p) for p in range(4)])


def certificate() -> Certificate:
    return bundle().certificate


def test_a_certificate_survives_its_encoding() -> None:
    again = Certificate.decode(certificate().encode())
    assert again.encode() == certificate().encode()
    assert again.batch_id == certificate().batch_id
    assert (again.statement, again.statement.owners) == (certificate().statement, certificate().statement.owners)
    assert (again.cohort, again.coin, again.proof) == (certificate().cohort, certificate().coin, certificate().proof)
    assert (again.payee, again.attestations) == (certificate().payee, certificate().attestations)


def test_a_bundle_begins_with_its_certificate() -> None:
    assert bundle().encode() == certificate().encode() + bundle().encode_opened()


def test_a_payee_is_attested_and_is_no_part_of_the_identifier() -> None:
    """Whoever changes it has no signature for it; the sum that is released is the same for any payee."""
    other = replace(certificate(), payee=b"\x01" * 20)
    assert other.batch_id == certificate().batch_id
    context, words = other.statement.context, (b"\x02" * 32, 5)
    assert other.attested(*words).digest(context) != certificate().attested(*words).digest(context)
    assert Certificate.decode(other.encode()).payee == b"\x01" * 20


def test_attestations_are_put_in_order() -> None:
    shuffled = certificate().attested_by(reversed(certificate().attestations))
    assert shuffled.encode() == certificate().encode()
    assert certificate().attested_by(()).batch_id == certificate().batch_id


def _owners(change: Callable[[SubmissionHeader], SubmissionHeader]) -> Certificate:
    statement = certificate().statement
    first, *rest = statement.owners
    return replace(certificate(), statement=replace(statement, owners=(change(first), *rest)))


def _context(**changes: object) -> Certificate:
    statement = certificate().statement
    context = with_parts(statement.context, **changes)
    return replace(certificate(), statement=BatchStatement(context, statement.owners))


def _proof(**changes: object) -> Certificate:
    return replace(certificate(), proof=with_parts(certificate().proof, **changes))


@pytest.mark.parametrize(
    "other",
    [
        lambda: _owners(lambda header: replace(header, owner=bytes(20))),
        lambda: _owners(lambda header: replace(header, commitment=native.g1_generator)),
        lambda: _context(terms_hash=bytes(32)),
        lambda: _context(model_digest=bytes(32)),
        lambda: _context(round=9),
        lambda: _context(market=replace(certificate().statement.context.market, deployment=bytes(32))),
        lambda: _proof(sign_seed=bytes(32)),
        lambda: _proof(projections_digest=bytes(32)),
        lambda: _proof(mask_commitment=native.g1_generator),
        lambda: _proof(gram=native.g1_generator),
    ],
)
def test_the_identifier_follows_from_what_is_attested(other: Callable[[], Certificate]) -> None:
    """It is computed from the rest, never stated: nobody can give a set the name of another."""
    assert Certificate.decode(other().encode()).batch_id != certificate().batch_id


@pytest.mark.parametrize(
    ("position", "value", "match"),
    [
        (0, 0, "0 coordinates"),
        (0, (1 << 28) + 1, "coordinates"),
        (1, 0, "0 submissions in its cohort"),
        (1, MAX_COHORT + 1, "submissions in its cohort"),
        (2, 0, "0 owners"),
        (2, 3, "3 owners"),
        (3, 0, "0 provers"),
        (3, MAX_PROVERS + 1, "provers"),
        (4, 5, "5 attestations"),
    ],
)
def test_counts_out_of_range_are_refused_before_anything_is_read(position: int, value: int, match: str) -> None:
    raw = bytearray(certificate().encode())
    raw[COUNTS + 4 * position : COUNTS + 4 * position + 4] = value.to_bytes(4, "big")
    with pytest.raises(WireError, match=match):
        Certificate.decode(bytes(raw))


@pytest.mark.parametrize("provers", [(1, 0), (0, 0), (0, 4), (255,)])
def test_attestations_out_of_order_or_by_strangers_are_refused(provers: tuple[int, ...]) -> None:
    wrong = replace(certificate(), attestations=tuple((p, bytes(65)) for p in provers))
    with pytest.raises(WireError, match="ascending order of provers"):
        Certificate.decode(wrong.encode())


def test_another_version_is_refused() -> None:
    for version in (0, 1, 2, 5, 255):
        with pytest.raises(WireError, match="another version"):
            Certificate.decode(bytes((version,)) + certificate().encode()[1:])


def test_the_largest_certificate_may_travel() -> None:
    """256 owners, who are all of their cohort, and a committee of 32 that has signed to the last."""
    header = replace(certificate().statement.owners[0], share_digests=(bytes(32),) * MAX_PROVERS)
    owners = tuple(replace(header, owner_index=i) for i in range(MAX_COHORT))
    largest = Certificate(
        BatchStatement(certificate().statement.context, owners), bytes(20), (bytes(32),) * MAX_COHORT, 0,
        certificate().proof,
        tuple((p, bytes(65)) for p in range(MAX_PROVERS)),
    )  # fmt: skip
    raw = largest.encode()
    assert len(raw) <= MAX_CERTIFICATE
    assert Certificate.decode(raw).encode() == raw
    assert len(bundle().encode()) <= largest_bundle(3)
