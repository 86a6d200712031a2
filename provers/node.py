"""The prover node: a gRPC server around a prover."""

from __future__ import annotations

import logging
import threading
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial

import grpc

from commons.chain.view import ChainView
from commons.protocol.messages import Step, StepRequest
from commons.runtime.clock import SystemClock
from commons.runtime.descriptors import room_for
from commons.runtime.identifiers import shown
from commons.runtime.meters import Meter
from commons.runtime.process import stop_requested
from commons.settings.loading import Settings
from commons.settings.sections import ChainSettings, KeySettings, ProverSettings
from commons.storage.parameters import PublicParameters
from commons.wire import batchsteps, checks, sharestreams, uploads
from commons.wire._generated import common_pb2, prover_pb2_grpc
from commons.wire._generated import prover_pb2 as pb
from commons.wire.calls import Calls, Limits
from commons.wire.channel import bind, new_server
from commons.wire.health import Health
from commons.wire.methods import Pool
from commons.wire.rpcstatus import answering
from commons.wire.stalling import spaced
from commons.wire.streams import blob_to_wire
from provers import prover_start
from provers.background import Background
from provers.joining.keystore import Keystore
from provers.prover import Prover, own_membership
from provers.store import Store

_MOST_LOOKS = 16
"""Certificates that wait to be looked at, of up to 2 MiB each; what there is no room for may be shown again."""
_SERVICE = pb.DESCRIPTOR.services_by_name["Prover"]
_log = logging.getLogger(__name__)


class ProverNode:
    """One prover, started and stopped from outside."""

    def __init__(self, settings: Settings) -> None:
        """Open keys, chain and store as [chain], [keys] and [prover] say.

        Raises:
            ConfigError, KeyFileError, KeyMismatchError, InsecureSetupError, ChainError, StorageError,
            InvalidInputError: what is missing, in words.
        """
        chain, keys = settings.section(ChainSettings), settings.section(KeySettings)
        self._own = own = settings.section(ProverSettings)
        self._tls = own.tls
        keystore = Keystore.load(own.keystore)
        readers = [ChainView.of(chain), *(ChainView.of(chain, url) for url in (own.second_node,) if url)]
        membership = own_membership(readers, own.committee, keystore.address)
        parameters = PublicParameters(keys.srs, keys.directory, allow_insecure=settings.development)
        prover_start.require_files(parameters)
        clock = SystemClock()
        with ExitStack() as undo:
            store = Store(own.state, max_bytes=own.max_store_bytes, per_owner=own.submissions_per_owner)
            undo.callback(store.close)
            prover_start.bind_state(own, readers[0].market_id)
            self.prover = Prover(own, membership, keystore, readers, store, parameters, clock)
            undo.pop_all()
        prover_start.look_around(self.prover, own, keystore, clock)
        self._background = Background("suspicions", _MOST_LOOKS)
        self._server: grpc.Server | None = None
        self._health = Health(_SERVICE.full_name)
        self._stopping = threading.Event()

    def start(self) -> int:
        """Begin to serve; returns the port.  Raises ConfigError when the address is taken."""
        own, calls = self._own, Calls(Limits.of(self._own))
        self._server = new_server(
            calls, _SERVICE,
            connections=room_for(own.max_connections), idle=own.idle_timeout, age=own.connection_age,
        )  # fmt: skip
        servicer = Servicer(self.prover, self._background, calls)
        prover_pb2_grpc.add_ProverServicer_to_server(servicer, self._server)
        self._health.add_to(self._server)
        port = bind(self._server, self._own.listen, self._tls)
        self._server.start()
        threading.Thread(target=self._tidy, daemon=True, name="tidy").start()
        _log.info(
            "event=prover-started address=0x%s committee=%s prover=%d port=%d",
            self.prover.address.hex(), shown(self._own.committee), self.prover.membership.index, port,
        )  # fmt: skip
        return port

    def stop(self) -> None:
        """Refuse new calls, let running ones finish for a while, close the store."""
        self._stopping.set()
        self._health.stop()
        if self._server is not None:
            self._server.stop(self._own.stop_grace).wait()
        self._background.close()
        self.prover.close()
        _log.info("event=prover-stopped prover=%d", self.prover.membership.index)

    def _tidy(self) -> None:
        while not self._stopping.wait(self._own.tidy_interval):
            self.prover.tidy()


