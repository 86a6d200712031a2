"""What a model owner signs: its own, once, of this task and this model; and what a replay says of anything else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from circuits.errors import InvalidInputError, SignatureError
from circuits.hashing import typed_digest
from circuits.terms import MAX_ROUNDS, MarketId
from commons.protocol.trainingdecisions import Decision, DecisionKind, SignedDecision
from commons.protocol.trainingrules import MAX_METRIC, Plateau
from gradroll.training.decisionbook import require_decision
from gradroll.training.plateaus import PlateauState, observe_metric
from gradroll.training.replay import Fault
from tests.support.plain_batch import address_of, seed_of
from tests.training.playing import MARKET, OWNER, PLAIN, PLATEAU, STRANGER, WATCHED, Played, decided, played

METRICS = (900, 950, 800, 990, 700)


def watched(rounds: int = 5) -> Played:
    return played(WATCHED, rounds, metrics=METRICS)


def test_the_digest_by_hand() -> None:
    kind = (
        "TrainingDecision(uint256 taskId,bytes32 termsHash,uint256 round,bytes32 modelDigest,uint256 kind,int256 value)"
    )
    decision = Decision(3, b"\x44" * 32, 5, b"\x45" * 32, DecisionKind.METRIC, -7)
    fields = (3, b"\x44" * 32, 5, b"\x45" * 32, 1, (1 << 256) - 7)
    assert decision.digest(MARKET) == typed_digest(MARKET.domain, kind, fields)


@pytest.mark.parametrize(
    "changes",
    [{"task_id": -1}, {"task_id": 1 << 64}, {"terms_hash": bytes(31)}, {"round": -1}, {"round": MAX_ROUNDS + 1},
     {"round": True}, {"model_digest": bytes(33)}, {"value": MAX_METRIC + 1}, {"value": -MAX_METRIC - 1},
     {"value": 0.5}, {"kind": 1}, {"kind": DecisionKind.STOP}],
)  # fmt: skip
def test_a_decision_out_of_range_is_refused(changes: dict[str, Any]) -> None:
    decision = Decision(3, bytes(32), 5, bytes(32), DecisionKind.METRIC, 7)
    with pytest.raises(InvalidInputError):
        replace(decision, **changes)


def test_every_part_of_a_decision_is_signed() -> None:
    signed = decided(5, bytes(32), 7)
    changes: list[dict[str, Any]] = [
        {"task_id": 4}, {"terms_hash": bytes(32)}, {"round": 6}, {"model_digest": b"\x01" * 32}, {"value": 8},
        {"value": 0, "kind": DecisionKind.STOP},
    ]  # fmt: skip
    signed.require_signed(MARKET)
    for change in changes:
        with pytest.raises(SignatureError):
            replace(signed, decision=replace(signed.decision, **change)).require_signed(MARKET)
    with pytest.raises(SignatureError):
        signed.require_signed(MarketId(7, b"\x42" * 20, b"\x44" * 32))


def forged() -> list[SignedDecision]:
    """Decisions that others than the model owner can make."""
    digest = watched().digests[1]
    honest = decided(0, digest, 900)
    return [
        decided(0, digest, 900, key=STRANGER),
        replace(decided(0, digest, 900, key=STRANGER), signer=address_of(OWNER)),
        replace(honest, signature=honest.signature[:-1] + bytes([55 - honest.signature[-1]])),
        replace(honest, signature=b""),
        replace(honest, decision=replace(honest.decision, value=901)),
        decided(0, digest, 900, task_id=4),
    ]


@pytest.mark.parametrize("wrong", forged())
def test_a_forged_decision_or_one_of_another_task_is_refused(wrong: SignedDecision) -> None:
    training = watched()
    with pytest.raises(SignatureError):
        require_decision(training.task, wrong)
    with pytest.raises(SignatureError):
        training.replay(decisions=[*training.decisions, wrong])


def test_a_decision_of_a_task_with_the_same_number_and_other_terms_is_refused() -> None:
    training = watched()
    with pytest.raises(SignatureError, match="another task"):
        training.replay(task=replace(training.task, terms_hash=seed_of("other terms")))


def test_a_former_model_owner_decided_for_its_time() -> None:
    training = watched()
    owners = frozenset({address_of(OWNER), address_of(STRANGER)})
    last = decided(4, training.digests[5], 700, key=STRANGER)
    task = replace(training.task, model_owners=owners)
    assert training.replay(task=task, decisions=[*training.decisions[:4], last]).deviation is None


def test_who_passed_the_task_on_decides_nothing_of_later_rounds() -> None:
    """Else it could contradict its successor's metrics, or stop its training."""
    training = watched()
    owners = frozenset({address_of(OWNER), address_of(STRANGER)})
    task = replace(training.task, model_owners=owners, handovers={address_of(STRANGER): 4})
    earlier = decided(3, training.digests[4], training.decisions[3].decision.value, key=STRANGER)
    assert training.replay(task=task, decisions=[*training.decisions, earlier]).deviation is None
    stop = decided(4, training.digests[5], kind=DecisionKind.STOP, key=STRANGER)
    with pytest.raises(SignatureError, match="no longer owned the task"):
        training.replay(task=task, decisions=[*training.decisions, stop])


