"""Models that train in their contracts: the same integers as in Python, sample by sample, whatever a node shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from circuits.errors import UnknownError
from commons.chain.dataperceptronview import TrainingCursor
from commons.samples.perceptrons import Perceptron
from gradroll.datamarket.hiddengroups import GroupScorer, HiddenGroups
from gradroll.datamarket.modeltrainer import Training
from tests.datamarket.datastage import SCHEMA, bundle_of
from tests.datamarket.modelstage import ModelStage, model_stage, samples_of

TESTS = bundle_of(*samples_of(30, first=500, shift=3))


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelStage]:
    with model_stage(tmp_path_factory.mktemp("models")) as made:
        yield made


def test_a_model_is_made_trained_shown_tests_and_scored(market: ModelStage, tmp_path: Path) -> None:
    groups = HiddenGroups.of([TESTS])
    campaign = market.stage.campaign(market.stage.terms(tests=groups.commitment))
    bundles = [bundle_of(*samples_of(20)), bundle_of(*samples_of(20, first=20))]
    first, second = (market.settled(campaign, each) for each in bundles)
    account = market.account()
    model = account.make(campaign, 16, 7)
    assert account.make(campaign, 16, 7) == model
    assert account.models.models(campaign) == [model]
    library = market.library(tmp_path, {first: bundles[0]})
    trainer, told = market.trainer(model, library), list[Training]()
    with pytest.raises(UnknownError, match=f"bundle {second} is not here"):
        trainer.train(told.append)
    assert [each.trained for each in told] == [20], "what is here is trained on before that"
    library.add(second, bundles[1])
    done = market.trainer(model, library).train()
    assert done == Training(40, TrainingCursor(2, 0, 0), 2) and done.complete
    expected = Perceptron(SCHEMA, 16, 7)
    assert expected.train([*bundles[0].samples, *bundles[1].samples]) > 5
    assert np.array_equal(account.models.weights(model, SCHEMA), expected.weights)
    market.close(campaign)
    scorer = GroupScorer(account, model)
    scorer.show(groups, 0, market.trainer(model, library))
    record = scorer.score(0, TESTS)
    assert (record.scored, record.right) == (30, expected.right(list(TESTS.samples)))
    assert scorer.score(0, TESTS) == record
    assert account.models.predict(model, TESTS.samples[3]) == expected.predict([TESTS.samples[3]])[0]
