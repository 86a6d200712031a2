"""Who is paid for a round beside its owners, over gRPC and at the contracts, and what happens to who does not serve."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from circuits.errors import ClosedError, NotReadyError, UnknownError, WireError
from circuits.hashing import keccak
from circuits.payload import MAX_INLINE
from circuits.terms import ETHER, Pay, Windows
from commons.protocol.receipts import AvailabilityReceipt, availability_digest
from commons.protocol.signing import recover
from commons.storage.accounts import save_account
from commons.wire.prover_client import ProverClient
from coordinator.service import CoordinatorNode
from coordinator.turns import SETTLED
from gradroll import cli
from gradroll.model_owner.roundfees import RoundFees
from provers.node import ProverNode
from tests.integration.test_nodes import DIMENSION, gradient
from tests.integration.test_relaying import SETTLE, is_locked, relay, vanish_after_attest
from tests.support.deployment import REWARD, Deployment
from tests.support.waiting import wait_for

PAY = Pay(bonus=REWARD, coordinator_batch=1000, coordinator_gradient=10, prover_batch=200, prover_gradient=3)
OWNERS = 3
OF_COORDINATOR, OF_PROVER = 1000 + 10 * OWNERS, 200 + 3 * OWNERS
SUBMIT, AVAILABILITY = 600, 20_000
EVERYBODY = range(4)


class Market(Deployment):
    """A deployment with running provers.

    Attributes:
        nodes: them.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, dimension=DIMENSION)
        self.nodes = [ProverNode(self.prover_settings(p)) for p in EVERYBODY]
        for node in self.nodes:
            node.start()

    def close(self) -> None:
        for node in self.nodes:
            node.stop()
        super().close()

    def paying(self, **changes: object) -> int:
        """A task that pays everybody."""
        windows = Windows(SUBMIT, SETTLE, availability=AVAILABILITY)
        task = self.new_task(OWNERS, pay=PAY, windows=windows, **changes)
        self.model_owner.fund(task, 10**6)
        return task

    @contextmanager
    def coordinated(self) -> Iterator[CoordinatorNode]:
        """A coordinator that runs as long as the block."""
        node = CoordinatorNode(self.coordinator_settings(fee_interval=0.2))
        node.start()
        try:
            yield node
        finally:
            node.stop()

    def hand_in(self, task: int) -> int:
        """Open a round and have all owners submit; its number."""
        owners = self.owners(task, OWNERS)
        number = self.model_owner.open_round(task, keccak(b"m"))
        for owner in owners:
            self.submit(task, number, owner, gradient())
        return number

    def play(self, task: int) -> int:
        """A round until its sum is read, with a coordinator that is gone afterwards."""
        with self.coordinated():
            number = self.hand_in(task)
            self.await_sum(task)
        return number

    def await_sum(self, task: int) -> None:
        with self.client() as client:
            wait_for(lambda: any(b.payload_digest for r in client.task_status(task).rounds for b in r.batches))

    def owed(self) -> list[int]:
        """Credits of the coordinator and of each prover."""
        members = [keystore.address for keystore in self.keystores]
        return [self.view.owed(ETHER, account) for account in (self.coordinator_key.address, *members)]

    def ask(self, prover: int, batch_id: bytes, payload: bytes = b"") -> AvailabilityReceipt:
        with ProverClient(f"127.0.0.1:{self.ports[prover]}") as client:
            return client.availability(batch_id, payload)

    def command(self, *words: str) -> list[str]:
        """A command with what it takes to find this market."""
        chain = ["--chain", self.url, "--chain-id", str(self.view.chain_id), "--market", f"0x{self.market.hex()}"]
        return [*words, *chain, "--json"]

    def settle(self, task: int, prover: int, capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
        """What `gradroll prover settle` tells."""
        keystore = str(self.directory / f"prover-{prover}" / "keys")
        words = self.command("prover", "settle", f"0x{task:016x}", "--keystore", keystore)
        capsys.readouterr()
        code = cli.main(words)
        told = json.loads(capsys.readouterr().out)
        assert code == 0, told
        found: list[dict[str, object]] = told["fees"]
        return found


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    made = Market(tmp_path_factory.mktemp("market"))
    yield made
    made.close()


@pytest.fixture
def earned(market: Market) -> Iterator[Earned]:
    yield Earned(market)


class Earned:
    """What coordinator and provers were credited since the test began."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._before = market.owed()

    def now(self) -> list[int]:
        return [now - then for now, then in zip(self._market.owed(), self._before, strict=True)]


def test_a_round_pays_owners_coordinator_and_provers_once_the_model_owner_had_time_to_ask(
    market: Market, earned: Earned
) -> None:
    task = market.paying()
    with market.coordinated():
        number = market.hand_in(task)
        market.await_sum(task)
        assert earned.now() == [0] * 5
        market.dev.advance(AVAILABILITY // 2 + 60)
        wait_for(lambda: any(earned.now()))
    assert earned.now() == [OF_COORDINATOR, *[OF_PROVER] * 4]
    assert [market.view.claimable(task, index, 1).amount for index in range(OWNERS)] == [REWARD] * OWNERS
    assert market.view.held_fees(task, number) == {}
    told = RoundFees.of(market.view, market.view.terms(task), number)
    assert told == RoundFees(OF_COORDINATOR, 4 * OF_PROVER)


def test_a_silent_coordinator_costs_provers_no_fees(
    market: Market, earned: Earned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It was gone before it saw a signature: a stranger relays the batch, and a prover has the fees settled.

    Meanwhile strangers ask for signatures, which are given when they are true.
    """
    task = market.paying()
    with monkeypatch.context() as patch:
        vanish_after_attest(patch)
        with market.coordinated() as node:
            number = market.hand_in(task)
            wait_for(lambda: is_locked(node, task, number))
    (batch_id,) = market.nodes[0].prover.store.batches_of(task, number)
    with pytest.raises(NotReadyError, match="has not accepted this batch"):
        market.ask(0, batch_id)
    relay(market, task, tmp_path, capsys)
    with pytest.raises(NotReadyError, match="has not released"):
        market.ask(0, batch_id)
    assert [each["outcome"] for each in market.settle(task, 2, capsys)] == ["too early"]
    market.dev.advance(AVAILABILITY // 2 + 60)
    assert market.settle(task, 2, capsys) == [{"round": 0, "batch": 0, "outcome": "settled", "paid": [0, 1, 2, 3]}]
    assert earned.now() == [OF_COORDINATOR, *[OF_PROVER] * 4]
    assert market.settle(task, 2, capsys) == []
    with pytest.raises(ClosedError, match="holds no fees"):
        market.ask(0, batch_id)
    with pytest.raises(UnknownError, match="has nothing of batch"):
        market.ask(0, keccak(batch_id))
    with pytest.raises(ClosedError, match="holds no fees"):  # said before the payload is looked at
        market.ask(0, batch_id, b"junk")
    for batch, payload in ((b"\x01" * 31, b""), (batch_id, bytes(MAX_INLINE + 1))):
        with pytest.raises(WireError):
            market.ask(0, batch, payload)


def test_a_sum_on_the_chain_pays_them_at_once(market: Market, earned: Earned) -> None:
    task = market.paying(inline_payload=True)
    number = market.play(task)
    assert earned.now() == [0, *[OF_PROVER] * 4], "owners may post until the submit window ends"
    (batch,) = market.view.accepted(task, number)
    assert len(batch.published) == 1
    assert RoundFees.of(market.view, market.view.terms(task), number) == RoundFees(0, 4 * OF_PROVER, payees=1)
    market.dev.advance(SUBMIT + 60)
    with market.coordinated():
        wait_for(lambda: earned.now()[0] > 0)
    assert earned.now() == [OF_COORDINATOR, *[OF_PROVER] * 4]
    assert market.view.held_fees(task, number) == {}


@pytest.mark.slow
def test_a_challenge_on_the_chain_is_answered_by_a_coordinator_that_comes_back(
    market: Market, earned: Earned, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = market.paying()
    number = market.play(task)
    (batch,) = market.view.accepted(task, number)
    before = market.ask(0, batch.record.batch_id)
    assert market.ask(0, batch.record.batch_id) == before
    digest = availability_digest(market.view.market_id, batch.record.batch_id)
    assert recover(digest, before.signature) == market.keystores[0].address
    save_account(tmp_path / "model-owner.json", market.dev.accounts[0])
    words = ["task", "challenge", f"0x{task:016x}", "--round", "0", "--batch", "0"]
    assert cli.main(market.command(*words, "--account", str(tmp_path / "model-owner.json"))) == 0
    held = market.view.held_fees(task, number)[0]
    after = market.ask(0, batch.record.batch_id)
    assert (before.challenge, after.challenge) == (0, held.challenge)
    with market.coordinated():
        wait_for(lambda: any(earned.now()))
        assert earned.now() == [0, *[OF_PROVER] * 4]
        market.dev.advance(max(SUBMIT, SETTLED) + 60)  # its next look is SETTLED after the last at the latest
        wait_for(lambda: earned.now()[0] > 0)
    assert earned.now() == [OF_COORDINATOR, *[OF_PROVER] * 4]
    capsys.readouterr()


@pytest.mark.slow
def test_a_prover_whose_attestation_and_receipt_were_left_out_adds_itself(
    market: Market, earned: Earned, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    task = market.paying()
    with monkeypatch.context() as patch, market.coordinated() as node:
        accept = node.coordinator.driver._settlement._chain.accept_batch

        def without_the_last(statement, proof, attestations, payee, **more):  # type: ignore[no-untyped-def]
            return accept(statement, proof, attestations[:3], payee, **more)

        patch.setattr(node.coordinator.driver._settlement._chain, "accept_batch", without_the_last)
        market.hand_in(task)
        market.await_sum(task)
        market.dev.advance(AVAILABILITY // 2 + 60)
        wait_for(lambda: any(earned.now()))
    assert earned.now() == [OF_COORDINATOR, OF_PROVER, OF_PROVER, OF_PROVER, 0]
    assert [each["outcome"] for each in market.settle(task, 0, capsys)] == ["paid before"]
    assert market.settle(task, 3, capsys) == [{"round": 0, "batch": 0, "outcome": "settled", "paid": [3]}]
    assert earned.now() == [OF_COORDINATOR, *[OF_PROVER] * 4]


def test_a_prover_that_has_deleted_the_sum_signs_nothing_and_is_not_paid(market: Market, earned: Earned) -> None:
    task = market.paying()
    number = market.play(task)
    (batch,) = market.view.accepted(task, number)
    market.nodes[3].prover.store.discard_results(float("inf"))
    with pytest.raises(UnknownError, match="did not attest it, or has deleted it"):
        market.ask(3, batch.record.batch_id)
    market.dev.advance(AVAILABILITY * 4 // 5)
    with market.coordinated():
        wait_for(lambda: any(earned.now()))
    assert earned.now()[:4] == [OF_COORDINATOR, *[OF_PROVER] * 3]
