"""Receipts for bundles: what a member takes in and signs, what it does not, and what is lost and comes again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from circuits.errors import (
    ChainError,
    ClosedError,
    FullError,
    GradrollError,
    InvalidInputError,
    NotReadyError,
    ProofError,
    RuleViolationError,
    UnavailableError,
    UnknownError,
    WireError,
)
from commons.chain.dataaccount import ChallengeOpening
from commons.chain.datafacts import BundleStage
from commons.chain.juryfacts import CaseStage
from commons.samples.contributions import Ground, challenge_commitment
from commons.samples.samplebundles import HEAD_BYTES, SampleBundle
from commons.wire._generated import prover_pb2 as pb
from commons.wire.bundlewire import BundleHead, bundle_to_wire
from commons.wire.prover_client import ProverClient
from provers.bundlechain import BundleChain, last_window
from provers.bundlereceipts import BundleReceipts
from provers.heldbundles import BundleFiles
from provers.heldroom import Shares
from tests.datamarket.datastage import CONTRIBUTOR, HOUR, OTHER, REVIEWER, SALT, SCHEMA, bundle_of, sample
from tests.provers.bundletown import BUNDLE, DEEP, KEPT, BundleTown, bundle_town

FILE = BUNDLE.encode()


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BundleTown]:
    with bundle_town(tmp_path_factory.mktemp("bundles")) as made:
        yield made


@pytest.fixture
def receipts(town: BundleTown, tmp_path: Path) -> BundleReceipts:
    return town.receipts(tmp_path / "held")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "own.bundle"
    made.write_bytes(FILE)
    return made


def empty(receipts: BundleReceipts) -> bool:
    files = receipts.files
    return files.names() == [] and files.held == files.promised == 0


def hold(receipts: BundleReceipts, head: BundleHead, file: bytes = FILE) -> None:
    receipts.hold(head, lambda: iter((file[:50], file[50:])))


def unread() -> Iterator[bytes]:
    raise AssertionError("nothing is read of what is refused by its head")


def asked(town: BundleTown, head: BundleHead, path: Path, **changes: object) -> list[tuple[int, bytes]]:
    record = town.stage.data.bundle(head.bundle)
    return town.witnesses(**changes).of_bundle(town.stage.data.campaign(record.campaign), record, path)


def test_a_quorum_signs_what_the_contract_takes_and_serves_the_bundle_to_anybody(town: BundleTown, path: Path) -> None:
    head = town.opened()
    signed = asked(town, head, path)
    assert len(signed) == 3
    town.stage.account(CONTRIBUTOR).attest_bundle(head.bundle, signed)
    assert town.stage.data.bundle(head.bundle).stage is BundleStage.REVIEW
    for member, _ in signed:
        with town.client(member) as client:
            assert client.bundle(head.content_digest, len(FILE)) == FILE
            with pytest.raises(WireError):
                client.bundle(head.content_digest, len(FILE) - 1)
            with pytest.raises(UnknownError):
                client.bundle(bytes(32))


def test_who_asks_twice_gets_the_same_receipt_and_sends_nothing_again(town: BundleTown) -> None:
    head = town.opened()
    with town.client() as client:
        client.hold_bundle(head, FILE)
        first = client.attest_bundle(head.bundle, head.content_digest)
        client.hold_bundle(head, FILE)
        assert client.attest_bundle(head.bundle, head.content_digest) == first
    bundles = town.members[0].servicer._bundles
    assert bundles is not None
    bundles.hold(head, unread)


def test_nothing_is_held_before_the_opening_is_deep_enough(town: BundleTown, receipts: BundleReceipts) -> None:
    """A stranger fills no disk with what nobody paid for, and a bundle stays its contributor's secret."""
    number, opening = town.committed()
    head = BundleHead(number, opening[1], len(FILE))
    with pytest.raises(NotReadyError):
        receipts.hold(head, unread)
    with pytest.raises(NotReadyError):
        receipts.attest(number, opening[1])
    town.stage.account(CONTRIBUTOR).open_bundle(number, *opening)
    with pytest.raises(NotReadyError, match=f"{DEEP} blocks"):
        receipts.hold(head, unread)
    assert empty(receipts)
    town.stage.pass_time(1, DEEP)
    hold(receipts, head)
    assert len(receipts.attest(number, opening[1])) == 65


