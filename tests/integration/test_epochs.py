"""Members of a committee change between rounds, and one loses its key in the midst of one, over gRPC and on an EVM."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from circuits.errors import ContractError
from circuits.hashing import keccak
from circuits.payload import decode
from circuits.terms import ETHER
from commons.protocol.memberships import Replacement, Rotation, registry_domain
from commons.storage.accounts import SigningKey
from gradroll.model_owner.from_provers import ProverReader
from gradroll.setup.freeports import free_ports
from provers.joining.keyring import Keyring
from provers.joining.keystore import Keystore
from provers.node import ProverNode
from tests.integration.test_fees_of_a_round import (
    AVAILABILITY,
    EVERYBODY,
    OF_COORDINATOR,
    OF_PROVER,
    OWNERS,
    SUBMIT,
    Market,
)
from tests.integration.test_nodes import DIMENSION, gradient
from tests.integration.test_relaying import SETTLE
from tests.support.deployment import Owner
from tests.support.waiting import wait_for

DELAY = 8 * 86_400


class Changing(Market):
    """A market whose committee changes.

    Attributes:
        controllers: the present members', by index.
        homes: their directories.
        folders: of their keys.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.controllers = [keystore.account for keystore in self.keystores]
        self.homes = [directory / f"prover-{p}" for p in EVERYBODY]
        self.folders = [home / "keys" for home in self.homes]

    def owed(self) -> list[int]:
        """Credits of the coordinator and of each present member's controller."""
        accounts = (self.coordinator_key.address, *(key.address for key in self.controllers))
        return [self.view.owed(ETHER, account) for account in accounts]

    def restart(self) -> None:
        """Stop all provers, and start them with the keys and homes that they have now."""
        for node in self.nodes:
            node.stop()
        self.nodes = [
            ProverNode(self.prover_settings(p, state=self.homes[p] / "state", keystore=self.folders[p]))
            for p in EVERYBODY
        ]
        for node in self.nodes:
            node.start()

    def round(self, task: int, owners: list[Owner], revoked: int | None = None) -> int:
        """A round until its sum is read; ``revoked``: a member whose key is revoked while it is open."""
        with self.coordinated():
            number = self.model_owner.open_round(task, keccak(b"m"))
            for owner in owners[:-1]:
                self.submit(task, number, owner, gradient())
            if revoked is not None:
                controller = self.controllers[revoked]
                self._chain(controller).revoke_key(self.committee_id, self.keystores[revoked].address)
            self.submit(task, number, owners[-1], gradient())
            wait_for(lambda: bool(self.view.accepted(task, number)))
            with self.client() as client:
                wait_for(lambda: all(b.payload_digest for b in client.task_status(task).rounds[number].batches))
        return number

    def rotate(self, prover: int) -> None:
        """A member has other keys, for signing and for sealing; its controller stays."""
        self.propose(prover)
        self._apply(prover)

    def propose(self, prover: int) -> None:
        """The first half of it: nothing counts yet."""
        new, controller = Keyring.load(self.folders[prover]).make_next(), self.controllers[prover]
        rotation = Rotation(self.committee_id, prover, new.address, controller.address)
        signature = new.sign(rotation.digest(registry_domain(self.view.chain_id, self.view.registry)))
        self._chain(controller).rotate(rotation, new.hpke_public, signature)
        self.keystores[prover] = new

    def replace(self, prover: int) -> None:
        """The others put somebody else in a member's place, who listens elsewhere and has nothing yet."""
        home = self.directory / "newcomer"
        new = Keystore.create(home / "keys")
        self.fund(new.account)
        wanted = Replacement(
            self.committee_id, prover, 0, new.address, bytes(20), self.view.now() + DELAY
        )  # fmt: skip
        digest = wanted.digest(registry_domain(self.view.chain_id, self.view.registry))
        voters = [p for p in EVERYBODY if p != prover]
        self.model_owner.replace_member(wanted, [(p, self.keystores[p].sign(digest)) for p in voters])
        (self.ports[prover],) = free_ports(1)
        self._chain(new.account).join(self.committee_id, f"127.0.0.1:{self.ports[prover]}", new.hpke_public)
        self.keystores[prover], self.controllers[prover] = new, new.account
        self.homes[prover], self.folders[prover] = home, home / "keys"
        self._apply(prover)

    def fund(self, key: SigningKey) -> None:
        web3 = self.view.rpc.web3
        web3.eth.send_transaction({
            "from": web3.to_checksum_address(self.dev.accounts[9].address),
            "to": web3.to_checksum_address(key.address), "value": 10**17,  # type: ignore[typeddict-item]
        })  # fmt: skip

    def _apply(self, prover: int) -> None:
        with pytest.raises(ContractError, match="ChangeNotDue"):
            self.model_owner.apply_change(self.committee_id, prover)
        self.dev.advance(DELAY)
        self.model_owner.apply_change(self.committee_id, prover)

    def settled(self, task: int, number: int) -> list[int]:
        """Have the fees of a round credited; what each got for it."""
        before = self.owed()
        self.dev.advance(AVAILABILITY // 2 + 60)
        with self.coordinated():
            wait_for(lambda: self.owed()[0] > before[0])
        assert all(held.paid for held in self.view.held_fees(task, number).values())
        return [now - then for now, then in zip(self.owed(), before, strict=True)]

    def require_sum(self, task: int, number: int) -> None:
        """Anybody has the sum of a round from the provers that run now."""
        (batch,) = self.view.accepted(task, number)
        raw = ProverReader(self.view).aggregate(batch, self.setup.commitment).payload
        aggregate = decode(raw, DIMENSION)
        assert self.setup.commitment.commit_small(aggregate.values, aggregate.tail) == batch.record.commitment


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Changing]:
    made = Changing(tmp_path)
    yield made
    made.close()


