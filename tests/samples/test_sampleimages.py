"""Images: pixels as they were stored, and everything that would change them, or cost much, refused."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from circuits.errors import InvalidInputError
from commons.samples.canonicalsamples import features_of, label_of
from commons.samples.sampleimages import MAX_IMAGE, read_image
from commons.samples.schemadocuments import SchemaDocument, parse_document
from tests.samples.documents import encoded


def document(shape: list[int], dtype: str = "uint8") -> SchemaDocument:
    """Images of a shape, of two classes."""
    return parse_document(encoded({"array": {"dtype": dtype, "shape": shape, "classes": 2}}))


def saved(pixels: Any, kind: str = "PNG", **options: Any) -> bytes:
    """A file of pixels."""
    out = BytesIO()
    (pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)).save(out, kind, **options)
    return out.getvalue()


def pixels(shape: list[int], dtype: str = "uint8") -> np.ndarray[Any, Any]:
    """Some pixels, the same every time."""
    return np.random.default_rng(3).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


@pytest.mark.parametrize(
    ("shape", "dtype"), [([5, 4], "uint8"), ([5, 4], "uint16"), ([5, 4, 3], "uint8"), ([5, 4, 4], "uint8")]
)
def test_pixels_are_as_they_were_stored(shape: list[int], dtype: str) -> None:
    stored, given = pixels(shape, dtype), document(shape, dtype)
    sample = read_image(given, 1, saved(stored))
    assert label_of(sample) == 1
    assert list(features_of(given.schema, sample)) == stored.reshape(-1).tolist()


def test_one_channel_may_be_a_dimension_of_its_own() -> None:
    data = saved(pixels([5, 4]))
    assert read_image(document([5, 4, 1]), 0, data) == read_image(document([5, 4]), 0, data)


def test_what_would_change_pixels_is_refused() -> None:
    grey = Image.fromarray(pixels([5, 4]))
    others = [
        saved(grey, "JPEG"), saved(grey, "GIF"), saved(grey, "BMP"), saved(grey, "TIFF"), saved(grey.convert("1")),
        saved(grey.convert("P")), saved(grey.convert("RGB")), saved(grey.convert("LA")),
        saved(pixels([5, 4], "uint16")), saved(pixels([4, 5])), saved(pixels([5, 5])), b"", b"GIF89a", saved(grey)[:20],
        saved(grey, save_all=True, append_images=[grey.point(lambda value: 255 - value)]),
    ]  # fmt: skip
    for data in others:
        with pytest.raises(InvalidInputError, match="image"):
            read_image(document([5, 4]), 0, data)


def test_damaged_files_are_refused() -> None:
    data = saved(pixels([5, 4]))
    for end in range(len(data) - 24):  # what is missing of the end mark changes nothing
        with pytest.raises(InvalidInputError, match="image"):
            read_image(document([5, 4]), 0, data[:end])


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG file."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def test_bombs_are_refused_before_they_are_decompressed() -> None:
    """30,000 x 30,000 pixels in some kilobytes, and a small head before a gigabyte of pixels or of text."""
    bomb = zlib.compress(bytes(40_000_000), 9)
    signature = b"\x89PNG\r\n\x1a\n"
    large = signature + chunk(b"IHDR", struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0)) + chunk(b"IDAT", bomb)
    with pytest.raises(InvalidInputError, match="has 4 x 5 pixels"):
        read_image(document([5, 4]), 0, large)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 5, 8, 0, 0, 0, 0))
    texts = b"".join(chunk(b"zTXt", b"k%d\0\0" % number + zlib.compress(bytes(2_000_000), 9)) for number in range(20))
    for data in (signature + head + texts + chunk(b"IEND", b""), signature + head + chunk(b"iCCP", b"n\0\0" + bomb)):
        with pytest.raises(InvalidInputError, match="image"):
            read_image(document([5, 4]), 0, data)


def test_a_file_that_is_longer_than_any_honest_one_is_refused() -> None:
    noted = PngImagePlugin.PngInfo()
    noted.add_text("note", "x" * MAX_IMAGE)
    with pytest.raises(InvalidInputError, match="at most 65536 bytes"):
        read_image(document([5, 4]), 0, saved(pixels([5, 4]), pnginfo=noted))


def test_a_schema_without_images_takes_none() -> None:
    for shape, dtype in (([20], "uint8"), ([5, 4, 2], "uint8"), ([5, 4, 3], "uint16"), ([5, 4, 1, 1], "uint8")):
        with pytest.raises(InvalidInputError, match="images are arrays"):
            read_image(document(shape, dtype), 0, saved(pixels([5, 4])))
