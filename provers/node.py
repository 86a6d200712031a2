"""The prover node: a gRPC server around a prover."""

from __future__ import annotations

import logging
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from functools import partial

import grpc

from commons.chain.pulse import ChainPulse
from commons.chain.view import ChainView
from commons.protocol.messages import Step, StepRequest
from commons.protocol.streamheads import StepHead
from commons.runtime import spans
from commons.runtime.amounts import checksum
from commons.runtime.descriptors import room_for
from commons.runtime.identifiers import shown
from commons.runtime.logcontext import about
from commons.runtime.meters import Meter
from commons.runtime.pieces import Pieces
from commons.runtime.process import keep_memory_private, stop_requested
from commons.runtime.seldom import Seldom
from commons.runtime.supervision import supervise
from commons.settings.clocks import clock_of
from commons.settings.loading import Settings
from commons.settings.sections import ChainSettings, KeySettings, ProverSettings, UnlockSettings
from commons.storage.parameters import PublicParameters
from commons.storage.unlock import unlock_by
from commons.telemetry.callmetrics import CallMetrics
from commons.telemetry.nodemetrics import of_pools
from commons.telemetry.operations import Operations
from commons.telemetry.tracing import traced
from commons.wire import batchsteps, checks, sharestreams, tracecontext, uploads
from commons.wire._generated import common_pb2, prover_pb2_grpc
from commons.wire._generated import prover_pb2 as pb
from commons.wire.calls import Calls, Limits, places_of
from commons.wire.channel import bind, new_server
from commons.wire.health import Health
from commons.wire.identity import announced, identity_of, tell
from commons.wire.methods import Pool
from commons.wire.rpcstatus import answering
from commons.wire.stalling import spaced
from commons.wire.streams import blob_to_wire
from provers import bountymetrics, bundlemetrics, prover_start, stepmetrics
from provers.background import Background
from provers.bountyreceipts import BountyReceipts
from provers.bountyservicer import BountyServicer, receipts_of
from provers.bundlereceipts import BundleReceipts
from provers.bundleservicer import BundleServicer, bundles_of
from provers.heldfiles import tidy_all
from provers.heldmetrics import HeldMetrics
from provers.joining.keyring import Keyring
from provers.prover import Prover, own_membership
from provers.stepmetrics import StepMetrics
from provers.store import Store

