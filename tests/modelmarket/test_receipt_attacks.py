"""Who wants something of a committee's members that it should not have: winners, strangers, nodes, silent members."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from web3.types import TxParams, Wei

from circuits.accuracy.sizeclasses import CLASSES, MAX_CHUNKS, SizeClass
from circuits.errors import (
    ChainError,
    GradrollError,
    NotReadyError,
    ProofError,
    SignatureError,
    UnknownError,
)
from circuits.hashing import keccak
from circuits.swap.sealedrows import SealedRow
from circuits.swap.swapkeys import salted_point
from commons.artifacts.datasetfiles import Dataset
from commons.chain.modeldecoding import coordinates
from commons.chain.modelfacts import BountyStage
from commons.chain.modelview import ModelView
from commons.chain.view import ChainView
from commons.protocol.blindings import open_blinding, request_message
from commons.protocol.bountydraws import TESTS, TRAINING
from commons.protocol.bountyheads import MAX_GROUP_BYTES, WinnerHead
from commons.protocol.modelofferings import BountyOffer, DatasetReceipt
from commons.protocol.signing import recover
from commons.sharing.sealing import generate, public_key
from commons.wire.prover_client import ProverClient
from gradroll.modelmarket import bountyowner
from gradroll.modelmarket.anchors import close_entries
from native import R
from provers.bountychain import BountyChain
from provers.bountyfiles import MOST_OFFERS
from provers.bountyreceipts import BountyReceipts, largest_group
from tests.modelmarket.modelstage import SIZE, model_stage, toy_model
from tests.modelmarket.receiptstown import DEVELOPER, MEMBERS, STRANGER, WINDOW, Member, Town, committed_alone, town_on

WALLET = bytes.fromhex("60043560005260206000206064351463" + "1626ba7e" + "0260e01b60005260206000f3")
"""isValidSignature(bytes32 digest, bytes signature): true where the signature is the Keccak-256 hash of the digest."""


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    directory = tmp_path_factory.mktemp("attacks")
    with model_stage(directory) as stage, town_on(stage, directory) as made:
        yield made


@pytest.fixture(scope="module")
def wallet(town: Town) -> bytes:
    """A contract that signs."""
    web3 = town.stage.models.chain.rpc.web3
    account = town.stage.accounts[STRANGER]
    code = b"\x7f" + WALLET + bytes.fromhex("60005260206000f3")
    call: TxParams = {
        "data": code, "gas": 200_000, "chainId": town.stage.models.chain.chain_id, "value": Wei(0),
        "maxFeePerGas": Wei(10**10), "maxPriorityFeePerGas": Wei(1), "type": 2,
        "nonce": town.stage.models.chain.rpc.next_nonce(account.address, "pending"),  # type: ignore[typeddict-item]
    }  # fmt: skip
    sent = web3.eth.send_raw_transaction(account.sign_transaction(call))
    made = web3.eth.wait_for_transaction_receipt(sent)["contractAddress"]
    assert made is not None
    return bytes.fromhex(made[2:])


def views(town: Town) -> list[ModelView]:
    """Two nodes."""
    chain, places = town.stage.models.chain, town.stage.models.places
    return [
        ModelView(ChainView(town.stage.url, chain.market, expected_chain_id=chain.chain_id), places) for _ in range(2)
    ]


def with_other_blinding(town: Town, head: WinnerHead, row: bytes) -> WinnerHead:
    """The same row under another K' of the winner's."""
    blinding = head.blinding % (R - 1) + 1
    public = salted_point(SealedRow.decode(row, SIZE.weights).key_point, blinding)
    said = BountyOffer(head.bounty, head.listing, coordinates(public), head.offer)
    signature = town.stage.accounts[DEVELOPER].sign(said.digest(town.stage.models.bounties_market.domain))
    return replace(head, blinding=blinding, public=public, signature=signature)


def counted(monkeypatch: pytest.MonkeyPatch, name: str) -> list[object]:
    """What a method of members is given; it works as before."""
    calls, method = list[object](), getattr(BountyReceipts, name)

    def behave(*told: object) -> object:
        calls.append(told)
        return method(*told)

    monkeypatch.setattr(BountyReceipts, name, behave)
    return calls


def test_a_second_blinding_of_a_row_takes_nothing_from_the_first(town: Town, tmp_path: Path) -> None:
    """A winner has members vouch for K', then write the x of another one over its x: the owner would open nothing."""
    bounty = town.selling()
    head, row = town.winner_head(bounty, tmp_path / "row")
    receipts = []
    for member in range(3):
        with town.client(member) as client:
            receipts.append((member, client.attest_offer(head, row)))
            client.attest_offer(with_other_blinding(town, head, row), row)
    town.stage.writer(DEVELOPER).lock_by_receipts(bounty, head.public, head.offer, receipts)
    town.owner.receive(bounty, town.witnesses, tmp_path / "received")
    town.developer.reveal_won(bounty, 60)
    assert np.array_equal(town.owner.open_model(bounty).weights, toy_model(1))