def test_a_decision_that_is_there_twice_counts_once() -> None:
    training = watched()
    found = training.replay(decisions=[*training.decisions, *reversed(training.decisions)])
    assert (found.deviation, found.model_digest) == (None, training.digests[-1])
    assert all(len(each.decisions) == 1 for each in found.rounds)


def test_so_many_decisions_are_looked_at_and_no_more() -> None:
    training = watched()
    most = 4 * WATCHED.max_rounds
    repeated = [*training.decisions, *[training.decisions[0]] * (most - 5)]
    assert training.replay(decisions=repeated).deviation is None
    with pytest.raises(InvalidInputError, match="more than four a round"):
        training.replay(decisions=[*repeated, training.decisions[0]])


@pytest.mark.parametrize("number", range(4))
def test_a_missing_metric_is_named_where_a_model_hangs_on_it(number: int) -> None:
    """The metric of round r sets the rate of round r + 1: without it there is no model for round r + 2."""
    training = watched()
    decisions = [each for each in training.decisions if each.decision.round != number]
    found = training.replay(decisions=decisions)
    fault = found.deviation or found.blocked
    assert fault is not None
    assert (fault.fault, fault.round) == (Fault.DECISION_MISSING, number)
    assert (found.deviation is None) == (number == 3)  # then it can still be signed
    assert len(found.rounds) == number + 2


def test_the_metric_of_the_last_round_may_still_come() -> None:
    training = watched()
    found = training.replay(decisions=training.decisions[:-1])
    assert (found.deviation, found.blocked, found.model_digest) == (None, None, training.digests[-1])


def test_a_metric_that_came_late_is_needed_across_rounds_without_a_batch() -> None:
    training = played(WATCHED, 5, empty=(1, 2), metrics=METRICS)
    assert training.replay().deviation is None
    found = training.replay(decisions=training.decisions[1:])
    assert found.deviation is not None
    assert (found.deviation.fault, found.deviation.round, len(found.rounds)) == (Fault.DECISION_MISSING, 0, 4)


def test_two_values_for_one_round_contradict_each_other() -> None:
    training = watched()
    other = decided(2, training.digests[3], 801)
    for decisions in ([*training.decisions, other], [other, *training.decisions]):
        found = training.replay(decisions=decisions)
        assert found.deviation is not None
        assert (found.deviation.fault, found.deviation.round) == (Fault.DECISION_CONTRADICTORY, 2)
        assert "800 and 801" in found.deviation.text


def test_two_values_contradict_each_other_where_the_rule_calls_for_none() -> None:
    training = played(PLAIN)
    found = training.replay(decisions=[decided(1, training.digests[2], value) for value in (5, 6)])
    assert found.deviation is not None
    assert (found.deviation.fault, found.deviation.round) == (Fault.DECISION_CONTRADICTORY, 1)


def test_another_value_gives_another_model() -> None:
    """Whoever signs another metric afterwards, in place of the first, no longer fits the models it opened rounds on."""
    training = watched()
    other = [each for each in training.decisions if each.decision.round != 1]
    found = training.replay(decisions=[*other, decided(1, training.digests[2], 899)])
    assert found.deviation is not None
    assert (found.deviation.fault, found.deviation.round) == (Fault.OTHER_MODEL, 3)


def test_a_decision_about_another_model_is_of_no_effect() -> None:
    """It may be of a branch of the chain that is no more; a stop of that branch stops nothing here."""
    training = watched()
    elsewhere = [
        decided(1, seed_of("model of another branch"), 5),
        decided(1, seed_of("model of another branch"), kind=DecisionKind.STOP),
    ]
    assert training.replay(decisions=[*training.decisions, *elsewhere]).deviation is None
    alone = training.replay(decisions=[*training.decisions[:1], elsewhere[0], *training.decisions[2:]])
    assert alone.deviation is not None
    assert (alone.deviation.fault, alone.deviation.round) == (Fault.DECISION_MISSING, 1)


def after(plateau: Plateau, metrics: list[int]) -> PlateauState:
    state = PlateauState()
    for metric in metrics:
        state = observe_metric(plateau, state, metric)
    return state


def test_a_plateau_reduces_the_rate_after_its_patience() -> None:
    patient = replace(PLATEAU, patience=2, min_delta=10, reductions=2)
    assert after(patient, [100]) == PlateauState(100, 0, 0)
    assert after(patient, [100, 90]) == PlateauState(100, 1, 0)  # not better by more than min_delta
    assert after(patient, [100, 89]) == PlateauState(89, 0, 0)
    assert after(patient, [100, 90, 95]) == PlateauState(100, 0, 1)
    assert after(patient, [100, 90, 89, 95]) == PlateauState(89, 1, 0)  # what was stale is counted anew
    assert after(patient, [100] * 5) == PlateauState(100, 0, 2)
    assert after(patient, [100] * 9) == PlateauState(100, 0, 2)


def test_a_plateau_of_a_metric_that_should_be_large_looks_the_other_way() -> None:
    upward = replace(PLATEAU, mode="max", patience=1, min_delta=0)
    assert after(upward, [-5, -3]) == PlateauState(-3, 0, 0)
    assert after(upward, [-5, -6]) == PlateauState(-5, 0, 1)
    assert after(upward, [-5, -5]) == PlateauState(-5, 0, 1)
