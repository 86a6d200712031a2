"""A seller's offer through a bucket, at a real server of S3's protocol."""

from __future__ import annotations

from pathlib import Path

import pytest

from circuits.accuracy.sizeclasses import size_class
from circuits.errors import UnknownError
from circuits.swap.sealedrows import encoded_length
from gradroll.modelmarket.offertransfers import fetch_offer_file, fetch_row, put_offer, row_name
from tests.artifacts import test_s3store
from tests.artifacts.test_s3store import bucket
from tests.artifacts.vectors import counted

server, _account = test_s3store.server, test_s3store._account
LARGE = size_class("large")


def test_offer_and_row_come_out_of_a_bucket(server: str, tmp_path: Path) -> None:
    row, offer = tmp_path / "row.sealed", tmp_path / "offer.json"
    row.write_bytes(counted(encoded_length(LARGE.weights)))
    offer.write_bytes(b"{}")
    store = bucket(server, "artifacts/offers")
    with pytest.raises(UnknownError):
        fetch_row(store, row_name(row), LARGE, tmp_path / "buyer")
    root = put_offer(store, offer, row).root
    assert fetch_offer_file(store, root, tmp_path / "buyer").read_bytes() == b"{}"
    assert fetch_row(store, row_name(row), LARGE, tmp_path / "buyer").read_bytes() == row.read_bytes()
