"""Reviewers, jurors, owners as arbiters, and anybody, at the real contracts: from a bad sample to its end."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from circuits.errors import ClosedError, InvalidInputError, NotReadyError, ProofError, UnknownError
from circuits.hashing import keccak
from commons.artifacts.localstore import LocalStore
from commons.artifacts.transfers import put_bytes
from commons.chain.dataaccount import DataAccount
from commons.chain.datafacts import BundleRecord, BundleStage, ChallengeStage, DisputeStage
from commons.chain.juryfacts import CaseStage, Verdict
from commons.samples.contributions import EMPTY_LOG, Ground, Outcome
from commons.samples.epochmanifests import EpochManifest
from commons.samples.nearcopies import near_copies
from commons.samples.samplebundles import SampleBundle
from gradroll.datamarket import findings
from gradroll.datamarket.bundlefetching import BundleLibrary
from gradroll.datamarket.campaignowner import CampaignOwner
from gradroll.datamarket.casesubjects import Subject
from gradroll.datamarket.challengebook import KeptChallenge
from gradroll.datamarket.contributor import Contributor
from gradroll.datamarket.datarevealing import Revealed
from gradroll.datamarket.datastate import DataState
from gradroll.datamarket.epochs import epoch_manifest
from gradroll.datamarket.findings import Copy, is_original
from gradroll.datamarket.juror import Juror
from gradroll.datamarket.reviewer import Reviewer
from tests.datamarket.datastage import (
    CONTRIBUTOR,
    HOUR,
    OTHER,
    OWNER,
    REVIEWER,
    DataStage,
    bundle_of,
    sample,
)

INITIAL = bundle_of(sample(0, 90, 90, 90), sample(1, 5, 5, 5))
BAD = bundle_of(sample(1, 10, 20, 30), sample(2, 101, 0, 0), sample(3, 90, 91, 90), sample(0, 11, 20, 30))
"""A good sample, one that does not fit, a copy of the initial data, a copy of the first."""


@pytest.fixture
def stage(own_stage: DataStage) -> DataStage:
    return own_stage


def with_initial(stage: DataStage, **changes: object) -> bytes:
    """A campaign with initial data."""
    named = {
        "initial_count": 2, "initial_root": INITIAL.tree().root, "initial_digest": INITIAL.content_digest, **changes
    }  # fmt: skip
    return stage.campaign(stage.terms(**named))


def reviewed(stage: DataStage, campaign: bytes, bundle: SampleBundle = BAD, account: int = CONTRIBUTOR) -> int:
    """A bundle under review, whatever is in it."""
    return stage.reviewed(stage.account(account), campaign, bundle)


def open_challenges(own: Reviewer) -> tuple[list[int], list[Exception]]:
    """Numbers of the challenges that were opened, and why others were not."""
    made = Revealed()
    return made.each("challenge", own.pending, own.open), [error for _, error in made.failed]


def test_a_reviewer_finds_and_proves_by_itself_what_is_wrong(
    stage: DataStage, state: DataState, tmp_path: Path
) -> None:
    campaign = with_initial(stage)
    number = reviewed(stage, campaign)
    store = LocalStore(tmp_path / "store")
    put_bytes(store, BAD.encode())
    own = Reviewer(stage.account(REVIEWER), state)
    assert own.library.fetch(number, store) == BAD
    found = own.review(number)
    assert [place for place, _ in found.misfits] == [1]
    assert (found.copies, found.missing) == ((Copy(3, number, 0, 1),), (0,))
    own.library.add_initial(campaign, INITIAL)
    found = own.review(number)
    assert (found.copies, found.missing) == ((Copy(2, 0, 0, 1), Copy(3, number, 0, 1)), ())
    with pytest.raises(InvalidInputError, match="fits the schema"):
        own.challenge(number, 0, Ground.SCHEMA)
    with pytest.raises(InvalidInputError, match="no original"):
        own.challenge(number, 0, Ground.DUPLICATE, original=(number, 3))
    with pytest.raises(InvalidInputError, match="are at distance"):
        own.challenge(number, 3, Ground.DUPLICATE, original=(0, 0))
    first = own.challenge(number, 1, Ground.SCHEMA)
    assert own.challenge(number, 1, Ground.SCHEMA) == first
    numbers = [first] + [
        own.challenge(number, copy.index, Ground.DUPLICATE, original=(copy.bundle, copy.original))
        for copy in found.copies
    ]
    opened, failed = open_challenges(own)
    assert (opened, len(failed)) == ([], 3)
    assert all(isinstance(error, NotReadyError) for error in failed)
    stage.pass_time(HOUR + 1)
    assert (open_challenges(own)[0], own.pending()) == (numbers, [])
    assert open_challenges(own) == ([], [])
    stage.pass_time(HOUR + 1)
    stage.settler().settle(campaign)
    assert [stage.data.dispute(number, at).outcome for at in range(4)] == [Outcome.NONE] + [Outcome.BAD] * 3
    terms = stage.terms()
    prize = (terms.deposit - terms.fee) // 2 + terms.fee
    assert stage.account(REVIEWER).collect(terms.token) == 3 * (terms.stake + prize)
    made = epoch_manifest(stage.data, campaign, 0)
    assert made.log_before == EMPTY_LOG
    assert made.log == stage.data.epochs(campaign)[0][1]
    assert EpochManifest.decode(made.encoded) == made
    assert list(made.samples({0: INITIAL.samples, number: BAD.samples})) == [*INITIAL.samples, BAD.samples[0]]
    with pytest.raises(UnknownError):
        epoch_manifest(stage.data, campaign, len(stage.data.epochs(campaign)))


def test_a_crowd_of_near_copies_hides_no_sample_that_does_not_fit(
    stage: DataStage, state: DataState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, store = reviewed(stage, stage.campaign()), LocalStore(tmp_path / "store")
    put_bytes(store, BAD.encode())
    own = Reviewer(stage.account(REVIEWER), state)
    own.library.fetch(number, store)
    monkeypatch.setattr(findings, "near_copies", partial(near_copies, most=0))
    found = own.review(number)
    assert ([place for place, _ in found.misfits], found.copies) == ([1], ())
    assert "too many samples might be near each other" in found.crowded


def test_of_two_bundles_one_has_the_originals() -> None:
    """The first to commit, unless its review began when more than half of the other's was over."""
    zeros = bytes(32)
    second = BundleRecord(7, zeros, bytes(20), BundleStage.REVIEW, 1, 0, 1000, 1, 8, 9, zeros, zeros)
    for since, first_has_it in ((0, True), (1000, True), (1050, True), (1051, False), (5000, False)):
        first = replace(second, number=3, since=since)
        assert is_original(first, second, 101) is first_has_it
        assert is_original(second, first, 101) is not first_has_it
    assert not is_original(replace(second, number=3, shown=0), second, 101)
    assert not is_original(replace(second, number=3, campaign=b"\x01" * 32), second, 101)
    assert not is_original(second, second, 101)


