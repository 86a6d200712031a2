"""A campaign's committee, asked over the network: each checks a bundle, signs for itself, and serves it."""

from __future__ import annotations

import random
from contextlib import closing
from pathlib import Path

from circuits.atomicfile import storing
from circuits.errors import GradrollError, UnavailableError, UnknownError
from commons.chain.datafacts import BundleRecord, CampaignRecord
from commons.chain.dataview import DataView
from commons.chain.facts import CommitteeRecord
from commons.samples.contributions import BundleReceipt
from commons.wire.askingmembers import in_words, quorum_receipts
from commons.wire.bundlewire import BundleHead
from commons.wire.prover_client import ProverClient

_PAUSE = 5.0
_LEAST = 10.0
"""Seconds that members have in any case: the chain's clock stands at its latest block."""


class CommitteeReceipts:
    """The members of campaigns' committees, where the registry says that they are.

    Args:
        data: shows bundles, campaigns and committees.
        tls_roots: PEM certificates to trust instead of the system's, where an endpoint has no pin.
        stall: seconds after which a member that does not move is given up.
        pause: seconds between two tries of a member whose node is behind.
        within: seconds for all members together, and never more than the receipts' window leaves.
    """

    def __init__(
        self,
        data: DataView,
        *,
        tls_roots: bytes | None = None,
        stall: float = 60.0,
        pause: float = _PAUSE,
        within: float = 3600.0,
    ) -> None:
        self._data, self._roots = data, tls_roots
        self._stall, self._pause, self._within = stall, pause, within

    def of_bundle(self, campaign: CampaignRecord, bundle: BundleRecord, file: Path) -> list[tuple[int, bytes]]:
        """A quorum's receipts; see ``BundleWitnesses``.

        Members hold the bundle when this returns.  Asked again, they sign the same, and are sent nothing.

        Args:
            bundle: one that is opened, and waits for receipts.

        Raises:
            UnknownError: most nodes do not show the committee.
            StorageError: the file cannot be read.
            UnavailableError: too few members sign; with what each of the others says.
        """
        terms, chain = campaign.terms, self._data.chain
        with storing(f"cannot read {file}"):
            content = file.read_bytes()
        head = BundleHead(bundle.number, bundle.content_digest, len(content))

        def ask(client: ProverClient) -> bytes:
            client.hold_bundle(head, content)
            return client.attest_bundle(head.bundle, head.content_digest)

        committee = self._committee(campaign)
        said = BundleReceipt(
            bundle.campaign, bundle.number, bundle.root, bundle.content_digest, bundle.count, terms.schema_hash
        )
        left = bundle.since + terms.receipt_window - chain.now()
        within = min(self._within, max(left, _LEAST))
        return quorum_receipts(
            committee, said.digest(self._data.market_id.domain), ask, self._client, within, self._pause
        )

    def file_of(self, campaign: CampaignRecord, bundle: BundleRecord, most: int) -> bytes:
        """The file of a bundle, from the first member that serves it; see ``BundleHolders``.

        They are asked one after the other, in no order that anybody could count on: each file may take much memory.
        """
        committee, refusals = self._committee(campaign), dict[int, GradrollError]()
        members = list(enumerate(committee.endpoints))
        random.shuffle(members)
        for member, endpoint in members:
            try:
                with closing(self._client(endpoint)) as client:
                    return client.bundle(bundle.content_digest, most)
            except GradrollError as error:
                refusals[member] = error
        raise UnavailableError(f"no member of the committee serves bundle {bundle.number}: {in_words(refusals)}")

    def _committee(self, campaign: CampaignRecord) -> CommitteeRecord:
        chain = self._data.chain
        found = chain.most(lambda: chain.committee_record(campaign.terms.committee_id))
        if found is None:
            raise UnknownError("most nodes do not show the campaign's committee; wait for them")
        return found

    def _client(self, endpoint: str) -> ProverClient:
        return ProverClient(endpoint, stall=self._stall, tls_roots=self._roots)
