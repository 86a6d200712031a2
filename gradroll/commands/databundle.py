"""`gradroll data bundle`: samples in one file, made, checked and shown without a chain."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from gradroll.commands.destinations import force_option, require_free
from gradroll.commands.options import Subparsers, group, leaf, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from commons.samples.nearcopies import NearCopy
    from commons.samples.samplebundles import SampleBundle
    from commons.samples.schemadocuments import SchemaDocument

_NAMED = 5
"""Copies that a message names."""
_SHOWN = 500
"""Characters of a record that are shown."""


def add(parent: Subparsers) -> None:
    """Add the commands."""
    commands = group(parent, "bundle", "Samples in a file, as campaigns take them")
    parser = leaf(
        commands, "make",
        "Make a bundle of records, after each of them fits the schema and none is a copy. The records are a file with "
        "a JSON object a line, or a folder of PNG images with a folder for each class. After Ctrl-C the same command "
        "goes on where it stopped.",
        "gradroll data bundle make --schema flowers.json --records flowers.jsonl --out flowers.bundle", make,
    )  # fmt: skip
    _schema_option(parser)
    parser.add_argument("--records", type=Path, required=True, metavar="PATH", help="file or folder of records")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="where to write the bundle")
    _against_option(parser)
    parser.add_argument("--drop-copies", action="store_true", help="leave copies out; without it they are refused")
    force_option(parser)
    parser = leaf(
        commands, "verify",
        "Say whether every sample of a bundle fits the schema and none is a copy, as a reviewer has to know. Exits "
        "with 7 when one does not fit or is a copy.",
        "gradroll data bundle verify flowers.bundle --schema flowers.json --against initial.bundle", verify,
    )  # fmt: skip
    parser.add_argument("bundle", type=Path, metavar="FILE", help="the bundle")
    _schema_option(parser)
    _against_option(parser)
    parser = leaf(
        commands, "show", "Show what the chain would have of a bundle, and with its schema its first records.",
        "gradroll data bundle show flowers.bundle --schema flowers.json --first 3", show,
    )  # fmt: skip
    parser.add_argument("bundle", type=Path, metavar="FILE", help="the bundle")
    parser.add_argument("--schema", type=Path, metavar="FILE", help="the campaign's schema")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--first", type=whole(0, 65536), default=3, metavar="N", help="records to show (default 3)")
    which.add_argument("--sample", type=whole(0, 65535), action="append", metavar="PLACE", dest="places",
                       help="record to show, from 0 (can be repeated)")  # fmt: skip


def _schema_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--schema", type=Path, required=True, metavar="FILE", help="the campaign's schema")


def _against_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--against", type=Path, action="append", default=[], metavar="FILE",
        help="bundle that came earlier, such as the initial data: its samples may not be copied (can be repeated)",
    )  # fmt: skip


def make(arguments: argparse.Namespace) -> int:
    """Make a bundle."""
    from circuits.errors import InvalidInputError
    from commons.artifacts.bundlefiles import make_samples, save_bundle
    from commons.artifacts.recordsources import load_document, source_records
    from commons.samples.samplebundles import SampleBundle
    from gradroll.commands.transferprogress import TransferProgress

    require_free(arguments.out, force=arguments.force)
    document = load_document(arguments.schema)
    records = source_records(arguments.records, document)
    samples = make_samples(document, records, arguments.out, TransferProgress("read"))
    copies = _copies(document, arguments.against, samples)
    if copies and not arguments.drop_copies:
        raise InvalidInputError(f"{_told(copies)}; take them out, or pass --drop-copies")
    left_out = {copy.index for copy in copies}
    kept = tuple(sample for place, sample in enumerate(samples) if place not in left_out)
    save_bundle(arguments.out, SampleBundle(document.schema.digest, kept), replace=arguments.force)
    arguments.console.line(f"{arguments.out}: {len(kept)} samples, {len(left_out)} copies left out", "green")
    _result(arguments, arguments.out, SampleBundle(document.schema.digest, kept), dropped=len(left_out))
    return 0


def verify(arguments: argparse.Namespace) -> int:
    """Verify a bundle."""
    from circuits.errors import InvalidInputError, ProofError
    from commons.artifacts.bundlefiles import load_bundle
    from commons.artifacts.recordsources import load_document
    from commons.samples.bundlechecks import require_fitting

    document, bundle = load_document(arguments.schema), load_bundle(arguments.bundle)
    _require_schema(document, bundle, arguments.bundle)
    try:
        require_fitting(document.schema, bundle.samples)
    except InvalidInputError as error:
        raise ProofError(f"{arguments.bundle}: {error}") from None
    copies = _copies(document, arguments.against, bundle.samples)
    if copies:
        raise ProofError(f"{arguments.bundle}: {_told(copies)}")
    arguments.console.line(f"{arguments.bundle}: all {len(bundle.samples)} samples fit, none is a copy", "green")
    _result(arguments, arguments.bundle, bundle)
    return 0


def show(arguments: argparse.Namespace) -> int:
    """Show a bundle."""
    from commons.artifacts.bundlefiles import load_bundle
    from commons.artifacts.recordsources import load_document
    from commons.runtime.foreigntext import printable
    from commons.samples.canonicalsamples import fits, label_of

    bundle = load_bundle(arguments.bundle)
    labels = Counter(label_of(sample) for sample in bundle.samples)
    records: list[dict[str, str]] = []
    if arguments.schema is not None:
        document = load_document(arguments.schema)
        _require_schema(document, bundle, arguments.bundle)
        for place in _places(arguments, len(bundle.samples)):
            sample = bundle.samples[place]
            shown = document.record(sample) if fits(document.schema, sample) else {"does not fit": sample.hex()}
            records.append({name: str(value) for name, value in shown.items()})
            told = ", ".join(f"{name} {value}" for name, value in shown.items())
            arguments.console.line(printable(f"sample {place}: {told}", _SHOWN))
    arguments.console.line("labels: " + ", ".join(f"{label} ({count})" for label, count in sorted(labels.items())))
    _result(arguments, arguments.bundle, bundle, labels=dict(sorted(labels.items())), records=records)
    return 0


def _places(arguments: argparse.Namespace, count: int) -> Sequence[int]:
    """The places of the records that are to be shown."""
    from circuits.errors import InvalidInputError

    if arguments.places is None:
        return range(min(arguments.first, count))
    if max(arguments.places) >= count:
        raise InvalidInputError(f"{arguments.bundle} has {count} samples; count from 0")
    places: list[int] = arguments.places
    return places


def _copies(document: SchemaDocument, against: Sequence[Path], samples: Sequence[bytes]) -> list[NearCopy]:
    """Copies of each other and of samples of earlier bundles, whose places are below 0."""
    from dataclasses import replace

    from commons.artifacts.bundlefiles import load_bundle
    from commons.samples.nearcopies import near_copies

    earlier: list[bytes] = []
    for path in against:
        bundle = load_bundle(path)
        _require_schema(document, bundle, path)
        earlier += bundle.samples
    since = len(earlier)
    found = near_copies(document.schema, [*earlier, *samples], since)
    return [replace(copy, index=copy.index - since, original=copy.original - since) for copy in found]


def _told(copies: list[NearCopy]) -> str:
    """The first copies in words."""
    named = (
        f"sample {copy.index} is at distance {copy.distance} of "
        + (f"sample {copy.original}" if copy.original >= 0 else "one of an earlier bundle")
        for copy in copies[:_NAMED]
    )
    more = f", and {len(copies) - _NAMED} more are copies" if len(copies) > _NAMED else ""
    return ", ".join(named) + more


def _require_schema(document: SchemaDocument, bundle: SampleBundle, path: Path) -> None:
    from circuits.errors import InvalidInputError

    if bundle.schema_digest != document.schema.digest:
        raise InvalidInputError(f"{path} is a bundle of another schema; name the one of its campaign")


def _result(arguments: argparse.Namespace, path: Path, bundle: SampleBundle, **more: object) -> None:
    from commons.artifacts.transfers import cid_of_file

    root, digest, cid = bundle.tree().root, bundle.content_digest, str(cid_of_file(path).root)
    arguments.console.line(f"{len(bundle.samples)} samples, root 0x{root.hex()}")
    arguments.console.line(f"content 0x{digest.hex()} (SHA-256), {cid}")
    arguments.console.result(count=len(bundle.samples), root=root, content=digest, cid=cid, **more)
