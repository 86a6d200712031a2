"""What the jury of the data market holds, as values: pools, slots, cases, seats."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from circuits.hashing import keccak, tag, words

POOL_TERMS = "(address,uint128,uint128,uint8,uint64)"


class Verdict(IntEnum):
    """What jurors say of a sample."""

    NONE = 0
    GOOD = 1
    BAD = 2
    CORRECTED = 3
    """Bad, and the correction is right."""


class CaseStage(IntEnum):
    """How far a case is."""

    UNKNOWN = 0
    QUEUED = 1
    VOTING = 2
    REVEALING = 3
    COUNTING = 4
    APPEALABLE = 5
    ENDED = 6


@dataclass(frozen=True, slots=True)
class PoolTerms:
    """What jurors of a pool agree to.

    Attributes:
        token: of the stakes, 20 bytes, zeros for ether.
        unit: what a slot stakes.
        pay: what a vote earns with which the final verdict agrees.
        jurors: n of a first jury; an appeal has 2n + 1.
        committee_id: of the campaigns whose cases it decides; its members hold the samples.
    """

    token: bytes
    unit: int
    pay: int
    jurors: int
    committee_id: int

    @property
    def words(self) -> tuple[int | bytes, ...]:
        """The contract's ``PoolTerms``."""
        return self.token, self.unit, self.pay, self.jurors, self.committee_id


@dataclass(frozen=True, slots=True)
class PoolRecord:
    """A pool: slots that may be drawn, juries that wait, and the case whose jury is next; ``number`` 0: unused."""

    number: int
    size: int
    waiting: int
    head: int


@dataclass(frozen=True, slots=True)
class SlotRecord:
    """A slot.

    Attributes:
        juror: 20 bytes; zeros for a slot that is no more, or never was.
        seated: whether it sits on a jury that has not released it.
        leaves_at: from when it may be withdrawn; 0: it does not leave.
    """

    juror: bytes
    pool: int
    seated: bool
    leaves_at: int


@dataclass(frozen=True, slots=True)
class JuryRecord:
    """One of the two juries of a case.

    Attributes:
        size: seats.
        queued_at: since when it is to be drawn; 0: there is no such jury.
        anchor: block whose hash decides who sits; 0 before it is its turn.
        drawn_at: 0 before.
        closed_at: when the votes were counted.
        good, bad, corrected: votes that were revealed.
    """

    size: int
    queued_at: int
    anchor: int
    drawn_at: int
    closed_at: int
    good: int
    bad: int
    corrected: int
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class CaseRecord:
    """A case; the windows are seconds, ``round`` is 0 for the first jury and 1 for that of the appeal."""

    number: int
    pool: int
    round: int
    stage: CaseStage
    vote_window: int
    reveal_window: int
    appeal_window: int
    juries: tuple[JuryRecord, JuryRecord]

    @property
    def sitting(self) -> JuryRecord:
        """The jury that it is before."""
        return self.juries[self.round]

    @property
    def vote_end(self) -> int:
        """Last second for commitments to votes, once the jury was drawn."""
        return self.sitting.drawn_at + self.vote_window

    @property
    def reveal_end(self) -> int:
        """Last second in which votes are revealed, once the jury was drawn."""
        return self.vote_end + self.reveal_window

    @property
    def appeal_end(self) -> int:
        """Last second for an appeal, once the first jury was closed."""
        return self.juries[0].closed_at + self.appeal_window


@dataclass(frozen=True, slots=True)
class SeatRecord:
    """A seat; ``commitment`` is 32 bytes, zeros before there is one."""

    juror: bytes
    slot: int
    commitment: bytes
    vote: Verdict
    released: bool


def vote_commitment(
    deployment: bytes, case: int, round_: int, seat: int, juror: bytes, verdict: Verdict, salt: bytes
) -> bytes:
    """What a seat commits to, 32 bytes; ``deployment`` is the jury's."""
    head = (tag("gradroll/v1/jury-vote"), deployment, case, round_, seat, juror, verdict)
    return keccak(words(*head, salt))