def test_an_offer_that_is_sent_again_is_not_checked_again(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bounty = town.selling()
    head, row = town.winner_head(bounty, tmp_path / "row")
    checked = counted(monkeypatch, "_check_row")
    with town.client() as client:
        first = client.attest_offer(head, row)
        assert client.attest_offer(head, row) == first and len(checked) == 1
        (kept,) = (town.members[0].directory / bounty.hex()).glob("*/*.row")
        kept.write_bytes(kept.read_bytes()[:-1] + b"?")
        assert client.attest_offer(head, row) == first and len(checked) == 2, "a damaged one is taken anew"
        assert kept.read_bytes() == row


def test_the_winner_seals_once_whatever_its_committee_says(town: Town, tmp_path: Path) -> None:
    """Three runs would be three rows, of which members keep two."""
    bounty = town.selling()
    runs = [town.winner_head(bounty, tmp_path / name) for name in ("row", "row", "elsewhere")]
    assert runs[0] == runs[1] == runs[2]
    assert (tmp_path / "row").read_bytes() == (tmp_path / "elsewhere").read_bytes() == runs[0][1]
    kept = town.developer._state.standing(bounty, runs[0][0].listing)
    kept.write_bytes(kept.read_bytes()[:-1])
    head, row = town.winner_head(bounty, tmp_path / "anew")  # nothing was promised for a row that is damaged
    assert head.offer != runs[0][0].offer and kept.read_bytes() == row
    town.developer.stand_in(bounty, town.witnesses, tmp_path / "anew")
    assert town.stage.models.bounty(bounty).offer == head.offer


def test_a_group_that_is_false_is_checked_once(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its owner sends it again and again, while honest owners wait for their turn."""
    names = list(town.data)
    head, file = committed_alone(town, town.data[names[0]], town.data[names[1]])
    checked = counted(monkeypatch, "_require_true")
    with town.client() as client:
        for _ in range(3):
            with pytest.raises(ProofError, match="do not give the commitments"):
                client.hold_group(head, file)
    assert len(checked) == 1


def test_a_group_that_is_here_is_not_checked_again(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    bounty = town.drawn()
    head, file = town.head(bounty)
    with town.client() as client:
        client.hold_group(head, file)
        monkeypatch.delattr(BountyReceipts, "_require_true")
        client.hold_group(head, file)


def test_others_cannot_fill_the_disk_between_two_draws(town: Town, tmp_path: Path) -> None:
    """Otherwise an entrant fills it, the tests find no room, and it has the compensation."""
    member = Member(tmp_path)
    try:
        receipts = member.begin(town.chain(), town.stage, MEMBERS[0], room=1 << 18)
        bounty = town.drawn()
        head, file = town.head(bounty)
        with ProverClient(member.endpoint) as client:
            client.hold_group(head, file)
        kept = receipts.files.promised
        for name in range(1, 200):
            try:
                receipts.files.begin(name.to_bytes(32, "big"), name.to_bytes(20, "big"), kept)
            except GradrollError:
                break
        else:
            raise AssertionError("the disk has no end")
        with receipts.files.room(bounty, kept - receipts.files.held):
            pass
    finally:
        member.stop()


def test_one_node_that_lies_about_code_has_no_unsigned_offer_taken(town: Town) -> None:
    """Strangers who know the model would use up the winner's offers."""
    both = views(town)
    chain = BountyChain(both, town.committee, 2, (SIZE,))
    account = town.stage.accounts[DEVELOPER].address
    both[0].chain.rpc.__dict__["code"] = lambda _: b"\x01"
    both[0].chain.__dict__["takes_signature"] = lambda *_: True
    for unsigned in (b"", bytes(65)):
        with pytest.raises(SignatureError):
            chain.require_signed(account, bytes(32), unsigned, "the offer")


def test_one_node_that_lies_about_a_verifier_chooses_no_class(town: Town) -> None:
    both = views(town)
    chain = BountyChain(both, town.committee, 2, (SIZE,))
    found = both[0].verifier(town.stage.verifier)
    both[0].__dict__["verifier"] = lambda _: replace(found, factory=bytes(20))
    with pytest.raises(ChainError, match="tell different things"):
        chain.size_of(town.stage.verifier)
    del both[0].__dict__["verifier"]
    assert chain.size_of(town.stage.verifier) == SIZE, "what it said was not kept"


def test_a_contract_signs_as_it_says(town: Town, wallet: bytes) -> None:
    chain = BountyChain(views(town), town.committee, 2, (SIZE,))
    digest = keccak(b"an offer")
    chain.require_signed(wallet, digest, keccak(digest), "the offer")
    for wrong in (b"", keccak(b"other"), bytes(65), town.stage.accounts[STRANGER].sign(digest)):
        with pytest.raises(SignatureError, match="ERC-1271"):
            chain.require_signed(wallet, digest, wrong, "the offer")
    silent = town.stage.models.places.bounties  # a contract without the method
    with pytest.raises(SignatureError, match="ERC-1271"):
        chain.require_signed(silent, digest, keccak(digest), "the offer")


def test_an_owner_that_is_a_contract_receives_x(town: Town, wallet: bytes, tmp_path: Path) -> None:
    """Over the wire, with a signature that is none of a key."""
    bounty = town.selling()
    town.developer.stand_in(bounty, town.witnesses, tmp_path / "row")
    record = town.stage.models.bounty(bounty)
    both = views(town)
    for view in both:
        view.__dict__["bounty"] = lambda _: replace(record, owner=wallet)
    private = generate()
    public = public_key(private)
    domain = town.stage.models.bounties_market.domain
    listing = town.stage.models.entry(bounty, record.winner).listing
    asked = keccak(request_message(domain, listing, wallet, public))
    receipts = town.members[0].servicer._receipts
    assert receipts is not None
    receipts._chain = BountyChain(both, town.committee, 2, (SIZE,))
    try:
        with town.client() as client:
            with pytest.raises(SignatureError, match="ERC-1271"):
                client.blinding(bounty, public, bytes(65))
            sealed = client.blinding(bounty, public, keccak(asked))
    finally:
        receipts._chain = town.chain()
    blinding = open_blinding(private, sealed, domain, listing, record.public)
    assert blinding == town.developer._state.book.find(record.public).blinding


def test_a_member_whose_key_was_rotated_signs_with_the_new_one_for_what_it_has(town: Town, tmp_path: Path) -> None:
    """What is held is no key's: a receipt that former keys signed counts for nothing on the chain."""
    member = Member(tmp_path)
    try:
        member.begin(town.chain(), town.stage, MEMBERS[0])
        bounty = town.drawn()
        head, file = town.head(bounty)
        with ProverClient(member.endpoint) as client:
            client.hold_group(head, file)
            before = client.attest_groups(bounty, TRAINING)
            member.begin(town.chain(), town.stage, STRANGER)
            signed = client.attest_groups(bounty, TRAINING)
        domain = town.stage.models.bounties_market.domain
        digest = DatasetReceipt(bounty, TRAINING, {head.index: head.group}).digest(domain)
        assert recover(digest, before) == town.stage.accounts[MEMBERS[0]].address
        assert recover(digest, signed) == town.stage.accounts[STRANGER].address
    finally:
        member.stop()


def test_what_a_cancelled_bounty_left_goes_after_a_day(town: Town, tmp_path: Path) -> None:
    """Opening and cancelling bounties is cheap: what nobody has a use for is not kept for a month."""
    member = Member(tmp_path)
    try:
        receipts = member.begin(town.chain(), town.stage, MEMBERS[0])
        receipts._kept = 30 * 86_400
        bounty = town.drawn()
        with ProverClient(member.endpoint) as client:
            client.hold_group(*town.head(bounty))
        town.stage.pass_time(WINDOW + 1)
        town.owner.settle(bounty)
        receipts.tidy(10**10)
        receipts.tidy(10**10 + 86_400)
        assert receipts.files.names() == [bounty]
        receipts.tidy(10**10 + 86_401)
        assert receipts.files.names() == [] and receipts.files.promised == 0
    finally:
        member.stop()


def test_a_disk_that_lost_data_gets_them_again_after_they_are_shown(town: Town) -> None:
    """From whoever has them: entrants read them for as long as the bounty lasts, and a receipt promises that."""
    bounty = town.drawn()
    head, file = town.head(bounty)
    town.owner.show(bounty, town.data.__getitem__, town.witnesses)
    assert town.stage.models.bounty(bounty).stage is BountyStage.ENTERING
    lost = town.members[3].directory / bounty.hex() / f"{head.group.file_digest.hex()}.data"
    lost.unlink(missing_ok=True)
    with town.client(3) as client:
        with pytest.raises(UnknownError, match="another member"):
            client.held(bounty, head.group.file_digest)
        client.hold_group(head, file)
        assert client.held(bounty, head.group.file_digest) == file
        with pytest.raises(NotReadyError):
            client.attest_groups(bounty, TRAINING)
        with pytest.raises(NotReadyError):  # tests are not drawn yet
            client.hold_group(replace(head, stage=TESTS), file)
    town.stage.pass_time(WINDOW + 1)
    close_entries(town.owner.account, town.stage.models.bounty(bounty))
    assert town.stage.models.bounty(bounty).stage is BountyStage.CANCELLED
    with town.client(3) as client, pytest.raises(NotReadyError):
        client.hold_group(head, file)


@pytest.mark.parametrize("size", CLASSES, ids=lambda size: size.name)
def test_the_largest_group_of_a_class_has_room(size: SizeClass) -> None:
    samples = MAX_CHUNKS * size.samples
    features = np.zeros((samples, size.inputs), dtype=np.int16)
    file = Dataset(features, np.zeros(samples, dtype=np.uint8)).encode()
    assert len(file) <= largest_group(size) <= MAX_GROUP_BYTES


def test_an_owner_that_is_stopped_while_it_receives_goes_on(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bounty = town.selling()
    town.developer.stand_in(bounty, town.witnesses, tmp_path / "made")
    out = tmp_path / "received"

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    for place in ("checked_row", "require_offered"):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(bountyowner, place, stop)
            town.owner.receive(bounty, town.witnesses, out)
        assert not out.exists()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(town.owner._state.purchases, "add", stop)
        town.owner.receive(bounty, town.witnesses, out)
    assert not out.exists()
    town.owner.receive(bounty, town.witnesses, out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made", "received"]
    town.developer.reveal_won(bounty, 60)
    assert np.array_equal(town.owner.open_model(bounty).weights, toy_model(1))


def test_winners_that_fail_on_purpose_leave_the_next_one_its_room(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, and a winner before that had as much kept as it may: the honest one still gets its receipt."""
    member = Member(tmp_path / "member")
    try:
        receipts = member.begin(town.chain(), town.stage, MEMBERS[0])
        bounty = town.selling()
        head, row = town.winner_head(bounty, tmp_path / "row")
        receipts._begin(town.stage.models.bounty(bounty), SIZE)
        monkeypatch.setattr(receipts.files._shares, "_most", receipts.files.promised)  # others have all the rest
        groups = 2 * largest_group(SIZE)
        receipts.files.put_group(bounty, 0, replace(town.head(bounty)[0].group, file_digest=bytes(32)), bytes(groups))
        for listing in (b"\x0a" * 32, b"\x0b" * 32):
            for offer in range(MOST_OFFERS):
                receipts.files.put_offer(bounty, listing, bytes((offer,)) * 32, head.public, row, 1)
        with ProverClient(member.endpoint) as client:
            client.attest_offer(head, row)
            client.attest_offer(with_other_blinding(town, head, row), row)
    finally:
        member.stop()
