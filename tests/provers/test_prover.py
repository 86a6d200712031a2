"""A prover without its server: what it deletes and when, whom it believes about its committee, what it counts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

import native
from circuits.errors import ChainError, ClosedError, InvalidInputError, SignatureError, UnknownError
from circuits.statement import Committee, share_length
from circuits.terms import MarketId
from commons.chain.facts import CommitteeRecord, RoundRecord
from commons.settings.sections import ProverSettings
from commons.sharing.sealing import generate, public_key
from commons.sharing.sharepayloads import encode_dense, payload_digest
from provers.joining.keystore import Keystore
from provers.prover import Prover, own_membership
from provers.sharefiles import ShareRecord
from provers.store import Store
from tests.simulation.world.chain import BLOCK_SECONDS, ModelChain, chain_of
from tests.simulation.world.clock import START, NodeClock
from tests.simulation.world.disk import SimulatedDisk
from tests.simulation.world.nodes import NodeView
from tests.support.network import Network
from tests.support.parameters import DevelopmentParameters

OWN = 2
DAY, RETENTION = 86_400, 10
SUBMISSION = b"\x0a" * 32


@dataclass
class Node(NodeView):
    """A node that may show another committee, or members that have not all joined, than the chain has."""

    shown: Committee | None = None
    hpke_keys: tuple[bytes, ...] | None = None
    ready: bool = True
    other: MarketId | None = None
    knows_nothing: bool = False

    def round(self, task_id: int, number: int) -> RoundRecord:
        """One that lies says that it was over long ago, or that there is none."""
        lies = self.lies
        if lies and self.knows_nothing:
            self._ask()
            raise UnknownError("the chain knows no such round")
        record = super().round(task_id, number)
        return replace(record, settle_deadline=START - 200 * DAY) if lies else record

    @property
    def market_id(self) -> MarketId:
        return self.other or super().market_id

    def committee_record(self, committee_id: int, epoch: int | None = None) -> CommitteeRecord:
        record = super().committee_record(committee_id, epoch)
        keys = self.hpke_keys or record.hpke_keys
        return replace(record, committee=self.shown or record.committee, hpke_keys=keys, ready=self.ready)


class Clock(NodeClock):
    """A clock that may be broken."""

    broken = False

    def time(self) -> float:
        return 1 / 0 if self.broken else super().time()


class World:
    """One prover that is member 2 of 4."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.keystore = Keystore.create(directory / "keys")
        network = Network()
        members = list(network.committee.members)
        members[OWN] = self.keystore.address
        network.committee = replace(network.committee, members=tuple(members))
        self.chain: ModelChain = chain_of(network)
        self.node = Node(self.chain)
        self.clock = Clock(self.chain.clock)
        self.fails: list[tuple[str, int]] = []
        disk = SimulatedDisk(lambda: self.fails.pop() if self.fails else None)
        settings = ProverSettings(
            listen="127.0.0.1:1", endpoint="127.0.0.1:1", keystore=directory / "keys", state=directory / "state",
            committee=self.committee.committee_id, retention_days=RETENTION,
        )  # fmt: skip
        self.store = Store(directory / "state", max_bytes=1 << 24, disk=disk, clock=self.clock)
        self.prover = Prover(
            settings, own_membership([self.node], self.committee.committee_id, self.keystore.address), self.keystore,
            [self.node], self.store, DevelopmentParameters(network.setup), self.clock,
        )  # fmt: skip

    @property
    def committee(self) -> Committee:
        return self.chain.committee

    def keep(self, expires: int, task: int = 7) -> None:
        """A share of a round that settles at some time."""
        payload = encode_dense(native.expand(b"\x01" * 32, share_length(5)))
        with self.store.receive(5, self.prover.membership) as writer:
            writer.write(payload)
            received = writer.finish(payload_digest(payload))
            record = ShareRecord(SUBMISSION, task, 0, b"\x0b" * 20, 5, received.form, received.size, expires)
            self.store.adopt(record, received)

    def wait(self, seconds: float) -> None:
        """Time passes, on the chain too, once it is time for another block."""
        self.clock.sleep(seconds)
        if self.clock.time() >= self.chain.head.time + BLOCK_SECONDS:
            self.chain.mine()

    @property
    def due(self) -> int:
        """When the round's shares are deleted: clocks may differ."""
        return self.chain.opened[0].settle + 30

    @property
    def has_share(self) -> bool:
        return self.store.find(SUBMISSION) is not None

    def result(self, age: float) -> Path:
        """A share of a sum that was written some seconds ago."""
        path = self.directory / "state" / "sums" / f"{age}"
        path.write_bytes(b"sum")
        os.utime(path, (self.clock.time() - age,) * 2)
        return path


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.prover.close()


def test_shares_of_settled_rounds_are_deleted_and_no_others(world: World) -> None:
    world.keep(expires=world.due)
    world.wait(world.due - START)
    world.prover.tidy()
    assert world.has_share
    world.wait(BLOCK_SECONDS)
    world.prover.tidy()
    assert not world.has_share
    assert world.prover.status().submissions == 0


