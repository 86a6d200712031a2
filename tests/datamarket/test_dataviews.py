"""What the client asks of the data market's contracts, held against their ABI; and what nodes invent, found out."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest

import contracts
from circuits.errors import ChainError, UnknownError
from circuits.hashing import keccak
from commons.chain import datadecoding, dataview, juryview
from commons.chain.calldata import CAMPAIGNS, JURY, signatures, type_of
from commons.chain.datafacts import (
    CAMPAIGN_TERMS,
    SAMPLE_SCHEMA,
    BundleStage,
    ChallengeStage,
    DisputeStage,
)
from commons.chain.dataview import DataView
from commons.chain.juryfacts import POOL_TERMS, CaseStage, PoolTerms, Verdict, vote_commitment
from commons.samples.contributions import BundleReceipt, Outcome, bundle_commitment
from tests.datamarket.datastage import CONTRIBUTOR, HOUR, OWNER, SCHEMA, DataStage, bundle_of, sample

BUNDLE = bundle_of(sample(1, 10, 20, 30), sample(2, 40, 50, 60))
SALT = b"\x09" * 32


def all_of(kind: str) -> set[str]:
    return {text for name in (CAMPAIGNS, JURY) for text in signatures(name, kind).values()}


def test_every_question_is_in_the_abi() -> None:
    asked = {found for of in (dataview, juryview) for found in re.findall(r'"(\w+\([^"{}]*\))"', inspect.getsource(of))}
    asked.add(f"poolOf({POOL_TERMS})")
    assert len(asked) > 12
    assert asked <= all_of("function")


def test_every_event_that_is_read_is_in_the_abi() -> None:
    values = [value for value in vars(datadecoding).values() if isinstance(value, str)]
    events = {text for text in values if re.match(r"[A-Z]\w+\(", text)}
    assert len(events) >= 10
    assert events <= all_of("event")


def test_answers_have_the_types_of_the_abi() -> None:
    returned = {
        item["name"]: type_of(item["outputs"][0])
        for name in (CAMPAIGNS, JURY) for item in contracts.load(name).abi
        if item["type"] == "function" and len(item["outputs"]) == 1
    }  # fmt: skip
    expected = {
        "campaignOf": datadecoding.CAMPAIGN, "bundleOf": datadecoding.BUNDLE, "challengeOf": datadecoding.CHALLENGE,
        "disputeOf": datadecoding.DISPUTE, "poolOf": datadecoding.POOL, "slotOf": datadecoding.SLOT,
        "caseOf": datadecoding.CASE, "seat": datadecoding.SEAT,
    }  # fmt: skip
    assert {name: returned[name] for name in expected} == expected
    assert f"open({CAMPAIGN_TERMS},{SAMPLE_SCHEMA},uint256,uint256)" in all_of("function")


def test_stages_have_the_numbers_of_the_contracts(repository: Path) -> None:
    root = repository / "contracts" / "src" / "data" / "types"
    kinds: dict[str, tuple[Any, ...]] = {
        "Campaigns.sol": (BundleStage, ChallengeStage, DisputeStage, Outcome),
        "Juries.sol": (CaseStage, Verdict),
    }
    for file, enums in kinds.items():
        text = re.sub(r"///?.*", "", (root / file).read_text(encoding="utf-8"))
        for kind in enums:
            found = re.search(rf"enum {kind.__name__} \{{([^}}]*)\}}", text)
            assert found is not None
            assert [name.strip().upper() for name in found[1].split(",")] == [one.name for one in kind]


def test_what_is_computed_here_is_what_the_contracts_compute(stage: DataStage) -> None:
    data, contributor = stage.data, stage.account(CONTRIBUTOR)
    campaign = stage.campaign()
    record = data.campaign(campaign)
    assert (record.owner, record.terms) == (stage.accounts[OWNER].address, stage.terms())
    assert data.schema(campaign) == SCHEMA
    root, digest = BUNDLE.tree().root, BUNDLE.content_digest
    commitment = bundle_commitment(campaign, root, digest, 2, contributor.address, SALT)
    number = contributor.commit_bundle(campaign, 2, commitment)
    assert data.committed_bundles(campaign, contributor.address, commitment) == [number]
    stage.pass_time(1, 2)
    contributor.open_bundle(number, root, digest, SALT)
    asked = data.chain.call(data.place, "receiptDigest(uint256)", [number], ["bytes32"])[0]
    receipt = BundleReceipt(campaign, number, root, digest, 2, SCHEMA.digest)
    assert asked == receipt.digest(data.market_id.domain) == data.receipt(number).digest(data.market_id.domain)
    given = (3, 1, 2, contributor.address, Verdict.BAD, SALT)
    signature = "commitmentOf(uint256,uint256,uint256,address,uint8,bytes32)"
    called = data.chain.call(data.jury.place, signature, [*given[:3], "0x" + given[3].hex(), *given[4:]], ["bytes32"])
    assert called[0] == vote_commitment(data.jury.deployment, *given)


def test_what_nobody_knows_is_told_as_that(stage: DataStage) -> None:
    data = stage.data
    for ask in (
        lambda: data.campaign(b"\x01" * 32), lambda: data.schema(b"\x01" * 32), lambda: data.bundle(999),
        lambda: data.challenge(999), lambda: data.jury.case(999),
    ):  # fmt: skip
        with pytest.raises(UnknownError):
            ask()
    assert data.dispute(999, 0).stage is DisputeStage.UNKNOWN
    assert data.jury.pool(PoolTerms(bytes(20), 1, 1, 3, 1)).number == 0


def test_contracts_of_another_deployment_are_refused(stage: DataStage) -> None:
    with pytest.raises(ChainError):
        DataView(stage.data.chain, stage.data.chain.registry)


def test_a_node_that_invents_a_schema_samples_or_decisions_is_found_out(
    stage: DataStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    contributor, campaign = stage.account(CONTRIBUTOR), stage.campaign()
    tree = BUNDLE.tree()
    commitment = bundle_commitment(campaign, tree.root, bytes(32), 2, contributor.address, SALT)
    number = contributor.commit_bundle(campaign, 2, commitment)
    stage.pass_time(1, 2)
    contributor.open_inline(number, BUNDLE.samples, SALT, SCHEMA)
    stage.pass_time(2 * HOUR + 1)
    contributor.settle_bundle(number)
    contributor.close_epoch(campaign)
    data = stage.view()
    assert data.inline_samples(number) == BUNDLE.samples
    decisions = data.decisions(campaign)
    assert [(each.bundle, each.outcome, each.count) for each in decisions] == [(number, Outcome.ACCEPTED, 2)]
    assert data.epochs(campaign) == [(0, data.campaign(campaign).log, 1)]

    def lie(name: str, change: Any) -> DataView:
        true = getattr(datadecoding, name)
        monkeypatch.setattr(datadecoding, name, lambda log: change(true(log)))
        return stage.view()

    with pytest.raises(ChainError, match="shows another schema"):
        lie("opened", lambda told: (*told[:2], SCHEMA.array(4, [100], 3, 1, tau=3))).schema(campaign)
    with pytest.raises(ChainError, match="does not show the samples"):
        lie("inline_samples", lambda told: (told[0], keccak(told[1]))).inline_samples(number)
    with pytest.raises(ChainError, match="another log of decisions"):
        lie("decided", lambda told: (told[0], told[1].__class__(number, 1, Outcome.BAD, 1, tree.root), told[2])
            ).decisions(campaign)  # fmt: skip
