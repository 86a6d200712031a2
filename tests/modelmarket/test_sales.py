"""A model is committed to, listed, proven, offered, bought and opened; and what each of the two refuses."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from circuits.accuracy.inference import count_right
from circuits.errors import (
    ChainError,
    ClosedError,
    ContractError,
    InvalidInputError,
    KeyMismatchError,
    NotReadyError,
    ProofError,
    RuleViolationError,
    SignatureError,
    StorageError,
    UnknownError,
    WireError,
)
from commons.chain.modelfacts import MOST_REVEAL_WINDOW, SaleStatus, set_id
from commons.chain.modelwriter import ModelWriter
from commons.chain.nodes import Nodes
from commons.chain.quotes import Quote
from commons.sharing.sealing import generate, public_key
from gradroll.modelmarket.datagroups import DataGroup
from gradroll.modelmarket.modelstate import ModelState
from gradroll.modelmarket.offerfiles import OfferFile, read_offer, read_request, write_offer, write_request
from gradroll.modelmarket.seller import Seller
from gradroll.modelmarket.shopper import Shopper
from gradroll.setup.keygen import development_srs
from gradroll.setup.modelkeygen import domain_needed, generate_model_keys
from native import G1, g1_generator
from tests.modelmarket.modelstage import DAY, PATIENCE, SIZE, Stage, model_stage, toy_group, toy_model

SELLER, BUYER, STRANGER = 1, 2, 3


@dataclass
class Market:
    """A listed model that is proven on both groups of a public set."""

    stage: Stage
    seller: Seller
    shopper: Shopper
    seller_state: ModelState
    model: G1
    listing: bytes
    set_id: bytes
    groups: dict[int, DataGroup]
    directory: Path
    offers: int = 0

    def offer(self, hours: int = 30) -> tuple[OfferFile, Path]:
        """A new offer to the buyer, with its sealed row."""
        self.offers += 1
        row = self.directory / f"row-{self.offers}.sealed"
        deadline = self.stage.models.chain.now() + hours * 3600
        return self.seller.offer(self.shopper.request(self.listing), deadline, row), row


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    directory = tmp_path_factory.mktemp("models")
    with model_stage(directory) as stage:
        parameters, state, bought = stage.parameters(), stage.state("seller"), stage.state("buyer")
        seller = Seller(stage.writer(SELLER), parameters, state, 2)
        weights = toy_model()
        groups = {number: toy_group(parameters, weights, 12, number + 1) for number in range(2)}
        writer = stage.writer(0)
        named = writer.create_set(b"\x01" * 32, 2, b"\x02" * 32)
        for number, group in groups.items():
            writer.register_group(named, number, group.hash)
        model = seller.commit(weights, SIZE)
        listing = seller.list_model(model, stage.terms(named))
        seller.prove(listing, groups)
        seller.deposit_bond(listing, 5000)
        shopper = Shopper(stage.writer(BUYER), stage.parameters(), bought)
        yield Market(stage, seller, shopper, state, model, listing, named, groups, directory)


def test_identifiers_are_those_of_the_contracts(market: Market) -> None:
    models = market.stage.models
    assert market.set_id == set_id(models.deployment, market.stage.accounts[0].address, b"\x01" * 32, 2, b"\x02" * 32)
    record = models.listing(market.listing)
    nonce = models.nonce_of(market.listing)
    assert record.terms.listing_id(models.deployment, record.seller, nonce, record.model) == market.listing
    assert models.listings(seller=market.seller.address) == [market.listing]


def test_what_was_proven_sets_the_price(market: Market) -> None:
    models, score = market.stage.models, market.stage.models.score(market.listing)
    right = sum(
        count_right(SIZE, group.features.astype(np.int64), group.labels.astype(np.int64), toy_model())
        for group in market.groups.values()
    )
    assert (score.correct, score.samples, score.complete) == (right, 24, True)
    assert models.price(market.listing) == 1000 + 10 * (right - 4)
    assert market.seller.left(market.model) == 126


def test_a_proof_that_is_there_is_not_sent_or_made_again(market: Market) -> None:
    again = market.seller.prove(market.listing, market.groups)
    assert not any(group.sent for group in again)
    assert market.seller.left(market.model) == 126


def test_a_listing_is_found_again_and_not_made_twice(market: Market) -> None:
    writer = market.stage.writer(SELLER)
    terms = market.stage.terms(market.set_id, base=7)
    first, second = writer.list_model(terms, market.model), writer.list_model(terms, market.model)
    assert first != second  # without an outbox it is meant a second time


def test_a_model_is_sold_and_opened(market: Market) -> None:
    stage, models = market.stage, market.stage.models
    offer, row = market.offer()
    write_offer(market.directory / "offer.json", offer)
    assert read_offer(market.directory / "offer.json") == offer
    checked = market.shopper.check(offer, row, market.groups)
    sale = market.shopper.buy(checked)
    assert models.sale_status(sale) is SaleStatus.OPEN
    before = stage.balance(BUYER)
    assert market.shopper.buy(checked) == sale
    assert stage.balance(BUYER) == before, "an offer is paid once"
    with pytest.raises(NotReadyError, match="has not revealed"):
        market.shopper.open(sale)
    with pytest.raises(NotReadyError, match="vouched for by 2 blocks"):
        market.seller.reveal(sale)
    stage.pass_time(1)
    market.seller.reveal(sale)
    assert models.owed(models.places.sales, bytes(20), market.seller.address) == offer.price
    bought = market.shopper.open(sale, market.groups)
    assert np.array_equal(bought.weights, toy_model())
    with pytest.raises(ClosedError, match="over"):
        market.seller.reveal(sale)
    with pytest.raises(ClosedError, match="over"):
        market.shopper.refund(sale)
    assert stage.writer(SELLER).collect_from(models.places.sales, bytes(20)) == offer.price


def test_no_two_offers_share_a_key(market: Market) -> None:
    (first, _), (second, _) = market.offer(), market.offer()
    assert first.public != second.public and first.offer != second.offer and first.blinding != second.blinding
    keys = [made.key for made in market.seller_state.book.all()]
    assert len(set(keys)) == len(keys)


def test_no_key_is_revealed_near_the_deadline(market: Market) -> None:
    """The model would be public, and nothing paid."""
    offer, row = market.offer(hours=25)
    sale = market.shopper.buy(market.shopper.check(offer, row, market.groups))
    market.stage.pass_time(24 * 3600 + 60)
    with pytest.raises(ClosedError, match="late key is public"):
        market.seller.reveal(sale)
    with pytest.raises(NotReadyError, match="may reveal until"):
        market.shopper.refund(sale)
    market.stage.pass_time(3600)
    models = market.stage.models
    before = models.owed(models.places.sales, bytes(20), market.shopper.address)
    market.shopper.refund(sale)
    owed = models.owed(models.places.sales, bytes(20), market.shopper.address)
    assert owed - before == offer.price + 500  # with the seller's bond
    assert models.revealed_key(sale) is None


def test_what_was_not_offered_here_is_not_revealed(market: Market, tmp_path: Path) -> None:
    offer, row = market.offer()
    sale = market.shopper.buy(market.shopper.check(offer, row, market.groups))
    market.stage.pass_time(1)
    elsewhere = Seller(market.stage.writer(SELLER), market.stage.parameters(), ModelState(tmp_path), 1)
    with pytest.raises(UnknownError, match=r"models\.state"):
        elsewhere.reveal(sale)


def test_a_request_that_was_altered_gets_no_offer(market: Market, tmp_path: Path) -> None:
    """Whoever put another key into it would be told x, and open what the buyer pays for."""
    request = replace(market.shopper.request(market.listing), key=public_key(generate()))
    write_request(tmp_path / "request.json", request)
    deadline = market.stage.models.chain.now() + 2 * DAY
    with pytest.raises(SignatureError):
        market.seller.offer(read_request(tmp_path / "request.json"), deadline, tmp_path / "row")
    assert not (tmp_path / "row").exists()


def test_a_foreign_offer_is_not_paid(market: Market) -> None:
    offer, row = market.offer()
    stranger = Shopper(market.stage.writer(STRANGER), market.stage.parameters(), market.stage.state("stranger"))
    with pytest.raises(InvalidInputError, match="for another account"):
        stranger.check(offer, row, market.groups)
    with pytest.raises(WireError, match="another request"):
        market.shopper.check(replace(offer, blinding=market.offer()[0].blinding), row, market.groups)


@pytest.mark.parametrize("lie", ["price", "deadline", "signature", "public", "offer", "chain"])
def test_an_altered_offer_is_not_paid(market: Market, lie: str) -> None:
    offer, row = market.offer()
    changed: dict[str, object] = {
        "price": offer.price - 1, "deadline": offer.deadline + 1, "signature": bytes(65), "public": g1_generator,
        "offer": bytes(32), "chain": 7,
    }  # fmt: skip
    altered = replace(offer, **{"chain_id" if lie == "chain" else lie: changed[lie]})  # type: ignore[arg-type]
    with pytest.raises((ProofError, ClosedError, SignatureError, WireError, InvalidInputError)):
        market.shopper.check(altered, row, market.groups)


def test_an_altered_row_is_not_paid(market: Market, tmp_path: Path) -> None:
    offer, row = market.offer()
    raw = row.read_bytes()
    broken = tmp_path / "row"
    broken.write_bytes(raw[:-64] + raw[-128:-64])
    with pytest.raises(ProofError):
        market.shopper.check(offer, broken, market.groups)
    _, other = market.offer()
    with pytest.raises(ProofError, match="not the one that the offer names"):
        market.shopper.check(offer, other, market.groups)
    with pytest.raises(UnknownError, match="no sealed row"):
        market.shopper.check(offer, tmp_path / "nothing", market.groups)


def test_data_that_are_not_at_hand_are_not_taken_silently(market: Market) -> None:
    offer, row = market.offer()
    with pytest.raises(InvalidInputError, match="group 1 of the set are not at hand"):
        market.shopper.check(offer, row, {0: market.groups[0]})
    assert market.shopper.check(offer, row, {0: market.groups[0]}, unseen=frozenset({1})).sale
    with pytest.raises(InvalidInputError, match="are not group 0"):
        market.shopper.check(offer, row, {0: market.groups[1], 1: market.groups[0]})


def test_the_file_is_checked_again_before_it_is_used(market: Market) -> None:
    """Whoever changes it after the payment has the buyer refuse it, and not use it."""
    offer, row = market.offer()
    sale = market.shopper.buy(market.shopper.check(offer, row, market.groups))
    market.stage.pass_time(1)
    market.seller.reveal(sale)
    good = row.read_bytes()
    row.write_bytes(good[:-64] + good[-128:-64])
    with pytest.raises(ProofError):
        market.shopper.open(sale)
    row.write_bytes(good)
    assert np.array_equal(market.shopper.open(sale).weights, toy_model())


def test_an_unproven_listing_is_neither_offered_nor_bought(market: Market) -> None:
    writer = market.stage.writer(0)
    incomplete = writer.create_set(b"\x09" * 32, 2, bytes(32))
    writer.register_group(incomplete, 0, market.groups[0].hash)
    listing = market.seller.list_model(market.model, market.stage.terms(incomplete))
    market.seller.prove(listing, {0: market.groups[0]})
    deadline = market.stage.models.chain.now() + 2 * DAY
    with pytest.raises(ContractError, match="NotFullyProven"):
        market.seller.offer(market.shopper.request(listing), deadline, market.directory / "never")


def test_a_proof_that_never_landed_is_counted_and_sent_again(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process is interrupted between the proof and the transaction: the same proof goes out, nothing is opened."""
    writer = market.stage.writer(0)
    single = writer.create_set(b"\x0a" * 32, 1, bytes(32))
    writer.register_group(single, 0, market.groups[0].hash)
    listing = market.seller.list_model(market.model, market.stage.terms(single))
    left = market.seller.left(market.model)

    def interrupted(*given: object) -> None:
        raise KeyboardInterrupt

    chain = market.seller._chain
    with monkeypatch.context() as broken:
        broken.setattr(chain, "prove", interrupted)
        with pytest.raises(KeyboardInterrupt):
            market.seller.prove(listing, {0: market.groups[0]})
    assert market.seller.left(market.model) == left - 1
    with monkeypatch.context() as fixed:
        fixed.setattr("gradroll.modelmarket.seller.prove_accuracy", lambda *given: pytest.fail("it was made"))
        (proven,) = market.seller.prove(listing, {0: market.groups[0]})
    assert proven.sent and proven.left == left - 1 == market.seller.left(market.model)


