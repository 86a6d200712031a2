"""docs/rotating-keys.md as its readers follow it, and what happens to who is interrupted, or handed something else."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from commons.protocol.memberships import Rotation, registry_domain
from commons.runtime.amounts import checksum
from commons.runtime.identifiers import shown
from commons.storage.files import DirectoryLock
from gradroll.cli import main
from gradroll.commands.proposals import write_proposal
from provers.joining.keyring import Keyring
from provers.joining.keystore import Keystore
from tests.gradroll.smallmarket import SmallMarket, small_market
from tests.support.pages import blocks

DAY = 86_400
ROTATE = ("prover", "rotate-keys", "--config", "prover-3/prover.toml")


@pytest.fixture
def market(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallMarket]:
    with small_market(tmp_path / "market") as made:
        monkeypatch.chdir(made.directory)
        yield made


def outcome(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> dict[str, Any]:
    capsys.readouterr()
    assert main([*words, "--json"]) == status
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    return said


def ring(market: SmallMarket, prover: int = 3) -> Keyring:
    return Keyring.load(market.directory / f"prover-{prover}" / "keys")


def test_the_page(market: SmallMarket, repository: Path) -> None:
    """Every command, literally; and again, as after an interruption."""
    view, committee = market.local.view(), market.local.committee
    before, used = view.member(committee, 3), set[str]()
    changes = {
        "0xc0c0c0c0c0c0c0c0": shown(committee), "operator.key": "prover-0/keys/account.json",
        "prover.toml": "prover-3/prover.toml",
    }  # fmt: skip
    for block in blocks(repository / "docs" / "rotating-keys.md"):
        for written in block.commands():
            command = written
            for old, new in changes.items():
                used |= {old} & {old if old in command else ""}
                command = command.replace(old, new)
            program, *words = shlex.split(command)
            assert (program, main(words)) == ("gradroll", 0), command
        if "rotate-keys" in block.text:
            sent = market.sent("prover-3/keys/account.json")
            assert main(list(ROTATE)) == 0
            assert market.sent("prover-3/keys/account.json") == sent, "it waits already"
            assert view.member(committee, 3).signer == before.signer, "it counts after the delay"
            market.chain.advance(8 * DAY)
    keys, now = ring(market), view.member(committee, 3)
    assert used == set(changes)
    assert len(keys.keystores) == 2
    assert (now.signer, now.hpke_key) == (keys.newest.address, keys.newest.hpke_public)
    assert (now.membership, now.controller, now.endpoint) == (before.membership, before.controller, before.endpoint)
    assert keys.keystores[0].opens_shares, "rounds that were open bring shares to it"


def test_keys_that_were_made_before_a_crash_are_the_ones_that_are_proposed(
    market: SmallMarket, capsys: pytest.CaptureFixture[str]
) -> None:
    made = ring(market).make_next()
    assert outcome(capsys, *ROTATE)["signer"] == checksum(made.address)
    assert len(ring(market).keystores) == 2
    waits = market.local.view().member(market.local.committee, 3).pending
    assert waits is not None
    assert (waits.signer, waits.hpke_key) == (made.address, made.hpke_public)


def test_a_change_that_others_have_proposed_is_not_rotated_over(
    market: SmallMarket, capsys: pytest.CaptureFixture[str]
) -> None:
    Keystore.create(market.directory / "other-keys")
    place = (shown(market.local.committee), "--index", "3", "--config", "chain.toml")
    account = ("--account", "prover-3/keys/account.json")
    outcome(capsys, "committee", "rotate", *place, "--keystore", "other-keys", *account)
    refused = outcome(capsys, *ROTATE, status=4)["error"]
    assert "another change of prover 3" in refused["message"]
    assert len(ring(market).keystores) == 1, "no keys are made for nothing"


def test_a_controller_sends_what_the_present_key_has_signed_and_nothing_else(
    market: SmallMarket, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who exchanges the sealing key on the way would read the shares of all later rounds."""
    keys, view, committee = ring(market), market.local.view(), market.local.committee
    new, thief = keys.make_next(), Keystore.create(market.directory / "thief")
    domain = registry_domain(view.chain_id, view.registry)
    wanted = Rotation(committee, 3, new.address, view.member(committee, 3).controller)
    path = market.directory / "rotation.json"
    place = (shown(committee), "--index", "3", "--proposal", "rotation.json", "--config", "chain.toml")
    send = ("committee", "rotate", *place, "--account", "prover-3/keys/account.json")

    write_proposal(path, domain, wanted, new, thief)
    assert "send nothing" in outcome(capsys, *send, status=7)["error"]["message"]
    write_proposal(path, domain, wanted, new, keys.keystores[0])
    honest = path.read_text()
    path.write_text(honest.replace(new.hpke_public.hex(), thief.hpke_public.hex()))
    assert path.read_text() != honest
    assert "send nothing" in outcome(capsys, *send, status=7)["error"]["message"]
    path.write_text(honest)
    other = [word.replace("3", "2") if word == "3" else word for word in send]
    assert "another committee or index" in outcome(capsys, *other, status=3)["error"]["message"]
    assert view.member(committee, 3).pending is None, "nothing was sent"
    told = outcome(capsys, *send)
    assert told["signer"] == checksum(new.address)
    waits = view.member(committee, 3).pending
    assert waits is not None
    assert waits.hpke_key == new.hpke_public


def test_a_stolen_sealing_key_is_destroyed_at_once_by_who_insists_and_has_stopped_the_prover(
    market: SmallMarket, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "are lost" in outcome(capsys, *ROTATE, "--now", status=3)["error"]["message"]
    assert len(ring(market).keystores) == 1
    running = DirectoryLock(market.directory / "prover-3" / "state")
    assert "in use by another process" in outcome(capsys, *ROTATE, "--now", "--force", status=6)["error"]["message"]
    running.release()
    assert ring(market).keystores[0].opens_shares
    told = outcome(capsys, *ROTATE, "--now", "--force")
    old, new = ring(market).keystores
    assert told["destroyed"] == [f"0x{old.hpke_public.hex()}"]
    assert (old.opens_shares, new.opens_shares) == (False, True)
    assert told["due"] is not None, "the new key waits"
