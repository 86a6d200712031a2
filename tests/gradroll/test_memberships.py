"""Members and their keys change: by their controllers, or by a quorum of the others, and never at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from commons.chain.facts import MemberRecord
from commons.runtime.amounts import checksum
from commons.runtime.identifiers import shown
from gradroll.cli import main
from gradroll.setup.local_market import BOND
from provers.joining.keystore import Keystore
from tests.gradroll.smallmarket import SmallMarket, small_market

DAY = 86_400
MARKET = ("--config", "chain.toml")


@pytest.fixture
def market(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallMarket]:
    with small_market(tmp_path_factory.mktemp("market")) as made:
        monkeypatch.chdir(made.directory)
        yield made


@pytest.fixture
def committee(market: SmallMarket) -> str:
    return shown(market.local.committee)


@pytest.fixture
def newcomer(market: SmallMarket) -> Keystore:
    """Keys of somebody who has ether and sits nowhere."""
    keys = Keystore.create(market.directory / "new-keys")
    assert main(["chain", "fund", checksum(keys.address), "--chain", market.url, "--development"]) == 0
    return keys


def outcome(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> dict[str, Any]:
    capsys.readouterr()
    assert main([*words, *MARKET, "--json"]) == status
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    return said


def member(market: SmallMarket, index: int) -> MemberRecord:
    return market.local.view().member(market.local.committee, index)


def controller(index: int) -> tuple[str, str]:
    """The account of a prover of the local market, which is its own controller."""
    return ("--account", f"prover-{index}/keys/account.json")


def test_a_key_is_rotated_after_a_delay(
    market: SmallMarket, committee: str, newcomer: Keystore, capsys: pytest.CaptureFixture[str]
) -> None:
    place = (committee, "--index", "2")
    told = outcome(capsys, "committee", "rotate", *place, "--keystore", "new-keys", *controller(2))
    assert told["signer"] == checksum(newcomer.address)
    assert "transactions" not in outcome(
        capsys, "committee", "rotate", *place, "--keystore", "new-keys", *controller(2)
    ), "it waits already"
    early = outcome(capsys, "committee", "apply", *place, *controller(0), status=5)
    assert "ChangeNotDue" in early["error"]["message"]
    market.chain.advance(8 * DAY)
    applied = outcome(capsys, "committee", "apply", *place, *controller(0))
    assert (applied["signer"], applied["epoch"]) == (checksum(newcomer.address), 1)
    assert member(market, 2).hpke_key == newcomer.hpke_public
    assert "waits" in outcome(capsys, "committee", "apply", *place, *controller(0), status=4)["error"]["message"]


def test_a_rotation_is_taken_back(
    market: SmallMarket, committee: str, newcomer: Keystore, capsys: pytest.CaptureFixture[str]
) -> None:
    place = (committee, "--index", "2")
    outcome(capsys, "committee", "rotate", *place, "--keystore", "new-keys", *controller(2))
    assert "takes its place" in _shown(capsys, committee)
    outcome(capsys, "committee", "cancel", *place, *controller(2))
    assert member(market, 2).pending is None
    strangers = outcome(capsys, "committee", "rotate", *place, "--keystore", "new-keys", *controller(3), status=5)
    assert "NotController" in strangers["error"]["message"]


def test_a_stolen_key_counts_no_more(market: SmallMarket, committee: str, capsys: pytest.CaptureFixture[str]) -> None:
    outcome(capsys, "committee", "revoke", committee, "--index", "1", *controller(1))
    assert member(market, 1).revoked
    assert outcome(capsys, "committee", "show", committee)["ready"] is False
    assert "its key is revoked" in _shown(capsys, committee)


def test_the_others_put_another_in_a_members_place(
    market: SmallMarket, committee: str, newcomer: Keystore, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who is replaced is not asked; the new one joins and bonds before it counts."""
    until = str(market.local.view().now() + DAY)
    wanted = (committee, "--index", "3", "--signer", checksum(newcomer.address), "--until", until)
    for voter in (0, 1, 2):
        files = ("--keystore", f"prover-{voter}/keys", "--out", f"vote-{voter}.json")
        assert outcome(capsys, "committee", "vote", *wanted, *files)["member"] == voter
    few = outcome(capsys, "committee", "replace", "vote-0.json", "vote-1.json", *controller(0), status=5)
    assert "TooFewAttestations" in few["error"]["message"]
    votes = [f"vote-{voter}.json" for voter in (2, 0, 1, 2)]
    outcome(capsys, "committee", "replace", *votes, *controller(0))
    assert main(["prover", "join", "--config", "prover-3/prover.toml", "--keystore", "new-keys"]) == 0
    market.chain.advance(8 * DAY)
    outcome(capsys, "committee", "apply", committee, "--index", "3", *controller(0))
    seated = member(market, 3)
    assert (seated.signer, seated.bond) == (newcomer.address, BOND)
    assert outcome(capsys, "committee", "show", committee)["ready"] is True


def test_votes_for_different_members_are_not_put_together(
    market: SmallMarket, committee: str, newcomer: Keystore, capsys: pytest.CaptureFixture[str]
) -> None:
    for voter, signer in ((0, checksum(newcomer.address)), (1, "0x" + "11" * 20)):
        wanted = (committee, "--index", "3", "--signer", signer, "--until", "1900000000")
        files = ("--keystore", f"prover-{voter}/keys", "--out", f"vote-{voter}.json")
        outcome(capsys, "committee", "vote", *wanted, *files)
    told = outcome(capsys, "committee", "replace", "vote-0.json", "vote-1.json", *controller(0), status=3)
    assert "are not for the same" in told["error"]["message"]
    (market.directory / "vote-1.json").write_text("{}")
    told = outcome(capsys, "committee", "replace", "vote-0.json", "vote-1.json", *controller(0), status=3)
    assert "is no vote of this release" in told["error"]["message"]


def test_who_retires_has_its_bond_back_after_a_delay(
    market: SmallMarket, committee: str, capsys: pytest.CaptureFixture[str]
) -> None:
    retired = outcome(capsys, "committee", "retire", committee, "--index", "1", *controller(1))
    number = ("--membership", str(retired["membership"]))
    early = outcome(capsys, "committee", "bond", committee, "--index", "1", *number, *controller(1), status=5)
    assert "BondLocked" in early["error"]["message"]
    assert "it leaves" in _shown(capsys, committee)
    market.chain.advance(121 * DAY)
    outcome(capsys, "committee", "bond", committee, "--index", "1", *number, *controller(1))
    again = outcome(capsys, "committee", "bond", committee, "--index", "1", *number, *controller(1), status=5)
    assert "NoBond" in again["error"]["message"]


def test_a_prover_that_moves_bonds_nothing_again(market: SmallMarket, capsys: pytest.CaptureFixture[str]) -> None:
    before = market.local.view().balance(market.local.view().registry)
    assert main(["prover", "join", "--config", "prover-1/prover.toml", "--endpoint", "127.0.0.1:1"]) == 0
    assert "joined committee" in capsys.readouterr().out
    assert member(market, 1).endpoint == "127.0.0.1:1"
    assert market.local.view().balance(market.local.view().registry) == before


def _shown(capsys: pytest.CaptureFixture[str], committee: str) -> str:
    capsys.readouterr()
    assert main(["committee", "show", committee, *MARKET]) == 0
    return capsys.readouterr().out
