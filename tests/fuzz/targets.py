"""Every parser that strangers' bytes reach, and why the others are none."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from circuits import container, payload
from circuits.accuracy.proofparts import AccuracyProof, RoundingProof
from circuits.errors import InvalidInputError, KeyFileError, KeyMismatchError, StorageError
from circuits.foreignjson import parse_json
from circuits.grading import decode_values, encode_values
from circuits.statement import TAIL, Committee, Membership
from circuits.swap.sealedrows import SealedRow
from commons.artifacts import networkfiles
from commons.artifacts.cids import Cid
from commons.artifacts.datasetfiles import Dataset
from commons.artifacts.unixfs import Node
from commons.chain import signedtransactions
from commons.chain.answers import OddAnswerError, parsed
from commons.protocol import bodies, decisionlists, gradedbodies, keypackages, sealedreplies
from commons.protocol.bundle import AuditBundle, Certificate
from commons.protocol.ledgerheads import LedgerHead
from commons.protocol.modelmanifests import ModelManifest
from commons.runtime import identifiers
from commons.samples.epochmanifests import EpochManifest
from commons.samples.improvementrules import decode_table, encode_table
from commons.samples.recordvalidation import RecordReader
from commons.samples.samplebundles import SampleBundle
from commons.samples.sampleimages import read_image
from commons.samples.schemadocuments import parse_document
from commons.settings import accountplaces, pins, storeplaces
from commons.sharing import sharepayloads
from commons.sharing.scalars import from_little_endian
from commons.storage import evidencefiles, modelfiles, roundarchives
from commons.wire import (
    batchsteps,
    bountywire,
    bundlewire,
    contexts,
    coordination,
    prescan,
    sharestreams,
    streams,
    uploads,
)
from commons.wire._generated import common_pb2, coordinator_pb2
from commons.wire._generated import prover_pb2 as pb
from coordinator import events
from gradroll.audit.modelcards import ModelCard
from gradroll.commands import arrayfiles
from gradroll.data_owner import orders
from provers.party import ledger
from tests.fuzz.harness import Target
from tests.samples import documents

DIMENSION = 5
SEALED = 2
"""Weights of the sealed row."""
COMMITTEE = Committee(1, 1, tuple(bytes((p + 1,)) * 20 for p in range(4)))
HOLDER = Membership(COMMITTEE, 2)
LIMITS = batchsteps.Limits(DIMENSION)
IMAGES: dict[str, Any] = {"array": {"dtype": "uint8", "shape": [5, 4], "classes": 2}}
"""Schema of the images."""
_ROW = np.zeros((DIMENSION + TAIL, 4), np.uint64)
_PREFIX = 3
"""Bytes of the length before each message of a stream, in the inputs of this fuzzing alone."""
_FOLDER = tempfile.TemporaryDirectory(prefix="gradroll-fuzz-")


def stream_of(messages: Iterable[Any]) -> bytes:
    """A stream of messages as one input."""
    raw = [message.SerializeToString(deterministic=True) for message in messages]
    return b"".join(len(each).to_bytes(_PREFIX, "big") + each for each in raw)


def parts_of(raw: bytes, kind: Any) -> Iterator[Any]:
    """The inverse; a length that is too large takes what is left."""
    at = 0
    while at < len(raw):
        size, at = int.from_bytes(raw[at : at + _PREFIX], "big"), at + _PREFIX
        yield prescan.read(raw[at : at + size], kind)
        at += size


def wire(kind: Any, read: Callable[[Any], Any], write: Callable[[Any], Any] | None, *covers: str) -> Target:
    """A message of one kind."""
    encode = None if write is None else lambda value: write(value).SerializeToString(deterministic=True)
    return Target(covers, lambda raw: read(prescan.read(raw, kind)), encode, canonical=False)


def streamed(kind: Any, read: Callable[[Iterator[Any]], Any], write: Any, *covers: str) -> Target:
    """A stream of messages of one kind."""
    encode = None if write is None else lambda value: stream_of(write(value))
    return Target(covers, lambda raw: read(parts_of(raw, kind)), encode, canonical=False)


def body(kind: Any, *, sized: bool = False) -> Target:
    """A step's body; of those whose length follows from the owners, the first byte says how many there are."""
    name = f"{kind.__module__}.{kind.__name__}.decode"
    if not sized:
        return Target((name,), kind.decode, lambda value: value.encode())

    def parse(raw: bytes) -> tuple[int, Any]:
        owners = raw[0] % 4 + 1 if raw else 1
        return owners, kind.decode(raw[1:], owners)

    return Target((name,), parse, lambda value: bytes((value[0] - 1,)) + value[1].encode(), canonical=False)


