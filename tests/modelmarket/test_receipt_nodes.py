"""What a prover believes of bounties, and what it keeps of them: by its settings, its nodes, its disk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from circuits.errors import (
    ChainError,
    ConfigError,
    NotReadyError,
    StorageError,
)
from commons.chain.modelfacts import BountyStage
from commons.chain.modelview import ModelView
from commons.chain.view import ChainView
from commons.protocol.bountydraws import TRAINING
from commons.runtime.clock import SystemClock
from commons.settings.loading import load
from commons.storage.parameters import PublicParameters
from gradroll.setup.keygen import SRS_FILE
from native import G1
from provers.bountychain import BountyChain
from provers.bountyfiles import BountyFiles
from provers.bountyreceipts import BountyReceipts
from provers.bountyservicer import receipts_of
from provers.heldfiles import tidy_all
from tests.modelmarket.modelstage import SIZE, model_stage
from tests.modelmarket.receiptstown import (
    MEMBERS,
    Town,
    town_on,
)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    directory = tmp_path_factory.mktemp("receipts")
    with model_stage(directory) as stage, town_on(stage, directory) as made:
        yield made


def test_a_prover_gives_receipts_where_its_settings_name_the_contracts(town: Town, tmp_path: Path) -> None:
    models = town.stage.models
    places = {name: "0x" + getattr(models.places, name).hex() for name in ("registry", "sales", "bounties")}
    usual: dict[str, object] = {
        "keys.srs": str(town.stage.directory / "keys" / SRS_FILE), "keys.directory": str(town.stage.directory / "keys"),
        "prover.endpoint": "127.0.0.1:7100", "prover.listen": "127.0.0.1:0",
        "prover.keystore": str(tmp_path / "keys"), "prover.confirmations": 2,
        "prover.state": str(tmp_path), "prover.committee": town.committee,
    }  # fmt: skip
    keys = town.stage.directory / "keys"
    public = PublicParameters(keys / SRS_FILE, keys, allow_insecure=True)
    signer = town.stage.accounts[MEMBERS[0]]
    readers = [models.chain]
    assert receipts_of(load(environment={}, overrides=usual), readers, signer.sign, public) is None
    named = {f"models.{name}": place for name, place in places.items()}
    receipts = receipts_of(load(environment={}, overrides={**usual, **named}), readers, signer.sign, public)
    assert receipts is not None
    with pytest.raises(NotReadyError):
        receipts.attest_groups(town.opened(), TRAINING)
    del named["models.sales"]
    with pytest.raises(ConfigError, match=r"models\.sales"):
        receipts_of(load(environment={}, overrides={**usual, **named}), readers, signer.sign, public)


def test_tidying_goes_on_when_the_disk_does_not(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def tidy(self, now: int) -> None:
            raise StorageError("the disk is away")

    tidied = list[int]()

    class Works:
        def tidy(self, now: int) -> None:
            tidied.append(now)

    tidy_all((None, Broken(), Works()), SystemClock())
    assert "the disk is away" in caplog.text and len(tidied) == 1, "what is broken keeps nothing else"


def test_nodes_that_differ_about_a_draw_give_no_receipt(town: Town) -> None:
    bounty, models = town.drawn(), town.stage.models
    record = models.bounty(bounty)
    views = [
        ModelView(
            ChainView(town.stage.url, models.chain.market, expected_chain_id=models.chain.chain_id), models.places
        )
        for _ in range(2)
    ]
    chain = BountyChain(views, town.committee, 2, (SIZE,))
    assert chain.drawn(bounty, TRAINING) == record
    views[1].__dict__["bounty"] = lambda name: replace(record, training=((record.training[0] + 1) % 3,))
    with pytest.raises(ChainError, match="tell different things"):
        chain.drawn(bounty, TRAINING)
    views[1].__dict__["bounty"] = lambda name: replace(record, stage=BountyStage.OPENED)
    with pytest.raises(NotReadyError):
        chain.drawn(bounty, TRAINING)
    views[1].__dict__["bounty"] = lambda name: replace(record, stage=BountyStage.CANCELLED)
    assert not chain.is_over(bounty), "one node that lies deletes nothing"


def test_what_no_node_knows_goes_like_what_is_over(town: Town, tmp_path: Path) -> None:
    """A bounty in blocks that were taken back: nobody settles it any more."""
    files = BountyFiles(tmp_path, 1 << 20)
    files.begin(b"\x07" * 32, bytes(20), 1000)
    receipts = BountyReceipts(town.chain(), files, None, tmp_path, bytes, 100)  # type: ignore[arg-type]
    receipts.tidy(1000)
    receipts.tidy(1100)
    assert files.names() == [b"\x07" * 32]
    receipts.tidy(1101)
    assert files.names() == []


def test_an_end_that_is_taken_back_starts_the_clock_anew(tmp_path: Path) -> None:
    files, bounty = BountyFiles(tmp_path, 1 << 20), b"\x01" * 32
    files.put_offer(bounty, bytes(32), bytes(32), G1(bytes(64)), b"row", 1)
    assert (files.over_since(bounty, 5), files.over_since(bounty, 9)) == (5, 5)
    files.go_on(bounty)
    assert BountyFiles(tmp_path, 1 << 20).over_since(bounty, 9) == 9