def test_data_of_another_group_are_not_proven(market: Market) -> None:
    with pytest.raises(InvalidInputError, match="whose hash is another"):
        market.seller.prove(market.listing, {0: market.groups[1]})


def test_a_verifier_whose_key_nobody_published_is_refused(market: Market, tmp_path: Path) -> None:
    """Its maker could prove any accuracy: the contract is this release's, the circuit is the class's, not the key."""
    srs = development_srs("model stage", domain_needed(SIZE))
    foreign, _ = generate_model_keys(tmp_path, SIZE, srs, "somebody else")
    verifier = market.stage.writer(0).deploy_model_verifier(foreign)
    with pytest.raises(KeyMismatchError, match="could prove anything"):
        market.seller.list_model(market.model, market.stage.terms(market.set_id, verifier=verifier))
    listing = market.stage.writer(SELLER).list_model(market.stage.terms(market.set_id, verifier=verifier), market.model)
    with pytest.raises(KeyMismatchError, match="could prove anything"):
        market.shopper.look(listing)


def test_only_the_seller_proves_and_offers(market: Market) -> None:
    stranger = Seller(market.stage.writer(STRANGER), market.stage.parameters(), market.seller_state, 1)
    with pytest.raises(RuleViolationError, match="not of this account"):
        stranger.prove(market.listing, market.groups)