_MOST_LOOKS = 16
"""Certificates that wait to be looked at, of up to 2 MiB each; what there is no room for may be shown again."""
_NODES = ("chain", "second_node")
"""Settings that name nodes, as metrics are labelled."""
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
        keyring = Keyring.load(own.keystore, unlock_by(settings.section(UnlockSettings).passphrase))
        self._identity = identity_of(own)
        readers = [ChainView.of(chain), *(ChainView.of(chain, url) for url in (own.second_node,) if url)]
        keystore = keyring.seated(readers[0].committee(own.committee))
        membership = own_membership(readers, own.committee, keystore.address)
        parameters = PublicParameters(keys.srs, keys.directory, allow_insecure=settings.development)
        prover_start.require_files(parameters)
        self._clock = clock = clock_of(settings, own)
        pulses = {name: ChainPulse(reader, clock) for name, reader in zip(_NODES, readers, strict=False)}
        self.operations = Operations("prover", settings, pulses, clock, state=own.state, tls=own.tls)
        with ExitStack() as undo:
            store = Store(
                own.state, max_bytes=own.max_store_bytes, per_owner=own.submissions_per_owner, clock=clock,
            )  # fmt: skip
            undo.callback(store.close)
            prover_start.bind_state(own, readers[0].market_id)
            self._receipts = receipts_of(settings, readers, keystore.sign, parameters)
            self._bundles = bundles_of(settings, readers, keystore.sign)
            others = keyring.before(keystore)
            self.prover = Prover(own, membership, keystore, readers, store, parameters, clock, others)
            undo.pop_all()
        prover_start.look_around(self.prover, own, announced(own.endpoint, self._identity), keystore, clock)
        self._background = Background("suspicions", _MOST_LOOKS)
        self._server: grpc.Server | None = None
        self.health = Health(_SERVICE.full_name)
        self._stopping = threading.Event()
        self._tidying = threading.Thread(target=self._tidy, daemon=True, name="tidy")
        self._turns = Pieces()
        self._metrics = StepMetrics(self.operations.telemetry, clock)
        self._bounty_metrics = bountymetrics.bounty_metrics(self.operations.telemetry)
        self._bundle_metrics = bundlemetrics.bundle_metrics(self.operations.telemetry)
        self._watch_over()

    def start(self) -> int:
        """Begin to serve; returns the port.  Raises ConfigError when the address is taken."""
        own = self._own
        calls = Calls(Limits.of(own), self.prover.refused, CallMetrics(self.operations.telemetry))
        places_of(self.operations.telemetry, calls)
        self.operations.start(lambda: self.health.serving, self._state)
        self._server = new_server(
            calls, _SERVICE,
            connections=room_for(own.max_connections), idle=own.idle_timeout, age=own.connection_age,
        )  # fmt: skip
        servicer = Servicer(
            self.prover, self._background, calls, self._metrics.stepped, self._receipts, self._bounty_metrics,
            self._bundles, self._bundle_metrics,
        )  # fmt: skip
        prover_pb2_grpc.add_ProverServicer_to_server(servicer, self._server)
        self.health.add_to(self._server)
        port = bind(self._server, self._own.listen, self._identity)
        self._server.start()
        self._tidying.start()
        tell(self._own, self._identity)
        _log.info(
            "event=prover-started address=0x%s committee=%s prover=%d port=%d",
            self.prover.address.hex(), shown(self._own.committee), self.prover.membership.index, port,
        )  # fmt: skip
        return port

    def stop(self) -> None:
        """Refuse new calls, let running ones finish for a while, close the store."""
        self._stopping.set()
        self.health.stop()
        self.operations.stop()
        if self._server is not None:
            self._server.stop(self._own.stop_grace).wait()
        self._background.close()
        self.prover.close()
        _log.info("event=prover-stopped prover=%d", self.prover.membership.index)

    def _tidy(self) -> None:
        while not self._stopping.wait(self._own.tidy_interval):
            with self._turns.piece():
                self.prover.tidy()
                tidy_all((self._receipts, self._bundles), self._clock)

    def _watch_over(self) -> None:
        """Have threads looked after, and shown."""
        watchdog, telemetry = self.operations.watchdog, self.operations.telemetry
        watchdog.living(self._tidying)
        watchdog.pieces("tidying", self._turns)
        watchdog.pieces("steps", self.prover.steps)
        watchdog.pieces("suspicions", self._background.pool.pieces)
        of_pools(telemetry, lambda: {"suspicions": self._background.pool})
        stepmetrics.show(telemetry, self.prover, self._own.max_store_bytes)
        bountymetrics.show(telemetry, self._receipts)
        bundlemetrics.show(telemetry, self._bundles)

    def _state(self) -> dict[str, object]:
        """What the operator is shown, beside what all servers say."""
        status, last = self.prover.status(), self._metrics.last
        return {
            "address": checksum(status.address),
            "committee": shown(status.committee_id),
            "prover": status.prover,
            "keys_ready": status.keys_ready,
            "submissions": status.submissions,
            "stored_bytes": status.stored_bytes,
            "refusals": dict(status.refusals),
            "step_under_way_seconds": self.prover.steps.longest(),
            "last_step": last and {"step": last.step, "at": last.at},
            "shares_overdue_seconds": self.prover.shares_overdue(),
            "work_waiting": self._background.pool.waiting,
        }


