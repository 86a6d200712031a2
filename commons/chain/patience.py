"""How long transactions are waited for."""

from __future__ import annotations

from dataclasses import dataclass

from commons.settings.sections import ChainSettings


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds between looks for a receipt, before fees are raised, before giving up; and the first tip, wei a gas.

    Attributes:
        doubt: seconds that a receipt has to appear, before a transaction is believed to be lost that may be mined.
    """

    poll: float = 0.25
    resend: float = 45.0
    give_up: float = 600.0
    tip: int = 10**9
    doubt: float = 45.0

    @classmethod
    def of(cls, chain: ChainSettings) -> Patience:
        """As [chain] says."""
        return cls(chain.receipt_poll, chain.resend, chain.give_up, chain.tip)
