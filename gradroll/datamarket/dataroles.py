"""What one account may be at a data market: all of it shares one state directory."""

from __future__ import annotations

from commons.chain.dataaccount import DataAccount
from commons.settings.values import Depth
from gradroll.datamarket.campaignowner import CampaignOwner
from gradroll.datamarket.caseopener import CaseOpener
from gradroll.datamarket.contributor import Contributor
from gradroll.datamarket.datastate import DataState
from gradroll.datamarket.duties import Settler
from gradroll.datamarket.juror import Juror
from gradroll.datamarket.reviewer import Reviewer


class DataRoles:
    """The roles of an account.

    Args:
        depth: as of ``Contributor``, ``Reviewer`` and ``Juror``.

    Attributes:
        account: its transactions.
    """

    def __init__(self, account: DataAccount, state: DataState, depth: Depth) -> None:
        self.account = account
        self.owner = CampaignOwner(account)
        self.contributor = Contributor(account, state, depth)
        self.reviewer = Reviewer(account, state, depth)
        self.juror = Juror(account, state, depth)
        self.cases = CaseOpener(account, self.reviewer.library)
        self.settler = Settler(account, self.reviewer.library)
