"""Groups of labelled data, as sets and bounties name them: commitments and hash follow from the file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from circuits.accuracy.sizeclasses import SizeClass
from circuits.accuracy.testdata import Chunk, chunks, commit_chunk, group_hash
from circuits.errors import InvalidInputError
from circuits.srs import Srs
from commons.artifacts.datasetfiles import read_dataset
from native import G1


@dataclass(frozen=True, eq=False)
class DataGroup:
    """One group.

    Attributes:
        features: int16 or wider, (samples, P).
        labels: (samples,).
        commitments: C_X of each chunk.
        file_digest: SHA-256 of the file that it was read from, 32 bytes; zeros for none.
    """

    features: npt.NDArray[np.integer] = field(repr=False)
    labels: npt.NDArray[np.integer] = field(repr=False)
    commitments: tuple[G1, ...]
    file_digest: bytes = bytes(32)

    @classmethod
    def of(
        cls, size: SizeClass, srs: Srs, features: npt.NDArray[np.integer], labels: npt.NDArray[np.integer],
        file_digest: bytes = bytes(32),
    ) -> DataGroup:  # fmt: skip
        """The group of some data, committed to for a size class.

        Raises:
            InvalidInputError: other shapes, too many samples, features or labels out of range.
            KeyMismatchError: the reference string is too short.
        """
        made = tuple(commit_chunk(srs, size, chunk) for chunk in chunks(size, features, labels))
        return cls(features, labels, made, file_digest)

    @classmethod
    def of_file(cls, size: SizeClass, srs: Srs, path: Path) -> DataGroup:
        """The group in a file.  Raises UnknownError where there is none, and as ``of``."""
        data = read_dataset(path)
        return cls.of(size, srs, data.features, data.labels, hashlib.sha256(data.encode()).digest())

    @property
    def samples(self) -> int:
        """How many there are."""
        return len(self.labels)

    @property
    def hash(self) -> bytes:
        """What the chain keeps of it."""
        return group_hash(self.samples, self.commitments)

    @property
    def largest_feature(self) -> int:
        """The largest feature in absolute value."""
        return int(np.abs(self.features.astype(np.int64)).max(initial=0))

    def chunks(self, size: SizeClass) -> list[Chunk]:
        """As accuracy proofs take it."""
        return chunks(size, self.features, self.labels)

    def require_bound(self, bound: int) -> None:
        """Raise InvalidInputError for a feature that is larger than a bounty's terms allow."""
        if self.largest_feature > bound:
            raise InvalidInputError(
                f"a feature of the group is {self.largest_feature}, and the terms say that none is beyond {bound}; "
                "scale the data down, or raise the bound of the terms"
            )
