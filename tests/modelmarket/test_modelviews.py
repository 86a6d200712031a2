"""What the model market's read side asks and decodes is what the contracts' ABI says."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import contracts
from commons.chain import modeldecoding, modelview
from commons.chain.calldata import BOUNTIES, MODELS, SALES, signatures, type_of
from commons.chain.modelfacts import BountyStage, EntryStatus, SaleStatus
from commons.chain.view import UNKNOWN

CONTRACTS = (MODELS, SALES, BOUNTIES)


def all_of(kind: str) -> set[str]:
    return {text for name in CONTRACTS for text in signatures(name, kind).values()}


def test_every_question_is_in_the_abi() -> None:
    asked = set(re.findall(r'"(\w+\([^"{}]*\))"', inspect.getsource(modelview)))
    asked.add(f"difference(bytes32,{modeldecoding.LINEAGE_STATEMENT})")
    assert len(asked) > 15
    assert asked <= all_of("function")


def test_every_event_that_is_read_is_in_the_abi() -> None:
    events = {value for value in vars(modeldecoding).values() if isinstance(value, str) and value[:1].isupper()}
    events = {text for text in events if re.match(r"[A-Z]\w+\(", text)}
    assert len(events) >= 10
    assert events <= all_of("event")


def test_answers_have_the_types_of_the_abi() -> None:
    returned = {
        item["name"]: type_of(item["outputs"][0])
        for name in CONTRACTS for item in contracts.load(name).abi
        if item["type"] == "function" and len(item["outputs"]) == 1
    }  # fmt: skip
    expected = {
        "listing": modeldecoding.LISTING, "set": modeldecoding.SET, "score": modeldecoding.SCORE,
        "quote": modeldecoding.QUOTE, "lineage": modeldecoding.LINEAGE, "bountyOf": modeldecoding.BOUNTY,
        "entryAt": modeldecoding.ENTRY,
    }  # fmt: skip
    assert {name: returned[name] for name in expected} == expected


def test_what_the_contracts_do_not_know_is_known_as_that() -> None:
    unknown = {text for text in all_of("error") if text.split("(")[0].endswith("Unknown")}
    assert {text for text in unknown if text.split("(")[0] in ("SetUnknown", "ListingUnknown", "BountyUnknown")} <= set(
        UNKNOWN
    )


def test_stages_have_the_numbers_of_the_contracts(repository: Path) -> None:
    root = repository / "contracts" / "src" / "models" / "types"
    for kind, file in ((BountyStage, "Bounties.sol"), (EntryStatus, "Bounties.sol"), (SaleStatus, "Sales.sol")):
        text = re.sub(r"///?.*", "", (root / file).read_text(encoding="utf-8"))
        found = re.search(rf"enum {kind.__name__} \{{([^}}]*)\}}", text)
        assert found is not None
        names = [name.strip() for name in found[1].split(",")]
        assert [re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper() for name in names] == [one.name for one in kind]