def in_file(read: Callable[[Path], Any], *covers: str, errors: tuple[type[Exception], ...]) -> Target:
    """What is read from a file."""

    def parse(raw: bytes) -> Any:
        path = Path(_FOLDER.name) / "input"
        path.unlink(missing_ok=True)  # a file that is mapped must not change
        path.write_bytes(raw)
        return read(path)

    return Target(covers, parse, errors=errors)


def reader_of(document: dict[str, Any]) -> Callable[[bytes], bytes]:
    """A record of a schema, as its sample."""
    return RecordReader(parse_document(documents.encoded(document))).read


def _image(raw: bytes) -> bytes:
    return read_image(parse_document(documents.encoded(IMAGES)), 1, raw)


def _text(raw: bytes) -> str:
    """A text, as a database gives it: always Unicode."""
    return raw.decode("utf-8", "replace")


def _request(parts: Iterator[Any]) -> Any:
    head = batchsteps.step_head_from_wire(next(parts, None))
    return batchsteps.request_from_wire(head, parts, lambda _: LIMITS)


def _blob(parts: Iterator[Any]) -> bytes:
    return streams.BlobReader(1 << 20, "a blob").read(parts)


def _model(parts: Iterator[Any]) -> bytes:
    reader = coordination.ModelReader(coordination.model_head_from_wire(next(parts, None)), 1 << 20)
    for _ in reader.chunks(parts):
        pass
    return reader.finish()


def _group(parts: Iterator[Any]) -> Any:
    head = bountywire.group_from_wire(next(parts, None))
    return head, bountywire.body(parts, head.length, "a file")()


def _winner(parts: Iterator[Any]) -> Any:
    head = bountywire.winner_from_wire(next(parts, None))
    return head, bountywire.body(parts, head.length, "a row")()


def _bundle(parts: Iterator[Any]) -> Any:
    head = bundlewire.bundle_from_wire(next(parts, None))
    return head, b"".join(streams.body_chunks(parts, head.length, "a bundle"))


def _record(raw: bytes) -> Any:
    record = parse_json(raw)
    if not isinstance(record, dict):
        raise ValueError("no record")
    return events.from_record(events.from_version_3(events.from_version_2(events.from_version_1(record))))


def _archive(raw: bytes) -> Any:
    """An archive of a round; the input is without its digest, which would hide everything else from mutations."""
    path = Path(_FOLDER.name) / "archive"
    path.write_bytes(raw + hashlib.sha256(raw).digest())
    with roundarchives.read_archive(path) as archive:
        archive.require_whole(DIMENSION)
        return archive.head, list(archive.batches(DIMENSION)), list(archive.certificates())


def _payload(raw: bytes) -> Any:
    return sharepayloads.decode_payload(raw, DIMENSION, HOLDER)


_W, _U, _C = "commons.wire.batchsteps.", "commons.wire.uploads.", "commons.wire.coordination."
_S, _B, _D = "commons.wire.sharestreams.", "commons.wire.bountywire.", "commons.wire.bundlewire."

