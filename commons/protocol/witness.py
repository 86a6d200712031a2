"""Noticing that a prover signed against itself, among what its signatures are seen under.

What is remembered is bounded, so what was signed long before may be forgotten.  Nothing is held against anybody whose
signature does not hold: whoever sits on the line can send anything in a prover's name.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace

from circuits.hashing import keccak
from circuits.statement import Committee
from circuits.terms import TaskTerms
from commons.protocol.bounded import remember
from commons.protocol.bundle import Certificate
from commons.protocol.certified import Attesters
from commons.protocol.evidence import (
    STEPS_TAKEN_ONCE,
    AttestedBatch,
    ConflictingAttestations,
    ConflictingMessages,
    Evidence,
    SignedBody,
    TooFewOwners,
    WrongSum,
    common_owner,
    has_too_few,
    has_wrong_sum,
)
from commons.protocol.messages import Message
from commons.protocol.signing import signs

_MESSAGES, _BATCHES = 1 << 14, 512
"""Most messages, and most batches, that are remembered: those of some sixty attempts, and of a few rounds."""
_Key = tuple[bytes, bytes, int, int]


@dataclass(frozen=True, slots=True)
class _Seen:
    """A batch without attestation, and those that members gave, by address."""

    batch: AttestedBatch
    signatures: dict[bytes, bytes]

    def by(self, signer: bytes) -> AttestedBatch:
        return replace(self.batch, signature=self.signatures[signer])


class Witness:
    """What members signed, as far back as it remembers.  Not for several threads at a time."""

    def __init__(self) -> None:
        self._messages: OrderedDict[_Key, SignedBody] = OrderedDict()
        self._batches: OrderedDict[bytes, _Seen] = OrderedDict()

    def message(self, committee: Committee, prover: int, message: Message) -> ConflictingMessages | None:
        """A message that came in the name of a member; evidence if that has signed another one for the same step."""
        if message.step not in STEPS_TAKEN_ONCE:
            return None
        step, body_hash = int(message.step), keccak(message.body)
        signer = committee.members[prover]
        if not signs(signer, message.digest, message.signature):
            return None
        key, given = (signer, message.session, step, message.sender), SignedBody(body_hash, message.signature)
        known = self._messages.get(key)
        if known is None:
            remember(self._messages, key, given, _MESSAGES)
        if known is None or known.body_hash == body_hash:
            return None
        return ConflictingMessages(committee.committee_id, message.session, step, message.sender, known, given)

    def certificate(self, certificate: Certificate, attesters: Attesters, terms: TaskTerms) -> list[Evidence]:
        """A batch with attestations; evidence against those of its members that should not have signed it."""
        committee = attesters.committee
        signed = {committee.members[p]: signature for p, signature in attesters.valid(certificate).items()}
        if not signed:
            return []
        seen = _Seen(AttestedBatch.of(certificate, attesters.verifier_code, b""), signed)
        found = [*_flaws(seen, committee.committee_id, terms)]
        for other in self._batches.values():
            found += _conflicts(other, seen, committee.committee_id)
        digest = attesters.digest(certificate)
        known = self._batches.get(digest, seen)
        known.signatures.update(signed)
        remember(self._batches, digest, known, _BATCHES)
        return found


def _flaws(seen: _Seen, committee_id: int, terms: TaskTerms) -> Iterator[Evidence]:
    """What nobody should have attested, whatever else it signed."""
    wrong = has_wrong_sum(seen.batch)
    few = terms.terms_hash == seen.batch.context.terms_hash and has_too_few(seen.batch, terms)
    for signer in seen.signatures if wrong or few else ():
        batch = seen.by(signer)
        yield WrongSum(committee_id, batch) if wrong else TooFewOwners(committee_id, batch, terms)


def _conflicts(one: _Seen, other: _Seen, committee_id: int) -> Iterator[Evidence]:
    both = one.signatures.keys() & other.signatures.keys()
    slots = common_owner(one.batch, other.batch) if both else None
    if slots is not None:
        for signer in both:
            yield ConflictingAttestations(committee_id, one.by(signer), other.by(signer), *slots)
