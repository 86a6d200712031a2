"""The methods of a prover that are for bundles: wire to domain and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import grpc

from circuits.errors import ClosedError, GradrollError
from circuits.terms import DAY
from commons.chain.dataview import DataView
from commons.chain.view import ChainView
from commons.runtime.meters import Meter
from commons.settings.datasettings import DataMarketSettings
from commons.settings.loading import Settings
from commons.settings.sections import ProverSettings
from commons.wire import bundlewire, checks
from commons.wire._generated import common_pb2, prover_pb2_grpc
from commons.wire._generated import prover_pb2 as pb
from commons.wire.calls import Calls
from commons.wire.rpcstatus import OnError, answering
from commons.wire.streams import body_chunks, file_to_wire
from provers.bundlechain import BundleChain
from provers.bundlemetrics import ATTESTED, HELD
from provers.bundlereceipts import BundleReceipts
from provers.heldbundles import BundleFiles
from provers.heldmetrics import HeldMetrics

FOLDER = "bundles"


class BundleServicer(prover_pb2_grpc.ProverServicer):
    """The part of a prover's service that is for bundles.

    Args:
        bundles: None where the operator names no contract of campaigns.
        calls: that this service has under way.
        refused: told of each call that is refused.
        metrics: that count, if any do.
    """

    def __init__(
        self, bundles: BundleReceipts | None, calls: Calls, refused: OnError, metrics: HeldMetrics | None = None
    ) -> None:
        self._bundles, self._calls = bundles, calls
        self._bundle_told, self._bundle_metrics = refused, metrics

    def HoldBundle(  # noqa: N802
        self, request_iterator: Iterator[pb.HoldBundleRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.HoldBundleReply]:
        """Take in a bundle."""
        with answering(context, self._bundle_refused):
            parts = Meter().incoming(request_iterator)
            head = bundlewire.bundle_from_wire(next(parts, None))

            def read() -> Iterator[bytes]:
                self._calls.enter(context)  # the chain shows the bundle, and there is room for it
                return body_chunks(parts, head.length, "the bundle's file")

            self._own_bundles.hold(head, read)
            self._calls.known(context)
            self._bundle_given(HELD)
            yield pb.HoldBundleReply()

    def AttestBundle(self, request: pb.AttestBundleRequest, context: grpc.ServicerContext) -> pb.BundleReceipt:  # noqa: N802
        """Say that a bundle is here."""
        with answering(context, self._bundle_refused):
            receipt = self._own_bundles.attest(*bundlewire.asked_from_wire(request))
            self._bundle_given(ATTESTED)
            return bundlewire.receipt_to_wire(receipt)

    def GetBundle(  # noqa: N802
        self, request: pb.BundleRequest, context: grpc.ServicerContext
    ) -> Iterator[common_pb2.BlobPart]:
        """Serve a bundle's file."""
        with answering(context, self._bundle_refused):
            digest = checks.digest(request.content_digest, "content_digest")
            with self._own_bundles.file(digest) as (file, held):
                yield from file_to_wire(file, held.length, held.digest, request.offset)

    def _bundle_given(self, kind: str) -> None:
        if self._bundle_metrics is not None:
            self._bundle_metrics.given(kind)

    def _bundle_refused(self, error: GradrollError) -> None:
        self._bundle_told(error)
        if self._bundle_metrics is not None:
            self._bundle_metrics.refused(error)

    @property
    def _own_bundles(self) -> BundleReceipts:
        if self._bundles is None:
            raise ClosedError(
                "this prover gives no receipts for bundles; its operator can name the contract of campaigns "
                "(data.campaigns)"
            )
        return self._bundles


def bundles_of(
    settings: Settings, readers: Sequence[ChainView], sign: Callable[[bytes], bytes]
) -> BundleReceipts | None:
    """What a prover needs for receipts; None where no contract of campaigns is named.

    Args:
        sign: with the prover's present key.

    Raises:
        ConfigError: a setting is wrong.
        ChainError, StorageError: as ``BundleChain`` and ``BundleFiles``.
    """
    if settings.get("data.campaigns") is None:
        return None
    place, own = settings.section(DataMarketSettings, "campaigns").campaigns, settings.section(ProverSettings)
    chain = BundleChain([DataView(reader, place) for reader in readers], own.committee, own.confirmations)
    files = BundleFiles(own.state / FOLDER, own.max_bundle_bytes)
    return BundleReceipts(chain, files, sign, own.bundle_days * DAY, own.bundle_fee)
