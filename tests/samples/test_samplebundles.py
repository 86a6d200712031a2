"""Bundles' files: one encoding of each, and what is refused."""

from __future__ import annotations

import hashlib
from io import BytesIO
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits.errors import InvalidInputError
from commons.samples.merkletrees import merkle_root
from commons.samples.samplebundles import HEAD_BYTES, SampleBundle, bundle_head, read_samples

SCHEMA = bytes(range(32))
BUNDLE = SampleBundle(SCHEMA, (b"\0\1one", b"", b"\0\2" + b"x" * 4094))


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=9), st.binary(min_size=32, max_size=32))
def test_a_bundle_is_read_as_it_was_written(samples: list[bytes], schema: bytes) -> None:
    bundle = SampleBundle(schema, tuple(samples))
    assert SampleBundle.decode(bundle.encode()) == bundle
    assert bundle.tree().root == merkle_root(samples)
    assert bundle.content_digest == hashlib.sha256(bundle.encode()).digest()


def test_a_file_is_as_the_protocol_says() -> None:
    head = b"gradroll/bundle/1" + SCHEMA + b"\0\0\0\3"
    assert BUNDLE.encode() == head + b"\0\5\0\1one" + b"\0\0" + b"\x10\0" + BUNDLE.samples[2]
    assert len(head) == HEAD_BYTES


def test_every_shorter_file_and_every_longer_one_is_refused() -> None:
    whole = SampleBundle(SCHEMA, (b"\0\1one", b"", b"\0\2two")).encode()
    for end in range(len(whole)):
        with pytest.raises(InvalidInputError, match=r"no bundle|ends in sample"):
            SampleBundle.decode(whole[:end])
    with pytest.raises(InvalidInputError, match="goes on after"):
        SampleBundle.decode(whole + b"\0")


@pytest.mark.parametrize("count", [0, 65537, 2**32 - 1])
def test_counts_out_of_range_are_refused_before_samples_are_read(count: int) -> None:
    with pytest.raises(InvalidInputError, match="1 to 65536 samples"):
        read_samples(BytesIO(b"gradroll/bundle/1" + SCHEMA + count.to_bytes(4, "big")))
    with pytest.raises(InvalidInputError, match="1 to 65536 samples"):
        bundle_head(SCHEMA, count)


def test_samples_that_are_too_long_are_neither_written_nor_read() -> None:
    with pytest.raises(InvalidInputError, match="4096 bytes"):
        SampleBundle(SCHEMA, (bytes(4097),))
    with pytest.raises(InvalidInputError, match="4096 are the most"):
        SampleBundle.decode(bundle_head(SCHEMA, 1) + b"\x10\1" + bytes(4097))


def test_no_more_is_read_than_a_sample_at_a_time() -> None:
    """A head that promises 65,536 samples makes nobody set memory aside for them."""

    class Watched(BytesIO):
        most = 0

        def read(self, size: int | None = -1, /) -> bytes:
            assert size is not None
            assert 0 <= size <= 4096
            return super().read(size)

    source: BinaryIO = Watched(bundle_head(SCHEMA, 65536) + b"\0\1a")
    _, samples = read_samples(source)
    assert next(samples) == b"a"
    with pytest.raises(InvalidInputError, match="ends in sample 1"):
        next(samples)
