"""Models in contracts, where somebody lies or is late: nodes, stores, owners of schemas, and those who are quicker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from circuits.errors import ChainError, ContractError, InvalidInputError, NotReadyError, ProofError, UnknownError
from circuits.hashing import keccak
from commons.chain import dataperceptronview
from commons.chain.calldata import IMPROVEMENT, PERCEPTRON, PERCEPTRONS, VERSIONS, deployment
from commons.chain.codechecks import is_code_of
from commons.chain.dataaccount import ChallengeOpening
from commons.chain.dataperceptronview import PerceptronView, TrainingCursor
from commons.chain.deploying import Deployer
from commons.samples.contributions import Ground, Outcome, challenge_commitment
from commons.samples.perceptrons import Perceptron
from commons.samples.samplebundles import SampleBundle
from commons.samples.sampleschemas import SampleSchema
from gradroll.datamarket.batchgas import PerceptronGas
from gradroll.datamarket.decidedsamples import kept_bundles
from gradroll.datamarket.hiddengroups import GroupScorer, HiddenGroups
from gradroll.datamarket.modeltrainer import ModelTrainer
from tests.datamarket.datastage import (
    CONTRIBUTOR,
    HOUR,
    OTHER,
    OWNER,
    PATIENCE,
    REVIEWER,
    SALT,
    SCHEMA,
    bundle_of,
    sample,
)
from tests.datamarket.modelstage import ModelStage, model_stage, samples_of

WEEK = 7 * 86_400
BUNDLE = bundle_of(*samples_of(6))


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelStage]:
    with model_stage(tmp_path_factory.mktemp("models")) as made:
        yield made


def settled_by_owner(market: ModelStage, campaign: bytes, bundle: SampleBundle, verdicts: dict[int, Outcome]) -> int:
    """A bundle of which the owner decided samples that were challenged with a correction."""
    stage, who, owner = market.stage, market.stage.account(CONTRIBUTOR), market.stage.account(OWNER)
    number, reviewer, openings = stage.reviewed(who, campaign, bundle), stage.account(REVIEWER), {}
    for index in verdicts:
        made = challenge_commitment(
            campaign, number, bundle.tree().root, index, Ground.JUDGED, keccak(corrected(bundle, index)),
            reviewer.address, SALT,
        )  # fmt: skip
        openings[index] = ChallengeOpening(reviewer.commit_challenge(campaign, made), number, index, SALT)
    stage.pass_time(HOUR + 1)
    for index, opening in openings.items():
        reviewer.reveal_judged(opening, corrected(bundle, index), SCHEMA)
    stage.pass_time(2 * HOUR + 2)
    for index, verdict in verdicts.items():
        owner.owner_verdict(number, index, verdict)
    who.settle_bundle(number)
    return number


def corrected(bundle: SampleBundle, index: int) -> bytes:
    """Another label for the same features."""
    return bytes((0, (bundle.samples[index][1] + 1) % 4)) + bundle.samples[index][2:]


def test_decisions_about_single_samples_are_followed_in_their_order(market: ModelStage, tmp_path: Path) -> None:
    """BAD ones are gone over; corrections are trained on where they were decided, as is what an owner found good."""
    campaign = market.stage.campaign(market.stage.owner_decides())
    verdicts = {0: Outcome.BAD, 2: Outcome.CORRECTED, 4: Outcome.ACCEPTED}
    number = settled_by_owner(market, campaign, BUNDLE, verdicts)
    last = settled_by_owner(market, campaign, bundle_of(*samples_of(1, first=50)), {0: Outcome.BAD})
    account = market.account()
    model, one = account.make(campaign, 16, 0), bundle_of(*samples_of(1, first=50))
    library = market.library(tmp_path, {number: BUNDLE, last: one})
    trainer = market.trainer(model, library)
    done = trainer.train(most=None)
    expected = Perceptron(SCHEMA, 16, 0)
    decided = [corrected(BUNDLE, 2), *(BUNDLE.samples[at] for at in (4, 1, 3, 5))]
    expected.train(decided)
    assert (done.trained, done.complete) == (5, True)
    assert np.array_equal(trainer.replica.weights, expected.weights)
    assert np.array_equal(account.models.weights(model, SCHEMA), expected.weights)


def test_tests_are_shown_though_what_was_decided_last_does_not_count(market: ModelStage, tmp_path: Path) -> None:
    groups = HiddenGroups.of([BUNDLE])
    campaign = market.stage.campaign(market.stage.owner_decides(tests=groups.commitment))
    number = settled_by_owner(market, campaign, one := bundle_of(*samples_of(2, first=60)), {0: Outcome.BAD})
    last = settled_by_owner(market, campaign, two := bundle_of(*samples_of(1, first=70)), {0: Outcome.BAD})
    market.close(campaign)
    account = market.account()
    model = account.make(campaign, 32, 0)
    library = market.library(tmp_path, {number: one, last: two})
    scorer, trainer = GroupScorer(account, model), market.trainer(model, library)
    with pytest.raises(NotReadyError):
        scorer.show(groups, 0, trainer)
    trainer.train()
    assert scorer.show(groups, 0, trainer).count == 6
    assert scorer.show(groups, 0, trainer).scored == 0, "shown once, and found again"
    with pytest.raises(UnknownError):
        scorer.show(groups, 1, trainer)
    with pytest.raises(InvalidInputError, match="commit to other tests"):
        scorer.show(HiddenGroups.of([BUNDLE]), 0, trainer)
    with pytest.raises(ProofError, match="not the tests of group 0"):
        scorer.score(0, bundle_of(*BUNDLE.samples[:5], sample(1, 1, 1, 1)))


def test_a_bundle_that_is_another_one_trains_nothing(market: ModelStage, tmp_path: Path) -> None:
    """The library refuses it; a trainer that is given it all the same is refused by the contract."""
    campaign = market.stage.campaign()
    number = market.settled(campaign, BUNDLE)
    other = bundle_of(*BUNDLE.samples[:5], sample(1, 1, 1, 1))
    with pytest.raises(ProofError, match=f"not the samples of bundle {number}"):
        market.library(tmp_path, {number: other})
    model = market.account().make(campaign, 32, 0)
    with pytest.raises(ContractError, match="something else was shown"):
        ModelTrainer(market.account(), model, lambda _: other).train()
    assert market.account().models.trained(model) == 0


def test_two_who_train_at_once_share_the_work(market: ModelStage, tmp_path: Path) -> None:
    campaign = market.stage.campaign()
    library = market.library(tmp_path, {market.settled(campaign, BUNDLE): BUNDLE})
    model = market.account().make(campaign, 32, 5)
    slow = market.trainer(model, library)
    slow.check()
    batch = slow._batch()
    assert market.trainer(model, library, REVIEWER).train().trained == 6
    slow._batch = lambda: batch  # type: ignore[method-assign]
    slow.check()
    refusal = slow._send()
    assert refusal is not None
    assert slow.train().complete


def test_a_node_that_lies_about_cursor_weights_or_counts_is_found_out(
    market: ModelStage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = market.stage.campaign()
    library = market.library(tmp_path, {market.settled(campaign, BUNDLE): BUNDLE})
    model = market.account().make(campaign, 32, 5)

    def refuses(name: str, lie: Any) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(PerceptronView, name, lie)
            with pytest.raises(ProofError, match="believe nothing of this model"):
                market.trainer(model, library).train()

    refuses("cursor", lambda *_: TrainingCursor(0, 1, 3))
    assert market.trainer(model, library).train().complete
    refuses("trained", lambda *_: 5)
    refuses("weights", lambda *_: np.zeros((4, 4), np.int64))
    refuses("passed_over", lambda *_: {(market.stage.data.bundles(campaign)[0], 0)})
    view = market.account().models
    with monkeypatch.context() as patch:
        patch.setattr(dataperceptronview, "_made", lambda log: (bytes(20), 32, 5))
        with pytest.raises(ChainError, match="other models"):
            view.models(campaign)
    for raw, words in (([0] * 15, "cannot have"), ([1 << 31, *[0] * 15], "cannot have")):
        with monkeypatch.context() as patch:
            patch.setattr(PerceptronView, "_ask", lambda *_, raw=raw: raw)
            with pytest.raises(ChainError, match=words):
                view.weights(model, SCHEMA)
    with monkeypatch.context() as patch:
        patch.setattr(PerceptronView, "_ask", lambda *_: (b"\1" * 32, 5, 4, 5))
        with pytest.raises(ChainError, match="more right answers"):
            view.tests(model, 0)


def test_a_lost_bundle_is_reported_and_passed_over_and_training_goes_on(market: ModelStage, tmp_path: Path) -> None:
    campaign, one = market.stage.campaign(), bundle_of(*samples_of(1, first=80))
    market.settled(campaign, one)
    kept = market.settled(campaign, BUNDLE)
    account = market.account()
    model = account.make(campaign, 32, 0)
    trainer = market.trainer(model, market.library(tmp_path, {kept: BUNDLE}))
    with pytest.raises(UnknownError, match="is not here"):
        trainer.train()
    cursor = account.models.cursor(model)
    account.report_missing(model, cursor.position, cursor.index)
    assert account.models.reported_until(model) > 0
    with pytest.raises(ContractError, match="can be shown until"):
        account.pass_over(model, cursor.position, cursor.index)
    market.stage.pass_time(WEEK + 1)
    account.pass_over(model, cursor.position, cursor.index)
    done = trainer.train()
    assert (done.trained, done.complete) == (6, True), "without the bundle that nobody has"


SHAPES = {
    "least": SampleSchema.array(2, [255], 1, 1),
    "many classes": SampleSchema.array(512, [255], 1, 1),
    "many features": SampleSchema.array(2, [65535], 511, 2),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_gas_is_enough_for_every_shape(market: ModelStage, tmp_path: Path, shape: str) -> None:
    """And no more than four times what the contract takes, beside what a call costs."""
    schema, account = SHAPES[shape], market.account()
    made = [_extreme(schema, at) for at in range(12)]
    bundle = SampleBundle(schema.digest, tuple(made))
    campaign = market.stage.account(OWNER).open_campaign(market.stage.terms(schema_hash=schema.digest), schema, 100_000)
    library = market.library(tmp_path, {market.settled(campaign, bundle): bundle})
    model, gas = account.make(campaign, 32, 2**31), PerceptronGas.of(schema, 32)
    trainer = ModelTrainer(account, model, kept_bundles(library, campaign))
    trainer.check()
    batch, steps = trainer._batch()
    mined = account.train(model, batch, schema, gas.training(len(batch), steps))
    assert mined.gas_used <= gas.training(len(batch), steps) <= 4 * mined.gas_used + gas.training(0, 0)
    assert trainer.train().complete


def _extreme(schema: SampleSchema, at: int) -> bytes:
    """A sample that changes as many words as one can."""
    label = (at * 41 + 1) % schema.classes
    return label.to_bytes(2, "big") + b"".join(
        (1 + (at * 7 + j) % 255).to_bytes(schema.size, "big") for j in range(schema.width)
    )


def test_schemas_of_texts_and_of_too_many_weights_have_no_model(market: ModelStage) -> None:
    for schema in (SampleSchema.text(4, 2, 12), SampleSchema.array(4, [100], 256, 1), SampleSchema.array(1, [9], 2, 1)):
        campaign = market.stage.account(OWNER).open_campaign(
            market.stage.terms(schema_hash=schema.digest), schema, 100_000
        )
        with pytest.raises(ContractError, match="no model that trains in its contract has this"):
            market.account().make(campaign, 32, 0)


def test_only_this_releases_contracts_are_taken(market: ModelStage) -> None:
    """A contract that answers alike, or differs in one byte, is none."""
    stage, chain = market.stage, market.stage.data.chain
    code, word = chain.rpc.code(market.places.models), stage.data.place.rjust(32, b"\0")
    assert is_code_of(PERCEPTRONS, code, [word])
    assert not is_code_of(PERCEPTRONS, code, [b"\1" * 32])
    assert not is_code_of(PERCEPTRONS, code[:100] + bytes((code[100] ^ 1,)) + code[101:], [word])
    assert not is_code_of(PERCEPTRONS, code[1:], [word]), "a part of it does something else"
    assert not is_code_of(PERCEPTRONS, b"", [word])
    for other in (IMPROVEMENT, PERCEPTRON, VERSIONS):
        assert not is_code_of(other, code, [word])
    with pytest.raises(ContractError, match=r"data\.models"):
        PerceptronView(stage.data, market.places.improvement)
    deployer = Deployer.of(stage.url, stage.accounts[OTHER], patience=PATIENCE)
    foreign = deployer.deploy("factory", deployment(PERCEPTRONS, stage.data.jury.place)).created
    with pytest.raises(ContractError, match=r"data\.models"):
        PerceptronView(stage.data, foreign)
