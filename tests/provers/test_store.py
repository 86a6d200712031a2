"""What a prover keeps survives a crash whole, or is not there at all."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest

import native
from circuits.errors import ClosedError, FullError, RuleViolationError, StorageError, UnknownError, WireError
from circuits.statement import Committee, Membership, share_length
from commons.protocol.bundle import AuditBundle, Certificate
from commons.sharing.replicated import deal, seed_count
from commons.sharing.sharepayloads import INTEGER_FORM, decode_payload, encode_dense, encode_seed, payload_digest
from commons.sharing.sharevector import ShareVector
from commons.storage import files
from provers import sharefiles
from provers.ledgerrows import RoundName
from provers.party import ledger
from provers.seals import Sealer, fits
from provers.sharefiles import ShareRecord, map_scalars
from provers.store import Store
from tests.simulation.world.clock import NodeClock, WorldClock
from tests.support.plain_batch import build_batch, bundle_of, development_setup, random_gradients, seed_of

DIMENSION = 50
SEED = b"\x07" * 32
DENSE = encode_dense(native.expand(b"\x01" * 32, share_length(DIMENSION)))
COMMITTEE = Committee(0, 1, tuple(bytes([p + 1]) * 20 for p in range(4)))
HOLDER = Membership(COMMITTEE, 2)
SCALARS = 32 * share_length(DIMENSION)


def integers(exempt: int) -> bytes:
    """The payload of prover 2 when a gradient is shared in 13 bytes a coordinate."""
    values, rest = native.expand_bounded(SEED, DIMENSION, 16), native.expand(SEED, share_length(0))
    seeds = [bytes([i + 1]) * 32 for i in range(seed_count(COMMITTEE))]
    return bytes((INTEGER_FORM,)) + list(deal(values, rest, COMMITTEE, [exempt], seeds))[2]


FORMS = [DENSE, encode_seed(SEED), integers(exempt=0), integers(exempt=2)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path, max_bytes=1 << 20)
    yield opened
    opened.close()


def keep(
    store: Store, payload: bytes, submission: bytes = b"\x0a" * 32, owner: bytes = b"\x0b" * 20, expires: int = 100
) -> None:
    with store.receive(DIMENSION, HOLDER) as writer:
        for at in range(0, len(payload), 1000):
            writer.write(payload[at : at + 1000])
        received = writer.finish(payload_digest(payload))
        record = ShareRecord(submission, 1 << 70, 2, owner, DIMENSION, received.form, received.size, expires)
        store.adopt(record, received)


@pytest.mark.parametrize("payload", FORMS)
def test_shares_are_read_back(store: Store, payload: bytes) -> None:
    keep(store, payload)
    assert np.array_equal(store.share(b"\x0a" * 32), decode_payload(payload, DIMENSION, HOLDER))
    assert store.share_payload(b"\x0a" * 32) == payload
    assert store.usage() == (1, SCALARS if payload == DENSE else SCALARS + len(payload) - 1)
    found = store.find(b"\x0a" * 32)
    assert found is not None
    assert found.task_id == 1 << 70
    native.check(store.share(b"\x0a" * 32))


@pytest.mark.parametrize("payload", FORMS)
def test_shares_are_read_only(store: Store, payload: bytes) -> None:
    keep(store, payload)
    assert not store.share(b"\x0a" * 32).flags.writeable


def test_files_are_private(store: Store, tmp_path: Path) -> None:
    keep(store, DENSE)
    for path in tmp_path.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


@pytest.mark.parametrize(
    ("payload", "match"),
    [
        (DENSE[:-1], "has"),
        (DENSE + b"\0", "not that long"),
        (b"\x03" + DENSE[1:], "begins with 0"),
        (b"\x02" + DENSE[1:], "98 or 6892 bytes"),
        (integers(exempt=0)[:-1], "98 or 6892 bytes, not 6891"),
        (integers(exempt=2) + b"\0", "98 or 6892 bytes, not 99"),
        (b"\x02\x02" + integers(exempt=0)[2:], "has 98 bytes, not 6892"),
        (b"\x02\x00" + integers(exempt=2)[2:], "has 6892 bytes, not 98"),
        (b"\x02\x04" + integers(exempt=0)[2:], "ascending"),
        (integers(exempt=0)[:-32] + b"\xff" * 32, "not below the field's order"),
        (b"", "begins with 0"),
        (encode_seed(SEED) + b"\0", "33 bytes"),
        (b"\x01" + b"\xff" * (len(DENSE) - 1), "not below the field's order"),
    ],
)
def test_malformed_payloads_leave_nothing(store: Store, tmp_path: Path, payload: bytes, match: str) -> None:
    with pytest.raises(WireError, match=match):
        keep(store, payload)
    assert store.usage() == (0, 0)
    assert not [p for folder in ("incoming", "shares", "bodies") for p in (tmp_path / folder).iterdir()]


def test_another_digest_is_refused(store: Store) -> None:
    with store.receive(DIMENSION, HOLDER) as writer:
        writer.write(DENSE)
        with pytest.raises(WireError, match="digest"):
            writer.finish(bytes(32))


def test_a_full_disk_leaves_nothing(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StorageError, match="No space left"):
            keep(store, DENSE)
        with pytest.raises(StorageError, match="No space left"):
            store.put_batch(signed_by(2))
    assert store.usage() == (0, 0)
    assert not [
        p
        for p in tmp_path.rglob("*")
        if p.is_file() and p.parent.name in {"shares", "bodies", "batches", "sums", "incoming"}
    ]
    keep(store, DENSE)


def test_a_full_database_is_a_storage_error(store: Store) -> None:
    entry = ledger.Combined(b"\x01" * 32)
    store._database._connection.execute("PRAGMA max_page_count = 1")
    with pytest.raises(StorageError, match="full"):
        for number in range(10_000):
            store.commit([ledger.Combined(number.to_bytes(32, "big")), entry][:1])
    committed = len(store.ledger.combined)
    rows = store._database.query("SELECT COUNT(*) FROM ledger")[0][0]
    assert rows == committed


def test_an_owner_cannot_fill_the_disk(store: Store) -> None:
    for number in range(4):
        keep(store, encode_seed(bytes([number]) * 32), bytes([number]) * 32)
    with pytest.raises(ClosedError, match="4 submissions"):
        keep(store, encode_seed(SEED), b"\x09" * 32)
    keep(store, encode_seed(SEED), b"\x09" * 32, owner=b"\x0c" * 20)
    with pytest.raises(StorageError, match="used up"), store.reserved(1, 1, b"\x0d" * 20, 1 << 20):
        pass


def test_settled_shares_are_deleted_and_the_ledger_is_not(store: Store, tmp_path: Path) -> None:
    keep(store, encode_seed(SEED), expires=100)
    store.share(b"\x0a" * 32)
    assert [p.read_bytes() for p in (tmp_path / "bodies").iterdir()] == [SEED]
    store.commit([ledger.Combined(b"\x0c" * 32)])
    assert store.discard_settled(100) == 0
    assert store.discard_settled(101) == 1
    with pytest.raises(UnknownError):
        store.share(b"\x0a" * 32)
    assert not [*(tmp_path / "shares").iterdir(), *(tmp_path / "bodies").iterdir()]
    assert store.ledger.combined == {b"\x0c" * 32}


def test_the_ledger_refuses_and_remembers(tmp_path: Path) -> None:
    store = Store(tmp_path, max_bytes=1 << 20)
    store.commit([ledger.AttemptStarted(b"\x01" * 32, 5, b"\x02" * 32), ledger.Combined(b"\x02" * 32)])
    with pytest.raises(RuleViolationError):
        store.commit([ledger.AttemptStarted(b"\x01" * 32, 5, b"\x03" * 32)])
    store.close()
    again = Store(tmp_path, max_bytes=1 << 20)
    assert again.ledger.attempts == {b"\x01" * 32: 5}
    with pytest.raises(RuleViolationError):
        again.commit([ledger.Combined(b"\x02" * 32)])
    again.close()


def test_a_crash_between_file_and_row_leaves_no_orphan(tmp_path: Path) -> None:
    store = Store(tmp_path, max_bytes=1 << 20)
    keep(store, encode_seed(SEED))
    store.close()
    for folder in ("shares", "bodies"):
        (tmp_path / folder / ("ab" * 32)).write_bytes(b"orphan")
    (tmp_path / "incoming" / "half").write_bytes(b"half")
    again = Store(tmp_path, max_bytes=1 << 20)
    for folder in ("shares", "bodies"):
        assert [p.name for p in (tmp_path / folder).iterdir()] == ["0a" * 32]
    assert not list((tmp_path / "incoming").iterdir())
    assert again.share_payload(b"\x0a" * 32) == encode_seed(SEED)
    again.close()


def test_a_cut_share_is_noticed(store: Store, tmp_path: Path) -> None:
    keep(store, DENSE)
    path = tmp_path / "shares" / ("0a" * 32)
    path.write_bytes(path.read_bytes()[:-32])
    with pytest.raises(StorageError, match="cut off"):
        store.share(b"\x0a" * 32)


@pytest.mark.parametrize("cut", [1, 31, 33, -1], ids=["a byte", "most of a scalar", "a scalar and a byte", "all of it"])
def test_a_share_that_is_cut_off_in_the_middle_of_a_scalar_is_known(store: Store, tmp_path: Path, cut: int) -> None:
    keep(store, DENSE)
    path = tmp_path / "shares" / ("0a" * 32)
    content = path.read_bytes()
    path.write_bytes(content[: max(len(content) - cut, 0)] if cut > 0 else b"")
    with pytest.raises(StorageError, match="cut off"):
        store.share(b"\x0a" * 32)


def test_a_disk_that_is_full_when_a_file_is_closed_is_no_other_error(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is buffered is written on closing, and may find no room."""
    with store.receive(DIMENSION, HOLDER) as writer:
        handle = writer._body.fileno()
        writer.write(DENSE[:100])
        os.close(handle)  # whatever is flushed to it now fails
    assert not list((tmp_path / "incoming").iterdir())


