"""What a model owner is told before it pays: every refusal, every warning, and nothing where nothing is wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from circuits.errors import (
    CircuitError,
    ClosedError,
    ContractError,
    GradrollError,
    InvalidInputError,
    KeyMismatchError,
    NotReadyError,
)
from circuits.groth16 import VerifyingKey
from circuits.policies import registry
from circuits.srs import Srs
from circuits.statement import Committee, Policy
from circuits.terms import DAY, Grading, NewTask, Pay, Windows
from commons.chain.facts import CommitteeRecord, RoundRecord
from commons.storage.accounts import SigningKey
from gradroll.model_owner.precheck import ALL_NEEDED, check_round, check_terms, of_committee
from gradroll.model_owner.pricing import gas_fees, relaying_gas
from native import G2
from tests.gradroll.fakes import BOUND, DIMENSION, NOW, POLICY, FakeChain, FakeParameters, round_record, terms
from tests.support.parts import with_parts
from tests.support.plain_batch import development_setup, seed_of

KEYS = tuple(SigningKey.from_secret(seed_of("prover", p)) for p in range(4))
GAS_PRICE = 10**9
FEES = Pay(bonus=10**18, coordinator_batch=relaying_gas(4) * GAS_PRICE, prover_gradient=10, deposit=1000)
TERMS = NewTask(
    0, b"\x01" * 20, b"\x02" * 20, DIMENSION, 16, BOUND, min_owners=2, capacity=4, rounds=9,
    windows=Windows(submit=60, settle=60), pay=FEES,
)  # fmt: skip
RESERVE = 4 * 1000
SETTLED = round_record(NOW + 60, NOW + 120, batches=1, owners=2)


@dataclass
class Market(FakeChain):
    """A market whose committee, last round and relay are what a test says."""

    absent: tuple[int, ...] = ()
    members: int = 4
    last: RoundRecord = SETTLED
    relay_balance: int = 1
    price: int = GAS_PRICE
    minimum_window: int = 60
    owners: dict[bytes, int] = field(default_factory=lambda: {b"\x01" * 20: 0, b"\x02" * 20: 1})

    def committee_record(self, committee_id: int, epoch: int | None = None) -> CommitteeRecord:
        committee = Committee(0, 1, tuple(key.address for key in self.provers[: self.members]))
        endpoints = tuple("" if p in self.absent else f"prover-{p}" for p in range(self.members))
        return CommitteeRecord(committee, endpoints, (bytes(32),) * self.members, not self.absent)

    def round(self, task_id: int, number: int) -> RoundRecord:
        return self.last

    def policy_of(self, verifier: bytes) -> Policy:
        return POLICY

    def tau_of(self, verifier: bytes) -> G2:
        return G2(self.tau_of_verifier)

    def balance(self, account: bytes) -> int:
        return self.relay_balance

    def gas_price(self) -> int:
        return self.price


class Parameters(FakeParameters):
    """The string of a development setup; the verifying key only where a test gives one."""

    def __init__(self, key: VerifyingKey | None = None) -> None:
        super().__init__()
        self._key = key

    @property
    def srs(self) -> Srs:
        return development_setup("norm", 2, DIMENSION).srs

    def has_verifying_key(self, key_hash: bytes) -> bool:
        return self._key is not None

    def verifying_key(self, key_hash: bytes) -> VerifyingKey:
        assert self._key is not None
        return self._key


def before_creating(
    market: Market | None = None, parameters: Parameters | None = None, **changes: Any
) -> tuple[str, ...]:
    """What is told before a task is created."""
    told = check_terms((market or Market(KEYS)).view, parameters or Parameters(), with_parts(TERMS, **changes))
    return tuple(told)


def before_opening(market: Market, seats: int = 4, **changes: Any) -> tuple[str, ...]:
    """What is told before a round of so many seats is opened."""
    record = replace(market.task(0), terms=terms(**changes))
    return check_round(market.view, record, seats)


def test_good_terms_are_taken_without_a_word() -> None:
    assert before_creating() == ()
    assert before_creating(parameters=Parameters(development_setup("norm", 16, DIMENSION).verifying)) == ()


@pytest.mark.parametrize(
    ("changes", "kind", "said"),
    [
        ({"min_owners": 5, "capacity": 9}, InvalidInputError, "holds up to 4 owners.*lower --min-owners"),
        ({"dimension": 1 << 20}, KeyMismatchError, "get a longer one"),
        ({"pay": Pay(base=1)}, InvalidInputError, "who registers many accounts .* --permissioned"),
        ({"sum_key": b"\x01" + bytes(31)}, InvalidInputError, "small order"),
        ({"sum_key": b"\xff" * 32}, InvalidInputError, "is no key for sums"),
        ({"pay": Pay(bonus=1 << 127)}, InvalidInputError, "would cost 2.128 or more; lower pay"),
        ({"windows": Windows(submit=59, settle=60)}, InvalidInputError, "--submit-window is 59 s.*asks for 60 s"),
        ({"windows": Windows(submit=60, settle=59)}, InvalidInputError, "--settle-window is 59 s.*asks for 60 s"),
        ({"windows": Windows(60, 60, availability=1)}, InvalidInputError, "--availability-window is 1 s"),
        ({"windows": Windows(60, 60, claim=DAY)}, InvalidInputError, "--claim-window .*asks for 15552000 s"),
        ({"windows": Windows(60, 90, exit=89)}, InvalidInputError, "--exit-delay .*outlast the settle window"),
    ],
    ids=[
        "owners",
        "dimension",
        "base",
        "sum key",
        "no sum key",
        "amounts",
        "submit",
        "settle",
        "availability",
        "claim",
        "exit",
    ],
)
def test_terms_under_which_no_round_ends_are_refused(
    changes: dict[str, Any], kind: type[GradrollError], said: str
) -> None:
    with pytest.raises(kind, match=said):
        before_creating(**changes)


GRADING: dict[str, Any] = {
    "grading": Grading(4, 4, bytes(32)), "bound": 1 << 32,
    "pay": replace(FEES, coordinator_batch=relaying_gas(4, graded=True) * GAS_PRICE),
}  # fmt: skip


def test_terms_that_grade_go_with_a_verifier_that_does() -> None:
    grades = Market(KEYS, levelled=True)
    assert before_creating(grades, **GRADING) == ()
    with pytest.raises(InvalidInputError, match=r"do not say by what: .*--reference-data"):
        before_creating(grades)
    with pytest.raises(InvalidInputError, match=r"does not grade gradients: leave out --reference-data"):
        before_creating(**GRADING)


def test_the_reference_takes_a_row_of_the_circuit() -> None:
    rows = POLICY.capacity
    assert before_creating(Market(KEYS, levelled=True), min_owners=rows - 1, **GRADING) == ()
    with pytest.raises(InvalidInputError, match=f"holds up to {rows - 1} owners, the task asks for at least {rows}"):
        before_creating(Market(KEYS, levelled=True), min_owners=rows, **GRADING)


def test_a_task_that_grades_has_a_copy_of_the_reference_for_each_batch() -> None:
    """Who is behind the fifteenth full batch would compute for nothing."""
    most, grades = 15 * (POLICY.capacity - 1), Market(KEYS, levelled=True)
    assert before_creating(grades, capacity=most, **GRADING) == ()
    with pytest.raises(InvalidInputError, match=f"at most {most} owners, not {most + 1}; lower --capacity"):
        before_creating(grades, capacity=most + 1, **GRADING)
    assert before_creating(capacity=most + 1) == ()


def test_a_round_has_a_copy_of_the_reference_for_each_batch() -> None:
    """A task of more owners can have been created by other software."""
    most = 15 * (POLICY.capacity - 1)
    changes: dict[str, Any] = {**GRADING, "capacity": 2 * most, "pay": Pay()}
    assert before_opening(Market(KEYS), seats=most, **changes) == ()
    with pytest.raises(InvalidInputError, match=rf"would have {most + 1} seats; open it with fewer \(--seats {most}\)"):
        before_opening(Market(KEYS), seats=most + 1, **changes)
    crowd = Market(KEYS, owners={index.to_bytes(20): index for index in range(most + 1)})
    with pytest.raises(InvalidInputError, match=f"{most + 1} owners are registered .* create a task of fewer owners"):
        before_opening(crowd, seats=1, **changes)
    assert before_opening(Market(KEYS), seats=most + 1, capacity=2 * most, pay=Pay()) == ()


@pytest.mark.parametrize("pay", [FEES, Pay(bonus=1), Pay(prover_batch=1)], ids=["both", "pay", "fees"])
def test_a_task_that_pays_takes_a_committee_that_nobody_holds_to_ransom(pay: Pay) -> None:
    """With N = 2t+1 every prover is needed, and could ask for its part of what the round pays."""
    with pytest.raises(InvalidInputError, match=r"hold a round to ransom; take one of 3t\+1 members"):
        before_creating(Market(KEYS, members=3), pay=pay)
    assert before_creating(Market(KEYS, members=3), pay=Pay()) == (ALL_NEEDED,)


def test_a_base_pay_is_taken_where_the_model_owner_admits() -> None:
    assert before_creating(permissioned=True, pay=replace(FEES, base=1)) == ()


def test_a_fee_below_what_gas_costs_now_is_told_of() -> None:
    """Nobody relays at a loss; without any fee that is what the model owner asked for."""
    (told,) = before_creating(Market(KEYS, price=GAS_PRICE + 1))
    assert "its gas costs now; who relays pays for it" in told
    assert before_creating(Market(KEYS, price=GAS_PRICE + 1), pay=Pay(bonus=1000)) == ()


def test_a_graded_batch_costs_its_relayer_more() -> None:
    assert before_creating(Market(KEYS, levelled=True), **GRADING) == ()
    (told,) = before_creating(Market(KEYS, levelled=True), **{**GRADING, "pay": FEES})
    assert "its gas costs now; who relays pays for it" in told


@pytest.mark.parametrize(
    ("pay", "changes", "said"),
    [
        (Pay(bonus=10, coordinator_batch=7), {},
         "fees of a batch of 2, the smallest, are 35% of what its gradients are paid, and who relays and proves earns "
         "more by small batches; --min-owners 3 brings that down to a third"),
        (Pay(bonus=10, coordinator_batch=14), {},
         "70% of what .*; what helps is --min-owners 4, a higher --reward, or lower fees"),
        (Pay(bonus=10, coordinator_batch=14), {"min_owners": 4}, "35% of .*; what helps is a higher --reward"),
        (Pay(bonus=10, coordinator_batch=14), {"capacity": 3}, "what helps is --min-owners 3, a higher"),
        (Pay(bonus=10, prover_batch=50), {}, "are 10 times what its gradients are paid"),
        (Pay(prover_batch=1), {}, "are paid for gradients that earn nothing"),
    ],
)  # fmt: skip
def test_fees_that_outweigh_the_pay_are_told_of(pay: Pay, changes: dict[str, Any], said: str) -> None:
    """Who relays and proves would cut a round into the smallest batches, and take more of it than its owners."""
    (told,) = before_creating(Market(KEYS, price=0), pay=pay, **changes)
    assert re.search(said, told)


def test_fees_within_a_third_of_the_pay_are_usual() -> None:
    assert before_creating(Market(KEYS, price=0), pay=Pay(bonus=12, coordinator_batch=4, prover_batch=1)) == ()
    usual = gas_fees(Pay(bonus=10**18), 4)
    assert before_creating(Market(KEYS, price=0), pay=usual) == ()


def test_a_token_has_to_be_a_contract() -> None:
    token = b"\x07" * 20
    with pytest.raises(InvalidInputError, match="no token at 0x0707"):
        before_creating(pay=replace(FEES, token=token))
    assert before_creating(Market(KEYS, contracts=frozenset({token})), pay=replace(FEES, token=token)) == ()


def test_a_verifier_of_another_string_is_refused() -> None:
    market = Market(KEYS, tau_of_verifier=bytes(128))
    with pytest.raises(KeyMismatchError, match="another than the task's"):
        before_creating(market)


def test_a_bound_that_the_policy_cannot_check_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: object, bound: int) -> None:
        raise CircuitError("does not hold for an empty slot")

    key = development_setup("norm", 16, DIMENSION).verifying
    monkeypatch.setattr(type(registry.compiled(key.policy, key.capacity)), "require_bound", refuse)
    with pytest.raises(CircuitError, match="empty slot"):
        before_creating(parameters=Parameters(key))
    assert before_creating() == (), "without the key nobody here can know"


def test_a_committee_and_a_relay_in_trouble_are_told_of() -> None:
    (missing,) = before_creating(Market(KEYS, absent=(1, 3)))
    assert "not complete: provers 1 (0x" in missing
    assert "must run gradroll prover join" in missing
    (poor,) = before_creating(Market(KEYS, relay_balance=0))
    assert "has no money for the fees of batches" in poor
    assert before_creating(Market(KEYS, members=3, absent=(0,)), pay=Pay())[1:] == (ALL_NEEDED,)


def test_a_committee_alone() -> None:
    (one,) = of_committee(Market(KEYS, absent=(2,)).committee_record(0))
    assert "prover 2 (0x" in one
    assert of_committee(Market(KEYS).committee_record(0)) == ()


def test_a_round_that_can_be_opened_is_opened_without_a_word() -> None:
    assert before_opening(Market(KEYS, escrow=RESERVE)) == ()
    assert before_opening(Market(KEYS, opened=0)) == ()


def unsettled(deadline: int) -> RoundRecord:
    return round_record(deadline - 60, deadline)


def test_fewer_seats_need_less_escrow() -> None:
    """Never fewer than there are owners: those have a seat each."""
    assert before_opening(Market(KEYS, escrow=RESERVE // 2), seats=2) == ()
    assert before_opening(Market(KEYS, escrow=RESERVE // 2), seats=0) == ()
    with pytest.raises(ContractError, match=r"fewer seats \(--seats, at least 2\)"):
        before_opening(Market(KEYS, escrow=RESERVE // 2), seats=3)
    with pytest.raises(ContractError, match=r"task fund 0x0000000000000000 1 \[Insuff"):
        before_opening(Market(KEYS, escrow=RESERVE // 2 - 1), seats=0)
    with pytest.raises(InvalidInputError, match="no 5 seats"):
        before_opening(Market(KEYS), seats=5)


@pytest.mark.parametrize(
    ("market", "kind", "said"),
    [
        (Market(KEYS, opened=9), ClosedError, "opened all its 9 rounds; create another task"),
        (Market(KEYS, absent=(1,)), NotReadyError, "prover 1 .* must run gradroll prover join; no round can be opened"),
        (Market(KEYS, last=unsettled(NOW + 9)), NotReadyError, "until 1970-01-12 13:46:49 UTC; the next round"),
        (Market(KEYS, last=unsettled(NOW - 9)), NotReadyError, "end it first: gradroll task finalize 0x0{16}"),
        (Market(KEYS, escrow=RESERVE - 7), ContractError, r"gradroll task fund 0x0{16} 7, or open.* \[Insuff"),
    ],
    ids=["rounds", "committee", "round before", "overdue", "escrow"],
)
def test_rounds_that_the_market_would_refuse_are_not_tried(
    market: Market, kind: type[GradrollError], said: str
) -> None:
    with pytest.raises(kind, match=said):
        before_opening(market)


@pytest.mark.parametrize(("permissioned", "cure"), [(True, "admit more"), (False, "more must register")])
def test_too_few_owners_are_told_of(permissioned: bool, cure: str) -> None:
    (told,) = before_opening(Market(KEYS, owners={b"\x01" * 20: 0}), permissioned=permissioned)
    assert "1 owners are registered for task 0x0000000000000000, a batch takes at least 2" in told
    assert cure in told


def test_a_round_of_a_committee_without_a_spare_is_told_of() -> None:
    assert before_opening(Market(KEYS, members=3)) == (ALL_NEEDED,)