def test_what_was_decided_to_be_bad_is_no_original(stage: DataStage, state: DataState, tmp_path: Path) -> None:
    """The true label comes after a false one: whoever named the false one as its original would lose the stake."""
    campaign, store = stage.campaign(), LocalStore(tmp_path / "store")
    false, true = bundle_of(sample(0, 10, 20, 30)), bundle_of(sample(1, 10, 20, 30))
    number = reviewed(stage, campaign, false)
    own = Reviewer(stage.account(REVIEWER), state)
    put_bytes(store, false.encode())
    own.library.fetch(number, store)
    own.challenge(number, 0, Ground.JUDGED)
    stage.pass_time(HOUR + 1)
    open_challenges(own)
    stage.pass_time(HOUR + 1)
    stage.account(CONTRIBUTOR).concede(number, 0)
    stage.pass_time(HOUR + 1)
    stage.settler().settle(campaign)
    assert stage.data.dispute(number, 0).outcome is Outcome.BAD
    later = reviewed(stage, campaign, true)
    put_bytes(store, true.encode())
    own.library.fetch(later, store)
    assert own.review(later).copies == ()
    with pytest.raises(InvalidInputError, match="no original"):
        own.challenge(later, 0, Ground.DUPLICATE, original=(number, 0))


def test_a_store_is_not_believed(stage: DataStage, tmp_path: Path) -> None:
    campaign = stage.campaign()
    number = reviewed(stage, campaign)
    library, store = BundleLibrary(stage.data, tmp_path / "own"), LocalStore(tmp_path / "store")
    with pytest.raises(UnknownError):
        library.fetch(number, store)
    lies = (
        bundle_of(*BAD.samples[:3]), bundle_of(*BAD.samples[:3], sample(0, 11, 20, 31)),
        SampleBundle(b"\x01" * 32, BAD.samples), bundle_of(*reversed(BAD.samples)),
    )  # fmt: skip
    for lie in lies:
        with pytest.raises(ProofError, match="not the samples of bundle"):
            library.fetch(number, store, put_bytes(store, lie.encode()).root)
    with pytest.raises(ProofError, match="what the store has is not bundle"):
        library.fetch(number, store, put_bytes(store, b"no bundle").root)
    assert library.find(number) is None
    assert library.fetch(number, store, put_bytes(store, BAD.encode()).root) == BAD
    with pytest.raises(ProofError, match="initial data"):
        library.add_initial(campaign, INITIAL)


