"""A state directory of one deployment of the market is not used at another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from circuits.errors import StorageError
from circuits.terms import MarketId
from commons.storage.marketbinding import FILE, bind
from tests.simulation.world.disk import SimulatedDisk
from tests.support.parts import with_parts

MARKET = MarketId(7, b"\x42" * 20, b"\x43" * 32)


def test_a_directory_is_bound_at_its_first_use_and_used_again(tmp_path: Path) -> None:
    for _ in range(2):
        bind(tmp_path, MARKET, "")
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize("change", [{"chain_id": 8}, {"address": b"\x44" * 20}, {"deployment": b"\x45" * 32}])
def test_at_another_deployment_both_are_named_and_the_cure(tmp_path: Path, change: dict[str, object]) -> None:
    bind(tmp_path, MARKET, "")
    other = with_parts(MARKET, **change)
    with pytest.raises(StorageError, match=r"another chain, or one that was reset; take another") as caught:
        bind(tmp_path, other, "take another")
    for market in (MARKET, other):
        shown = f"0x{market.address.hex()} on chain {market.chain_id}, deployment 0x{market.deployment.hex()}"
        assert shown in str(caught.value)
    bind(tmp_path, MARKET, "")


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"version": 1}', b"\0", b"\xff\xff\xff", b"[" * 5000])
def test_a_file_that_names_no_market_is_not_overwritten(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(StorageError, match="names no market"):
        bind(tmp_path, MARKET, "")
    assert (tmp_path / FILE).read_bytes() == content


def test_a_file_of_a_newer_release_is_not_taken_for_another_market(tmp_path: Path) -> None:
    bind(tmp_path, MARKET, "")
    document = json.loads((tmp_path / FILE).read_text())
    (tmp_path / FILE).write_text(json.dumps({**document, "version": 2, "more": 1}))
    with pytest.raises(StorageError, match="written by a newer release"):
        bind(tmp_path, MARKET, "")


def test_a_full_disk_leaves_the_directory_unbound(tmp_path: Path) -> None:
    fails = [("full", 0)]
    disk = SimulatedDisk(lambda: fails.pop() if fails else None)
    with pytest.raises(StorageError):
        bind(tmp_path, MARKET, "", disk)
    bind(tmp_path, MARKET, "", disk)
