"""A typed client of the coordinator; raises what the server raised."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from contextlib import closing
from functools import partial

from circuits.errors import StandbyError, UnknownError
from circuits.hashing import keccak
from circuits.payload import largest_payload
from circuits.statement import TAIL, SubmissionHeader
from commons.chain.writer import ChainWriter
from commons.protocol import sealedreplies
from commons.protocol.bundle import AuditBundle, largest_bundle
from commons.protocol.modelmanifests import MAX_PUBLISHED, ModelManifest
from commons.protocol.sealedreplies import SealedShare
from commons.protocol.sealeduploads import SealedUpload
from commons.protocol.status import OfferStatus, SubmissionState, SubmissionStatus, TaskStatus
from commons.protocol.streamheads import ModelHead, publication_message
from commons.wire import coordination, sharestreams
from commons.wire._generated import coordinator_pb2 as pb
from commons.wire._generated import coordinator_pb2_grpc as rpc
from commons.wire._generated.common_pb2 import BatchRequest
from commons.wire.client import Client
from commons.wire.rpcstatus import LEAST
from commons.wire.sharestreams import Sending

__all__ = ["CoordinatorClient", "SubmissionState", "SubmissionStatus", "TaskStatus"]

SERVICE = pb.DESCRIPTOR.services_by_name["Coordinator"].full_name
"""What the health service is asked for."""


class CoordinatorClient(Client):
    """One coordinator.  A context manager.

    Nothing that it answers needs to be believed: models and payloads are checked against digests on the chain, bundles
    by the audit.  Every method raises the error of the catalogue that the coordinator raised, or UnavailableError.
    """

    def __init__(
        self, endpoint: str, *, timeout: float = 30.0, stall: float = 60.0, tls_roots: bytes | None = None
    ) -> None:
        """Connect when first used; the arguments are those of ``Client``."""
        super().__init__(endpoint, timeout=timeout, stall=stall, tls_roots=tls_roots)
        self._stub = rpc.CoordinatorStub(self._checked)

    def standing_by(self) -> str:
        """What it says of who leads, if it stands by; empty if it leads itself."""
        try:
            self.submission_status(bytes(32))
        except StandbyError as error:
            return str(error)
        except UnknownError:  # nobody's submission has this digest
            pass
        return ""

    def submit_header(self, header: SubmissionHeader, receipts: Mapping[int, bytes]) -> SubmissionStatus:
        """Enter a submission into its round; ``receipts`` are the provers' signatures by committee index."""
        request = coordination.submission_to_wire(header, receipts)
        return coordination.status_from_wire(self._ask(self._stub.SubmitHeader, request))

    def submission_status(self, submission: bytes) -> SubmissionStatus:
        """What became of a submission."""
        request = pb.SubmissionStatusRequest(submission=submission)
        return coordination.status_from_wire(self._ask(self._stub.SubmissionStatus, request))

    def offer_shares(self, upload: SealedUpload, *, until: float = math.inf) -> None:
        """Hand an upload in, to be handed on to the provers; one that broke off before goes on where it stopped.

        Args:
            until: when it is given up although it moves, on the monotonic clock.
        """

        def sending() -> Sending[pb.OfferSharesRequest]:
            return Sending(sharestreams.offer_to_wire(upload.head), upload.count, partial(_chunk_of, upload))

        with closing(self._upload(self._stub.OfferShares, sending, until=until)) as replies:
            sharestreams.require_stored(replies, upload.count)

    def offer_status(self, submission: bytes, *, until: float = math.inf) -> OfferStatus:
        """Who has given a receipt for its share of an upload; whether each is the prover's, the caller checks.

        Args:
            until: when an answer is of no use any more, on the monotonic clock.
        """
        request = pb.OfferStatusRequest(submission=submission)
        seconds = max(min(self._timeout, until - time.monotonic()), LEAST)
        return sharestreams.offer_status_from_wire(self._ask(self._stub.OfferStatus, request, seconds))

    def put_model(self, data: bytes, task_id: int, publisher: ChainWriter) -> bytes:
        """Store a model of a task; returns its Keccak-256 digest, which the round on the chain names.

        A model that the coordinator has already is not sent again.

        Args:
            publisher: the account of the task's model owner, which signs for the model.
        """
        digest, view = keccak(data), publisher.view
        signature = publisher.sign_message(publication_message(view.market_id, task_id, digest))
        head = ModelHead(task_id, len(data), digest, signature)
        replies = self._stream(self._stub.PutModel, lambda: coordination.model_to_wire(head, data))
        coordination.require_stored(head, replies)
        return digest

    def get_model(self, digest: bytes, dimension: int) -> bytes:
        """A model by its digest; checked.  ``dimension``: its coordinates, which bound what is read."""
        request, limit = pb.GetModelRequest(digest=digest), coordination.largest_model(dimension)
        return self._blob(self._stub.GetModel, request, limit, "the model", digest)

    def put_manifest(self, manifest: ModelManifest, task_id: int, publisher: ChainWriter) -> None:
        """Store a task's model manifest; the arguments are those of ``put_model``."""
        self.put_model(manifest.published, task_id, publisher)

    def get_manifest(self, digest: bytes) -> ModelManifest:
        """A model manifest by its digest; checked.

        Raises:
            InvalidInputError: what has this digest is no manifest.
        """
        request = pb.GetModelRequest(digest=digest)
        return ModelManifest.decode_published(
            self._blob(self._stub.GetModel, request, MAX_PUBLISHED, "the model manifest", digest)
        )

    def payload(self, batch_id: bytes, dimension: int) -> bytes:
        """The encoded aggregate of an accepted batch, once it is released; check it against the chain before use."""
        request, limit = BatchRequest(batch_id=batch_id), largest_payload(dimension)
        return self._blob(self._stub.GetPayload, request, limit, "the payload")

    def sealed_sum(self, batch_id: bytes, dimension: int, provers: int) -> tuple[SealedShare, ...]:
        """The sealed shares of an accepted batch's private sum, once they are gathered; check who signed them.

        Args:
            provers: members of the committee.
        """
        scalars, request = dimension + TAIL, BatchRequest(batch_id=batch_id)
        raw = self._blob(self._stub.GetPayload, request, sealedreplies.largest_list(scalars, provers), "the sealed sum")
        return sealedreplies.decode(raw, scalars)

    def audit_bundle(self, batch_id: bytes, dimension: int) -> AuditBundle:
        """Everything that was opened for a batch."""
        request, limit = BatchRequest(batch_id=batch_id), largest_bundle(dimension)
        return AuditBundle.decode(self._blob(self._stub.GetAuditBundle, request, limit, "the audit bundle"))

    def task_status(self, task_id: int) -> TaskStatus:
        """A task's rounds at the coordinator, and why submissions were rejected."""
        return coordination.task_status_from_wire(
            self._ask(self._stub.TaskStatus, pb.TaskStatusRequest(task_id=task_id))
        )


def _chunk_of(upload: SealedUpload, index: int) -> pb.OfferSharesRequest:
    return pb.OfferSharesRequest(chunk=sharestreams.chunk_to_wire(upload.chunk(index)))
