"""Offers out of stores that lie, break off or never end: nothing is paid, and nothing else is used."""

from __future__ import annotations

import secrets
from dataclasses import replace
from pathlib import Path

import pytest

from circuits.accuracy.sizeclasses import size_class
from circuits.errors import InvalidInputError, ProofError, UnavailableError, UnknownError
from circuits.swap.sealedrows import encoded_length
from commons.artifacts import webstores
from commons.artifacts.cids import DAG_PB, Cid
from commons.artifacts.gatewaystore import GatewayStore
from commons.artifacts.transfers import put_bytes, put_file
from commons.artifacts.unixfs import LEAF, MAX_BLOCK, Link, Node
from commons.artifacts.webstores import Access
from commons.chain.modelfacts import SaleStatus
from gradroll.modelmarket.offerfiles import MOST_BYTES, write_offer
from gradroll.modelmarket.offertransfers import fetch_offer_file, fetch_row, put_offer
from gradroll.modelmarket.swapping import row_bytes
from tests.artifacts.blockservers import Server, gateway_over
from tests.artifacts.memorystore import MemoryStore
from tests.modelmarket import test_sales
from tests.modelmarket.modelstage import SIZE
from tests.modelmarket.test_sales import Market
from tests.support.localserver import Answer

market = test_sales.market
LARGE = size_class("large")
LENGTH = encoded_length(LARGE.weights)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webstores, "_PAUSES", ())