class Servicer(BountyServicer, BundleServicer):
    """Wire to domain and back; no rule of the protocol stands here."""

    def __init__(
        self,
        prover: Prover,
        background: Background,
        calls: Calls,
        stepped: Callable[[str, float], None] = lambda _step, _seconds: None,
        receipts: BountyReceipts | None = None,
        bounty_metrics: HeldMetrics | None = None,
        bundles: BundleReceipts | None = None,
        bundle_metrics: HeldMetrics | None = None,
    ) -> None:
        """Args:
        stepped: told a step's name and the seconds that this prover took for it.
        receipts: of bounties, if it gives any.
        bundles: receipts for those, if it gives any.
        """
        BountyServicer.__init__(self, receipts, prover.refused, bounty_metrics)
        BundleServicer.__init__(self, bundles, calls, prover.refused, bundle_metrics)
        self._stepped = stepped
        self._prover = prover
        self._background = background
        self._seldom = Seldom(_log)

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
            share = "event=share submission=0x%s %s"
            self._seldom.say(logging.INFO, submission, share, submission.hex()[:16], meter.figures())
            yield pb.SubmitSharesReply(receipt=pb.ShareReceipt(submission=submission, signature=signature))

    def Run(  # noqa: N802
        self, request_iterator: Iterator[pb.RunRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.RunReply]:
        """Run one step of a batch."""
        meter = Meter()
        with answering(context, self._prover.refused):
            parts = meter.incoming(request_iterator)
            head = batchsteps.step_head_from_wire(next(parts, None))
            self._prover.admit(head)
            if head.step is not Step.RELEASE:
                self._calls.enter(context)
            caller = _caller(head, context)
            with self._part("read", head, caller) as told:
                request = batchsteps.request_from_wire(head, told.incoming(parts), self._limits)
            if head.step is Step.RELEASE:
                self._calls.enter(context, pool=Pool.RELEASES)
            try:
                with self._part("run", head, caller):
                    begun = time.monotonic()
                    reply = self._prover.run(request)
                    self._stepped(request.step.name, time.monotonic() - begun)
                self._calls.known(context)
                yield from meter.outgoing(batchsteps.reply_to_wire(reply))
            finally:
                self._look_at(request)
            line = "event=step step=%s session=0x%s %s", request.step.name, request.session.hex()[:16], meter.figures()
            self._seldom.say(logging.INFO, (request.step, request.session, request.owner), *line)

    def DealKeys(self, request: pb.DealKeysRequest, context: grpc.ServicerContext) -> pb.DealKeysReply:  # noqa: N802
        """Deal the shared keys that this prover leads."""
        with answering(context, self._prover.refused):
            packages = self._prover.deal(request.committee_id, uploads.asked_reference(request))
            return pb.DealKeysReply(packages=[uploads.package_to_wire(package) for package in packages])

    def AcceptKeys(self, request: pb.AcceptKeysRequest, context: grpc.ServicerContext) -> pb.KeyConfirmation:  # noqa: N802
        """Take the other dealers' keys."""
        with answering(context, self._prover.refused):
            packages = uploads.packages_from_wire(request.packages)
            confirmation = self._prover.accept(request.committee_id, packages, uploads.asked_reference(request))
            self._calls.known(context)
            return uploads.confirmation_to_wire(confirmation)

    def ConfirmKeys(self, request: pb.ConfirmKeysRequest, context: grpc.ServicerContext) -> pb.ConfirmKeysReply:  # noqa: N802
        """Compare what all members hold."""
        with answering(context, self._prover.refused):
            checks.counted(request.confirmations, 1, self._prover.membership.committee.size, "confirmations")
            words = [uploads.confirmation_from_wire(word) for word in request.confirmations]
            self._prover.confirm(request.committee_id, words, uploads.asked_reference(request))
            self._calls.known(context)
            return pb.ConfirmKeysReply()

    def Status(self, request: pb.ProverStatusRequest, context: grpc.ServicerContext) -> pb.ProverStatusReply:  # noqa: N802
        """What this prover says of itself."""
        with answering(context, self._prover.refused):
            return uploads.status_to_wire(self._prover.status(uploads.asked_reference(request)))

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
            line = "event=availability batch=0x%s challenge=%d", batch_id.hex()[:16], receipt.challenge
            self._seldom.say(logging.INFO, (batch_id, receipt.challenge), *line)
            return uploads.availability_to_wire(receipt)

    @contextmanager
    def _part(self, name: str, head: StepHead, caller: str | None) -> Iterator[spans.Span]:
        """A part of a step: what is logged and traced in it says of which."""
        with (
            about(step=head.step.name, session=f"0x{head.session.hex()[:16]}"),
            spans.joined(name, caller, prover=self._prover.membership.index) as told,
        ):
            yield told

    def _look_at(self, request: StepRequest) -> None:
        """Behind the answer: looking asks the node, and reads a round's batches."""
        if request.step is Step.RELEASE and not self._background.start(
            partial(self._prover.look_at, replace(request, relayed=()))  # what is kept is the certificate alone
        ):
            missed = "event=certificate-not-looked-at reason='others wait already, or the prover ends'"
            self._seldom.say(logging.INFO, "others", missed)

    def _limits(self, session: bytes) -> batchsteps.Limits:
        return batchsteps.Limits.of(self._prover.cohort(session))


def _caller(head: StepHead, context: grpc.ServicerContext) -> str | None:
    """The span of a step's caller; None for RELEASE, which anybody may ask for: no stranger fills a trace."""
    return None if head.step is Step.RELEASE else tracecontext.incoming(context)


def serve(settings: Settings) -> None:
    """Run a prover until SIGINT, SIGTERM or SIGHUP; call it from the main thread."""
    keep_memory_private()
    stop = stop_requested()
    with traced(settings, "prover"):
        node = ProverNode(settings)
        try:
            node.start()
            supervise(stop, node.operations.watchdog, node.health.works)
        finally:
            node.stop()
