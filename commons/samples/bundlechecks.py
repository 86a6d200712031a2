"""What of a whole bundle does not fit its schema: as the contract says sample by sample, many at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from circuits.errors import InvalidInputError
from commons.samples.canonicalsamples import contract_problem, fits, require_sample
from commons.samples.sampledistances import array_rows
from commons.samples.sampleschemas import LABEL_BYTES, SampleKind, SampleSchema

__all__ = ["require_fitting", "sample_problems", "unfit_samples"]

_BATCH = 4096


def unfit_samples(schema: SampleSchema, samples: Sequence[bytes]) -> list[int]:
    """Places of samples that the contract calls BAD by their bytes."""
    if schema.kind is SampleKind.TEXT:
        return [place for place, sample in enumerate(samples) if not fits(schema, sample)]
    return [place for at in range(0, len(samples), _BATCH) for place in _unfit(schema, samples[at : at + _BATCH], at)]


def _unfit(schema: SampleSchema, samples: Sequence[bytes], first: int) -> Iterator[int]:
    whole = np.array([len(sample) == schema.longest for sample in samples])
    kept = [sample for sample, long in zip(samples, whole, strict=True) if long]
    labels = np.array([int.from_bytes(sample[:LABEL_BYTES], "big") for sample in kept], np.int64)
    good = whole.copy()
    good[whole] = (labels < schema.classes) & (array_rows(schema, kept) <= np.array(schema.limits)).all(axis=1)
    yield from (first + int(place) for place in np.flatnonzero(~good))


def sample_problems(schema: SampleSchema, samples: Sequence[bytes]) -> Iterator[tuple[int, str]]:
    """Place and fault of each sample that the contract calls BAD by its bytes."""
    for place in unfit_samples(schema, samples):
        yield place, contract_problem(schema, samples[place]) or ""


def require_fitting(schema: SampleSchema, samples: Sequence[bytes]) -> None:
    """Raise InvalidInputError unless all samples fit, by the contract's rules and those that it cannot check."""
    for place, problem in sample_problems(schema, samples):
        raise InvalidInputError(f"sample {place} does not fit the schema: {problem}")
    if schema.kind is SampleKind.TEXT:
        for place, sample in enumerate(samples):
            try:
                require_sample(schema, sample)
            except InvalidInputError as error:
                raise InvalidInputError(f"sample {place} does not fit the schema: {error}") from None
