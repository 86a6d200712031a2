"""Pay for improvement at the real contracts: one table for all who compute it, and what happens to other ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from circuits.errors import ChainError, ContractError, InvalidInputError, NotReadyError, ProofError, UnknownError
from circuits.hashing import keccak
from circuits.terms import ETHER
from commons.chain.calldata import IMPROVEMENT, deployment
from commons.chain.dataimprovementaccount import ImprovementAccount
from commons.chain.dataimprovementview import BudgetTerms, ImprovementView
from commons.chain.dataperceptronview import PerceptronView
from commons.chain.deploying import Deployer
from commons.samples.improvementrules import (
    ImprovementRule,
    PerceptronRule,
    SignedTable,
    decode_table,
    encode_table,
)
from commons.samples.improvements import Improvement, ImprovementTable, improvement_table
from commons.samples.perceptrons import Perceptron
from commons.samples.samplebundles import SampleBundle
from gradroll.datamarket.decidedsamples import kept_bundles
from gradroll.datamarket.hiddengroups import GroupScorer, HiddenGroups
from gradroll.datamarket.improving import ImprovementPayer, compute_table, signed_table, total_of
from tests.datamarket.datastage import CONTRIBUTOR, OTHER, PATIENCE, REVIEWER, SCHEMA, bundle_of
from tests.datamarket.modelstage import ModelStage, model_stage, samples_of

TESTS = bundle_of(*samples_of(20, first=500, shift=3))
RULE = ImprovementRule(PerceptronRule(16, 5), (0,))
BUNDLES = [bundle_of(*samples_of(12)), bundle_of(*samples_of(12, first=12)), bundle_of(*samples_of(12, first=24))]
BUDGET, DAY = 10_000, 86_400


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelStage]:
    with model_stage(tmp_path_factory.mktemp("models")) as made:
        yield made


class Paid:
    """A campaign that is closed and decided, whose tests are shown, with a budget."""

    def __init__(self, market: ModelStage, directory: Path) -> None:
        self.market, stage = market, market.stage
        self.groups = HiddenGroups.of([TESTS])
        self.campaign = stage.campaign(stage.terms(tests=self.groups.commitment))
        self.numbers = [market.settled(self.campaign, each) for each in BUNDLES]
        self.held: dict[int, SampleBundle] = dict(zip(self.numbers, BUNDLES, strict=True))
        self.budget = self.account(OTHER).open_budget(self.terms())
        self.library = market.library(directory, self.held)

    def terms(self) -> BudgetTerms:
        return BudgetTerms(self.campaign, ETHER, BUDGET, RULE.digest, DAY, DAY)

    def account(self, number: int) -> ImprovementAccount:
        own = self.market.stage.account(number)
        return ImprovementAccount(own.chain, ImprovementView(own.data, self.market.places.improvement))

    def show(self) -> None:
        self.market.close(self.campaign)
        account = self.market.account()
        model = account.make(self.campaign, 16, 5)
        trainer = self.market.trainer(model, self.library)
        trainer.train()
        GroupScorer(account, model).show(self.groups, 0, trainer)

    def table(self, rule: ImprovementRule = RULE, tests: SampleBundle = TESTS) -> ImprovementTable:
        view = self.account(REVIEWER).budgets
        models = PerceptronView(view.data, self.market.places.models)
        held = kept_bundles(self.library, self.campaign)
        return compute_table(view, models, self.budget, rule, held, {0: tests})

    def words(self, table: SignedTable, members: tuple[int, ...] = (0, 1, 2)) -> list[tuple[int, bytes]]:
        digest = table.digest(self.account(OTHER).budgets.domain)
        return [(member, self.market.stage.accounts[1 + member].sign(digest)) for member in members]


@pytest.fixture(scope="module")
def shown(market: ModelStage, tmp_path_factory: pytest.TempPathFactory) -> Paid:
    made = Paid(market, tmp_path_factory.mktemp("paid"))
    with pytest.raises(NotReadyError, match="open"):
        made.table()
    made.show()
    return made


def test_a_table_is_computed_signed_and_paid(shown: Paid, market: ModelStage) -> None:
    table, view = shown.table(), shown.account(OTHER).budgets
    learner = Perceptron(SCHEMA, 16, 5)
    bundles = [(number, bundle.samples) for number, bundle in shown.held.items()]
    assert table == improvement_table(SCHEMA, list(TESTS.samples), [], bundles, BUDGET, learner)
    assert 0 < total_of(table) <= BUDGET
    record = view.budget(shown.budget)
    assert (record.left, record.signed, view.budgets(shown.campaign)) == (BUDGET, False, [shown.budget])
    wanted = signed_table(record, table)
    asked = view.data.chain.call(
        view.place, "tableDigest(bytes32,bytes32,uint256)", [shown.budget, table.root, wanted.total], ["bytes32"]
    )[0]
    assert asked == wanted.digest(view.domain)

    payer = ImprovementPayer(shown.account(OTHER))
    with pytest.raises(NotReadyError, match="no table"):
        payer.claim(shown.budget, table)
    with pytest.raises(ContractError, match="quorum"):
        payer.submit(wanted, shown.words(wanted, (0, 1)))
    false = replace(wanted, total=wanted.total + 1)
    with pytest.raises(ContractError, match="not that of the committee's member"):
        payer.submit(false, shown.words(wanted))
    assert payer.submit(wanted, shown.words(wanted)).left == total_of(table)
    assert payer.submit(wanted, []).signed, "handed in again, nothing is sent"
    with pytest.raises(NotReadyError, match="another table"):
        payer.submit(replace(wanted, root=b"\1" * 32), shown.words(wanted))
    with pytest.raises(NotReadyError, match="stays"):
        signed_table(view.budget(shown.budget), table)
    assert shown.table() == table, "who computes it later gets the same"

    first = table.paid[0]
    assert payer.claim(shown.budget, table, [first.bundle]) == [first]
    assert payer.claim(shown.budget, table) == list(table.paid[1:])
    assert payer.claim(shown.budget, table) == []
    with pytest.raises(UnknownError, match="nothing"):
        payer.claim(shown.budget, table, [999])
    with pytest.raises(ProofError, match="another one than this"):
        payer.claim(shown.budget, replace(table, parts=(Improvement(first.bundle, 1, first.amount + 1),)))
    contributor = shown.account(CONTRIBUTOR)
    assert contributor.collect_pay(ETHER) == total_of(table)
    assert contributor.collect_pay(ETHER) == 0
    assert shown.account(OTHER).collect_pay(ETHER) == BUDGET - total_of(table), "what it does not pay went back"


def test_a_member_that_is_shown_something_else_signs_nothing(shown: Paid, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidInputError, match="by another rule"):
        shown.table(rule=ImprovementRule(PerceptronRule(16, 6), (0,)))
    with pytest.raises(ProofError, match="not the tests of group 0"):
        shown.table(tests=bundle_of(*TESTS.samples[:19], BUNDLES[0].samples[0]))
    first = shown.numbers[0]
    with monkeypatch.context() as patch, pytest.raises(ProofError, match="sign nothing"):
        patch.setattr(PerceptronView, "passed_over", lambda *_: {(first, at) for at in range(12)})
        shown.table()
    true = ImprovementView.amount
    monkeypatch.setattr("commons.chain.dataimprovementview._opened", lambda log: 5)
    with pytest.raises(ChainError, match="put up"):
        true(shown.account(OTHER).budgets, shown.account(OTHER).open_budget(shown.terms(), 7))


def test_what_nobody_signs_goes_back(market: ModelStage, tmp_path: Path) -> None:
    account = ImprovementAccount(
        (own := market.stage.account(OTHER)).chain, ImprovementView(own.data, market.places.improvement)
    )
    campaign = market.stage.campaign()
    terms = BudgetTerms(campaign, ETHER, 77, RULE.digest, 60, 60)
    budget = account.open_budget(terms)
    assert account.open_budget(terms) != budget, "another nonce"
    payer = ImprovementPayer(account)
    with pytest.raises(ContractError, match="come back"):
        payer.give_back(budget)
    market.stage.pass_time(61)
    assert (payer.give_back(budget), payer.give_back(budget)) == (77, 0)
    with pytest.raises(UnknownError):
        account.budgets.budget(b"\1" * 32)
    with pytest.raises(ContractError, match="this release's"):
        ImprovementView(own.data, market.places.models)
    deployer = Deployer.of(market.stage.url, market.stage.accounts[OTHER], patience=PATIENCE)
    foreign = deployer.deploy("pay", deployment(IMPROVEMENT, own.data.jury.place)).created
    with pytest.raises(ContractError, match=r"data\.improvement"):
        ImprovementView(own.data, foreign)


def test_a_table_that_pays_nothing_is_not_signed() -> None:
    table = ImprovementTable(3, 4, (Improvement(5, 2, 0),))
    view = type("Record", (), {"signed": False, "budget": b"\1" * 32, "rule": b"\2" * 32})()
    with pytest.raises(NotReadyError, match="pays nothing"):
        signed_table(view, table)


TABLE = ImprovementTable(3, 9, (Improvement(5, 2, 0), Improvement(7, 9, 2**127)))


def test_a_table_has_one_encoding() -> None:
    data = encode_table(b"\1" * 32, TABLE)
    assert decode_table(data) == (b"\1" * 32, TABLE)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'"base":3', b'"base":10'), (b'"base":3', b'"base": 3'), (b'"base":3', b'"base":true'),
        (b'"bundle":7', b'"bundle":5'), (b'"bundle":5', b'"bundle":0'), (b'"right":9', b'"right":10'),
        (b'"amount":"0"', b'"amount":"00"'), (b'"amount":"0"', b'"amount":0'), (b'"amount":"0"', b'"amount":"-1"'),
        (b'"version":1', b'"version":2'), (b'"tests":9', b'"tests":0'), (b"01" * 32, b"01" * 31), (b"{", b"[{"),
        (b"01" * 32, b"zz" * 32), (b'"amount":"0"', b'"amount":"%d"' % 2**128),
    ],
)  # fmt: skip
def test_other_bytes_are_no_table(before: bytes, after: bytes) -> None:
    with pytest.raises(InvalidInputError):
        decode_table(encode_table(b"\1" * 32, TABLE).replace(before, after, 1))


def test_rules_are_the_texts_that_are_documented(repository: Path) -> None:
    page = (repository / "docs" / "protocol-data.md").read_text(encoding="utf-8")
    perceptron = PerceptronRule(16, 5000)
    texts = {
        '{"bits":16,"margin":5000,"rule":"gradroll/perceptron/1"}': perceptron.digest,
        '{"bits":16,"groups":[0,1],"margin":5000,"rule":"gradroll/improvement/1"}':
            ImprovementRule(perceptron, (0, 1)).digest,
    }  # fmt: skip
    for text, digest in texts.items():
        assert (f"`{text}`" in page, keccak(text.encode())) == (True, digest)


def test_rules_are_told_apart_and_bounded() -> None:
    rules = [PerceptronRule(16, 5), PerceptronRule(32, 5), PerceptronRule(16, 6)]
    by_group = [ImprovementRule(rules[0], groups) for groups in ((0,), (0, 1), (1,))]
    assert len({*(each.digest for each in rules), *(each.digest for each in by_group)}) == 6
    for bits, margin in ((8, 0), (16, -1), (16, 2**32)):
        with pytest.raises(InvalidInputError):
            PerceptronRule(bits, margin)
    for groups in ((), (1, 0), (0, 0), (64,), (-1,)):
        with pytest.raises(InvalidInputError):
            ImprovementRule(rules[0], groups)
