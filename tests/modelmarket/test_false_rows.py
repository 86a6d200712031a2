"""Winners that keep a member's checks busy: each check takes all of a machine, and others wait for their turn."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from circuits.errors import BusyError, ProofError, RuleViolationError, StorageError
from circuits.swap.sealedrows import SealedRow
from commons.chain.modeldecoding import coordinates
from commons.protocol.bountyheads import WinnerHead
from commons.protocol.modelofferings import BountyOffer
from commons.wire.prover_client import ProverClient
from native import R
from provers.bountyfiles import MOST_OFFERS
from provers.bountyreceipts import MOST_FALSE_ROWS, BountyReceipts
from provers.checkturns import CheckTurns
from provers.knownfaults import FaultsOf
from tests.modelmarket.modelstage import SIZE, model_stage
from tests.modelmarket.receiptstown import DEVELOPER, Town, town_on


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    directory = tmp_path_factory.mktemp("false-rows")
    with model_stage(directory) as stage, town_on(stage, directory) as made:
        yield made


@pytest.fixture
def client(town: Town) -> Iterator[ProverClient]:
    with town.client() as made:
        yield made


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[WinnerHead]:
    """The rows that members check; they do as before."""
    heads, check = list[WinnerHead](), BountyReceipts._check_row

    def checking(receipts: BountyReceipts, head: WinnerHead, *others: object) -> None:
        heads.append(head)
        check(receipts, head, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(BountyReceipts, "_check_row", checking)
    return heads


def signed(town: Town, head: WinnerHead) -> WinnerHead:
    said = BountyOffer(head.bounty, head.listing, coordinates(head.public), head.offer)
    domain = town.stage.models.bounties_market.domain
    return replace(head, signature=town.stage.accounts[DEVELOPER].sign(said.digest(domain)))


def false_row(town: Town, head: WinnerHead, row: bytes, at: int) -> tuple[WinnerHead, bytes]:
    """Another row that is not the model's, which the winner signs."""
    sealed = SealedRow.decode(row, SIZE.weights)
    made = replace(sealed, value_answer=(sealed.value_answer + 1 + at) % R)
    return signed(town, replace(head, offer=made.digest)), made.encode()


def test_few_false_rows_of_a_winner_are_looked_at(
    town: Town, client: ProverClient, checked: list[WinnerHead], tmp_path: Path
) -> None:
    """Attack: rows that are all false, each another one, so that no honest winner or owner gets a turn."""
    head, row = town.winner_head(town.selling(), tmp_path / "row")
    for at in range(MOST_FALSE_ROWS):
        false, its_row = false_row(town, head, row, at)
        for _ in range(2):
            with pytest.raises(ProofError, match="proof of knowledge"):
                client.attest_offer(false, its_row)
    assert len(checked) == MOST_FALSE_ROWS, "one that was found false is not looked at again"
    for sent in (false_row(town, head, row, 100), (head, row)):
        with pytest.raises(RuleViolationError, match="each was false"):
            client.attest_offer(*sent)
    assert len(checked) == MOST_FALSE_ROWS
    other, other_row = town.winner_head(town.selling(), tmp_path / "other")
    client.attest_offer(other, other_row)
    assert len(checked) == MOST_FALSE_ROWS + 1, "another winner is served as before"


def test_rows_that_the_winner_did_not_sign_are_not_held_against_it(
    town: Town, client: ProverClient, checked: list[WinnerHead], tmp_path: Path
) -> None:
    """Attack: a member that was shown an offer sends it on to the others, with other rows, or with another x."""
    head, row = town.winner_head(town.selling(), tmp_path / "row")
    for at in range(2 * MOST_FALSE_ROWS):
        with pytest.raises(ProofError, match="not the one that the offer names"):
            client.attest_offer(head, false_row(town, head, row, at)[1])
        with pytest.raises(ProofError, match="does not open the sealed row"):
            client.attest_offer(replace(head, blinding=(head.blinding + at) % (R - 1) + 1), row)
    assert not checked
    client.attest_offer(head, row)


def test_a_row_for_which_there_is_no_place_is_not_looked_at(
    town: Town, client: ProverClient, checked: list[WinnerHead], tmp_path: Path
) -> None:
    """Attack: a winner seals its model anew, each time under another key; all of it is sound, and none is kept."""
    bounty = town.selling()
    head, row = town.winner_head(bounty, tmp_path / "row")
    client.attest_offer(head, row)
    for at in range(MOST_OFFERS):
        town.developer._state.standing(bounty, head.listing).unlink()
        anew, its_row = town.winner_head(bounty, tmp_path / f"anew-{at}")
        if at < MOST_OFFERS - 1:
            client.attest_offer(anew, its_row)
            continue
        with pytest.raises(StorageError, match="offers of this listing"):
            client.attest_offer(anew, its_row)
    assert len(checked) == MOST_OFFERS


def test_one_of_a_name_waits_and_all_are_served_in_order() -> None:
    turns, order, entered = CheckTurns(), list[str](), threading.Event()
    release, queued = threading.Event(), list[threading.Thread]()

    def hold() -> None:
        with turns.only_turn(b"hostile"):
            entered.set()
            release.wait()

    def take(name: str) -> None:
        with turns.turn():
            order.append(name)

    first = threading.Thread(target=hold)
    first.start()
    entered.wait()
    for count, name in enumerate(("a", "b", "c"), 2):
        thread = threading.Thread(target=take, args=(name,))
        thread.start()
        queued.append(thread)
        while len(turns._waiting) < count:
            pass
    with pytest.raises(BusyError, match="ask again"), turns.only_turn(b"hostile"):
        pass
    assert not order
    release.set()
    for thread in (first, *queued):
        thread.join()
    assert order == ["a", "b", "c"]
    with turns.only_turn(b"hostile"):
        pass


def test_a_check_that_fails_ends_its_turn() -> None:
    turns = CheckTurns()
    for _ in range(2):
        with pytest.raises(ProofError), turns.only_turn(b"one"):
            raise ProofError("false")


def test_the_latest_who_were_wrong_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("provers.knownfaults._MOST", 2)
    faults = FaultsOf(1)
    for who in (b"a", b"b", b"c"):
        with pytest.raises(ProofError), faults.counted(who):
            raise ProofError("false")
    faults.require_few(b"a")
    for who in (b"b", b"c"):
        with pytest.raises(RuleViolationError):
            faults.require_few(who)
    assert len(faults._counts) == 2
