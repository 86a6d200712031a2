"""What was remembered of blocks that a reorganisation replaced is read again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import pytest

from circuits.terms import NewTask, Windows
from commons.chain.blockwatch import BlockWatch
from commons.chain.deploying import deploy_contracts
from commons.chain.deploymentwatch import DeploymentWatch
from commons.chain.depth import BlockHead
from commons.chain.devchain import DevChain
from commons.chain.view import ChainView
from commons.chain.writer import ChainWriter
from tests.support.plain_batch import development_setup

T = TypeVar("T")


@dataclass
class Node:
    """A node's blocks by their hashes, first to last.

    Attributes:
        forgotten: how often what was kept had to be forgotten.
    """

    blocks: list[bytes]
    forgotten: int = 0
    watch: BlockWatch = field(init=False)

    def __post_init__(self) -> None:
        self.watch = BlockWatch(cast(Any, self), self.forget)

    def on_one_node(self, ask: Callable[[int], T]) -> T:
        return ask(0)

    def head(self) -> BlockHead:
        return BlockHead(len(self.blocks) - 1, 0, self.blocks[-1])

    def block_hash(self, number: int) -> bytes | None:
        return self.blocks[number] if number < len(self.blocks) else None

    def forget(self) -> None:
        self.forgotten += 1


@pytest.mark.parametrize(
    ("blocks", "forgotten"),
    [
        ([b"0", b"1", b"2"], 0),
        ([b"0", b"1", b"2", b"3"], 0),
        ([b"0", b"1", b"another 2"], 1),
        ([b"0", b"another 1", b"another 2", b"another 3"], 1),
        ([b"0", b"1"], 1),
    ],
    ids=["the same", "longer", "the last is replaced", "more are replaced", "the last is gone"],
)
def test_replaced_blocks_are_noticed_once(blocks: list[bytes], forgotten: int) -> None:
    node = Node([b"0", b"1", b"2"])
    node.blocks = blocks
    node.watch.look()
    node.watch.look()
    assert node.forgotten == forgotten


def test_an_owner_whose_index_was_anothers_is_known_by_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two registrations that come in another order after a reorganisation: nobody refuses the honest owner for good."""
    dev, windows = DevChain(), Windows(3600, 3600)
    url = dev.start()
    try:
        made = deploy_contracts(url, dev.accounts[0])
        first, second = (ChainWriter(ChainView(url, made.market), key) for key in dev.accounts[6:8])
        chain = ChainWriter(ChainView(url, made.market), dev.accounts[0])
        verifier = chain.deploy_verifier(made.factory, development_setup("norm", 2, 5).verifying)
        committee = chain.create_committee(1, [one.address for one in dev.accounts[1:5]])
        task = chain.create_task(NewTask(committee, verifier, chain.address, 5, 16, 1 << 40, 2, 2, 3, windows))
        snapshot = dev._tester.take_snapshot()
        order = [(one.register(task), one.address) for one in (first, second)]
        view = ChainView(url, made.market)
        assert [view.owner_at(task, index) for index, _ in order] == [first.address, second.address]
        dev._tester.revert_to_snapshot(snapshot)
        for key in (dev.accounts[7], dev.accounts[6]):
            ChainWriter(ChainView(url, made.market), key).register(task)
        monkeypatch.setattr(DeploymentWatch, "look", DeploymentWatch.look_now)  # as if seconds had passed
        view.now()
        assert [view.owner_at(task, index) for index, _ in order] == [second.address, first.address]
    finally:
        dev.stop()


@pytest.mark.parametrize("question", ["head", "block_hash"])
def test_a_branch_that_takes_over_between_two_questions_is_noticed(question: str) -> None:
    node = Node([b"0", b"1", b"2"])
    ask = getattr(node, question)

    def switches(*arguments: int) -> object:
        answer = ask(*arguments)
        node.blocks = [b"0", b"another 1", b"another 2", b"another 3"]
        return answer

    setattr(node, question, switches)
    node.watch.look()
    setattr(node, question, ask)
    node.watch.look()
    noticed = node.forgotten
    assert noticed > 0
    node.watch.look()
    assert node.forgotten == noticed
