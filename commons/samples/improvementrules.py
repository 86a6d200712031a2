"""By what rule bundles are paid for improvement, how its table is written down, and what members sign of it.

docs/protocol-data.md, section "Pay by improvement".  A rule is a text that everybody writes alike; the chain has its
Keccak-256.  A table is a file that everybody computes alike; the chain has the root over its parts.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

from circuits.errors import InvalidInputError
from circuits.hashing import keccak, typed_digest
from commons.protocol.strictjson import bounded_json, canonical, require_canonical, require_fields, require_whole
from commons.samples.hiddentests import MAX_TEST_GROUPS
from commons.samples.improvements import Improvement, ImprovementTable
from commons.samples.merkletrees import MAX_LEAVES
from commons.samples.perceptrons import MAX_MARGIN, WEIGHT_BITS

__all__ = ["IMPROVEMENT_TABLE_TYPE", "ImprovementRule", "PerceptronRule", "SignedTable", "decode_table", "encode_table"]

IMPROVEMENT_TABLE_TYPE = "ImprovementTable(bytes32 budget,bytes32 rule,bytes32 root,uint256 total)"
"""By members of a campaign's committee, each of whom computed the table itself."""
_MAX_BYTES = 1 << 24
_MAX_AMOUNT = 2**128 - 1
_MAX_NUMBER = 2**63 - 1


@dataclass(frozen=True, slots=True)
class PerceptronRule:
    """How a version was trained: as a campaign's contract trains, on all that was decided, from weights that are 0.

    Attributes:
        bits: of a weight, 16 or 32.
        margin: 0 to 2^32 - 1.

    Raises:
        InvalidInputError: there is no such width or margin.
    """

    bits: int
    margin: int

    def __post_init__(self) -> None:
        if self.bits not in WEIGHT_BITS or not 0 <= self.margin <= MAX_MARGIN:
            raise InvalidInputError(f"weights have 16 or 32 bits, and a margin is 0 to {MAX_MARGIN}")

    @property
    def digest(self) -> bytes:
        """32 bytes, Keccak-256 of the rule's text: canonical JSON."""
        return keccak(canonical({"bits": self.bits, "margin": self.margin, "rule": "gradroll/perceptron/1"}))


@dataclass(frozen=True, slots=True)
class ImprovementRule:
    """By what bundles are paid.

    Attributes:
        perceptron: what is trained.
        groups: numbers of the campaign's groups of tests, ascending, all of which are scored.

    Raises:
        InvalidInputError: there are no groups, or they are out of order or range.
    """

    perceptron: PerceptronRule
    groups: tuple[int, ...]

    def __post_init__(self) -> None:
        ascending = all(one < other for one, other in pairwise(self.groups))
        if not self.groups or not ascending or self.groups[0] < 0 or self.groups[-1] >= MAX_TEST_GROUPS:
            raise InvalidInputError(f"a rule names groups of tests from 0 to {MAX_TEST_GROUPS - 1}, ascending")

    @property
    def digest(self) -> bytes:
        """32 bytes, Keccak-256 of the rule's text: canonical JSON."""
        own = self.perceptron
        return keccak(canonical({
            "bits": own.bits, "groups": list(self.groups), "margin": own.margin, "rule": "gradroll/improvement/1",
        }))  # fmt: skip


@dataclass(frozen=True, slots=True)
class SignedTable:
    """That a member computed a budget's table by its rule.

    Attributes:
        budget, rule, root: 32 bytes each.
        total: sum of all parts, in the token's smallest unit.
    """

    kind: ClassVar[str] = "improvement-table"
    budget: bytes
    rule: bytes
    root: bytes
    total: int

    def digest(self, domain: bytes) -> bytes:
        """What the member signs, 32 bytes, under the domain of ``ImprovementPay``."""
        return typed_digest(domain, IMPROVEMENT_TABLE_TYPE, (self.budget, self.rule, self.root, self.total))


def encode_table(budget: bytes, table: ImprovementTable) -> bytes:
    """A table as a file: JSON (RFC 8259) in ASCII, keys sorted, no space."""
    parts = [{"amount": str(part.amount), "bundle": part.bundle, "right": part.right} for part in table.parts]
    return canonical({
        "base": table.base, "budget": budget.hex(), "parts": parts, "tests": table.tests, "version": 1,
    })  # fmt: skip


def decode_table(data: bytes) -> tuple[bytes, ImprovementTable]:
    """Budget and table of a file.

    Raises:
        InvalidInputError: it is none, or another encoding of one; whether it is right, it does not say.
    """
    value = require_fields(bounded_json(data, "a table", _MAX_BYTES), "a table",
                           ("base", "budget", "parts", "tests", "version"))  # fmt: skip
    require_whole("the version of a table", value["version"], 1, 1)
    require_whole("the tests of a table", value["tests"], 1, MAX_TEST_GROUPS * MAX_LEAVES)
    require_whole("the base of a table", value["base"], 0, value["tests"])
    parts, budget = value["parts"], value["budget"]
    if not isinstance(parts, list) or len(parts) > MAX_LEAVES or not isinstance(budget, str):
        raise InvalidInputError(f"a table has a budget, and {MAX_LEAVES} parts at most")
    table = ImprovementTable(value["base"], value["tests"], tuple(_part(each, value["tests"]) for each in parts))
    if any(later.bundle <= before.bundle for before, later in pairwise(table.parts)):
        raise InvalidInputError("the parts of a table ascend by their bundles")
    try:
        named = bytes.fromhex(budget)
    except ValueError:
        named = b""
    if len(named) != 32:
        raise InvalidInputError("a table names its budget by 64 digits")
    require_canonical(encode_table(named, table), data, "the table")
    return named, table


def _part(value: Any, tests: int) -> Improvement:
    given = require_fields(value, "a part of a table", ("amount", "bundle", "right"))
    amount = given["amount"]
    if not isinstance(amount, str) or not amount.isascii() or not amount.isdigit() or len(amount) > 39:
        raise InvalidInputError("an amount of a table is written in digits")
    require_whole("an amount of a table", int(amount), 0, _MAX_AMOUNT)
    require_whole("the bundle of a part", given["bundle"], 1, _MAX_NUMBER)
    require_whole("the right answers of a part", given["right"], 0, tests)
    return Improvement(given["bundle"], given["right"], int(amount))
