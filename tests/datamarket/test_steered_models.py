"""One of several nodes lies about a model: nobody signs, registers, shows or pays what it steers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from circuits.errors import ChainError, ClosedError, NotReadyError
from circuits.terms import ETHER
from commons.chain.dataimprovementaccount import ImprovementAccount
from commons.chain.dataimprovementview import BudgetTerms, ImprovementView
from commons.chain.dataperceptronaccount import PerceptronAccount
from commons.chain.dataperceptronview import GroupRecord, PerceptronModel, PerceptronView
from commons.chain.dataversionview import VersionTerms
from commons.chain.modelview import ModelView
from commons.chain.nodeagreement import NoAgreementError
from commons.samples.improvementrules import ImprovementRule, PerceptronRule
from commons.samples.perceptrons import Perceptron
from gradroll.datamarket.bundlefetching import BundleLibrary
from gradroll.datamarket.decidedsamples import kept_bundles
from gradroll.datamarket.duties import Due
from gradroll.datamarket.hiddengroups import GroupScorer, HiddenGroups
from gradroll.datamarket.improving import compute_table
from gradroll.datamarket.modeltrainer import ModelTrainer
from gradroll.datamarket.mostnodes import computed
from gradroll.datamarket.versionchecks import Standing, VersionChecker, lasting_version, perceptron_version
from tests.datamarket.datastage import OTHER, OWNER, SCHEMA, bundle_of
from tests.datamarket.lyingnodes import lying, three_nodes
from tests.datamarket.modelstage import ModelStage, model_stage, samples_of

RULE = PerceptronRule(16, 5)
TESTS = bundle_of(*samples_of(20, first=500, shift=3))
BUNDLES = [bundle_of(*samples_of(12)), bundle_of(*samples_of(12, first=12))]
DAY = 86_400


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelStage]:
    with model_stage(tmp_path_factory.mktemp("models")) as made:
        yield made


class TrainedModel:
    """A campaign with hidden tests whose bundles are decided, and its model, trained on them."""

    def __init__(self, market: ModelStage, directory: Path, groups: HiddenGroups | None = None) -> None:
        self.market, self.groups = market, groups or HiddenGroups.of([TESTS])
        self.campaign = market.stage.campaign(market.stage.terms(tests=self.groups.commitment))
        self.numbers = [market.settled(self.campaign, each) for each in BUNDLES]
        self.library = market.library(directory, dict(zip(self.numbers, BUNDLES, strict=True)))
        self.account = market.account()
        self.model = self.account.make(self.campaign, RULE.bits, RULE.margin)
        self.trainer.train()

    @property
    def trainer(self) -> ModelTrainer:
        return ModelTrainer(self.account, self.model, kept_bundles(self.library, self.campaign))

    def show(self, depth: int = 1) -> GroupRecord:
        return GroupScorer(self.account, self.model, depth).show(self.groups, 0, self.trainer)


@pytest.fixture
def tested(market: ModelStage, tmp_path: Path) -> TrainedModel:
    return TrainedModel(market, tmp_path)


def without_the_first(tested: TrainedModel, view: PerceptronView, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the next answers of a view be of a model that passed over the first bundle, weights and all."""
    passed = {(tested.numbers[0], at) for at in range(len(BUNDLES[0].samples))}
    other = Perceptron(SCHEMA, RULE.bits, RULE.margin)
    other.train(BUNDLES[1].samples)
    lying(monkeypatch, view, "passed_over", lambda _: passed)
    lying(monkeypatch, view, "weights", lambda _: other.weights)


