"""What the documents say about gas, money and attacks is what is measured and tested."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

import contracts
from benchmarks import cases, results
from benchmarks.economics import costtables, rounds, snapshots
from benchmarks.economics.calls import CALLS, SNAPSHOTS, measured
from benchmarks.economics.costs import BLOB_BYTES, BLOB_GAS, GWEI, Cost, Line, batches, layer_one, rollup
from circuits.terms import Pay
from gradroll.model_owner.pricing import GAS_PRICE, gas_fees, usual_min_owners

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "economics.md"
TRUST_MODEL = ROOT / "docs" / "trust-model.md"
MODELS = ROOT / "docs" / "protocol-models.md"
DATA = ROOT / "docs" / "protocol-data.md"
PAGES = [path for path in sorted((ROOT / "docs").glob("*.md")) if path.name not in ("errors.md", "settings.md")]
_TEST = re.compile(r"`([\w./]+\.(?:t\.sol|py))`: ((?:`\w+`(?:, )?)+)")
_TABLE = re.compile(r"<!-- table: .*?<!-- end -->", re.DOTALL)


def text(page: str) -> str:
    """A page's prose in one line, without its generated tables."""
    return " ".join(_TABLE.sub("", (ROOT / page).read_text(encoding="utf-8")).split())


def named_tests(page: Path = PAGE) -> list[tuple[str, str]]:
    """Every test that a page names, with its file."""
    found = _TEST.findall(page.read_text(encoding="utf-8"))
    return [(file, name) for file, names in found for name in re.findall(r"`(\w+)`", names)]


