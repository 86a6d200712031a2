"""Epochs as files: the same bytes for everybody, and nothing that does not lead to the log."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from circuits.errors import InvalidInputError
from circuits.hashing import keccak
from commons.protocol.strictjson import canonical
from commons.samples.contributions import ALL_SAMPLES, EMPTY_LOG, Decision, Outcome
from commons.samples.epochmanifests import EpochBundle, EpochManifest
from commons.samples.merkletrees import merkle_root

CONTENTS = {number: [b"\0\1%d of %d" % (place, number) for place in range(6)] for number in (4, 7)}
CORRECTED = b"\0\2corrected"
ROOTS = {number: merkle_root(samples) for number, samples in CONTENTS.items()}
EPOCH = EpochManifest(
    keccak(b"campaign"), 3, keccak(b"schema"), keccak(b"before"),
    (
        Decision(7, ALL_SAMPLES, Outcome.ACCEPTED, 4, ROOTS[7]),
        Decision(4, 2, Outcome.CORRECTED, 1, ROOTS[4], keccak(CORRECTED)),
        Decision(7, 5, Outcome.ACCEPTED, 1, ROOTS[7]),
        Decision(4, 3, Outcome.BAD, 1, ROOTS[4]),
        Decision(7, 0, Outcome.VOID, 1, ROOTS[7]),
    ),
    (EpochBundle(4, ROOTS[4], keccak(b"file 4"), 6, (2, 3)), EpochBundle(7, ROOTS[7], bytes(32), 6, (0, 5))),
    (CORRECTED,),
)  # fmt: skip


def test_an_epoch_is_read_as_it_was_written() -> None:
    assert EpochManifest.decode(EPOCH.encoded) == EPOCH


def test_samples_come_in_the_order_in_which_a_contract_trains() -> None:
    seven = CONTENTS[7]
    assert list(EPOCH.samples(CONTENTS)) == [*seven[1:5], CORRECTED, seven[5]]


def test_the_log_is_that_of_the_decisions() -> None:
    log = EPOCH.log_before
    for decision in EPOCH.decisions:
        log = decision.after(log)
    assert EPOCH.log == log != replace(EPOCH, log_before=EMPTY_LOG).log


def test_bundles_that_are_missing_or_others_are_refused() -> None:
    for contents in ({}, {7: CONTENTS[4]}, {7: CONTENTS[7][:5]}, {7: [*CONTENTS[7], b"more"]}):
        with pytest.raises(InvalidInputError, match="not the samples of bundle 7"):
            list(EPOCH.samples(contents))


def edited(path: str, value: Any) -> bytes:
    """The file with one part changed."""
    content = json.loads(EPOCH.encoded)
    *way, last = (int(part) if part.isdigit() else part for part in path.split("/"))
    place = content
    for part in way:
        place = place[part]
    place[last] = value
    return canonical(content)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("version", 2), ("version", True), ("epoch", -1), ("epoch", 4.0), ("campaign", "00"),
        ("campaign", "0x" + "0" * 62), ("schema", "A" * 64), ("log", "0" * 64),
        ("log_before", "0" * 64), ("more", 1), ("decisions", []),
        ("decisions", {}), ("decisions/0/outcome", 0), ("decisions/0/outcome", 5), ("decisions/0/outcome", 2),
        ("decisions/0/count", 5), ("decisions/0/bundle", 5), ("decisions/0/root", ROOTS[4].hex()),
        ("decisions/1/correction", "0" * 64), ("decisions/1/index", 1), ("decisions/2/correction", "1" * 64),
        ("decisions/3/count", 2), ("decisions/4/index", 5), ("decisions/4/more", 1), ("bundles/0/count", 0),
        ("bundles/0/count", 65537), ("bundles/0/challenged", [3, 2]), ("bundles/0/challenged", [2, 2, 3]),
        ("bundles/0/challenged", [2, 3, 6]), ("bundles/0/challenged", [2]), ("bundles/0/number", 3),
        ("bundles/0/root", "0" * 64), ("bundles", []), ("corrected", []), ("corrected", ["00"]), ("corrected/0", None),
        ("corrected/0", "0" * 8194), ("corrected/0", "000"),
    ],
)  # fmt: skip
def test_files_that_do_not_hold_together_are_refused(path: str, value: Any) -> None:
    with pytest.raises(InvalidInputError):
        EpochManifest.decode(edited(path, value))


def test_other_encodings_are_refused() -> None:
    for data in (EPOCH.encoded + b"\n", EPOCH.encoded.replace(b",", b", ", 1), b"", b"{}", b"[" * 100_000):
        with pytest.raises(InvalidInputError):
            EpochManifest.decode(data)
