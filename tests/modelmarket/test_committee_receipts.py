"""Receipts of members over gRPC: given for what was checked and is held, and for nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from circuits.errors import (
    ClosedError,
    FullError,
    GradrollError,
    InvalidInputError,
    NotReadyError,
    ProofError,
    RuleViolationError,
    SignatureError,
    StorageError,
    UnavailableError,
    UnknownError,
    WireError,
)
from commons.chain.modelfacts import BountyStage
from commons.protocol.bountydraws import TESTS, TRAINING
from commons.protocol.bountyheads import MAX_GROUP_BYTES, GroupHead, WinnerHead
from commons.protocol.modelofferings import BountyOffer, DatasetReceipt
from commons.protocol.signing import recover
from commons.wire import bountywire
from commons.wire._generated import prover_pb2 as pb
from commons.wire.prover_client import ProverClient
from native import G1
from provers.bountyfiles import MOST_OFFERS
from tests.modelmarket.modelstage import model_stage, toy_model
from tests.modelmarket.receiptstown import (
    DEVELOPER,
    KEPT,
    MEMBERS,
    STRANGER,
    WINDOW,
    Member,
    Town,
    committed_alone,
    file_group,
    town_on,
)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    directory = tmp_path_factory.mktemp("receipts")
    with model_stage(directory) as stage, town_on(stage, directory) as made:
        yield made


def test_a_quorum_stands_in_and_the_owner_opens_the_model(town: Town, tmp_path: Path) -> None:
    bounty, models = town.selling(), town.stage.models
    town.developer.stand_in(bounty, town.witnesses, tmp_path / "made")
    assert models.bounty(bounty).stage is BountyStage.LOCKED
    (damaged,) = (town.members[0].directory / bounty.hex()).glob("*/*.row")
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")  # the next member's is whole
    town.owner.receive(bounty, town.witnesses, tmp_path / "received")
    assert (tmp_path / "received").read_bytes() == (tmp_path / "made").read_bytes()
    town.developer.reveal_won(bounty, 60)
    assert np.array_equal(town.owner.open_model(bounty).weights, toy_model(1))
    with town.client() as client, pytest.raises(SignatureError):  # x is the owner's alone
        key = town.owner._state.purchases.public_key()
        client.blinding(bounty, key, town.stage.accounts[STRANGER].sign(bytes(32)))


def test_everybody_gets_the_data_that_a_receipt_is_for(town: Town) -> None:
    bounty = town.drawn()
    head, file = town.head(bounty)
    with town.client() as client:
        client.hold_group(head, file)
        receipt = client.attest_groups(bounty, TRAINING)
        assert client.held(bounty, head.group.file_digest) == file
        client.hold_group(head, file)
        assert client.attest_groups(bounty, TRAINING) == receipt
    digest = DatasetReceipt(bounty, TRAINING, {head.index: head.group}).digest(town.stage.models.bounties_market.domain)
    assert recover(digest, receipt) == town.stage.accounts[MEMBERS[0]].address


def other_salt(town: Town, head: GroupHead, file: bytes) -> tuple[GroupHead, bytes]:
    return replace(head, group=replace(head.group, salt=bytes(32))), file


def other_file(town: Town, head: GroupHead, file: bytes) -> tuple[GroupHead, bytes]:
    return head, file[:-1] + bytes((file[-1] ^ 1,))


def not_drawn(town: Town, head: GroupHead, file: bytes) -> tuple[GroupHead, bytes]:
    return town.head(head.bounty, (head.index + 1) % 3)


def other_stage(town: Town, head: GroupHead, file: bytes) -> tuple[GroupHead, bytes]:
    return replace(head, stage=TESTS), file


def other_bounty(town: Town, head: GroupHead, file: bytes) -> tuple[GroupHead, bytes]:
    return replace(head, bounty=bytes(32)), file


def other_leaves(town: Town, head: GroupHead, file: bytes) -> tuple[GroupHead, bytes]:
    leaves = list(head.leaves)
    leaves[head.index - 1] = bytes(32)
    return replace(head, leaves=tuple(leaves)), file


def shorter(town: Town, head: GroupHead, file: bytes) -> tuple[GroupHead, bytes]:
    return head, file[:-1]


def longer(town: Town, head: GroupHead, file: bytes) -> tuple[GroupHead, bytes]:
    return head, file + b"\0"


def too_long(town: Town, head: GroupHead, file: bytes) -> tuple[GroupHead, bytes]:
    return replace(head, length=MAX_GROUP_BYTES + 1), file


Lie = Callable[[Town, GroupHead, bytes], tuple[GroupHead, bytes]]


@pytest.mark.parametrize(
    ("lie", "error"),
    [
        (other_salt, RuleViolationError), (other_file, ProofError), (not_drawn, RuleViolationError),
        (other_stage, NotReadyError), (other_bounty, UnknownError), (other_leaves, RuleViolationError),
        (shorter, WireError), (longer, WireError), (too_long, WireError),
    ],
)  # fmt: skip
def test_what_was_not_drawn_or_committed_to_is_not_held(town: Town, lie: Lie, error: type[GradrollError]) -> None:
    bounty = town.drawn()
    head, file = lie(town, *town.head(bounty))
    with town.client() as client:
        with pytest.raises(error):
            client.hold_group(head, file)
        with pytest.raises(UnknownError, match="not here"):
            client.attest_groups(bounty, TRAINING)


def test_data_that_do_not_fit_their_commitments_get_no_receipt(town: Town) -> None:
    """The owner committed to a file and to the hash of other data: nobody could prove on it."""
    real, other = file_group(town.stage, 51), file_group(town.stage, 52)
    head, file = committed_alone(town, real, other)
    with town.client() as client, pytest.raises(ProofError, match="do not give the commitments"):
        client.hold_group(head, file)


def test_features_beyond_the_terms_get_no_receipt(town: Town) -> None:
    real = file_group(town.stage, 53)
    head, file = committed_alone(town, real, real, feature_bound=real.largest_feature - 1)
    with town.client() as client, pytest.raises(InvalidInputError, match="beyond"):
        client.hold_group(head, file)


def test_a_draw_that_is_not_final_gets_no_receipt(town: Town) -> None:
    bounty = town.opened()
    town.stage.draw(town.owner, bounty)
    with town.client() as client, pytest.raises(NotReadyError, match="vouch"):
        client.hold_group(*town.head(bounty))


def test_a_member_of_another_committee_signs_nothing(town: Town, tmp_path: Path) -> None:
    member = Member(tmp_path)
    try:
        member.begin(town.chain(committee=town.committee + 1), town.stage, MEMBERS[0])
        bounty = town.drawn()
        with ProverClient(member.endpoint) as client:
            with pytest.raises(UnknownError, match="belongs to"):
                client.hold_group(*town.head(bounty))
            with pytest.raises(UnknownError, match="belongs to"):
                client.attest_groups(bounty, TRAINING)
    finally:
        member.stop()


def test_a_member_whose_operator_names_no_contracts_says_so(tmp_path: Path) -> None:
    member = Member(tmp_path)
    try:
        with ProverClient(member.endpoint) as client, pytest.raises(ClosedError, match=r"models\.bounties"):
            client.attest_groups(bytes(32), TRAINING)
    finally:
        member.stop()


def test_a_full_member_refuses_before_it_reads(town: Town, tmp_path: Path) -> None:
    member = Member(tmp_path)
    try:
        bounty = town.drawn()
        head, file = town.head(bounty)
        member.begin(town.chain(), town.stage, MEMBERS[0], room=len(file) - 1)
        with ProverClient(member.endpoint) as client, pytest.raises(StorageError, match="max_bounty_bytes"):
            client.hold_group(head, file)
        assert not list(tmp_path.rglob("*.data"))
    finally:
        member.stop()


def test_a_lost_or_damaged_disk_gives_no_receipt_until_the_data_come_again(town: Town) -> None:
    bounty = town.drawn()
    head, file = town.head(bounty)
    folder = town.members[0].directory / bounty.hex()
    with town.client() as client:
        client.hold_group(head, file)
        town.members[0].begin(town.chain(), town.stage, MEMBERS[0])  # a restart loses nothing
        receipt = client.attest_groups(bounty, TRAINING)
        data = folder / f"{head.group.file_digest.hex()}.data"
        record = folder / f"{head.index}.group"
        for path in (data, record):
            whole = path.read_bytes()
            path.write_bytes(whole[:-1] + bytes((whole[-1] ^ 1,)))
            with pytest.raises(UnknownError, match="send them"):
                client.attest_groups(bounty, TRAINING)
            path.unlink()
            with pytest.raises(UnknownError, match="send them"):
                client.attest_groups(bounty, TRAINING)
            client.hold_group(head, file)
            assert client.attest_groups(bounty, TRAINING) == receipt


def test_two_that_send_the_same_at_once_leave_it_once(town: Town) -> None:
    bounty = town.drawn()
    head, file = town.head(bounty)
    failures: list[BaseException] = []

    def send() -> None:
        try:
            with town.client(1) as client:
                client.hold_group(head, file)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    receipts = town.members[1].servicer._receipts
    assert receipts is not None and not failures
    held = sum(path.stat().st_size for path in town.members[1].directory.rglob("*") if path.is_file())
    assert receipts.files.held == held and receipts.files._shares._shares[bounty].coming == 0


def test_offers_that_do_not_hold_get_no_receipt(town: Town, tmp_path: Path) -> None:
    bounty = town.selling()
    head, row = town.winner_head(bounty, tmp_path / "row")
    broken = bytearray(row)
    broken[-1] ^= 1
    foreign, foreign_row = town.winner_head(bounty, tmp_path / "foreign", town.stage.accounts[STRANGER].address)
    key = town.stage.accounts[DEVELOPER]
    domain = town.stage.models.bounties_market.domain

    def signed(head: WinnerHead) -> WinnerHead:
        point = int.from_bytes(head.public[:32], "big"), int.from_bytes(head.public[32:], "big")
        said = BountyOffer(head.bounty, head.listing, point, head.offer)
        return replace(head, signature=key.sign(said.digest(domain)))

    cases: list[tuple[WinnerHead, bytes, type[GradrollError]]] = [
        (replace(head, signature=town.stage.accounts[STRANGER].sign(bytes(32))), row, SignatureError),
        (replace(head, signature=b""), row, WireError),
        (replace(head, signature=bytes(4096)), row, SignatureError),
        (replace(head, signature=bytes(4097)), row, WireError),
        (replace(head, listing=bytes(32)), row, RuleViolationError),
        (replace(head, bounty=bytes(32)), row, UnknownError),
        (replace(head, blinding=head.blinding + 1), row, ProofError),
        (signed(replace(head, offer=bytes(32))), row, ProofError),
        (head, bytes(broken), GradrollError),
        (replace(head, length=len(row) - 1), row[:-1], WireError),
        (foreign, foreign_row, ProofError),
    ]
    with town.client() as client:
        for lie, sent, error in cases:
            with pytest.raises(error):
                client.attest_offer(lie, sent)
        assert not list((town.members[0].directory / bounty.hex()).glob("*/*.row"))
        receipt = client.attest_offer(head, row)
        assert client.attest_offer(head, row) == receipt
        assert client.held(bounty, head.offer) == row
        with pytest.raises(NotReadyError):  # nothing is locked: x stays here
            client.blinding(bounty, bytes(32), receipt)
    files = town.members[0].servicer._receipts._files  # type: ignore[union-attr]
    for other in range(MOST_OFFERS - 1):
        files.put_offer(bounty, head.listing, bytes((other,)) * 32, head.public, b"row", 1)
    with pytest.raises(FullError, match="offers of this listing"):
        files.put_offer(bounty, head.listing, b"\xff" * 32, head.public, b"row", 1)
    assert files.file(bounty, head.offer) == row, "none is let go of: the winner may have it locked"


def test_refusals_are_named_and_a_forged_receipt_does_not_count(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    bounty = town.drawn()
    for member in (0, 1):
        receipts = town.members[member].servicer._receipts
        monkeypatch.setattr(receipts, "_sign", town.stage.accounts[STRANGER].sign)
    with pytest.raises(UnavailableError, match=r"2 of 3 members .* member 0: .*signed by.* member 1: .*signed by"):
        town.owner.show(bounty, town.data.__getitem__, town.witnesses)


def test_what_is_over_is_deleted_after_a_while_and_not_before(town: Town, tmp_path: Path) -> None:
    member = Member(tmp_path)
    try:
        receipts = member.begin(town.chain(), town.stage, MEMBERS[0])
        bounty = town.drawn()
        with ProverClient(member.endpoint) as client:
            client.hold_group(*town.head(bounty))
        receipts._files.put_offer(bounty, bytes(32), bytes(32), G1(bytes(64)), b"row", 1)
        receipts.tidy(10**10)
        receipts.tidy(10**11)
        assert receipts._files.names() == [bounty], "it is not over"
        town.stage.pass_time(WINDOW + 1)
        assert town.owner.settle(bounty).stage is BountyStage.CANCELLED
        receipts.tidy(10**10)
        receipts.tidy(10**10 + KEPT)
        assert receipts._files.names() == [bounty]
        receipts.tidy(10**10 + KEPT + 1)
        assert receipts._files.names() == [] and not list(tmp_path.iterdir()) and receipts._files.held == 0
    finally:
        member.stop()


def test_a_stream_without_its_head_is_no_request(town: Town) -> None:
    for call in (bountywire.group_from_wire, bountywire.winner_from_wire):
        with pytest.raises(WireError, match="head"):
            call(None)
    with pytest.raises(WireError, match="head"):
        bountywire.group_from_wire(pb.HoldGroupRequest(chunk=b"x"))