@pytest.mark.slow
def test_rounds_end_well_before_and_after_members_change_and_their_sums_stay(market: Changing) -> None:
    """One key is rotated, one member replaced, one key revoked in an open round; each time the pinned epoch counts."""
    task = market.paying(rounds=4)
    owners = market.owners(task, OWNERS)
    first = market.round(task, owners)
    assert market.settled(task, first) == [OF_COORDINATOR, *[OF_PROVER] * 4]

    market.rotate(1)
    market.restart()
    second = market.round(task, owners)
    assert market.settled(task, second) == [OF_COORDINATOR, *[OF_PROVER] * 4], "its controller is paid, not the new key"
    market.require_sum(task, first)

    market.replace(3)
    market.restart()
    third = market.round(task, owners, revoked=0)
    assert market.settled(task, third) == [OF_COORDINATOR, 0, *[OF_PROVER] * 3], "what was revoked attested nothing"
    for number in (first, second, third):
        market.require_sum(task, number)
    with pytest.raises(ContractError, match="CommitteeNotReady"):
        market.model_owner.open_round(task, keccak(b"m"))

    market.rotate(0)
    market.restart()
    fourth = market.round(task, owners)
    assert market.settled(task, fourth) == [OF_COORDINATOR, *[OF_PROVER] * 4]
    rounds = (first, second, third, fourth)
    assert [market.view.round(task, number).epoch for number in rounds] == [0, 1, 2, 3]
    for number in rounds:
        market.require_sum(task, number)


@pytest.mark.slow
def test_a_round_that_was_open_when_keys_were_rotated_ends_with_the_keys_that_it_was_opened_with(
    market: Changing,
) -> None:
    """Beside it a round of the new keys; then the old ones are gone, at the member that had them and at all others."""
    market.propose(1)
    market.dev.advance(DELAY)
    earlier, later = market.paying(), market.paying()
    owners = market.owners(earlier, OWNERS)
    market.owners(later, OWNERS)
    old = [Keystore.load(folder) for folder in market.folders]
    with market.coordinated(), market.client() as client:
        number = market.model_owner.open_round(earlier, keccak(b"m"))
        market.submit(earlier, number, owners[0], gradient())
        header, upload = market.header(earlier, number, owners[1], gradient())
        market.model_owner.apply_change(market.committee_id, 1)
        market.restart()
        receipts, missing = market.send(upload)
        assert not missing, "sealed to a key that is not in force any more"
        client.submit_header(header, receipts)
        second = market.model_owner.open_round(later, keccak(b"m"))
        for owner in owners:
            assert not market.submit(later, second, owner, gradient())[1]
        assert not market.submit(earlier, number, owners[2], gradient())[1]
        for task in (earlier, later):
            wait_for(lambda task=task: bool(market.view.accepted(task, 0)))  # type: ignore[misc]
        wait_for(
            lambda: all(b.payload_digest for t in (earlier, later) for b in client.task_status(t).rounds[0].batches)
        )
    assert [market.view.round(task, 0).epoch for task in (earlier, later)] == [0, 1]
    for task in (earlier, later):
        market.require_sum(task, 0)
    for node in market.nodes:
        node.prover.tidy()
        assert len(node.prover.seats.former) == 1, "the round may still take batches"
    market.dev.advance(SUBMIT + SETTLE + 600)
    for node in market.nodes:
        node.prover._retirement._next = 0.0  # an hour has passed
        node.prover.retire(market.view.now())
        assert not node.prover.seats.former
    assert [Keystore.load(folder).opens_shares for folder in market.folders] == [True, False, True, True]
    kept = b"".join(path.read_bytes() for path in market.folders[1].rglob("*.json"))
    assert old[1].hpke_secret.hex().encode() not in kept
    market.require_sum(earlier, 0)
    before = market.owed()
    market.dev.advance(AVAILABILITY // 2 + 60)
    with market.coordinated():
        wait_for(lambda: market.owed()[0] - before[0] == 2 * OF_COORDINATOR)
    earned = [now - then for now, then in zip(market.owed(), before, strict=True)]
    assert earned == [2 * OF_COORDINATOR, *[2 * OF_PROVER] * 4], "with the old signing key where that counts"