def test_a_number_that_nobody_gave_is_refused(receipts: BundleReceipts) -> None:
    with pytest.raises(GradrollError):
        receipts.hold(BundleHead(999_999, bytes(32), 100), unread)
    assert empty(receipts)


def test_another_file_than_the_opened_one_is_refused(town: BundleTown, receipts: BundleReceipts) -> None:
    head = town.opened()
    other = bundle_of(sample(1, 10, 20, 31), sample(2, 40, 50, 60)).encode()
    with pytest.raises(RuleViolationError, match="another file"):
        receipts.hold(replace(head, content_digest=sha256(other).digest()), unread)
    with pytest.raises(RuleViolationError):
        receipts.attest(head.bundle, sha256(other).digest())
    with pytest.raises(ProofError, match="not that of bundle"):
        hold(receipts, head, other)
    assert empty(receipts), "what a stranger sends takes no room of the contributor's"
    hold(receipts, head)


@pytest.mark.parametrize(
    ("bundle", "said", "error"),
    [
        (BUNDLE, {"root": b"\x01" * 32}, ProofError),
        (BUNDLE, {"count": 3}, ProofError),
        (SampleBundle(b"\x01" * 32, BUNDLE.samples), {}, ProofError),
        (bundle_of(sample(1, 10, 20, 30), sample(2, 101, 50, 60)), {}, InvalidInputError),
        (bundle_of(sample(1, 10, 20, 30), sample(4, 40, 50, 60)), {}, InvalidInputError),
        (bundle_of(sample(1, 10, 20, 30), sample(2, 40, 50)), {}, InvalidInputError),
    ],
)
def test_a_bundle_that_was_opened_falsely_gets_no_receipt_and_is_read_once(
    town: BundleTown, receipts: BundleReceipts, bundle: SampleBundle, said: dict[str, Any], error: type[Exception]
) -> None:
    head = town.opened(bundle, **said)
    with pytest.raises(error):
        hold(receipts, head, bundle.encode())
    with pytest.raises(UnknownError):
        receipts.attest(head.bundle, head.content_digest)
    assert empty(receipts)
    with pytest.raises(error):
        receipts.hold(head, unread)


def test_what_is_no_bundle_though_it_was_committed_to_is_refused(town: BundleTown, receipts: BundleReceipts) -> None:
    for file in (b"x" * len(FILE), FILE + b"x", FILE[:-1]):
        head = replace(town.opened(digest=sha256(file).digest()), length=len(file))
        with pytest.raises((InvalidInputError, WireError)):
            hold(receipts, head, file)
    assert empty(receipts)


def test_a_bundle_in_the_chain_needs_no_receipts(town: BundleTown, receipts: BundleReceipts) -> None:
    number, (_, digest, salt) = town.committed(digest=bytes(32))
    town.stage.account(CONTRIBUTOR).open_inline(number, BUNDLE.samples, salt, SCHEMA)
    town.stage.pass_time(1, DEEP)
    with pytest.raises(RuleViolationError, match="needs no receipts"):
        receipts.hold(BundleHead(number, digest, len(FILE)), unread)


def test_a_campaign_of_another_committee_is_refused(town: BundleTown, tmp_path: Path) -> None:
    head, receipts = town.opened(), town.receipts(tmp_path, committee=town.stage.committee + 1)
    with pytest.raises(UnknownError, match="ask the members of the other one"):
        receipts.hold(head, unread)
    assert empty(receipts)


@pytest.mark.parametrize("length", [len(FILE) + 1, 1 << 20])
def test_a_length_that_the_samples_cannot_have_is_refused_unread(
    town: BundleTown, receipts: BundleReceipts, length: int
) -> None:
    with pytest.raises(WireError, match="at most"):
        receipts.hold(replace(town.opened(), length=length), unread)
    assert empty(receipts)


