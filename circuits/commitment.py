"""Commitments to rows: sum_j v_j [L_j(tau)] + sum_l tail_l [tau^l Z_H(tau)].

A *long row* is the d values of a row followed by its 129 tail entries (blinder, then 128 masks): the basis
has the same layout, so a commitment is one multi-scalar multiplication. Hiding comes from the blinder: it is
perfect where Z_H(tau) is not zero, which is checked of every file. Binding comes from the SRS.
"""

from __future__ import annotations

import hashlib
import logging
import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

import native
from circuits import container
from circuits.errors import InvalidInputError, KeyFileError, KeyMismatchError, StorageError
from circuits.srs import INSECURE, Srs, unsafe_development_tau
from circuits.srscheck import check_commitment_bases
from circuits.statement import TAIL, domain_size
from circuits.terms import MAX_DIMENSION
from native import G1, G2, FrArray, G1Bases

KIND = "commitment-key"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class CommitmentKey:
    """The basis of long rows for one model dimension.

    Attributes:
        dimension: d, the coordinates of a gradient.
        bases: d Lagrange points, then the 129 tail points.
        mapped: the file's bytes that they lie in; their pages are let go after each use.
    """

    dimension: int
    bases: G1Bases
    mapped: memoryview | None = field(default=None, repr=False)

    @property
    def domain(self) -> int:
        """n, the size of the evaluation domain."""
        return domain_size(self.dimension)

    def commit(self, values: FrArray, tail: FrArray) -> G1:
        """Commits to field elements: values (d, 4), tail (129, 4).

        Raises:
            InvalidInputError: wrong shapes.
        """
        self._check(values.shape, (self.dimension, 4), tail)
        return self.commit_long(np.concatenate((values, tail)))

    def commit_long(self, row: FrArray) -> G1:
        """Commits to a long row, (d + 129, 4). On shares of a row this is a share of the commitment."""
        if row.shape != (self.dimension + TAIL, 4):
            raise InvalidInputError(f"a long row of this model has shape {(self.dimension + TAIL, 4)}")
        try:
            return self.bases.msm(row)
        finally:
            self._release()

    def commit_small(self, values: npt.NDArray[np.int64], tail: FrArray) -> G1:
        """Commits to quantised integers, int64[d], by the multiplication for short scalars; same result as
        `commit`."""
        self._check(values.shape, (self.dimension,), tail)
        try:
            return native.g1_add(self.bases.msm_int64(values), self.bases.msm(tail, start=self.dimension))
        finally:
            self._release()

    def _release(self) -> None:
        if self.mapped is not None:
            native.release(self.mapped)

    def _check(self, actual: tuple[int, ...], expected: tuple[int, ...], tail: FrArray) -> None:
        if actual != expected or tail.shape != (TAIL, 4):
            raise InvalidInputError(f"values {actual} and tail {tail.shape}; expected {expected} and {(TAIL, 4)}")


def commitment_key(srs: Srs, dimension: int, cache: Path | None = None) -> CommitmentKey:
    """The commitment key of a dimension, read from or added to the directory `cache` when one is given.

    Deriving the Lagrange basis takes n log n group operations. A key that is read back is checked against [tau]_2
    (`srscheck`: one multi-scalar multiplication over n points) and used where the file is mapped (see `container`);
    one that is not this string's is reported in the log and derived again. Where the directory cannot be written, the
    log says so and the key is derived each time.

    Raises:
        InvalidInputError: the dimension is out of range.
        KeyMismatchError: the SRS is too short.
    """
    if not 1 <= dimension <= MAX_DIMENSION:
        raise InvalidInputError(f"dimension {dimension} is outside 1..{MAX_DIMENSION}")
    domain = domain_size(dimension)
    srs.require(domain)
    known = None if cache is None else cached_commitment_key(srs.tau, dimension, cache)
    if known is not None:
        return known
    lagrange = native.lagrange(srs.powers.slice(0, domain), domain)
    return _made(lagrange, _tail(srs, domain), dimension, srs.tau, srs.origin, cache)


