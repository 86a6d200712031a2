"""The settings of what a prover keeps for others."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Interval

from commons.settings.section import Section
from commons.settings.values import Unit


class HeldSettings(Section):
    """Bounties' data and campaigns' bundles, for which provers give receipts."""

    max_bounty_bytes: Annotated[int, Interval(ge=1 << 20, le=1 << 50), Unit("bytes")] = 16 << 30
    """Most bytes of bounties' data and sealed rows on disk, beside `max_store_bytes`.  A bounty has room for all of it
    from its first file on, up to 550 MB, and the bounties of one owner have as much as they leave free.  It counts
    where `models.bounties` is named: a prover that names the contracts of the model market gives receipts for the
    bounties of its committee."""
    bounty_days: Annotated[int, Interval(ge=1, le=36_500), Unit("days")] = 30
    """How long a bounty's data, rows and what opens them are kept after nodes show that it is over: its owner fetches
    the model from here where the winner had receipts stand in for it.  Of one that was cancelled, a day at most."""
    max_bundle_bytes: Annotated[int, Interval(ge=1 << 20, le=1 << 50), Unit("bytes")] = 64 << 30
    """Most bytes of campaigns' bundles on disk, beside `max_store_bytes`; a bundle has up to 269 MB.  The bundles of
    one contributor, and of all campaigns of one owner, have as much as they leave free.  It counts where
    `data.campaigns` is named: a prover that names the contract of campaigns gives receipts for the bundles of its
    committee."""
    bundle_days: Annotated[int, Interval(ge=1, le=36_500), Unit("days")] = 30
    """How long a bundle is kept after nodes show that the last window over it has passed: it is trained on later.  Of
    one that came under no review, a day at most."""
    bundle_fee: Annotated[int, Interval(ge=0, le=10**30), Unit("wei")] = 0
    """Least receipts' fee of a campaign for each MiB that its bundles have; bundles of others, and of campaigns in
    tokens where this is not 0, are refused.  Deposits go back to who fills this prover's room with bundles of campaigns
    of its own, in many accounts' names; this fee does not, so it is what such room costs."""
