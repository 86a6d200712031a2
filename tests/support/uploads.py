"""Uploads as owners make them, for tests that have payloads, keys and a header."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence

from circuits.statement import Committee, Context, SubmissionHeader
from commons.protocol.sealeduploads import CutPayloads, SealedUpload, Sealer
from commons.protocol.streamheads import ShareHead
from commons.sharing.sealedbodies import BodyLabel, Chunks, open_chunk
from commons.sharing.sealing import PartLabel, open_part


def sealed_upload(
    header: SubmissionHeader,
    context: Context,
    payloads: Sequence[bytes],
    committee: Committee,
    hpke_keys: Sequence[bytes],
    sign: Callable[[bytes], bytes],
) -> SealedUpload:
    """Seal share payloads under a fresh key."""
    sealer = Sealer(header, context, secrets.token_bytes(32), sign)
    return sealer.seal(CutPayloads.of(payloads, committee), hpke_keys)


def opened_payload(head: ShareHead, body: Chunks, domain: bytes, submission: bytes, secret: bytes) -> bytes:
    """A share payload as its prover puts it together."""
    number, count = head.manifest.parts[head.prover].body, head.manifest.chunks_for(head.prover)
    part = open_part(secret, head.part, PartLabel(domain, submission, head.prover, number, count))
    label = BodyLabel(domain, submission, number or 0, count)
    assert body.count == count
    return part.own + b"".join(open_chunk(part.key, body.chunk(i).sealed, label, i) for i in range(count))
