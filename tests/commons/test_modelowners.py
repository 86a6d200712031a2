"""Whose word about a task counts: everybody's who owned it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from commons.chain.calldata import signatures
from commons.chain.modelowners import TASK_TRANSFERRED, handovers, model_owners
from tests.support.trainedmarket import DIMENSION, OWNERS, TrainedMarket


def test_present_and_former_model_owners_are_known(tmp_path: Path) -> None:
    market = TrainedMarket(tmp_path)
    try:
        first, second, third = market.chains[0], market.chains[8], market.chains[9]
        task = market.task(None)
        assert model_owners(market.view(), task) == {first.address}
        first.transfer_task(task, second.address)
        assert model_owners(market.view(), task) == {first.address}  # it is offered, and not taken
        second.accept_task(task)
        second.transfer_task(task, third.address)
        third.accept_task(task)
        assert model_owners(market.view(), task) == {first.address, second.address, third.address}
    finally:
        market.close()


def test_former_model_owners_have_no_say_in_later_rounds(tmp_path: Path) -> None:
    """Of rounds that were opened before it passed the task on for the last time, each has one."""
    market = TrainedMarket(tmp_path)
    try:
        first, second = market.chains[0], market.chains[8]
        task = market.task(None)
        assert handovers(market.view(), task) == {}
        market.play(task, np.zeros(DIMENSION))
        for giver, taker in ((first, second), (second, first), (first, second)):
            giver.transfer_task(task, taker.address)
            taker.accept_task(task)
        assert handovers(market.view(), task) == {first.address: 1}
        second.open_round(task, bytes(32), OWNERS)
        assert handovers(market.view(), task) == {first.address: 1}
    finally:
        market.close()


def test_the_event_is_the_contracts() -> None:
    assert signatures("Market", "event")["TaskTransferred"] == TASK_TRANSFERRED