def test_no_member_signs_the_table_that_a_lying_node_steered(
    market: ModelStage, tested: TrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights that go with what was hidden are shown, too: one node alone would have another bundle paid for it."""
    own = market.stage.account(OTHER)
    budgets = ImprovementView(own.data, market.places.improvement)
    rule = ImprovementRule(RULE, (0,))
    terms = BudgetTerms(tested.campaign, ETHER, 10_000, rule.digest, DAY, DAY)
    budget = ImprovementAccount(own.chain, budgets).open_budget(terms)
    market.close(tested.campaign)
    tested.show()
    models, held = PerceptronView(budgets.data, market.places.models), kept_bundles(tested.library, tested.campaign)

    def table(depth: int = 1) -> Any:
        return compute_table(budgets, models, budget, rule, held, {0: TESTS}, depth)

    with pytest.raises(NotReadyError, match="8 blocks do not vouch"):
        table(8)  # what is signed is good in a branch, too, in which the campaign was not closed yet
    market.stage.pass_time(1, blocks=8)
    true = table(8)
    assert table() == true
    assert [part.bundle for part in true.parts] == tested.numbers
    three_nodes(monkeypatch, budgets.data)
    without_the_first(tested, models, monkeypatch)
    assert table() == true


def test_a_lying_node_makes_no_version_true_or_false(
    market: ModelStage, tested: TrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    market.stage.account(OTHER).close_epoch(tested.campaign)
    models, held = (
        PerceptronView(market.stage.view(), market.places.models),
        kept_bundles(tested.library, tested.campaign),
    )
    data = models.data
    checker = VersionChecker(models, lambda: ModelView(data.chain, market.models), lambda _: held)
    passed = {(tested.numbers[0], at) for at in range(len(BUNDLES[0].samples))}

    def terms(passed_over: set[tuple[int, int]]) -> VersionTerms:
        made = perceptron_version(data, passed_over, tested.campaign, 0, RULE, held)
        return VersionTerms((), hashlib.sha256(made.content).digest(), made.epochs, (), RULE.digest)

    true, false = terms(set()), terms(passed)
    three_nodes(monkeypatch, data)
    for said, standing in ((true, Standing.COMPUTED), (false, Standing.FALSE)):
        lying(monkeypatch, models, "passed_over", lambda _: passed)
        assert checker.check(said)[-1].standing is standing


def test_a_version_is_registered_when_nothing_makes_it_false(market: ModelStage, tested: TrainedModel) -> None:
    """A sample that is passed over later would have everybody compute another model than the author did."""
    market.stage.account(OTHER).close_epoch(tested.campaign)
    models, held = tested.account.models, kept_bundles(tested.library, tested.campaign)
    made = lasting_version(models, tested.campaign, 0, RULE, held)
    assert made == perceptron_version(models.data, set(), tested.campaign, 0, RULE, held)
    behind = PerceptronRule(32, 5)
    tested.account.make(tested.campaign, behind.bits, behind.margin)
    with pytest.raises(NotReadyError, match="passed over yet"):
        lasting_version(models, tested.campaign, 0, behind, held)


def test_what_a_version_says_is_what_its_identifier_is_the_hash_of(
    market: ModelStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a node shows another record with it."""
    account = market.version_account()
    version = account.register(VersionTerms((), b"\5" * 32, (), (), b"\2" * 32))
    other = account.register(VersionTerms((), b"\6" * 32, (), (), b"\2" * 32))
    view, record = account.versions, account.versions.version(other)
    monkeypatch.setattr(view, "version", lambda _: record)
    found = view.events.read
    monkeypatch.setattr(
        "commons.chain.contractevents.Events.read", lambda own, decode, event, *_: found(decode, event, other)
    )
    with pytest.raises(ChainError, match="does not show what the version says"):
        view.terms(version)


def test_no_salt_leaves_on_the_word_of_one_node(tested: TrainedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in a transaction nor in the question whether it would be refused."""
    left: list[bytes] = []
    true = PerceptronAccount.show_tests

    def watched(account: PerceptronAccount, *given: Any) -> Any:
        left.append(tested.campaign)
        return true(account, *given)

    monkeypatch.setattr(PerceptronAccount, "show_tests", watched)
    three_nodes(monkeypatch, tested.account.models.data)
    lying(monkeypatch, tested.account.models.data, "is_decided", lambda _: True)
    with pytest.raises(NotReadyError, match="could still contribute"):
        tested.show()
    assert not left
    tested.market.close(tested.campaign)
    assert tested.show().count == 20
    assert left


def test_tests_are_shown_when_the_closing_stays(market: ModelStage, tested: TrainedModel) -> None:
    """In a branch that goes, a campaign that was closed is open again, and everybody has its tests."""
    market.close(tested.campaign)
    with pytest.raises(NotReadyError, match="8 blocks that vouch"):
        tested.show(depth=8)
    market.stage.pass_time(1, blocks=8)
    assert tested.show(depth=8).count == 20


def test_tests_of_two_campaigns_are_shown_when_both_are_over(market: ModelStage, tmp_path: Path) -> None:
    one = TrainedModel(market, tmp_path)
    market.close(one.campaign)
    again = market.stage.campaign(market.stage.terms(tests=one.groups.commitment, reward=999))
    with pytest.raises(NotReadyError, match="every campaign with these tests"):
        one.show()
    market.stage.account(OWNER).close_campaign(again)
    assert one.show().count == 20


def test_nothing_is_sent_to_a_contract_that_one_node_calls_the_model(
    market: ModelStage, tested: TrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    market.close(tested.campaign)
    own = tested.model
    other = PerceptronModel(b"\7" * 20, own.campaign, own.bits, own.margin)
    view = tested.account.models
    monkeypatch.setattr(view, "tests", lambda *_: GroupRecord(bytes(32), 0, 0, 0))
    with pytest.raises(NotReadyError):
        GroupScorer(tested.account, other).show(tested.groups, 0, tested.trainer)


@pytest.fixture
def untrained(market: ModelStage, tmp_path: Path) -> tuple[PerceptronAccount, ModelTrainer]:
    campaign = market.stage.campaign()
    library = market.library(tmp_path, {market.settled(campaign, BUNDLES[0]): BUNDLES[0]})
    account = market.account()
    return account, trainer_of(account, library, campaign)


def trainer_of(account: PerceptronAccount, library: BundleLibrary, campaign: bytes) -> ModelTrainer:
    return ModelTrainer(account, account.make(campaign, 16, 5), kept_bundles(library, campaign))


class SentAgainError(Exception):
    """More was sent than there is to do."""


def few(sends: Callable[..., Any], most: int = 3) -> Callable[..., Any]:
    """Of what is paid for, so many at most."""
    left = iter(range(most))

    def send(*given: Any, **named: Any) -> Any:
        if next(left, None) is None:
            raise SentAgainError
        return sends(*given, **named)

    return send


def test_a_node_that_leaves_no_room_for_a_sample_has_nothing_sent(
    untrained: tuple[PerceptronAccount, ModelTrainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    account, trainer = untrained
    monkeypatch.setattr(type(account.chain), "most_gas", 190_000)
    monkeypatch.setattr(account, "advance", few(account.advance))
    with pytest.raises(ChainError, match="nothing was sent"):
        trainer.train()
    with pytest.raises(ChainError, match="nothing was sent"):
        trainer.finish()


def test_a_node_that_shows_nothing_of_what_was_sent_is_not_paid_for_again(
    untrained: tuple[PerceptronAccount, ModelTrainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    account, trainer = untrained
    with monkeypatch.context() as patch:
        patch.setattr(account, "train", few(lambda *_: None))
        with pytest.raises(ChainError, match="in vain"):
            trainer.train()
    trainer.train()
    decided, length = trainer._samples, len(trainer._samples)
    monkeypatch.setattr(type(decided), "__len__", lambda _: length + 1)
    monkeypatch.setattr(account, "advance", few(account.advance))
    with pytest.raises(ChainError, match="nothing is left"):
        trainer.train()


def test_scores_that_a_node_does_not_show_are_not_paid_for_again(
    market: ModelStage, tested: TrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    market.close(tested.campaign)
    tested.show()
    monkeypatch.setattr(tested.account, "score", few(lambda *_: None))
    with pytest.raises(ChainError, match="in vain"):
        GroupScorer(tested.account, tested.model).score(0, TESTS)


def test_what_only_one_node_leads_to_is_no_result(market: ModelStage, monkeypatch: pytest.MonkeyPatch) -> None:
    data = market.stage.view()
    monkeypatch.setattr(data.chain, "most", lambda ask: None)
    with pytest.raises(NoAgreementError, match="most nodes do not lead"):
        computed(data, lambda: 5)

    def unready() -> int:
        raise NotReadyError("come back")

    with pytest.raises(NotReadyError, match="come back"):
        computed(data, unready)


def test_what_stays_due_is_not_paid_for_again(market: ModelStage, monkeypatch: pytest.MonkeyPatch) -> None:
    settler, campaign = market.stage.settler(), market.stage.campaign()
    always = [Due("void bundle 5", few(lambda: None))]
    monkeypatch.setattr(settler, "due", lambda _: always)
    with pytest.raises(ChainError, match="such as: void bundle 5"):
        settler.settle(campaign)


def test_one_window_that_ends_meanwhile_keeps_nothing_else_from_being_done(
    market: ModelStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    settler, campaign, told = market.stage.settler(), market.stage.campaign(), list[str]()

    def too_late() -> None:
        raise ClosedError("the case had to be opened before")

    passes = iter([[Due("open a case", too_late), Due("settle bundle 5", lambda: None)], []])
    monkeypatch.setattr(settler, "due", lambda _: next(passes))
    assert (settler.settle(campaign, told.append), told) == (1, ["settle bundle 5"])