def cached_commitment_key(tau: G2, dimension: int, cache: Path) -> CommitmentKey | None:
    """The commitment key under the SRS with this [tau]_2 where the cache has it; needs no powers.

    A file that is corrupt or does not hold the points of this tau counts as absent, and the log says so.
    """
    path = _cache_file(cache, tau, dimension)
    try:
        return _load(path, tau, dimension)
    except (KeyFileError, KeyMismatchError) as error:
        if os.path.exists(path):  # unlike Path.exists, also where the directory may not be searched
            _log.warning("event=commitment-key-refused reason=%r", str(error))
        return None


def unsafe_development_key(seed: bytes, dimension: int, cache: Path | None = None) -> CommitmentKey:
    """The key that `commitment_key` derives from `unsafe_development_srs(seed, ...)`, computed from the secret.

    Much faster for large dimensions. With `cache`, later calls of `commitment_key` find it there.
    """
    tau, domain = unsafe_development_tau(seed), domain_size(dimension)
    lagrange = native.g1_fixed_base(native.lagrange_scalars(tau, domain))
    vanishing = (pow(tau, domain, native.R) - 1) % native.R
    tail = native.g1_fixed_base(native.scale(native.powers(tau, TAIL), vanishing))
    return _made(lagrange, tail, dimension, native.g2_mul(native.g2_generator, tau), INSECURE, cache)


def _cache_file(cache: Path, tau: G2, dimension: int) -> Path:
    return cache / f"lagrange-{hashlib.sha256(tau).hexdigest()[:16]}-{dimension}.bases"


def _made(lagrange: G1Bases, tail: G1Bases, dimension: int, tau: G2, origin: str, cache: Path | None) -> CommitmentKey:
    """The key from all n Lagrange points and the tail; what lies beyond d is kept in the file only, to check it by."""
    key = CommitmentKey(dimension, G1Bases.concat([lagrange.slice(0, dimension), tail]))
    if cache is not None:
        fields: dict[str, container.Field] = {"tau": tau.hex(), "dimension": dimension, "origin": origin}
        rest = lagrange.slice(dimension, len(lagrange))
        sections = {"bases": key.bases.to_raw(), "rest": rest.to_raw()}
        try:
            container.write(_cache_file(cache, tau, dimension), KIND, fields, sections)
        except StorageError as error:  # a directory that others provide, read-only: the key serves without a file
            _log.warning("event=commitment-key-not-kept reason=%r", str(error))
    return key


def _load(path: Path, tau: G2, dimension: int) -> CommitmentKey:
    file = container.read(path, KIND)
    if (file.text("tau"), file.number("dimension")) != (tau.hex(), dimension):
        raise KeyMismatchError(f"{path} belongs to another SRS or dimension")
    section, beyond = file.section("bases"), file.section("rest")
    try:
        bases = G1Bases.map(section)
        rest = G1Bases.map(beyond) if beyond else None
    except ValueError as error:
        raise KeyFileError(f"{path}: {error}") from error
    points = (len(bases), len(rest or ()))
    if points != (dimension + TAIL, domain_size(dimension) - dimension):
        raise KeyFileError(f"{path} has {points} points")
    check_commitment_bases(path, bases, rest, dimension, tau)
    native.release(section)
    return CommitmentKey(dimension, bases, section)


def _tail(srs: Srs, domain: int) -> G1Bases:
    low = bytes(srs.powers.slice(0, TAIL).to_bytes())
    high = bytes(srs.powers.slice(domain, domain + TAIL).to_bytes())
    points = (
        native.g1_add(G1(high[at : at + 64]), native.g1_neg(G1(low[at : at + 64]))) for at in range(0, len(low), 64)
    )
    return G1Bases.from_bytes(b"".join(points))