def test_no_proof_is_made_that_may_not_leave(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made, it would lie in a file, and in a backup of it, without being counted."""
    writer = market.stage.writer(0)
    single = writer.create_set(b"\x0b" * 32, 1, bytes(32))
    writer.register_group(single, 0, market.groups[0].hash)
    listing = market.seller.list_model(market.model, market.stage.terms(single))
    monkeypatch.setattr("gradroll.modelmarket.openingledger.MOST_OPENINGS", 2)
    monkeypatch.setattr("gradroll.modelmarket.seller.prove_accuracy", lambda *given: pytest.fail("it was made"))
    with pytest.raises(RuleViolationError, match="commit to it anew"):
        market.seller.prove(listing, {0: market.groups[0]})


def test_a_ledger_of_an_old_backup_opens_no_more_than_is_allowed(
    market: Market, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What the old file lacks the chain has: it counts from there, before a proof is made and before it leaves."""
    writer, model = market.stage.writer(0), market.seller.commit(toy_model(), SIZE)
    named = writer.create_set(b"\x0c" * 32, 3, bytes(32))
    for number in range(3):
        writer.register_group(named, number, market.groups[number % 2].hash)
    listing = market.seller.list_model(model, market.stage.terms(named))
    (ledger,) = [path for path in (market.directory / "seller").glob("openings") if path.is_dir()]
    shutil.copytree(ledger, tmp_path / "old")
    market.seller.prove(listing, {0: market.groups[0], 1: market.groups[1]})
    used = {path.name for path in ledger.iterdir()} - {path.name for path in (tmp_path / "old").iterdir()}
    assert len(used) == 1, "the backup is from before the first proof of this model"
    shutil.rmtree(ledger)
    shutil.copytree(tmp_path / "old", ledger)
    assert market.seller_state.ledger.openings(model) == ()
    monkeypatch.setattr("gradroll.modelmarket.openingledger.MOST_OPENINGS", 2)
    assert market.seller.left(model) == 0
    monkeypatch.setattr("gradroll.modelmarket.seller.prove_accuracy", lambda *given: pytest.fail("it was made"))
    with pytest.raises(RuleViolationError, match="commit to it anew"):
        market.seller.prove(listing, {2: market.groups[0]})


def test_openings_are_counted_by_most_nodes(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an old ledger the chain's number is all there is, and one node that lags or lies would tell another one."""
    chain, asked = market.seller._models.chain, []
    openings = market.seller._models.openings

    def by_most(ask: Callable[[], int]) -> int | None:
        asked.append(ask())
        return None

    monkeypatch.setattr(chain, "most", by_most)
    with pytest.raises(ChainError, match="how often"):
        market.seller.prove(market.listing, market.groups)
    with pytest.raises(ChainError, match="how often"):
        market.seller.left(market.model)
    assert asked == [openings(market.seller.address, market.model)] * 2


def test_what_nobody_could_buy_is_not_listed(market: Market) -> None:
    """Said before it is sent; a listing's terms are for good."""
    for token in (b"\x07" * 20, market.stage.models.places.registry):
        with pytest.raises(InvalidInputError, match="there is no token at"):
            market.seller.list_model(market.model, market.stage.terms(market.set_id, token=token), 50)
        with pytest.raises(ContractError, match="no listing with this token"):
            market.stage.writer(SELLER).list_model(market.stage.terms(market.set_id, token=token), market.model, 50)
    longest = market.stage.terms(market.set_id, reveal_window=MOST_REVEAL_WINDOW)
    for window in (0, MOST_REVEAL_WINDOW + 1):
        terms = replace(longest, reveal_window=window)
        with pytest.raises(InvalidInputError, match="a reveal window is 1 to 1209600 seconds"):
            market.seller.list_model(market.model, terms, 50)
        with pytest.raises(ContractError, match="no listing with this revealWindow"):
            market.stage.writer(SELLER).list_model(terms, market.model, 50)
    market.seller.list_model(market.model, longest, 50)


def test_an_offer_that_was_interrupted_goes_on_with_the_same_row(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ends between the sealed row and the signature: the row and its key stay, no other is made."""
    row, request = market.directory / "interrupted.sealed", market.shopper.request(market.listing)
    deadline = market.stage.models.chain.now() + 30 * 3600

    def interrupted(*given: object) -> bytes:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(market.seller._chain, "sign_message", interrupted)
        with pytest.raises(KeyboardInterrupt):
            market.seller.offer(request, deadline, row)
    kept, offers = row.read_bytes(), len(list(market.seller_state.book.all()))
    offer = market.seller.offer(request, deadline + 60, row)
    assert row.read_bytes() == kept and len(list(market.seller_state.book.all())) == offers
    assert (market.seller_state.book.find(offer.public).offer, offer.deadline) == (offer.offer, deadline + 60)
    sale = market.shopper.buy(market.shopper.check(offer, row, market.groups))
    market.stage.pass_time(1, 3)
    market.seller.reveal(sale)
    with pytest.raises(StorageError, match="exists already"):
        market.seller.offer(request, deadline + 60, row)  # under a key that everybody knows


def test_a_row_for_somebody_else_is_not_offered_again(market: Market, tmp_path: Path) -> None:
    _, row = market.offer()
    stranger = Shopper(market.stage.writer(STRANGER), market.stage.parameters(), market.stage.state("another"))
    deadline = market.stage.models.chain.now() + 30 * 3600
    with pytest.raises(StorageError, match="exists already"):
        market.seller.offer(stranger.request(market.listing), deadline, row)
    damaged = tmp_path / "row.sealed"
    damaged.write_bytes(row.read_bytes()[:-1] + b"\x00")
    with pytest.raises(StorageError, match="exists already"):
        market.seller.offer(market.shopper.request(market.listing), deadline, damaged)


def test_a_key_that_may_have_left_is_sent_on_until_the_deadline(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node took the transaction and kept it: it tells the buyer, who has to be paid for, not refunded."""
    offer, row = market.offer(hours=25)
    sale = market.shopper.buy(market.shopper.check(offer, row, market.groups))
    market.stage.pass_time(1)

    def kept(*given: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(market.seller._chain, "reveal_key", kept)
        with pytest.raises(KeyboardInterrupt):
            market.seller.reveal(sale)
    market.stage.pass_time(24 * 3600 + 60)
    market.seller.reveal(sale)
    assert market.stage.models.sale_status(sale) is SaleStatus.OVER


def test_a_node_that_holds_the_clock_gets_no_key(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    """Most nodes say that it is too late; the one that is asked first says that it is not."""
    offer, row = market.offer(hours=25)
    sale = market.shopper.buy(market.shopper.check(offer, row, market.groups))
    market.stage.pass_time(24 * 3600 + 60, 2)
    chain, asked = market.seller._models.chain, []
    now, most = chain.now(), chain.most

    def by_most(ask: object) -> object:
        asked.append(ask)
        return most(ask)  # type: ignore[arg-type]

    monkeypatch.setattr(chain, "now", lambda: now if asked else now - DAY)
    monkeypatch.setattr(chain, "most", by_most)
    asked.clear()
    with pytest.raises(ClosedError, match="late key is public"):
        market.seller.reveal(sale)
    assert len(asked) > 1, "the time was the word of one node"


def test_a_foreign_sale_under_an_offered_key_is_none_of_the_seller(market: Market) -> None:
    """Whoever saw K' on the chain lists something and locks it under K', in the way of all that come after."""
    offer, row = market.offer()
    foreign = Seller(market.stage.writer(STRANGER), market.stage.parameters(), market.seller_state, 1)
    listing = foreign.list_model(market.model, market.stage.terms(market.set_id, bond=0, floor=1000))
    foreign.prove(listing, market.groups)
    price = market.stage.models.quote(listing).price
    copied = replace(offer, listing=listing, price=price)
    signed = foreign.account.sign_message(copied.message(market.shopper.market))
    market.stage.writer(BUYER).lock(copied.terms, bytes(20), signed)
    market.stage.pass_time(1)
    mine = market.seller.locked_sales()
    assert all(sale.seller == market.seller.address for sale in mine)
    sale = market.shopper.buy(market.shopper.check(offer, row, market.groups))
    assert sale in [each.sale for each in market.seller.locked_sales()]


def test_a_key_leaves_signed_or_not_at_all(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that rehearses or estimates a reveal has the key, and may say that it is refused."""
    offer, row = market.offer()
    sale = market.shopper.buy(market.shopper.check(offer, row, market.groups))
    market.stage.pass_time(1)
    key, asked, ask = f"{market.seller_state.book.find(offer.public).revealed:064x}", [], Nodes._asked

    def noted(nodes: Nodes, number: int, method: Any, params: Any, look: float | None = None) -> Any:
        if key in str(params).lower():
            asked.append(method)
        return ask(nodes, number, method, params, look)

    monkeypatch.setattr(Nodes, "_asked", noted)
    told: list[Quote] = []
    writer = market.stage.writer(SELLER)
    announced = ModelWriter(writer.models, market.stage.accounts[SELLER], PATIENCE, announce=told.append)
    for chain in (market.seller.account, announced):
        Seller(chain, market.stage.parameters(), market.seller_state, 2).reveal(sale)
        offer, row = market.offer()
        sale = market.shopper.buy(market.shopper.check(offer, row, market.groups))
        market.stage.pass_time(1)
        assert asked == ["eth_sendRawTransaction"]
        key = f"{market.seller_state.book.find(offer.public).revealed:064x}"
        asked.clear()
    assert len(told) == 1


@pytest.mark.parametrize("lie", [{"token": b"\x07" * 20}, {"seller": b"\x07" * 20}, {"bond": 1}, {"reveal_window": 1}])
def test_a_node_that_quotes_other_terms_is_caught(
    market: Market, monkeypatch: pytest.MonkeyPatch, lie: dict[str, Any]
) -> None:
    """The buyer would let the contract take another token, or believe in another seller's signature."""
    offer, row = market.offer()
    models = market.shopper._models
    quote = replace(models.quote(market.listing), **lie)
    monkeypatch.setattr(models, "quote", lambda listing: quote)
    with pytest.raises(ProofError, match="use another node"):
        market.shopper.check(offer, row, market.groups)


def test_no_offer_is_made_that_could_not_be_revealed(market: Market) -> None:
    """A buyer that locks at the last moment would have its money back, and the bond."""
    request, deadline = market.shopper.request(market.listing), market.stage.models.chain.now() + 2 * DAY
    with pytest.raises(RuleViolationError, match=r"models\.reveal_margin"):
        market.seller.offer(request, deadline, market.directory / "never", DAY)
