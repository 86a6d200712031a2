"""Honest encodings for the corpus: `python -m tests.fuzz.seeds` writes them, and leaves what else is there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from eth_utils.address import to_checksum_address
from PIL import Image

import native
from circuits import container, payload
from circuits.grading import encode_values
from circuits.hashing import keccak
from circuits.payload import Aggregate
from circuits.statement import ROWS, TAIL, share_length
from commons.artifacts.cids import Cid
from commons.artifacts.datasetfiles import Dataset
from commons.artifacts.tensorfiles import write_tensors
from commons.artifacts.unixfs import Link, Node
from commons.protocol import bodies, decisionlists, sealedreplies
from commons.protocol.bountydraws import HiddenGroup
from commons.protocol.bountyheads import GroupHead, WinnerHead
from commons.protocol.consents import ClaimOrder
from commons.protocol.keypackages import KeyConfirmation, KeyPackage, encode_keys
from commons.protocol.manifests import BodyEntry, Manifest, PartEntry
from commons.protocol.messages import Step, StepReply, StepRequest
from commons.protocol.receipts import AvailabilityReceipt
from commons.protocol.replies import Failure
from commons.protocol.sealedreplies import SealedShare
from commons.protocol.status import OfferStatus, ProverStatus, SubmissionState, SubmissionStatus
from commons.protocol.streamheads import ModelHead, OfferHead, ShareHead
from commons.protocol.sumlabels import sealed_bytes
from commons.samples.improvementrules import encode_table
from commons.samples.improvements import Improvement, ImprovementTable
from commons.samples.samplebundles import SampleBundle
from commons.sharing import sharepayloads
from commons.sharing.sealedbodies import SealedChunk
from commons.storage.accounts import SigningKey
from commons.storage.evidencefiles import _CODEC, _File
from commons.storage.modelfiles import encode_model
from commons.storage.recordfiles import write_record
from commons.storage.roundarchives import ArchivedBatch, ArchiveHead, archive_pieces
from commons.wire import batchsteps, bountywire, bundlewire, contexts, coordination, sharestreams, streams, uploads
from commons.wire._generated import prover_pb2 as pb
from commons.wire.bundlewire import BundleHead
from gradroll.data_owner.orders import OrderFile, save_order
from tests.commons import test_modelmanifests
from tests.fuzz.harness import CORPUS
from tests.fuzz.targets import DIMENSION, IMAGES, SEALED, stream_of
from tests.gradroll import test_modelcards
from tests.samples import documents, test_epochmanifests
from tests.support import perjury
from tests.support.accuracymodels import accuracy_scene, rounding_scene
from tests.support.gradedattempt import GradedAttempt
from tests.support.gradednetwork import graded_with
from tests.support.network import network_with
from tests.support.sealing_attacks import swap_scene
from tests.wire.test_coordination import TASK
from tests.wire.test_steps import COHORT, COIN, CONTEXT, HEADERS, MARKET, MASK, MESSAGE, PROPOSAL, RELEASE, SIGNED

VECTORS = [Path(__file__).resolve().parents[1] / "vectors" / version / "storage" for version in ("v1", "v5")]
OWNERS = 2
SIZED = {Step.PROJECT, Step.MASK, Step.VALIDATE}
BODIES = {
    Step.COIN: "coin", Step.PROJECT: "project", Step.MASK: "mask", Step.VALIDATE: "validate", Step.CONFIRM: "confirm",
    Step.COMBINE: "combine", Step.PROVE: "prove",
}  # fmt: skip


def one(message: Any) -> bytes:
    return bytes(message.SerializeToString(deterministic=True))


def wires() -> Iterator[tuple[str, bytes]]:
    """Messages and streams."""
    yield "context", one(contexts.context_to_wire(CONTEXT))
    yield "header", one(contexts.header_to_wire(HEADERS[1]))
    yield "cohort", one(batchsteps.cohort_to_wire(COHORT))
    yield "proposal", one(batchsteps.proposal_to_wire(PROPOSAL))
    yield "message", one(batchsteps.message_to_wire(MESSAGE))
    share = StepRequest(Step.EXCLUDE, b"\x01" * 32, authorization=SIGNED, relayed=(MESSAGE,), payload=b"s", owner=1)
    for request in (COIN, MASK, RELEASE, share):
        yield "request", stream_of(batchsteps.request_to_wire(request))
    row = native.expand(b"\x01" * 32, DIMENSION + TAIL)
    for reply in (StepReply(MESSAGE), StepReply(MESSAGE, row), StepReply(MESSAGE, None, b"\x00" + b"s" * 32)):
        yield "reply", stream_of(batchsteps.reply_to_wire(reply))
    yield "blob", stream_of(streams.blob_to_wire(b"a blob" * 20))
    manifest = Manifest(
        (PartEntry(b"\x01" * 32, None), PartEntry(b"\x02" * 32, 0), PartEntry(b"\x03" * 32, 0)),
        (BodyEntry(b"\x04" * 32, 3),), SIGNED,
    )  # fmt: skip
    yield "share-head", one(sharestreams.head_to_wire(ShareHead(HEADERS[0], 1, manifest, b"part", {0: SIGNED})))
    yield "offer", one(sharestreams.offer_to_wire(OfferHead(HEADERS[0], manifest, (b"one", b"two", b"three"))))
    standing = OfferStatus({0: SIGNED, 2: SIGNED}, {1: "it is away"}, 4)
    yield "offer-status", one(sharestreams.offer_status_to_wire(standing))
    chunk = sharestreams.chunk_to_wire(SealedChunk(b"sealed" * 9, b"\x05" * 32))
    yield "chunks", stream_of(pb.SubmitSharesRequest(chunk=chunk) for _ in range(2))
    receipt = pb.ShareReceipt(submission=b"\x01" * 32, signature=SIGNED)
    yield "receipt", stream_of((pb.SubmitSharesReply(taken=1), pb.SubmitSharesReply(receipt=receipt)))
    packages = [uploads.package_to_wire(KeyPackage(dealer, 1, b"sealed", SIGNED)) for dealer in range(3)]
    yield "packages", one(pb.AcceptKeysRequest(packages=packages))
    words = KeyConfirmation(1, {(0, 1): b"\x01" * 32, (0, 2): b"\x02" * 32}, SIGNED)
    yield "confirmation", one(uploads.confirmation_to_wire(words))
    yield "batches", one(pb.ListBatchesReply(batch_ids=[bytes((n,)) * 32 for n in (1, 2, 3)]))
    yield "availability", one(uploads.availability_to_wire(AvailabilityReceipt(7, SIGNED)))
    group = HiddenGroup(b"\x01" * 32, b"\x02" * 32, b"\x03" * 32, 12)
    shown = GroupHead(b"\x04" * 32, 2, 1, group, (b"\x05" * 32, group.leaf), 9)
    yield "bounty-group", stream_of(bountywire.group_to_wire(shown, b"some data"))
    won = WinnerHead(b"\x04" * 32, b"\x06" * 32, native.g1_generator, b"\x07" * 32, 5, SIGNED, 9)
    yield "bounty-winner", stream_of(bountywire.winner_to_wire(won, b"some data"))
    yield "bounty-receipt", one(bountywire.receipt_to_wire(SIGNED))
    yield "blinding-request", one(pb.BlindingRequest(bounty=b"\x04" * 32, key=b"\x08" * 32, signature=SIGNED))
    yield "blinding", one(pb.BlindingReply(sealed=b"sealed" * 12))
    held = b"a bundle" * 20
    yield "bundle-held", stream_of(bundlewire.bundle_to_wire(BundleHead(3, b"\x04" * 32, len(held)), held))
    yield "bundle-asked", one(pb.AttestBundleRequest(bundle=3, content_digest=b"\x04" * 32))
    yield "bundle-receipt", one(bundlewire.receipt_to_wire(SIGNED))
    status = ProverStatus(b"\x01" * 20, 1, b"\x02" * 20, 3, 1, "1.0", True, 5, 6, {"busy": 2, "wire": 1})
    yield "prover-status", one(uploads.status_to_wire(status))
    yield "submission", one(coordination.submission_to_wire(HEADERS[0], {0: SIGNED, 2: SIGNED}))
    model = b"a model" * 9
    yield "model", stream_of(coordination.model_to_wire(ModelHead(3, 63, keccak(model), SIGNED), model))
    state = SubmissionStatus(b"\x01" * 32, SubmissionState.ACCEPTED, "", b"\x02" * 32)
    yield "submission-status", one(coordination.status_to_wire(state))
    yield "task-status", one(coordination.task_status_to_wire(TASK))


def batches() -> Iterator[tuple[str, bytes]]:
    """What a whole batch's provers say, and what comes out."""
    network = network_with(OWNERS)
    found: dict[Step, bytes] = {}
    deliver = network.deliver

    def watched(prover: int, request: StepRequest) -> StepReply | Failure:
        reply = deliver(prover, request)
        if isinstance(reply, StepReply):
            found.setdefault(request.step, reply.message.body)
        return reply

    network.deliver = watched  # type: ignore[method-assign]
    bundle = network.run().completed.bundle
    certificate = bundle.certificate.attested_by([(0, SIGNED), (2, SIGNED)])
    for step, name in BODIES.items():
        yield f"{name}-body", (bytes((OWNERS - 1,)) if step in SIZED else b"") + found[step]
    yield "digest-body", bodies.DigestBody(b"\x01" * 32).encode()
    yield "signature-body", bodies.SignatureBody(SIGNED).encode()
    yield "probe-mask-body", bodies.ProbeMaskBody(native.g1_generator).encode()
    yield "certificate", certificate.encode()
    yield "bundle", bundle.encode()
    head = ArchiveHead(MARKET, 7, 1, 1, 1)
    kept = ArchivedBatch(bundle, b"a sum")
    yield "round-archive", b"".join(archive_pieces(head, [kept], [certificate]))
    yield "ledger-head", bodies.CoinBody.decode(found[Step.COIN]).head.encode()
    yield from graded_batches()


