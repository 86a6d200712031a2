"""The commands of the model market, where what is exchanged is named by its content, and identifiers are cut short."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from commons.artifacts.localstore import LocalStore
from commons.artifacts.networkfiles import read_network
from commons.artifacts.transfers import cid_of_file
from gradroll.cli import main
from tests.artifacts.blockservers import Server, gateway_over
from tests.modelmarket import test_model_commands
from tests.modelmarket.modelstage import SIZE, Stage, toy_model
from tests.modelmarket.test_model_commands import run

stage, _toys = test_model_commands.stage, test_model_commands._toys


DATA = ("--data", "test-1.safetensors", "--data", "test-0.safetensors")


def registered(capsys: pytest.CaptureFixture[str], salt: int) -> str:
    """A set whose data are in the store."""
    words = ("dataset", "register", "--class", "toy", *DATA, "--salt", str(salt), "--publish", "--store", "kept")
    made: str = run(capsys, "operator", *words)["set"]
    return made


def listed(stage: Stage, capsys: pytest.CaptureFixture[str], on: str) -> str:
    """A model listed on a set."""
    committed = run(capsys, "seller", "model", "commit", "model.safetensors", "--class", "toy")
    made: str = run(
        capsys, "seller", "model", "list", committed["commitment"], "--verifier", "0x" + stage.verifier.hex(),
        "--set", on, "--base", "1000", "--step", "10", "--floor", "4",
    )["listing"]  # fmt: skip
    return made


@pytest.fixture
def listing(stage: Stage, capsys: pytest.CaptureFixture[str]) -> str:
    """A listing that is proven: one that an earlier test made here, or one of its own."""
    there = run(capsys, "buyer", "model", "listings")["listings"]
    if there:
        return str(there[-1])
    made = listed(stage, capsys, registered(capsys, 22))
    run(capsys, "seller", "model", "prove", made, *DATA)
    return made


def test_a_model_is_bought_by_content(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing travels but two names: the data come by the set's, offer and row by the offer's, from a gateway."""
    store = ["--store", "kept"]
    made = registered(capsys, 21)
    fetched = run(
        capsys, "buyer", "dataset", "get", made[:12], "--class", "toy", "--out", "library", *store
    )["files"]  # fmt: skip
    got = [word for path in fetched.values() for word in ("--data", path)]
    listing = listed(stage, capsys, made)
    short = listing[:14]
    run(capsys, "seller", "model", "prove", short, *got)
    run(capsys, "buyer", "model", "request", short, "--out", "wanted.json")
    offered = run(capsys, "seller", "model", "offer", "wanted.json", "--out", "made", *store)
    assert offered["cid"] == str(cid_of_file(Path("made/offer.json")).root)
    assert offered["row"] == str(cid_of_file(Path("made/row.sealed")).root)
    shutil.rmtree("made")
    nowhere = run(capsys, "buyer", "model", "buy", offered["cid"], *got, status=4)
    assert "name a store that has it" in nowhere["error"]["message"]
    kept = LocalStore(Path("kept"))
    with Server(lambda _: (200, {}, b"others")) as lying:
        refused = run(capsys, "buyer", "model", "buy", offered["cid"], "--store", lying.url, *got, status=7)
    assert "serves other bytes" in refused["error"]["message"] and "transactions" not in refused
    with Server(gateway_over(kept)) as gateway:
        bought = run(capsys, "buyer", "model", "buy", offered["cid"], "--store", gateway.url, *got)
    assert len(gateway.asked) == 2  # the offer, and the row
    again = run(capsys, "buyer", "model", "buy", offered["cid"], "--store", "kept", *got)
    assert again["sale"] == bought["sale"] and "transactions" not in again
    assert run(capsys, "seller", "model", "reveal", bought["sale"][:10])["revealed"] == [bought["sale"]]
    run(capsys, "buyer", "model", "open", bought["sale"][:10], "--out", "by-content.safetensors", *got)
    assert np.array_equal(read_network(Path("by-content.safetensors")).weights(SIZE), toy_model())


def test_an_offer_without_its_row_beside_it_names_it(listing: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "buyer", "model", "request", listing, "--out", "alone-asked.json")
    offered = run(capsys, "seller", "model", "offer", "alone-asked.json", "--out", "alone", "--store", "kept")
    Path("alone/row.sealed").unlink()
    data = ["--data", "test-1.safetensors", "--data", "test-0.safetensors", "--store", "kept"]
    assert run(capsys, "buyer", "model", "buy", "alone/offer.json", *data)["price"] == offered["price"]


def test_an_offer_that_no_store_takes_is_made_all_the_same(listing: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "buyer", "model", "request", listing, "--out", "served-asked.json")
    with Server(lambda _: (404, {}, b"")) as gateway:
        words = ("model", "offer", "served-asked.json", "--out", "served", "--store", gateway.url)
        assert main([*words, "--config", "seller.toml"]) == 3
    said = capsys.readouterr()
    assert "which only serves" in said.err and "gradroll artifact put" in said.err
    put = run(capsys, "seller", "artifact", "put", "served/row.sealed", "--store", "kept")
    assert put["cid"] == run(capsys, "seller", "artifact", "cid", "served/row.sealed")["cid"]
    offer = run(capsys, "seller", "artifact", "put", "served/offer.json", "--store", "kept")["cid"]
    data = ["--data", "test-1.safetensors", "--data", "test-0.safetensors", "--store", "kept"]
    run(capsys, "buyer", "model", "buy", offer, *data)


def test_a_beginning_is_shown_whole_before_anything_is_paid(listing: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "bond", listing[:9], "7", "--config", "seller.toml"]) == 0
    told = capsys.readouterr().err
    assert told.index(f"{listing[:9]}.. is the listing {listing}\n") < told.index("costs ") < told.index("sent ")


def test_beginnings_are_of_own_listings_where_a_command_is_for_those(
    listing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "buyer", "model", "show", listing[:8])["listing"] == listing
    refused = run(capsys, "buyer", "model", "unlist", listing[:8], status=4)
    assert "no listing that is looked at here begins with" in refused["error"]["message"]
