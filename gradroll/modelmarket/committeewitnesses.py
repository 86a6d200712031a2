"""A bounty's committee, asked over the network: each member is given what it checks, and signs for itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing

import numpy as np

from circuits.errors import GradrollError, UnavailableError, UnknownError
from commons.artifacts.datasetfiles import Dataset
from commons.chain.facts import CommitteeRecord
from commons.chain.modeldecoding import coordinates
from commons.chain.modelfacts import BountyRecord
from commons.chain.modelview import ModelView
from commons.protocol.bountydraws import HiddenGroup
from commons.protocol.bountyheads import GroupHead, WinnerHead
from commons.protocol.modelofferings import BountyOffer, DatasetReceipt
from commons.wire.askingmembers import Asking, in_words, quorum_receipts
from commons.wire.prover_client import ProverClient
from gradroll.modelmarket.datagroups import DataGroup
from gradroll.modelmarket.listingchecks import CheckedListing
from gradroll.modelmarket.swapping import row_bytes
from gradroll.modelmarket.witnesses import Receipts, StandingOffer

_PAUSE = 5.0
_LEAST = 10.0
"""Seconds that members have in any case: the chain's clock stands at its latest block."""
Ask = Callable[[ProverClient], bytes]


class CommitteeWitnesses:
    """The members of bounties' committees, where the registry says that they are.

    Args:
        models: shows the committees.
        tls_roots: PEM certificates to trust instead of the system's, where an endpoint has no pin.
        stall: seconds after which a member that does not move is given up.
        pause: seconds between two tries.
        within: seconds for all members together, and never more than the bounty's window leaves.
    """

    def __init__(
        self,
        models: ModelView,
        *,
        tls_roots: bytes | None = None,
        stall: float = 60.0,
        pause: float = _PAUSE,
        within: float = 900.0,
    ) -> None:
        self._models, self._roots = models, tls_roots
        self._stall, self._pause, self._within = stall, pause, within

    def of_data(
        self,
        bounty: BountyRecord,
        stage: int,
        leaves: Sequence[bytes],
        groups: Mapping[int, tuple[HiddenGroup, DataGroup]],
    ) -> Receipts:
        """A quorum's receipts; see ``Witnesses``."""
        sent = []
        for index, (hidden, data) in groups.items():
            file = Dataset(data.features.astype(np.int16), data.labels.astype(np.uint8)).encode()
            sent.append((GroupHead(bounty.bounty, stage, index, hidden, tuple(leaves), len(file)), file))
        receipt = DatasetReceipt(bounty.bounty, stage, {index: hidden for index, (hidden, _) in groups.items()})

        def ask(client: ProverClient) -> bytes:
            for head, file in sent:
                client.hold_group(head, file)
            return client.attest_groups(bounty.bounty, stage)

        return self._quorum(bounty, receipt.digest(self._models.bounties_market.domain), ask)

    def of_offer(self, bounty: BountyRecord, winner: CheckedListing, offer: StandingOffer) -> Receipts:
        """A quorum's receipts; see ``Witnesses``."""
        said = BountyOffer(bounty.bounty, offer.listing, coordinates(offer.public), offer.digest)
        row = row_bytes(offer.row, winner.size.weights)
        head = WinnerHead(
            bounty.bounty, offer.listing, offer.public, offer.digest, offer.blinding, offer.signature, len(row)
        )
        digest = said.receipt_digest(self._models.bounties_market.domain)
        return self._quorum(bounty, digest, lambda client: client.attest_offer(head, row))

    def handed_on(self, bounty: BountyRecord, key: bytes, signature: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The row that was locked by receipts, and x sealed to its owner's key, of each member that gives them.

        Nothing of it is checked here.  Raises UnavailableError at the end, with why members gave none.

        Args:
            signature: the owner's over ``blindings.request_message``: 65 bytes, or what its contract takes (ERC-1271).
        """

        def ask(_: int, client: ProverClient) -> tuple[bytes, bytes]:
            return client.held(bounty.bounty, bounty.offer), client.blinding(bounty.bounty, key, signature)

        refusals = dict[int, GradrollError]()
        endpoints = dict(enumerate(self._committee(bounty).endpoints))
        with closing(Asking(self._client, ask, self._pause).answers(endpoints, self._within)) as answers:
            for member, found in answers:
                if isinstance(found, GradrollError):
                    refusals[member] = found
                else:
                    yield found
        raise UnavailableError(f"no member of the committee handed a sound row on; {in_words(refusals)}")

    def _quorum(self, bounty: BountyRecord, digest: bytes, ask: Ask) -> Receipts:
        record = self._committee(bounty)
        within = min(self._within, max(bounty.deadline - self._models.chain.now(), _LEAST))
        return quorum_receipts(record, digest, ask, self._client, within, self._pause)

    def _committee(self, bounty: BountyRecord) -> CommitteeRecord:
        record = self._models.chain.most(lambda: self._models.chain.committee_record(bounty.terms.committee_id))
        if record is None:
            raise UnknownError("most nodes do not show the bounty's committee; wait for them")
        return record

    def _client(self, endpoint: str) -> ProverClient:
        return ProverClient(endpoint, stall=self._stall, tls_roots=self._roots)
