"""What a transaction offers for its gas: what the market asks, more than its variant before, never above a limit."""

from __future__ import annotations

import logging
from dataclasses import dataclass

_log = logging.getLogger(__name__)
_GWEI = 10**9


@dataclass(frozen=True, slots=True)
class Bid:
    """The fee fields of a transaction (EIP-1559), wei a unit of gas.

    Attributes:
        most: of everything, the base fee among it.
        tip: for who makes the block.
    """

    most: int = 0
    tip: int = 0

    @property
    def fields(self) -> dict[str, int]:
        """As a transaction has them."""
        return {"maxFeePerGas": self.most, "maxPriorityFeePerGas": self.tip}

    def covers(self, base_fee: int) -> bool:
        """Whether a block with this base fee may hold the transaction."""
        return self.most >= base_fee

    def replaces(self, before: Bid) -> bool:
        """Whether nodes take it in place of another bid under the same nonce.

        They ask for more of both: geth and most others for a tenth (txpool.pricebump), OpenEthereum's heirs for an
        eighth; of a tip of nothing geth takes no equal one.
        """
        return not before or all(
            new > old and 8 * new >= 9 * old for new, old in ((self.most, before.most), (self.tip, before.tip))
        )

    def raised(self) -> Bid:
        """A quarter more of both, and something more where that is nothing; of no bid, none."""
        return self and Bid(self.most * 5 // 4 + 1, self.tip * 5 // 4 + 1)

    def __bool__(self) -> bool:
        return self.most > 0


NO_BID = Bid()


class Bidding:
    """Bids of one account.

    Args:
        tip: the first one, wei a unit of gas.
        limit: wei a unit of gas, above which nothing is bid.
    """

    def __init__(self, tip: int, limit: int) -> None:
        self._tip, self._limit = tip, limit
        self._reached = False

    def bid(self, base_fee: int, before: Bid) -> Bid:
        """The next bid, for the latest block's base fee; ``before`` itself where the limit leaves no room above it.

        The base fee grows by an eighth a block at most, so twice of it lasts for six full blocks.  A replacement gets a
        quarter more.
        """
        raised = before.raised()
        most = min(max(2 * base_fee + self._tip, raised.most), self._limit)
        bid = Bid(most, min(max(self._tip, raised.tip), most))
        stays = not bid.replaces(before)
        self._tell(base_fee, reached=stays or not bid.covers(base_fee))
        return before if stays else bid

    def reached(self, base_fee: int) -> str:
        """Cause and cure, where the limit is below the base fee; empty where it is not."""
        if self._limit >= base_fee:
            return ""
        return (
            f"the chain asks {_gwei(base_fee)} for a unit of gas, and chain.max_fee allows {_gwei(self._limit)}: wait "
            "until gas is cheaper, or raise it"
        )

    def _tell(self, base_fee: int, *, reached: bool) -> None:
        if reached and not self._reached:
            _log.warning(
                "event=fee-cap-reached base_fee=%d max_fee=%d advice='wait until gas is cheaper, or raise "
                "chain.max_fee'", base_fee, self._limit,
            )  # fmt: skip
        self._reached = reached


def _gwei(wei: int) -> str:
    return f"{wei / _GWEI:.9g} gwei"
