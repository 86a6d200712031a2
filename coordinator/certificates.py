"""Certificates of proven batches, out of their stored audit bundles."""

from __future__ import annotations

from commons.protocol.bundle import AuditBundle, Certificate
from commons.storage.blobs import Blobs


def certificate_of(blobs: Blobs, bundle_digest: bytes) -> Certificate:
    """Of the batch whose bundle has a digest.  The whole bundle is read and checked, as long as the model.

    Raises:
        UnknownError: it is not there.
        WireError: it is of another version.
    """
    return AuditBundle.decode(blobs.get(bundle_digest)).certificate
