"""Bundles that their committee serves: receipts are worth what can be fetched of whoever signed them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from circuits.errors import ProofError, UnavailableError
from commons.artifacts.localstore import LocalStore
from commons.artifacts.transfers import put_bytes
from commons.storage.accounts import save_account
from commons.wire.prover_client import ProverClient
from gradroll.cli import main
from gradroll.datamarket.bundlefetching import BundleLibrary
from gradroll.datamarket.contributor import Contributor
from gradroll.datamarket.datastate import DataState
from gradroll.setup.settingsfiles import write_settings
from tests.datamarket.datastage import CONTRIBUTOR, REVIEWER, bundle_of, sample
from tests.provers.bundletown import BUNDLE, DEEP, BundleTown, bundle_town

FILE = BUNDLE.encode()
OTHER_BUNDLE = bundle_of(sample(1, 10, 20, 31), sample(2, 40, 50, 60))


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BundleTown]:
    with bundle_town(tmp_path_factory.mktemp("bundles")) as made:
        yield made


def attested(town: BundleTown, path: Path) -> int:
    """A bundle that a quorum holds."""
    head, path = town.opened(), path / "own.bundle"
    path.write_bytes(FILE)
    record = town.stage.data.bundle(head.bundle)
    signed = town.witnesses().of_bundle(town.stage.data.campaign(record.campaign), record, path)
    town.stage.account(CONTRIBUTOR).attest_bundle(head.bundle, signed)
    return head.bundle


def test_what_no_store_has_is_fetched_from_members_and_held_against_the_chain(
    town: BundleTown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, store = attested(town, tmp_path), LocalStore(tmp_path / "store")
    record = town.stage.data.bundle(number)
    library = BundleLibrary(town.stage.data, tmp_path / "own")
    lie = put_bytes(store, OTHER_BUNDLE.encode()).root
    with pytest.raises(ProofError):
        library.fetch(number, store, lie)
    asked: list[int] = []
    true = ProverClient.bundle

    def counting(self: ProverClient, content_digest: bytes, most: int) -> bytes:
        asked.append(most)
        return true(self, content_digest, most)

    monkeypatch.setattr(ProverClient, "bundle", counting)
    assert library.fetch(number, store, lie, holders=town.witnesses()) == BUNDLE
    assert set(asked) == {len(FILE)}, "no more is taken of a member than so many samples have"
    assert library.find(number) == BUNDLE
    assert record.count == 2


def test_members_that_serve_something_else_or_nothing_are_named(
    town: BundleTown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, store = attested(town, tmp_path), LocalStore(tmp_path / "store")
    library = BundleLibrary(town.stage.data, tmp_path / "own")
    monkeypatch.setattr(ProverClient, "bundle", lambda *asked: OTHER_BUNDLE.encode())
    with pytest.raises(ProofError, match="not the samples of bundle"):
        library.fetch(number, store, holders=town.witnesses())
    monkeypatch.undo()
    kept = [member.servicer._bundles for member in town.members]
    try:
        for member in town.members:
            member.servicer._bundles = None
        with pytest.raises(UnavailableError, match=r"member 0: .*member 3: .*and the store: "):
            library.fetch(number, store, holders=town.witnesses())
    finally:
        for member, own in zip(town.members, kept, strict=True):
            member.servicer._bundles = own
    assert library.find(number) is None


def test_the_commands_send_a_bundle_to_its_committee_and_fetch_it_there(
    town: BundleTown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    stage, chain = town.stage, town.stage.data.chain
    write_settings(tmp_path / "data.toml", {
        "chain": {"url": stage.url, "chain_id": chain.chain_id, "market": "0x" + chain.market.hex(),
                  "receipt_poll": 0.01},
        "data": {"campaigns": "0x" + stage.data.place.hex(), "confirmations": 2},
    }, development=True)  # fmt: skip
    for number in (CONTRIBUTOR, REVIEWER):
        save_account(tmp_path / f"{number}.key", stage.accounts[number])
    state = DataState(tmp_path / f"state{CONTRIBUTOR}")
    own = Contributor(stage.account(CONTRIBUTOR), state, 2)
    bundle = own.commit(stage.campaign(), BUNDLE)
    stage.pass_time(1, 2)
    own.open(bundle)
    stage.pass_time(1, DEEP)
    state.close()
    for account, words, found in ((CONTRIBUTOR, "attest", ("stage", "review")), (REVIEWER, "fetch", ("count", 2))):
        given = ["--account", f"{account}.key", "--state", f"state{account}", "--config", "data.toml", "--json"]
        assert main(["data", words, str(bundle), *given]) == 0
        assert json.loads(capsys.readouterr().out)[found[0]] == found[1]