def test_a_stake_is_sent_once_whatever_breaks_and_never_without_its_book(
    stage: DataStage, state: DataState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = reviewed(stage, stage.campaign())
    own = Reviewer(stage.account(REVIEWER), state)
    sending = DataAccount.commit_challenge

    def breaking(self: DataAccount, campaign: bytes, commitment: bytes) -> int:
        assert state.challenges.find(commitment).index == 0, "what opens it is kept before the stake leaves"
        sending(self, campaign, commitment)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(DataAccount, "commit_challenge", breaking)
        with pytest.raises(KeyboardInterrupt):
            own.challenge(number, 0, Ground.JUDGED)
    made = own.challenge(number, 0, Ground.JUDGED)
    assert own.pending() == [made]
    assert stage.data.challenges(stage.data.bundle(number).campaign) == [made]
    stage.pass_time(HOUR + 1)
    lost = DataState(tmp_path / "lost")
    assert open_challenges(Reviewer(stage.account(REVIEWER), lost)) == ([], []), "a lost book opens nothing"
    lost.close()
    with pytest.raises(ClosedError, match="not under review"):
        own.challenge(number, 1, Ground.JUDGED)
    stage.pass_time(HOUR + 1)
    _, failed = open_challenges(own)
    assert "had to be opened by" in str(failed[0])
    stage.settler().settle(stage.data.bundle(number).campaign)
    assert stage.data.challenge(made).stage is ChallengeStage.LOST


def test_a_challenge_against_a_bundle_that_a_reorganisation_replaced_is_not_opened(
    stage: DataStage, state: DataState, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = reviewed(stage, stage.campaign())
    own = Reviewer(stage.account(REVIEWER), state)
    made = own.challenge(number, 0, Ground.JUDGED)
    stage.pass_time(HOUR + 1)
    true = own._data.bundle
    monkeypatch.setattr(own._data, "bundle", lambda at: replace(true(at), root=b"\x01" * 32))
    opened, failed = open_challenges(own)
    assert (opened, own.pending()) == ([], [made])
    assert "reorganised" in str(failed[0])


def test_a_jury_decides_with_votes_that_were_kept(stage: DataStage, state: DataState, tmp_path: Path) -> None:
    campaign = stage.campaign()
    number = reviewed(stage, campaign, bundle_of(sample(1, 10, 20, 30), sample(2, 40, 50, 60)))
    states = {at: DataState(tmp_path / f"juror{at}") for at in (1, 2, 3)}
    jurors = {at: Juror(stage.account(at), kept) for at, kept in states.items()}
    for juror in jurors.values():
        assert len(juror.join(campaign, 2)) == 2
    correction = sample(2, 10, 20, 30)
    own = Reviewer(stage.account(REVIEWER), state)
    own.challenge(number, 0, Ground.JUDGED, correction=correction)
    settler = stage.settler()
    stage.pass_time(HOUR + 1)
    open_challenges(own)
    stage.pass_time(2 * HOUR + 1)
    settler.settle(campaign)
    case = stage.data.dispute(number, 0).case
    assert case
    stage.pass_time(1, 10)
    settler.settle(campaign)
    assert stage.data.jury.case(case).stage is CaseStage.VOTING
    seated = [juror for juror in jurors.values() if juror.seats()]
    assert seated[0].seats()[0].bundle == number
    for juror in seated:
        assert all(seat.committed for seat in juror.vote(case, Verdict.CORRECTED))
        assert juror.vote(case, Verdict.CORRECTED)
        with pytest.raises(ClosedError, match="another verdict"):
            juror.vote(case, Verdict.GOOD)
        with pytest.raises(NotReadyError):
            juror.reveal(case)
    stage.pass_time(HOUR + 1)
    lost = DataState(tmp_path / "lost")
    address = seated[0].address
    numbers = [at for at, juror in jurors.items() if juror.address == address]
    with pytest.raises(UnknownError, match="nobody else has it"):
        Juror(stage.account(numbers[0]), lost).reveal(case)
    lost.close()
    for juror in seated:
        assert juror.reveal(case)
    stage.pass_time(HOUR + 1)
    settler.settle(campaign)
    assert stage.data.jury.case(case).stage is CaseStage.APPEALABLE
    stage.pass_time(HOUR + 1)
    settler.settle(campaign)
    dispute = stage.data.dispute(number, 0)
    assert (dispute.stage, dispute.outcome) == (DisputeStage.SETTLED, Outcome.CORRECTED)
    last = len(stage.data.epochs(campaign)) - 1
    made = [epoch_manifest(stage.data, campaign, at) for at in range(last + 1)]
    assert [keccak(each) for epoch in made for each in epoch.corrected] == [keccak(correction)]
    place = stage.data.jury.seats(stage.data.jury.case(case), seated[0].address)[0]
    stage.juror(OTHER).release_seat(case, *place)  # anybody may, and the juror has its fee all the same
    for juror in seated:
        assert juror.release(case) or juror is seated[0]
        assert juror.release(case) == []
        assert juror.leave()
        assert juror.leave() == []
    stage.pass_time(2 * HOUR + 1)
    terms = stage.terms()
    for juror in seated:
        before = len(juror.slots)
        assert len(juror.withdraw()) == before
        seats = len(juror.seats())
        attested = terms.receipt_fee // 3  # jurors are members here, too
        earned = seats * (terms.fee // terms.jurors)
        assert juror.collect(terms.token) == before * terms.juror_stake + earned + attested
    for kept in states.values():
        kept.close()


def test_an_owner_decides_and_gets_its_escrow_back(stage: DataStage, state: DataState, tmp_path: Path) -> None:
    owner = CampaignOwner(stage.account(OWNER))
    campaign = stage.campaign(stage.owner_decides())
    number = reviewed(stage, campaign, bundle_of(sample(1, 10, 20, 30), sample(2, 40, 50, 60)))
    own = Reviewer(stage.account(REVIEWER), state)
    for index in (0, 1):
        own.challenge(number, index, Ground.JUDGED)
    stage.pass_time(HOUR + 1)
    open_challenges(own)
    stage.pass_time(HOUR + 1)
    mine = DataState(tmp_path / "contributor")
    Contributor(stage.account(CONTRIBUTOR), mine, 1).concede(number, 0)
    mine.close()
    stage.pass_time(HOUR + 1)
    owner.decide(number, 1, Outcome.ACCEPTED)
    stage.settler().settle(campaign)
    assert [stage.data.dispute(number, at).outcome for at in (0, 1)] == [Outcome.BAD, Outcome.ACCEPTED]
    assert owner.fund(campaign, 5).free == 100_005 - stage.terms().reward
    assert owner.close(campaign).closed
    assert owner.close(campaign).closed
    left = owner.withdraw(campaign)
    assert owner.collect(stage.terms().token) == left == 100_005 - stage.terms().reward


def test_a_challenge_is_opened_with_the_original_that_it_was_staked_on(state: DataState) -> None:
    """One that names another original is another: its proof was looked at, and not that of what was kept before."""
    kept = KeptChallenge(bytes(32), bytes(32), 7, 3, Ground.DUPLICATE, b"", (5, 1), bytes(20), b"\x01" * 32)
    state.challenges.add(kept)
    assert state.challenges.again(replace(kept, salt=b"\x02" * 32)) == kept
    assert state.challenges.again(replace(kept, original=(5, 2), salt=b"\x02" * 32)) is None


def test_a_vote_that_was_interrupted_goes_on_with_the_same_salt(state: DataState) -> None:
    """Whatever breaks between the book and the chain: one commitment a seat and verdict, which can be revealed."""
    deployment, juror = b"\x01" * 32, b"\x02" * 20
    subject = Subject(b"\x04" * 32, 7, 1, b"\x05" * 32, bytes(32))
    first = state.votes.decide(deployment, (5, 0, 1), juror, Verdict.BAD, subject)
    assert state.votes.decide(deployment, (5, 0, 1), juror, Verdict.BAD, subject) == first
    assert state.votes.find(first.commitment) == first
    others = [
        state.votes.decide(deployment, (5, 0, 1), juror, Verdict.GOOD, subject),
        state.votes.decide(deployment, (5, 0, 2), juror, Verdict.BAD, subject),
        state.votes.decide(b"\x03" * 32, (5, 0, 1), juror, Verdict.BAD, subject),
        state.votes.decide(deployment, (5, 0, 1), juror, Verdict.BAD, replace(subject, index=2)),
    ]
    assert len({each.commitment for each in (first, *others)}) == 5


def test_a_vote_that_was_kept_without_its_sample_is_revealed_all_the_same(state: DataState) -> None:
    """Its stake would be lost else; what its commitment opens is not changed by what is kept beside."""
    subject = Subject(bytes(32), 7, 1, bytes(32), bytes(32))
    kept = state.votes.decide(bytes(32), (5, 0, 1), bytes(20), Verdict.BAD, subject)
    path = state.directory / "votes" / f"{kept.commitment.hex()}.json"
    content = json.loads(path.read_text())
    del content["subject"]
    path.write_text(json.dumps(content))
    assert state.votes.find(kept.commitment) == replace(kept, subject=None)
