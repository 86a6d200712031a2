"""The settings of the model market."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Interval

from commons.settings.accountplaces import Account
from commons.settings.section import Section
from commons.settings.values import Address, Confirmations, File, Switch, Unit


class ModelMarketSettings(Section):
    """Whoever lists models, buys them, or opens bounties."""

    registry: Address
    """The registry of models; its market is `chain.market`."""
    sales: Address
    """The contract of sales."""
    bounties: Address
    """The contract of bounties."""
    account: Account
    """Key file, or place at an external signer, of the account that sells, buys or opens bounties."""
    state: File
    """Directory of models with their tails, openings, offers with their keys, purchases, and groups of bounties.  It
    holds secrets; one process has it at a time.  Never go on from an old copy: it does not know what was opened
    since."""
    encrypt: Switch = False
    """Whether secrets that are written there are encrypted with the passphrase of `unlock`."""
    confirmations: Confirmations = 12
    """Blocks that must vouch for a lock, its own among them, before the key of a model is revealed; choose it as
    provers do.  A key in a branch that does not stay is public, and pays nothing."""
    reveal_margin: Annotated[int, Interval(ge=60, le=1_209_600), Unit("seconds")] = 3600
    """No key leaves for the first time in so many seconds before the deadline: the transaction may wait, and a key that
    comes too late is public, and pays nothing.  Longer than `chain.give_up`; offers are made, and bounties entered,
    only where twice as long is left to reveal."""
