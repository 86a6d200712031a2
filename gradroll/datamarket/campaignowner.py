"""The SDK of a campaign's owner: open it on terms that make honesty pay, fund it, close it, decide as its arbiter."""

from __future__ import annotations

from collections.abc import Collection

from circuits.errors import ChainError, ContractError, InvalidInputError
from commons.chain.dataaccount import DataAccount
from commons.chain.datafacts import CampaignRecord, CampaignTerms
from commons.runtime.amounts import checksum
from commons.samples.bundlechecks import require_fitting
from commons.samples.campaigneconomics import Arbiter, Beliefs, require_sound
from commons.samples.canonicalsamples import least_sample
from commons.samples.contributions import Outcome
from commons.samples.samplebundles import SampleBundle
from commons.samples.sampleschemas import SampleSchema


class CampaignOwner:
    """An account that owns campaigns.  Every method raises ChainError when contract or node refuse.

    Args:
        account: sends this account's transactions.
    """

    def __init__(self, account: DataAccount) -> None:
        self._account, self._data = account, account.data

    @property
    def address(self) -> bytes:
        """The owner's 20-byte address."""
        return self._account.address

    def open(
        self,
        terms: CampaignTerms,
        schema: SampleSchema,
        escrow: int,
        beliefs: Beliefs,
        *,
        accepted: Collection[str] = (),
        initial: SampleBundle | None = None,
        nonce: int = 0,
    ) -> bytes:
        """Open a campaign; returns its identifier.

        Args:
            escrow: of which R + K are locked for each sample that is committed to.
            accepted: conditions of honesty that may be broken, by name.
            initial: the data that the terms name.
            nonce: as of ``DataAccount.open_campaign``.

        Raises:
            InvalidInputError: a condition does not hold under these beliefs and is not accepted, or terms, schema and
                initial data do not go together.
        """
        require_sound(terms.by_sample, beliefs, accepted)
        if terms.schema_hash != schema.digest:
            raise InvalidInputError("the terms name another schema; take the hash of the one that is opened with")
        _require_initial(terms, schema, initial)
        return self._account.open_campaign(terms, schema, escrow, nonce)

    def doubts(self, terms: CampaignTerms, schema: SampleSchema) -> list[str]:
        """What an owner should know before it opens a campaign, in words; empty where all is well."""
        if terms.arbiter is not Arbiter.MODEL:
            return []
        try:
            self._data.chain.call(terms.model, "predict(bytes)", [least_sample(schema)], ["uint256"])
        except (ChainError, ContractError):
            return [
                f"the model at {checksum(terms.model)} says nothing about a sample now, and while it does not, every "
                "case goes to the jury; one that trains in its contract answers once its own campaign is closed and "
                "decided, and all of that is trained on"
            ]
        return []

    def fund(self, campaign: bytes, amount: int) -> CampaignRecord:
        """Add to the escrow; returns the campaign."""
        self._account.fund_campaign(campaign, amount)
        return self._data.campaign(campaign)

    def close(self, campaign: bytes) -> CampaignRecord:
        """Take no more commitments, for good, unless that was done; returns the campaign."""
        if not self._data.campaign(campaign).closed:
            self._account.close_campaign(campaign)
        return self._data.campaign(campaign)

    def withdraw(self, campaign: bytes) -> int:
        """Credit what is free of a closed campaign to its owner; returns how much that is."""
        free = self._data.campaign(campaign).free
        self._account.withdraw_campaign(campaign)
        return free

    def decide(self, bundle: int, index: int, verdict: Outcome) -> None:
        """Decide as arbiter about a sample: ``ACCEPTED``, ``BAD``, or ``CORRECTED``.

        BAD costs the owner the reward, which is burnt with the deposit: it gains nothing by its own word.
        """
        self._account.owner_verdict(bundle, index, verdict)

    def collect(self, token: bytes, to: bytes | None = None) -> int:
        """Have this account's credit paid out; returns the amount."""
        return self._account.collect(token, to)


def _require_initial(terms: CampaignTerms, schema: SampleSchema, initial: SampleBundle | None) -> None:
    """Raise InvalidInputError unless terms name these data, or none."""
    named = (terms.initial_count, terms.initial_root, terms.initial_digest)
    if initial is None:
        if named != (0, bytes(32), bytes(32)):
            raise InvalidInputError("the terms name initial data; hand their bundle over, too")
        return
    if initial.schema_digest != schema.digest:
        raise InvalidInputError("the initial data are of another schema; make their bundle with this one")
    require_fitting(schema, initial.samples)
    if named != (len(initial.samples), initial.tree().root, initial.content_digest):
        raise InvalidInputError("the terms name other initial data than these; take count, root and digest of them")
