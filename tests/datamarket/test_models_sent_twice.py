"""What a transaction at models, budgets and versions does that is mined twice: the table in docs/operations.md."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from circuits.errors import ContractError
from circuits.terms import ETHER
from commons.chain import calldata
from commons.chain.calldata import IMPROVEMENT, PERCEPTRONS, VERSIONS
from commons.chain.dataaccount import ProvenSample
from commons.chain.datadecoding import schema_words
from commons.chain.dataimprovementview import BudgetTerms
from commons.chain.dataversionview import VersionTerms
from gradroll.datamarket.hiddengroups import HiddenGroups
from gradroll.datamarket.improving import signed_table
from tests.datamarket.datastage import OTHER, SCHEMA, bundle_of
from tests.datamarket.modelstage import ModelStage, model_stage, samples_of
from tests.datamarket.test_data_sent_twice import refused
from tests.datamarket.test_improving import DAY, RULE, Paid

GAS = 3_000_000


@pytest.fixture
def market(tmp_path: Path) -> Iterator[ModelStage]:
    with model_stage(tmp_path / "models") as made:
        yield made


def test_models_and_their_tests(market: ModelStage) -> None:
    tests = bundle_of(*samples_of(1, first=9))
    groups = HiddenGroups.of([tests])
    campaign = market.stage.campaign(market.stage.terms(tests=groups.commitment))
    lost, kept = bundle_of(*samples_of(1)), bundle_of(*samples_of(1, first=1))
    for bundle in (lost, kept):
        market.settled(campaign, bundle)
    market.close(campaign)
    account = market.account()
    data = calldata.call(PERCEPTRONS, "make", campaign, schema_words(SCHEMA), 16, 0)
    refused("make", lambda: account.chain.send(account.models.place, data, gas=GAS))
    model = account.make(campaign, 16, 0)
    refused("reportMissing", lambda: account.report_missing(model, 0, 0))
    market.stage.pass_time(7 * DAY + 1)
    refused("passOver", lambda: account.pass_over(model, 0, 0))
    shown = [ProvenSample(kept.samples[0], ())]
    refused("train", lambda: account.train(model, shown, SCHEMA, GAS), 1)
    account.advance(model, 5, GAS)
    account.advance(model, 5, GAS)
    refused("showTests", lambda: account.show_tests(model, groups.leaves, 0, groups.groups[0]))
    scored = [ProvenSample(tests.samples[0], ())]
    refused("score", lambda: account.score(model, 0, scored, SCHEMA, GAS), 1)


def test_budgets(market: ModelStage, tmp_path: Path) -> None:
    paid = Paid(market, tmp_path)
    paid.show()
    account, table = paid.account(OTHER), paid.table()
    wanted = signed_table(account.budgets.budget(paid.budget), table)
    words = paid.words(wanted)
    data = calldata.call(IMPROVEMENT, "open", *paid.terms().words, 9)
    refused("open", lambda: account.chain.send(account.budgets.place, data, value=paid.terms().amount), 1)
    refused("sign", lambda: account.submit_table(paid.budget, table.root, wanted.total, words))
    part = table.paid[0]
    refused("claim", lambda: account.claim_part(paid.budget, part.bundle, part.amount, table.tree().proof(0)))
    other = account.open_budget(BudgetTerms(paid.campaign, ETHER, 5, RULE.digest, 60, 60))
    market.stage.pass_time(61)
    refused("giveBack", lambda: account.give_back(other))
    place = account.budgets.place
    data = calldata.call(IMPROVEMENT, "collect", ETHER, account.address, account.address)
    refused("collect", lambda: account.chain.send(place, data))


def test_versions(market: ModelStage) -> None:
    account = market.version_account()
    terms = VersionTerms((), b"\1" * 32, (), (), b"\2" * 32)
    data = calldata.call(VERSIONS, "register", terms.words)
    refused("register", lambda: account.chain.send(account.versions.place, data, gas=GAS))
    with pytest.raises(ContractError, match="has registered the version"):
        account.chain.send(account.versions.place, data, gas=GAS)