@pytest.fixture(scope="module")
def row(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file as long as a sealed row of the class large: three blocks and their node."""
    path = tmp_path_factory.mktemp("rows") / "row.sealed"
    path.write_bytes(secrets.token_bytes(LENGTH))
    return path


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def test_a_row_is_fetched_on_where_it_broke_off(store: MemoryStore, row: Path, tmp_path: Path) -> None:
    root = put_file(store, row).root
    store.breaks = 3  # the root, two leaves
    with pytest.raises(KeyboardInterrupt):
        fetch_row(store, str(root), LARGE, tmp_path)
    assert not any(path.suffix == ".sealed" for path in (tmp_path / "fetched").iterdir())
    store.breaks = None
    told: list[tuple[int, int]] = []
    fetched = fetch_row(store, str(root), LARGE, tmp_path, lambda done, size: told.append((done, size)))
    assert fetched.read_bytes() == row.read_bytes()
    assert told[-1] == (LENGTH, LENGTH)
    assert {store.got[cid] for cid in store.blocks.keys() - {root}} == {1}
    asked = store.got.total()
    assert fetch_row(store, str(root), LARGE, tmp_path) == fetched
    assert store.got.total() == asked


def test_a_row_that_was_damaged_on_the_disk_is_fetched_again(store: MemoryStore, row: Path, tmp_path: Path) -> None:
    root = put_file(store, row).root
    fetched = fetch_row(store, str(root), LARGE, tmp_path)
    fetched.write_bytes(bytes(LENGTH))
    assert fetch_row(store, str(root), LARGE, tmp_path).read_bytes() == row.read_bytes()


@pytest.mark.parametrize("other", [0, 1, LENGTH - 1])
def test_a_row_that_is_too_short_is_not_kept(other: int, store: MemoryStore, tmp_path: Path) -> None:
    root = put_bytes(store, bytes(other)).root
    with pytest.raises(InvalidInputError, match="no sealed row of class large"):
        fetch_row(store, str(root), LARGE, tmp_path)
    assert list((tmp_path / "fetched").iterdir()) == []


@pytest.mark.parametrize("other", [LENGTH + 1, 1 << 40])
def test_a_row_that_is_too_long_costs_one_block(other: int, store: MemoryStore, tmp_path: Path) -> None:
    """A seller names a terabyte as its row; a buyer's disk would be full before anything is checked."""
    if other < 1 << 30:
        root = put_bytes(store, bytes(other)).root
    else:
        node = Node((Link(Cid.of(b"x", DAG_PB), 1 << 30, 1 << 30),) * 1024)
        root = Cid.of(node.encode(), DAG_PB)
        store.blocks[root] = node.encode()
    with pytest.raises(InvalidInputError):
        fetch_row(store, str(root), LARGE, tmp_path)
    assert store.got.total() == 1
    assert not (tmp_path / "fetched").exists()


@pytest.mark.parametrize(
    "name", ["", "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWKPbdG", "../../etc/passwd", "https://x"]
)
def test_what_an_offer_names_as_its_row_is_a_name_and_no_place(name: str, store: MemoryStore, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError):
        fetch_row(store, name, LARGE, tmp_path)
    assert not store.got


def test_an_offer_that_is_longer_than_any_is_not_fetched(store: MemoryStore, tmp_path: Path) -> None:
    root = put_bytes(store, bytes(MOST_BYTES + 1)).root
    with pytest.raises(InvalidInputError, match="may be fetched"):
        fetch_offer_file(store, root, tmp_path)
    assert list(tmp_path.iterdir()) == []


class Lying(Server):
    """A gateway that serves some leaves, and then does as a test says."""

    def __init__(self, held: MemoryStore, honest: int, then: Answer) -> None:
        self.honest, serve = honest, gateway_over(held)
        super().__init__(lambda asked: serve(asked) if self._may() else then)

    def _may(self) -> bool:
        self.honest -= 1
        return self.honest >= 0


@pytest.mark.parametrize(
    ("then", "error"),
    [
        ((200, {}, b"other bytes"), ProofError),
        ((200, {}, bytes(LEAF)), ProofError),
        ((200, {}, bytes(MAX_BLOCK + 5)), ProofError),
        ((200, {"Content-Length": str(LEAF)}, bytes(LEAF // 2)), UnavailableError),  # half of it, then nothing
        ((404, {}, b""), UnknownError),
        ((302, {"Location": "http://127.0.0.1:1/"}, b""), UnavailableError),
    ],
    ids=["others", "as long", "longer", "half", "gone", "elsewhere"],
)
@pytest.mark.parametrize("honest", [0, 3])
def test_a_store_that_lies_is_left_for_another(
    then: Answer, error: type[Exception], honest: int, store: MemoryStore, row: Path, tmp_path: Path
) -> None:
    root = put_file(store, row).root
    with Lying(store, honest, then) as server, pytest.raises(error):
        fetch_row(GatewayStore(server.url, Access(5)), str(root), LARGE, tmp_path)
    assert list(tmp_path.glob("fetched/*.sealed")) == []
    store.got.clear()
    assert fetch_row(store, str(root), LARGE, tmp_path).read_bytes() == row.read_bytes()
    assert store.got.total() == 1 + 3 - max(0, honest - 1)  # the root, and what had not come


def test_a_store_that_never_ends_is_given_up(store: MemoryStore, row: Path, tmp_path: Path) -> None:
    """Bytes without end, slowly: the whole block has the seconds of artifacts.timeout, not each byte."""
    root = put_file(store, row).root

    class Endless(Server):
        def __init__(self) -> None:
            super().__init__(lambda _: (200, {"Content-Length": str(1 << 50)}, bytes(64 << 20)))

    with Endless() as server, pytest.raises((ProofError, UnavailableError)):
        fetch_row(GatewayStore(server.url, Access(5)), str(root), LARGE, tmp_path)
    assert not (tmp_path / "fetched").exists()


def test_a_store_that_only_serves_is_told_to_the_seller(market: Market, tmp_path: Path) -> None:
    offer, sealed = market.offer()
    write_offer(tmp_path / "offer.json", offer)
    with Server(lambda _: (404, {}, b"")) as server, pytest.raises(InvalidInputError, match="only serves"):
        put_offer(GatewayStore(server.url, Access(5)), tmp_path / "offer.json", sealed)


def test_a_buyer_fetches_what_its_seller_put(market: Market, store: MemoryStore, tmp_path: Path) -> None:
    offer, sealed = market.offer()
    write_offer(tmp_path / "offer.json", offer)
    root = put_offer(store, tmp_path / "offer.json", sealed).root
    assert store.kept == [Cid.parse(offer.row), root]
    found = market.shopper.fetch(store, root)
    assert found == offer
    fetched = market.shopper.fetch_row(store, found)
    assert row_bytes(fetched, SIZE.weights) == sealed.read_bytes()
    checked = market.shopper.check(found, fetched, market.groups)
    market.shopper.check(found, sealed, market.groups)  # the same row elsewhere is the same purchase
    assert market.stage.models.sale_status(checked.sale) is SaleStatus.UNKNOWN


def test_a_sound_file_of_another_row_is_not_paid_for(market: Market, store: MemoryStore, tmp_path: Path) -> None:
    """Whoever hands an offer on names another row of the same length; its content fits its name, and is not sold."""
    (offer, _), (_, other) = market.offer(), market.offer()
    forged = replace(offer, row=str(put_file(store, other).root))
    write_offer(tmp_path / "offer.json", forged)
    found = market.shopper.fetch(store, put_file(store, tmp_path / "offer.json").root)
    with pytest.raises(ProofError):
        market.shopper.check(found, market.shopper.fetch_row(store, found), market.groups)


def test_what_is_no_offer_is_none(market: Market, store: MemoryStore) -> None:
    for content in (b"", b"{}", b"\x80\x04.", b"[" * 5000):
        with pytest.raises(InvalidInputError):
            market.shopper.fetch(store, put_bytes(store, content).root)
