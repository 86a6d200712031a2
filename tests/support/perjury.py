"""Signatures that no honest prover makes, from certificates of real batches; the proofs hold no more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from circuits.hashing import keccak
from circuits.verify import sum_of_commitments
from commons.protocol.bundle import Certificate
from commons.protocol.certified import Attesters
from commons.protocol.evidence import AttestedBatch, ConflictingMessages, SignedBody
from commons.protocol.messages import Message, Step, message_digest

Sign = Callable[[bytes], bytes]


def of_owners(certificate: Certificate, slots: Iterable[int]) -> Certificate:
    """The certificate of a batch of some of its owners, with their sum."""
    stated, slots = certificate.statement, tuple(slots)
    graded = stated.graded
    if graded is not None:
        graded = replace(graded, values=tuple(graded.values[slot] for slot in slots))
    statement = replace(stated, owners=tuple(stated.owners[slot] for slot in slots), graded=graded)
    proof = replace(certificate.proof, commitment_sum=sum_of_commitments(statement))
    return replace(certificate, statement=statement, proof=proof, attestations=())


def with_false_sum(certificate: Certificate) -> Certificate:
    """A certificate that states another sum."""
    proof = replace(certificate.proof, commitment_sum=certificate.statement.owners[0].commitment)
    return replace(certificate, proof=proof, attestations=())


def attested(certificate: Certificate, attesters: Attesters, signing: Mapping[int, Sign]) -> Certificate:
    """The certificate with attestations of these members, whatever it says."""
    digest = attesters.digest(certificate)
    return certificate.attested_by((member, sign(digest)) for member, sign in signing.items())


def batch_of(certificate: Certificate, attesters: Attesters, sign: Sign) -> AttestedBatch:
    """What evidence has of one attestation."""
    return AttestedBatch.of(certificate, attesters.verifier_code, sign(attesters.digest(certificate)))


def message(
    sign: Sign, body: bytes, *, session: bytes = b"\x01" * 32, step: Step = Step.MASK, sender: int = 2
) -> Message:
    """A prover's signed message."""
    return Message(session, step, sender, body, sign(message_digest(session, step, sender, body)))


def two_messages(committee_id: int, first: Message, second: Message) -> ConflictingMessages:
    """Evidence that two messages differ."""
    bodies = (SignedBody(keccak(each.body), each.signature) for each in (first, second))
    return ConflictingMessages(committee_id, first.session, int(first.step), first.sender, *bodies)
