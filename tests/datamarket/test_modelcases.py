"""Cases that a model decides: the perceptron of another campaign, bundles that are not here, contracts that fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from circuits.errors import ClosedError, NotReadyError, RuleViolationError, UnknownError
from commons.artifacts.localstore import LocalStore
from commons.artifacts.transfers import put_bytes
from commons.chain.datafacts import CampaignTerms, DisputeStage
from commons.chain.juryfacts import CaseStage
from commons.samples.campaigneconomics import Arbiter
from commons.samples.contributions import Ground, Outcome
from commons.samples.samplebundles import SampleBundle
from gradroll.datamarket.bundlefetching import BundleLibrary
from gradroll.datamarket.campaignowner import CampaignOwner
from gradroll.datamarket.caseopener import CaseOpener
from gradroll.datamarket.datastate import DataState
from gradroll.datamarket.reviewer import Reviewer
from tests.datamarket.datastage import CONTRIBUTOR, HOUR, OTHER, OWNER, REVIEWER, SCHEMA, DataStage, bundle_of, sample
from tests.datamarket.modelarbiters import BROKEN, deployed, perceptron, prediction

TAUGHT = bundle_of(sample(0, 90, 10, 10), sample(1, 10, 90, 10), sample(2, 10, 10, 90))
JUDGED = bundle_of(sample(0, 80, 5, 5), sample(1, 85, 7, 5), sample(2, 101, 0, 0))
"""One with the label that the model gives it, one with another, one that does not fit: which no model is asked of."""


@pytest.fixture
def stage(own_stage: DataStage) -> DataStage:
    return own_stage


def decided(stage: DataStage, model: bytes, **changes: object) -> CampaignTerms:
    """Terms of a campaign whose arbiter is a model."""
    return stage.terms(arbiter=Arbiter.MODEL, model=model, **changes)


def taught(stage: DataStage) -> bytes:
    """The model of a first campaign, whose samples nobody challenged."""
    campaign = stage.campaign()
    stage.reviewed(stage.account(CONTRIBUTOR), campaign, TAUGHT)
    stage.pass_time(2 * HOUR + 2)
    stage.settler().settle(campaign)
    return perceptron(stage, campaign, SCHEMA, TAUGHT)


def challenged(
    stage: DataStage, state: DataState, terms: CampaignTerms, bundle: SampleBundle, places: tuple[int, ...]
) -> tuple[bytes, int]:
    """A campaign, and a bundle of it whose samples are challenged; its challenges are to be opened an hour later."""
    campaign = stage.campaign(terms)
    number = stage.reviewed(stage.account(CONTRIBUTOR), campaign, bundle)
    own = Reviewer(stage.account(REVIEWER), state)
    for index in places:
        own.challenge(number, index, Ground.JUDGED)
    return campaign, number


def judged(stage: DataStage, state: DataState) -> None:
    """Open all challenges, and let the time for answers pass."""
    stage.pass_time(HOUR + 1)
    own = Reviewer(stage.account(REVIEWER), state)
    for number in own.pending():
        own.open(number)
    stage.pass_time(2 * HOUR + 1)


def test_the_perceptron_of_another_campaign_decides_and_what_it_doubts_goes_to_the_jury(
    stage: DataStage, state: DataState, tmp_path: Path
) -> None:
    model = taught(stage)
    assert [prediction(stage.data, model, each) for each in JUDGED.samples] == [0, 0, 0]
    campaign, number = challenged(stage, state, decided(stage, model), JUDGED, (0, 1, 2))
    library = BundleLibrary(stage.data, tmp_path / "own")
    settler, opener = stage.settler(library=library), CaseOpener(stage.account(OTHER), library)
    with pytest.raises(UnknownError, match="nobody has opened a challenge"):
        opener.open(number, 0)
    stage.pass_time(HOUR + 1)
    own = Reviewer(stage.account(REVIEWER), state)
    for challenge in own.pending():
        own.open(challenge)
    with pytest.raises(NotReadyError, match="are opened from"):
        opener.open(number, 0)
    assert settler.lacking(campaign) == []
    stage.pass_time(2 * HOUR + 1)

    assert settler.settle(campaign) == 1, "the bundle: no case can be opened without its file"
    assert [each.number for each in settler.lacking(campaign)] == [number]
    with pytest.raises(UnknownError, match=f"bundle {number} is not here; fetch it first"):
        opener.open(number, 0)
    store = LocalStore(tmp_path / "store")
    put_bytes(store, JUDGED.encode())
    library.fetch(number, store)
    assert settler.lacking(campaign) == []
    assert opener.open(number, 1).case == opener.open(number, 1).case != 0, "opened once"
    told: list[str] = []
    settler.settle(campaign, told.append)
    assert [each for each in told if "open the case" in each] == [
        f"open the case of sample {at} of bundle {number}" for at in (0, 2)
    ]  # fmt: skip
    good, other, misfit = (stage.data.dispute(number, at) for at in range(3))
    assert (good.stage, good.outcome, good.upheld, good.case) == (DisputeStage.SETTLED, Outcome.ACCEPTED, True, 0)
    assert [each.stage for each in (other, misfit)] == [DisputeStage.CASE] * 2
    with pytest.raises(ClosedError, match="needs no case"):
        opener.open(number, 0)


def test_an_owner_is_told_before_it_pays_that_an_arbiter_says_nothing(stage: DataStage) -> None:
    owner = CampaignOwner(stage.account(OWNER))
    for terms in (decided(stage, taught(stage)), stage.terms()):
        assert owner.doubts(terms, SCHEMA) == []
    for model in (deployed(stage, BROKEN["reverts"]), deployed(stage, BROKEN["answers 31 bytes"]), bytes(19) + b"\7"):
        (doubt,) = owner.doubts(decided(stage, model), SCHEMA)
        assert "every case goes to the jury" in doubt


def test_models_that_fail_send_every_case_to_the_jury(stage: DataStage, state: DataState, tmp_path: Path) -> None:
    library = BundleLibrary(stage.data, tmp_path / "own")
    models = [deployed(stage, code) for code in BROKEN.values()] + [stage.accounts[OTHER].address]
    bundles = [bundle_of(sample(1, 10, 20, at)) for at in range(len(models))]
    made = [
        challenged(stage, state, decided(stage, model), bundle, (0,))
        for model, bundle in zip(models, bundles, strict=True)
    ]  # fmt: skip
    judged(stage, state)
    for (campaign, number), bundle, what in zip(made, bundles, [*BROKEN, "has no code"], strict=True):
        library.add(number, bundle)
        stage.settler(library=library).settle(campaign)
        dispute = stage.data.dispute(number, 0)
        assert (dispute.stage, bool(dispute.case)) == (DisputeStage.CASE, True), what
        assert stage.data.jury.case(dispute.case).stage is CaseStage.QUEUED


def test_samples_in_the_chain_and_own_ones_need_not_be_fetched(
    stage: DataStage, state: DataState, tmp_path: Path
) -> None:
    model = taught(stage)
    who = stage.account(CONTRIBUTOR)
    campaign = stage.campaign(decided(stage, model))
    inline = stage.inline(who, campaign, bundle_of(*JUDGED.samples[:2]))
    number = stage.reviewed(who, campaign, JUDGED)
    own = Reviewer(stage.account(REVIEWER), state)
    for at in (inline, number):
        own.challenge(at, 0, Ground.JUDGED)
    judged(stage, state)
    library = BundleLibrary(stage.data, tmp_path / "own")
    (tmp_path / "own" / "bundles").mkdir(parents=True)
    kept = tmp_path / "own" / "bundles" / f"{JUDGED.tree().root.hex()}.bundle"
    kept.write_bytes(JUDGED.encode().replace(bytes((0, 80, 5, 5)), bytes((0, 81, 5, 5))))
    settler = stage.settler(library=library)
    with pytest.raises(UnknownError, match="is not here"):
        settler.settle(campaign)
    assert stage.data.dispute(inline, 0).outcome is Outcome.ACCEPTED, "a damaged file keeps no other case from it"
    kept.write_bytes(JUDGED.encode())
    settler.settle(campaign)
    assert stage.data.dispute(number, 0).outcome is Outcome.ACCEPTED


def test_a_case_that_comes_too_late_or_is_the_owners_is_not_sent(
    stage: DataStage, state: DataState, tmp_path: Path
) -> None:
    model = deployed(stage, BROKEN["reverts"])
    _, late = challenged(stage, state, decided(stage, model), bundle_of(sample(1, 1, 2, 3)), (0,))
    _, owners = challenged(stage, state, stage.owner_decides(), bundle_of(sample(1, 40, 2, 3)), (0,))
    judged(stage, state)
    opener = CaseOpener(stage.account(OTHER), BundleLibrary(stage.data, tmp_path / "own"))
    with pytest.raises(RuleViolationError, match="the owner of the campaign decides"):
        opener.open(owners, 0)
    stage.pass_time(HOUR + 1)
    with pytest.raises(ClosedError, match="had to be opened by"):
        opener.open(late, 0)


def test_a_case_that_waits_behind_another_campaigns_is_drawn_all_the_same(
    stage: DataStage, state: DataState, tmp_path: Path
) -> None:
    """Nobody has to know of the other campaign: else who leaves its own case undrawn holds all others up."""
    made = [
        challenged(stage, state, stage.terms(epoch_size=size), bundle_of(sample(1, 40 * size, 2, 3)), (0,))
        for size in (1, 2)
    ]
    (first, _), (second, number) = made
    for account in (1, 2, 3, 4):
        stage.juror(account).join(stage.pool(), 2)
    judged(stage, state)
    for campaign in (first, second):
        stage.settler().settle(campaign)
    for _ in range(2):
        stage.pass_time(1, 10)
        stage.settler().settle(second)
    assert stage.data.jury.case(stage.data.dispute(number, 0).case).stage is CaseStage.VOTING
