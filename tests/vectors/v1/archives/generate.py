"""Writes an archive of a round of one batch, and what is in it; see README.md."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from commons.storage.roundarchives import ArchivedBatch, ArchiveHead, write_archive
from tests.support.plain_batch import (
    PROVERS,
    PlainBatch,
    build_batch,
    bundle_of,
    development_setup,
    random_gradients,
    seed_of,
)

HERE = Path(__file__).parent
KEYS = tuple(seed_of("prover", p) for p in range(PROVERS))
"""Of the provers; all of them attest the batch, three are in its bundle."""
DIMENSION, OWNERS = 10, (0, 2, 5)


def batch() -> PlainBatch:
    """The round's only batch; the same every time."""
    setup = development_setup("norm", 4, DIMENSION)
    return build_batch(setup, random_gradients(len(OWNERS), DIMENSION, 1 << 40), indices=OWNERS)


def archive(made: PlainBatch) -> bytes:
    """The archive of a round of this batch."""
    at, attested = made.at, bundle_of(made, KEYS).certificate
    head = ArchiveHead(at.market, at.task_id, at.round, 1, 1)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "archive"
        write_archive(path, head, [ArchivedBatch(bundle_of(made, KEYS[:3]), made.payload)], [attested])
        return path.read_bytes()


def contents(made: PlainBatch) -> dict[str, object]:
    """What is in it, in words and numbers."""
    at, lengths = made.at, (len(bundle_of(made, KEYS[:3]).encode()), len(made.payload))
    return {
        "version": 1,
        "chain_id": at.market.chain_id,
        "market": at.market.address.hex(),
        "deployment": at.market.deployment.hex(),
        "task": at.task_id,
        "round": at.round,
        "batches": [{"batch_id": made.batch_id.hex(), "bundle_bytes": lengths[0], "sum_bytes": lengths[1]}],
        "sum": [int(value) for value in made.aggregate.values],
        "certificates": [{"batch_id": made.batch_id.hex(), "attested_by": list(range(PROVERS))}],
    }


def main() -> None:
    """Write both files."""
    made = batch()
    HERE.joinpath("round.archive").write_bytes(archive(made))
    HERE.joinpath("round.json").write_text(json.dumps(contents(made), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