def graded_batches() -> Iterator[tuple[str, bytes]]:
    """As ``batches``, of one that is graded."""
    attempt = GradedAttempt(graded_with([1000] * OWNERS))
    attempt.begin()
    attempt.through(Step.PROVE)
    for step in (*SIZED, Step.COMBINE, Step.OPEN):
        name = "open" if step is Step.OPEN else f"graded-{BODIES[step]}"
        count = OWNERS if step is Step.OPEN else len(attempt.kept)
        yield f"{name}-body", bytes((count - 1,)) + attempt.said[step][0].body
    yield "lock-body", attempt.said[Step.LOCK][0].body
    yield "opened-numbers", encode_values(attempt.values)
    bundle = attempt.bundle()
    yield "certificate", bundle.certificate.encode()
    yield "bundle", bundle.encode()
    yield "bundle-to-attest", bundle.encode_to_attest()


def files() -> Iterator[tuple[str, bytes]]:
    """What is kept, and what is handed around."""
    values = np.array([1, -2, 300, 0, -70000], np.int64)
    masks = native.from_ints([7, *range(ROWS)])
    yield "accuracy-proof", accuracy_scene().prove(bytes(32)).encode()
    yield "rounding-proof", rounding_scene().prove(bytes(32), bytes(32)).encode()
    yield "sealed-row", swap_scene("fuzz", SEALED).seal(7).encode()
    yield "keys", encode_keys({(0, 1): b"\x01" * 32, (1, 3): b"\x02" * 32})
    yield "aggregate", payload.encode(Aggregate(values, masks))
    kept = [SealedShare(p, bytes((p,)) * 65, bytes((7,)) * sealed_bytes(DIMENSION)) for p in (0, 3)]
    yield "sealed-sum", sealedreplies.encode(kept)
    yield "share-payload", sharepayloads.encode_seed(b"\x05" * 32)
    yield "share-payload", sharepayloads.encode_dense(native.expand(b"\x06" * 32, share_length(DIMENSION)))
    yield "scalars", bytes(streams.vector_to_bytes(native.expand(b"\x07" * 32, 4)))
    for manifest in (test_modelmanifests.MANIFEST, test_modelmanifests.TRAINED, test_modelmanifests.HIDDEN):
        yield "model-manifest", manifest.published
    yield "model-card", test_modelcards.card().encoded
    yield "decisions", decisionlists.encode_decisions((test_modelcards.DECISION,))
    yield "model-file", encode_model(values.astype(np.float64))
    yield "array", encode_model(values.astype(np.float64))
    for text in (b"0x00000000000000ab", b"0x3fa9", b"17"):
        yield "identifier", text
    pin = b"#sha256-" + b"A" * 43
    for place in (b"grpcs://prover.example:7100" + pin, b"[::1]:7100", b"grpc://127.0.0.1:1", b"grpcs://1.2.3.4:443"):
        yield "endpoint", place
    for place in (b"https://user:word@signer.example:9000/path#0x" + b"ab" * 20, b"keys/account.json"):
        yield "account-place", place
    call = {"nonce": 3, "gas": 10**6, "value": 5, "data": b"data", "chainId": 5}
    call |= {"maxFeePerGas": 3 * 10**9, "maxPriorityFeePerGas": 10**9}
    for to in ({}, {"to": to_checksum_address(b"\xaa" * 20)}):
        yield "signed-transaction", SigningKey.from_secret(b"\x07" * 32).sign_transaction(call | to)
    yield "node-answer", b'{"jsonrpc":"2.0","id":1,"result":{"number":"0x10","logs":[null,true,1.5,"x"]}}'
    for folder in VECTORS:
        for line in (folder / "events.redis.jsonl").read_bytes().splitlines()[1:]:
            yield "event", line
        for row in (folder / "ledger.sql").read_text(encoding="utf-8").splitlines():
            if row.startswith('INSERT INTO "ledger"'):
                yield "ledger-entry", row.partition("'{")[2].rpartition("}'")[0].join("{}").encode()
    yield from artifacts()
    path = CORPUS / "seed"
    container.write(path, "srs", {"origin": "x", "powers": 2}, {"tau": b"\x01" * 64, "powers": b"\x02" * 64})
    yield "container", path.read_bytes()
    order = ClaimOrder(3, 1, 0, 4, b"\x01" * 20, 10, 1 << 40)
    save_order(path, OrderFile(MARKET, order, SIGNED))
    yield "order", path.read_bytes()
    messages = (replace(MESSAGE, body=body) for body in (b"one", b"another"))
    write_record(path, _CODEC, _File(perjury.two_messages(1, *messages)))
    yield "evidence", path.read_bytes()
    path.unlink()


