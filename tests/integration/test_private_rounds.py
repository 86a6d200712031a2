"""A round with private sums over gRPC: what nodes, coordinator and commands serve, and to whom."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from circuits import payload
from circuits.errors import (
    ConfigError,
    ContractError,
    InvalidInputError,
    KeyMismatchError,
    RuleViolationError,
    UnavailableError,
)
from commons.protocol import release, sealedreplies
from commons.protocol.replies import ProverNamed
from commons.protocol.sealedsums import opener
from commons.sharing.sealing import generate, public_key
from commons.storage.accounts import save_account
from commons.storage.parameters import PublicParameters
from commons.storage.sumkeys import create_sum_key, load_sum_key
from commons.wire.coordinator_client import CoordinatorClient
from commons.wire.prover_client import ProverClient
from gradroll import cli
from gradroll.audit.archived import ArchiveAuditor
from gradroll.audit.auditor import Auditor
from gradroll.model_owner.buyer import ModelOwner, RoundAggregate
from gradroll.model_owner.from_provers import ProverReader
from tests.integration.test_fees_of_a_round import AVAILABILITY, OF_COORDINATOR, OF_PROVER, OWNERS, Market
from tests.integration.test_nodes import DIMENSION
from tests.support.waiting import wait_for

Shares = tuple[sealedreplies.SealedShare, ...]


class PrivateMarket(Market):
    """A market with one round of a task whose sums are private, accepted and gathered.

    Attributes:
        secret: of the task's key for sums, which is in the file ``key``.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.key = directory / "sums.key"
        self.public = create_sum_key(self.key)
        self.secret = load_sum_key(self.key)
        self.task = self.paying(sum_key=self.public)
        self.number = self.play(self.task)
        (self.batch,) = self.view.accepted(self.task, self.number)

    def read(self, secret: bytes | None, *, from_provers: bool = False) -> RoundAggregate:
        """The round's sum, for a model owner with this secret."""
        parameters = PublicParameters(self.directory / "srs.gsrs", self.directory / "keys", allow_insecure=True)
        sum_key = None if secret is None else lambda: secret
        with self.client() as client:
            buyer = ModelOwner(self.view, self.model_owner, client, parameters, sum_key=sum_key)
            return buyer.read_aggregate(self.task, self.number, from_provers=from_provers)

    def gathered(self) -> tuple[sealedreplies.SealedShare, ...]:
        with self.coordinated(), self.client() as client:
            return client.sealed_sum(self.batch.record.batch_id, DIMENSION, 4)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateMarket]:
    made = PrivateMarket(tmp_path_factory.mktemp("private"))
    yield made
    made.close()


def test_the_coordinator_serves_sealed_shares_that_its_readers_key_opens(market: PrivateMarket) -> None:
    shares = market.gathered()
    assert len(shares) >= 3
    committee = market.view.committee_of_round(market.task, market.number)
    context, batch_id = market.view.context(market.task, market.number), market.batch.record.batch_id
    asked = release.SumAsked(context, batch_id, market.batch.record.commitment)
    replies = {share.prover: share.reply(batch_id) for share in shares}
    key = market.setup.commitment
    found = release.opened(committee, key, asked, replies, opens=opener(market.secret, context, batch_id))
    aggregate = payload.decode(found.payload, DIMENSION)
    assert key.commit_small(aggregate.values, aggregate.tail) == market.batch.record.commitment
    assert not found.verdicts
    with pytest.raises(UnavailableError, match="does not open"):
        release.opened(committee, key, asked, replies, opens=opener(generate(), context, batch_id))


def test_provers_send_strangers_nothing_but_sealed_shares(market: PrivateMarket) -> None:
    reader = ProverReader(market.view)
    (certificate,) = reader.certificates(market.batch)
    for port in market.ports:
        with ProverClient(f"127.0.0.1:{port}") as client:
            reply = client.run(release.request(certificate), DIMENSION)
        assert reply.vector is None
        assert reply.raw
    with pytest.raises(UnavailableError, match="no vector"):
        reader.aggregate(market.batch, market.setup.commitment)


def test_the_model_owner_reads_the_sum_from_either_and_nobody_else_does(market: PrivateMarket) -> None:
    with market.coordinated():
        from_coordinator = market.read(market.secret)
        with pytest.raises(ConfigError, match="are private"):
            market.read(None)
        with pytest.raises(KeyMismatchError, match="yours is another"):
            market.read(generate())
    from_provers = market.read(market.secret, from_provers=True)
    assert np.array_equal(from_coordinator.quantized, from_provers.quantized)
    assert len(from_provers.owners) == OWNERS
    assert np.any(from_provers.quantized)


def _none(shares: Shares) -> Shares:
    return ()


def _one(shares: Shares) -> Shares:
    return shares[:1]


def _swapped(shares: Shares) -> Shares:
    first, second, *rest = shares
    return (replace(first, sealed=second.sealed), replace(second, sealed=first.sealed), *rest)


def _garbage(shares: Shares) -> Shares:
    return tuple(replace(share, sealed=bytes(len(share.sealed))) for share in shares)


