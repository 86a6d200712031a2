"""Development parameters of every size, made once: one reference string, commitment keys from its known secret."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.machine import ROOT
from circuits.commitment import cached_commitment_key, unsafe_development_key
from circuits.errors import GradrollError
from circuits.srs import Srs, load
from circuits.statement import domain_size
from gradroll.setup.keygen import DEVELOPMENT_SEED, SRS_FILE, development_seed, development_srs

_SMALL_DOMAIN = 1 << 16


def directory(dimension: int) -> Path:
    """Where the parameters for a dimension are kept; small models do not wait for the long string."""
    base = Path(os.environ.get("GRADROLL_BENCH_DIR", ROOT / "build" / "bench"))
    return base / ("parameters-small" if dimension <= _SMALL_DOMAIN else "parameters-large")


def ensure(dimension: int) -> Path:
    """Make what is missing: the string, and the commitment key of a dimension.  Returns the directory."""
    folder = directory(dimension)
    path = folder / SRS_FILE
    longest = _SMALL_DOMAIN if dimension <= _SMALL_DOMAIN else 1 << 20
    srs = _load(path, domain_size(dimension))
    if srs is None:
        development_srs(DEVELOPMENT_SEED, max(longest, domain_size(dimension))).save(path)
        srs = load(path, allow_insecure=True)
    if cached_commitment_key(srs.tau, dimension, folder) is None:
        unsafe_development_key(development_seed("srs", DEVELOPMENT_SEED), dimension, cache=folder)
    return folder


def _load(path: Path, domain: int) -> Srs | None:
    try:
        srs = load(path, allow_insecure=True)
        srs.require(domain)
    except GradrollError:
        return None
    return srs