TARGETS: dict[str, Target] = {
    "context": wire(common_pb2.Context, contexts.context_from_wire, contexts.context_to_wire,
                    "commons.wire.contexts.context_from_wire", "commons.wire.prescan.read",
                    "commons.wire.prescan.require_bounded"),
    "header": wire(common_pb2.SubmissionHeader, contexts.header_from_wire, contexts.header_to_wire,
                   "commons.wire.contexts.header_from_wire"),
    "cohort": wire(pb.Cohort, batchsteps.cohort_from_wire, batchsteps.cohort_to_wire, _W + "cohort_from_wire"),
    "proposal": wire(pb.Proposal, batchsteps.proposal_from_wire, batchsteps.proposal_to_wire,
                     _W + "proposal_from_wire"),
    "message": wire(pb.Message, batchsteps.message_from_wire, batchsteps.message_to_wire,
                    _W + "message_from_wire", _W + "step_from_wire"),
    "request": streamed(pb.RunRequest, _request, batchsteps.request_to_wire,
                        _W + "request_from_wire", _W + "step_head_from_wire"),
    "reply": streamed(pb.RunReply, lambda parts: batchsteps.reply_from_wire(parts, LIMITS), batchsteps.reply_to_wire,
                      _W + "reply_from_wire", "commons.wire.streams.vector_from_bytes"),
    "blob": streamed(common_pb2.BlobPart, _blob, streams.blob_to_wire, "commons.wire.streams.BlobReader.read"),
    "share-head": wire(pb.SubmitSharesRequest, sharestreams.head_from_wire, sharestreams.head_to_wire,
                       *(_S + name for name in ("head_from_wire", "part_from_wire", "manifest_from_wire",
                                                "receipts_from_wire"))),
    "offer": wire(coordinator_pb2.OfferSharesRequest, sharestreams.offer_from_wire, sharestreams.offer_to_wire,
                  _S + "offer_from_wire"),
    "offer-status": wire(coordinator_pb2.OfferStatusReply, sharestreams.offer_status_from_wire,
                         sharestreams.offer_status_to_wire, _S + "offer_status_from_wire"),
    "chunks": streamed(pb.SubmitSharesRequest, lambda parts: list(sharestreams.chunks_from_wire(parts)), None,
                       _S + "chunks_from_wire", _S + "chunk_from_wire"),
    "receipt": streamed(pb.SubmitSharesReply, lambda parts: sharestreams.receipt_from_wire(parts, 4), None,
                        _S + "receipt_from_wire"),
    "packages": wire(pb.AcceptKeysRequest, lambda m: uploads.packages_from_wire(m.packages),
                     lambda found: pb.AcceptKeysRequest(packages=map(uploads.package_to_wire, found)),
                     _U + "packages_from_wire", _U + "package_from_wire"),
    "confirmation": wire(pb.KeyConfirmation, uploads.confirmation_from_wire, uploads.confirmation_to_wire,
                         _U + "confirmation_from_wire"),
    "batches": wire(pb.ListBatchesReply, lambda m: uploads.batches_from_wire(m, b""),
                    lambda found: pb.ListBatchesReply(batch_ids=found), _U + "batches_from_wire"),
    "availability": wire(pb.AvailabilityReply, uploads.availability_from_wire, uploads.availability_to_wire,
                         _U + "availability_from_wire"),
    "bounty-group": streamed(pb.HoldGroupRequest, _group, lambda found: bountywire.group_to_wire(*found),
                             _B + "group_from_wire", _B + "stage_from_wire"),
    "bounty-winner": streamed(pb.AttestOfferRequest, _winner, lambda found: bountywire.winner_to_wire(*found),
                              _B + "winner_from_wire"),
    "bounty-receipt": wire(pb.BountyReceipt, bountywire.receipt_from_wire, bountywire.receipt_to_wire,
                           _B + "receipt_from_wire"),
    "blinding-request": wire(
        pb.BlindingRequest, bountywire.blinding_request_from_wire,
        lambda found: pb.BlindingRequest(bounty=found[0], key=found[1], signature=found[2]),
        _B + "blinding_request_from_wire",
    ),
    "blinding": wire(pb.BlindingReply, bountywire.blinding_from_wire, lambda found: pb.BlindingReply(sealed=found),
                     _B + "blinding_from_wire"),
    "bundle-held": streamed(pb.HoldBundleRequest, _bundle, lambda found: bundlewire.bundle_to_wire(*found),
                       _D + "bundle_from_wire"),
    "bundle-asked": wire(pb.AttestBundleRequest, bundlewire.asked_from_wire,
                         lambda found: pb.AttestBundleRequest(bundle=found[0], content_digest=found[1]),
                         _D + "asked_from_wire"),
    "bundle-receipt": wire(pb.BundleReceipt, bundlewire.receipt_from_wire, bundlewire.receipt_to_wire,
                           _D + "receipt_from_wire"),
    "prover-status": wire(pb.ProverStatusReply, uploads.status_from_wire, uploads.status_to_wire,
                          _U + "status_from_wire"),
    "submission": wire(coordinator_pb2.SubmitHeaderRequest, coordination.submission_from_wire,
                       lambda found: coordination.submission_to_wire(*found), _C + "submission_from_wire"),
    "model": streamed(coordinator_pb2.PutModelRequest, _model, None, _C + "model_head_from_wire"),
    "submission-status": wire(coordinator_pb2.SubmissionStatusReply, coordination.status_from_wire,
                              coordination.status_to_wire, _C + "status_from_wire"),
    "task-status": wire(coordinator_pb2.TaskStatusReply, coordination.task_status_from_wire,
                        coordination.task_status_to_wire, _C + "task_status_from_wire"),
    "coin-body": body(bodies.CoinBody),
    "project-body": body(bodies.ProjectBody, sized=True),
    "mask-body": body(bodies.MaskBody, sized=True),
    "validate-body": body(bodies.ValidateBody, sized=True),
    "confirm-body": body(bodies.ConfirmBody),
    "combine-body": body(bodies.CombineBody),
    "prove-body": body(bodies.ProveBody),
    "digest-body": body(bodies.DigestBody),
    "signature-body": body(bodies.SignatureBody),
    "probe-mask-body": body(bodies.ProbeMaskBody),
    "graded-project-body": body(gradedbodies.GradedProjectBody, sized=True),
    "graded-mask-body": body(gradedbodies.GradedMaskBody, sized=True),
    "graded-validate-body": body(gradedbodies.GradedValidateBody, sized=True),
    "graded-combine-body": body(gradedbodies.GradedCombineBody, sized=True),
    "lock-body": body(gradedbodies.LockBody),
    "open-body": body(gradedbodies.OpenBody, sized=True),
    "opened-numbers": Target(("circuits.grading.decode_values",), decode_values, encode_values,
                             errors=(InvalidInputError,)),
    "accuracy-proof": Target(("circuits.accuracy.proofparts.AccuracyProof.decode",), AccuracyProof.decode,
                             lambda proof: proof.encode()),
    "rounding-proof": Target(("circuits.accuracy.proofparts.RoundingProof.decode",), RoundingProof.decode,
                             lambda proof: proof.encode()),
    "sealed-row": Target(("circuits.swap.sealedrows.SealedRow.decode",), lambda data: SealedRow.decode(data, SEALED),
                         lambda row: row.encode()),
    "certificate": Target(("commons.protocol.bundle.Certificate.decode", "commons.protocol.gradedbundle.read_rule",
                           "commons.protocol.gradedbundle.read_graded"), Certificate.decode, lambda v: v.encode()),
    "bundle": Target(("commons.protocol.bundle.AuditBundle.decode",), AuditBundle.decode, lambda v: v.encode()),
    "bundle-to-attest": Target(("commons.protocol.bundle.AuditBundle.decode_to_attest",),
                               lambda raw: AuditBundle.decode_to_attest(raw, _ROW), lambda v: v.encode_to_attest()),
    "ledger-head": Target(("commons.protocol.ledgerheads.LedgerHead.decode",), LedgerHead.decode, lambda v: v.encode()),
    "keys": Target(("commons.protocol.keypackages.decode_keys",), keypackages.decode_keys, keypackages.encode_keys),
    "aggregate": Target(("circuits.payload.decode",), lambda raw: payload.decode(raw, DIMENSION), payload.encode),
    "sealed-sum": Target(("commons.protocol.sealedreplies.decode",),
                         lambda raw: sealedreplies.decode(raw, DIMENSION), sealedreplies.encode),
    "share-payload": Target(("commons.sharing.sharepayloads.decode_payload",), _payload),
    "scalars": Target(("commons.sharing.scalars.from_little_endian",), lambda raw: from_little_endian(raw, "scalars"),
                      lambda vector: vector.tobytes()),
    "model-file": Target(("commons.storage.modelfiles.decode_model",),
                         lambda raw: modelfiles.decode_model(raw, DIMENSION), modelfiles.encode_model,
                         errors=(InvalidInputError,)),
    "model-manifest": Target(("commons.protocol.modelmanifests.ModelManifest.decode_published",
                              "commons.protocol.modelmanifests.ModelManifest.decode"),
                             ModelManifest.decode_published, lambda manifest: manifest.published,
                             errors=(InvalidInputError,)),
    "model-card": Target(("gradroll.audit.modelcards.ModelCard.decode",), ModelCard.decode, lambda card: card.encoded,
                         errors=(InvalidInputError,)),
    "decisions": Target(("commons.protocol.decisionlists.decode_decisions",), decisionlists.decode_decisions,
                        errors=(InvalidInputError,)),
    "identifier": Target(("commons.runtime.identifiers.parse",), lambda raw: identifiers.parse(_text(raw)),
                         errors=(InvalidInputError,)),
    "endpoint": Target(("commons.settings.pins.parse_endpoint", "commons.settings.pins.parse_pin"),
                       lambda raw: pins.parse_endpoint(_text(raw)), errors=(ValueError,)),
    "account-place": Target(("commons.settings.accountplaces.parse_account",),
                            lambda raw: accountplaces.parse_account(_text(raw)), errors=(ValueError,)),
    "signed-transaction": Target(("commons.chain.signedtransactions.decode_signed",), signedtransactions.decode_signed,
                                 lambda signed: signed.raw, errors=(signedtransactions.NotSignedError,)),
    "node-answer": Target(("commons.chain.answers.parsed", "circuits.foreignjson.parse_json"), parsed,
                          errors=(OddAnswerError,)),
    "event": Target(("coordinator.events.from_record", "coordinator.events.from_version_1",
                     "coordinator.events.from_version_2", "coordinator.events.from_version_3",
                     "commons.protocol.codec.Codec.decode"), _record,
                    lambda event: json.dumps(events.to_record(event)).encode(), canonical=False,
                    errors=(StorageError, ValueError)),
    "ledger-entry": Target(("provers.party.entries.from_text", "provers.party.entries.from_record"),
                           lambda raw: ledger.from_text(_text(raw)), lambda entry: ledger.to_text(entry).encode(),
                           errors=(StorageError,)),
    "container": in_file(lambda path: container.read(path, "srs"), "circuits.container.read",
                         errors=(KeyFileError, KeyMismatchError)),
    "array": in_file(lambda path: arrayfiles.read_array(path, "gradient"), "gradroll.commands.arrayfiles.read_array",
                     errors=(InvalidInputError,)),
    "evidence": in_file(evidencefiles.load_evidence, "commons.storage.evidencefiles.load_evidence",
                        "commons.storage.recordfiles.read_record", errors=(InvalidInputError,)),
    "round-archive": Target(("commons.storage.roundarchives.read_archive",), _archive,
                            lambda found: b"".join(roundarchives.archive_pieces(*found)), errors=(InvalidInputError,)),
    "cid": Target(("commons.artifacts.cids.Cid.decode",), Cid.decode, bytes, errors=(InvalidInputError,)),
    "cid-text": Target(("commons.artifacts.cids.Cid.parse",), lambda raw: Cid.parse(_text(raw)),
                       lambda cid: str(cid).encode(), errors=(InvalidInputError,)),
    "file-node": Target(("commons.artifacts.unixfs.Node.decode",), Node.decode, lambda node: node.encode(),
                        errors=(InvalidInputError,)),
    "data-set": Target(("commons.artifacts.datasetfiles.Dataset.decode", "commons.artifacts.tensorfiles.read_tensors"),
                       Dataset.decode, lambda found: found.encode(), errors=(InvalidInputError,)),
    "network": Target(("commons.artifacts.networkfiles.decode_network",), networkfiles.decode_network,
                      errors=(InvalidInputError,)),
    "schema-document": Target(("commons.samples.schemadocuments.parse_document",), parse_document,
                              lambda found: found.encoded, errors=(InvalidInputError,)),
    "table-record": Target(("commons.samples.recordvalidation.RecordReader.read",), reader_of(documents.TABLE),
                           errors=(InvalidInputError,)),
    "text-record": Target((), reader_of(documents.TEXT), errors=(InvalidInputError,)),
    "array-record": Target((), reader_of(documents.ARRAY), errors=(InvalidInputError,)),
    "epoch": Target(("commons.samples.epochmanifests.EpochManifest.decode",), EpochManifest.decode,
                    lambda epoch: epoch.encoded, errors=(InvalidInputError,)),
    "improvement-table": Target(("commons.samples.improvementrules.decode_table",), decode_table,
                                lambda found: encode_table(*found), errors=(InvalidInputError,)),
    "image": Target(("commons.samples.sampleimages.read_image",), _image, errors=(InvalidInputError,)),
    "sample-bundle": Target(("commons.samples.samplebundles.SampleBundle.decode",
                             "commons.samples.samplebundles.SampleBundle.read",
                             "commons.samples.samplebundles.read_samples"),
                            SampleBundle.decode, lambda bundle: bundle.encode(), errors=(InvalidInputError,)),
    "store-place": Target(("commons.settings.storeplaces.parse_store",),
                          lambda raw: storeplaces.parse_store(_text(raw)), errors=(ValueError,)),
    "order": in_file(orders.load_order, "gradroll.data_owner.orders.load_order", errors=(InvalidInputError,)),
}  # fmt: skip
"""By name, which is that of their folder in the corpus."""

