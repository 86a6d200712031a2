"""The coordinator's process: a gRPC server for owners and model owners, and the driver behind it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import grpc

from circuits.errors import GradrollError, NotReadyError, StorageError, UnknownError
from commons.chain.view import ChainView
from commons.chain.writer import ChainWriter
from commons.runtime.process import stop_requested
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
from coordinator.config import CoordinatorConfig
from coordinator.driver import Driver
from coordinator.journal import VERSIONS, Journal
from coordinator.releases import Releases
from coordinator.rounds import ProvenBatch
from coordinator.settlement import Settlement

__all__ = ["CoordinatorConfig", "CoordinatorNode", "serve"]

_log = logging.getLogger(__name__)
_MODEL_HEAD, _MODEL_COORDINATE = 1 << 16, 16
"""Bytes that a model may take: some for a header, and for each coordinate."""


class CoordinatorNode:
    """One coordinator, started and stopped from outside."""

    def __init__(self, config: CoordinatorConfig) -> None:
        """Open account, chain, log and store.

        Raises:
            KeyFileError, ChainError, StorageError, ConfigError: what is missing, in words.
        """
        self._config = config
        account = load_account(config.keystore)
        self.view = ChainView(
            config.rpc_url, config.market, expected_chain_id=config.chain_id, from_block=config.from_block
        )
        self._directory_lock = DirectoryLock(config.state_dir)
        self.journal = Journal(open_log(config.log_url, VERSIONS))
        self.models = Blobs(config.state_dir / "models", max_bytes=config.max_store_bytes)
        self.results = Blobs(config.state_dir / "results", max_bytes=config.max_store_bytes)
        self.admission = Admission(self.view, self.journal, account.address, clock_skew=config.clock_skew)
        self._stopping = threading.Event()
        self.chain = ChainWriter(self.view, account, stopping=self._stopping)
        self._driver = Driver(
            self.view,
            self.journal,
            Batcher(self.journal, self.results, step_timeout=config.step_timeout, stopping=self._stopping),
            Settlement(self.chain, self.journal, self.results),
            Releases(self.chain, self.journal, self.results, step_timeout=config.step_timeout),
            account,
            PublicParameters(config.srs, config.keys_dir, allow_insecure=config.allow_insecure),
            poll_interval=config.poll_interval,
            parallel_rounds=config.parallel_rounds,
            stopping=self._stopping,
            tls_roots=_roots(config),
        )
        self._server: grpc.Server | None = None

    def start(self) -> int:
        """Begin to serve and to drive rounds; returns the port.  Raises ConfigError when the address is taken."""
        self._server = new_server(self._config.max_workers)
        coordinator_pb2_grpc.add_CoordinatorServicer_to_server(Servicer(self, self._config), self._server)
        port = bind(self._server, self._config.listen, self._config.tls)
        self._server.start()
        self._driver.start()
        _log.info("event=coordinator-started address=0x%s port=%d", self.chain.address.hex(), port)
        return port

    def stop(self, grace: float = 10.0) -> None:
        """Refuse new calls, end the steps under way, close the log."""
        self._stopping.set()
        if self._server is not None:
            self._server.stop(grace).wait()
            self._driver.stop()
        self.journal.close()
        self._directory_lock.release()
        _log.info("event=coordinator-stopped")


class Servicer(coordinator_pb2_grpc.CoordinatorServicer):
    """Wire to domain and back; no rule of the protocol stands here."""

    def __init__(self, node: CoordinatorNode, config: CoordinatorConfig) -> None:
        self._node = node
        self._max_model = config.max_model_bytes

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
            parts = timely(request_iterator, context)
            head = coordination.model_head_from_wire(next(parts, None))
            terms = self._node.admission.check_publisher(head)
            limit = min(self._max_model, _MODEL_HEAD + _MODEL_COORDINATE * terms.dimension)
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


def _roots(config: CoordinatorConfig) -> bytes | None:
    if config.prover_roots is None:
        return None
    with storing(f"prover_roots: cannot read {config.prover_roots}"):
        return config.prover_roots.read_bytes()


def serve(config: CoordinatorConfig) -> None:
    """Run a coordinator until SIGINT or SIGTERM; call it from the main thread."""
    stop = stop_requested()
    node = CoordinatorNode(config)
    node.start()
    stop.wait()
    node.stop()
