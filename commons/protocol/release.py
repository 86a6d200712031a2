"""RELEASE: from the provers' shares of an accepted batch's sum to its aggregate.

Any t + 1 honest provers are enough, and nobody has to be believed: what is returned opens the sum of the commitments.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
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
from commons.sharing.reconstruct import open_vector
from native import FrArray

_MOST_SUBSETS = 1024


@dataclass(frozen=True, slots=True)
class Opened:
    """The aggregate of a batch, encoded (``circuits.payload``), and what is held against provers."""

    payload: bytes = field(repr=False)
    verdicts: tuple[ProverVerdict, ...]


def requests(certificate: Certificate, provers: Iterable[int]) -> dict[int, StepRequest]:
    """RELEASE to these provers."""
    request = StepRequest(Step.RELEASE, certificate.batch_id, payload=certificate.encode())
    return dict.fromkeys(sorted(provers), request)


def opened(
    committee: Committee, key: CommitmentKey, certificate: Certificate, replies: Mapping[int, StepReply | Failure]
) -> Opened:
    """Open the sum from the provers' replies.

    Raises:
        UnavailableError: no t + 1 shares open the commitment; the message has the provers' reasons.
    """
    answers = collect(committee, replies, replies, certificate.batch_id, Step.RELEASE, DigestBody.decode)
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
