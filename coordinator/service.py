"""The coordinator's process: a gRPC server for owners and model owners, and the driver behind it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import grpc

from circuits.errors import GradrollError, NotReadyError, StorageError, UnknownError
from commons.chain.transactions import Patience
from commons.chain.view import ChainView
from commons.chain.writer import ChainWriter
from commons.runtime.process import stop_requested
from commons.settings.loading import Settings
from commons.settings.sections import ChainSettings, CoordinatorSettings, KeySettings
from commons.storage.accounts import load_account
from commons.storage.blobs import Blobs
from commons.storage.eventlog import open_log
from commons.storage.files import DirectoryLock, storing
from commons.storage.parameters import PublicParameters
from commons.wire import checks, coordination
from commons.wire._generated import common_pb2, coordinator_pb2_grpc
from commons.wire._generated import coordinator_pb2 as pb
from commons.wire.channel import bind, new_server
from commons.wire.rpcstatus import answering
from commons.wire.streams import blob_to_wire, timely
from coordinator.admission import Admission
from coordinator.batcher import Batcher
from coordinator.driver import Driver
from coordinator.journal import Journal
from coordinator.releases import Releases
from coordinator.rounds import ProvenBatch
from coordinator.settlement import Settlement

_log = logging.getLogger(__name__)
_MODEL_HEAD, _MODEL_COORDINATE = 1 << 16, 16
"""Bytes that a model may take: some for a header, and for each coordinate."""


class CoordinatorNode:
    """One coordinator, started and stopped from outside."""

    def __init__(self, settings: Settings) -> None:
        """Open account, chain, log and store as [chain], [keys] and [coordinator] say.

        Raises:
            KeyFileError, ChainError, StorageError, ConfigError: what is missing, in words.
        """
        chain, keys = settings.section(ChainSettings), settings.section(KeySettings)
        self.settings = own = settings.section(CoordinatorSettings)
        self._tls = own.tls
        account = load_account(own.account)
        self.view = ChainView.of(chain)
        self._directory_lock = DirectoryLock(own.state)
        self.journal = Journal(open_log(own.log))
        self.models = Blobs(own.state / "models", max_bytes=own.max_store_bytes)
        self.results = Blobs(own.state / "results", max_bytes=own.max_store_bytes)
        self.admission = Admission(
            self.view, self.journal, account.address, clock_skew=own.clock_skew, counted=own.counted_refusals
        )
        self._stopping = threading.Event()
        self.chain = ChainWriter(self.view, account, Patience.of(chain), self._stopping)
        self._driver = Driver(
            self.view,
            self.journal,
            Batcher(self.journal, self.results, step_timeout=own.step_timeout, stopping=self._stopping),
            Settlement(self.chain, self.journal, self.results),
            Releases(self.chain, self.journal, self.results, step_timeout=own.step_timeout),
            account,
            PublicParameters(keys.srs, keys.directory, allow_insecure=settings.development),
            own,
            stopping=self._stopping,
            tls_roots=_roots(own),
        )
        self._server: grpc.Server | None = None

    def start(self) -> int:
        """Begin to serve and to drive rounds; returns the port.  Raises ConfigError when the address is taken."""
        self._server = new_server(self.settings.max_workers)
        coordinator_pb2_grpc.add_CoordinatorServicer_to_server(Servicer(self), self._server)
        port = bind(self._server, self.settings.listen, self._tls)
        self._server.start()
        self._driver.start()
        _log.info("event=coordinator-started address=0x%s port=%d", self.chain.address.hex(), port)
        return port

    def stop(self) -> None:
        """Refuse new calls, end the steps under way, close the log."""
        self._stopping.set()
        if self._server is not None:
            self._server.stop(self.settings.stop_grace).wait()
            self._driver.stop()
        self.journal.close()
        self._directory_lock.release()
        _log.info("event=coordinator-stopped")


class Servicer(coordinator_pb2_grpc.CoordinatorServicer):
    """Wire to domain and back; no rule of the protocol stands here."""

    def __init__(self, node: CoordinatorNode) -> None:
        self._node = node

    def SubmitHeader(  # noqa: N802
        self, request: pb.SubmitHeaderRequest, context: grpc.ServicerContext
    ) -> pb.SubmissionStatusReply:
        """Enter a submission into its round."""
        with answering(context, _refused):
            header, receipts = coordination.submission_from_wire(request)
            return coordination.status_to_wire(self._node.admission.submit(header, receipts))

    def SubmissionStatus(  # noqa: N802
        self, request: pb.SubmissionStatusRequest, context: grpc.ServicerContext
    ) -> pb.SubmissionStatusReply:
        """What became of a submission."""
        with answering(context, _refused):
            submission = checks.digest(request.submission, "submission")
            with self._node.journal.lock:
                entry = self._node.journal.state.submissions.get(submission)
                if entry is None:
                    raise UnknownError(f"no submission 0x{submission.hex()} was handed in here")
                return coordination.status_to_wire(entry.status)

    def PutModel(  # noqa: N802
        self, request_iterator: Iterator[pb.PutModelRequest], context: grpc.ServicerContext
    ) -> pb.PutModelReply:
        """Store a model of a task's model owner."""
        with answering(context, _refused):
            parts = timely(request_iterator, context, self._node.settings.idle_timeout)
            head = coordination.model_head_from_wire(next(parts, None))
            terms = self._node.admission.check_publisher(head)
            limit = min(self._node.settings.max_model_bytes, _MODEL_HEAD + _MODEL_COORDINATE * terms.dimension)
            return pb.PutModelReply(digest=self._node.models.put(coordination.model_from_wire(head, parts, limit)))

    def GetModel(  # noqa: N802
        self, request: pb.GetModelRequest, context: grpc.ServicerContext
    ) -> Iterator[common_pb2.BlobPart]:
        """Serve a model."""
        with answering(context, _refused):
            yield from blob_to_wire(self._node.models.get(checks.digest(request.digest, "digest")))

    def GetPayload(  # noqa: N802
        self, request: common_pb2.BatchRequest, context: grpc.ServicerContext
    ) -> Iterator[common_pb2.BlobPart]:
        """Serve a batch's aggregate."""
        with answering(context, _refused):
            digest = self._batch(request).payload_digest
            if digest is None:
                raise NotReadyError("the provers have not released this sum yet; ask again some blocks later")
            yield from blob_to_wire(self._node.results.get(digest))

    def GetAuditBundle(  # noqa: N802
        self, request: common_pb2.BatchRequest, context: grpc.ServicerContext
    ) -> Iterator[common_pb2.BlobPart]:
        """Serve what was opened for a batch."""
        with answering(context, _refused):
            yield from blob_to_wire(self._node.results.get(self._batch(request).bundle_digest))

    def TaskStatus(self, request: pb.TaskStatusRequest, context: grpc.ServicerContext) -> pb.TaskStatusReply:  # noqa: N802
        """A task's rounds and rejections."""
        with answering(context, _refused), self._node.journal.lock:
            return coordination.task_status_to_wire(self._node.journal.state.task_status(request.task_id))

    def _batch(self, request: common_pb2.BatchRequest) -> ProvenBatch:
        batch_id = checks.digest(request.batch_id, "batch_id")
        with self._node.journal.lock:
            batch = self._node.journal.state.batches.get(batch_id)
        if batch is None:
            raise UnknownError(f"no batch 0x{batch_id.hex()} was proven here")
        if not batch.accepted:
            raise NotReadyError("the chain has not accepted this batch yet; ask again when it has")
        return batch


def _refused(error: GradrollError) -> None:
    level = logging.ERROR if isinstance(error, StorageError) else logging.INFO
    _log.log(level, "event=call-refused code=%s reason=%r", error.code, str(error))


def _roots(own: CoordinatorSettings) -> bytes | None:
    if own.prover_roots is None:
        return None
    with storing(f"prover_roots: cannot read {own.prover_roots}"):
        return own.prover_roots.read_bytes()


def serve(settings: Settings) -> None:
    """Run a coordinator until SIGINT or SIGTERM; call it from the main thread."""
    stop = stop_requested()
    node = CoordinatorNode(settings)
    node.start()
    stop.wait()
    node.stop()