@pytest.mark.parametrize("lie", [_none, _one, _swapped, _garbage])
def test_whatever_the_coordinator_serves_the_model_owner_reads_the_sum(
    market: PrivateMarket, monkeypatch: pytest.MonkeyPatch, lie: Callable[[Shares], Shares]
) -> None:
    right = market.read(market.secret, from_provers=True)
    shares = market.gathered()
    monkeypatch.setattr(CoordinatorClient, "sealed_sum", lambda *_: lie(shares))
    found = market.read(market.secret)
    assert np.array_equal(found.quantized, right.quantized)
    assert not any(isinstance(verdict, ProverNamed) and verdict.proven for verdict in found.verdicts)


def test_while_the_coordinator_serves_sealed_shares_no_prover_is_asked(
    market: PrivateMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unasked(*_: object) -> release.Opened:
        raise AssertionError

    monkeypatch.setattr(ProverReader, "aggregate", unasked)
    with market.coordinated():
        assert np.any(market.read(market.secret).quantized)


def test_provers_are_paid_for_keeping_what_is_sealed_and_vouch_for_nothing_posted(market: PrivateMarket) -> None:
    record, before = market.batch.record, market.owed()
    with pytest.raises(RuleViolationError, match="private"):
        market.ask(1, record.batch_id, b"\x01" * 100)
    market.dev.advance(AVAILABILITY // 2 + 60)
    with market.coordinated():
        wait_for(lambda: market.owed()[0] == before[0] + OF_COORDINATOR)
    assert [after - earlier for after, earlier in zip(market.owed()[1:], before[1:], strict=True)].count(OF_PROVER) >= 3


def test_the_contract_publishes_no_private_sum(market: PrivateMarket) -> None:
    with pytest.raises(InvalidInputError, match="not published"):
        market.paying(sum_key=market.public, inline_payload=True)
    with pytest.raises(ContractError):
        market.model_owner.publish_aggregate(market.task, market.number, 0, b"\x01" * 100)


def test_commands_read_and_audit_a_private_round(
    market: PrivateMarket, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    account, out = tmp_path / "account.json", tmp_path / "sum.npy"
    save_account(account, market.dev.accounts[0])
    parameters = ["--srs", str(market.directory / "srs.gsrs"), "--keys", str(market.directory / "keys")]
    served = ["--coordinator", f"grpc://127.0.0.1:{market.coordinator_port}", "--development"]
    name, number = f"0x{market.task:016x}", str(market.number)
    read = market.command("task", "read", name, "--round", number, "--out", str(out), "--account", str(account))
    audit = market.command("audit", name, "--round", number, "--evidence", str(tmp_path / "evidence"))
    with market.coordinated():
        assert cli.main([*read, *parameters, *served]) == ConfigError.exit_status
        assert "task create --sum-key" not in capsys.readouterr().out
        assert cli.main([*read, *parameters, *served, "--sum-key", str(market.key)]) == 0
        assert json.loads(capsys.readouterr().out)["provers"] == []
        assert cli.main([*audit, *parameters, *served]) == 0
        (told,) = json.loads(capsys.readouterr().out)["batches"]
    assert (told["private"], told["failed"], told["passed"][-1]) == (True, None, "commitment")
    expected = market.read(market.secret, from_provers=True)
    assert np.array_equal(np.load(out), expected.total)


def test_a_round_is_archived_and_audited_without_its_values(market: PrivateMarket, tmp_path: Path) -> None:
    parameters = PublicParameters(market.directory / "srs.gsrs", market.directory / "keys", allow_insecure=True)
    path = tmp_path / "round.archive"
    with market.coordinated(), market.client() as client:
        outcome = Auditor(market.view, client, parameters).export_round(market.task, market.number, path)
    _, again = ArchiveAuditor(market.view, parameters).audit(path)
    for (_, report), (_, kept) in zip(outcome.reports, again.reports, strict=True):
        assert report.private
        assert kept.private
        assert report.failed is kept.failed is None


def test_a_task_is_created_with_the_key_of_a_file(
    market: PrivateMarket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    account, key = tmp_path / "account.json", tmp_path / "own" / "sums.key"
    save_account(account, market.dev.accounts[0])
    key.parent.mkdir()
    assert cli.main(["setup", "sum-key", "--out", str(key), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["sum_key"] == f"0x{public_key(load_sum_key(key)).hex()}"
    assert key.stat().st_mode & 0o077 == 0
    words = market.command(
        "task", "create", "--committee", f"0x{market.committee_id:016x}", "--verifier", f"0x{market.verifier.hex()}",
        "--relay", f"0x{market.coordinator_key.address.hex()}", "--dimension", str(DIMENSION), "--norm", "4",
        "--reward", "1000", "--capacity", "4", "--min-owners", "2", "--no-fees", "--yes", "--sum-key", str(key),
        "--account", str(account), "--coordinator", f"grpc://127.0.0.1:{market.coordinator_port}", "--development",
    )  # fmt: skip
    monkeypatch.setenv("GRADROLL_KEYS_SRS", str(market.directory / "srs.gsrs"))
    monkeypatch.setenv("GRADROLL_KEYS_DIRECTORY", str(market.directory / "keys"))
    assert cli.main(words) == 0
    created = json.loads(capsys.readouterr().out)
    assert created["terms"]["sum_key"] == told["sum_key"]
    terms = market.view.terms(int(created["task"], 16))
    assert (terms.sums_private, terms.sum_key) == (True, public_key(load_sum_key(key)))
    assert cli.main([*words, "--inline-payload"]) == ConfigError.exit_status
