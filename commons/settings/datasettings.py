"""The settings of the data market."""

from __future__ import annotations

from commons.settings.accountplaces import Account
from commons.settings.section import Section
from commons.settings.values import Address, Confirmations, File, Switch


class DataMarketSettings(Section):
    """Whoever opens campaigns, contributes to them, reviews bundles, or sits on juries."""

    campaigns: Address
    """The contract of campaigns; its committees are those of `chain.market`."""
    models: Address | None = None
    """The factory of the models that train in their contracts on these campaigns.  Its code is looked at."""
    improvement: Address | None = None
    """The contract that pays for what bundles improve.  Its code is looked at."""
    versions: Address | None = None
    """The contract of versions of models.  Its code is looked at."""
    account: Account
    """Key file, or place at an external signer, of the account that does it."""
    state: File
    """Directory of bundles with their salts, of challenges and of votes.  It holds secrets; one process has it at a
    time.  Who loses it can open nothing that it committed to, and loses what it staked."""
    encrypt: Switch = False
    """Whether secrets that are written there are encrypted with the passphrase of `unlock`."""
    confirmations: Confirmations = 12
    """Blocks that must vouch for a commitment, its own among them, before the content of a bundle is shown: in a branch
    that does not stay it can be copied, and committed to by somebody else before."""
