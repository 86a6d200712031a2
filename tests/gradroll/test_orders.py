"""Claim orders: what an account signs is all that anybody can do with them, once, and only where it holds."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from circuits.errors import ClosedError, GradrollError, InvalidInputError, SignatureError, UnknownError
from commons.chain.writer import ChainWriter
from commons.protocol.consents import SignedClaim
from commons.protocol.signing import signs
from commons.storage.accounts import SigningKey
from gradroll.data_owner.orders import OrderFile, carry_out, load_order, require_possible, save_order
from gradroll.data_owner.participant import Participant
from tests.gradroll.fakes import MARKET, NOW, FakeChain
from tests.support.parts import with_parts
from tests.support.plain_batch import seed_of

KEY, STRANGER = (SigningKey.from_secret(seed_of("account", name)) for name in ("own", "other"))
RECIPIENT = b"\x11" * 20


@dataclass
class Relayer:
    """An account that carries orders out."""

    view: FakeChain
    sent: list[SignedClaim] = field(default_factory=list)

    @property
    def chain(self) -> ChainWriter:
        return cast(ChainWriter, self)

    @property
    def address(self) -> bytes:
        return KEY.address

    def claim_to(self, orders: Sequence[SignedClaim]) -> int:
        self.sent += orders
        return 0


@pytest.fixture
def chain() -> FakeChain:
    """Owner 5, whose account is its key, is accepted in both rounds that were opened."""
    return FakeChain((), {KEY.address: 5}, opened=2, accepted_indices=frozenset({5}))


def order(chain: FakeChain, key: SigningKey = KEY, **terms: int) -> OrderFile:
    return Participant(chain.writer(key)).sign_claim(0, RECIPIENT, **terms)


def test_an_order_says_all_that_it_allows(chain: FakeChain) -> None:
    signed = order(chain, max_tip=7, valid_for=60)
    own = signed.order
    assert (own.task_id, own.index, own.start, own.through, own.recipient) == (0, 5, 0, 2, RECIPIENT)
    assert (own.max_tip, own.deadline) == (7, NOW + 60)
    assert signs(KEY.address, own.digest(MARKET), signed.signature)


def test_only_the_account_says_where_its_pay_goes(chain: FakeChain) -> None:
    chain.account = STRANGER.address
    with pytest.raises(InvalidInputError, match="which alone says where its pay goes"):
        order(chain)


def test_an_order_travels_as_a_file(chain: FakeChain, tmp_path: Path) -> None:
    signed = order(chain, max_tip=2**100)
    save_order(tmp_path / "order.json", signed)
    assert load_order(tmp_path / "order.json") == signed


def edited(change: Callable[[dict[str, Any]], object]) -> Callable[[bytes], bytes]:
    def edit(content: bytes) -> bytes:
        record = json.loads(content)
        change(record)
        return json.dumps(record).encode()

    return edit


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-9],
        lambda content: b"",
        lambda content: b"[" * 10_000,
        lambda content: b" " * 20_000 + content,
        edited(lambda record: record.pop("signature")),
        edited(lambda record: record.update(more=1)),
        edited(lambda record: record.update(version=2)),
        edited(lambda record: record.update(signature="")),
        edited(lambda record: record["order"].update(recipient="11")),
        edited(lambda record: record["order"].update(max_tip=-1)),
        edited(lambda record: record["order"].update(through=1 << 256)),
        edited(lambda record: record["order"].update(index=True)),
        edited(lambda record: record["market"].update(address="")),
    ],
)
def test_what_is_no_order_is_refused(damage: Callable[[bytes], bytes], chain: FakeChain, tmp_path: Path) -> None:
    path = tmp_path / "order.json"
    save_order(path, order(chain))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InvalidInputError, match="have it signed again"):
        load_order(path)


def test_an_order_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnknownError, match="there is no claim order"):
        load_order(tmp_path / "absent.json")
    with pytest.raises(InvalidInputError, match="cannot be read"):
        load_order(tmp_path)


def test_an_order_that_can_be_carried_out(chain: FakeChain) -> None:
    assert require_possible(chain.view, order(chain)) == 2 * 1000


@pytest.mark.parametrize(
    ("change", "kind", "said"),
    [
        (lambda chain: setattr(chain, "next_claim", 1), ClosedError, "carried out, or somebody claimed meanwhile"),
        (lambda chain: setattr(chain, "accepted_indices", frozenset()), UnknownError, "finds nothing that is owed"),
        (lambda chain: chain.owners.clear(), UnknownError, "no owner 5"),
        (lambda chain: setattr(chain, "account", STRANGER.address), SignatureError, "not signed by its account"),
        (
            lambda chain: setattr(chain, "market_id", replace(MARKET, deployment=bytes(32))),
            InvalidInputError,
            "another",
        ),
    ],
    ids=["claimed", "nothing", "unknown", "account", "market"],
)
def test_an_order_that_would_be_refused_is_not_sent(
    change: Callable[[FakeChain], object], kind: type[GradrollError], said: str, chain: FakeChain
) -> None:
    signed = order(chain)
    change(chain)
    relayer = Relayer(chain)
    with pytest.raises(kind, match=said):
        require_possible(chain.view, signed)
    assert isinstance(carry_out(relayer.chain, [signed])[0], kind)
    assert relayer.sent == []


def test_an_order_has_an_end(chain: FakeChain) -> None:
    with pytest.raises(ClosedError, match="was good until"):
        require_possible(chain.view, order(chain, valid_for=-1))


@pytest.mark.parametrize("name", ["recipient", "max_tip", "through", "deadline", "index", "task_id"])
def test_a_changed_order_is_not_the_accounts(name: str, chain: FakeChain) -> None:
    chain.owners[STRANGER.address] = 6
    chain.accepted_indices = frozenset({5, 6})
    signed = order(chain)
    value = b"\x12" * 20 if name == "recipient" else getattr(signed.order, name) + 1
    changed = replace(signed, order=with_parts(signed.order, **{name: value}))
    with pytest.raises((SignatureError, UnknownError)):
        require_possible(chain.view, changed)


def test_the_word_of_a_contract_is_the_markets_to_check(chain: FakeChain) -> None:
    """ERC-1271: only the contract knows what it takes for a signature."""
    signed = replace(order(chain), signature=b"whatever")
    chain.account, chain.contracts = b"\x22" * 20, frozenset({b"\x22" * 20})
    assert require_possible(chain.view, signed) == 2 * 1000


def test_a_relayer_gets_the_tips_and_leaves_out_what_cannot_be_carried_out(chain: FakeChain) -> None:
    relayer = Relayer(chain)
    small, large = order(chain, max_tip=7), order(chain, max_tip=10**9)
    bad = replace(small, signature=bytes(65))
    assert set(carry_out(relayer.chain, [small, bad, large])) == {1}
    assert [one.tip for one in relayer.sent] == [7, 2000], "no tip is above the pay"


def test_an_account_has_itself_paid_elsewhere_without_a_signature(chain: FakeChain) -> None:
    relayer = Relayer(chain)
    owner = Participant(relayer.chain)
    assert owner.claim_to(0, RECIPIENT) == 2 * 1000
    owner.claim_to(0, RECIPIENT)
    first, again = relayer.sent
    assert (first.signature, first.tip, first.order.recipient) == (b"", 0, RECIPIENT)
    assert first == again, "a command that is run again sends the same, and finds what it sent"
    chain.next_claim = 2
    assert owner.claim_to(0, RECIPIENT) == 0
    assert len(relayer.sent) == 2