def test_streams_that_are_shorter_or_longer_than_they_say_leave_nothing(town: BundleTown) -> None:
    head, member = town.opened(), town.members[3]
    first, chunk = bundle_to_wire(head, FILE)
    bad = pb.HoldBundleRequest(chunk=FILE[:-1])
    receipts = member.servicer._bundles
    assert receipts is not None
    before = receipts.files.names()
    with ProverClient(member.endpoint) as client:
        whole = [first, chunk]
        for sent in ([first], [first, bad], [*whole, chunk], [first, *whole], [chunk], [], [*whole, first]):
            with pytest.raises(WireError):
                list(client._stream(client._stub.HoldBundle, partial(iter, sent)))
        told = pb.HoldBundleRequest(head=pb.BundleHead(bundle=0, content_digest=bytes(32), length=HEAD_BYTES))
        with pytest.raises(WireError):
            list(client._stream(client._stub.HoldBundle, lambda: iter([told])))
    assert receipts.files.names() == before and not list(member.directory.rglob(".new-*"))


def test_a_prover_that_names_no_campaigns_says_so(town: BundleTown) -> None:
    member = town.members[2]
    own, member.servicer._bundles = member.servicer._bundles, None
    try:
        with ProverClient(member.endpoint) as client, pytest.raises(ClosedError, match=r"data\.campaigns"):
            client.attest_bundle(1, bytes(32))
    finally:
        member.servicer._bundles = own


def test_members_that_are_away_delay_nobody_and_too_few_are_named(town: BundleTown, path: Path) -> None:
    head = town.opened()
    lost = [town.members[at].servicer for at in (0, 1)]
    kept = [servicer._bundles for servicer in lost]
    lost[0]._bundles = None
    try:
        assert [member for member, _ in asked(town, head, path)] == [1, 2, 3]
        lost[1]._bundles = None
        with pytest.raises(UnavailableError, match=r"2 of 3 members.*member 0: .*member 1: "):
            asked(town, head, path)
    finally:
        for servicer, own in zip(lost, kept, strict=True):
            servicer._bundles = own


