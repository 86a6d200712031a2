"""A replay follows an honest training to its end, and names the first thing in which another one deviates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from circuits.errors import InvalidInputError
from commons.protocol.trainingdecisions import DecisionKind
from commons.protocol.trainingrules import Dyadic, Sgd, TrainingRule
from commons.storage.modelfiles import encode_model
from gradroll.training.replay import Fault, OpenedRound, Replayed
from gradroll.training.stepping import advance, digest_of
from tests.support.plain_batch import seed_of
from tests.training.playing import ADAPTIVE, BLOCKS, PLAIN, WATCHED, Played, decided, played

METRICS = (900, 950, 800, 990, 700)


def every_kind() -> list[Played]:
    return [played(PLAIN), played(WATCHED, metrics=METRICS), played(ADAPTIVE), played(PLAIN, 5, empty=(0, 3))]


def fault_of(found: Replayed) -> tuple[Fault, int]:
    assert found.deviation is not None
    return found.deviation.fault, found.deviation.round


@pytest.mark.parametrize("training", every_kind())
def test_an_honest_training_is_followed_to_its_end(training: Played) -> None:
    found = training.replay()
    assert (found.deviation, found.blocked, len(found.rounds)) == (None, None, 5)
    assert [each.model_digest for each in found.rounds] == training.digests[:-1]
    assert found.model_digest == training.digests[-1]
    assert found.model.tobytes() == training.states[-1].model.tobytes()


def test_a_replay_says_what_each_round_did() -> None:
    found = played(WATCHED, metrics=METRICS, empty=(1,)).replay()
    assert [each.weight for each in found.rounds] == [3, 0, 3, 3, 3]
    rates = [Fraction(1, 8), None, Fraction(1, 8), Fraction(1, 16), Fraction(1, 16)]
    assert [each.rate for each in found.rounds] == rates
    assert [[each.value for each in row.decisions] for row in found.rounds] == [[900], [], [950], [800], [990]]


def test_rounds_are_asked_for_one_by_one() -> None:
    training, asked = played(PLAIN), []

    def rounds() -> Iterator[OpenedRound]:
        for each in training.opened_on(2, seed_of("another model")):
            asked.append(each.number)
            yield each

    assert fault_of(training.replay(rounds=rounds())) == (Fault.OTHER_MODEL, 2)
    assert asked == [0, 1, 2]


def test_a_last_round_that_is_not_settled_is_looked_at_only() -> None:
    training = played(PLAIN, 3)
    going_on = OpenedRound(3, training.digests[-1], settled=False)
    found = training.replay(rounds=[*training.rounds, going_on])
    assert (found.deviation, len(found.rounds), found.model_digest) == (None, 4, training.digests[-1])
    assert fault_of(training.replay(rounds=[*training.rounds, replace(going_on, model_digest=bytes(32))])) == (
        Fault.OTHER_MODEL, 3,
    )  # fmt: skip


def test_before_the_first_round_the_model_is_the_initial_one() -> None:
    found = played(PLAIN).replay(rounds=[])
    assert (found.rounds, found.deviation, found.blocked) == ((), None, None)
    assert found.model_digest == played(PLAIN).digests[0]


@pytest.mark.parametrize("training", every_kind())
@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize("bit", [0, 17, 52, 63])
def test_one_bit_of_a_model_is_found(training: Played, number: int, bit: int) -> None:
    model = training.states[number].model.copy()
    model.view(np.uint64)[-1] ^= np.uint64(1 << bit)
    found = training.replay(rounds=training.opened_on(number, digest_of(model)))
    assert fault_of(found) == (Fault.INITIAL if number == 0 else Fault.OTHER_MODEL, number)
    assert found.deviation is not None
    assert (found.deviation.expected, found.deviation.found) == (training.digests[number], digest_of(model))
    assert digest_of(model).hex() in found.deviation.text
    assert training.digests[number].hex() in found.deviation.text
    assert len(found.rounds) == number


@pytest.mark.parametrize("training", every_kind()[:3])
@pytest.mark.parametrize("number", range(1, 5))
def test_a_round_opened_twice_on_one_model_is_named_as_a_skipped_sum(training: Played, number: int) -> None:
    found = training.replay(rounds=training.opened_on(number, training.digests[number - 1]))
    assert fault_of(found) == (Fault.SKIPPED, number)
    assert found.deviation is not None
    assert found.deviation.text.startswith(f"round {number - 1}'s sum was not applied")


@pytest.mark.parametrize("training", every_kind()[:3])
def test_a_skipped_round_is_named_though_the_training_goes_on_by_the_rule(training: Played) -> None:
    """Whoever leaves out round 1, and applies all rounds after it, is caught where it is left out."""
    states, rounds = training.states[:2], training.rounds[:1]
    state, rounds = states[1], [*rounds, training.rounds[1]]
    state = replace(state, round=2)
    for number in (2, 3, 4):
        rounds.append(replace(training.rounds[number], model_digest=digest_of(state.model)))
        state = advance(training.rule, BLOCKS, state, training.rounds[number].total, 3)
    assert fault_of(training.replay(rounds=rounds)) == (Fault.SKIPPED, 2)


def test_after_a_round_without_a_batch_the_same_model_is_right_and_an_older_one_is_not() -> None:
    training = played(PLAIN, 5, empty=(2,))
    assert training.digests[2] == training.digests[3]
    assert training.replay().deviation is None
    found = training.replay(rounds=training.opened_on(3, training.digests[1]))
    assert fault_of(found) == (Fault.WENT_BACK, 3)
    assert found.deviation is not None
    assert "the sums since round 1 were not applied" in found.deviation.text


@pytest.mark.parametrize(
    ("other", "first"),
    [(replace(PLAIN, rate=Dyadic(1, 4)), 1), (replace(PLAIN, divisor=4), 1), (replace(PLAIN, schedule=()), 3),
     (replace(PLAIN, decay=Dyadic(1, 20)), 1), (replace(PLAIN, method=Sgd(12)), 1), (ADAPTIVE, 1),
     (WATCHED, 2)],  # momentum's first step is that of sgd
)  # fmt: skip
def test_a_training_by_another_rule_deviates(other: TrainingRule, first: int) -> None:
    training = played(other, metrics=METRICS if other.plateau else ())
    found = replace(training, rule=PLAIN).replay()
    assert fault_of(found) == (Fault.OTHER_MODEL, first)


def test_a_sum_or_weight_that_is_another_shows_in_the_round_after() -> None:
    training = played(PLAIN)
    first = training.rounds[0]
    assert first.total is not None
    other = first.total.copy()
    other[4] += 1
    for changed in (replace(first, total=other), replace(first, weight=4)):
        assert fault_of(training.replay(rounds=[changed, *training.rounds[1:]])) == (Fault.OTHER_MODEL, 1)


def test_another_initial_model_is_named() -> None:
    training = played(PLAIN)
    assert fault_of(training.replay(initial=np.zeros(5))) == (Fault.INITIAL, 0)


def test_an_initial_model_that_the_rule_cannot_take_is_named() -> None:
    training, model = played(PLAIN), np.full(5, 0.1)
    rounds = training.opened_on(0, digest_of(model))
    found = training.replay(initial=model, rounds=rounds)
    assert fault_of(found) == (Fault.INITIAL, 0)
    assert found.deviation is not None
    assert "coordinate 0 of the model is no multiple" in found.deviation.text
    blocked = training.replay(initial=model, rounds=[]).blocked
    assert blocked is not None
    assert blocked.fault is Fault.INITIAL


def test_more_rounds_than_the_rule_has_are_named() -> None:
    training = played(replace(PLAIN, max_rounds=3), 5)
    assert fault_of(training.replay()) == (Fault.BEYOND_LIMIT, 3)
    found = training.replay(rounds=training.rounds[:3])
    assert found.deviation is None
    assert found.blocked is not None
    assert (found.blocked.fault, found.model_digest) == (Fault.BEYOND_LIMIT, training.digests[3])


def test_a_round_after_a_number_left_its_range_is_named() -> None:
    training = played(replace(PLAIN, method=Sgd(50), rate=Dyadic(1 << 10)), 0)
    rounds = [OpenedRound(0, training.digests[0], np.array([1 << 30, 0, 0, 0, 0]), 1)]
    found = training.replay(rounds=rounds)
    assert found.deviation is None
    assert found.blocked is not None
    assert (found.blocked.fault, found.model_digest) == (Fault.NO_MODEL, training.digests[0])
    again = training.replay(rounds=[*rounds, OpenedRound(1, training.digests[0], None)])
    assert fault_of(again) == (Fault.NO_MODEL, 1)
    assert again.deviation is not None
    assert "coordinate 0 of the next model" in again.deviation.text


def test_rounds_out_of_order_and_sums_that_do_not_fit_are_refused() -> None:
    training = played(PLAIN)
    first, second = training.rounds[:2]
    wrong = (
        [second, first],
        [first, first],
        [training.rounds[0], training.rounds[2]],
        [replace(first, settled=False)],
        [OpenedRound(0, first.model_digest, settled=False), second],
        [replace(first, weight=0)],
        [replace(first, total=None)],
        [replace(first, total=np.zeros(4, np.int64))],
    )
    for rounds in wrong:
        with pytest.raises(InvalidInputError, match=r"order|weight|sum"):
            training.replay(rounds=rounds)


def test_a_stop_ends_the_training() -> None:
    training = played(PLAIN)
    stop = decided(2, training.digests[3], kind=DecisionKind.STOP)
    assert fault_of(training.replay(decisions=[stop])) == (Fault.AFTER_STOP, 3)
    found = training.replay(rounds=training.rounds[:3], decisions=[stop])
    assert found.deviation is None
    assert found.blocked is not None
    assert (found.blocked.fault, found.rounds[2].decisions) == (Fault.AFTER_STOP, (stop.decision,))


def test_a_published_model_is_exactly_what_its_integers_say() -> None:
    """So who recomputes gets the bytes, and no zero is a negative one."""
    training = played(PLAIN)
    for state in training.states:
        scaled = np.ldexp(state.model, 36)
        assert (np.rint(scaled) == scaled).all()
        assert encode_model(np.ldexp(scaled.astype(np.int64).astype(np.float64), -36)) == encode_model(state.model)
