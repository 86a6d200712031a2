"""What an owner does with its key alone: consent, leaving, getting its deposit, collecting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import pytest

from circuits.errors import ClosedError, ContractError, InvalidInputError, UnknownError
from circuits.terms import ETHER
from commons.chain.writer import ChainWriter
from commons.protocol.consents import registration_digest
from commons.protocol.signing import signs
from commons.storage.accounts import SigningKey
from gradroll.data_owner.participant import Participant
from tests.gradroll.fakes import MARKET, FakeChain, terms
from tests.support.parts import with_parts
from tests.support.plain_batch import seed_of

KEY = SigningKey.from_secret(seed_of("owner"))
ACCOUNT = b"\x11" * 20


@dataclass
class Account:
    """Records the transactions of the owner's account."""

    view: FakeChain
    calls: list[tuple[object, ...]] = field(default_factory=list)
    address: bytes = KEY.address

    @property
    def participant(self) -> Participant:
        return Participant(cast(ChainWriter, self))

    def sign(self, digest: bytes) -> bytes:
        return KEY.sign(digest)

    def register(self, task_id: int, signer: bytes | None = None, consent: bytes = b"") -> int:
        self.calls.append(("register", signer, consent))
        return 9

    def resign(self, task_id: int, index: int) -> None:
        self.calls.append(("resign", index))

    def claim(self, task_id: int, indices: Sequence[int], through: int | None) -> int:
        self.calls.append(("claim", *indices, through))
        return 1000

    def exit(self, task_id: int, index: int) -> None:
        self.calls.append(("exit", index))

    def set_account(self, task_id: int, index: int, account: bytes) -> None:
        self.calls.append(("account", index, account))

    def collect(self, token: bytes, account: bytes | None = None, to: bytes | None = None) -> int:
        self.calls.append(("collect", token, to))
        return 7


def account(**changes: object) -> Account:
    """The key is owner 5; two rounds were opened."""
    return Account(with_parts(FakeChain((), {KEY.address: 5}, opened=2), **changes))


def test_a_key_registers_itself_once() -> None:
    known, new = account(), account(owners={})
    assert (known.participant.register(0), known.calls) == (5, [])
    assert (new.participant.register(0), new.calls) == (9, [("register", None, b"")])


def test_a_consent_is_for_one_task_of_its_terms_and_one_account() -> None:
    signed, bound = account().participant.consent(0, ACCOUNT), terms().terms_hash
    assert signs(KEY.address, registration_digest(MARKET, 0, bound, ACCOUNT), signed)
    assert not signs(KEY.address, registration_digest(MARKET, 1, bound, ACCOUNT), signed)
    assert not signs(KEY.address, registration_digest(MARKET, 0, terms(rounds=8).terms_hash, ACCOUNT), signed)
    assert not signs(KEY.address, registration_digest(MARKET, 0, bound, KEY.address), signed)


def test_an_account_registers_a_key_that_agreed() -> None:
    cold = account()
    assert cold.participant.register_for(0, ACCOUNT, b"consent") == 9
    assert cold.calls == [("register", ACCOUNT, b"consent")]
    assert cold.participant.register_for(0, KEY.address, b"consent") == 5


def test_leaving_is_for_the_own_key_or_for_an_owner_of_the_account() -> None:
    own = account()
    own.participant.resign(0)
    own.participant.resign(0, 7)
    assert own.calls == [("resign", 5), ("resign", 7)]
    with pytest.raises(UnknownError, match="is not registered for task 0x0000000000000000; register it first"):
        account(owners={}).participant.resign(0)


def test_an_owner_passes_with_its_pay_and_its_deposit() -> None:
    """They are shown first: the other account is not asked, and what it then has is its own."""
    own = account(accepted_indices=frozenset({5}))
    wanted = own.participant.handover(0, ACCOUNT)
    assert (wanted.index, wanted.signer, wanted.to, wanted.done) == (5, KEY.address, ACCOUNT, False)
    assert (wanted.token, wanted.owed, wanted.deposit) == (ETHER, 2 * 1000, 500)
    assert account(excluded=True).participant.handover(0, ACCOUNT).deposit == 0, "who was excluded has lost it"
    own.participant.hand_over(wanted)
    assert own.calls == [("account", 5, ACCOUNT)]
    other = account(owners={b"\x22" * 20: 7}, account=KEY.address)
    assert other.participant.handover(0, ACCOUNT, 7).signer == b"\x22" * 20


def test_an_owner_is_handed_over_once() -> None:
    """Also by a command that was interrupted when it had been sent."""
    own = account(account=ACCOUNT)
    wanted = own.participant.handover(0, ACCOUNT)
    own.participant.hand_over(wanted)
    assert (wanted.done, own.calls) == (True, [])


def test_an_address_that_nobody_seems_to_have_is_told() -> None:
    """A mistyped one has neither code nor ether."""
    assert account().participant.handover(0, ACCOUNT).unused
    assert not account(contracts=frozenset({ACCOUNT})).participant.handover(0, ACCOUNT).unused
    assert not account(credits={(ETHER, ACCOUNT): 1}).participant.handover(0, ACCOUNT).unused


def test_only_an_owner_that_is_there_and_ones_own_is_handed_over() -> None:
    with pytest.raises(ContractError, match=r"only 0x22.*, the account of owner 5 .*its key file \[NotTheAccount"):
        account(account=b"\x22" * 20).participant.handover(0, ACCOUNT)
    with pytest.raises(InvalidInputError, match="nobody has the zero address"):
        account().participant.handover(0, bytes(20))
    with pytest.raises(ClosedError, match="has left"):
        account(exited=True).participant.handover(0, ACCOUNT)
    with pytest.raises(UnknownError, match="is not registered"):
        account(owners={}).participant.handover(0, ACCOUNT)


def test_pay_is_claimed_before_the_deposit() -> None:
    """The market returns a deposit only when nothing is left to settle, also where nothing is owed."""
    leaving = account(leaves_at=2)
    assert leaving.participant.exit(0) == 1000
    assert leaving.calls == [("claim", 5, 2), ("exit", 5)]
    settled = account(leaves_at=2, next_claim=2)
    assert settled.participant.exit(0) == 0
    assert settled.calls == [("exit", 5)]


def test_who_stays_is_refused_by_the_market_alone() -> None:
    stays = account()
    stays.participant.exit(0)
    assert stays.calls == [("exit", 5)]


def test_a_credit_is_collected_where_there_is_one() -> None:
    token = b"\x07" * 20
    credited = account(credits={(token, KEY.address): 7})
    assert credited.participant.collect(token, ACCOUNT) == 7
    assert credited.participant.collect() == 0
    assert credited.calls == [("collect", token, ACCOUNT)]
