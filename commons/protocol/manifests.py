"""What an owner signs of an upload: a small sealed part for each prover, and the sealed bodies that provers need.

Nothing of the protocol rests on it: which shares a prover holds, the digests in the header say.  It lets whoever passes
an upload on, or keeps the beginning of one that broke off, know each piece for the owner's when it comes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from circuits.errors import WireError
from circuits.hashing import keccak, tag, typed_digest, words
from circuits.statement import Context, SubmissionHeader
from commons.protocol.signing import require_signer

UPLOAD_TYPE = "Upload(bytes32 submission,bytes32 manifest)"


@dataclass(frozen=True, slots=True)
class PartEntry:
    """One prover's part: SHA-256 of it, sealed, and the number of the body that completes its share, None for none."""

    digest: bytes
    body: int | None


@dataclass(frozen=True, slots=True)
class BodyEntry:
    """One body: what its sealed chunks hash to, see ``commons.sharing.sealedbodies``, and how many there are."""

    root: bytes
    chunks: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """All pieces of an upload.

    Attributes:
        parts: by prover index.
        signature: the owner's, over ``digest``.
    """

    parts: tuple[PartEntry, ...]
    bodies: tuple[BodyEntry, ...]
    signature: bytes = field(default=b"", repr=False)

    def digest(self, context: Context, submission: bytes) -> bytes:
        """EIP-712 digest of an upload of a submission, by which the upload is known as well."""
        parts = [word for part in self.parts for word in (part.digest, 0 if part.body is None else 1 + part.body)]
        bodies = [word for body in self.bodies for word in (body.root, body.chunks)]
        listed = words(tag("gradroll/v1/manifest"), len(self.parts), *parts, len(self.bodies), *bodies)
        return typed_digest(context.market.domain, UPLOAD_TYPE, (submission, keccak(listed)))

    def signed(self, context: Context, submission: bytes, sign: Callable[[bytes], bytes]) -> Manifest:
        """The same with its owner's signature."""
        return replace(self, signature=sign(self.digest(context, submission)))

    def chunks_for(self, prover: int) -> int:
        """Chunks of the body that a prover needs, 0 for none."""
        body = self.parts[prover].body
        return 0 if body is None else self.bodies[body].chunks


def require_upload(manifest: Manifest, header: SubmissionHeader, context: Context) -> bytes:
    """The digest of an upload that its submission's owner signed.

    Raises:
        WireError: it has not one part for each prover that the header names.
        SignatureError: somebody else signed it, or for another submission.
    """
    if len(manifest.parts) != len(header.share_digests):
        raise WireError(f"the upload must have {len(header.share_digests)} parts, one a prover")
    digest = manifest.digest(context, header.digest(context))
    require_signer(digest, manifest.signature, header.owner, "the upload")
    return digest
