"""RELEASE: from the provers' shares of an accepted batch's sum to its aggregate.

Any t + 1 honest provers are enough, and nobody has to be believed: what is returned opens the sum of the commitments.

Where the task has a key for sums, provers seal their shares to it: whoever has the secret opens them, all others can
only gather them (``gathered``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

import numpy as np

import native
from circuits import payload
from circuits.commitment import CommitmentKey
from circuits.errors import UnavailableError
from circuits.payload import Aggregate
from circuits.statement import TAIL, Committee, Context
from circuits.verify import sum_of_commitments
from commons.protocol import sealedreplies
from commons.protocol.bodies import DigestBody
from commons.protocol.bundle import Certificate
from commons.protocol.messages import Step, StepReply, StepRequest
from commons.protocol.replies import Answers, Failure, ProverNamed, ProverVerdict, collect, vectors
from commons.protocol.sealedreplies import SumOpener
from commons.protocol.signing import signs
from commons.protocol.sumsearch import find_vector
from native import G1


@dataclass(frozen=True, slots=True)
class Opened:
    """What is kept of a batch's sum, and what is held against provers.

    Attributes:
        payload: the aggregate, encoded (``circuits.payload``); of a private sum the sealed shares (``sealedreplies``).
    """

    payload: bytes = field(repr=False)
    verdicts: tuple[ProverVerdict, ...]


def request(certificate: Certificate) -> StepRequest:
    """RELEASE, the same to every prover."""
    return StepRequest(Step.RELEASE, certificate.batch_id, payload=certificate.encode())


def requests(certificate: Certificate, provers: Iterable[int]) -> dict[int, StepRequest]:
    """RELEASE to these provers."""
    return dict.fromkeys(sorted(provers), request(certificate))


@dataclass(frozen=True, slots=True)
class SumAsked:
    """The sum that is to be opened.

    Attributes:
        commitment: what it opens, the weighted sum of the owners' commitments.
    """

    context: Context
    batch_id: bytes
    commitment: G1

    @classmethod
    def of(cls, certificate: Certificate) -> SumAsked:
        """The sum of a certified batch."""
        statement = certificate.statement
        return cls(statement.context, certificate.batch_id, sum_of_commitments(statement))


def opened(
    committee: Committee,
    key: CommitmentKey,
    asked: SumAsked,
    replies: Mapping[int, StepReply | Failure],
    later: Sequence[Sequence[bytes]] = (),
    opens: SumOpener | None = None,
) -> Opened:
    """Open the sum from the provers' replies.

    Args:
        committee: the members of the round's epoch.
        later: addresses of the members of later epochs, by index.  A member that has another key since then signs with
            that; it matters for blame only, as a sum that is returned opens its commitment.
        opens: opens sealed shares, where the task's sums are private.

    Raises:
        UnavailableError: no t + 1 shares open the commitment; the message has the provers' reasons.
    """
    answers, length = _answers(committee, asked.batch_id, replies, later), len(key.bases)
    if opens is None:
        answers, shares = vectors(answers, length, Step.RELEASE)
    else:
        answers, shares = sealedreplies.opened_shares(answers, length, opens)
    found = find_vector(shares, committee.threshold, key, asked.commitment)
    if found is not None:
        values = native.to_int64(np.ascontiguousarray(found.vector[:-TAIL]))
        encoded = payload.encode(Aggregate(values, np.ascontiguousarray(found.vector[-TAIL:])))
        return Opened(encoded, answers.fallen + tuple(map(_off, found.liars)))
    reasons = "; ".join(f"prover {v.prover}: {v.reason}" for v in answers.fallen) or "their shares do not fit"
    raise UnavailableError(
        f"the sum needs the shares of {committee.threshold + 1} provers that open its commitment: {reasons}"
    )


def gathered(
    committee: Committee,
    asked: SumAsked,
    replies: Mapping[int, StepReply | Failure],
    later: Sequence[Sequence[bytes]] = (),
) -> Opened:
    """What is kept of a private sum: the sealed shares of all that answer.  Nothing in them is checked, or can be.

    Raises:
        UnavailableError: fewer than a quorum gave one; of a quorum t + 1 are honest, whoever lies.
    """
    answers = _answers(committee, asked.batch_id, replies, later)
    answers = sealedreplies.of_form(answers, asked.context.dimension + TAIL)
    if len(answers.replies) < committee.quorum:
        reasons = "; ".join(f"prover {v.prover}: {v.reason}" for v in answers.fallen)
        raise UnavailableError(f"a private sum needs the sealed shares of {committee.quorum} provers: {reasons}")
    return Opened(sealedreplies.encode(sealedreplies.shares_in(answers.replies)), answers.fallen)


def _answers(
    committee: Committee, batch_id: bytes, replies: Mapping[int, StepReply | Failure], later: Sequence[Sequence[bytes]]
) -> Answers[DigestBody]:
    signing = _as_signed(committee, later, replies)
    return collect(signing, replies, replies, batch_id, Step.RELEASE, DigestBody.decode)


def _as_signed(
    committee: Committee, later: Sequence[Sequence[bytes]], replies: Mapping[int, StepReply | Failure]
) -> Committee:
    """The committee, with the later key of each member that signed its reply with that."""
    members = list(committee.members)
    for prover, address in chain.from_iterable(map(enumerate, later)):
        reply = replies.get(prover)
        if isinstance(reply, StepReply) and signs(address, reply.message.digest, reply.message.signature):
            members[prover] = address
    return replace(committee, members=tuple(members))


def _off(prover: int) -> ProverNamed:
    return ProverNamed(prover, Step.RELEASE, "share: it does not fit those that open the commitment")
