"""The prover node: a gRPC server around the share store and the pure party."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator

import grpc

from circuits.errors import ChainError, GradrollError, UnknownError, WireError
from commons import VERSION
from commons.chain.view import ChainView
from commons.protocol.keypackages import CommitteeReference
from commons.protocol.status import ProverStatus
from commons.runtime.meters import Meter
from commons.runtime.process import stop_requested
from commons.settings.loading import Settings
from commons.settings.sections import ChainSettings, KeySettings, ProverSettings
from commons.storage.parameters import PublicParameters
from commons.wire import batchsteps, checks, uploads
from commons.wire._generated import common_pb2, prover_pb2_grpc
from commons.wire._generated import prover_pb2 as pb
from commons.wire.channel import bind, new_server
from commons.wire.rpcstatus import answering
from commons.wire.streams import blob_to_wire, timely
from provers.finality import Finality
from provers.intake import ShareIntake, own_membership
from provers.joining.keysetup import KeySetup
from provers.joining.keystore import Keystore
from provers.node_environment import NodeEnvironment
from provers.runner import Runner
from provers.store import Store

_log = logging.getLogger(__name__)
_DAY = 86_400


class ProverNode:
    """One prover, started and stopped from outside."""

    def __init__(self, settings: Settings) -> None:
        """Open keys, chain and store as [chain], [keys] and [prover] say.

        Raises:
            ConfigError, KeyFileError, ChainError, StorageError, InvalidInputError: what is missing, in words.
        """
        chain, keys = settings.section(ChainSettings), settings.section(KeySettings)
        self.settings = own = settings.section(ProverSettings)
        self._tls = own.tls
        self.keystore = Keystore.load(own.keystore)
        self.chain = ChainView.of(chain)
        nodes = [self.chain, *(ChainView.of(chain, url) for url in (own.second_node,) if url)]
        self._require_one_market(nodes)
        self.membership = own_membership(self.chain.committee(own.committee), self.keystore.address)
        parameters = PublicParameters(keys.srs, keys.directory, allow_insecure=settings.development)
        self.store = Store(own.state, max_bytes=own.max_store_bytes, per_owner=own.submissions_per_owner)
        self.environment = NodeEnvironment(
            self.chain, Finality(nodes, own.confirmations), self.store, self.keystore, parameters,
            committee_id=own.committee, max_dimension=own.max_dimension,
        )  # fmt: skip
        self.refusals: Counter[str] = Counter()
        self._server: grpc.Server | None = None
        self._stopping = threading.Event()

    def _require_one_market(self, nodes: list[ChainView]) -> None:
        """Nodes must agree on what this prover believes for good: the deployment, the committee and its public keys."""
        if any((node.market_id, node.registry) != (self.chain.market_id, self.chain.registry) for node in nodes):
            raise ChainError("the two nodes show different deployments of the market; which one is right?")
        first, *others = (node.committee_record(self.settings.committee) for node in nodes)
        if any(other.committee != first.committee for other in others):
            raise ChainError("the two nodes show different members of the committee; which one is right?")
        if any(other.ready and first.ready and other.hpke_keys != first.hpke_keys for other in others):
            raise ChainError("the two nodes show different keys of the committee's members; which one is right?")

    def start(self) -> int:
        """Begin to serve; returns the port.  Raises ConfigError when the address is taken."""
        self._server = new_server(self.settings.max_workers)
        prover_pb2_grpc.add_ProverServicer_to_server(Servicer(self), self._server)
        port = bind(self._server, self.settings.listen, self._tls)
        self._server.start()
        threading.Thread(target=self._tidy, daemon=True, name="tidy").start()
        _log.info(
            "event=prover-started address=0x%s committee=%d prover=%d port=%d",
            self.keystore.address.hex(), self.settings.committee, self.membership.index, port,
        )  # fmt: skip
        return port

    def stop(self) -> None:
        """Refuse new calls, let running ones finish for a while, close the store."""
        self._stopping.set()
        if self._server is not None:
            self._server.stop(self.settings.stop_grace).wait()
        self.store.close()
        _log.info("event=prover-stopped prover=%d", self.membership.index)

    def _tidy(self) -> None:
        """Delete the shares of settled rounds, and old results: what nobody needs any more cannot leak."""
        while not self._stopping.wait(self.settings.tidy_interval):
            try:
                now = time.time()  # not the node's word: a time far ahead would cost the shares of running rounds
                deleted = self.store.discard_settled(int(now))
                self.store.discard_results(now - self.settings.retention_days * _DAY)
            except Exception as error:  # whatever it was, it is tried again: this is what deletes shares
                reason = str(error) if isinstance(error, GradrollError) else type(error).__name__
                _log.warning("event=tidy-failed reason=%r", reason)
                continue
            if deleted:
                _log.info("event=shares-deleted count=%d", deleted)


class Servicer(prover_pb2_grpc.ProverServicer):
    """Wire to domain and back; no rule of the protocol stands here."""

    def __init__(self, node: ProverNode) -> None:
        self._node = node
        self._settings = settings = node.settings
        committee = node.membership.committee
        reference = CommitteeReference(node.chain.chain_id, node.chain.registry, committee)
        self._setup = KeySetup(node.keystore, reference, committee, node.membership.index)
        self._setup_lock = threading.Lock()
        self._intake = ShareIntake(
            node.chain, node.store, node.keystore, node.environment, node.membership,
            clock_skew=settings.clock_skew,
        )  # fmt: skip
        self._runner = Runner(
            node.membership, self._setup, node.store, node.environment, kept_replies=settings.kept_replies
        )

    def SubmitShares(  # noqa: N802
        self, request_iterator: Iterator[pb.SubmitSharesRequest], context: grpc.ServicerContext
    ) -> pb.ShareReceipt:
        """Take one share in."""
        meter = Meter()
        with answering(context, self._refused):
            parts = meter.incoming(timely(request_iterator, context, self._settings.idle_timeout))
            first = next(parts, None)
            if first is None or first.WhichOneof("part") != "head":
                raise WireError("a share's stream must begin with its head")
            head = uploads.head_from_wire(first.head)
            submission, signature = self._intake.take(head, _sealed(parts))
            _log.info("event=share submission=0x%s %s", submission.hex()[:16], meter.figures())
            return pb.ShareReceipt(submission=submission, signature=signature)

    def Run(  # noqa: N802
        self, request_iterator: Iterator[pb.RunRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.RunReply]:
        """Run one step of a batch."""
        meter = Meter()
        with answering(context, self._refused):
            parts = meter.incoming(timely(request_iterator, context, self._settings.idle_timeout))
            request = batchsteps.request_from_wire(parts, self._limits)
            yield from meter.outgoing(batchsteps.reply_to_wire(self._runner.run(request)))
            name, session = request.step.name, request.session.hex()[:16]
            _log.info("event=step step=%s session=0x%s %s", name, session, meter.figures())

    def DealKeys(self, request: pb.DealKeysRequest, context: grpc.ServicerContext) -> pb.DealKeysReply:  # noqa: N802
        """Deal the shared keys that this prover leads."""
        with answering(context, self._refused), self._setup_lock:
            self._own_committee(request.committee_id)
            record = self._node.chain.committee_record(request.committee_id)
            if not record.ready:
                raise UnknownError("not every member of the committee has registered its key yet; try again then")
            packages = self._setup.deal(record.hpke_keys)
            return pb.DealKeysReply(packages=[uploads.package_to_wire(package) for package in packages])

    def AcceptKeys(self, request: pb.AcceptKeysRequest, context: grpc.ServicerContext) -> pb.KeyConfirmation:  # noqa: N802
        """Take the other dealers' keys."""
        with answering(context, self._refused), self._setup_lock:
            self._own_committee(request.committee_id)
            return uploads.confirmation_to_wire(self._setup.accept(uploads.packages_from_wire(request.packages)))

    def ConfirmKeys(self, request: pb.ConfirmKeysRequest, context: grpc.ServicerContext) -> pb.ConfirmKeysReply:  # noqa: N802
        """Compare what all members hold."""
        with answering(context, self._refused), self._setup_lock:
            self._own_committee(request.committee_id)
            checks.counted(request.confirmations, 1, self._node.membership.committee.size, "confirmations")
            self._setup.confirm([uploads.confirmation_from_wire(word) for word in request.confirmations])
            return pb.ConfirmKeysReply()

    def Status(self, request: pb.ProverStatusRequest, context: grpc.ServicerContext) -> pb.ProverStatusReply:  # noqa: N802
        """What this prover says of itself."""
        with answering(context, self._refused):
            count, size = self._node.store.usage()
            status = ProverStatus(
                self._node.keystore.address, self._node.chain.chain_id, self._node.chain.market,
                self._settings.committee, self._node.membership.index, VERSION, self._setup.ready, count, size,
                dict(self._node.refusals),
            )  # fmt: skip
            return uploads.status_to_wire(status)

    def GetCertificate(  # noqa: N802
        self, request: common_pb2.BatchRequest, context: grpc.ServicerContext
    ) -> Iterator[common_pb2.BlobPart]:
        """Serve a batch's certificate."""
        with answering(context, self._refused):
            yield from blob_to_wire(self._node.store.certificate(checks.digest(request.batch_id, "batch_id")))

    def GetAuditBundle(  # noqa: N802
        self, request: common_pb2.BatchRequest, context: grpc.ServicerContext
    ) -> Iterator[common_pb2.BlobPart]:
        """Serve what was opened for a batch."""
        with answering(context, self._refused):
            yield from blob_to_wire(self._node.store.audit_bundle(checks.digest(request.batch_id, "batch_id")))

    def _limits(self, session: bytes) -> batchsteps.Limits:
        return batchsteps.Limits(self._runner.dimension(session))

    def _own_committee(self, committee_id: int) -> None:
        if committee_id != self._settings.committee:
            raise UnknownError(f"this prover belongs to committee {self._settings.committee}, not {committee_id}")

    def _refused(self, error: GradrollError) -> None:
        self._node.refusals[error.code] += 1


def _sealed(parts: Iterator[pb.SubmitSharesRequest]) -> Iterator[bytes]:
    for part in parts:
        if part.WhichOneof("part") != "sealed":
            raise WireError("only sealed chunks may follow the head of a share's stream")
        yield part.sealed


def serve(settings: Settings) -> None:
    """Run a prover until SIGINT or SIGTERM; call it from the main thread."""
    stop = stop_requested()
    node = ProverNode(settings)
    node.start()
    stop.wait()
    node.stop()
