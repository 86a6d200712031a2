"""What a party remembers between the steps of a batch.  Frozen; shares are hidden from repr.

None of it is durable: after a restart the attempt is lost and a new one, with fresh masks, takes its place.  What must
survive stands in the ledger.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np

from circuits.errors import NotReadyError, UnknownError
from circuits.statement import Committee, Graded, SubmissionHeader
from commons.protocol.messages import Cohort, Proposal
from commons.sharing.prss import PrssKeys
from native import G1, FrArray

S = TypeVar("S")
_KEPT_COHORTS, _KEPT_ATTEMPTS = 64, 8
"""Beyond them the oldest of the task that has the most is forgotten: a task does not push another's work out."""


@dataclass(frozen=True, slots=True)
class Joined:
    """COIN done: the cohort is fixed and this prover has tossed its share of the coin."""

    cohort: Cohort


@dataclass(frozen=True, slots=True)
class Projected:
    """PROJECT done: the coin is open, so the sign matrix is fixed."""

    cohort: Cohort
    coin: int
    seed: bytes
    own: FrArray = field(repr=False)


@dataclass(frozen=True, slots=True)
class Noise:
    """What hides the numbers of a graded attempt.

    Attributes:
        bits: this prover's shares of the kept owners' bits, FrArray (owners, 40, 4).
        squares: digest of the opened squares on which they rest.
    """

    bits: FrArray = field(repr=False)
    squares: bytes


@dataclass(frozen=True, slots=True)
class Masked:
    """MASK done.

    Attributes:
        coin: the cohort's coin, behind ``seed``.
        projections: the kept owners' opened projections.
        mask_row: this prover's share of row 0; empty from COMBINE on.
        product_masks: its degree-t shares of the masks of the inner products.
        noise: None where the cohort is not graded.
    """

    cohort: Cohort
    proposal: Proposal
    coin: int
    seed: bytes
    projections: tuple[FrArray, ...] = field(repr=False)
    mask_row: FrArray = field(repr=False)
    product_masks: FrArray = field(repr=False)
    noise: Noise | None = None

    @property
    def headers(self) -> tuple[SubmissionHeader, ...]:
        """Headers of the kept owners."""
        return kept_headers(self.cohort, self.proposal)

    @property
    def owners(self) -> tuple[SubmissionHeader, ...]:
        """The headers without that of the reference."""
        return self.headers if self.noise is None else self.headers[1:]

    @property
    def submissions(self) -> tuple[bytes, ...]:
        """Identifiers of the kept submissions."""
        return kept_submissions(self.cohort, self.proposal)


@dataclass(frozen=True, slots=True)
class Validated:
    """VALIDATE done: this prover holds degree-t shares of the Gram matrix."""

    masked: Masked
    mask_commitment: G1
    mask_projections: FrArray = field(repr=False)
    gram: FrArray = field(repr=False)
    broadcasts: bytes

    @property
    def cohort(self) -> Cohort:
        """The cohort of the attempt."""
        return self.masked.cohort


@dataclass(frozen=True, slots=True)
class Confirmed:
    """CONFIRM done: the transcript up to rho is fixed; still waiting for everybody's word.

    Attributes:
        products: degree-t shares of the three products of the check of the bits; none where the cohort is not graded.
    """

    validated: Validated
    gram_commitment: G1
    knowledge: G1
    state: bytes
    broadcasts: bytes
    products: tuple[int, ...] = field(default=(), repr=False)

    @property
    def cohort(self) -> Cohort:
        """The cohort of the attempt."""
        return self.validated.cohort

    def unmasked(self) -> Confirmed:
        """The same without this prover's share of row 0: COMBINE is its only use, and it is as long as the model."""
        masked = replace(self.validated.masked, mask_row=np.empty((0, 4), np.uint64))
        return replace(self, validated=replace(self.validated, masked=masked))


@dataclass(frozen=True, slots=True)
class Combined:
    """COMBINE done: the one masked combination of this attempt is released."""

    confirmed: Confirmed
    rho: int

    @property
    def cohort(self) -> Cohort:
        """The cohort of the attempt."""
        return self.confirmed.cohort


@dataclass(frozen=True, slots=True)
class SetLocked:
    """LOCK done: this set of owners is the only one whose numbers this prover helps to open.

    Attributes:
        selection: digest of the set.
        row: the combined row, which opens C_rho, combines the projections and has the norm T; FrArray (d + 129, 4).
    """

    combined: Combined
    square_norm: int
    selection: bytes
    row: FrArray = field(repr=False)

    @property
    def cohort(self) -> Cohort:
        """The cohort of the attempt."""
        return self.combined.cohort


