"""Versions of models at the real contracts: what the chain shows, what is computed again, what is an author's word."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from circuits.errors import ChainError, ContractError, InvalidInputError, UnknownError
from commons.chain import dataversionview
from commons.chain.dataversionview import VersionTerms, VersionView
from commons.chain.modelview import ModelView
from commons.samples.improvementrules import PerceptronRule
from commons.samples.perceptronfiles import perceptron_file
from commons.samples.perceptrons import Perceptron
from gradroll.datamarket.decidedsamples import kept_bundles
from gradroll.datamarket.versionchecks import Standing, VersionChecker, perceptron_version, require_terms
from tests.datamarket.datastage import OTHER, REVIEWER, SCHEMA, bundle_of
from tests.datamarket.modelstage import ModelStage, model_stage, samples_of

RULE = PerceptronRule(16, 5)
BUNDLES = [bundle_of(*samples_of(8)), bundle_of(*samples_of(8, first=8))]


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelStage]:
    with model_stage(tmp_path_factory.mktemp("models")) as made:
        yield made


def closed_epochs(market: ModelStage) -> tuple[bytes, dict[int, int]]:
    """A campaign with two epochs of a bundle each; numbers of the bundles."""
    campaign, numbers = market.stage.campaign(), {}
    for at, bundle in enumerate(BUNDLES):
        numbers[at] = market.settled(campaign, bundle)
        market.stage.account(OTHER).close_epoch(campaign)
    return campaign, numbers


def test_a_perceptrons_version_is_computed_again(market: ModelStage, tmp_path: Path) -> None:
    campaign, numbers = closed_epochs(market)
    library = market.library(tmp_path, {numbers[at]: bundle for at, bundle in enumerate(BUNDLES)})
    held, account = kept_bundles(library, campaign), market.version_account()
    market.account().make(campaign, 16, 5)
    made = [perceptron_version(market.stage.data, set(), campaign, epoch, RULE, held) for epoch in (0, 1)]
    expected = Perceptron(SCHEMA, 16, 5)
    expected.train(BUNDLES[0].samples)
    closings = market.stage.data.epochs(campaign)
    assert made[0].content == perceptron_file(RULE, campaign, closings[0][1], expected)
    assert made[1].epochs == ((campaign, 0), (campaign, 1))
    with pytest.raises(UnknownError, match="has closed 2 epochs"):
        perceptron_version(market.stage.data, set(), campaign, 2, RULE, held)

    def terms(at: int, *parents: bytes) -> VersionTerms:
        return VersionTerms(parents, hashlib.sha256(made[at].content).digest(), made[at].epochs, (), RULE.digest)

    first = account.register(terms(0))
    assert account.register(terms(0)) == first, "registered once"
    second = account.register(terms(1, first))
    view = account.versions
    assert view.version(second).generation == 1
    assert view.terms(second) == terms(1, first)
    assert list(view.ancestors(second)) == [second, first]
    assert view.versions(account.address) == [first, second]
    assert view.versions(market.stage.accounts[REVIEWER].address) == []

    def registry() -> ModelView:
        return ModelView(market.stage.data.chain, market.models)

    checker = VersionChecker(market.account().models, registry, lambda _: held)
    assert [claim.standing for claim in checker.check(terms(1, first))] == [
        Standing.WORD, Standing.COMPUTED, Standing.COMPUTED, Standing.COMPUTED
    ]  # fmt: skip
    false = replace(terms(1), model=b"\1" * 32)
    assert checker.check(false)[-1].standing is Standing.FALSE
    fewer = replace(terms(1), epochs=((campaign, 1),))
    assert checker.check(fewer)[-1].standing is Standing.FALSE, "it says that it was trained on less than it was"
    other = replace(terms(1), rule=b"\2" * 32)
    assert checker.check(other)[-1].standing is Standing.WORD
    rounds = replace(terms(0), rounds=((1, 0, 3),))
    assert [claim.standing for claim in checker.check(rounds)] == [
        Standing.COMPUTED, Standing.WORD, Standing.COMPUTED
    ]  # fmt: skip


def test_what_does_not_exist_is_no_version(market: ModelStage) -> None:
    account, campaign = market.version_account(), market.stage.campaign()
    good = VersionTerms((), b"\1" * 32, (), (), b"\2" * 32)
    for terms, words in (
        (replace(good, epochs=((campaign, 0),)), "has not closed epoch 0"),
        (replace(good, parents=(b"\3" * 32,)), "there is no version"),
        (replace(good, listing=b"\4" * 32), "listing"),
    ):
        with pytest.raises((ContractError, UnknownError), match=words):
            account.register(terms)
    with pytest.raises(UnknownError):
        account.versions.version(b"\3" * 32)
    for terms in (
        replace(good, parents=(b"\4" * 32, b"\3" * 32)),
        replace(good, parents=tuple(bytes((at,)) * 32 for at in range(9))),
        replace(good, model=bytes(32)), replace(good, epochs=((campaign, 0),) * 17),
    ):  # fmt: skip
        with pytest.raises(InvalidInputError):
            require_terms(terms)


def test_a_node_that_shows_other_words_is_found_out(market: ModelStage, monkeypatch: pytest.MonkeyPatch) -> None:
    account = market.version_account()
    version = account.register(VersionTerms((), b"\5" * 32, (), (), b"\2" * 32))
    true = dataversionview._registered
    monkeypatch.setattr(dataversionview, "_registered", lambda log: replace(true(log), model=b"\6" * 32))
    with pytest.raises(ChainError, match="does not show what the version says"):
        account.versions.terms(version)
    with pytest.raises(ContractError, match=r"data\.versions"):
        VersionView(market.stage.data, market.stage.data.place, account.versions.place)
