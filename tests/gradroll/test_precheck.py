"""What a model owner is told before it pays: every refusal, every warning, and nothing where nothing is wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
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
from circuits.statement import MAX_BOUND, Committee, Policy
from commons.chain.facts import CommitteeRecord, NewTask, RoundRecord, TaskRecord
from commons.storage.accounts import SigningKey
from gradroll.model_owner.precheck import ALL_NEEDED, check_round, check_terms, of_committee
from native import G2
from tests.gradroll.fakes import BOUND, DIMENSION, INFINITY, MODEL_DIGEST, NOW, POLICY, FakeChain, FakeParameters, terms
from tests.support.parts import with_parts
from tests.support.plain_batch import development_setup, seed_of

KEYS = tuple(SigningKey.from_secret(seed_of("prover", p)) for p in range(4))
TERMS = NewTask(0, b"\x01" * 20, b"\x02" * 20, DIMENSION, 16, BOUND, 2, 4, 9, 1000, 60, 60)
RESERVE = 4 * 1000
SETTLED = RoundRecord(MODEL_DIGEST, NOW + 60, NOW + 120, 1, 2, 0, INFINITY, False)


@dataclass
class Market(FakeChain):
    """A market whose committee, last round and relay are what a test says."""

    absent: tuple[int, ...] = ()
    members: int = 4
    last: RoundRecord = SETTLED
    relay_balance: int = 1
    owners: dict[bytes, int] = field(default_factory=lambda: {b"\x01" * 20: 0, b"\x02" * 20: 1})

    def committee_record(self, committee_id: int) -> CommitteeRecord:
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


def before_opening(market: Market, **changes: Any) -> tuple[str, ...]:
    """What is told before a round is opened."""
    record = TaskRecord(terms(**changes), b"\x09" * 20, market.escrow, 0, market.opened, len(market.owners))
    return check_round(market.view, record)


def test_good_terms_are_taken_without_a_word() -> None:
    assert before_creating() == ()
    assert before_creating(parameters=Parameters(development_setup("norm", 16, DIMENSION).verifying)) == ()


@pytest.mark.parametrize(
    ("changes", "kind", "said"),
    [
        (
            {"bound": MAX_BOUND, "max_owners_per_round": 1 << 32},
            InvalidInputError,
            "can exceed 64 bits; lower the bound",
        ),
        ({"min_owners": 5, "max_owners_per_round": 9}, InvalidInputError, "holds up to 4 owners.*lower --min-owners"),
        (
            {"min_owners": 3, "max_owners_per_round": 2},
            InvalidInputError,
            "up to 2 owners.*asks for 3; raise --max-own",
        ),
        ({"dimension": 1 << 20}, KeyMismatchError, "get a longer one"),
    ],
    ids=["sums", "capacity", "owners", "dimension"],
)
def test_terms_under_which_no_round_ends_are_refused(
    changes: dict[str, Any], kind: type[GradrollError], said: str
) -> None:
    with pytest.raises(kind, match=said):
        before_creating(**changes)


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
    assert before_creating(Market(KEYS, members=3)) == (ALL_NEEDED,)
    (poor,) = before_creating(Market(KEYS, relay_balance=0))
    assert "has no money for the fees of batches" in poor
    assert before_creating(Market(KEYS, members=3, absent=(0,)))[1:] == (ALL_NEEDED,)


def test_a_committee_alone() -> None:
    (one,) = of_committee(Market(KEYS, absent=(2,)).committee_record(0))
    assert "prover 2 (0x" in one
    assert of_committee(Market(KEYS).committee_record(0)) == ()


def test_a_round_that_can_be_opened_is_opened_without_a_word() -> None:
    assert before_opening(Market(KEYS, escrow=RESERVE)) == ()
    assert before_opening(Market(KEYS, opened=0)) == ()


def unsettled(deadline: int) -> RoundRecord:
    return RoundRecord(MODEL_DIGEST, deadline - 60, deadline, 0, 0, 0, INFINITY, False)


@pytest.mark.parametrize(
    ("market", "kind", "said"),
    [
        (Market(KEYS, opened=9), ClosedError, "opened all its 9 rounds; create another task"),
        (Market(KEYS, absent=(1,)), NotReadyError, "prover 1 .* must run gradroll prover join; no round can be opened"),
        (Market(KEYS, last=unsettled(NOW + 9)), NotReadyError, "until 1970-01-12 13:46:49 UTC; the next round"),
        (Market(KEYS, last=unsettled(NOW - 9)), NotReadyError, "end it first: gradroll task finalize 0"),
        (Market(KEYS, escrow=RESERVE - 7), ContractError, r"gradroll task fund 0 7 \[InsufficientEscrow\]"),
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
    assert "1 owners are registered for task 0, a batch takes at least 2" in told
    assert cure in told


def test_a_round_of_a_committee_without_a_spare_is_told_of() -> None:
    assert before_opening(Market(KEYS, members=3)) == (ALL_NEEDED,)
