"""The coordinator's process: a gRPC server for owners and model owners, and the driver behind it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial

import grpc

from circuits.errors import GradrollError, NotReadyError, StandbyError, StorageError, UnknownError
from commons.chain.patience import Patience
from commons.chain.pulse import ChainPulse
from commons.chain.view import ChainView
from commons.runtime.amounts import checksum
from commons.runtime.descriptors import room_for
from commons.runtime.meters import Meter
from commons.runtime.process import keep_memory_private, stop_requested
from commons.runtime.seldom import Seldom
from commons.runtime.supervision import supervise
from commons.settings.clocks import clock_of
from commons.settings.loading import Settings
from commons.settings.sections import ChainSettings, CoordinatorSettings, KeySettings, UnlockSettings
from commons.storage.accounts import load_account
from commons.storage.eventlog import open_log
from commons.storage.files import DirectoryLock
from commons.storage.parameters import PublicParameters
from commons.storage.redisplace import is_redis
from commons.storage.tlsfiles import read_roots
from commons.storage.unlock import unlock_by
from commons.telemetry.callmetrics import CallMetrics
from commons.telemetry.nodemetrics import of_pools
from commons.telemetry.operations import Operations
from commons.telemetry.tracing import traced
from commons.wire import checks, coordination, sharestreams
from commons.wire._generated import common_pb2, coordinator_pb2_grpc
from commons.wire._generated import coordinator_pb2 as pb
from commons.wire.calls import Calls, Limits, places_of
from commons.wire.channel import bind, new_server
from commons.wire.health import Health
from commons.wire.identity import announced, identity_of, tell
from commons.wire.prover_client import ProverClient
from commons.wire.rpcstatus import answering
from commons.wire.stalling import spaced
from commons.wire.streams import blob_to_wire
from coordinator import coordinator_start, roundmetrics
from coordinator.coordinator import Coordinator
from coordinator.journal import VERSIONS, Journal
from coordinator.leading import OUTBOX, OnlySeat, Seat, SharedSeat
from coordinator.roundmetrics import RoundMetrics
from coordinator.roundstate import ProvenBatch
from coordinator.tenure import Means, Tenure

_SERVICE = pb.DESCRIPTOR.services_by_name["Coordinator"]
_log = logging.getLogger(__name__)


class CoordinatorNode:
    """One coordinator, started and stopped from outside."""

    def __init__(self, settings: Settings, on_failure: Callable[[], None] = lambda: None) -> None:
        """Open account, chain, log and store as [chain], [keys] and [coordinator] say.

        Args:
            on_failure: called when there is no use in running on, for a cause that ``failure`` has.

        Raises:
            ConfigError, KeyFileError, KeyMismatchError, InsecureSetupError, ChainError, StorageError: what is missing,
            in words.
        """
        chain, keys = settings.section(ChainSettings), settings.section(KeySettings)
        self._own = own = settings.section(CoordinatorSettings)
        coordinator_start.require_places(own)
        account = load_account(own.account, unlock_by(settings.section(UnlockSettings).passphrase))
        roots = read_roots(own.prover_roots, "prover_roots")
        view, clock = ChainView.of(chain), clock_of(settings, own)
        parameters = PublicParameters(keys.srs, keys.directory, allow_insecure=settings.development)
        coordinator_start.require_files(parameters)
        pulses = {"chain": ChainPulse(view, clock, account.address)}
        self.operations = Operations("coordinator", settings, pulses, clock, state=own.state, tls=own.tls)
        means = Means(
            own, account, view, Patience.of(chain), parameters,
            lambda endpoint: ProverClient(endpoint, tls_roots=roots), clock, self.operations.watchdog,
            RoundMetrics(self.operations.telemetry),
        )  # fmt: skip
        self._directory_lock = DirectoryLock(own.state)
        try:
            self._identity = identity_of(own)
            coordinator_start.bind_state(own, view.market_id)
            endpoint = "" if own.endpoint is None else announced(own.endpoint, self._identity)
            self._seat = _seat(means, endpoint, on_failure)
        except BaseException:
            self._directory_lock.release()
            raise
        coordinator_start.look_around(view, account.address, parameters, own, clock)
        self._address = account.address
        self._server: grpc.Server | None = None
        self.health = Health(_SERVICE.full_name, lambda: self._seat.is_leading)
        self._show()

    @property
    def coordinator(self) -> Coordinator:
        """What callers are let in to.  Raises StandbyError while another coordinator leads."""
        return self._seat.coordinator()

    @property
    def failure(self) -> GradrollError | None:
        """Why it cannot run on, if that is so."""
        return self._seat.failure

    def start(self) -> int:
        """Begin to serve and to drive rounds; returns the port.  Raises ConfigError when the address is taken."""
        own, refused = self._own, Refusals()
        calls = Calls(Limits.of(own), refused, CallMetrics(self.operations.telemetry))
        places_of(self.operations.telemetry, calls)
        self.operations.start(lambda: self.health.serving, self._state)
        self._server = new_server(
            calls, _SERVICE,
            connections=room_for(own.max_connections), idle=own.idle_timeout, age=own.connection_age,
        )  # fmt: skip
        servicer = Servicer(self._seat.coordinator, self._own, calls, refused)
        coordinator_pb2_grpc.add_CoordinatorServicer_to_server(servicer, self._server)
        self.health.add_to(self._server)
        port = bind(self._server, self._own.listen, self._identity)
        self._server.start()
        self._seat.start()
        tell(self._own, self._identity)
        _log.info("event=coordinator-started address=0x%s port=%d", self._address.hex(), port)
        return port

    def stop(self) -> None:
        """Refuse new calls, end the steps under way, close the log."""
        self._seat.halt()
        self.health.stop()
        self.operations.stop()
        if self._server is not None:
            self._server.stop(self._own.stop_grace).wait()
        self._seat.stop()
        self._directory_lock.release()
        _log.info("event=coordinator-stopped")

    def _show(self) -> None:
        """Have it looked at from outside; of what it leads with there is nothing to see while it stands by."""
        telemetry, seat = self.operations.telemetry, self._seat

        def led(read: Callable[[Tenure], float]) -> float | None:
            tenure = seat.tenure
            return None if tenure is None else read(tenure)

        of_pools(telemetry, lambda: {} if seat.tenure is None else seat.tenure.pools)
        roundmetrics.show(telemetry, lambda: None if seat.tenure is None else seat.tenure.coordinator)
        telemetry.gauge("account_balance_wei", "Wei that the account has for gas.", self.operations.balance)
        telemetry.gauge(
            "transactions_pending", "Transactions that are sent and not mined.",
            lambda: led(lambda tenure: tenure.sending.count),
        )  # fmt: skip
        telemetry.gauge(
            "transaction_pending_seconds", "For how long the oldest transaction that is not mined is under way.",
            lambda: led(lambda tenure: tenure.sending.longest()),
        )  # fmt: skip
        telemetry.gauge(
            "lease_held", "1 while this process may write the coordinator's state.", lambda: float(seat.is_leading)
        )

    def _state(self) -> dict[str, object]:
        """What the operator is shown, beside what all servers say."""
        tenure = self._seat.tenure
        if tenure is None:
            return {"account": checksum(self._address), "leads": False, "standby": self._standby()}
        coordinator = tenure.coordinator
        with coordinator.journal.reading() as state:
            rounds, fees = coordinator.watch.rounds(state), len(state.fees_open)
        last = coordinator.watch.last_batch
        return {
            "account": checksum(self._address),
            "leads": True,
            "rounds": rounds,
            "last_batch": last and {"batch": f"0x{last.batch_id.hex()}", "owners": last.owners, "at": last.at},
            "uploads": len(uploads := coordinator.offers.all()),
            "upload_bytes": sum(upload.size for upload in uploads),
            "silent_provers": coordinator.silent_provers(),
            "rounds_with_open_fees": fees,
            "work_waiting": tenure.waiting,
            "pending_transactions": tenure.sending.count,
            "pending_seconds": tenure.sending.longest(),
        }

    def _standby(self) -> str:
        """Who leads, in words."""
        try:
            self._seat.coordinator()
        except StandbyError as error:
            return str(error)
        return ""


def _seat(means: Means, endpoint: str, on_failure: Callable[[], None]) -> Seat:
    own = means.own
    if is_redis(own.log):
        return SharedSeat(own, endpoint, means.files, partial(Tenure, means), means.clock, means.watchdog, on_failure)
    log = open_log(own.log, VERSIONS)
    try:
        return OnlySeat(Tenure(means, Journal(log), own.state / OUTBOX))
    except BaseException:
        log.close()
        raise


class Refusals:
    """Logs refused calls, of each code once in a while, with how many there were."""

    def __init__(self) -> None:
        self._seldom = Seldom(_log)

    def __call__(self, error: GradrollError) -> None:
        """A call was refused."""
        level = logging.ERROR if isinstance(error, StorageError) else logging.INFO
        self._seldom.say(level, error.code, "event=call-refused code=%s reason=%r", error.code, str(error))


class Servicer(coordinator_pb2_grpc.CoordinatorServicer):
    """Wire to domain and back; no rule of the protocol stands here."""

    def __init__(
        self, leading: Callable[[], Coordinator], settings: CoordinatorSettings, calls: Calls, refused: Refusals
    ) -> None:
        """``leading``: the coordinator, for one call; raises StandbyError while another one leads."""
        self._leading = leading
        self._settings = settings
        self._calls = calls
        self._refused = refused
        self._uploads = Seldom(_log)

    def SubmitHeader(  # noqa: N802
        self, request: pb.SubmitHeaderRequest, context: grpc.ServicerContext
    ) -> pb.SubmissionStatusReply:
        """Enter a submission into its round."""
        with answering(context, self._refused):
            header, receipts = coordination.submission_from_wire(request)
            status = self._leading().admission.submit(header, receipts)
            self._calls.known(context)
            return coordination.status_to_wire(status)

    def SubmissionStatus(  # noqa: N802
        self, request: pb.SubmissionStatusRequest, context: grpc.ServicerContext
    ) -> pb.SubmissionStatusReply:
        """What became of a submission."""
        with answering(context, self._refused):
            submission = checks.digest(request.submission, "submission")
            status = self._leading().submission_status(submission)
            if status is None:
                raise UnknownError(f"no submission 0x{submission.hex()} was handed in here")
            return coordination.status_to_wire(status)

    def OfferShares(  # noqa: N802
        self, request_iterator: Iterator[pb.OfferSharesRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.OfferSharesReply]:
        """Take an owner's upload in."""
        meter = Meter()
        with answering(context, self._refused):
            parts = meter.incoming(request_iterator)
            head = sharestreams.offer_from_wire(next(parts, None))
            with closing(self._leading().take(head, sharestreams.chunks_from_wire(parts))) as taken:
                here = next(taken)  # its owner's signature was checked
                self._calls.enter(context)
                self._calls.known(context)
                yield pb.OfferSharesReply(taken=here)
                yield from (pb.OfferSharesReply(taken=count) for count in spaced(taken))
            header = head.header
            cause = header.task_id, header.round, header.owner  # who repeats an upload fills no log
            self._uploads.say(logging.INFO, cause, "event=upload owner=0x%s %s", header.owner.hex(), meter.figures())
            yield pb.OfferSharesReply(stored=True)

    def OfferStatus(self, request: pb.OfferStatusRequest, context: grpc.ServicerContext) -> pb.OfferStatusReply:  # noqa: N802
        """Who has its share of an upload."""
        with answering(context, self._refused):
            submission = checks.digest(request.submission, "submission")
            return sharestreams.offer_status_to_wire(self._leading().deliveries.status(submission))

    def PutModel(  # noqa: N802
        self, request_iterator: Iterator[pb.PutModelRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.PutModelReply]:
        """Store a model of a task's model owner, or the task's manifest, unless it is here already."""
        with answering(context, self._refused):
            coordinator = self._leading()
            head = coordination.model_head_from_wire(next(request_iterator, None))
            terms = coordinator.admission.check_publisher(head)
            self._calls.enter(context)
            self._calls.known(context)
            if not coordinator.models.renew(head.digest, head.task_id):
                limit = min(self._settings.max_model_bytes, coordination.largest_published(head, terms))
                model = coordination.ModelReader(head, limit)
                yield from spaced(model.chunks(request_iterator))
                coordinator.models.put(model.finish(), head.task_id)
            yield pb.PutModelReply(digest=head.digest)

    def GetModel(  # noqa: N802
        self, request: pb.GetModelRequest, context: grpc.ServicerContext
    ) -> Iterator[common_pb2.BlobPart]:
        """Serve a model."""
        with answering(context, self._refused):
            model = self._leading().models.get(checks.digest(request.digest, "digest"))
            yield from blob_to_wire(model, request.offset)

    def GetPayload(  # noqa: N802
        self, request: common_pb2.BatchRequest, context: grpc.ServicerContext
    ) -> Iterator[common_pb2.BlobPart]:
        """Serve a batch's aggregate, or of a private one the sealed shares."""
        with answering(context, self._refused):
            coordinator = self._leading()
            digest = _batch(coordinator, request).payload_digest
            if digest is None:
                raise NotReadyError("the provers have not released this sum yet; ask again some blocks later")
            yield from blob_to_wire(coordinator.results.get(digest), request.offset)

    def GetAuditBundle(  # noqa: N802
        self, request: common_pb2.BatchRequest, context: grpc.ServicerContext
    ) -> Iterator[common_pb2.BlobPart]:
        """Serve what was opened for a batch."""
        with answering(context, self._refused):
            coordinator = self._leading()
            bundle = coordinator.results.get(_batch(coordinator, request).bundle_digest)
            yield from blob_to_wire(bundle, request.offset)

    def TaskStatus(self, request: pb.TaskStatusRequest, context: grpc.ServicerContext) -> pb.TaskStatusReply:  # noqa: N802
        """A task's rounds and rejections."""
        with answering(context, self._refused):
            return coordination.task_status_to_wire(self._leading().task_status(request.task_id))


def _batch(coordinator: Coordinator, request: common_pb2.BatchRequest) -> ProvenBatch:
    batch_id = checks.digest(request.batch_id, "batch_id")
    with coordinator.journal.reading() as state:
        batch = state.batches.get(batch_id)
    if batch is None:
        raise UnknownError(f"no batch 0x{batch_id.hex()} was proven here")
    if not batch.accepted:
        raise NotReadyError("the chain has not accepted this batch yet; ask again when it has")
    return batch


def serve(settings: Settings) -> None:
    """Run a coordinator until SIGINT, SIGTERM or SIGHUP; call it from the main thread.

    Raises:
        StorageError: the event log in Redis has lost events, found at the start or later.
        GradrollError: it cannot start.
    """
    keep_memory_private()
    stop = stop_requested()
    with traced(settings, "coordinator"):
        node = CoordinatorNode(settings, stop.set)
        try:
            node.start()
            supervise(stop, node.operations.watchdog, node.health.works)
        finally:
            node.stop()
    if node.failure is not None:
        raise node.failure