def artifacts() -> Iterator[tuple[str, bytes]]:
    """Files by what is in them."""
    leaf, last = (Link(Cid.of(block), len(block), len(block)) for block in (b"a leaf", b"last"))
    for cid in (leaf.cid, Node((leaf, last)).link().cid):
        yield "cid", bytes(cid)
        yield "cid-text", str(cid).encode()
    yield "file-node", Node((leaf, last)).encode()
    yield "file-node", Node((Node((leaf, leaf)).link(), Node((last,)).link())).encode()
    yield "data-set", Dataset(np.arange(6, dtype=np.int16).reshape(3, 2), np.array([0, 1, 0], np.uint8)).encode()
    for kind in (np.int16, np.float32):
        yield "network", write_tensors({"W1": np.ones((3, 2), kind), "W2": np.ones((3, 4), kind)})
    for place in (b"kept", b"http://127.0.0.1:5001/api/v0", b"s3://bucket/a?endpoint=http://host:9&region=eu-1"):
        yield "store-place", place


def samples() -> Iterator[tuple[str, bytes]]:
    """Schemas of a data market, records and images of them, and a bundle."""
    for document in (documents.TABLE, documents.TEXT, documents.ARRAY, IMAGES):
        yield "schema-document", documents.encoded(document)
    yield "table-record", documents.encoded(documents.FLOWER)
    yield "text-record", documents.encoded({"said": "Cafe\u0301 au  lait", "mood": True})
    yield "array-record", documents.encoded({"label": 3, "values": [[1, 2, 3], [4, 5, 16]]})
    stored = BytesIO()
    Image.fromarray(np.arange(20, dtype=np.uint8).reshape(5, 4)).save(stored, "PNG")
    yield "image", stored.getvalue()
    yield "epoch", test_epochmanifests.EPOCH.encoded
    parts = Improvement(1, 5, 7 * 10**17), Improvement(4, 4, 0)
    yield "improvement-table", encode_table(bytes(range(32)), ImprovementTable(3, 9, parts))
    yield "sample-bundle", SampleBundle(keccak(b"schema"), (b"\0\1one", b"", b"\0\2" + bytes(range(64)))).encode()


def write(seeds: Iterable[tuple[str, bytes]]) -> None:
    """Write each, numbered within its target."""
    count: dict[str, int] = {}
    for name, raw in seeds:
        count[name] = number = count.get(name, -1) + 1
        path = CORPUS / name / f"honest-{number:02}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw)


if __name__ == "__main__":
    for group in (wires, batches, files, samples):
        write(group())
