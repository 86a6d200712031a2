"""A seed gives the same faults each time, every kind soon, and none that outlasts its campaign."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.chaos.faultplan import (
    COORDINATOR,
    KINDS,
    LEADER,
    LEASE,
    OF_PAIRS,
    REDIS,
    SECOND,
    SHARED,
    SPARED,
    STANDBY,
    Fault,
    drawn,
    kinds_of,
    lines,
    owner_names,
    servers,
)
from tests.chaos.places import CONFIRMATIONS


@pytest.mark.parametrize("seed", range(3))
def test_a_seed_gives_the_same_faults_each_time(seed: int) -> None:
    assert drawn(seed, 600, 5) == drawn(seed, 600, 5)
    assert drawn(seed, 600, 5) != drawn(seed + 1, 600, 5)


@pytest.mark.parametrize("seed", range(20))
def test_every_kind_comes_before_one_comes_again(seed: int) -> None:
    faults = drawn(seed, 2000, 5)
    assert list(faults) == sorted(faults, key=lambda fault: fault.at)
    for begin in range(0, len(faults) - len(KINDS) + 1, len(KINDS)):
        assert Counter(fault.kind for fault in faults[begin : begin + len(KINDS)]) == Counter(KINDS)


@pytest.mark.parametrize("seed", range(20))
def test_all_faults_are_over_when_the_campaign_ends_and_befall_whom_there_is(seed: int) -> None:
    known = {*servers(), *owner_names(3), "model-owner", "chain", *lines(3)}
    for fault in drawn(seed, 120, 3):
        assert fault.at + fault.seconds <= 120
        assert fault.target in known
        assert fault.seconds or fault.kind in ("cut-line", "reorganise")


def test_some_are_never_killed_and_suffer_all_else() -> None:
    faults = drawn(1, 20_000, 3)
    for name in SPARED:
        befallen = {fault.kind for fault in faults if fault.target == name}
        assert "pause" in befallen
        assert not {kind for kind in befallen if kind.startswith("kill")}
    assert {fault.target for fault in faults if fault.kind == "kill"} == {"prover-0", "prover-1", "prover-2"}


def test_a_reorganisation_is_mostly_less_deep_than_everybody_waits_and_rarely_deeper() -> None:
    depths = Counter(fault.size for fault in drawn(2, 20_000, 3, kinds=("reorganise",)))
    assert set(depths) == {1, 2, 3, CONFIRMATIONS, CONFIRMATIONS + 1}
    assert 5 * (depths[CONFIRMATIONS] + depths[CONFIRMATIONS + 1]) < 2 * depths.total()


def test_a_campaign_may_be_of_some_kinds_only() -> None:
    faults = drawn(1, 400, 3, kinds=("reorganise", "kill-coordinator"))
    assert len(faults) > 50
    assert {fault.kind for fault in faults} == {"reorganise", "kill-coordinator"}


def test_a_fault_says_what_it_is() -> None:
    assert str(Fault(3.0, "slow-line", "owner-1>prover-2", 4.2, 200)) == "slow-line owner-1>prover-2 for 4 s (200)"
    assert Fault(3.0, "kill", "prover-2", 1.5).record == {
        "at": 3.0, "kind": "kill", "target": "prover-2", "seconds": 1.5, "size": 0,
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_two_coordinators_suffer_all_that_one_does_and_what_befalls_leaders_and_redis(seed: int) -> None:
    kinds = kinds_of(pair=True)
    faults = drawn(seed, 20_000, 3, kinds=kinds, pair=True)
    assert set(KINDS) | set(OF_PAIRS) == set(kinds) == {fault.kind for fault in faults}
    known = {*servers(pair=True), *owner_names(3), "model-owner", "chain", *lines(3, pair=True), REDIS, SHARED}
    known |= {who + callee for who in (LEADER, STANDBY) for callee in ("", f">{REDIS}")}
    assert {fault.target for fault in faults} <= known
    assert max(fault.seconds for fault in faults if fault.kind == "pause-leader") > LEASE
    assert {fault.target for fault in faults if fault.kind == "node-down"} >= {COORDINATOR, SECOND}
