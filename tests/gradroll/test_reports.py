"""Evidence on the command line: said in words before anything is sent, paid out afterwards, and false ones refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import reduce
from pathlib import Path

import pytest

from circuits.errors import InvalidInputError
from circuits.terms import ETHER
from commons.chain.bonds import credit_of
from commons.protocol.evidence import Evidence
from commons.protocol.forfeits import Forfeit
from commons.protocol.messages import Step
from commons.runtime.amounts import checksum, ether
from commons.runtime.identifiers import shown
from commons.storage.accounts import SigningKey, load_account
from commons.storage.evidencefiles import EvidenceFiles
from gradroll.cli import main
from gradroll.setup.local_market import BOND
from tests.commons.test_evidence import KINDS, false_sum, few, meeting
from tests.commons.test_evidence import twice as two_words
from tests.gradroll.smallmarket import SmallMarket, small_market
from tests.gradroll.test_confirming import terminal
from tests.gradroll.test_memberships import MARKET, member, outcome
from tests.support.perjury import message, two_messages

REPORTER = ("--account", "owner-0.json")


@pytest.fixture
def market(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallMarket]:
    with small_market(tmp_path_factory.mktemp("market")) as made:
        monkeypatch.chdir(made.directory)
        yield made


def prover_key(index: int) -> SigningKey:
    return load_account(Path(f"prover-{index}/keys/account.json"))


def twice(market: SmallMarket, index: int = 1, step: Step = Step.COMBINE) -> Evidence:
    sign = prover_key(index).sign
    pair = (message(sign, body, step=step, sender=index) for body in (b"a", b"b"))
    return two_messages(market.local.committee, *pair)


def on_disk(evidence: Evidence) -> str:
    path = EvidenceFiles(Path("evidence")).keep(evidence)
    assert path is not None
    return str(path)


def test_a_report_says_who_loses_what_before_it_is_sent_and_pays_its_reporter(
    market: SmallMarket, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file, parts = on_disk(twice(market)), Forfeit.of(BOND, harmed=False)
    with monkeypatch.context() as patch:
        terminal(patch, "n\n")
        capsys.readouterr()
        assert main(["committee", "report", file, *REPORTER, *MARKET]) == 130
    said = capsys.readouterr().out
    prover = checksum(prover_key(1).address)
    for part in (
        f"prover {prover} of committee {shown(market.local.committee)} signed two different COMBINE messages",
        f"it loses its bond of {ether(BOND)} (membership 1, controlled by {prover})",
        f"you get {ether(parts.reporter)}; {ether(parts.burnt)} are burnt",
    ):
        assert part in said
    assert not member(market, 1).revoked
    told = outcome(capsys, "committee", "report", file, *REPORTER)
    assert (told["prover"], told["what"], told["credited"]) == (prover, "messages", str(parts.reporter))
    assert member(market, 1).revoked
    account = load_account(Path("owner-0.json")).address
    assert credit_of(market.local.view(), ETHER, account) == parts.reporter
    collected = outcome(capsys, "committee", "collect", *REPORTER, "--to", "0x" + "77" * 20)
    assert collected["collected"] == str(parts.reporter)
    assert market.local.view().balance(b"\x77" * 20) == parts.reporter
    assert outcome(capsys, "committee", "collect", *REPORTER)["collected"] == "0"
    again = outcome(capsys, "committee", "report", file, *REPORTER, status=5)
    assert "NoBond" in again["error"]["message"]


def test_a_culprit_is_not_paid_for_its_own_report(market: SmallMarket, capsys: pytest.CaptureFixture[str]) -> None:
    own = ("--account", "prover-1/keys/account.json")
    told = outcome(capsys, "committee", "report", on_disk(twice(market)), *own, status=5)
    assert "ReporterIsCulprit" in told["error"]["message"]


def test_what_is_no_evidence_is_told_before_the_chain_is_asked(
    market: SmallMarket, capsys: pytest.CaptureFixture[str]
) -> None:
    file = Path(on_disk(twice(market)))
    text = file.read_text()
    for old, new, why in (
        ('"step": 6', '"step": 1', "may answer step 1 anew"), ('"sender": 1', '"sender": 2', "signed the one"),
        ('"version": 2', '"version": 9', "is no evidence of this release"),
    ):  # fmt: skip
        file.write_text(text.replace(old, new))
        told = outcome(capsys, "committee", "report", str(file), *REPORTER, status=3)
        assert why in told["error"]["message"]
    stranger = SigningKey.generate().sign
    false = two_messages(market.local.committee, message(stranger, b"a"), message(stranger, b"b"))
    told = outcome(capsys, "committee", "report", on_disk(false), *REPORTER, status=4)
    assert "has joined no membership" in told["error"]["message"]
    assert market.sent("owner-0.json") == 0


HOSTILE: tuple[tuple[Callable[[], Evidence], str, object], ...] = (
    *((made, "committee_id", 1 << bits) for made in KINDS for bits in (64, 256)),
    (two_words, "committee_id", -1), (two_words, "sender", 1 << 256), (two_words, "step", 1 << 300),
    (two_words, "session", "00" * 33),
    (few, "terms.creator", "32" * 21), (few, "terms.task_id", 1 << 256), (few, "terms.market.deployment", "43" * 33),
    (few, "terms.market.address", "43" * 33), (few, "terms.committee_id", 1 << 256), (few, "terms.bound", 1 << 256),
    (meeting, "slot", 1 << 300), (meeting, "first.context.market.chain_id", 1 << 256),
    (meeting, "second.context.market.deployment", "43" * 31), (meeting, "second.context.market.address", ""),
    (false_sum, "attested.context.task_id", 1 << 256), (false_sum, "attested.square_norm", 1 << 256),
    (false_sum, "attested.signature", "00"), (false_sum, "attested.context.round", -1),
)  # fmt: skip


@pytest.mark.parametrize(("made", "field", "value"), HOSTILE)
def test_a_file_with_values_that_no_contract_takes_is_refused_in_words(
    made: Callable[[], Evidence],
    field: str,
    value: object,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Anybody can hand such a file to whoever is after a reward."""
    monkeypatch.chdir(tmp_path)
    file = Path(on_disk(made()))
    record = json.loads(file.read_text())
    *path, name = field.split(".")
    part = reduce(lambda found, key: found[key], path, record["evidence"])
    assert type(part[name]) is type(value)
    part[name] = value
    file.write_text(json.dumps(record))
    told = outcome(capsys, "committee", "report", str(file), *REPORTER, status=3)
    assert told["error"]["code"] == InvalidInputError.code


def test_a_bond_that_is_gone_is_said_to_be_gone(market: SmallMarket, capsys: pytest.CaptureFixture[str]) -> None:
    market.writer("owner-1.json").report(twice(market))
    capsys.readouterr()
    assert main(["committee", "report", on_disk(twice(market)), *REPORTER, *MARKET]) == 5
    assert "nothing is held for its membership 1 any more" in capsys.readouterr().out