def test_a_member_that_signs_something_else_is_not_counted(
    town: BundleTown, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = town.opened()
    servicer = town.members[0].servicer
    monkeypatch.setattr(
        servicer, "_bundles", town.receipts(town.members[0].directory, 2)
    )  # it holds the bundle, and signs with a key that is another member's
    assert [member for member, _ in asked(town, head, path)] == [1, 2, 3]


def test_a_lost_or_damaged_disk_gets_the_bundle_again_also_under_review(
    town: BundleTown, tmp_path: Path, path: Path
) -> None:
    head = town.opened()
    receipts = town.receipts(tmp_path / "held")
    hold(receipts, head)
    (file,) = (tmp_path / "held").rglob("*.data")
    file.write_bytes(FILE[:-1] + b"\x00")
    with pytest.raises(UnknownError, match="send it"):
        receipts.attest(head.bundle, head.content_digest)
    hold(receipts, head)
    receipts.attest(head.bundle, head.content_digest)
    town.stage.account(CONTRIBUTOR).attest_bundle(head.bundle, asked(town, head, path))
    fresh = town.receipts(tmp_path / "new")
    hold(fresh, head)
    with fresh.file(head.content_digest) as (served, told):
        assert served.read() == FILE and told.length == len(FILE)
    with pytest.raises(NotReadyError):  # receipts are no longer waited for
        fresh.attest(head.bundle, head.content_digest)


def test_a_restart_goes_on_and_forgets_what_was_half_there(town: BundleTown, tmp_path: Path) -> None:
    head = town.opened()
    hold(town.receipts(tmp_path), head)
    (folder,) = tmp_path.iterdir()
    (folder / ".new-0123").write_bytes(b"half")
    half = tmp_path / ("ab" * 32)
    half.mkdir()
    (half / ".new-4567").write_bytes(b"half")
    receipts = town.receipts(tmp_path)
    assert not half.exists() and not (folder / ".new-0123").exists()
    assert receipts.attest(head.bundle, head.content_digest) and receipts.files.files == 1
    hold(town.receipts(tmp_path / "other"), head)


def test_bundles_are_kept_through_the_last_window_and_then_as_long_as_is_set(
    town: BundleTown, receipts: BundleReceipts, path: Path
) -> None:
    reviewed, unseen = town.opened(), town.opened()
    for head in (reviewed, unseen):
        hold(receipts, head)
    town.stage.account(CONTRIBUTOR).attest_bundle(reviewed.bundle, asked(town, reviewed, path))
    receipts.tidy(0)
    assert len(receipts.files.names()) == 2
    town.stage.pass_time(HOUR + 1)
    town.stage.account(OTHER).void_bundle(unseen.bundle)
    receipts.tidy(0)
    receipts.tidy(KEPT + 1)
    assert len(receipts.files.names()) == 1, "nobody can want what came under no review"
    town.stage.pass_time(7 * HOUR)
    receipts.tidy(10**6)
    receipts.tidy(10**7)
    assert len(receipts.files.names()) == 1, "a second jury may still judge"
    town.stage.pass_time(2 * HOUR)
    receipts.tidy(10**7)
    receipts.tidy(10**7 + KEPT)
    assert len(receipts.files.names()) == 1
    receipts.tidy(10**7 + KEPT + 1)
    assert empty(receipts)


def test_a_bundle_is_kept_while_a_case_waits_for_its_jury_or_for_somebody_who_counts(
    town: BundleTown, receipts: BundleReceipts, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The contract has no bound for either, and a jury that cannot read the sample takes its contributor's deposit."""
    stage = town.stage
    head, reviewer = town.opened(), stage.account(REVIEWER)
    hold(receipts, head)
    stage.account(CONTRIBUTOR).attest_bundle(head.bundle, asked(town, head, path))
    record = stage.data.bundle(head.bundle)
    terms = stage.data.campaign(record.campaign).terms
    made = challenge_commitment(
        record.campaign, head.bundle, record.root, 0, Ground.JUDGED, bytes(32), reviewer.address, SALT
    )
    opening = ChallengeOpening(reviewer.commit_challenge(record.campaign, made), head.bundle, 0, SALT)
    stage.pass_time(HOUR + 1)
    reviewer.reveal_judged(opening, b"", SCHEMA)
    stage.pass_time(2 * HOUR + 1)
    stage.opener().open(head.bundle, 0)

    def kept() -> bool:
        stage.pass_time(20 * HOUR, 10)
        assert stage.data.chain.now() > last_window(record, terms)
        receipts.tidy(0)
        receipts.tidy(10**9)
        return bool(receipts.files.names())

    case = stage.data.dispute(head.bundle, 0).case
    assert kept(), "no juror has joined yet"
    stage.juror(1).join(stage.pool(), 10)
    stage.settler().settle(record.campaign)
    stage.pass_time(1, 10)
    stage.settler().settle(record.campaign)
    assert stage.data.jury.case(case).stage is CaseStage.VOTING
    assert kept(), "nobody has counted the votes, and whoever does begins the time for an appeal"
    with monkeypatch.context() as patched:  # a node that hides the challenge deletes nothing
        view = stage.view()
        patched.setattr(view, "opened_challenges", lambda number: [])
        patched.setattr(receipts, "_chain", BundleChain([view], stage.committee, DEEP))
        assert kept()
    stage.settler().settle(record.campaign)
    assert stage.data.jury.case(case).stage is CaseStage.APPEALABLE
    stage.pass_time(HOUR + 1)
    receipts.tidy(0)
    receipts.tidy(KEPT + 1)
    assert empty(receipts)


def test_a_bundle_that_got_no_receipts_in_time_goes_though_nobody_voids_it(
    town: BundleTown, receipts: BundleReceipts
) -> None:
    """Else whoever opens bundles of a campaign of its own, and has them left alone, keeps disks full for ever."""
    head = town.opened()
    hold(receipts, head)
    town.stage.pass_time(HOUR)
    assert town.stage.data.bundle(head.bundle).stage is BundleStage.OPENED
    receipts.tidy(0)
    receipts.tidy(KEPT + 1)
    assert empty(receipts)
    for asking in (lambda: receipts.hold(head, unread), lambda: receipts.attest(head.bundle, head.content_digest)):
        with pytest.raises(NotReadyError):
            asking()


def test_a_bundle_that_is_over_is_taken_in_by_nobody(town: BundleTown, receipts: BundleReceipts, path: Path) -> None:
    """A stranger that has its public file could fill the room of its contributor's next bundles with it."""
    head = town.opened()
    town.stage.account(CONTRIBUTOR).attest_bundle(head.bundle, asked(town, head, path))
    town.stage.pass_time(11 * HOUR)
    with pytest.raises(NotReadyError, match="is not over"):
        receipts.hold(head, unread)
    assert empty(receipts)


def test_a_bundle_of_blocks_that_were_taken_back_goes_and_nodes_that_differ_delete_nothing(
    town: BundleTown, receipts: BundleReceipts, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = town.opened()
    hold(receipts, head)
    (name,) = receipts.files.names()
    view, lying = town.stage.view(), town.stage.view()
    monkeypatch.setattr(lying, "receipt", lambda number: replace(view.receipt(number), root=b"\x01" * 32))
    both = BundleChain([view, lying], town.stage.committee, DEEP)
    monkeypatch.setattr(receipts, "_chain", both)
    with pytest.raises(ChainError, match="different things"):
        both.opened(head.bundle, head.content_digest)
    with pytest.raises(ChainError, match="different things"):
        receipts.hold(head, unread)
    receipts.tidy(0)
    receipts.tidy(10**9)
    assert receipts.files.names() == [name]
    monkeypatch.setattr(receipts, "_chain", BundleChain([lying], town.stage.committee, DEEP))
    receipts.tidy(0)  # its number is another bundle's now
    receipts.tidy(KEPT + 1)
    assert empty(receipts)


def test_contributors_have_what_they_leave_free_and_a_campaigns_owner_too(town: BundleTown, tmp_path: Path) -> None:
    room = 3 * (len(FILE) + 1024)
    receipts = town.receipts(tmp_path, room=room)
    hold(receipts, town.opened())
    with pytest.raises(FullError, match="as they leave free"):
        receipts.hold(town.opened(), unread)
    with pytest.raises(FullError, match="as they leave free"):
        receipts.hold(town.opened(who=OTHER), unread)  # a sybil in a campaign of the same owner
    assert receipts.files.promised <= room // 2


def test_room_has_a_price_that_no_number_of_accounts_gets_around(
    town: BundleTown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deposits go back to who pays himself, under however many names; the receipts' fee is the members', or burnt."""
    stage, price = town.stage, 500
    receipts = town.receipts(tmp_path / "priced", price=price)
    for who in (CONTRIBUTOR, OTHER):
        with pytest.raises(ClosedError, match="pays 500 wei for their receipts, and this one pays 499"):
            receipts.hold(town.opened(who=who, terms=stage.terms(receipt_fee=price - 1)), unread)
    view, head = stage.view(), town.opened()
    campaign = view.campaign
    inflated = lambda of: replace(campaign(of), terms=replace(campaign(of).terms, token=b"\x01" * 20))  # noqa: E731
    monkeypatch.setattr(view, "campaign", inflated)
    monkeypatch.setattr(view, "schema", lambda of: SCHEMA)
    other = town.receipts(tmp_path / "token", price=1)
    monkeypatch.setattr(other, "_chain", BundleChain([view], stage.committee, DEEP))
    with pytest.raises(ClosedError, match="this one pays 0"):  # of a token that the owner has made itself
        other.hold(head, unread)
    assert empty(receipts) and empty(other)
    paid = town.opened(terms=stage.terms(receipt_fee=price))
    hold(receipts, paid)
    assert receipts.attest(paid.bundle, paid.content_digest)


def test_the_price_is_of_each_mib_that_is_begun(town: BundleTown, tmp_path: Path) -> None:
    receipts = town.receipts(tmp_path / "whole", price=500)
    for length, wanted in ((1, 500), (1 << 20, 500), ((1 << 20) + 1, 1000)):
        paid = SimpleNamespace(fee=wanted)
        receipts._require_paid(length, paid)  # type: ignore[arg-type]
        with pytest.raises(ClosedError, match=f"pays {wanted} wei"):
            receipts._require_paid(length, SimpleNamespace(fee=wanted - 1))  # type: ignore[arg-type]


@pytest.mark.parametrize("accounts", [1, 2, 3])
def test_k_accounts_leave_others_two_to_the_minus_k(accounts: int) -> None:
    """What an attack with campaigns of one's own takes, and never more: of contributors it is the same."""
    shares = Shares(1 << 20, {}, BundleFiles.wording)
    taken, number = 0, 0
    for account in range(accounts):
        owner = bytes((account + 1,)) * 20
        for size in (1 << 16, 1 << 10, 1):
            while True:
                number += 1
                name = number.to_bytes(32, "big")
                try:
                    shares.admits(name, (owner,), size)
                except FullError:
                    break
                shares.admit(name, (owner,), size)
                taken += size
    assert (1 << 20) - taken == (1 << 20) >> accounts