def test_shares_of_a_round_that_a_pause_of_the_market_keeps_open_are_kept(world: World) -> None:
    """Without them no batch of the round could be proven, nor its sum opened, once the pause is over."""
    world.keep(expires=world.due)
    world.wait(10)
    world.chain.pause()
    world.wait(3 * DAY)
    world.prover.tidy()
    assert world.has_share
    world.chain.resume()
    world.wait(world.due - START - 10)
    world.prover.tidy()
    assert world.has_share
    world.wait(BLOCK_SECONDS)
    world.prover.tidy()
    assert not world.has_share


def test_while_no_node_says_so_shares_are_kept(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """What they are due by is the word of the one node that was asked when they came in."""
    world.keep(expires=START - 100 * DAY)
    world.node.down = 1
    world.wait(BLOCK_SECONDS)
    world.prover.tidy()
    assert world.has_share
    assert "event=shares-kept" in caplog.text
    assert world.prover.shares_overdue() == 100 * DAY + BLOCK_SECONDS
    world.clock.sleep(5)
    assert world.prover.shares_overdue() == 100 * DAY + BLOCK_SECONDS + 5, "also between two looks"
    world.prover.tidy()
    assert world.has_share, "the round is not over"
    assert world.prover.shares_overdue() == 0, "which most nodes say"
    world.wait(world.due - START + 1)
    world.prover.tidy()
    assert not world.has_share


def test_shares_of_a_round_that_no_node_knows_are_kept_for_as_long_as_a_pause_can_be(world: World) -> None:
    """It was opened in a block that was taken back, and may be opened again."""
    world.keep(expires=START + 100, task=8)
    world.wait(100 + 7 * DAY)
    world.prover.tidy()
    assert world.has_share
    world.wait(BLOCK_SECONDS)
    world.prover.tidy()
    assert not world.has_share


@pytest.mark.parametrize("second", [False, True])
@pytest.mark.parametrize("task", [7, 8])
def test_a_lying_node_of_three_has_no_share_deleted(world: World, second: bool, task: int) -> None:
    """Neither when the share comes in nor when it is asked whether that is needed any more."""
    world.node.count, world.node.lying = 3, 1000
    world.node.knows_nothing = task == 8
    if second:
        world.prover._readers = (Node(world.chain), world.node)
    world.keep(expires=START - 100 * DAY)
    world.wait(10)
    world.prover.tidy()
    assert world.has_share
    world.wait(world.due - START + 1)
    world.prover.tidy()
    assert not world.has_share, "nor kept"


def test_of_two_nodes_neither_alone_has_a_share_deleted(world: World) -> None:
    for pair in ((lying(world), Node(world.chain)), (Node(world.chain), lying(world))):
        world.prover._readers = pair
        world.keep(expires=START - 100 * DAY)
        world.wait(BLOCK_SECONDS)
        world.prover.tidy()
        assert world.has_share


def lying(world: World) -> Node:
    return Node(world.chain, lying=1000)


def test_a_node_that_tells_a_time_far_ahead_has_no_share_deleted(world: World) -> None:
    world.keep(expires=START + 100)
    world.chain.mine()
    world.chain.blocks[-1] = replace(world.chain.head, time=START + 10 * 365 * DAY)
    assert world.node.now() > START + 100
    world.prover.tidy()
    assert world.has_share


@pytest.mark.parametrize("task", [7, 8])
def test_a_clock_that_is_far_ahead_has_no_share_deleted(world: World, task: int) -> None:
    """Those of running rounds are gone for good, and so are their owners' gradients once t+1 provers lost theirs."""
    world.keep(expires=world.due, task=task)
    world.clock.skew = 10 * 365 * DAY
    world.prover.tidy()
    assert world.has_share
    world.wait(world.due - START + 1 + (task == 8) * 7 * DAY)
    world.prover.tidy()
    assert not world.has_share


def test_old_results_are_deleted_and_younger_ones_served_on(world: World) -> None:
    old, young = world.result(RETENTION * DAY + 1), world.result(RETENTION * DAY - 1)
    world.prover.tidy()
    assert (old.exists(), young.exists()) == (False, True)


def test_tidying_that_fails_is_logged_and_done_the_next_time(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """It runs in a thread of its own; an exception would end the deletions for good."""
    old = world.result(RETENTION * DAY + 1)
    world.fails = [("full", 0)]
    world.prover.tidy()
    assert "tidy-failed" in caplog.text
    assert old.exists()
    world.prover.tidy()
    assert not old.exists()


def test_even_an_unforeseen_exception_does_not_end_the_tidying(world: World, caplog: pytest.LogCaptureFixture) -> None:
    old = world.result(RETENTION * DAY + 1)
    world.clock.broken = True
    world.prover.tidy()
    assert "tidy-failed reason='ZeroDivisionError'" in caplog.text
    world.clock.broken = False
    world.prover.tidy()
    assert not old.exists()


def test_a_prover_knows_its_place_in_the_committee(world: World) -> None:
    found = own_membership([world.node, Node(world.chain)], world.committee.committee_id, world.keystore.address)
    assert (found.committee, found.index) == (world.committee, OWN)
    assert found == world.prover.membership


def test_a_prover_remembers_with_whom_it_was_started(world: World) -> None:
    world.store.close()
    world.store = Store(world.directory / "state", max_bytes=1 << 24)
    assert world.store.formers.has(world.committee, OWN)


def test_who_is_no_member_has_no_place(world: World) -> None:
    with pytest.raises(InvalidInputError, match="is no member of committee 0x0000000000000001"):
        own_membership([world.node], world.committee.committee_id, b"\x77" * 20)


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("what", ["deployment", "address", "registry", "members", "size", "keys"])
def test_nodes_that_differ_about_what_is_believed_for_good_are_not_believed(
    world: World, what: str, first: bool
) -> None:
    """One of them lies; which one, its operator has to find out."""
    committee, market = world.committee, world.chain.terms.market
    strangers = replace(committee, members=(b"\x77" * 20, *committee.members[1:]))
    nodes = {
        "deployment": Node(world.chain, other=replace(market, deployment=b"\x99" * 32)),
        "address": Node(world.chain, other=replace(market, address=b"\x99" * 20)),
        "registry": Node(world.chain, registry=b"\x99" * 20),
        "members": Node(world.chain, shown=strangers),
        "size": Node(world.chain, shown=Committee(1, 1, (*committee.members, b"\x77" * 20))),
        "keys": Node(world.chain, hpke_keys=(b"\x99" * 32, *world.chain.hpke_keys[1:])),
    }
    pair = [nodes[what], world.node] if first else [world.node, nodes[what]]
    with pytest.raises(ChainError, match="which one is right"):
        own_membership(pair, committee.committee_id, world.keystore.address)


@pytest.mark.parametrize("first", [True, False])
def test_a_node_that_has_not_seen_all_members_join_yet_contradicts_nobody(world: World, first: bool) -> None:
    lagging = Node(world.chain, hpke_keys=(b"", *world.chain.hpke_keys[1:]), ready=False)
    pair = [lagging, world.node] if first else [world.node, lagging]
    assert own_membership(pair, world.committee.committee_id, world.keystore.address).index == OWN


def test_a_node_that_is_down_is_no_reason_to_believe_the_other_alone(world: World) -> None:
    with pytest.raises(ChainError, match="cannot be reached"):
        own_membership([world.node, Node(world.chain, down=1)], 1, world.keystore.address)


def test_refused_calls_are_counted_by_cause(world: World) -> None:
    assert world.prover.status().refusals == {}
    for error in (ClosedError("late"), SignatureError("forged"), ClosedError("later")):
        world.prover.refused(error)
    assert world.prover.status().refusals == {"closed": 2, "bad-signature": 1}


def test_a_status_names_the_prover_and_what_it_keeps(world: World) -> None:
    world.keep(expires=START + 100)
    status = world.prover.status()
    assert (status.address, status.prover) == (world.keystore.address, OWN)
    assert (status.chain_id, status.market) == (world.node.chain_id, world.node.market)
    assert (status.committee_id, status.keys_ready) == (1, False)
    assert (status.submissions, status.stored_bytes) == (1, 32 * share_length(5))


def test_a_prover_sets_keys_up_for_its_own_committee_only(world: World) -> None:
    for act in (lambda: world.prover.deal(2), lambda: world.prover.accept(2, ()), lambda: world.prover.confirm(2, ())):
        with pytest.raises(UnknownError, match="belongs to committee 0x0000000000000001, not 0x0000000000000002"):
            act()


@pytest.mark.parametrize("missing", [b"", bytes(32)])
def test_keys_are_not_dealt_before_all_members_have_joined(world: World, missing: bytes) -> None:
    world.node.ready, world.node.hpke_keys = False, (missing, *world.chain.hpke_keys[1:])
    with pytest.raises(UnknownError, match="not every member"):
        world.prover.deal(1)


def test_keys_are_dealt_among_members_of_whom_one_was_revoked_since(world: World) -> None:
    """Otherwise it could stop the open round in which keys are needed first: the committee is not ready any more."""
    world.node.ready, world.node.hpke_keys = False, tuple(public_key(generate()) for _ in range(4))
    assert world.prover.deal(1) == (), "the first member of each set deals; but it is no refusal"


def test_keys_are_not_dealt_to_members_that_came_since(world: World) -> None:
    """They would be keys of the former members, sealed to a newcomer."""
    members = (b"\x66" * 20, *world.committee.members[1:])
    world.node.shown = replace(world.committee, members=members)
    with pytest.raises(UnknownError, match="other members than when this prover was started"):
        world.prover.deal(1)
