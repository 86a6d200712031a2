"""Transactions of the model market: what any of its roles sends."""

from __future__ import annotations

from commons.chain.modelbounties import BountyAccount
from commons.chain.modelsales import SalesAccount


class ModelWriter(SalesAccount, BountyAccount):
    """One account's transactions at both markets; see ``ChainAccount``."""