@dataclass(frozen=True, slots=True)
class Numbered:
    """OPEN done: this prover's shares of the owners' numbers are released."""

    locked: SetLocked

    @property
    def cohort(self) -> Cohort:
        """The cohort of the attempt."""
        return self.locked.cohort


@dataclass(frozen=True, slots=True)
class Proved:
    """PROVE done: T is open, this prover's part of the proof is released.

    Attributes:
        graded: reference, rule and opened numbers; None where the cohort is not graded.
        row: there, the combined row, which was looked at before the numbers were opened; ATTEST does not bring it.
    """

    combined: Combined
    square_norm: int
    graded: Graded | None = None
    row: FrArray | None = field(default=None, repr=False)

    @property
    def cohort(self) -> Cohort:
        """The cohort of the attempt."""
        return self.combined.cohort


@dataclass(frozen=True, slots=True)
class Probing:
    """PROBE_MASK done."""

    cohort: Cohort
    proposal: Proposal
    mask_row: FrArray = field(repr=False)


@dataclass(frozen=True, slots=True)
class Finished:
    """ATTEST or PROBE_COMBINE done: nothing follows in this session."""

    cohort: Cohort


CohortState = Joined | Projected
AttemptState = Masked | Validated | Confirmed | Combined | SetLocked | Numbered | Proved | Probing | Finished
V = TypeVar("V", CohortState, AttemptState)


def kept_headers(cohort: Cohort, proposal: Proposal) -> tuple[SubmissionHeader, ...]:
    """Headers of a proposal's owners, in batch order."""
    return tuple(cohort.headers[i] for i in proposal.kept)


def kept_submissions(cohort: Cohort, proposal: Proposal) -> tuple[bytes, ...]:
    """Submission identifiers of a proposal's owners, in batch order."""
    digests = cohort.digests
    return tuple(digests[i] for i in proposal.kept)


@dataclass(frozen=True, slots=True)
class Party:
    """One prover's protocol state.

    Attributes:
        index: its committee index p; it evaluates at x = p + 1.
        reference: digest that names the list of members (``CommitteeReference.digest``), and with it their shared keys.
        shared: those keys; None before they are set up, and once they are destroyed.
        nonce: 32 bytes that it drew when it started; they are part of every session it takes part in.
    """

    index: int
    committee: Committee
    reference: bytes
    shared: PrssKeys | None = field(repr=False)
    nonce: bytes
    cohorts: Mapping[bytes, CohortState] = field(default_factory=dict, repr=False)
    attempts: Mapping[bytes, AttemptState] = field(default_factory=dict, repr=False)

    @classmethod
    def new(cls, index: int, committee: Committee, reference: bytes, shared: PrssKeys | None, nonce: bytes) -> Party:
        """A party that has done nothing yet."""
        return cls(index, committee, reference, shared, nonce)

    @property
    def keys(self) -> PrssKeys:
        """The shared keys; raises NotReadyError without any."""
        if self.shared is None:
            raise NotReadyError("this prover has no shared keys of these members, and the step needs them")
        return self.shared

    def cohort(self, session: bytes) -> CohortState:
        """State of a cohort; raises UnknownError."""
        if session not in self.cohorts:
            raise UnknownError(f"no cohort 0x{session.hex()} here (a restart forgets it); begin it again with COIN")
        return self.cohorts[session]

    def any_attempt(self, session: bytes) -> AttemptState:
        """State of an attempt, wherever it stands; raises UnknownError."""
        if session not in self.attempts:
            raise UnknownError(f"no attempt 0x{session.hex()} here (a restart forgets it); begin a new one")
        return self.attempts[session]

    def attempt(self, session: bytes, kind: type[S]) -> S:
        """State of an attempt that stands exactly at ``kind``; raises UnknownError or NotReadyError."""
        state = self.any_attempt(session)
        if not isinstance(state, kind):
            raise NotReadyError(f"the attempt stands at {type(state).__name__}, this step follows {kind.__name__}")
        return state

    def with_cohort(self, session: bytes, state: CohortState) -> Party:
        """This party with one cohort's state replaced."""
        return replace(self, cohorts=_bounded(self.cohorts, session, state, _KEPT_COHORTS))

    def with_attempt(self, session: bytes, state: AttemptState) -> Party:
        """This party with one attempt's state replaced."""
        return replace(self, attempts=_bounded(self.attempts, session, state, _KEPT_ATTEMPTS))


def _bounded(known: Mapping[bytes, V], key: bytes, value: V, limit: int) -> dict[bytes, V]:
    kept = {k: v for k, v in known.items() if k != key}
    kept[key] = value
    while len(kept) > limit:
        (most, _), *_ = Counter(v.cohort.context.task_id for v in kept.values()).most_common(1)
        del kept[next(k for k, v in kept.items() if v.cohort.context.task_id == most)]
    return kept
