"""What an owner keeps on disk."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from circuits.errors import StorageError
from circuits.statement import SubmissionHeader
from circuits.terms import MarketId
from commons.storage.submissions import SavedSubmission, SubmissionStore
from native import g1_generator
from tests.support.parts import with_parts
from tests.support.plain_batch import seed_of

OWNER, MARKET = b"\x01" * 20, MarketId(1, b"\x02" * 20, b"\x03" * 32)


def submission() -> SavedSubmission:
    digests = tuple(seed_of("share", p) for p in range(4))
    header = SubmissionHeader(3, 1, OWNER, 7, g1_generator, digests, b"\x05" * 65, b"\x0a" * 65)
    return SavedSubmission(header, seed_of("gradient"), seed_of("seed") * 4, {2: b"\x06" * 65})


def test_round_trip_and_receipts(tmp_path: Path) -> None:
    store = SubmissionStore(tmp_path, MARKET)
    assert store.load(3, 1, OWNER) is None
    store.save(submission())
    assert store.load(3, 1, OWNER) == submission()
    more = submission().with_receipt(0, b"\x07" * 65)
    store.save(more)
    loaded = store.load(3, 1, OWNER)
    assert loaded == more
    assert not more.is_finished


def test_only_the_owner_can_read_it_and_finishing_wipes_the_seeds(tmp_path: Path) -> None:
    store = SubmissionStore(tmp_path, MARKET)
    store.save(submission())
    (path,) = (p for p in tmp_path.rglob("*") if p.is_file())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert seed_of("seed").hex() in path.read_text()
    store.save(submission().finished())
    assert seed_of("seed").hex() not in path.read_text()
    loaded = store.load(3, 1, OWNER)
    assert loaded is not None
    assert loaded.is_finished


def test_deployments_rounds_and_owners_do_not_mix(tmp_path: Path) -> None:
    SubmissionStore(tmp_path, MARKET).save(submission())
    for change in ({"chain_id": 2}, {"address": OWNER}, {"deployment": bytes(32)}):
        assert SubmissionStore(tmp_path, with_parts(MARKET, **change)).load(3, 1, OWNER) is None
    assert SubmissionStore(tmp_path, MARKET).load(3, 2, OWNER) is None
    assert SubmissionStore(tmp_path, MARKET).load(3, 1, MARKET.address) is None


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b'{"version": 2}', b'{"version": 1}', b"[]", b"null", b"7", b"\xff\xfe\x00", b"[" * 100_000,
     b" " * (1 << 20) + b"{}", b'{"version": 2, "receipts": {"one": ""}}'],
)  # fmt: skip
def test_a_broken_file_is_named_not_overwritten(tmp_path: Path, content: bytes) -> None:
    store = SubmissionStore(tmp_path, MARKET)
    store.save(submission())
    (path,) = (p for p in tmp_path.rglob("*") if p.is_file())
    path.write_bytes(content)
    with pytest.raises(StorageError, match=path.name):
        store.load(3, 1, OWNER)


def test_seeds_stay_out_of_repr() -> None:
    assert seed_of("seed").hex() not in repr(submission())
    assert "seeds" not in repr(submission())
