"""How long transactions are waited for, and how much they may cost."""

from __future__ import annotations

from dataclasses import dataclass, replace

from commons.chain.depth import HEAD
from commons.settings.sections import ChainSettings
from commons.settings.values import Depth


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds between looks for a receipt, before fees are raised, before giving up; and the first tip, wei a gas.

    Attributes:
        max_fee: wei a gas, above which nothing is bid.
        depth: blocks that must vouch for a transaction, its own among them, before it counts as mined.
        doubt: seconds that a receipt has to appear, before a transaction is believed to be lost that may be mined.
    """

    poll: float = 0.25
    resend: float = 45.0
    give_up: float = 600.0
    tip: int = 10**9
    doubt: float = 45.0
    max_fee: int = 500 * 10**9
    depth: Depth = HEAD

    @classmethod
    def of(cls, chain: ChainSettings) -> Patience:
        """As [chain] says for a process that looks itself how deep its transactions are."""
        return cls(chain.receipt_poll, chain.resend, chain.give_up, chain.tip, max_fee=chain.max_fee)

    @classmethod
    def of_command(cls, chain: ChainSettings) -> Patience:
        """As [chain] says for a command, which ends when its transactions are deep enough."""
        return replace(cls.of(chain), depth=chain.confirmations)
