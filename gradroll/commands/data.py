"""`gradroll data`: the data market, where samples are bought one by one."""

from __future__ import annotations

import argparse
from pathlib import Path

from gradroll.commands import (
    databundle,
    datacampaigns,
    datacontributing,
    dataimprove,
    datajury,
    datamodel,
    datareviewing,
    datastatus,
    dataterms,
    dataversion,
)
from gradroll.commands.options import Subparsers, group, leaf

_SHOWN = 200
"""Characters of a line about a column."""


def add(parent: Subparsers) -> None:
    """Add the commands."""
    commands = group(parent, "data", "Buy and sell data by the sample")
    schemas = group(commands, "schema", "What samples of a campaign are")
    parser = leaf(
        schemas, "check",
        "Read a schema and say what the contract will hold samples to: a JSON Schema of a table or a text, or the type "
        "and shape of an array. With --records, read those too, and stop at the first that does not fit.",
        "gradroll data schema check flowers.json --records flowers.jsonl", check,
    )  # fmt: skip
    parser.add_argument("schema", type=Path, metavar="FILE", help="the schema")
    parser.add_argument("--records", type=Path, metavar="PATH", help="file with a record a line, or folder of images")
    databundle.add(commands)
    dataterms.add(commands)
    datacampaigns.add(commands)
    datastatus.add(commands)
    datacontributing.add(commands)
    datareviewing.add(commands)
    datajury.add(commands)
    datamodel.add(commands)
    dataimprove.add(commands)
    dataversion.add(commands)


def check(arguments: argparse.Namespace) -> int:
    """Check a schema."""
    from commons.artifacts.recordsources import load_document, source_records
    from commons.runtime.foreigntext import printable

    document = load_document(arguments.schema)
    schema, console = document.schema, arguments.console
    console.line(f"samples: {schema.kind.name.lower()}s of at most {schema.longest} bytes, {schema.classes} classes")
    console.line(printable(f"label: {document.label.name}", _SHOWN))
    for column in document.columns:
        ends = f"{column.value(0)} to {column.value(column.most)}"
        console.line(printable(f"  {column.name}: {column.most + 1} values, {ends}", _SHOWN))
    console.line(f"copies: at distance {schema.tau} or nearer")
    console.line(f"schema 0x{schema.digest.hex()}, document 0x{document.digest.hex()} (SHA-256)")
    records = 0
    if arguments.records is not None:
        for record in source_records(arguments.records, document):
            record.checked()
            records += 1
        console.line(f"{arguments.records}: {records} records fit", "green")
    console.result(
        kind=schema.kind.name.lower(), classes=schema.classes, width=schema.width, size=schema.size, least=schema.least,
        most=schema.most, tau=schema.tau, columns=[column.name for column in document.columns], schema=schema.digest,
        encoded=schema.encoded, manifest=document.digest, records=records,
    )  # fmt: skip
    return 0
