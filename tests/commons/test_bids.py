"""Bids for gas: nodes take each as a replacement of the one before, and none is above the limit."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commons.chain.bids import NO_BID, Bid, Bidding

GWEI = 10**9
WEI = st.integers(0, 10**15)


def test_the_first_bid_is_the_markets() -> None:
    assert Bidding(GWEI, 500 * GWEI).bid(30 * GWEI, NO_BID) == Bid(61 * GWEI, GWEI)


@given(WEI, WEI, WEI)
def test_each_bid_replaces_the_one_before_and_is_not_below_the_market(tip: int, before_fee: int, now: int) -> None:
    bidding = Bidding(tip, 10**30)
    before = bidding.bid(before_fee, NO_BID)
    after = bidding.bid(now, before)
    assert after.most >= 2 * now + tip
    assert after.tip >= tip
    if before:
        assert after.replaces(before)
        assert 8 * after.most >= 9 * before.most
        assert 8 * after.tip >= 9 * before.tip
        assert after.tip > before.tip, "geth takes no equal tip, not even of nothing"


@given(WEI, WEI, st.integers(1, 10**15), st.lists(WEI, max_size=8))
def test_no_bid_is_above_the_limit_or_below_the_one_before(tip: int, first: int, limit: int, later: list[int]) -> None:
    bidding = Bidding(tip, limit)
    bid = bidding.bid(first, NO_BID)
    for base_fee in later:
        after = bidding.bid(base_fee, bid)
        assert after == bid or after.replaces(bid)
        assert after.tip <= after.most <= limit
        bid = after


def test_where_a_quarter_is_too_much_an_eighth_is_bid() -> None:
    bidding = Bidding(GWEI, 101 * GWEI)
    assert bidding.bid(0, Bid(89 * GWEI, GWEI)).most == 101 * GWEI
    assert bidding.bid(0, Bid(90 * GWEI, GWEI)) == Bid(90 * GWEI, GWEI), "no node would take it"


def test_the_limit_is_told_once_until_it_is_left(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    bidding = Bidding(1, 100)
    for base_fee in (200, 300, 10, 200):
        bidding.bid(base_fee, NO_BID)
    assert [record.message.split()[:2] for record in caplog.records] == [
        ["event=fee-cap-reached", "base_fee=200"],
        ["event=fee-cap-reached", "base_fee=200"],
    ]


def test_cause_and_cure_are_named() -> None:
    assert Bidding(1, 100).reached(100) == ""
    assert Bidding(GWEI, 20 * GWEI).reached(31 * GWEI) == (
        "the chain asks 31 gwei for a unit of gas, and chain.max_fee allows 20 gwei: wait until gas is cheaper, or "
        "raise it"
    )
