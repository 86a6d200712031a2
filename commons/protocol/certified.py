"""Certificates put together from what several provers have of a batch.

Each prover that attested a batch keeps it with its own attestation, so a quorum of them can give what a coordinator
that vanished never put together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from circuits.errors import WireError
from circuits.statement import Committee
from commons.protocol.bundle import Certificate
from commons.protocol.signing import signs


@dataclass(frozen=True, slots=True)
class Attesters:
    """Who attests a round's batches, and what is attested beside them.

    Attributes:
        committee: the members whose attestations count in the round.
        verifier_code: Keccak-256 of the code of the task's verifier, as the reader's own node shows it.
    """

    committee: Committee
    verifier_code: bytes

    def digest(self, certificate: Certificate) -> bytes:
        """What the members sign of a batch."""
        attested = certificate.attested(self.verifier_code, self.committee.committee_id)
        return attested.digest(certificate.statement.context)

    def valid(self, certificate: Certificate) -> dict[int, bytes]:
        """The certificate's attestations that are a member's, by member."""
        digest, members = self.digest(certificate), self.committee.members
        return {p: s for p, s in certificate.attestations if p < len(members) and signs(members[p], digest, s)}


def combined(found: Iterable[Certificate], attesters: Attesters) -> tuple[Certificate, ...]:
    """Certificates with a quorum's valid attestations, of every batch of which there are enough.

    There is one a batch unless a prover or the coordinator lies: not every part of a certificate is bound by what was
    attested, and a coordinator can show each prover another proof of the same batch.  So attestations count for all
    variants, and it is for provers and the market to refuse a false one.
    """
    variants: dict[bytes, Certificate] = {}
    signed: dict[bytes, dict[int, bytes]] = {}
    for certificate in found:
        bare = certificate.attested_by(())
        try:
            bare.require_dealings()
        except WireError:
            continue
        variants[bare.encode()] = bare
        signed.setdefault(attesters.digest(bare), {}).update(attesters.valid(certificate))
    words = ((bare, signed[attesters.digest(bare)]) for bare in variants.values())
    quorum = attesters.committee.quorum
    return tuple(bare.attested_by(given.items()) for bare, given in words if len(given) >= quorum)


def one_of_each(found: Iterable[Certificate], attesters: Attesters) -> tuple[Certificate, ...]:
    """Of each batch that any member attested one certificate, with all valid attestations.

    Which of its variants is the same for evidence: all that an attestation is a hash of is in each.  One whose headers
    are for another number of provers is passed over, as it may not take all attestations.
    """
    first: dict[bytes, Certificate] = {}
    signed: dict[bytes, dict[int, bytes]] = {}
    for certificate in found:
        if is_for(certificate, attesters.committee) and (given := attesters.valid(certificate)):
            digest = attesters.digest(certificate)
            first.setdefault(digest, certificate)
            signed.setdefault(digest, {}).update(given)
    return tuple(first[digest].attested_by(given.items()) for digest, given in signed.items())


def is_for(certificate: Certificate, committee: Committee) -> bool:
    """Whether a certificate's headers name one share for each member.  No attestation says so."""
    return all(len(header.share_digests) == committee.size for header in certificate.statement.rows)
