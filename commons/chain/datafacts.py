"""What the contracts of the data market hold, as values: campaigns, bundles, challenges, disputes.

Identifiers of campaigns are 32 bytes.  Bundles and challenges are numbers of one sequence.  Amounts are the smallest
unit of the campaign's token, times seconds since 1970, windows seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum

from eth_abi.abi import encode

from circuits.hashing import keccak, tag, words
from commons.samples.campaigneconomics import Arbiter, SampleTerms
from commons.samples.contributions import Ground, Outcome
from commons.samples.sampleschemas import SampleSchema

CAMPAIGN_TERMS = (
    "(address,uint64,uint8,address,bytes32,bytes32,bytes32,bytes32,uint32,bytes32,uint128,uint128,uint128,uint128,"
    "uint128,uint128,uint128,uint16,uint16,uint32,uint32,uint32,uint32,uint32,uint32,uint32,uint32,uint32,uint32,"
    "uint32,uint32,uint32,uint32)"
)
SAMPLE_SCHEMA = "(uint8,uint16,uint8,uint32,uint16,uint16,uint32,bytes)"
ARBITERS = (Arbiter.OWNER, Arbiter.JURY, Arbiter.MODEL)
"""In the order of the contract's enumeration."""


@dataclass(frozen=True, slots=True)
class CampaignTerms:
    """Terms of a campaign, fixed when it is opened; what each means stands in `contracts/src/data/types/Campaigns.sol`.

    Attributes:
        token, model: 20-byte addresses, zeros for ether and for no model.
        schema_hash, manifest, initial_root, initial_digest, tests: 32 bytes each.
        deposit, reward, correction, stake, fee: D, R, K, C, F of one sample.
        burnt: b, in basis points.
        open_delay: blocks; the windows are seconds.
    """

    token: bytes
    committee_id: int
    arbiter: Arbiter
    model: bytes
    schema_hash: bytes
    manifest: bytes
    initial_root: bytes
    initial_digest: bytes
    initial_count: int
    tests: bytes
    deposit: int
    reward: int
    correction: int
    stake: int
    fee: int
    receipt_fee: int
    juror_stake: int
    jurors: int
    burnt: int
    max_samples: int
    max_bundle: int
    open_delay: int
    open_window: int
    receipt_window: int
    review_window: int
    reveal_window: int
    answer_window: int
    case_window: int
    vote_window: int
    vote_reveal_window: int
    appeal_window: int
    epoch_size: int
    epoch_period: int

    @property
    def words(self) -> tuple[int | bytes, ...]:
        """The contract's ``CampaignTerms``."""
        given = (getattr(self, each.name) for each in fields(self))
        return tuple(ARBITERS.index(value) if isinstance(value, Arbiter) else value for value in given)

    @property
    def by_sample(self) -> SampleTerms:
        """What is counted by the sample, for which the conditions of honesty are."""
        return SampleTerms(
            self.reward, self.deposit, self.stake, self.correction, self.fee, self.burnt, self.arbiter, self.jurors,
            self.juror_stake,
        )  # fmt: skip

    @property
    def appeal_fee(self) -> int:
        """F2, what an appeal costs: rounded down, as the contract does."""
        return self.fee * (2 * self.jurors + 1) // self.jurors if self.jurors else 0

    @property
    def locked(self) -> int:
        """R + K, what a campaign locks for each sample that is committed to."""
        return self.reward + self.correction

    def cost(self, samples: int) -> int:
        """What a contributor pays with its commitment to so many samples: D each, and the receipts' fee."""
        return self.deposit * samples + self.receipt_fee

    def campaign_id(self, deployment: bytes, owner: bytes, nonce: int) -> bytes:
        """The identifier of a campaign with these terms; ``deployment`` is that of the contract of campaigns."""
        digest = keccak(encode([CAMPAIGN_TERMS], [self.words]))
        return keccak(words(tag("gradroll/v1/data-campaign"), deployment, owner, nonce, digest))


