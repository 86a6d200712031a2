"""Each thing that must not be in a campaign is found when it is planted, and nothing is found where all is well."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest

from circuits.terms import Pay
from tests.chaos import invariants_of_campaigns as invariants
from tests.chaos.chainbook import ChainBook, Flow, read_book
from tests.chaos.invariants_of_campaigns import ReadSum, Violation
from tests.chaos.steadiness import LEAST_SECONDS, WARM_UP, slope_of, theil_sen
from tests.chaos.supervised import Sample

TASK, OWNERS, PROVERS = 0x77, 3, 4
PAY = Pay(bonus=1000, coordinator_batch=50, coordinator_gradient=5, prover_batch=20, prover_gradient=2, deposit=10)
GRADIENTS = {index: np.arange(4, dtype=np.int64) * (index + 1) for index in range(OWNERS)}
PLACE, NEXT = (TASK, 0), (TASK, 1)


def kinds(found: Iterable[Violation]) -> list[str]:
    return [violation.kind for violation in found]


def book() -> ChainBook:
    """Two rounds: all three owners in one batch, then two of them in another."""
    received = {
        "owner-0": 2000, "owner-1": 2000, "owner-2": 1000, "coordinator": 2 * 50 + 5 * 5, "model-owner": 300,
        **{f"prover-{p}": 2 * 20 + 5 * 2 for p in range(3)}, "prover-3": 0,
    }  # fmt: skip
    flows = {name: Flow(before=10**6, after=10**6 + got - 70, gas=40, sent=30) for name, got in received.items()}
    flows["market"] = Flow(before=50_000, after=50_000 + 30 * len(received) - sum(received.values()))
    return ChainBook(flows, {PLACE: (0, 1, 2), NEXT: (1, 0)}, Counter({TASK: 2}))


def balanced(changed: ChainBook) -> list[str]:
    return kinds(invariants.unbalanced(changed, PAY, OWNERS, PROVERS, withdrawn=300))


def sums() -> list[ReadSum]:
    return [
        ReadSum(place, owners, np.sum([GRADIENTS[i] for i in owners], axis=0))
        for place, owners in book().accepted.items()
    ]


def line(what: str, number: int = 0, text: str = "") -> dict[str, Any]:
    return {"what": what, "text": text, "task": hex(TASK), "round": number, "submission": "00"}


def reports() -> dict[int, list[dict[str, Any]]]:
    """What the owners were told of these rounds."""
    told = {i: [line("handed-in"), line("accepted"), line("paid", 1, "1000")] for i in range(OWNERS)}
    for index in (0, 1):
        told[index] += [line("expired", 1, "the cohort failed"), line("handed-in", 1), line("accepted", 1)]
    told[2] += [line("handed-in", 1), line("expired", 1, "too few owners"), line("closed", 1, "too late")]
    return told


def test_nothing_is_found_where_all_is_well() -> None:
    assert not balanced(book())
    assert not kinds(invariants.unread_sums(book(), sums()))
    assert not kinds(invariants.lost_owners(reports(), book()))
    for read in sums():
        assert not kinds(invariants.wrong_sums(read, GRADIENTS))


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(ReadSum(PLACE, (0, 1), GRADIENTS[0] + GRADIENTS[1] + np.array([0, 0, 1, 0])), id="one off"),
        pytest.param(ReadSum(PLACE, (0, 1), GRADIENTS[0] + GRADIENTS[2]), id="another owner's"),
        pytest.param(ReadSum(PLACE, (0, 1, 1), GRADIENTS[0] + 2 * GRADIENTS[1]), id="an owner twice"),
        pytest.param(ReadSum(PLACE, (0, -1), GRADIENTS[0]), id="a stranger"),
    ],
)
def test_a_wrong_sum_is_found(wrong: ReadSum) -> None:
    assert kinds(invariants.wrong_sums(wrong, GRADIENTS)) == ["wrong-sum"]


def test_a_sum_that_was_not_read_or_not_whole_is_found() -> None:
    first, second = sums()
    assert kinds(invariants.unread_sums(book(), [first])) == ["stuck"]
    partial = ReadSum(first.place, (0, 1), first.values)
    assert kinds(invariants.unread_sums(book(), [partial, second])) == ["wrong-sum"]


def moved(name: str, wei: int) -> ChainBook:
    """The market paid more to an account, or less."""
    changed = book()
    changed.flows[name].after += wei
    changed.flows["market"].after -= wei
    return changed


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        pytest.param(moved("owner-1", 1000), "double-pay", id="an owner is paid twice"),
        pytest.param(moved("owner-1", -1000), "unpaid", id="an owner is not paid"),
        pytest.param(moved("owner-2", 1), "double-pay", id="one wei too many"),
        pytest.param(moved("coordinator", 75), "double-pay", id="a coordinator is paid twice"),
        pytest.param(moved("coordinator", -75), "unpaid", id="a coordinator is not paid"),
        pytest.param(moved("prover-0", 26), "double-pay", id="a prover is paid twice"),
        pytest.param(moved("model-owner", -1), "unpaid", id="escrow is lost"),
    ],
)
def test_pay_that_does_not_add_up_is_found(changed: ChainBook, kind: str) -> None:
    assert balanced(changed) == [kind]


def test_money_that_went_to_a_stranger_is_found() -> None:
    changed = book()
    changed.flows["market"].after -= 1
    assert balanced(changed) == ["double-pay"]


def lose(told: list[dict[str, Any]]) -> None:
    del told[1:]


def contradict(told: list[dict[str, Any]]) -> None:
    told.append(line("closed", 0, "too late"))


def reject(told: list[dict[str, Any]]) -> None:
    told[1] = line("rejected", 0, "norm: too long")


def say_nothing(told: list[dict[str, Any]]) -> None:
    told.insert(1, line("expired", 0))


@pytest.mark.parametrize("spoil", [lose, contradict, reject, say_nothing])
def test_a_lost_owner_is_found(spoil: Callable[[list[dict[str, Any]]], None]) -> None:
    told = reports()
    spoil(told[0])
    assert set(kinds(invariants.lost_owners(told, book()))) == {"lost"}


def test_an_owner_that_is_told_of_an_acceptance_that_the_chain_does_not_have_is_lost() -> None:
    changed = book()
    changed.accepted[PLACE] = (0, 1)
    assert kinds(invariants.lost_owners(reports(), changed)) == ["lost"]


def test_secrets_and_tracebacks_in_logs_are_found() -> None:
    planted = {"hunter2": "the password of a node"}
    (found,) = invariants.told_secrets("a.log", "event=x url=http://u:hunter2@h", planted)
    assert found == Violation("secret", "a.log has the password of a node")
    assert not list(invariants.told_secrets("a.log", "event=x", planted))
    trace = "event=x\nTraceback (most recent call last):\n  File\n    code\nKeyError: 3\nevent=y\n"
    assert list(invariants.crashes("a.log", trace)) == [Violation("crash", "a.log has a traceback: KeyError: 3")]
    assert not list(invariants.crashes("a.log", "event=x reason=Traceback\n"))


@pytest.mark.parametrize(
    ("name", "status", "found"),
    [
        ("prover-1", 5, []),
        ("coordinator", 6, []),
        ("owner-1", 0, []),
        ("prover-1", 0, ["crash"]),
        ("coordinator", -11, ["crash"]),
        ("coordinator", 1, ["crash"]),
        ("owner-1", 5, ["crash"]),
    ],
)
def test_a_process_that_ends_by_itself_is_found(name: str, status: int, found: list[str]) -> None:
    assert kinds(invariants.unexpected_ends(name, status)) == found


def samples(memory: Callable[[float], float], descriptors: Callable[[float], float], seconds: float) -> list[Sample]:
    return [Sample(at, int(memory(at)), int(descriptors(at))) for at in np.arange(0, seconds, 2.0)]


def steady(at: float) -> float:
    """A hundred megabytes that come and go by a few, after a warm-up."""
    return 1e8 * min(1.0, at / WARM_UP) + 3e6 * math.sin(at / 7)


LONG = WARM_UP + LEAST_SECONDS + 60


@pytest.mark.parametrize(
    ("memory", "descriptors", "seconds", "found"),
    [
        pytest.param(steady, lambda at: 60 + at % 3, LONG, [], id="steady"),
        pytest.param(lambda at: steady(at) + 1e5 * at, lambda at: 60, LONG, ["leak"], id="memory"),
        pytest.param(steady, lambda at: 60 + at / 10, LONG, ["leak"], id="descriptors"),
        pytest.param(lambda at: steady(at) + 1e5 * at, lambda at: 60, LEAST_SECONDS, [], id="too short to say"),
    ],
)
def test_leaks_are_found_and_noise_is_none(
    memory: Callable[[float], float], descriptors: Callable[[float], float], seconds: float, found: list[str]
) -> None:
    slope = slope_of("prover-0", samples(memory, descriptors, seconds))
    assert slope is not None
    assert kinds(invariants.leaks([slope])) == found


def test_a_slope_minds_no_outliers() -> None:
    x = np.arange(100, dtype=float)
    y = 3 * x
    y[::7] += 1e6
    assert theil_sen(x, y) == pytest.approx(3)
    assert theil_sen(x[:1], y[:1]) == 0
    assert slope_of("prover-0", []) is None


class Node:
    """A chain of two blocks: an owner pays 5 in the first and a transaction of it reverts in the second."""

    def __call__(self, method: str, *params: Any) -> Any:
        number = int(params[0] if method != "eth_getBalance" else params[1], 16)
        sender = "0x" + "AA" * 20
        if method == "eth_getBalance":
            return hex({10: 1000, 11: 893, 12: 843}[number]) if params[0] == sender.lower() else "0x0"
        if method == "eth_getBlockByNumber":
            return {
                "transactions": [{"from": sender, "hash": f"0x{number}", "value": "0x5"}, {"from": "0x01", "hash": "x"}]
            }
        gas = {"gasUsed": hex(51 if number == 11 else 25), "effectiveGasPrice": "0x2"}
        return [
            {"transactionHash": f"0x{number}", "status": "0x1" if number == 11 else "0x0", **gas},
            {"transactionHash": "x", "status": "0x1", **gas},
        ]


def test_a_book_counts_gas_and_what_was_sent() -> None:
    read = read_book(Node(), {"owner-0": b"\xaa" * 20}, 10, 12)
    assert read.flows["owner-0"] == Flow(before=1000, after=843, gas=152, sent=5)
    assert read.flows["owner-0"].received == 0
    assert read.failed == Counter({"owner-0": 1})
