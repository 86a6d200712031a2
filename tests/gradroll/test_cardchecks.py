"""Model cards of real rounds held against a chain: from its URL alone, with each field a lie, and of bad trainings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from circuits.arrays import FloatArray
from circuits.errors import InvalidInputError, NotReadyError, ProofError, SignatureError, UnavailableError
from circuits.quantize import IntArray
from commons.protocol.modelmanifests import ModelManifest
from commons.protocol.trainingdecisions import Decision, DecisionKind, SignedDecision
from commons.protocol.trainingrules import Dyadic, Momentum, Plateau, Sgd, TrainingRule
from gradroll.audit.cardchecks import CardVerdict, check_card
from gradroll.audit.cardfacts import CardFacts
from gradroll.audit.modelcards import CardRound, ModelCard
from gradroll.training.replay import Fault
from gradroll.training.stepping import TrainingState, advance, begin, with_metric
from tests.support.parts import with_parts
from tests.support.trainedmarket import DIMENSION, OWNERS, TrainedMarket, blocks

MOMENTUM = TrainingRule(Momentum(30, Dyadic(7, 3), 40), Dyadic(1, 2), 16, decay=Dyadic(1, 10))
SGD = TrainingRule(Sgd(40), Dyadic(1), 16, 4)
PLATEAU = replace(SGD, plateau=Plateau("max", Dyadic(1, 1), 1, 0, 4, b"\x77" * 32))
ROUNDS = 10


def manifest_of(rule: TrainingRule | None) -> ModelManifest:
    return ModelManifest(blocks(), DIMENSION, rule)


def nobody(digest: bytes) -> FloatArray:
    raise UnavailableError("nobody serves a model")


class Training:
    """A task trained by a rule, or nearly so."""

    def __init__(
        self, market: TrainedMarket, rule: TrainingRule, first: FloatArray | None = None, **changes: object
    ) -> None:
        self.market, self.rule, self.manifest = market, rule, manifest_of(rule)
        self.task = market.task(self.manifest, **changes)
        self.first = np.zeros(DIMENSION) if first is None else first
        self.state = begin(rule, blocks(), self.first)
        self.sums: list[IntArray] = []

    def run(self, rounds: int, change: Callable[[int, FloatArray], FloatArray] = lambda _, model: model) -> Training:
        """Open rounds on the rule's models, or on what ``change`` makes of them."""
        for _ in range(rounds):
            self.sums.append(self.market.play(self.task, change(self.state.round, self.state.model)))
            self.state = self.advanced(self.sums[-1])
        return self

    def advanced(self, total: IntArray) -> TrainingState:
        return advance(self.rule, blocks(), self.state, total, OWNERS)

    def facts(self) -> CardFacts:
        """As somebody reads them who has a node and a reference string."""
        return CardFacts(self.market.reader(), self.task, lambda _: self.first)

    def card(self, *decisions: SignedDecision) -> ModelCard:
        return self.facts().card(self.manifest, decisions)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrainedMarket]:
    made = TrainedMarket(tmp_path_factory.mktemp("market"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def trained(market: TrainedMarket) -> Training:
    """Ten rounds of momentum, from zeros."""
    return Training(market, MOMENTUM).run(ROUNDS)


def fields_of(verdict: CardVerdict) -> list[str]:
    return [lie.field for lie in verdict.lies]


def test_ten_rounds_are_computed_again_from_the_chain_alone(trained: Training) -> None:
    """Zeros need no file, sums are on the chain: nobody serves anything."""
    data = trained.card().encoded
    alone = CardFacts(trained.market.reader(), trained.task, nobody)
    verdict = check_card(ModelCard.decode(data), alone, trained.state.model)
    assert verdict == CardVerdict((), "recomputed", 0)
    assert [each.owners for each in ModelCard.decode(data).rounds] == [OWNERS] * ROUNDS


def flipped(data: bytes) -> bytes:
    return bytes((data[0] ^ 1,)) + data[1:]


LIES: list[tuple[str, Callable[[ModelCard], ModelCard]]] = [
    ("chain_id", lambda card: with_parts(card, chain_id=card.chain_id + 1)),
    ("market", lambda card: with_parts(card, market=flipped(card.market))),
    ("deployment", lambda card: with_parts(card, deployment=flipped(card.deployment))),
    ("terms_hash", lambda card: with_parts(card, terms_hash=flipped(card.terms_hash))),
    ("privacy.committee", lambda card: with_parts(card, privacy=replace(card.privacy, committee=1))),
    ("privacy.provers", lambda card: with_parts(card, privacy=replace(card.privacy, provers=7))),
    ("privacy.threshold", lambda card: with_parts(card, privacy=replace(card.privacy, threshold=2))),
    ("privacy.min_owners", lambda card: with_parts(card, privacy=replace(card.privacy, min_owners=3))),
    ("privacy.millibits", lambda card: with_parts(card, privacy=replace(card.privacy, millibits=1))),
    ("privacy.public_sums", lambda card: with_parts(card, privacy=replace(card.privacy, public_sums=0))),
    ("rounds.3.model", lambda card: in_round(card, 3, model=flipped(card.rounds[3].model))),
    ("rounds.3.owners", lambda card: in_round(card, 3, owners=4)),
    ("rounds.3.weight", lambda card: in_round(card, 3, weight=4)),
    ("rounds.3.batches", lambda card: in_round(card, 3, batches=(flipped(card.rounds[3].batches[0]),))),
    ("rounds.9.batches", lambda card: in_round(card, 9, batches=())),
    ("rounds", lambda card: with_parts(card, rounds=(*card.rounds, CardRound(ROUNDS, bytes(32), 0, 0, ())))),
    ("manifest", lambda card: with_parts(card, manifest=None)),
    ("manifest", lambda card: with_parts(card, manifest=manifest_of(replace(MOMENTUM, rate=Dyadic(1, 3))))),
    ("final_model", lambda card: with_parts(card, final_model=flipped(card.final_model))),
    ("final_model", lambda card: with_parts(card, final_model=b"")),
    ("final_model", lambda card: with_parts(card, rounds=card.rounds[:-1])),
    ("decisions", lambda card: with_parts(card, decisions=(forged(card),))),
]  # fmt: skip


def in_round(card: ModelCard, number: int, **changes: object) -> ModelCard:
    rounds = [with_parts(each, **changes) if each.number == number else each for each in card.rounds]
    return with_parts(card, rounds=tuple(rounds))


def forged(card: ModelCard) -> SignedDecision:
    decision = Decision(card.task, card.terms_hash, 0, card.rounds[1].model, DecisionKind.METRIC, 1)
    return SignedDecision(decision, bytes(20), bytes(64) + b"\x1b")


@pytest.mark.parametrize(("field", "lie"), LIES)
def test_a_lie_in_any_field_is_named(trained: Training, field: str, lie: Callable[[ModelCard], ModelCard]) -> None:
    told = ModelCard.decode(lie(trained.card()).encoded)
    assert fields_of(check_card(told, trained.facts())) == [field]


def test_another_tasks_card_is_told_by_its_terms(trained: Training) -> None:
    other = Training(trained.market, SGD).run(1)
    told = with_parts(trained.card(), task=other.task)
    verdict = check_card(told, CardFacts(trained.market.reader(), other.task, nobody))
    assert {"terms_hash", "manifest", "rounds"} <= set(fields_of(verdict))


def test_an_older_card_stays_true_and_says_how_old_it_is(market: TrainedMarket) -> None:
    training = Training(market, SGD).run(2)
    card = training.card()
    training.run(1)
    assert check_card(card, training.facts()) == CardVerdict((), "recomputed", 1)
    assert fields_of(check_card(card, training.facts(), training.state.model)) == ["final_model"]


def test_a_round_that_may_get_a_batch_is_in_no_card(market: TrainedMarket) -> None:
    training = Training(market, SGD).run(1)
    market.owner.open_round(training.task, training.facts().training(training.manifest).model_digest, OWNERS)
    card = training.card()
    assert len(card.rounds) == 1
    assert check_card(card, training.facts(), training.state.model) == CardVerdict((), "recomputed", 1)


def test_a_first_model_that_is_not_zeros_is_asked_for_and_checked(market: TrainedMarket) -> None:
    training = Training(market, SGD, np.arange(DIMENSION) / 4).run(2)
    card = training.card()
    assert check_card(card, training.facts()).lies == ()
    with pytest.raises(UnavailableError, match="nobody serves"):
        check_card(card, CardFacts(market.reader(), training.task, nobody))
    with pytest.raises(InvalidInputError, match="not the first model"):
        check_card(card, CardFacts(market.reader(), training.task, lambda _: np.ones(DIMENSION)))


def one_bit(number: int, model: FloatArray) -> FloatArray:
    """The least change of one coordinate in round 2."""
    return np.concatenate(([np.nextafter(model[0], 9)], model[1:])) if number == 2 else model


def test_one_bit_of_a_model_is_named(market: TrainedMarket) -> None:
    training = Training(market, SGD).run(4, one_bit)
    found = training.facts().training(training.manifest).deviation
    assert found is not None
    assert (found.fault, found.round) == (Fault.OTHER_MODEL, 2)
    assert found.expected is not None and found.expected.hex() in found.text


def test_a_round_that_was_skipped_is_named(market: TrainedMarket) -> None:
    training = Training(market, SGD).run(2)
    skipped = training.market.play(training.task, training.state.model)
    training.run(1)
    assert skipped.any()
    found = training.facts().training(training.manifest).deviation
    assert found is not None
    assert (found.fault, found.round) == (Fault.SKIPPED, 3)
    assert "round 2's sum was not applied" in found.text


def test_another_rule_than_the_tasks_is_named(market: TrainedMarket) -> None:
    """The model owner trains at half the rate that it committed to."""
    training = Training(market, SGD)
    training.rule = replace(SGD, rate=Dyadic(1, 1))
    training.run(3)
    found = training.facts().training(training.manifest).deviation
    assert found is not None
    assert (found.fault, found.round) == (Fault.OTHER_MODEL, 1)


def test_a_training_that_deviates_gets_no_card_and_a_made_up_one_fails(market: TrainedMarket) -> None:
    training = Training(market, SGD).run(4, one_bit)
    with pytest.raises(ProofError, match="round 2 was opened on another model"):
        training.card()
    honest = Training(market, SGD).run(1).card()
    facts = training.facts()
    own = facts.view.market_id
    rounds = tuple(map(facts.round, range(4)))
    terms_hash = facts.view.terms(training.task).terms_hash
    made_up = ModelCard(
        own.chain_id, own.address, own.deployment, training.task, terms_hash, honest.privacy, rounds, training.manifest,
        b"\x01" * 32,
    )  # fmt: skip
    verdict = check_card(made_up, facts)
    assert fields_of(verdict) == ["models"]
    assert "round 2" in verdict.lies[0].text


def test_a_card_holds_the_decisions_that_its_models_rest_on(market: TrainedMarket) -> None:
    """Metrics that get no better halve the rate; without them, or with others, nobody comes to the same model."""
    training, decisions = metered(market, 500, 499, 498)
    card = training.card(*decisions)
    assert [each.decision.value for each in card.decisions] == [500, 499, 498]
    assert check_card(ModelCard.decode(card.encoded), training.facts(), training.state.model).lies == ()
    for lie in (with_parts(card, decisions=()), with_parts(card, decisions=card.decisions[1:])):
        assert fields_of(check_card(lie, training.facts())) == ["models"]
    forged_one = replace(card.decisions[0], decision=replace(card.decisions[0].decision, value=501))
    assert fields_of(check_card(with_parts(card, decisions=(forged_one,)), training.facts())) == ["decisions"]


def training_metric(training: Training, decisions: list[SignedDecision], number: int, value: int) -> SignedDecision:
    """The model owner's word about the model after a round."""
    digest = training.facts().training(training.manifest, decisions).model_digest
    return decided(training, number, digest, DecisionKind.METRIC, value)


def decided(training: Training, number: int, digest: bytes, kind: DecisionKind, value: int = 0) -> SignedDecision:
    """What the model owner signs."""
    owner, view = training.market.owner, training.market.owner.view
    decision = Decision(training.task, view.terms(training.task).terms_hash, number, digest, kind, value)
    return SignedDecision(decision, owner.address, owner.sign_message(decision.message(view.market_id)))


def test_a_card_of_private_sums_names_no_model(market: TrainedMarket) -> None:
    """Nobody could check one, so nobody is to be told one; everything else is checked as ever."""
    manifest = manifest_of(SGD)
    task = market.task(manifest, inline_payload=False, sum_key=b"\x09" * 32)
    market.play(task, np.zeros(DIMENSION))
    facts = CardFacts(market.reader(), task, nobody)
    card = facts.card(manifest)
    assert (card.final_model, card.privacy.public_sums) == (b"", 0)
    assert check_card(card, facts) == CardVerdict((), "private", 0)
    told = with_parts(card, final_model=b"\x01" * 32, decisions=(forged_for(card),))
    assert fields_of(check_card(told, facts)) == ["final_model", "decisions"]
    assert fields_of(check_card(card, facts, np.zeros(DIMENSION))) == ["final_model"]
    with pytest.raises(UnavailableError, match="are private"):
        facts.training(manifest)


def metered(market: TrainedMarket, *values: int) -> tuple[Training, list[SignedDecision]]:
    """A training on a plateau, and the metric of each of its rounds."""
    training, decisions = Training(market, PLATEAU), list[SignedDecision]()
    for number, value in enumerate(values):
        training.run(1)
        decisions.append(training_metric(training, decisions, number, value))
        training.state = with_metric(PLATEAU, training.state, value)
    return training, decisions


def test_a_card_that_leaves_a_metric_out_has_no_final_model(market: TrainedMarket) -> None:
    """Else the model before the last sum would pass for the one after it."""
    training, decisions = metered(market, 500, 499, 498)
    with pytest.raises(NotReadyError, match="metric of round 1"):
        training.card(decisions[0])
    told = with_parts(training.card(*decisions), decisions=(decisions[0],))
    for digest in (training.facts().round(2).model, told.final_model):
        assert fields_of(check_card(with_parts(told, final_model=digest), training.facts())) == ["final_model"]
    assert check_card(training.card(*decisions[:2]), training.facts()).lies == ()  # that of the last one may come later


def test_a_second_value_makes_another_final_model_until_a_round_is_opened_on_one(market: TrainedMarket) -> None:
    """Nothing dates a signature: the model owner can choose the last rate when it knows both models."""
    training, decisions = metered(market, 500, 499, 498)
    first = training.card(*decisions)
    other = decided(training, 1, training.facts().round(2).model, DecisionKind.METRIC, 600)
    second = training.card(decisions[0], other)
    assert first.final_model != second.final_model
    for card in (first, second):
        assert check_card(card, training.facts()) == CardVerdict((), "recomputed", 0, unsettled=True)
    assert fields_of(check_card(second, training.facts(), known=decisions)) == ["models"]
    assert fields_of(check_card(first, training.facts(), known=[other])) == ["models"]
    market.owner.open_round(training.task, first.final_model, OWNERS)
    assert check_card(first, training.facts()) == CardVerdict((), "recomputed", 1)
    assert fields_of(check_card(second, training.facts())) == ["models"]


def test_a_card_from_before_a_deviation_does_not_pass(market: TrainedMarket) -> None:
    training = Training(market, SGD).run(2)
    card = training.card()
    market.owner.open_round(training.task, b"\x05" * 32, OWNERS)
    verdict = check_card(card, training.facts())
    assert fields_of(verdict) == ["models"]
    assert "round 2 was opened on another model" in verdict.lies[0].text
    with pytest.raises(ProofError, match="round 2 was opened on another model"):
        training.card()


def test_a_decision_that_changes_nothing_is_in_no_card(market: TrainedMarket) -> None:
    """Of another model, without a plateau, twice, or in another order: people would read it on the page."""
    training, decisions = metered(market, 500, 499)
    card = training.card(*decisions)
    praise = decided(training, 1, b"\x09" * 32, DecisionKind.METRIC, 999_999)
    for wrong in ((*decisions, praise), (*decisions, decisions[1]), tuple(reversed(decisions))):
        assert fields_of(check_card(with_parts(card, decisions=wrong), training.facts())) == ["decisions"]
        assert training.card(*wrong) == card
    plain = Training(market, SGD).run(1)
    metric = decided(plain, 0, plain.card().final_model, DecisionKind.METRIC, 999_999)
    assert plain.card(metric).decisions == ()
    assert fields_of(check_card(with_parts(plain.card(), decisions=(metric,)), plain.facts())) == ["decisions"]


def test_a_stop_that_did_not_stop_is_named(market: TrainedMarket) -> None:
    training = Training(market, SGD).run(1)
    stop = decided(training, 0, training.card().final_model, DecisionKind.STOP)
    stopped = training.card(stop)
    assert check_card(stopped, training.facts()).lies == ()
    training.run(1)
    assert fields_of(check_card(stopped, training.facts())) == ["models"]
    denied = training.card()
    assert check_card(denied, training.facts()).lies == ()
    assert fields_of(check_card(denied, training.facts(), known=[stop])) == ["models"]
    with pytest.raises(SignatureError):
        check_card(denied, training.facts(), known=[replace(stop, signer=bytes(20))])


def test_where_the_rule_gives_no_model_the_one_before_is_not_the_final_one(market: TrainedMarket) -> None:
    training = Training(market, replace(SGD, rate=Dyadic(1 << 30)))
    assert market.play(training.task, training.first).any()
    card = training.card()
    assert card.final_model == b""
    assert check_card(card, training.facts()).lies == ()
    told = with_parts(card, final_model=card.rounds[0].model)
    assert fields_of(check_card(told, training.facts())) == ["final_model"]


def test_a_task_without_a_rule_gets_a_card_without_models(market: TrainedMarket) -> None:
    for manifest in (None, manifest_of(None)):
        task = market.task(manifest)
        market.play(task, np.ones(DIMENSION))
        facts = CardFacts(market.reader(), task, nobody)
        card = facts.card(manifest)
        assert check_card(card, facts) == CardVerdict((), "no rule", 0)
        assert fields_of(check_card(with_parts(card, final_model=b"\x01" * 32), facts)) == ["final_model"]
        assert fields_of(check_card(with_parts(card, decisions=(forged_for(card),)), facts)) == ["decisions"]
        with pytest.raises(InvalidInputError, match="no training rule"):
            facts.training(manifest)


def forged_for(card: ModelCard) -> SignedDecision:
    decision = Decision(card.task, card.terms_hash, 0, bytes(32), DecisionKind.STOP)
    return SignedDecision(decision, bytes(20), bytes(64) + b"\x1b")
