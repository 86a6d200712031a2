"""What docs/protocol-data.md says of conditions and bounds is what the code has."""

from __future__ import annotations

import re
from pathlib import Path

from commons.samples.campaigneconomics import inequalities
from commons.samples.merkletrees import MAX_LEAVES
from commons.samples.nearcopies import MOST_COMPARED
from commons.samples.perceptrons import MAX_WEIGHTS
from commons.samples.sampleschemas import MAX_SAMPLE, MAX_TEXT, MAX_WIDTH
from tests.samples.test_campaigneconomics import BELIEFS, EXAMPLE

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "protocol-data.md").read_text(encoding="utf-8")


def plain(formula: str) -> str:
    """A formula without its spaces."""
    return formula.replace(" ", "")


def test_the_table_of_conditions_is_that_of_the_code() -> None:
    rows = re.findall(r"^\| ([a-z-]+) \| ([^|]*>[^|]*) \| [^|]* \| (contract|client) \|$", PAGE, re.MULTILINE)
    told = {name: (plain(formula), who == "contract") for name, formula, who in rows}
    assert told == {each.name: (plain(each.formula), each.enforced) for each in inequalities(EXAMPLE, BELIEFS)}


def test_bounds_are_those_of_the_code() -> None:
    for said in (f"at most {MAX_SAMPLE:,} bytes", f"1 to {MAX_WIDTH:,} features", f"1 to {MAX_TEXT:,} bytes of UTF-8",
                 f"1 to {MAX_LEAVES:,} samples", f"at most {MAX_WEIGHTS:,} weights",
                 f"after {MOST_COMPARED // 10**6} million comparisons"):  # fmt: skip
        assert said in PAGE
