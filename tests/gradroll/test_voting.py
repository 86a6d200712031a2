"""A quorum of the committee names a task's coordinator; votes work once, for what was signed, and for nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from circuits.errors import ContractError
from commons.runtime.amounts import checksum
from commons.runtime.identifiers import shown
from gradroll.cli import main
from tests.gradroll.smallmarket import SmallMarket, small_market
from tests.gradroll.test_memberships import MARKET, controller, outcome

OTHER, ANOTHER = b"\x55" * 20, b"\x66" * 20


@pytest.fixture
def market(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallMarket]:
    with small_market(tmp_path_factory.mktemp("market")) as made:
        monkeypatch.chdir(made.directory)
        yield made


Capture = pytest.CaptureFixture[str]


def vote(capsys: Capture, task: int, voter: int, named: bytes = OTHER, name: str = "vote", status: int = 0) -> Any:
    files = ("--keystore", f"prover-{voter}/keys", "--out", f"{name}-{voter}.json", "--force")
    return outcome(capsys, "committee", "vote-coordinator", shown(task), checksum(named), *files, status=status)


def hand_in(capsys: Capture, *files: str, status: int = 0) -> dict[str, Any]:
    return outcome(capsys, "committee", "coordinator", *files, *controller(0), status=status)


def named(market: SmallMarket, task: int) -> bytes:
    return market.local.view().coordinator(task)


def test_a_quorum_names_the_coordinator_of_a_task_whose_own_is_silent(market: SmallMarket, capsys: Capture) -> None:
    """In an open round as late as a model owner: one that is at work is left alone."""
    task = market.task()
    market.open_round(task)
    for voter in (0, 1, 2):
        told = vote(capsys, task, voter)
        assert (told["member"], told["round"], told["change"]) == (voter, 1, 0)
    few = hand_in(capsys, "vote-0.json", "vote-1.json", status=5)
    assert "TooFewAttestations" in few["error"]["message"]
    votes = ("vote-2.json", "vote-0.json", "vote-1.json", "vote-0.json")
    assert "CoordinatorActive" in hand_in(capsys, *votes, status=5)["error"]["message"]
    market.chain.advance(3600 + 1800 + 60)
    told = hand_in(capsys, *votes)
    assert told["coordinator"] == checksum(OTHER)
    assert named(market, task) == OTHER
    assert "transactions" not in hand_in(capsys, "vote-0.json", "vote-1.json", "vote-2.json"), "it is named already"


def test_who_votes_sees_how_the_round_stands(market: SmallMarket, capsys: Capture) -> None:
    task = market.task()
    market.open_round(task)
    words = ("--keystore", "prover-0/keys", "--out", "vote.json")
    capsys.readouterr()
    assert main(["committee", "vote-coordinator", shown(task), checksum(OTHER), *words, *MARKET]) == 0
    said = capsys.readouterr().out
    assert f"the coordinator is {checksum(market.local.coordinator)}" in said
    assert "round 0 is open until" in said
    assert "0 accepted batches" in said


def test_votes_count_once_and_not_for_a_later_round(market: SmallMarket, capsys: Capture) -> None:
    """Otherwise whoever keeps old votes puts a coordinator back that was replaced since."""
    task = market.task()
    for voter in (0, 1, 2):
        vote(capsys, task, voter)
        vote(capsys, task, voter, ANOTHER, "late")
    files = tuple(f"vote-{voter}.json" for voter in (0, 1, 2))
    hand_in(capsys, *files)
    late = hand_in(capsys, *(f"late-{voter}.json" for voter in (0, 1, 2)), status=4)
    assert "since these votes were signed" in late["error"]["message"]
    with pytest.raises(ContractError, match="CoordinatorActive"):
        market.writer("model-owner.json").set_coordinator(task, ANOTHER)
    assert named(market, task) == OTHER
    task = market.task(rounds=8)
    for voter in (0, 1, 2):
        vote(capsys, task, voter)
    market.writer("model-owner.json").set_coordinator(task, ANOTHER)
    assert "since these votes" in hand_in(capsys, *files, status=4)["error"]["message"]
    assert named(market, task) == ANOTHER
    for voter in (0, 1, 2):
        vote(capsys, task, voter)
    market.open_round(task)
    assert "since these votes" in hand_in(capsys, *files, status=4)["error"]["message"]


def test_only_members_vote_and_only_for_what_they_signed(market: SmallMarket, capsys: Capture) -> None:
    task, other_task = market.task(), market.task(rounds=8)
    for voter in (0, 1, 2):
        vote(capsys, task, voter)
    changed = Path("vote-2.json").read_text()
    Path("vote-2.json").write_text(changed.replace(OTHER.hex(), ANOTHER.hex()))
    told = hand_in(capsys, "vote-0.json", "vote-1.json", "vote-2.json", status=3)
    assert "are not for the same" in told["error"]["message"]
    for voter in (0, 1):
        path = Path(f"vote-{voter}.json")
        path.write_text(path.read_text().replace(OTHER.hex(), ANOTHER.hex()))
    refused = hand_in(capsys, "vote-0.json", "vote-1.json", "vote-2.json", status=5)
    assert "AttestationInvalid" in refused["error"]["message"]
    vote(capsys, other_task, 3)
    told = hand_in(capsys, "vote-0.json", "vote-3.json", status=3)
    assert "are not for the same" in told["error"]["message"]
    assert main(["prover", "init", "--keystore", "stranger"]) == 0
    files = ("--keystore", "stranger", "--out", "stranger.json")
    words = ("committee", "vote-coordinator", shown(task), checksum(OTHER))
    assert "is no member" in outcome(capsys, *words, *files, status=3)["error"]["message"]
    assert not Path("stranger.json").exists()


def test_a_vote_for_a_member_names_no_coordinator_and_the_other_way_round(market: SmallMarket, capsys: Capture) -> None:
    task, committee = market.task(), shown(market.local.committee)
    vote(capsys, task, 0)
    seat = ("committee", "vote", committee, "--index", "3", "--signer", checksum(OTHER), "--until", "1900000000")
    outcome(capsys, *seat, "--keystore", "prover-0/keys", "--out", "seat.json")
    told = hand_in(capsys, "seat.json", status=3)
    assert "is a vote for another member, which gradroll committee replace takes" in told["error"]["message"]
    told = outcome(capsys, "committee", "replace", "vote-0.json", *controller(0), status=3)
    assert "is a vote for a task's coordinator" in told["error"]["message"]
