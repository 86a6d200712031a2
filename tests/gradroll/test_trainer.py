"""A model owner that trains by a rule: rounds are opened on the rule's model and no other, before anything is paid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from eth_utils.address import to_checksum_address
from web3.types import RPCEndpoint

from circuits.errors import (
    ClosedError,
    GradrollError,
    InvalidInputError,
    NotReadyError,
    RuleViolationError,
    UnknownError,
)
from circuits.hashing import keccak
from commons.chain.writer import ChainWriter
from commons.protocol.decisionlists import encode_decisions
from commons.protocol.modelmanifests import ModelManifest
from commons.protocol.trainingdecisions import DecisionKind
from commons.protocol.trainingrules import Dyadic, Plateau, Sgd, TrainingRule
from commons.storage.modelfiles import encode_model
from commons.wire.coordinator_client import CoordinatorClient
from gradroll.model_owner.buyer import ModelOwner
from gradroll.model_owner.decisionfiles import DecisionFiles, read_decisions
from gradroll.training.stepping import advance, begin
from tests.support.trainedmarket import DIMENSION, OWNERS, TrainedMarket, blocks

RULE = TrainingRule(Sgd(40), Dyadic(1), 3, 4)
METERED = replace(RULE, max_rounds=9, plateau=Plateau("max", Dyadic(1, 1), 1, 0, 4, b"\x77" * 32))
FIRST = np.arange(DIMENSION) / 8


@dataclass
class Shelf:
    """A coordinator that keeps models and manifests, and has no sums."""

    kept: dict[bytes, bytes] = field(default_factory=dict)

    def put_model(self, data: bytes, task_id: int, publisher: ChainWriter) -> bytes:
        self.kept[keccak(data)] = data
        return keccak(data)

    def put_manifest(self, manifest: ModelManifest, task_id: int, publisher: ChainWriter) -> None:
        self.kept[manifest.digest] = manifest.published

    def get_model(self, digest: bytes, dimension: int) -> bytes:
        return self._get(digest)

    def get_manifest(self, digest: bytes) -> ModelManifest:
        return ModelManifest.decode_published(self._get(digest))

    def payload(self, batch_id: bytes, dimension: int) -> bytes:
        raise UnknownError("this coordinator has no sums")

    def _get(self, digest: bytes) -> bytes:
        if digest not in self.kept:
            raise UnknownError("this coordinator does not have that")
        return self.kept[digest]


class Buying:
    """A task with a rule, and its model owner."""

    def __init__(self, market: TrainedMarket, state: Path, rule: TrainingRule | None = RULE, **changes: object) -> None:
        self.market, self.rule = market, rule
        self.manifest = ModelManifest(blocks(), DIMENSION, rule)
        self.task = market.task(self.manifest, **changes)
        self.shelf, self.state = Shelf(), state

    @property
    def owner(self) -> ModelOwner:
        """Anew each time, as each command has one."""
        reader = self.market.reader()
        shelf = cast(CoordinatorClient, self.shelf)
        return ModelOwner(
            reader.view, self.market.owner, shelf, reader.parameters, state=self.state, manifest=self.manifest
        )

    def opened_on(self, number: int) -> bytes:
        return self.market.view().round(self.task, number).model_digest

    def sent(self) -> int:
        """Transactions of the model owner so far."""
        return int(
            self.market.owner.view.rpc.web3.eth.get_transaction_count(to_checksum_address(self.market.owner.address))
        )

    def refused(self, error: type[GradrollError], match: str, model: object = None) -> None:
        """No round is opened, nothing is sent and nothing published."""
        before = self.sent(), dict(self.shelf.kept)
        with pytest.raises(error, match=match):
            self.owner.open_round(self.task, model)  # type: ignore[arg-type]
        assert (self.sent(), self.shelf.kept) == before


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrainedMarket]:
    made = TrainedMarket(tmp_path_factory.mktemp("market"))
    yield made
    made.close()


@pytest.fixture
def buying(market: TrainedMarket, tmp_path: Path) -> Buying:
    return Buying(market, tmp_path)


def digest(model: object) -> bytes:
    return keccak(encode_model(np.asarray(model, np.float64)))


def test_the_rule_opens_every_round_after_the_first(buying: Buying, market: TrainedMarket) -> None:
    buying.refused(InvalidInputError, "open the first one on a model of your own")
    state = begin(RULE, blocks(), FIRST)
    assert buying.owner.open_round(buying.task, FIRST) == 0
    for number in range(1, 3):
        total = market.settle(buying.task, number - 1)
        state = advance(RULE, blocks(), state, total, OWNERS)
        found = buying.owner.next_model(buying.task)
        assert found[0] == number
        np.testing.assert_array_equal(found[1], state.model)
        assert buying.owner.open_round(buying.task) == number
        assert buying.opened_on(number) == digest(state.model)
        assert digest(state.model) in buying.shelf.kept
    market.settle(buying.task, 2)
    buying.refused(ClosedError, "the rule trains 3 rounds")


def test_another_model_than_the_rules_is_refused_before_anything_is_paid(buying: Buying, market: TrainedMarket) -> None:
    buying.owner.open_round(buying.task, FIRST)
    market.settle(buying.task, 0)
    rules = buying.owner.next_model(buying.task)[1]
    one_bit = rules.copy()
    one_bit[3] = np.nextafter(one_bit[3], 9)
    for model in (one_bit, FIRST, np.zeros(DIMENSION)):
        buying.refused(RuleViolationError, f"0x{digest(rules).hex()}", model)
    assert buying.owner.open_round(buying.task, rules) == 1


def test_a_first_model_that_the_rule_cannot_start_from_is_refused(buying: Buying) -> None:
    buying.refused(InvalidInputError, "coordinate 0", np.full(DIMENSION, 2.0**-60))


def test_a_running_round_is_not_opened_again(buying: Buying, market: TrainedMarket) -> None:
    told: list[str] = []
    buying.owner.open_round(buying.task, FIRST)
    before = buying.sent()
    assert buying.owner.open_round(buying.task, warn=told.append) == 0
    assert buying.owner.open_round(buying.task, FIRST, warn=told.append) == 0
    assert buying.owner.next_model(buying.task)[0] == 0
    market.settle(buying.task, 0)
    assert buying.owner.open_round(buying.task) == 1
    assert buying.owner.open_round(buying.task, warn=told.append) == 1
    assert [text.split(" of ")[0] for text in told] == ["round 0", "round 0", "round 1"]
    assert buying.sent() == before + 3  # the batch, its sum, round 1


def test_a_round_that_may_get_another_batch_is_waited_for(market: TrainedMarket, tmp_path: Path) -> None:
    """A batch that comes after the next round is opened would be in no model."""
    buying = Buying(market, tmp_path, capacity=OWNERS + 1)
    buying.owner.open_round(buying.task, FIRST)
    market.settle(buying.task, 0)
    buying.refused(NotReadyError, "may get another batch until")


def test_a_training_that_went_wrong_is_not_gone_on_with(buying: Buying, market: TrainedMarket) -> None:
    buying.owner.open_round(buying.task, FIRST)
    market.settle(buying.task, 0)
    market.play(buying.task, FIRST)
    buying.refused(RuleViolationError, "round 0's sum was not applied")


def test_a_metric_that_the_rule_asks_for_is_signed_first(market: TrainedMarket, tmp_path: Path) -> None:
    buying = Buying(market, tmp_path, METERED)
    with pytest.raises(NotReadyError, match="no round"):
        buying.owner.decide(buying.task, DecisionKind.METRIC, 5)
    buying.owner.open_round(buying.task, FIRST)
    market.settle(buying.task, 0)
    after_0 = buying.owner.next_model(buying.task)[1]
    buying.owner.open_round(buying.task)
    market.settle(buying.task, 1)
    buying.refused(NotReadyError, "gradroll task decide .* --metric")
    signed = buying.owner.decide(buying.task, DecisionKind.METRIC, 900_000)
    assert (signed.decision.round, signed.decision.model_digest) == (0, digest(after_0))
    assert buying.owner.decide(buying.task, DecisionKind.METRIC, 1).decision.round == 1
    with pytest.raises(InvalidInputError, match="another metric of round 1 is signed already"):
        buying.owner.decide(buying.task, DecisionKind.METRIC, 2)
    assert buying.owner.open_round(buying.task) == 2
    kept = read_decisions(DecisionFiles.within(tmp_path).path(buying.task))
    assert [(each.decision.round, each.decision.value) for each in kept] == [(0, 900_000), (1, 1)]


def test_a_stop_waits_for_the_metric_that_is_owed(market: TrainedMarket, tmp_path: Path) -> None:
    """It would be of the round before, and say that the one that followed is wrong."""
    buying = Buying(market, tmp_path, METERED)
    for number in range(2):
        buying.owner.open_round(buying.task, FIRST if number == 0 else None)
        market.settle(buying.task, number)
    with pytest.raises(NotReadyError, match="the metric of round 0"):
        buying.owner.decide(buying.task, DecisionKind.STOP)
    buying.owner.decide(buying.task, DecisionKind.METRIC, 5)
    assert buying.owner.decide(buying.task, DecisionKind.STOP).decision.round == 1


def test_a_metric_is_of_the_last_round_with_a_batch(market: TrainedMarket, tmp_path: Path) -> None:
    """A round without one changes no model, and the rule asks for no metric of it."""
    buying = Buying(market, tmp_path, METERED)
    buying.owner.open_round(buying.task, FIRST)
    market.settle(buying.task, 0)
    buying.owner.open_round(buying.task)
    market.owner.view.rpc.web3.provider.make_request(RPCEndpoint("evm_increaseTime"), [5000])  # past its deadlines
    after = buying.owner.next_model(buying.task)[1]
    signed = buying.owner.decide(buying.task, DecisionKind.METRIC, 5)
    assert (signed.decision.round, signed.decision.model_digest) == (0, digest(after))


def test_without_a_model_nothing_is_decided(market: TrainedMarket, tmp_path: Path) -> None:
    buying = Buying(market, tmp_path, replace(METERED, rate=Dyadic(1 << 30)))
    buying.owner.open_round(buying.task, FIRST)
    market.settle(buying.task, 0)
    for kind in DecisionKind:
        with pytest.raises(RuleViolationError, match="gives round 1 no model"):
            buying.owner.decide(buying.task, kind)


def test_a_stop_ends_the_training(buying: Buying, market: TrainedMarket) -> None:
    buying.owner.open_round(buying.task, FIRST)
    with pytest.raises(NotReadyError, match=r"round 0 .* is running"):
        buying.owner.decide(buying.task, DecisionKind.STOP)
    market.settle(buying.task, 0)
    with pytest.raises(InvalidInputError, match="asks for no metric"):
        buying.owner.decide(buying.task, DecisionKind.METRIC, 5)
    buying.owner.decide(buying.task, DecisionKind.STOP)
    buying.owner.decide(buying.task, DecisionKind.STOP)
    assert len(DecisionFiles.within(buying.state).read(buying.task)) == 1
    buying.refused(ClosedError, "decided to stop after round 0")


def test_a_task_without_a_rule_is_opened_on_any_model_and_on_none(market: TrainedMarket, tmp_path: Path) -> None:
    buying = Buying(market, tmp_path, None)
    buying.refused(InvalidInputError, "name the model")
    assert buying.owner.open_round(buying.task, FIRST) == 0
    for ask in (buying.owner.next_model, lambda task: buying.owner.decide(task, DecisionKind.STOP)):
        with pytest.raises(InvalidInputError, match="has no training rule"):
            ask(buying.task)


def test_a_file_of_decisions_that_is_none_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "decisions.json"
    with pytest.raises(UnknownError, match="there is no file of decisions"):
        read_decisions(path)
    for data in (b"", b"{}", b"[{}]", b"\x80\x04", b"[" * 9999):
        path.write_bytes(data)
        with pytest.raises(InvalidInputError):
            read_decisions(path)
    path.write_bytes(encode_decisions(()))
    assert read_decisions(path) == ()
    monkeypatch.setattr("commons.protocol.decisionlists.MAX_DECISION_FILE", 1)
    with pytest.raises(InvalidInputError, match="at most 1 bytes"):
        read_decisions(path)