class Servicer(prover_pb2_grpc.ProverServicer):
    """Wire to domain and back; no rule of the protocol stands here."""

    def __init__(self, prover: Prover, background: Background, calls: Calls) -> None:
        self._prover = prover
        self._background = background
        self._calls = calls

    def SubmitShares(  # noqa: N802
        self, request_iterator: Iterator[pb.SubmitSharesRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.SubmitSharesReply]:
        """Take one share in."""
        meter = Meter()
        with answering(context, self._prover.refused):
            parts = meter.incoming(request_iterator)
            head = sharestreams.head_from_wire(next(parts, None))
            with closing(self._prover.take(head, sharestreams.chunks_from_wire(parts))) as taken:
                here = next(taken, None)  # its owner's signature was checked
                if here is not None:
                    self._calls.enter(context)
                    self._calls.known(context)
                    yield pb.SubmitSharesReply(taken=here)
                    yield from (pb.SubmitSharesReply(taken=count) for count in spaced(taken))
            submission, signature = self._prover.receipt(head.header)
            self._calls.known(context)
            # Before the receipt leaves: an owner that has it ends the call, and with it this method.
            _log.info("event=share submission=0x%s %s", submission.hex()[:16], meter.figures())
            yield pb.SubmitSharesReply(receipt=pb.ShareReceipt(submission=submission, signature=signature))

    def Run(  # noqa: N802
        self, request_iterator: Iterator[pb.RunRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.RunReply]:
        """Run one step of a batch."""
        meter = Meter()
        with answering(context, self._prover.refused):
            parts = self._led_in(meter.incoming(request_iterator), context)
            request = batchsteps.request_from_wire(parts, self._limits)
            self._calls.enter(context, pool=Pool.RELEASES if request.step is Step.RELEASE else Pool.STEPS)
            try:
                reply = self._prover.run(request)
                self._calls.known(context)
                yield from meter.outgoing(batchsteps.reply_to_wire(reply))
            finally:
                self._look_at(request)
            name, session = request.step.name, request.session.hex()[:16]
            _log.info("event=step step=%s session=0x%s %s", name, session, meter.figures())

    def DealKeys(self, request: pb.DealKeysRequest, context: grpc.ServicerContext) -> pb.DealKeysReply:  # noqa: N802
        """Deal the shared keys that this prover leads."""
        with answering(context, self._prover.refused):
            packages = self._prover.deal(request.committee_id)
            return pb.DealKeysReply(packages=[uploads.package_to_wire(package) for package in packages])

    def AcceptKeys(self, request: pb.AcceptKeysRequest, context: grpc.ServicerContext) -> pb.KeyConfirmation:  # noqa: N802
        """Take the other dealers' keys."""
        with answering(context, self._prover.refused):
            packages = uploads.packages_from_wire(request.packages)
            confirmation = self._prover.accept(request.committee_id, packages)
            self._calls.known(context)
            return uploads.confirmation_to_wire(confirmation)

    def ConfirmKeys(self, request: pb.ConfirmKeysRequest, context: grpc.ServicerContext) -> pb.ConfirmKeysReply:  # noqa: N802
        """Compare what all members hold."""
        with answering(context, self._prover.refused):
            checks.counted(request.confirmations, 1, self._prover.membership.committee.size, "confirmations")
            words = [uploads.confirmation_from_wire(word) for word in request.confirmations]
            self._prover.confirm(request.committee_id, words)
            self._calls.known(context)
            return pb.ConfirmKeysReply()

    def Status(self, request: pb.ProverStatusRequest, context: grpc.ServicerContext) -> pb.ProverStatusReply:  # noqa: N802
        """What this prover says of itself."""
        with answering(context, self._prover.refused):
            return uploads.status_to_wire(self._prover.status())

    def GetCertificate(  # noqa: N802
        self, request: common_pb2.BatchRequest, context: grpc.ServicerContext
    ) -> Iterator[common_pb2.BlobPart]:
        """Serve a batch's certificate."""
        with answering(context, self._prover.refused):
            certificate = self._prover.store.certificate(checks.digest(request.batch_id, "batch_id"))
            yield from blob_to_wire(certificate, request.offset)

    def ListBatches(self, request: pb.ListBatchesRequest, context: grpc.ServicerContext) -> pb.ListBatchesReply:  # noqa: N802
        """Name the batches of a round that this prover attested."""
        with answering(context, self._prover.refused):
            after = uploads.listed_after(request)
            known = self._prover.store.batches_of(request.task_id, request.round)
            return pb.ListBatchesReply(batch_ids=known[bisect_right(known, after) :][: uploads.MAX_LISTED])

    def GetAuditBundle(  # noqa: N802
        self, request: common_pb2.BatchRequest, context: grpc.ServicerContext
    ) -> Iterator[common_pb2.BlobPart]:
        """Serve what was opened for a batch."""
        with answering(context, self._prover.refused):
            bundle = self._prover.store.audit_bundle(checks.digest(request.batch_id, "batch_id"))
            yield from blob_to_wire(bundle, request.offset)

    def GetAvailability(self, request: pb.AvailabilityRequest, context: grpc.ServicerContext) -> pb.AvailabilityReply:  # noqa: N802
        """Say that a batch's sum is to be had."""
        with answering(context, self._prover.refused):
            batch_id, payload = uploads.asked_availability(request)
            receipt = self._prover.availability(batch_id, payload)
            _log.info("event=availability batch=0x%s challenge=%d", batch_id.hex()[:16], receipt.challenge)
            return uploads.availability_to_wire(receipt)

    def _look_at(self, request: StepRequest) -> None:
        """Behind the answer: looking asks the node, and reads a round's batches."""
        if request.step is Step.RELEASE and not self._background.start(
            partial(self._prover.look_at, replace(request, relayed=()))  # what is kept is the certificate alone
        ):
            _log.info("event=certificate-not-looked-at reason='others wait already, or the prover ends'")

    def _led_in(self, parts: Iterator[pb.RunRequest], context: grpc.ServicerContext) -> Iterator[pb.RunRequest]:
        """A step's request, which waits among strangers' ones only until its head names an attempt of this prover.

        The signature is over all that follows, which may be long; but the name hangs on what provers have just drawn,
        so that nobody knows it whom the coordinator or a prover has not told.
        """
        for part in parts:
            yield part
            if part.WhichOneof("part") == "head" and self._prover.has_attempt(part.head.session):
                self._calls.enter(context, pool=Pool.STEPS)

    def _limits(self, session: bytes) -> batchsteps.Limits:
        return batchsteps.Limits(self._prover.dimension(session))


def serve(settings: Settings) -> None:
    """Run a prover until SIGINT or SIGTERM; call it from the main thread."""
    stop = stop_requested()
    node = ProverNode(settings)
    try:
        node.start()
        stop.wait()
    finally:
        node.stop()
