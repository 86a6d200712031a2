"""The coordinator's process: a gRPC server for owners and model owners, and the driver behind it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import grpc

from circuits.errors import GradrollError, NotReadyError, StorageError, UnknownError
from commons.chain.outbox import Outbox
from commons.chain.patience import Patience
from commons.chain.view import ChainView
from commons.chain.writer import ChainWriter
from commons.protocol.messages import MAX_PROVERS
from commons.runtime.clock import SystemClock
from commons.runtime.descriptors import room_for
from commons.runtime.meters import Meter
from commons.runtime.process import stop_requested
from commons.settings.loading import Settings
from commons.settings.sections import ChainSettings, CoordinatorSettings, KeySettings
from commons.storage.accounts import load_account
from commons.storage.eventlog import EventLog, open_log
from commons.storage.files import DirectoryLock
from commons.storage.parameters import PublicParameters
from commons.wire import checks, coordination, sharestreams
from commons.wire._generated import common_pb2, coordinator_pb2_grpc
from commons.wire._generated import coordinator_pb2 as pb
from commons.wire.calls import Calls, Limits
from commons.wire.channel import bind, new_server
from commons.wire.health import Health
from commons.wire.prover_client import ProverClient
from commons.wire.rpcstatus import answering
from commons.wire.stalling import spaced
from commons.wire.streams import blob_to_wire
from commons.wire.tls import read_roots
from coordinator import coordinator_start
from coordinator.coordinator import Coordinator
from coordinator.deliveries import PLACES
from coordinator.journal import VERSIONS
from coordinator.roundstate import ProvenBatch
from coordinator.turns import KINDS

_SERVICE = pb.DESCRIPTOR.services_by_name["Coordinator"]
_log = logging.getLogger(__name__)
_MODEL_HEAD, _MODEL_COORDINATE = 1 << 16, 16
"""Bytes that a model may take: some for a header, and for each coordinate."""


class CoordinatorNode:
    """One coordinator, started and stopped from outside."""

    def __init__(self, settings: Settings) -> None:
        """Open account, chain, log and store as [chain], [keys] and [coordinator] say.

        Raises:
            ConfigError, KeyFileError, KeyMismatchError, InsecureSetupError, ChainError, StorageError: what is missing,
            in words.
        """
        chain, keys = settings.section(ChainSettings), settings.section(KeySettings)
        self._own = own = settings.section(CoordinatorSettings)
        self._tls = own.tls
        account, roots = load_account(own.account), read_roots(own.prover_roots, "prover_roots")
        self._stopping = threading.Event()
        view, clock = ChainView.of(chain), SystemClock()
        parameters = PublicParameters(keys.srs, keys.directory, allow_insecure=settings.development)
        coordinator_start.require_files(parameters)
        self._rounds = ThreadPoolExecutor(own.parallel_rounds, thread_name_prefix="round")
        self._calls = ThreadPoolExecutor(
            MAX_PROVERS * (own.parallel_rounds + 1), thread_name_prefix="fleet"
        )  # for fees they are asked beside the rounds
        self._accusing = ThreadPoolExecutor(MAX_PROVERS, thread_name_prefix="accusing")
        self._beside = ThreadPoolExecutor(KINDS, thread_name_prefix="beside")
        self._delivering = ThreadPoolExecutor(PLACES, thread_name_prefix="delivering")
        self._directory_lock = DirectoryLock(own.state)
        log: EventLog | None = None
        self._outbox: Outbox | None = None
        try:
            coordinator_start.bind_state(own, view.market_id)
            self._outbox = Outbox(own.state / "outbox", standing=own.confirmations)
            sender = ChainWriter(view, account, Patience.of(chain), self._stopping, outbox=self._outbox)
            log = open_log(own.log, VERSIONS)
            self.coordinator = Coordinator(
                own, account, sender, log, own.state, parameters,
                lambda endpoint: ProverClient(endpoint, tls_roots=roots), clock, self._rounds, self._calls,
                self._accusing, self._beside, self._delivering, self._stopping,
            )  # fmt: skip
            coordinator_start.require_own_log(self.coordinator.journal, view)
        except BaseException:
            if log is not None:
                log.close()
            self._release()
            raise
        coordinator_start.look_around(view, account.address, parameters, own, clock)
        self._address = account.address
        self._server: grpc.Server | None = None
        self._health = Health(_SERVICE.full_name)
        self._loop = threading.Thread(target=self._drive, name="driver")

    def start(self) -> int:
        """Begin to serve and to drive rounds; returns the port.  Raises ConfigError when the address is taken."""
        own, calls = self._own, Calls(Limits.of(self._own))
        self._server = new_server(
            calls, _SERVICE,
            connections=room_for(own.max_connections), idle=own.idle_timeout, age=own.connection_age,
        )  # fmt: skip
        servicer = Servicer(self.coordinator, self._own, calls)
        coordinator_pb2_grpc.add_CoordinatorServicer_to_server(servicer, self._server)
        self._health.add_to(self._server)
        port = bind(self._server, self._own.listen, self._tls)
        self._server.start()
        self._loop.start()
        _log.info("event=coordinator-started address=0x%s port=%d", self._address.hex(), port)
        return port

    def stop(self) -> None:
        """Refuse new calls, end the steps under way, close the log."""
        self._stopping.set()
        self._health.stop()
        if self._server is not None:
            self._server.stop(self._own.stop_grace).wait()
        if self._loop.is_alive():
            self._loop.join()
        for pool in (self._rounds, self._beside):
            pool.shutdown(wait=True, cancel_futures=True)
        for pool in (self._calls, self._accusing, self._delivering):
            pool.shutdown(wait=False, cancel_futures=True)
        self.coordinator.close()
        self._release()
        _log.info("event=coordinator-stopped")

    def _release(self) -> None:
        if self._outbox is not None:
            self._outbox.close()
        self._directory_lock.release()

    def _drive(self) -> None:
        while not self._stopping.is_set():
            try:
                self.coordinator.turn()
            except Exception:  # a thread that dies would leave a coordinator that takes headers and does nothing
                _log.exception("event=driver-error")
            self._stopping.wait(self._own.poll_interval)


class Servicer(coordinator_pb2_grpc.CoordinatorServicer):
    """Wire to domain and back; no rule of the protocol stands here."""

    def __init__(self, coordinator: Coordinator, settings: CoordinatorSettings, calls: Calls) -> None:
        self._coordinator = coordinator
        self._settings = settings
        self._calls = calls

    def SubmitHeader(  # noqa: N802
        self, request: pb.SubmitHeaderRequest, context: grpc.ServicerContext
    ) -> pb.SubmissionStatusReply:
        """Enter a submission into its round."""
        with answering(context, _refused):
            header, receipts = coordination.submission_from_wire(request)
            status = self._coordinator.admission.submit(header, receipts)
            self._calls.known(context)
            return coordination.status_to_wire(status)

    def SubmissionStatus(  # noqa: N802
        self, request: pb.SubmissionStatusRequest, context: grpc.ServicerContext
    ) -> pb.SubmissionStatusReply:
        """What became of a submission."""
        with answering(context, _refused):
            submission = checks.digest(request.submission, "submission")
            with self._coordinator.journal.reading() as state:
                status = state.status_of(submission)
            if status is None:
                raise UnknownError(f"no submission 0x{submission.hex()} was handed in here")
            return coordination.status_to_wire(status)

    def OfferShares(  # noqa: N802
        self, request_iterator: Iterator[pb.OfferSharesRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.OfferSharesReply]:
        """Take an owner's upload in."""
        meter = Meter()
        with answering(context, _refused):
            parts = meter.incoming(request_iterator)
            head = sharestreams.offer_from_wire(next(parts, None))
            with closing(self._coordinator.take(head, sharestreams.chunks_from_wire(parts))) as taken:
                here = next(taken)  # its owner's signature was checked
                self._calls.enter(context)
                self._calls.known(context)
                yield pb.OfferSharesReply(taken=here)
                yield from (pb.OfferSharesReply(taken=count) for count in spaced(taken))
            _log.info("event=upload owner=0x%s %s", head.header.owner.hex(), meter.figures())
            yield pb.OfferSharesReply(stored=True)

    def OfferStatus(self, request: pb.OfferStatusRequest, context: grpc.ServicerContext) -> pb.OfferStatusReply:  # noqa: N802
        """Who has its share of an upload."""
        with answering(context, _refused):
            submission = checks.digest(request.submission, "submission")
            return sharestreams.offer_status_to_wire(self._coordinator.deliveries.status(submission))

    def PutModel(  # noqa: N802
        self, request_iterator: Iterator[pb.PutModelRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.PutModelReply]:
        """Store a model of a task's model owner, unless it is here already."""
        with answering(context, _refused):
            head = coordination.model_head_from_wire(next(request_iterator, None))
            terms = self._coordinator.admission.check_publisher(head)
            self._calls.enter(context)
            self._calls.known(context)
            if not self._coordinator.models.has(head.digest):
                limit = min(self._settings.max_model_bytes, _MODEL_HEAD + _MODEL_COORDINATE * terms.dimension)
                model = coordination.ModelReader(head, limit)
                yield from spaced(model.chunks(request_iterator))
                self._coordinator.models.put(model.finish())
            yield pb.PutModelReply(digest=head.digest)

    def GetModel(  # noqa: N802
        self, request: pb.GetModelRequest, context: grpc.ServicerContext
    ) -> Iterator[common_pb2.BlobPart]:
        """Serve a model."""
        with answering(context, _refused):
            model = self._coordinator.models.get(checks.digest(request.digest, "digest"))
            yield from blob_to_wire(model, request.offset)

    def GetPayload(  # noqa: N802
        self, request: common_pb2.BatchRequest, context: grpc.ServicerContext
    ) -> Iterator[common_pb2.BlobPart]:
        """Serve a batch's aggregate."""
        with answering(context, _refused):
            digest = self._batch(request).payload_digest
            if digest is None:
                raise NotReadyError("the provers have not released this sum yet; ask again some blocks later")
            yield from blob_to_wire(self._coordinator.results.get(digest), request.offset)

    def GetAuditBundle(  # noqa: N802
        self, request: common_pb2.BatchRequest, context: grpc.ServicerContext
    ) -> Iterator[common_pb2.BlobPart]:
        """Serve what was opened for a batch."""
        with answering(context, _refused):
            bundle = self._coordinator.results.get(self._batch(request).bundle_digest)
            yield from blob_to_wire(bundle, request.offset)

    def TaskStatus(self, request: pb.TaskStatusRequest, context: grpc.ServicerContext) -> pb.TaskStatusReply:  # noqa: N802
        """A task's rounds and rejections."""
        with answering(context, _refused):
            return coordination.task_status_to_wire(self._coordinator.task_status(request.task_id))

    def _batch(self, request: common_pb2.BatchRequest) -> ProvenBatch:
        batch_id = checks.digest(request.batch_id, "batch_id")
        with self._coordinator.journal.reading() as state:
            batch = state.batches.get(batch_id)
        if batch is None:
            raise UnknownError(f"no batch 0x{batch_id.hex()} was proven here")
        if not batch.accepted:
            raise NotReadyError("the chain has not accepted this batch yet; ask again when it has")
        return batch


def _refused(error: GradrollError) -> None:
    level = logging.ERROR if isinstance(error, StorageError) else logging.INFO
    _log.log(level, "event=call-refused code=%s reason=%r", error.code, str(error))


def serve(settings: Settings) -> None:
    """Run a coordinator until SIGINT or SIGTERM; call it from the main thread."""
    stop = stop_requested()
    node = CoordinatorNode(settings)
    try:
        node.start()
        stop.wait()
    finally:
        node.stop()
