"""The bases H_j under which rows are sealed: hashes of their numbers, the same for everybody.

Nobody knows a relation among them, the generator and the reference string. That is what hides a row: under a base whose
logarithm h is known, ct - hK is the weight, and whoever sees the offer has it without paying; under two bases with a
known ratio the same combination of two ciphertexts is one of the two weights. So a file of them is checked before use.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

import native
from circuits import container
from circuits.errors import InvalidInputError, KeyFileError, KeyMismatchError, StorageError
from circuits.statement import TAIL
from circuits.swap.swaptranscript import BASE_TAG
from circuits.terms import MAX_DIMENSION
from native import G1Bases

KIND = "swap-bases"
FILE = "swap.bases"
MOST = MAX_DIMENSION + TAIL
_log = logging.getLogger(__name__)


def swap_bases(count: int, cache: Path | None = None) -> G1Bases:
    """H_0 .. H_(count-1), read from or added to the directory `cache` when one is given.

    Making them takes a square root or two each. A file of more serves for fewer, and one of fewer is extended. It is
    used where it is mapped (`container`), after every point was found to be a hash of its number. A file that is
    anything else is reported in the log and made again; where the directory cannot be written, the log says so.

    Args:
        count: the dimension and 129, for a row.

    Raises:
        InvalidInputError: no point, or more than any row has.
    """
    if not 1 <= count <= MOST:
        raise InvalidInputError(f"{count} bases are outside 1..{MOST}")
    if cache is None:
        return native.independent_points(BASE_TAG, count)
    path = cache / FILE
    known = _known(path)
    have = 0 if known is None else len(known)
    if known is not None and have >= count:
        return known.slice(0, count)
    more = native.independent_points(BASE_TAG, count - have, have)
    bases = more if known is None else G1Bases.concat([known, more])
    try:
        container.write(path, KIND, {"points": count}, {"points": bases.to_raw()})
    except StorageError as error:
        _log.warning("event=swap-bases-not-kept reason=%r", str(error))
    return bases


def _known(path: Path) -> G1Bases | None:
    try:
        return _load(path)
    except (KeyFileError, KeyMismatchError) as error:
        if os.path.exists(path):  # unlike Path.exists, also where the directory may not be searched
            _log.warning("event=swap-bases-refused reason=%r", str(error))
        return None


def _load(path: Path) -> G1Bases:
    file = container.read(path, KIND)
    try:
        bases = G1Bases.map(file.section("points"), check=False)  # that they are hashes says that they are points
        native.check_independent(bases, BASE_TAG)
    except ValueError as error:
        raise KeyFileError(f"{path}: {error}; remove the file") from error
    if len(bases) != file.number("points") or not 1 <= len(bases) <= MOST:
        raise KeyFileError(f"{path} holds {len(bases)} points; remove the file")
    native.release(file.section("points"))
    return bases
