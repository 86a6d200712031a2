"""Shown tests of a campaign as a set of the model market: the same for everybody who converts them.

docs/protocol-data.md, section "Hidden tests".  A group of the set is the data set with the features and labels of a
shown group's samples, in their order.  So whoever has the group's file finds out whether a listing's accuracy was
proven on these very tests, whoever registered the set.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

import numpy as np

from circuits.accuracy.sizeclasses import SizeClass
from circuits.errors import InvalidInputError, ProofError
from circuits.srs import Srs
from commons.artifacts.datasetfiles import Dataset
from commons.chain.modelfacts import SetRecord
from commons.samples.bundlechecks import require_fitting
from commons.samples.canonicalsamples import label_of
from commons.samples.samplebundles import SampleBundle
from commons.samples.sampledistances import array_rows
from commons.samples.sampleschemas import SampleKind, SampleSchema
from gradroll.modelmarket.datagroups import DataGroup

_RULE = "gradroll/v1/shown-tests"
_MOST = (1 << 15) - 1


def dataset_of(schema: SampleSchema, samples: Sequence[bytes]) -> Dataset:
    """Samples as rows of a data set, in their order: features and labels as they are.

    Raises:
        InvalidInputError: the schema is one of texts, has features beyond 32,767 or more than 256 classes, or a sample
            does not fit it.
    """
    if schema.kind is not SampleKind.ARRAY or max(schema.limits) > _MOST or schema.classes > 256:
        raise InvalidInputError("a data set has arrays of numbers up to 32767, of at most 256 classes")
    require_fitting(schema, samples)
    features = array_rows(schema, samples).astype(np.int16)
    return Dataset(features, np.array([label_of(each) for each in samples], np.uint8))


def shown_manifest(campaign: bytes, groups: Mapping[int, bytes]) -> bytes:
    """32 bytes that a set of shown tests has for its manifest: SHA-256 of campaign, groups and rule.

    Args:
        groups: SHA-256 of the file of each group that is in the set, by its number in the campaign.
    """
    shown = [[group, "0x" + digest.hex()] for group, digest in sorted(groups.items())]
    said = {"campaign": "0x" + campaign.hex(), "groups": shown, "rule": _RULE}
    return hashlib.sha256(json.dumps(said, separators=(",", ":"), sort_keys=True).encode()).digest()


def shown_groups(
    size: SizeClass, srs: Srs, schema: SampleSchema, bundles: Mapping[int, SampleBundle]
) -> dict[int, DataGroup]:
    """The groups of a set of shown tests, by their number in the set: as ascending as in the campaign.

    Raises:
        InvalidInputError: as of ``dataset_of``, and where the samples do not fit the size class.
    """
    made = {}
    for at, (_, bundle) in enumerate(sorted(bundles.items())):
        data = dataset_of(schema, bundle.samples)
        digest = hashlib.sha256(data.encode()).digest()
        made[at] = DataGroup.of(size, srs, data.features, data.labels, digest)
    return made


def require_shown_set(
    found: SetRecord, campaign: bytes, bundles: Mapping[int, SampleBundle], groups: Mapping[int, DataGroup]
) -> None:
    """Raise ProofError unless a set is just these shown tests.

    Args:
        bundles: by their number in the campaign, each held against the chain.
        groups: as ``shown_groups`` makes them of the bundles.
    """
    manifest = shown_manifest(campaign, {number: each.content_digest for number, each in bundles.items()})
    if found.manifest != manifest or found.hashes != tuple(groups[at].hash for at in sorted(groups)):
        raise ProofError("the set is another one than the campaign's shown tests make; look at who registered it")
