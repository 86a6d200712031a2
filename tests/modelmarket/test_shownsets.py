"""Shown tests as a set of the model market: everybody makes the same one, and another one is found out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from circuits.errors import InvalidInputError, ProofError
from commons.artifacts.datasetfiles import Dataset
from commons.chain.modelfacts import SetRecord
from commons.samples.samplebundles import SampleBundle
from commons.samples.sampleschemas import SampleSchema
from gradroll.modelmarket.shownsets import dataset_of, require_shown_set, shown_groups, shown_manifest
from tests.datamarket.datastage import sample
from tests.support.accuracymodels import TOY, accuracy_setup

SCHEMA = SampleSchema.array(3, [100], 4, 1)
CAMPAIGN = b"\x07" * 32
BUNDLES = {
    3: SampleBundle(SCHEMA.digest, (sample(2, 1, 2, 3, 4), sample(0, 9, 8, 7, 6))),
    1: SampleBundle(SCHEMA.digest, tuple(sample(at % 3, at, 2 * at, 5, 100) for at in range(11))),
}
"""Groups that a campaign showed."""


def the_set(bundles: dict[int, SampleBundle]) -> SetRecord:
    """What somebody registers who is honest."""
    groups = shown_groups(TOY, accuracy_setup(TOY)[0], SCHEMA, bundles)
    manifest = shown_manifest(CAMPAIGN, {number: each.content_digest for number, each in bundles.items()})
    return SetRecord(b"\x01" * 32, b"\x02" * 20, tuple(groups[at].hash for at in sorted(groups)), manifest)


def require(found: SetRecord, bundles: dict[int, SampleBundle] = BUNDLES, campaign: bytes = CAMPAIGN) -> None:
    """What somebody does who believes nobody."""
    require_shown_set(found, campaign, bundles, shown_groups(TOY, accuracy_setup(TOY)[0], SCHEMA, bundles))


def test_rows_are_the_samples_in_their_order() -> None:
    data = dataset_of(SCHEMA, BUNDLES[3].samples)
    assert data.features.tolist() == [[1, 2, 3, 4], [9, 8, 7, 6]]
    assert data.labels.tolist() == [2, 0]
    wide = SampleSchema.array(300, [32767], 2, 2)
    with pytest.raises(InvalidInputError):
        dataset_of(wide, [b"\x00\x01" + b"\x7f\xff" * 2])
    wide = SampleSchema.array(256, [32767], 2, 2)
    data = dataset_of(wide, [b"\x00\xff\x7f\xff\x01\x02"])
    assert (data.features.tolist(), data.labels.tolist()) == ([[32767, 258]], [255])
    assert Dataset.decode(data.encode()).features.dtype == np.int16


@pytest.mark.parametrize(
    "schema", [SampleSchema.array(3, [32768], 4, 2), SampleSchema.array(257, [9], 4, 1), SampleSchema.text(3, 1, 9)]
)
def test_what_a_data_set_cannot_hold_is_refused(schema: SampleSchema) -> None:
    with pytest.raises(InvalidInputError, match="at most 256 classes"):
        dataset_of(schema, [b"\x00\x00abcdefgh"])


def test_a_sample_that_does_not_fit_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        dataset_of(SCHEMA, [sample(1, 1, 2, 3, 101)])


def test_groups_are_numbered_as_in_the_campaign_and_hold_the_files_bytes() -> None:
    groups = shown_groups(TOY, accuracy_setup(TOY)[0], SCHEMA, BUNDLES)
    assert [groups[at].samples for at in range(2)] == [11, 2]
    require(the_set(BUNDLES))
    require(the_set(dict(reversed(BUNDLES.items()))))


def test_another_set_is_found_out() -> None:
    honest = the_set(BUNDLES)
    kinder = {**BUNDLES, 3: SampleBundle(SCHEMA.digest, (sample(2, 1, 2, 3, 4), sample(1, 9, 8, 7, 6)))}
    lies = [
        the_set(kinder),
        replace(honest, hashes=the_set(kinder).hashes),
        replace(honest, hashes=honest.hashes[:1]),
        replace(honest, hashes=(honest.hashes[0], None)),
        replace(honest, hashes=honest.hashes[::-1]),
        replace(honest, manifest=bytes(32)),
        the_set({1: BUNDLES[1]}),
    ]
    for lie in lies:
        with pytest.raises(ProofError, match="another one"):
            require(lie)
    with pytest.raises(ProofError, match="another one"):
        require(honest, campaign=b"\x08" * 32)
    with pytest.raises(ProofError, match="another one"):
        require(honest, {1: BUNDLES[1]})