def functions_of(file: str) -> set[str]:
    """Names of a test file's functions."""
    path = ROOT / ("contracts/test" if file.endswith(".sol") else "tests") / file
    return set(re.findall(r"^ *(?:function|def) (\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE))


def test_every_test_that_the_page_names_exists() -> None:
    named = named_tests()
    assert len(named) > 100
    trusted = named_tests(TRUST_MODEL)
    assert len(trusted) > 10
    models = named_tests(MODELS)
    assert len(models) > 5
    data = named_tests(DATA)
    assert len(data) > 40
    assert [(file, name) for file, name in (*named, *trusted, *models, *data) if name not in functions_of(file)] == []


@pytest.mark.parametrize("page", [PAGE, TRUST_MODEL, DATA], ids=lambda page: page.name)
def test_no_test_is_named_where_it_would_not_be_looked_for(page: Path) -> None:
    """Every name of a test stands behind its file."""
    loose = re.findall(r"`((?:test|invariant)\w*_\w+)`", page.read_text(encoding="utf-8"))
    assert sorted(loose) == sorted(name for _, name in named_tests(page))


def test_every_attack_is_in_the_table() -> None:
    files = sorted((ROOT / "contracts" / "test" / "attacks").glob("*.t.sol"))
    tests = {(at, name) for f in files for at in [f"attacks/{f.name}"] for name in functions_of(at)}
    attacks = {(at, name) for at, name in tests if "_attack_" in name}
    assert len(attacks) > 30
    assert attacks - set(named_tests()) == set()


def test_every_row_of_the_table_names_a_test() -> None:
    section = PAGE.read_text(encoding="utf-8").partition("## Who could cheat whom")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")]
    rows = [line for line in rows if not line.startswith(("| ---", "| who, whom"))]
    assert len(rows) > 30
    assert [row for row in rows if not _TEST.search(row)] == []


@pytest.mark.parametrize("contract", SNAPSHOTS)
def test_every_entry_point_has_its_gas(contract: str) -> None:
    abi = contracts.load(contract).abi
    changing = {
        item["name"] for item in abi if item["type"] == "function" and item["stateMutability"] not in ("view", "pure")
    }
    listed = [call for call in CALLS if call.contract == contract]
    assert {call.function for call in listed} == changing
    assert [call.function for call in listed if not list(measured(call))] == []


@pytest.mark.parametrize("contract", SNAPSHOTS)
def test_every_figure_is_of_an_entry_point(contract: str) -> None:
    labels = {label for name in SNAPSHOTS[contract] for label in snapshots.load(name) if not label.endswith(": call")}
    assert labels <= {label for call in CALLS if call.contract == contract for label, _ in measured(call)}


def test_no_snapshot_is_left_out() -> None:
    known = {name for names in SNAPSHOTS.values() for name in names} | {"committee", "gas", "pay", "size"}
    assert {path.stem for path in snapshots.DIRECTORY.glob("*.json")} == known


def test_the_page_of_the_model_market_has_the_gas_of_its_registry() -> None:
    measured_gas = snapshots.load("models")
    said = text("docs/protocol-models.md")
    assert [
        label for label, gas in measured_gas.items() if not label.startswith("prove, 2") and f"{gas:,}" not in said
    ] == []
    further = (measured_gas["prove, 16 chunks"] - measured_gas["prove, 1 chunk, first of a model"]) / 15
    assert f"{round(further):,} each further chunk" in said


def test_the_page_of_the_model_market_has_the_gas_of_sales() -> None:
    gas = snapshots.load("sales")
    said = text("docs/protocol-models.md")
    assert f"costs {gas['lock']:,} gas to lock and {gas['reveal']:,} to reveal" in said
    assert gas["lock"] + gas["reveal"] <= 190_000


def test_the_bytes_of_a_batch_are_those_of_a_real_one() -> None:
    rows = (results.load("gas") or {})["rows"]
    assert {row["owners"] for row in rows} == set(rounds.SIZES)
    assert all(rounds.bytes_of_batch(row["owners"]) == row["calldata"] for row in rows)


def test_the_gas_of_a_batch_is_a_line() -> None:
    """Sizes between the measured ones may be read off it."""
    for compacted in (True, False):
        line, middle = rounds.batch_line(compacted=compacted), rounds.SIZES[1]
        assert line.at(middle) == pytest.approx(rounds.gas_of_batch(middle, compacted=compacted), rel=1e-3)


def test_break_even_is_where_both_parts_are_equal() -> None:
    line = Line.through((8, 180), (64, 740))
    assert (line.fixed, line.owner, line.break_even) == (100, 10, 10)
    assert line.at(10) == 200


def test_a_rollups_data_is_paid_by_the_blob() -> None:
    blob, prices = Cost(gas=100, data=BLOB_BYTES), rollup(gas_price=2, base_fee=16 * GWEI)
    assert blob.wei(prices) == pytest.approx(200 + BLOB_GAS * GWEI)
    assert blob.wei(layer_one(2)) == 200


def test_a_round_has_all_its_transactions() -> None:
    few, many = rounds.whole(64), rounds.whole(65)
    names = [step.name for step in rounds.steps(64)]
    assert names[:4] == ["openRound", "acceptBatch", "settleFees", "finalizeRound"]
    assert (batches(64, 64), batches(65, 64)) == (1, 2)
    once = sum(snapshots.of("market", name) for name in ("openRound", "finalizeRound"))
    assert many.gas - once == 2 * (few.gas - once)


@pytest.mark.parametrize("owners", rounds.SIZES)
def test_the_usual_fee_covers_what_a_batch_costs(owners: int) -> None:
    """At the price that it assumes, fees held and settled, whether the roster was copied or not."""
    assert costtables.covered(owners, compacted=False) >= GAS_PRICE
    assert costtables.covered(owners) >= GAS_PRICE


@pytest.mark.parametrize(
    ("page", "capacity", "rounds_"), [("README.md", 16, 3), ("docs/quickstart.md", 2, 2), ("docs/deployment.md", 2, 1)]
)
def test_the_escrow_that_a_page_funds_is_enough_for_its_rounds(page: str, capacity: int, rounds_: int) -> None:
    (funded,) = re.findall(r"gradroll task fund 0x3fa9 ([\d.]+)ether", text(page))
    assert "--reward 0.001ether" in text(page)
    pay = gas_fees(Pay(bonus=costtables.REWARD), rounds.PROVERS)
    least = usual_min_owners(pay, rounds.PROVERS, capacity, rounds.BATCH)
    needed = rounds_ * pay.reserve(capacity, rounds.PROVERS, least)
    assert needed <= round(float(funded) * 10**18) < 1.5 * needed


def test_the_page_says_the_floor_that_owners_have() -> None:
    assert "floor is base + bonus l / 3" in text("docs/economics.md")


def to(unit: int, gas: float) -> str:
    """Gas as a sentence has it, to the next thousand or hundred."""
    return f"{round(gas / unit) * unit:,}"


def benched(owners: int, *, compacted: bool) -> dict[str, int]:
    """A batch's row in the results of the benchmark."""
    rows = (results.load("gas") or {})["rows"]
    key = (cases.SMALL, owners, compacted)
    return next(row for row in rows if (row["dimension"], row["owners"], row["roster_compacted"]) == key)


def copying() -> Line:
    """Gas of a roster's copy by its owners."""
    low, high = (benched(owners, compacted=True)["compaction_gas"] for owners in (8, 64))
    return Line.through((8, low), (64, high))


def saved(owners: int) -> int:
    """Gas that a copied roster saves a batch."""
    return benched(owners, compacted=False)["gas"] - benched(owners, compacted=True)["gas"]


def earned_back(owners: int) -> int:
    """Rounds in which the copy of a roster of so many saves what it costs."""
    return math.ceil(benched(owners, compacted=True)["compaction_gas"] / saved(owners))


def paid(rounds_a_claim: int) -> str:
    """The range of what a gradient costs that is proven and paid."""
    start, end = f"{rounds_a_claim} rounds", "per gradient"
    found = [gas for label, gas in snapshots.load("pay").items() if label.startswith(start) and label.endswith(end)]
    return f"{to(100, min(found))} to {to(100, max(found))}"


def said() -> list[tuple[str, str]]:
    """Sentences with figures of gas, as the measurements give them, by page."""
    copy, less = copying(), to(1000, saved(64) / 64)
    opened = max(snapshots.of("market", label) for label in ("openRound", "openRound, the first"))
    proven = to(100, snapshots.of("pay", "proven, roster compacted: per gradient"))
    fees = to(10, snapshots.of("gas", "fees, 64 owners: more per gradient"))
    settling = f"{-(-snapshots.of('market', 'settleFees, all 4 members, for the first time') // 10_000) * 10_000:,}"
    made = f"{to(1000, copy.fixed)} gas and {to(100, copy.owner)}"
    largest = max(gas for label, gas in snapshots.load("pay").items() if label.startswith("100 ")) / 1e6
    return [
        ("README.md", f"a gradient costs {proven} gas to prove"),
        ("README.md", f"to prove; proven and paid {paid(10)}, with a claim every ten rounds"),
        ("README.md", f"{paid(100)} with one every hundred"),
        ("README.md", f"{paid(1)} if each round is claimed"),
        ("README.md", f"Fees for coordinator and provers add {fees}"),
        ("contracts/README.md", f"a gradient costs {proven} to prove"),
        ("contracts/README.md", f"over 10 rounds {paid(10)}"),
        ("contracts/README.md", f"over 100 rounds {paid(100)}"),
        ("contracts/README.md", f"Fees add {fees}."),
        ("contracts/README.md", f"A claim a round costs {paid(1)}"),
        ("contracts/README.md", f"over 100 rounds is {largest:.1f} million"),
        ("contracts/README.md", f"{less} gas less an owner a batch, for {to(100, copy.owner)} an owner once"),
        ("docs/performance.md", f"{made} an owner, once"),
        ("docs/performance.md", f"for {less} gas less each"),
        ("docs/operations.md", f"Opening a round costs {to(1000, opened)} gas."),
        ("docs/operations.md", f"{made} for each owner of a chunk of 1,024, once"),
        ("docs/operations.md", f"against {less} gas an owner"),
        ("docs/operations.md", f"64 owners earn it back in {earned_back(64)} rounds, 8 in {earned_back(8)}."),
        ("CHANGELOG.md", f"costs {paid(10)} gas"),
        ("docs/deployment.md", f"ether for up to {settling} gas a batch"),
        ("docs/deployment.md", f"[up to {to(1000, opened)} each](operations.md#fees-of-a-model-owner)"),
    ]


BOUNDS = {
    "CHANGELOG.md": {"20,000", "30,000"},
    "contracts/README.md": {"34,000", "12,000", "50,000"},
    "docs/economics.md": {"30,000"},
}
"""Figures that are no measurements: prices of precompiles (EIP-1108), and bounds that tests of the contracts hold."""


@pytest.mark.parametrize(("page", "sentence"), said())
def test_figures_of_gas_in_sentences_are_the_measured_ones(page: str, sentence: str) -> None:
    assert sentence in text(page)


@pytest.mark.parametrize(
    "page", ["README.md", "CHANGELOG.md", "contracts/README.md", *(f"docs/{p.name}" for p in PAGES)]
)
def test_no_figure_of_gas_is_left_unheld(page: str) -> None:
    """Nor of ten thousand and more; what stands in a table is generated, or held by the test of its page."""
    prose = re.sub(r"\| [^|]*", "", text(page))
    figures = set(re.findall(r"(\d{2,3}(?:,\d{3})+) gas\b", prose))
    held = " ".join(sentence for where, sentence in said() if where == page)
    assert {figure for figure in figures - BOUNDS.get(page, set()) if figure not in held} == set()
