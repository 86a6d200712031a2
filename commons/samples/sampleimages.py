"""Images as arrays: PNG, whose pixels are as they were stored, decoded by Pillow after its head was checked.

Source: the specification of PNG (third edition), section 11.2.1.  What the head says is compared with the schema before
anything is decompressed, so an image of another size costs nothing.  Kinds that Pillow would convert (palettes, one to
four bits, colours of 16 bits) are refused: their pixels would not be what is in the file.
"""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
from PIL import Image

from circuits.errors import InvalidInputError
from commons.samples.canonicalsamples import array_sample
from commons.samples.schemadocuments import SchemaDocument

__all__ = ["MAX_IMAGE", "read_image"]

MAX_IMAGE = 1 << 16
"""Bytes of a file: a sample has 4,096 at most, and what else is in a file is of no use."""
_SIGNATURE = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
_HEAD = struct.Struct(">IIBB")
_COLOURS = {1: 0, 3: 2, 4: 6}
"""PNG's colour type by channels: grey, RGB, RGBA."""
_DAMAGED = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    ArithmeticError,
    struct.error,
    zlib.error,
)
"""What decoders raise for files that are none."""


def read_image(document: SchemaDocument, label: int, data: bytes) -> bytes:
    """The sample of an image file: rows from above, of each pixel its channels.

    Args:
        document: of arrays of shape [height, width] or [height, width, 1, 3 or 4].
        label: number of the class.

    Raises:
        InvalidInputError: it is no PNG, or of another size or kind than the schema says.
    """
    height, width, channels = _shape(document)
    depth = 8 * document.schema.size
    if len(data) > MAX_IMAGE or not data.startswith(_SIGNATURE) or len(data) < len(_SIGNATURE) + _HEAD.size:
        raise InvalidInputError(f"an image is a PNG file of at most {MAX_IMAGE} bytes; others lose pixels or hide them")
    found = _HEAD.unpack_from(data, len(_SIGNATURE))
    if found != (width, height, depth, _COLOURS[channels]):
        raise InvalidInputError(
            f"an image of the schema has {width} x {height} pixels of {channels} channels with {depth} bits each, "
            "without a palette; convert it"
        )
    try:
        with Image.open(BytesIO(data), formats=("PNG",)) as image:
            still = getattr(image, "n_frames", 1) == 1
            pixels = np.asarray(image)
    except _DAMAGED:
        raise InvalidInputError("the image is damaged; save it again") from None
    if not still or pixels.size != height * width * channels:
        raise InvalidInputError("an image is one picture, not several")
    return array_sample(document.schema, label, pixels.reshape(-1).tolist())


def _shape(document: SchemaDocument) -> tuple[int, int, int]:
    """Height, width and channels."""
    height, width, *rest = (*document.shape, 0, 0)[: max(2, len(document.shape))]
    channels = rest[0] if rest else 1
    if len(document.shape) not in (2, 3) or channels not in _COLOURS or (channels > 1 and document.schema.size == 2):
        raise InvalidInputError(
            "images are arrays of [height, width], of uint8 or uint16, or of [height, width, 1, 3 or 4] of uint8"
        )
    return height, width, channels