_OWN, _BEHIND = "reads what this process wrote itself, a file that others cannot write", "hands on to a target: "
REASONS: dict[str, str] = {
    "circuits.accuracy.accuracykeys.load_model_key": _BEHIND + "container; its points are checked one by one",
    "circuits.accuracy.accuracykeys.load_model_verifying_key": _BEHIND + "container; its points are checked one by one",
    "circuits.keyfiles.load_circuit_key": _BEHIND + "container; its points are checked one by one",
    "circuits.keyfiles.load_proving_key": _BEHIND + "container; its points are checked one by one",
    "circuits.keyfiles.load_verifying_key": _BEHIND + "container; its points are checked one by one",
    "circuits.srs.load": _BEHIND + "container; its points are checked one by one",
    "circuits.srs.load_tau": _BEHIND + "container",
    "commons.artifacts.bundlefiles.load_bundle": _BEHIND + "sample-bundle",
    "commons.artifacts.recordsources.load_document": _BEHIND + "schema-document",
    "commons.artifacts.datasetfiles.read_dataset": _BEHIND + "data-set",
    "commons.artifacts.networkfiles.read_network": _BEHIND + "network",
    "commons.artifacts.tensorfiles.read_file": "takes so many bytes at most as they are",
    "commons.artifacts.transfers.read_bytes": _BEHIND + "file-node",
    "commons.chain.contractevents.Events.read": "asks a node; its answers are node-answer's",
    "commons.chain.heldfees.read_held_fees": "asks a node; its answers are node-answer's",
    "commons.chain.logpages.LogPages.read": "asks a node; its answers are node-answer's",
    "commons.chain.drawncases.read_draws": "asks a node; its answers are node-answer's",
    "commons.chain.openings.read_opening": "asks a node; its answers are node-answer's",
    "commons.chain.outbox.Kept.load": "a protocol without code",
    "commons.chain.outbox.OutboxFile.load": "reads what this process wrote itself, a file that others cannot write",
    "commons.chain.modelverifiers.read_model_verifier": "asks a node; its answers are node-answer's",
    "commons.chain.verifiers.read_key": "asks a node; its answers are node-answer's",
    "commons.chain.verifiers.read_verifier": "asks a node; its answers are node-answer's",
    "commons.runtime.passphrases.Passphrase.read": "the operator's own passphrase",
    "commons.settings.loading.load": "the operator's own settings",
    "commons.sharing.dealing.OwnerSeeds.from_bytes": "cuts this process's own randomness",
    "commons.storage.accounts.load_account": "the operator's own key file",
    "commons.storage.eventlog.EventLog.read": "a protocol without code",
    "commons.storage.eventlog.SqliteLog.read": _OWN,
    "commons.storage.eventlog.parse_row": _BEHIND + "node-answer, by the same reader of JSON",
    "commons.storage.hidingkeys.load_hiding_key": "the operator's own key file",
    "commons.storage.manifestfiles.read_manifest": _BEHIND + "model-manifest",
    "commons.storage.redislease.FencedValue.load": _OWN,
    "commons.storage.redislog.RedisLog.read": _OWN + "; each record is event's",
    "commons.storage.recordfiles.parse_record": _BEHIND + "evidence, whose bytes it is handed",
    "commons.storage.recordfiles.read_state": _OWN,
    "commons.storage.secretfiles.read_document": "the operator's own key file",
    "commons.storage.secretfiles.read_secret_file": "the operator's own key file",
    "commons.storage.submissions.SubmissionStore.load": _OWN,
    "commons.storage.sumkeys.load_sum_key": "the operator's own key file",
    "commons.storage.tlsfiles.read_pair": "the operator's own certificate",
    "commons.storage.tlsfiles.read_roots": "the operator's own certificates",
    "commons.storage.tlskeys.read_server_key": "the operator's own key file",
    "gradroll.commands.modeloptions.read_group": _BEHIND + "data-set",
    "gradroll.commands.proposals.load_proposal": _BEHIND + "evidence, by the same reader of records; signatures hold",
    "gradroll.commands.taskrounds.read": "a command",
    "gradroll.commands.votes.load_votes": _BEHIND + "order, by the same reader of record files",
    "gradroll.datamarket.datawitnesses.ReceiptFile.read": _BEHIND + "node-answer, by the same reader of JSON",
    "gradroll.datamarket.hiddengroups.HiddenGroups.read": "the operator's own key file",
    "gradroll.demo.developers.load_images": "the data set that scikit-learn brings",
    "gradroll.demo.training.load_digits": "the data set that scikit-learn brings",
    "gradroll.model_owner.decisionfiles.DecisionFiles.read": _BEHIND + "decisions",
    "gradroll.model_owner.decisionfiles.read_bounded": "bytes, which others read",
    "gradroll.model_owner.decisionfiles.read_decisions": _BEHIND + "decisions",
    "gradroll.model_owner.gradedrounds.KeptReferences.load": "reads what this process wrote itself; behind array",
    "gradroll.model_owner.buyer.ModelOwner.read_aggregate": _BEHIND + "aggregate",
    "gradroll.model_owner.sumreading.SumReader.read": _BEHIND + "aggregate and sealed-sum",
    "gradroll.modelmarket.datatransfers.read_list": _BEHIND + "evidence, by the same reader of record files",
    "gradroll.modelmarket.modelvault.ModelVault.load": "the seller's own secret files",
    "gradroll.modelmarket.offerfiles.read_bounty_offer": _BEHIND + "order, by the same reader of record files",
    "gradroll.modelmarket.offerfiles.read_offer": _BEHIND + "order, by the same reader of record files",
    "gradroll.modelmarket.offerfiles.read_request": _BEHIND + "order, by the same reader of record files",
    "gradroll.setup.keyimport.read_source": "the operator's own key",
    "provers.joining.keyring.Keyring.load": "the operator's own key files",
    "provers.joining.keystore.Keystore.load": "the operator's own key files",
    "provers.joining.keystore.Keystore.load_shared": _OWN,
}
"""Functions with a parser's name that no stranger's bytes reach, or only through a target."""
