"""What sellers and buyers must not lose or show: models with their tails, keys of offers, purchases."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import native
from circuits.errors import KeyFileError, StorageError, UnknownError
from circuits.statement import TAIL
from commons.storage.unlock import Unlock
from gradroll.modelmarket.modelvault import KeptModel, ModelVault
from gradroll.modelmarket.offerbook import MadeOffer, OfferBook
from gradroll.modelmarket.purchases import Purchase, Purchases
from native import R, g1_generator, g1_mul, g1_neg

MODEL = KeptModel(
    g1_generator, "small", np.array([-2048, 0, 2047], dtype=np.int64),
    native.from_ints([R - 1, *range(TAIL - 1)]),
)  # fmt: skip
KEY, BLINDING = 5, 9
MADE = MadeOffer(b"\x01" * 32, b"\x02" * 20, KEY, BLINDING, b"\x03" * 32, g1_mul(g1_generator, (KEY - BLINDING) % R))
TAKEN = Purchase(b"\x01" * 32, b"\x03" * 32, MADE.public, BLINDING, Path("row.sealed"))


def only_file(directory: Path) -> Path:
    (path,) = (path for path in directory.rglob("*") if path.is_file())
    return path


def test_a_model_comes_back_as_it_was_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = ModelVault(tmp_path).add(MODEL)
    kept = ModelVault(tmp_path).load(MODEL.commitment)
    assert path.stat().st_mode & 0o777 == 0o600 and path.parent.stat().st_mode & 0o777 == 0o700
    assert (kept.size_class, kept.weights.tolist()) == ("small", [-2048, 0, 2047])
    assert np.array_equal(kept.tail, MODEL.tail)
    assert "2047" not in repr(kept)


def test_a_model_is_never_written_over(tmp_path: Path) -> None:
    ModelVault(tmp_path).add(MODEL)
    with pytest.raises(StorageError, match="exists already"):
        ModelVault(tmp_path).add(replace(MODEL, tail=native.from_ints(range(TAIL))))


def test_a_model_that_is_not_here_is_named_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(UnknownError, match=r"models\.state"):
        ModelVault(tmp_path).load(g1_neg(g1_generator))


@pytest.mark.parametrize(
    ("field", "value"), [("tail", "00" * 32), ("tail", "ff" * (32 * TAIL)), ("weights", "000"), ("commitment", "00")]
)
def test_a_damaged_model_is_refused(tmp_path: Path, field: str, value: str) -> None:
    path = ModelVault(tmp_path).add(MODEL)
    path.write_text(json.dumps({**json.loads(path.read_text()), field: value}))
    with pytest.raises(KeyFileError):
        ModelVault(tmp_path).load(MODEL.commitment)


def test_a_model_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = ModelVault(tmp_path).add(MODEL)
    path.chmod(0o644)
    with pytest.raises(KeyFileError, match="others can read"):
        ModelVault(tmp_path).load(MODEL.commitment)


def test_with_a_passphrase_nothing_of_it_stands_in_the_file(tmp_path: Path) -> None:
    unlock = Unlock(lambda: "correct horse")
    path = ModelVault(tmp_path, unlock, unlock).add(MODEL)
    assert (b"\x00\xf8\x00\x00\xff\x07").hex() not in path.read_text()
    assert ModelVault(tmp_path, unlock).load(MODEL.commitment).weights.tolist() == [-2048, 0, 2047]
    with pytest.raises(KeyFileError, match="no passphrase"):
        ModelVault(tmp_path).load(MODEL.commitment)


def test_the_key_of_an_offer_is_kept_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    book = OfferBook(tmp_path)
    book.add(MADE)
    assert OfferBook(tmp_path).find(MADE.public) == MADE
    assert list(book.all()) == [MADE]
    assert g1_mul(g1_generator, MADE.revealed) == MADE.public
    assert only_file(tmp_path).stat().st_mode & 0o777 == 0o600
    assert str(KEY) not in repr(MADE).replace(MADE.public.hex(), "").split("offer")[0]


def test_a_key_serves_one_offer(tmp_path: Path) -> None:
    book = OfferBook(tmp_path)
    book.add(MADE)
    with pytest.raises(StorageError, match="exists already"):
        book.add(replace(MADE, buyer=b"\x07" * 20))


def test_an_offer_of_nobody_is_unknown(tmp_path: Path) -> None:
    with pytest.raises(UnknownError, match=r"models\.state"):
        OfferBook(tmp_path).find(g1_generator)


@pytest.mark.parametrize(
    ("field", "value"), [("key", "00" * 32), ("key", "ff" * 32), ("buyer", "00"), ("blinding", "")]
)
def test_a_damaged_offer_is_refused(tmp_path: Path, field: str, value: str) -> None:
    book = OfferBook(tmp_path)
    book.add(MADE)
    path = only_file(tmp_path)
    path.write_text(json.dumps({**json.loads(path.read_text()), field: value}))
    with pytest.raises(KeyFileError):
        book.find(MADE.public)


def test_a_purchase_is_kept_once_and_the_same_again_changes_nothing(tmp_path: Path) -> None:
    kept = Purchases(tmp_path)
    kept.add(TAKEN)
    kept.add(TAKEN)
    assert Purchases(tmp_path).find(TAKEN.offer) == TAKEN
    assert list(kept.all()) == [TAKEN]
    with pytest.raises(StorageError, match="another purchase"):
        kept.add(replace(TAKEN, blinding=BLINDING + 1))


def test_the_buyers_key_is_made_once(tmp_path: Path) -> None:
    assert Purchases(tmp_path).key() == Purchases(tmp_path).key()
    assert Purchases(tmp_path).public_key() != Purchases(tmp_path / "other").public_key()
    assert only_file(tmp_path / "other").stat().st_mode & 0o777 == 0o600
