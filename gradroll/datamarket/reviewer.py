"""The SDK of a reviewer: fetch bundles, find what is wrong, stake on it, open it in time, collect."""

from __future__ import annotations

import secrets
from functools import partial

from circuits.errors import ClosedError, InvalidInputError, NotReadyError
from commons.chain.dataaccount import ChallengeOpening, DataAccount, ProvenSample
from commons.chain.datafacts import BundleRecord, BundleStage, ChallengeStage
from commons.chain.depth import HEAD
from commons.runtime.amounts import utc
from commons.samples.canonicalsamples import fits, require_sample
from commons.samples.contributions import Ground
from commons.samples.sampledistances import distance
from commons.settings.values import Depth
from gradroll.datamarket.bundlefetching import BundleLibrary
from gradroll.datamarket.challengebook import KeptChallenge
from gradroll.datamarket.datastate import DataState
from gradroll.datamarket.findings import Findings, is_original, is_out, review
from gradroll.datamarket.mostnodes import sent, told
from gradroll.datamarket.secretbook import Broken

_MARGIN = 300
"""Seconds before the end of a review in which no stake is sent: one that is mined too late is burnt.  A tenth of the
window at most."""


class Reviewer:
    """An account that reviews.  Every method raises ChainError when contract or node refuse.

    Args:
        account: sends this account's transactions.
        state: what it keeps: who loses its challenges loses their stakes.
        depth: blocks that must vouch for the end of a review before challenges are opened.

    Attributes:
        library: bundles that it has.
    """

    def __init__(self, account: DataAccount, state: DataState, depth: Depth = HEAD) -> None:
        self._account, self._data, self._state, self._depth = account, account.data, state, depth
        self.library = BundleLibrary(account.data, state.directory)

    @property
    def address(self) -> bytes:
        """The reviewer's 20-byte address."""
        return self._account.address

    def review(self, number: int) -> Findings:
        """What can be proven of a bundle that is in the library.  Raises as ``findings.review``."""
        return review(self._data, self.library, number)

    def challenge(
        self, number: int, index: int, ground: Ground, *, correction: bytes = b"", original: tuple[int, int] = (0, 0)
    ) -> int:
        """Stake on a sample's being bad; returns the challenge's number.

        What opens it is kept before the stake is sent; the same call after an interruption goes on, and stakes once.

        Args:
            correction: of a judged challenge, the corrected sample.
            original: of a duplicate, bundle and place of what it is a copy of; bundle 0 is the initial data.

        Raises:
            ClosedError: the bundle is not under review.
            InvalidInputError: the contract would not take the proof, or the correction.
        """
        record = self._data.bundle(number)
        wanted = KeptChallenge(
            record.campaign, record.root, number, index, ground, correction, original, self.address,
            secrets.token_bytes(32),
        )  # fmt: skip
        kept = self._state.challenges.again(wanted)
        if kept is not None:
            there = sent(self._data, partial(self._numbers, kept))
            if there:
                return there[0]
        self._require_review(record)
        self._require_sound(record, wanted)
        self._state.challenges.add(kept or wanted)
        return self._account.commit_challenge(record.campaign, (kept or wanted).commitment)

    def pending(self, broken: Broken | None = None) -> list[int]:
        """Challenges of this account that are to be opened, until the window is over.

        Args:
            broken: is told of a file that cannot be read; without it, that raises KeyFileError.
        """
        own = [kept for kept in self._state.challenges.all(broken) if kept.challenger == self.address]
        numbers = sorted(number for kept in own for number in told(self._data, partial(self._numbers, kept)))
        return [at for at in numbers if self._data.challenge(at).stage is ChallengeStage.COMMITTED]

    def release(self, challenge: int) -> None:
        """Have the stake of an opened challenge credited, unless it was."""
        if self._data.challenge(challenge).stage is ChallengeStage.OPENED:
            self._account.release_challenge(challenge)

    def _numbers(self, kept: KeptChallenge) -> list[int]:
        """Numbers of a challenge: one, unless it was sent twice."""
        return self._data.committed_challenges(kept.campaign, kept.challenger, kept.commitment)

    def open(self, number: int) -> None:
        """Open a challenge of this account.

        Raises:
            NotReadyError: most nodes do not show that the review is over: until then others could copy it.
            ClosedError: it was not opened in time.
            UnknownError: what opens it is not kept here.
        """
        kept = self._state.challenges.find(self._data.challenge(number).digest)
        record = self._data.bundle(kept.bundle)
        if record.root != kept.root:
            raise ClosedError(
                f"bundle {kept.bundle} is another one than challenge {number} was made against, as the chain was "
                "reorganised; its stake is lost"
            )
        self._require_time_to_open(record)
        opening = ChallengeOpening(number, kept.bundle, kept.index, kept.salt)
        schema = self._data.schema(record.campaign)
        if kept.ground is Ground.JUDGED:
            self._account.reveal_judged(opening, kept.correction, schema)
        elif kept.ground is Ground.SCHEMA:
            self._account.prove_schema(opening, self.proven(kept.bundle, kept.index), schema)
        else:
            original = self._original(record, kept.original)
            self._account.prove_duplicate(
                opening, self.proven(kept.bundle, kept.index), kept.original, original, schema
            )

    def proven(self, number: int, index: int) -> ProvenSample:
        """A sample of a bundle in the library, with the hashes beside its way."""
        bundle = self.library.get(number)
        return ProvenSample(bundle.samples[index], bundle.tree().proof(index))

    def _original(self, record: BundleRecord, place: tuple[int, int]) -> ProvenSample:
        number, index = place
        if number:
            return self.proven(number, index)
        initial = self.library.initial(record.campaign)
        if initial is None:
            raise InvalidInputError("the initial data are not here; get them, and keep them (gradroll data initial)")
        return ProvenSample(initial.samples[index], initial.tree().proof(index))

    def _is_original(self, record: BundleRecord, number: int, index: int) -> bool:
        """Whether the contract takes a sample of another bundle as an original, now and when it is opened."""
        terms = self._data.campaign(record.campaign).terms

        def ask() -> bool:
            came_before = is_original(self._data.bundle(number), record, terms.review_window)
            return came_before and not is_out(self._data.dispute(number, index).outcome)

        return bool(self._data.chain.most(ask))  # a proof that the contract refuses costs the stake

    def _require_time_to_open(self, record: BundleRecord) -> None:
        terms = self._data.campaign(record.campaign).terms
        if self._data.chain.now() > record.reveal_end(terms):
            raise ClosedError(f"the challenge had to be opened by {utc(record.reveal_end(terms))}; its stake is lost")

        def over() -> bool | None:
            deep = self._data.chain.block(self._depth).timestamp  # what is over in a block that goes may go on
            return True if deep > self._data.bundle(record.number).review_end(terms) else None

        if not self._data.chain.most(over):  # one node that lies would have the challenge shown to all
            raise NotReadyError(
                f"challenges against bundle {record.number} are opened from {utc(record.review_end(terms))} until "
                f"{utc(record.reveal_end(terms))}; come back then, or the stake is burnt"
            )

    def _require_review(self, record: BundleRecord) -> None:
        """Raise ClosedError where a stake might come when the review is over, or is on what one node alone shows."""
        terms = self._data.campaign(record.campaign).terms
        last = record.review_end(terms) - min(_MARGIN, terms.review_window // 10)

        def goes_on() -> bool | None:
            shown = self._data.bundle(record.number) == record and record.stage is BundleStage.REVIEW
            return True if shown and self._data.chain.now() <= last else None

        if not self._data.chain.most(goes_on):
            raise ClosedError(
                f"bundle {record.number} is not under review, or not for long, as most nodes show it: a stake on it "
                "would be lost; look at others"
            )

    def _require_sound(self, record: BundleRecord, wanted: KeptChallenge) -> None:
        """Raise InvalidInputError where opening the challenge would be refused, which costs the stake."""
        schema = self._data.schema(record.campaign)
        if not 0 <= wanted.index < record.count:
            raise InvalidInputError(f"bundle {record.number} has {record.count} samples; count from 0")
        if wanted.correction:
            if wanted.ground is not Ground.JUDGED:
                raise InvalidInputError("only what is judged has a correction; leave it out")
            require_sample(schema, wanted.correction)
        if wanted.ground is Ground.JUDGED:
            return
        own = self.proven(record.number, wanted.index).sample
        if wanted.ground is Ground.SCHEMA:
            if fits(schema, own):
                raise InvalidInputError(f"sample {wanted.index} fits the schema; have it judged, or look again")
            return
        number, index = wanted.original
        here = number == record.number
        allowed = index < wanted.index if here else not number or self._is_original(record, number, index)
        other = self._original(record, wanted.original).sample if allowed else b""
        if not allowed or not (fits(schema, own) and fits(schema, other)):
            raise InvalidInputError("the contract takes that sample for no original of this one; name another")
        if distance(schema, own, other) > schema.tau:
            raise InvalidInputError(
                f"the samples are at distance {distance(schema, own, other)}, and copies at {schema.tau} or nearer; "
                "have it judged"
            )
