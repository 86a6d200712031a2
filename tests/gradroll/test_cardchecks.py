"""Model cards of real rounds, held against a chain."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from commons.protocol.modelmanifests import ModelManifest
from gradroll.audit.cardchecks import check_card
from gradroll.audit.cardfacts import CardFacts
from tests.support.trainedmarket import DIMENSION, TrainedMarket, blocks


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrainedMarket]:
    made = TrainedMarket(tmp_path_factory.mktemp("market"))
    yield made
    made.close()


def test_x(market):
    import time
    task = market.task(None)
    t=time.time()
    for n in range(3):
        market.play(task, np.full(DIMENSION, float(n)))
        print(time.time()-t)
    facts = CardFacts(market.reader(), task, lambda d: 1/0)
    card = facts.card(None)
    print(card)
    v = check_card(card, CardFacts(market.reader(), task, lambda d: 1/0))
    print(v)
    assert 0
