"""A bounty's committee, asked over the network: each member is given what it checks, and signs for itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence

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
from commons.protocol.signing import require_signer
from commons.wire.prover_client import ProverClient
from gradroll.modelmarket.datagroups import DataGroup
from gradroll.modelmarket.listingchecks import CheckedListing
from gradroll.modelmarket.swapping import row_bytes
from gradroll.modelmarket.witnesses import Receipts, StandingOffer

_TRIES, _PAUSE = 3, 5.0
"""Members whose nodes are a little behind say so, and know more in some seconds."""
Ask = Callable[[ProverClient], bytes]


class CommitteeWitnesses:
    """The members of bounties' committees, where the registry says that they are.

    Args:
        models: shows the committees.
        tls_roots: PEM certificates to trust instead of the system's, where an endpoint has no pin.
        stall: seconds after which a member that does not move is given up.
        pause: seconds between two tries.
    """

    def __init__(
        self,
        models: ModelView,
        *,
        tls_roots: bytes | None = None,
        stall: float = 60.0,
        pause: float = _PAUSE,
    ) -> None:
        self._models, self._roots = models, tls_roots
        self._stall, self._pause = stall, pause

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
        """The row that was locked by receipts, and x sealed to its owner's key, of one member after the other.

        Nothing of it is checked here.  Raises UnavailableError at the end, with why members gave none.
        """
        refusals = {}
        for member, endpoint in enumerate(self._committee(bounty).endpoints):
            try:
                with self._client(endpoint) as client:
                    found = client.held(bounty.bounty, bounty.offer), client.blinding(bounty.bounty, key, signature)
            except GradrollError as error:
                refusals[member] = error
                continue
            yield found
        raise UnavailableError(f"no member of the committee handed a sound row on; {_words(refusals)}")

    def _quorum(self, bounty: BountyRecord, digest: bytes, ask: Ask) -> Receipts:
        record = self._committee(bounty)
        committee, receipts, refusals = record.committee, dict[int, bytes](), dict[int, GradrollError]()
        for tried in range(_TRIES):
            if tried:
                time.sleep(self._pause)
            for member, endpoint in enumerate(record.endpoints):
                if member in receipts:
                    continue
                try:
                    with self._client(endpoint) as client:
                        receipt = ask(client)
                    require_signer(digest, receipt, committee.members[member], "the receipt")
                except GradrollError as error:
                    refusals[member] = error
                    continue
                receipts[member] = receipt
                if len(receipts) == committee.quorum:
                    return sorted(receipts.items())
        missing = {member: error for member, error in refusals.items() if member not in receipts}
        raise UnavailableError(
            f"{len(receipts)} of {committee.quorum} members that are needed gave a receipt; run the command again when "
            f"others do: {_words(missing)}"
        )

    def _committee(self, bounty: BountyRecord) -> CommitteeRecord:
        record = self._models.chain.most(lambda: self._models.chain.committee_record(bounty.terms.committee_id))
        if record is None:
            raise UnknownError("most nodes do not show the bounty's committee; wait for them")
        return record

    def _client(self, endpoint: str) -> ProverClient:
        return ProverClient(endpoint, stall=self._stall, tls_roots=self._roots)


def _words(refusals: Mapping[int, GradrollError]) -> str:
    return "; ".join(f"member {member}: {error}" for member, error in sorted(refusals.items()))