def test_a_lost_payload_is_an_error_and_not_another_payload(store: Store, tmp_path: Path) -> None:
    keep(store, integers(exempt=0))
    (tmp_path / "bodies" / ("0a" * 32)).unlink()
    with pytest.raises(StorageError, match="cannot read the share"):
        store.share_payload(b"\x0a" * 32)


def test_one_process_at_a_time(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="in use by another process"):
        Store(tmp_path, max_bytes=1 << 20)


def test_a_damaged_ledger_is_named(tmp_path: Path) -> None:
    store = Store(tmp_path, max_bytes=1 << 20)
    with store._database.transaction() as connection:
        connection.execute('INSERT INTO ledger (record) VALUES (\'{"kind": "nonsense"}\')')
    store.close()
    with pytest.raises(StorageError, match="none"):
        Store(tmp_path, max_bytes=1 << 20)


def test_committed_entries_survive_kill(tmp_path: Path) -> None:
    script = (
        "import os, pathlib, signal; from provers.party import ledger; from provers.store import Store;"
        f"s = Store(pathlib.Path({str(tmp_path)!r}), max_bytes=1 << 20);"
        "s.commit([ledger.Combined(bytes([1]) * 32)]); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    store = Store(tmp_path, max_bytes=1 << 20)
    assert store.ledger.combined == {b"\x01" * 32}
    store.close()


@cache
def attested() -> AuditBundle:
    batch = build_batch(development_setup("norm", 2, 3), random_gradients(2, 3, 1 << 40))
    return bundle_of(batch, [seed_of("prover", p) for p in range(4)])


def signed_by(*provers: int) -> AuditBundle:
    """The bundle with some provers' attestations."""
    return attested().attested_by(a for a in attested().certificate.attestations if a[0] in provers)


def test_an_attested_batch_is_served_by_its_identifier(store: Store) -> None:
    batch_id = attested().certificate.batch_id
    for ask in (store.certificate, store.audit_bundle):
        with pytest.raises(UnknownError, match="did not attest"):
            ask(batch_id)
    store.put_batch(signed_by(2))
    assert store.audit_bundle(batch_id) == signed_by(2).encode()
    assert store.certificate(batch_id) == signed_by(2).certificate.encode()
    store.put_batch(signed_by(2))


def test_a_certificate_that_was_released_on_takes_the_place_of_the_own_word(store: Store) -> None:
    """Whoever reads later finds a quorum at one prover; the bundle goes on with it."""
    batch_id = attested().certificate.batch_id
    store.put_batch(signed_by(2))
    store.put_certificate(signed_by(0, 1, 2).certificate)
    assert store.certificate(batch_id) == signed_by(0, 1, 2).certificate.encode()
    assert AuditBundle.decode(store.audit_bundle(batch_id)).encode() == signed_by(0, 1, 2).encode()


def test_batches_are_named_by_their_round_also_after_a_restart(tmp_path: Path) -> None:
    """So that whoever relays what a coordinator left behind finds out what there is."""
    store = Store(tmp_path, max_bytes=1 << 20)
    store.put_batch(signed_by(2))
    context = signed_by(2).statement.context
    name, batch_id = (context.task_id, context.round), signed_by(2).certificate.batch_id
    assert store.batches_of(*name) == [batch_id]
    assert store.batches_of(name[0], name[1] + 1) == []
    store.close()
    (tmp_path / "batches" / f"{bytes(32).hex()}.certificate").write_bytes(b"\x02 of an older release")
    again = Store(tmp_path, max_bytes=1 << 20)
    assert again.batches_of(*name) == [batch_id]
    again.discard_results(time.time() + 1)
    assert again.batches_of(*name) == []
    again.close()


def test_what_is_used_is_counted_along_and_counted_right(tmp_path: Path) -> None:
    """It is asked for with every share of a round with tens of thousands of owners."""
    store = Store(tmp_path, max_bytes=1 << 26)
    for nth in range(600):
        keep(store, FORMS[nth % 4], nth.to_bytes(32, "big"), nth.to_bytes(20, "big"), expires=nth)
    keep(store, DENSE, bytes(32), bytes(20))
    counted = store.usage()
    assert counted[0] == 600
    held = store._room.held(1 << 70)
    assert counted[1] == held[0]
    store.close()
    store = Store(tmp_path, max_bytes=1 << 26)
    assert (store.usage(), store._room.held(1 << 70)) == (counted, held)
    assert store.discard_settled(500) == 500
    counted, held = store.usage(), store._room.held(1 << 70)
    assert counted == (100, held[0])
    store.close()
    store = Store(tmp_path, max_bytes=1 << 26)
    assert (store.usage(), store._room.held(1 << 70)) == (counted, held)
    store.close()


def test_what_comes_while_something_is_deleted_is_counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A count that is taken meanwhile, and written over it, would forget it for good."""
    keep(store, DENSE, expires=100)
    delete = store._delete

    def meanwhile(submission: bytes) -> None:
        keep(store, DENSE, b"\x0c" * 32, b"\x0d" * 20, expires=200)
        delete(submission)

    monkeypatch.setattr(store, "_delete", meanwhile)
    assert store.discard_settled(101) == 1
    assert store.usage() == (1, SCALARS)
    assert store._room.held(1 << 70) == (SCALARS, 0, 0)


def test_no_batch_comes_between_the_deletion_of_others_and_their_count(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be counted twice, or not at all."""
    discard, others = store._batches.discard_old, list[threading.Thread]()

    def meanwhile(before: float, standing: Collection[RoundName]) -> int:
        others.append(threading.Thread(target=store.put_batch, args=(signed_by(2),)))
        others[0].start()
        others[0].join(0.2)
        return discard(before, standing)

    monkeypatch.setattr(store._batches, "discard_old", meanwhile)
    store.discard_results(0)
    others[0].join()
    task_id = signed_by(2).statement.context.task_id
    size = store._batches.size(signed_by(2).certificate.batch_id)
    assert size > 0
    assert store._room.held(task_id) == (0, size, 0)


def test_a_full_store_keeps_no_sum_but_of_shares_that_go(tmp_path: Path) -> None:
    """Shares that stay because there is no room for their sum would take that room for ever."""
    store = Store(tmp_path, max_bytes=1 << 20)
    hold(store, *MEMBERS[:2])
    selection = ledger.Selection.plain(MEMBERS[:2])
    store.commit([ledger.CohortJoined(b"\x01" * 32, MEMBERS[:2])])
    store.commit([ledger.Locked(selection)])
    store._room.add_results(1, 1 << 20)
    with pytest.raises(FullError, match=r"prover\.max_store_bytes"):
        store.summed(selection)
    assert store.discard_settled(101) == 2
    assert store.summed(selection).shape == (DIMENSION + 129, 4)
    assert store._room.held(1 << 70) == (0, 32 * (DIMENSION + 130), 0)
    store.close()


def test_shares_of_a_round_that_is_still_open_stay(store: Store) -> None:
    keep(store, DENSE, expires=100)
    name = (1 << 70, 2)
    assert store.due(100) == {}
    assert store.due(101) == {name: 100}
    assert store.discard_settled(101, frozenset({name})) == 0
    assert store.discard_settled(101, frozenset({(1 << 70, 3)})) == 1


def test_of_a_known_batch_only_the_attestations_change_and_only_to_more(store: Store) -> None:
    """What the prover checked whole when it attested stays; a proof, say, can be made anew by anybody."""
    batch_id = attested().certificate.batch_id
    store.put_batch(signed_by(2))
    good = signed_by(0, 1, 2).certificate
    owners = tuple(replace(header, signature=bytes(65)) for header in good.statement.owners)
    groth = replace(good.proof.groth, a=native.g1_generator)
    spoilt = replace(good, statement=replace(good.statement, owners=owners), proof=replace(good.proof, groth=groth))
    assert spoilt.batch_id == batch_id
    store.put_certificate(spoilt)
    assert store.audit_bundle(batch_id) == signed_by(0, 1, 2).encode()
    for fewer in (signed_by(1), signed_by(1, 2, 3)):
        store.put_certificate(fewer.certificate)
        assert store.certificate(batch_id) == good.encode()
    store.put_certificate(attested().certificate)
    assert store.audit_bundle(batch_id) == attested().encode()


def test_a_prover_that_was_named_another_payee_than_the_quorum_serves_what_the_quorum_signed(store: Store) -> None:
    """Attestations over the one beside the name of the other would convince nobody."""
    mine = signed_by(2)
    store.put_batch(replace(mine, certificate=replace(mine.certificate, payee=b"\x66" * 20)))
    store.put_certificate(signed_by(0, 1, 3).certificate)
    assert store.audit_bundle(mine.certificate.batch_id) == signed_by(0, 1, 3).encode()


def test_a_certificate_alone_is_no_bundle(store: Store) -> None:
    """A prover that did not attest has seen nothing opened."""
    store.put_certificate(signed_by(0, 1, 2).certificate)
    assert Certificate.decode(store.certificate(attested().certificate.batch_id)).attestations
    with pytest.raises(UnknownError, match="did not attest"):
        store.audit_bundle(attested().certificate.batch_id)


MEMBERS = tuple(ledger.Member(bytes([i]) * 32, bytes([16 + i]) * 32, bytes([32 + i]) * 32) for i in range(3))


def hold(store: Store, *members: ledger.Member, expires: int = 100) -> dict[bytes, native.FrArray]:
    """Shares of members' submissions; the rows that enter sums."""
    rows = {}
    for member in members:
        payload = encode_dense(native.expand(member.submission, share_length(DIMENSION)))
        keep(store, payload, member.submission, member.owner[:20], expires)
        rows[member.submission] = ShareVector.of(decode_payload(payload, DIMENSION, HOLDER), DIMENSION).row
    return rows


def test_a_sum_is_that_of_the_rows_and_is_kept(store: Store, tmp_path: Path) -> None:
    rows = hold(store, *MEMBERS[:2])
    selection = ledger.Selection.plain(MEMBERS[:2])
    expected = native.add(*rows.values())
    assert np.array_equal(store.summed(selection), expected)
    (path,) = (tmp_path / "sums").iterdir()
    assert path.name == selection.digest.hex()
    raw = expected.astype("<u8").tobytes()
    assert path.read_bytes() == raw + sha256(raw).digest()
    assert np.array_equal(store.summed(selection), expected)
    assert not store.summed(selection).flags.writeable


def test_weights_enter_the_sum(store: Store) -> None:
    rows = hold(store, *MEMBERS[:2])
    weighted = replace(ledger.Selection.plain(MEMBERS[:2]), weights=(1, 3))
    assert np.array_equal(store.summed(weighted), native.linear_combination(list(rows.values()), [1, 3]))


def test_a_sum_that_lacks_a_share_is_unknown_and_leaves_nothing(store: Store, tmp_path: Path) -> None:
    hold(store, MEMBERS[0])
    with pytest.raises(UnknownError, match="no share of submission"):
        store.summed(ledger.Selection.plain(MEMBERS[:2]))
    assert not list((tmp_path / "sums").iterdir())


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Digests of shares that were computed anew."""
    seen: list[bytes] = []

    def looked(seal: bytes, content: BinaryIO) -> bool:
        seen.append(seal)
        return fits(seal, content)

    monkeypatch.setattr(sharefiles, "fits", looked)
    return seen


def test_a_sum_that_lacks_a_share_is_refused_without_reading_those_that_are_here(
    store: Store, read: list[bytes]
) -> None:
    """Its owner withholds one on purpose, and a stranger asks again and again."""
    hold(store, *MEMBERS[:2])
    for lacking in (MEMBERS, tuple(reversed(MEMBERS))):
        with pytest.raises(UnknownError, match="no share of submission"):
            store.summed(ledger.Selection.plain(lacking))
    assert not read
    hold(store, MEMBERS[2])
    store.summed(ledger.Selection.plain(MEMBERS))
    assert len(read) == 3


def test_a_sum_for_which_there_is_no_room_is_refused_without_reading_its_shares(
    store: Store, read: list[bytes]
) -> None:
    hold(store, *MEMBERS[:2])
    store._room.add_results(1, 1 << 20)
    with pytest.raises(FullError):
        store.summed(ledger.Selection.plain(MEMBERS[:2]))
    assert not read


def test_a_sum_that_the_disk_did_not_take_is_not_tried_again_for_everybody_who_asks(
    tmp_path: Path, read: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    world = WorldClock()
    store = Store(tmp_path, max_bytes=1 << 20, clock=NodeClock(world))
    hold(store, *MEMBERS[:2])
    selection = ledger.Selection.plain(MEMBERS[:2])
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StorageError, match="No space left"):
            store.summed(selection)
    for _ in range(3):
        with pytest.raises(StorageError, match="ask again later"):
            store.summed(selection)
    assert len(read) == 2
    world.advance(60)
    assert store.summed(selection) is not None
    store.close()


def damage(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[100] ^= 1
    path.write_bytes(raw)


def lock(store: Store, *members: ledger.Member) -> None:
    """The members join a cohort, and the prover signs a batch over them."""
    store.commit([ledger.CohortJoined(b"\x40" * 32, members)])
    store.commit([ledger.Locked(ledger.Selection.plain(members))])


def test_the_sum_of_a_signed_set_outlives_its_shares(store: Store, tmp_path: Path) -> None:
    """A reader may come after the round has settled; what nobody signed is forgotten."""
    rows = hold(store, *MEMBERS)
    lock(store, *MEMBERS[:2])
    assert store.discard_settled(101) == 3
    assert not list((tmp_path / "shares").iterdir())
    selection = ledger.Selection.plain(MEMBERS[:2])
    expected = native.add(rows[MEMBERS[0].submission], rows[MEMBERS[1].submission])
    assert np.array_equal(store.summed(selection), expected)
    assert [path.name for path in (tmp_path / "sums").iterdir()] == [selection.digest.hex()]
    with pytest.raises(UnknownError):
        store.summed(ledger.Selection.plain(MEMBERS[1:]))


def test_no_sum_is_made_of_a_share_that_was_damaged_since_it_was_first_used(store: Store, tmp_path: Path) -> None:
    """It would be kept, and never be right again."""
    hold(store, *MEMBERS[:2])
    lock(store, *MEMBERS[:2])
    for member in MEMBERS[:2]:
        store.share(member.submission)
    damage(tmp_path / "shares" / MEMBERS[1].submission.hex())
    with pytest.raises(StorageError, match="handed to it again"):
        store.summed(ledger.Selection.plain(MEMBERS[:2]))
    assert not list((tmp_path / "sums").iterdir())


def test_a_set_of_which_a_share_was_never_here_does_not_stop_the_tidying(store: Store, tmp_path: Path) -> None:
    hold(store, MEMBERS[0])
    lock(store, *MEMBERS[:2])
    assert store.discard_settled(101) == 1
    assert not list((tmp_path / "sums").iterdir())


def test_a_sum_whose_disk_is_full_keeps_its_shares(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    rows = hold(store, *MEMBERS[:2])
    lock(store, *MEMBERS[:2])
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        assert store.discard_settled(101) == 0
    assert "No space left" in caplog.text
    assert store.usage()[0] == 2
    assert np.array_equal(store.summed(ledger.Selection.plain(MEMBERS[:2])), native.add(*rows.values()))


def test_a_sum_that_a_damaged_share_spoils_does_not_stop_the_tidying(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = hold(store, *MEMBERS)
    lock(store, *MEMBERS[:2])
    damage(tmp_path / "shares" / MEMBERS[0].submission.hex())
    assert store.discard_settled(101) == len(rows)
    assert "damaged" in caplog.text
    assert not list((tmp_path / "shares").iterdir())
    assert not list((tmp_path / "sums").iterdir())


def test_a_sum_with_one_bit_flipped_is_computed_again_and_without_its_shares_not_served(
    store: Store, tmp_path: Path
) -> None:
    hold(store, *MEMBERS[:2])
    selection = ledger.Selection.plain(MEMBERS[:2])
    whole = store.summed(selection).copy()
    damage(tmp_path / "sums" / selection.digest.hex())
    assert np.array_equal(store.summed(selection), whole)
    store.discard_settled(101)
    damage(tmp_path / "sums" / selection.digest.hex())
    with pytest.raises(StorageError, match="damaged; this prover does not serve it"):
        store.summed(selection)


def test_results_are_kept_for_a_time_and_not_for_ever(store: Store, tmp_path: Path) -> None:
    hold(store, *MEMBERS[:2])
    store.summed(ledger.Selection.plain(MEMBERS[:2]))
    store.put_batch(signed_by(2))
    written = [*(tmp_path / "sums").iterdir(), *(tmp_path / "batches").iterdir()]
    assert len(written) == 3
    for path in written:
        os.utime(path, (1000, 1000))
    store.put_certificate(signed_by(0, 1, 2).certificate)  # a reader came: it starts anew
    assert store.discard_results(1000) == 0
    assert store.discard_results(1001) == 2
    assert store.certificate(attested().certificate.batch_id)
    with pytest.raises(UnknownError):
        store.audit_bundle(attested().certificate.batch_id)
    assert store.usage()[0] == 2


def test_locks_and_releases_survive_a_restart(tmp_path: Path) -> None:
    store = Store(tmp_path, max_bytes=1 << 20)
    lock(store, *MEMBERS[:2])
    store.commit([ledger.Released(ledger.Selection.plain(MEMBERS[:2]))])
    before = (store.ledger.locks, store.ledger.released, store.ledger.live)
    store.close()
    again = Store(tmp_path, max_bytes=1 << 20)
    assert (again.ledger.locks, again.ledger.released, again.ledger.live) == before
    for other in (ledger.Locked, ledger.Released):
        with pytest.raises(RuleViolationError):
            again.commit([other(ledger.Selection.plain(MEMBERS[:1]))])
    again.close()


def test_entries_are_committed_all_or_none(store: Store) -> None:
    with pytest.raises(RuleViolationError):
        store.commit([ledger.Combined(b"\x01" * 32), ledger.Locked(ledger.Selection.plain(MEMBERS[:1]))])
    assert not store.ledger.combined
    assert store._database.query("SELECT COUNT(*) FROM ledger")[0][0] == 0


def test_write_durably_never_leaves_half_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    files.write_durably(path, b"old")

    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        with pytest.raises(StorageError):
            files.write_durably(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    with pytest.raises(StorageError, match="exists already"):
        files.write_durably(path, b"new", replace=False)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_share_with_one_bit_flipped_is_not_computed_with(store: Store, tmp_path: Path) -> None:
    """What a damaged share sends is off by an amount that somebody may know (see the leak meter)."""
    keep(store, integers(exempt=0))
    damage(tmp_path / "shares" / ("0a" * 32))
    with pytest.raises(StorageError, match="damaged; this prover waits until it is handed to it again"):
        store.share(b"\x0a" * 32)


def sealed_file(path: Path, content: bytes) -> bytes:
    """Write a file; its seal."""
    path.write_bytes(content)
    sealer = Sealer()
    sealer.update(content)
    return sealer.seal()


def test_what_is_mapped_is_what_was_looked_at_whatever_takes_its_name_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, other, content = tmp_path / "share", tmp_path / "other", bytes(range(256)) * share_length(DIMENSION)
    content = content[: 32 * share_length(DIMENSION)]
    seal = sealed_file(path, content)
    other.write_bytes(bytes(len(content)))

    def looked(seal: bytes, file: BinaryIO) -> bool:
        whole = fits(seal, file)
        other.replace(path)
        return whole

    monkeypatch.setattr(sharefiles, "fits", looked)
    assert map_scalars(path, DIMENSION, seal).tobytes() == content


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="only Linux says what of a map is resident")
def test_looking_at_a_share_does_not_have_all_of_it_in_memory(tmp_path: Path) -> None:
    """A batch has tens of them, all mapped."""
    dimension = 1 << 18
    seal = sealed_file(tmp_path / "share", bytes(32 * share_length(dimension)))
    vector = map_scalars(tmp_path / "share", dimension, seal)
    assert resident(tmp_path / "share") < vector.nbytes / 8
    assert not vector.any()
    assert resident(tmp_path / "share") > vector.nbytes / 2


def resident(path: Path) -> int:
    """Bytes of a mapped file that this process has in memory."""
    lines = Path("/proc/self/smaps").read_text(encoding="utf-8").splitlines()
    heads = [at for at, line in enumerate(lines) if line.endswith(str(path))]
    sizes = [next(line for line in lines[at:] if line.startswith("Rss:")) for at in heads]
    return sum(1024 * int(size.split()[1]) for size in sizes)


@pytest.mark.parametrize("loss", [damage, Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:-32])])
def test_a_share_that_is_lost_makes_room_to_be_taken_in_again(
    store: Store, tmp_path: Path, loss: Callable[[Path], object]
) -> None:
    keep(store, integers(exempt=0))
    path, used = tmp_path / "shares" / ("0a" * 32), store.usage()
    whole = path.read_bytes()
    assert store.share(b"\x0a" * 32).tobytes() == whole
    loss(path)
    store.doubt([b"\x0a" * 32])
    with pytest.raises(StorageError, match="handed to it again"):
        store.share(b"\x0a" * 32)
    assert store.find(b"\x0a" * 32) is None
    assert (store.usage(), path.exists()) == ((0, 0), False)
    keep(store, integers(exempt=0))
    assert (store.usage(), store.share(b"\x0a" * 32).tobytes()) == (used, whole)


def test_a_disk_that_does_not_answer_loses_no_share(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(store, integers(exempt=0))

    def fail(*arguments: object, **more: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", fail)
        with pytest.raises(StorageError, match="Input/output error"):
            store.share(b"\x0a" * 32)
    assert store.share(b"\x0a" * 32) is not None