@dataclass(frozen=True, slots=True)
class CampaignRecord:
    """A campaign as its contract holds it.

    Attributes:
        closed: whether it takes no more commitments.
        free: escrow that nothing is locked of.
        held: samples that are accepted or pending.
        accepted: samples that were accepted, corrected ones too.
        decisions: length of the log of decisions, whose hash is ``log``.
        undecided: samples that were decided since the last epoch was closed.
        epochs: how many were closed.
        epoch_start: when the present one began.
    """

    campaign: bytes
    owner: bytes
    closed: bool
    free: int
    held: int
    accepted: int
    decisions: int
    undecided: int
    epochs: int
    epoch_start: int
    log: bytes
    terms: CampaignTerms


@dataclass(frozen=True, slots=True)
class OpenedCampaign:
    """What a campaign was opened with: ``owner``, 20 bytes, nonce and terms make its identifier."""

    owner: bytes
    nonce: int
    terms: CampaignTerms
    schema: SampleSchema


class BundleStage(IntEnum):
    """How far a bundle is; the last two are ends."""

    UNKNOWN = 0
    COMMITTED = 1
    OPENED = 2
    REVIEW = 3
    SETTLED = 4
    VOID = 5


@dataclass(frozen=True, slots=True)
class BundleRecord:
    """A bundle as its contract holds it.

    Attributes:
        challenged: samples against which a challenge was opened.
        since: when its stage began; of a review, and what comes after it, when the review began.
        block: of its commitment.
        opened: number in the sequence of its opening, 0 before.
        shown: number in the sequence from which its content is public, 0 before.
        root: its commitment until it is opened, then its root.
        content_digest: SHA-256 of its file; zeros where the samples stand in the chain.
    """

    number: int
    campaign: bytes
    contributor: bytes
    stage: BundleStage
    count: int
    challenged: int
    since: int
    block: int
    opened: int
    shown: int
    root: bytes
    content_digest: bytes

    def review_end(self, terms: CampaignTerms) -> int:
        """Last second in which challenges are committed to."""
        return self.since + terms.review_window

    def reveal_end(self, terms: CampaignTerms) -> int:
        """Last second in which challenges are opened."""
        return self.review_end(terms) + terms.reveal_window

    def answer_end(self, terms: CampaignTerms) -> int:
        """Last second in which the contributor may concede."""
        return self.reveal_end(terms) + terms.answer_window

    def case_end(self, terms: CampaignTerms) -> int:
        """Last second in which a case is opened, or the owner decides."""
        return self.answer_end(terms) + terms.case_window


class ChallengeStage(IntEnum):
    """How far a challenge is."""

    UNKNOWN = 0
    COMMITTED = 1
    OPENED = 2
    RELEASED = 3
    LOST = 4


@dataclass(frozen=True, slots=True)
class ChallengeRecord:
    """A challenge as its contract holds it.

    Attributes:
        since: when it was committed to.
        digest: its commitment until it is opened, then the Keccak-256 of the corrected sample, zeros for none.
        bundle, index: of its sample; 0 before it is opened.
    """

    number: int
    campaign: bytes
    challenger: bytes
    stage: ChallengeStage
    ground: Ground
    since: int
    digest: bytes
    bundle: int
    index: int


class DisputeStage(IntEnum):
    """How far a sample is against which a challenge was opened."""

    UNKNOWN = 0
    CHALLENGED = 1
    CASE = 2
    SETTLED = 3


@dataclass(frozen=True, slots=True)
class DisputeRecord:
    """A sample's dispute as its contract holds it.

    Attributes:
        outcome: once it is settled.
        upheld: whether an arbiter found the sample good.
        bad, void, judged: earliest challenge of each kind: with proof that it is BAD, that it is a copy of what was
            hidden, and without a proof; 0 where there is none.
        challengers: challenges without a proof.
        case: number of its case before the jury, 0 for none.
        appellant: 20 bytes, zeros for none.
        pot: what is held for jurors.
    """

    stage: DisputeStage
    outcome: Outcome
    upheld: bool
    bad: int
    void: int
    judged: int
    challengers: int
    case: int
    appellant: bytes
    pot: int

    @property
    def proven(self) -> bool:
        """Whether a challenge proved what the sample is."""
        return bool(self.bad or self.void)
