"""A chain that was started anew under a running process: the same number, the same addresses, another market."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import pytest

from circuits.errors import ChainError, UnknownError
from circuits.terms import DAY, ETHER, NewTask, Windows
from commons.chain.bonds import bond, bond_of, credit_of
from commons.chain.deploying import deploy_contracts
from commons.chain.deploymentwatch import DeploymentWatch
from commons.chain.devchain import DevChain
from commons.chain.rpc import Rpc
from commons.chain.view import ChainView
from commons.chain.writer import ChainWriter
from commons.protocol.memberships import Rotation, registry_domain
from commons.storage.accounts import SigningKey
from tests.support.plain_batch import development_setup

OURS, ANOTHER = b"\x01" * 32, b"\x02" * 32


@dataclass
class Node:
    """A node, and the time.

    Attributes:
        looks: how often it was asked.
        forgotten: how often what was kept had to be forgotten.
    """

    shown: bytes | None = OURS
    now: float = 0.0
    looks: int = 0
    forgotten: int = 0
    watch: DeploymentWatch = field(init=False)

    def __post_init__(self) -> None:
        self.watch = DeploymentWatch(OURS, self.read, self.forget, lambda: self.now)

    def read(self) -> bytes | None:
        self.looks += 1
        return self.shown

    def forget(self) -> None:
        self.forgotten += 1


def test_a_look_serves_for_a_while() -> None:
    node = Node()
    looks = []
    for now in (0.0, 5.0, 5.1, 10.0, 10.2):
        node.now = now
        node.watch.look()
        looks.append(node.looks)
    assert looks == [0, 0, 1, 1, 2]


@pytest.mark.parametrize("shown", [ANOTHER, None], ids=["another market", "no market"])
def test_another_chain_is_refused_again_and_again_and_logged_once(
    shown: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    node = Node(shown)
    node.now = 6.0
    for _ in range(3):
        with pytest.raises(ChainError, match="another chain than when this process started"):
            node.watch.look()
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_when_the_chain_is_back_so_is_the_work(caplog: pytest.LogCaptureFixture) -> None:
    node = Node(ANOTHER)
    with pytest.raises(ChainError):
        node.watch.look_now()
    node.shown = OURS
    node.watch.look()
    assert node.forgotten == 1
    assert "event=chain-is-back" in caplog.text


def test_a_node_that_is_silent_is_not_another_chain(caplog: pytest.LogCaptureFixture) -> None:
    def silent() -> bytes:
        raise ChainError("the node cannot be reached")

    with pytest.raises(ChainError, match="cannot be reached"):
        DeploymentWatch(OURS, silent, lambda: None).look_now()
    assert not caplog.records


@dataclass(frozen=True)
class Place:
    """A market, a committee with a member that changed its key, a task."""

    market: bytes
    committee: int
    task: int


def place_of(dev: DevChain, url: str) -> Place:
    key, member, new = dev.accounts[0], dev.accounts[1], SigningKey.generate()
    made = deploy_contracts(url, key)
    chain, own = (ChainWriter(ChainView(url, made.market), one) for one in (key, member))
    verifier = chain.deploy_verifier(made.factory, development_setup("norm", 2, 5).verifying)
    committee = chain.create_committee(1, [one.address for one in dev.accounts[1:5]], change_delay=DAY)
    own.join(committee, "here:1", b"\x01" * 32)
    rotation = Rotation(committee, 0, new.address, own.address)
    domain = registry_domain(chain.view.chain_id, chain.view.registry)
    own.rotate(rotation, b"\x02" * 32, new.sign(rotation.digest(domain)))
    dev.advance(2 * DAY)
    chain.apply_change(committee, 0)
    terms = NewTask(committee, verifier, key.address, 5, 16, 1 << 40, 2, 2, 3, Windows(3600, 3600))
    return Place(made.market, committee, chain.create_task(terms))


def test_what_was_kept_of_another_chain_before_it_was_noticed_is_forgotten() -> None:
    """Else a prover would know members of a committee that only the other chain has until it is restarted."""
    old, new = DevChain(), DevChain()
    new.advance(1000)
    first, second = old.start(), new.start()
    try:
        here, there = place_of(old, first), place_of(new, second)
        assert here.market == there.market
        assert here.task != there.task, "the deployment is in a task's identifier"
        assert here.committee != there.committee, "the block before is in a committee's"
        view = ChainView(first, here.market)
        ours = view.committee_record(here.committee).committee
        view.rpc = Rpc(second, view.rpc.errors)
        assert view.committee(there.committee, 1).threshold == 1, "the last look serves for a while"
        with pytest.raises(ChainError, match="was it reset"):
            view.task(here.task)
        view.rpc = Rpc(first, view.rpc.errors)
        assert view.committee(here.committee) == ours
        with pytest.raises(UnknownError):
            view.committee(there.committee, 1)
    finally:
        old.stop()
        new.stop()


def test_a_view_whose_node_was_reset_says_so_instead_of_what_does_not_fit() -> None:
    old, new = DevChain(), DevChain()
    new.advance(1000)
    first, second = old.start(), new.start()
    try:
        here = place_of(old, first)
        assert place_of(new, second).market == here.market, "the case is that of the same address"
        view = ChainView(first, here.market)
        assert view.terms(here.task).task_id == here.task
        view.rpc = Rpc(second, view.rpc.errors)
        for ask in (  # the first of them, as the task is not there; the others, as nothing is believed any more
            lambda: view.task(here.task), view.now, view.task_count, lambda: view.round(here.task, 0),
            lambda: view.committee_record(here.committee), lambda: view.accepted(here.task, 0),
            lambda: view.posted_since(0), lambda: view.recorded(here.task, 0, bytes(32), 1),
            lambda: view.accepted_between(0, 1), lambda: view.accepted_ids(here.task, 0),
            lambda: view.revoked(here.committee), lambda: bond(view, here.committee, 0),
            lambda: bond_of(view, here.committee, old.accounts[1].address),
            lambda: credit_of(view, ETHER, old.accounts[1].address),
        ):  # fmt: skip
            with pytest.raises(ChainError, match="was it reset"):
                ask()
        view.rpc = Rpc(first, view.rpc.errors)
        assert view.task(here.task).rounds_opened == 0
    finally:
        old.stop()
        new.stop()
