"""A data market on a chain whose contracts see another chain's blocks takes no money: draws could not be followed."""

from __future__ import annotations

import pytest
from eth_utils.address import to_checksum_address

from circuits.errors import ChainError
from commons.chain.juryaccount import JuryAccount
from commons.chain.juryview import pool_of
from tests.datamarket.datastage import CONTRIBUTOR, OTHER, OWNER, SCHEMA, DataStage
from tests.support.lyingnode import LyingNode, anothers_blocks, honest


def balances(stage: DataStage) -> list[int]:
    ask = stage.data.chain.rpc.web3.eth.get_balance
    return [ask(to_checksum_address(stage.accounts[at].address)) for at in (OWNER, CONTRIBUTOR, OTHER)]


def test_nothing_is_paid_and_no_jury_drawn(stage: DataStage) -> None:
    terms = stage.terms()
    campaign, before = stage.campaign(terms), balances(stage)
    with LyingNode(stage.url, anothers_blocks) as node:
        owner, contributor, other = (stage.account(at, url=node.url) for at in (OWNER, CONTRIBUTOR, OTHER))
        juror = JuryAccount(other.chain, other.data)
        for act in (
            lambda: owner.open_campaign(terms, SCHEMA, 100_000, 1), lambda: juror.join(pool_of(terms), 1),
            lambda: contributor.commit_bundle(campaign, 2, b"\x01" * 32), lambda: juror.draw(0),
        ):  # fmt: skip
            with pytest.raises(ChainError, match=r"block\.number is another chain's"):
                act()
    assert balances(stage) == before


def test_one_node_that_says_so_stops_nothing(stage: DataStage) -> None:
    campaign = stage.campaign()
    with LyingNode(stage.url, anothers_blocks) as liar, LyingNode(stage.url, honest) as other:
        account = stage.account(CONTRIBUTOR, url=f"{liar.url},{other.url},{stage.url}")
        bundle = account.commit_bundle(campaign, 2, b"\x02" * 32)
    assert stage.data.bundle(bundle).campaign == campaign
