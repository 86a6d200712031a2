"""What most nodes say, of what a view of the chain remembers: one that lied once is not repeated by the others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest

from circuits.statement import Committee
from circuits.terms import CommitteeTerms
from commons.chain.deploying import deploy_contracts
from commons.chain.devchain import DevChain
from commons.chain.view import ChainView
from commons.chain.writer import ChainWriter
from tests.support.httpnode import Answer, StandIn

STRANGER = b"\x66" * 20


class Liar(StandIn):
    """A node that shows a stranger in another account's place."""

    instead_of = b""

    def _passed_on(self, method: str, params: Any) -> Answer:
        answer = super()._passed_on(method, params)
        if method == "eth_call" and self.instead_of and isinstance(answer, dict):
            told = str(answer.get("result", "")).replace(self.instead_of.hex(), STRANGER.hex())
            return {**answer, "result": told}
        return answer


@pytest.fixture(scope="module")
def dev() -> Iterator[DevChain]:
    made = DevChain()
    yield made
    made.stop()


def test_a_node_that_lied_before_does_not_speak_for_the_others_when_most_are_asked(dev: DevChain) -> None:
    """Of a task's terms and of a former epoch's members, say: whose rounds would keep former keys, and do not."""
    url = dev.start()
    market = deploy_contracts(url, dev.accounts[0]).market
    members = tuple(key.address for key in dev.accounts[1:5])
    number = ChainWriter(ChainView(url, market), dev.accounts[0]).create_committee(1, members)
    with ExitStack() as undo:
        liar = Liar(dev)
        nodes = [liar, StandIn(dev), StandIn(dev)]
        for node in nodes:
            undo.callback(node.close)
        view = ChainView(",".join(node.secret_url for node in nodes), market)
        liar.instead_of = members[2]
        asked = partial(view.committee, number, 0)
        lie = Committee(number, 1, (*members[:2], STRANGER, members[3]))
        assert asked() == lie, "one of them is asked"
        for _ in range(2):
            assert view.most(asked) == Committee(number, 1, members)
        assert asked() == lie, "and what it said is remembered"
        assert view.most(partial(view.committee_terms, number)) == CommitteeTerms(1)
