"""A typed client of a prover node; raises what the server raised."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from hashlib import sha256
from itertools import islice
from typing import Any

from circuits.errors import WireError
from commons.protocol.bountyheads import MAX_GROUP_BYTES, MAX_ROW_BYTES, GroupHead, WinnerHead
from commons.protocol.bundle import MAX_CERTIFICATE, AuditBundle, Certificate, largest_bundle
from commons.protocol.keypackages import KeyConfirmation, KeyPackage
from commons.protocol.messages import StepReply, StepRequest
from commons.protocol.receipts import AvailabilityReceipt
from commons.protocol.status import ProverStatus
from commons.protocol.streamheads import ShareHead
from commons.runtime import spans
from commons.samples.samplebundles import MAX_BUNDLE_BYTES
from commons.sharing.sealedbodies import Chunks
from commons.wire import batchsteps, bountywire, bundlewire, sharestreams, tracecontext, uploads
from commons.wire._generated import prover_pb2 as pb
from commons.wire._generated import prover_pb2_grpc as rpc
from commons.wire._generated.common_pb2 import BatchRequest
from commons.wire.bundlewire import BundleHead
from commons.wire.client import Asked, Client
from commons.wire.sharestreams import Sending
from commons.wire.streams import BlobReader

_UPLOAD = 600.0
"""Seconds for a file of up to 4 MiB and the look at it: a prover that moves just often enough holds nobody up."""
_SLOWEST = 100_000
"""Bytes a second that a bundle moves at least."""


class ProverClient(Client):
    """One prover node.  A context manager.

    Every method raises the error of the catalogue that the node raised, or UnavailableError when it gave no answer.
    """

    def __init__(
        self, endpoint: str, *, timeout: float = 30.0, stall: float = 60.0, tls_roots: bytes | None = None
    ) -> None:
        """Connect when first used; the arguments are those of ``Client``."""
        super().__init__(endpoint, timeout=timeout, stall=stall, tls_roots=tls_roots)
        self._stub = rpc.ProverStub(self._checked)

    def submit_shares(self, head: ShareHead, body: Chunks, submission: bytes) -> bytes:
        """Hand the prover its share in; one that broke off before goes on behind the last chunk that came whole.

        Args:
            body: what completes the share.
            submission: the dealing's digest.

        Returns:
            The signature of its receipt; check it with ``commons.protocol.receipts.verify_receipt``.
        """

        def sending() -> Sending[pb.SubmitSharesRequest]:
            return Sending(sharestreams.head_to_wire(head), body.count, partial(_chunk_of, body))

        receipt = sharestreams.receipt_from_wire(self._upload(self._stub.SubmitShares, sending), body.count)
        if receipt.submission != submission:
            raise WireError(f"{self.endpoint} answered with the receipt of another submission")
        return receipt.signature

    def run(self, request: StepRequest, dimension: int, timeout: float | None = None) -> StepReply:
        """Have the prover run one step of a batch for a model of ``dimension`` coordinates.

        Args:
            timeout: seconds for all of it; without, it may take as long as it moves.
        """
        with spans.part("ask", calls=True, step=request.step.name) as told:
            metadata = tracecontext.outgoing()

            def asked() -> Iterator[pb.RunRequest]:
                return iter(told.outgoing(batchsteps.request_to_wire(request)))

            if timeout is None:
                parts = self._stream(self._stub.Run, asked, metadata=metadata)
            else:
                parts = self._stream_within(self._stub.Run, asked, timeout, metadata)
            return batchsteps.reply_from_wire(told.incoming(parts), batchsteps.Limits(dimension))

    def deal_keys(self, committee_id: int, reference: bytes = b"") -> tuple[KeyPackage, ...]:
        """The sealed keys of which the prover is the dealer.

        Args:
            reference: digest that names the list of members (``CommitteeReference.digest``); without, the present ones.
        """
        request = pb.DealKeysRequest(committee_id=committee_id, reference=reference)
        reply = self._ask(self._stub.DealKeys, request)
        return uploads.packages_from_wire(reply.packages)

    def accept_keys(self, committee_id: int, packages: Sequence[KeyPackage], reference: bytes = b"") -> KeyConfirmation:
        """Give the prover the keys that are sealed to it; ``reference`` as above."""
        request = pb.AcceptKeysRequest(
            committee_id=committee_id,
            packages=[uploads.package_to_wire(package) for package in packages],
            reference=reference,
        )
        return uploads.confirmation_from_wire(self._ask(self._stub.AcceptKeys, request))

    def confirm_keys(self, committee_id: int, confirmations: Sequence[KeyConfirmation], reference: bytes = b"") -> None:
        """Give the prover all members' signed hashes; ``reference`` as above."""
        request = pb.ConfirmKeysRequest(
            committee_id=committee_id,
            confirmations=[uploads.confirmation_to_wire(word) for word in confirmations],
            reference=reference,
        )
        self._ask(self._stub.ConfirmKeys, request)

    def status(self, timeout: float | None = None, reference: bytes = b"") -> ProverStatus:
        """What the prover says of itself; ``reference`` as above."""
        request = pb.ProverStatusRequest(reference=reference)
        return uploads.status_from_wire(self._ask(self._stub.Status, request, timeout))

    def certificate(self, batch_id: bytes, timeout: float | None = None) -> Certificate:
        """The certificate of a batch with the attestations that the prover knows; only its identifier is checked.

        Args:
            timeout: seconds for all of it; without, it may take as long as it moves.
        """
        request = BatchRequest(batch_id=batch_id)
        raw = self._blob(self._stub.GetCertificate, request, MAX_CERTIFICATE, "the certificate", within=timeout)
        found = Certificate.decode(raw)
        if found.batch_id != batch_id:
            raise WireError(f"{self.endpoint} answered with the certificate of another batch")
        return found

    def availability(self, batch_id: bytes, payload: bytes = b"", timeout: float | None = None) -> AvailabilityReceipt:
        """The prover's word that a batch's sum is to be had; check it with ``commons.chain.feereceipts``.

        Args:
            payload: the encoded aggregate, to be posted with it.
        """
        request = pb.AvailabilityRequest(batch_id=batch_id, payload=payload)
        return uploads.availability_from_wire(self._ask(self._stub.GetAvailability, request, timeout))

    def hold_group(self, head: GroupHead, file: bytes) -> None:
        """Have the prover check the data of a bounty's group, and keep them."""
        self._last(self._stub.HoldGroup, lambda: bountywire.group_to_wire(head, file))

    def attest_groups(self, bounty: bytes, stage: int) -> bytes:
        """The prover's receipt for all groups of a draw, 65 bytes; whose signature it is, the caller checks."""
        request = pb.AttestGroupsRequest(bounty=bounty, stage=stage)
        return bountywire.receipt_from_wire(self._ask(self._stub.AttestGroups, request))

    def attest_offer(self, head: WinnerHead, row: bytes) -> bytes:
        """The prover's receipt for a winner's offer, 65 bytes; whose signature it is, the caller checks."""
        answer = self._last(self._stub.AttestOffer, lambda: bountywire.winner_to_wire(head, row))
        return bountywire.receipt_from_wire(answer)

    def held(self, bounty: bytes, digest: bytes) -> bytes:
        """A file of a bounty that the prover keeps; what it is, the caller checks.

        Args:
            digest: SHA-256 of a group's file, or the digest of a sealed row.
        """
        request, most = pb.HeldRequest(bounty=bounty, digest=digest), max(MAX_GROUP_BYTES, MAX_ROW_BYTES)
        return self._blob(self._stub.GetHeld, request, most, "what is held", within=_UPLOAD)

    def blinding(self, bounty: bytes, key: bytes, signature: bytes) -> bytes:
        """x of a row that was locked by receipts, sealed to its bounty's owner.

        Args:
            key: the owner's X25519 public key.
            signature: the owner's over ``blindings.request_message`` with it: 65 bytes, or what a contract takes.
        """
        request = pb.BlindingRequest(bounty=bounty, key=key, signature=signature)
        return bountywire.blinding_from_wire(self._ask(self._stub.GetBlinding, request))

    def hold_bundle(self, head: BundleHead, file: bytes) -> None:
        """Have the prover check a bundle that was opened, and keep it."""
        within = _patience(head.length)
        self._last(self._stub.HoldBundle, lambda: bundlewire.bundle_to_wire(head, file), within)

    def attest_bundle(self, bundle: int, content_digest: bytes) -> bytes:
        """The prover's receipt for a bundle, 65 bytes; whose signature it is, the caller checks."""
        request = pb.AttestBundleRequest(bundle=bundle, content_digest=content_digest)
        return bundlewire.receipt_from_wire(self._ask(self._stub.AttestBundle, request))

    def bundle(self, content_digest: bytes, most: int = MAX_BUNDLE_BYTES) -> bytes:
        """The file of a bundle.

        Args:
            content_digest: its SHA-256, as the chain has it.
            most: bytes that are taken.

        Raises:
            WireError: the prover serves something else.
            UnavailableError: nothing moves, or it is too slow.
        """
        request = pb.BundleRequest(content_digest=content_digest)
        parts = self._stream(self._stub.GetBundle, lambda: request, until=time.monotonic() + _patience(most))
        file = BlobReader(most, "the bundle").read(parts)
        if sha256(file).digest() != content_digest:
            raise WireError(f"{self.endpoint} serves another file than the bundle; ask another member")
        return file

    def _last(self, method: Callable[..., Any], asked: Asked, within: float = _UPLOAD) -> Any:
        """The one answer to an upload."""
        found = list(islice(self._stream(method, asked, until=time.monotonic() + within), 2))
        if len(found) != 1:
            raise WireError(f"{self.endpoint} gave {len(found)} answers where one belongs")
        return found[0]

    def batches(self, task_id: int, round_number: int) -> Iterator[bytes]:
        """Identifiers of the round's batches that the prover attested, ascending, asked for as they are taken."""
        after = b""
        while True:
            request = pb.ListBatchesRequest(task_id=task_id, round=round_number, after=after)
            listed = uploads.batches_from_wire(self._ask(self._stub.ListBatches, request), after)
            yield from listed
            if not listed:
                return
            after = listed[-1]

    def audit_bundle(self, batch_id: bytes, dimension: int, timeout: float | None = None) -> AuditBundle:
        """All opened values of a batch that the prover attested; an audit checks them.

        Args:
            dimension: the model's, which bounds what is read.
            timeout: as above.
        """
        request, limit = BatchRequest(batch_id=batch_id), largest_bundle(dimension)
        raw = self._blob(self._stub.GetAuditBundle, request, limit, "the audit bundle", within=timeout)
        return AuditBundle.decode(raw)


def _patience(length: int) -> float:
    """Seconds for a file of so many bytes."""
    return _UPLOAD + length / _SLOWEST


def _chunk_of(body: Chunks, index: int) -> pb.SubmitSharesRequest:
    return pb.SubmitSharesRequest(chunk=sharestreams.chunk_to_wire(body.chunk(index)))
