"""The methods of a prover that are for bounties: wire to domain and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import grpc

from circuits.errors import ClosedError, GradrollError
from circuits.terms import DAY
from commons.chain.modelfacts import ModelPlaces
from commons.chain.modelview import ModelView
from commons.chain.view import ChainView
from commons.runtime.meters import Meter
from commons.settings.loading import Settings
from commons.settings.modelsettings import ModelMarketSettings
from commons.settings.sections import KeySettings, ProverSettings
from commons.storage.parameters import PublicParameters
from commons.wire import bountywire, checks
from commons.wire._generated import common_pb2, prover_pb2_grpc
from commons.wire._generated import prover_pb2 as pb
from commons.wire.rpcstatus import OnError, answering
from commons.wire.streams import blob_to_wire
from provers.bountychain import BountyChain
from provers.bountyfiles import BountyFiles
from provers.bountymetrics import BLINDING, GROUPS, OFFER
from provers.bountyreceipts import BountyReceipts
from provers.heldmetrics import HeldMetrics

FOLDER = "bounties"


class BountyServicer(prover_pb2_grpc.ProverServicer):
    """The part of a prover's service that is for bounties.

    Args:
        receipts: None where the operator names no contracts of the model market.
        refused: told of each call that is refused.
        metrics: that count, if any do.
    """

    def __init__(self, receipts: BountyReceipts | None, refused: OnError, metrics: HeldMetrics | None = None) -> None:
        self._receipts, self._told, self._bounty_metrics = receipts, refused, metrics

    def HoldGroup(  # noqa: N802
        self, request_iterator: Iterator[pb.HoldGroupRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.HoldGroupReply]:
        """Take in the data of one group."""
        with answering(context, self._refused):
            parts = Meter().incoming(request_iterator)
            head = bountywire.group_from_wire(next(parts, None))
            self._own.hold_group(head, bountywire.body(parts, head.length, "the group's file"))
            yield pb.HoldGroupReply()

    def AttestGroups(self, request: pb.AttestGroupsRequest, context: grpc.ServicerContext) -> pb.BountyReceipt:  # noqa: N802
        """Say that all groups of a draw are here."""
        with answering(context, self._refused):
            bounty, stage = checks.digest(request.bounty, "bounty"), bountywire.stage_from_wire(request.stage)
            receipt = self._own.attest_groups(bounty, stage)
            self._given(GROUPS)
            return bountywire.receipt_to_wire(receipt)

    def AttestOffer(  # noqa: N802
        self, request_iterator: Iterator[pb.AttestOfferRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.BountyReceipt]:
        """Check a winner's offer, and say so."""
        with answering(context, self._refused):
            parts = Meter().incoming(request_iterator)
            head = bountywire.winner_from_wire(next(parts, None))
            receipt = self._own.attest_offer(head, bountywire.body(parts, head.length, "the sealed row"))
            self._given(OFFER)
            yield bountywire.receipt_to_wire(receipt)

    def GetHeld(self, request: pb.HeldRequest, context: grpc.ServicerContext) -> Iterator[common_pb2.BlobPart]:  # noqa: N802
        """Serve a group's file or a sealed row."""
        with answering(context, self._refused):
            bounty, digest = checks.digest(request.bounty, "bounty"), checks.digest(request.digest, "digest")
            yield from blob_to_wire(self._own.held(bounty, digest), request.offset)

    def GetBlinding(self, request: pb.BlindingRequest, context: grpc.ServicerContext) -> pb.BlindingReply:  # noqa: N802
        """Tell a bounty's owner what opens the row that was locked."""
        with answering(context, self._refused):
            sealed = self._own.blinding(*bountywire.blinding_request_from_wire(request))
            self._given(BLINDING)
            return pb.BlindingReply(sealed=sealed)

    def _given(self, kind: str) -> None:
        if self._bounty_metrics is not None:
            self._bounty_metrics.given(kind)

    def _refused(self, error: GradrollError) -> None:
        self._told(error)
        if self._bounty_metrics is not None:
            self._bounty_metrics.refused(error)

    @property
    def _own(self) -> BountyReceipts:
        if self._receipts is None:
            raise ClosedError(
                "this prover gives no receipts for bounties; its operator can name the contracts of the model market "
                "(models.registry, models.sales, models.bounties)"
            )
        return self._receipts


def receipts_of(
    settings: Settings, readers: Sequence[ChainView], sign: Callable[[bytes], bytes], parameters: PublicParameters
) -> BountyReceipts | None:
    """What a prover needs for receipts; None where no contract of bounties is named.

    Args:
        sign: with the prover's present key.

    Raises:
        ConfigError: one of the other contracts is not named.
        ChainError, StorageError: as ``BountyChain`` and ``BountyFiles``.
    """
    if settings.get("models.bounties") is None:
        return None
    named, own = (
        settings.section(ModelMarketSettings, "registry", "sales", "bounties"),
        settings.section(ProverSettings),
    )
    places = ModelPlaces(named.registry, named.sales, named.bounties)
    chain = BountyChain([ModelView(reader, places) for reader in readers], own.committee, own.confirmations)
    files = BountyFiles(own.state / FOLDER, own.max_bounty_bytes)
    bases = settings.section(KeySettings).directory
    return BountyReceipts(chain, files, parameters, bases, sign, own.bounty_days * DAY)
