"""Writes vectors of bounties' draws and commitments, and of what is signed of offers and data; see README.md."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from circuits.hashing import domain_separator, keccak
from commons.protocol.bountydraws import (
    TESTS,
    TRAINING,
    HiddenGroup,
    commitment,
    draw_entropy,
    drawn_groups,
    seed_commitment,
    stage_seed,
)
from commons.protocol.modelofferings import BountyOffer, DatasetReceipt, SaleOffer, sale_id

HERE = Path(__file__).parent
CHAIN_ID, CONTRACT = 31337, bytes(12) + keccak(b"contract")[:8]
SHAPES = ((2, 1, 1), (12, 3, 4), (64, 10, 20), (64, 1, 63), (64, 32, 32))
"""Groups, of them training groups, tests."""


def _word(name: str) -> bytes:
    return keccak(name.encode())


def _hidden(index: int) -> HiddenGroup:
    return HiddenGroup(_word(f"salt {index}"), _word(f"group {index}"), _word(f"file {index}"), 1000 + index)


def draws() -> dict[str, object]:
    """Draws of each shape, as lists of the same length, and a commitment."""
    bounty, secret, rows = _word("bounty"), _word("seed"), []
    seeds = {stage: stage_seed(secret, stage) for stage in (TRAINING, TESTS)}
    for shape, (total, training, tests) in enumerate(SHAPES):
        hashes = [_word(f"block {shape} {stage}") for stage in (TRAINING, TESTS)]
        first = drawn_groups(draw_entropy(bounty, TRAINING, seeds[TRAINING], hashes[0]), range(total), training)
        left = set(range(total)) - set(first)
        second = drawn_groups(draw_entropy(bounty, TESTS, seeds[TESTS], hashes[1]), left, tests)
        rows.append((total, training, tests, _hex(hashes[0]), _hex(hashes[1]), _bits(first), _bits(second)))
    names = ("total", "training", "tests", "trainingBlock", "testsBlock", "trainingDrawn", "testsDrawn")
    columns: dict[str, object] = {name: [row[column] for row in rows] for column, name in enumerate(names)}
    leaves = [_hidden(index).leaf for index in range(5)]
    made: dict[str, object] = {"leaves": [_hex(leaf) for leaf in leaves], "commitment": _hex(commitment(leaves))}
    named = {"bounty": _hex(bounty), "seed": _hex(secret), "seedCommitment": _hex(seed_commitment(secret))}
    return named | columns | made


def offerings() -> dict[str, object]:
    """Digests of one offer of each kind, and receipts for two groups."""
    deployment = _word("deployment")
    domain = domain_separator(CHAIN_ID, CONTRACT, deployment)
    listing, bounty, row, key = _word("listing"), _word("bounty"), _word("sealed row"), (1, 2)
    sale = SaleOffer(listing, keccak(b"buyer")[:20], key, row, 10**18, 1_800_000_000)
    won = BountyOffer(bounty, listing, key, row)
    receipt = DatasetReceipt(bounty, TESTS, {7: _hidden(7), 2: _hidden(2)})
    return {
        "domain": _hex(domain),
        "saleOffer": _hex(sale.digest(domain)),
        "saleId": _hex(sale_id(keccak(b"seller")[:20], key)),
        "bountyOffer": _hex(won.digest(domain)),
        "offerReceipt": _hex(won.receipt_digest(domain)),
        "datasetReceipt": _hex(receipt.digest(domain)),
    }


FILES: dict[str, Callable[[], dict[str, object]]] = {"draws": draws, "offerings": offerings}


def main() -> None:
    """Write all files."""
    for name, make in FILES.items():
        (HERE / f"{name}.json").write_text(json.dumps(make(), indent=1) + "\n", encoding="utf-8")


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def _bits(groups: tuple[int, ...]) -> str:
    return str(sum(1 << index for index in groups))


if __name__ == "__main__":
    main()
