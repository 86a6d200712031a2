"""RELEASE: from the provers' shares of an accepted batch's sum to its aggregate.

Any t + 1 honest provers are enough, and nobody has to be believed: what is returned opens the sum of the commitments.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations, islice

import numpy as np

import native
from circuits import payload
from circuits.commitment import CommitmentKey
from circuits.errors import BlamedProversError, InconsistentError, UnavailableError
from circuits.payload import Aggregate
from circuits.statement import TAIL, Committee
from circuits.verify import sum_of_commitments
from commons.protocol.bodies import DigestBody
from commons.protocol.bundle import Certificate
from commons.protocol.messages import Step, StepReply, StepRequest
from commons.protocol.replies import Failure, ProverVerdict, blamed, collect, vectors
from commons.protocol.signing import signs
from commons.sharing.reconstruct import open_vector
from native import FrArray

_MOST_SUBSETS = 1024


@dataclass(frozen=True, slots=True)
class Opened:
    """The aggregate of a batch, encoded (``circuits.payload``), and what is held against provers."""

    payload: bytes = field(repr=False)
    verdicts: tuple[ProverVerdict, ...]


def request(certificate: Certificate) -> StepRequest:
    """RELEASE, the same to every prover."""
    return StepRequest(Step.RELEASE, certificate.batch_id, payload=certificate.encode())


def requests(certificate: Certificate, provers: Iterable[int]) -> dict[int, StepRequest]:
    """RELEASE to these provers."""
    return dict.fromkeys(sorted(provers), request(certificate))


def opened(
    committee: Committee,
    key: CommitmentKey,
    certificate: Certificate,
    replies: Mapping[int, StepReply | Failure],
    present: Sequence[bytes] = (),
) -> Opened:
    """Open the sum from the provers' replies.

    Args:
        committee: the members of the round's epoch.
        present: addresses of the present members, by index.  A member that has another key since then signs with that;
            it matters for blame only, as a sum that is returned opens its commitment.

    Raises:
        UnavailableError: no t + 1 shares open the commitment; the message has the provers' reasons.
    """
    signing = _as_signed(committee, present, replies)
    answers = collect(signing, replies, replies, certificate.batch_id, Step.RELEASE, DigestBody.decode)
    answers, shares = vectors(answers, len(key.bases), Step.RELEASE)
    total = sum_of_commitments(certificate.statement)
    for candidate, wrong in _candidates(shares, committee.threshold):
        if key.commit_long(candidate) == total:
            values = native.to_int64(np.ascontiguousarray(candidate[:-TAIL]))
            encoded = payload.encode(Aggregate(values, np.ascontiguousarray(candidate[-TAIL:])))
            return Opened(encoded, answers.fallen + wrong)
    reasons = "; ".join(f"prover {v.prover}: {v.reason}" for v in answers.fallen) or "their shares do not fit"
    raise UnavailableError(
        f"the sum needs the shares of {committee.threshold + 1} provers that open its commitment: {reasons}"
    )


def _as_signed(committee: Committee, present: Sequence[bytes], replies: Mapping[int, StepReply | Failure]) -> Committee:
    """The committee, with the present key of each member that signed its reply with that."""
    members = list(committee.members)
    for prover, address in enumerate(present):
        reply = replies.get(prover)
        if isinstance(reply, StepReply) and signs(address, reply.message.digest, reply.message.signature):
            members[prover] = address
    return replace(committee, members=tuple(members))


def _candidates(shares: Mapping[int, FrArray], threshold: int) -> Iterator[tuple[FrArray, tuple[ProverVerdict, ...]]]:
    """Vectors that the shares may stand for, the likeliest first."""
    if len(shares) <= threshold:
        return
    try:
        yield open_vector(shares, threshold, threshold, "aggregate"), ()
    except BlamedProversError as error:
        kept = {p: s for p, s in shares.items() if p not in error.provers}
        yield open_vector(kept, threshold, 0, "aggregate"), blamed(error, Step.RELEASE)
    except InconsistentError:
        for chosen in islice(combinations(sorted(shares), threshold + 1), _MOST_SUBSETS):
            yield open_vector({p: shares[p] for p in chosen}, threshold, 0, "aggregate"), ()
