"""The parts of the data market's demo: what contributors bring, what is seen of it, and what each event costs."""

from __future__ import annotations

from typing import cast

import pytest

from circuits.errors import ProofError
from commons.chain.datafacts import CampaignTerms
from commons.samples.bundlechecks import require_fitting
from commons.samples.canonicalsamples import label_of
from commons.samples.nearcopies import near_copies
from gradroll.demo.books import Books
from gradroll.demo.datadigits import BAD, BUNDLE, CLASSES, COPIES, GROUP, INITIAL, Stock, altered, labelled
from gradroll.demo.datamoney import NOBODY, Money, require_fair
from gradroll.demo.developers import load_images
from tests.datamarket.datastage import DataStage


@pytest.fixture(scope="module")
def stock() -> Stock:
    return Stock.of(load_images())


def test_everything_that_is_brought_fits_the_schema_and_is_new_but_for_copies(stock: Stock) -> None:
    schema = stock.document.schema
    fresh = [each for bundle in (stock.initial, *stock.groups, *stock.honest, stock.wrong, stock.guessed)
             for each in bundle.samples]  # fmt: skip
    require_fitting(schema, [*fresh, *stock.copied.samples])
    assert near_copies(schema, fresh, 0) == []
    found = near_copies(schema, [*fresh, *stock.copied.samples], len(fresh))
    assert [each.index for each in found] == list(range(len(fresh), len(fresh) + COPIES))
    assert {each.distance for each in found} == {1}
    assert [len(bundle.samples) for bundle in stock.honest] == [BUNDLE] * 3
    assert [len(bundle.samples) for bundle in stock.groups] == [GROUP] * 2
    assert sorted(map(label_of, stock.initial.samples)) == sorted([*range(CLASSES)] * INITIAL)


def test_who_looks_sees_what_is_wrong_and_nothing_else(stock: Stock) -> None:
    wrong = [at for at, each in enumerate(stock.wrong.samples) if stock.seen(each) != each]
    assert wrong == list(range(BAD)), "the first ones"
    guessed = [each for each in stock.guessed.samples if stock.seen(each) != each]
    assert BAD // 2 < len(guessed) < BAD, "some guesses are right"
    for bundle in (stock.initial, *stock.groups, *stock.honest, stock.copied):
        assert all(stock.seen(each) == each for each in bundle.samples)
    assert stock.seen(altered(stock.wrong.samples[0]))[2:] == altered(stock.wrong.samples[0])[2:]


def test_clean_data_have_each_sample_once_under_its_label(stock: Stock) -> None:
    sample = stock.initial.samples[0]
    other = labelled(sample, (label_of(sample) + 1) % CLASSES)
    assert stock.clean([other, sample, *stock.wrong.samples]) == [sample, *map(stock.seen, stock.wrong.samples)]


def test_stock_is_the_same_for_everybody(stock: Stock) -> None:
    again = Stock.of(load_images())
    assert (again.initial, again.groups, again.honest) == (stock.initial, stock.groups, stock.honest)
    assert (again.wrong, again.guessed, again.copied) == (stock.wrong, stock.guessed, stock.copied)


class Notes:
    """Books that only remember."""

    def __init__(self, **nets: int) -> None:
        self.nets = nets

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.nets)

    def net(self, name: str) -> int:
        return self.nets[name]

    def note(self, name: str, what: str, wei: int) -> None:
        assert what
        self.nets[name] = self.nets.get(name, 0) + wei


def odd_terms() -> CampaignTerms:
    """Amounts that do not divide."""
    return DataStage.terms(cast(DataStage, _Stage()), deposit=4001, reward=1003, correction=501, stake=2003, fee=421,
                           receipt_fee=301, burnt=3333)  # fmt: skip


class _Stage:
    committee = 1


def test_no_event_makes_or_loses_money() -> None:
    """Whatever happens to samples, the accounts' gains and losses make nothing in the end, burnt money among them."""
    books, terms = Notes(), odd_terms()
    money = Money(cast(Books, books), terms, "owner")
    money.escrow(1_000_000)
    for name, count in (("honest", 10), ("wrong", 5), ("copier", 3), ("thief", 4)):
        money.commitment(name, count)
    for _ in range(3):
        money.receipts(["p", "q", "r", "s"][:3])
    money.staked("finder", 8)
    money.staked("liar", 1)
    money.joined("juror", 4)
    money.accepted("honest", 9)
    money.upheld("honest", "liar")
    money.jurors({"juror": 2, "other": 1}, appeal=False)
    money.conceded("wrong", "finder", 4)
    money.contested("wrong", "finder")
    money.jurors({"juror": 3}, appeal=False)
    money.jurors({"juror": 4, "other": 3}, appeal=True)
    money.proven_copies("copier", "finder", 3)
    money.unstaked("finder", 8)
    money.never_opened("thief", 4)
    money.left("juror", 4)
    money.withdrawn()
    assert sum(books.nets.values()) == 0
    assert books.nets["thief"] == -4 * terms.deposit - terms.receipt_fee
    assert books.nets["copier"] == -3 * terms.deposit - terms.receipt_fee
    assert books.nets["honest"] == 10 * terms.reward + terms.stake - terms.fee - terms.receipt_fee
    assert books.nets["wrong"] == -5 * terms.deposit + 4 * terms.fee - terms.appeal_fee - terms.receipt_fee
    assert books.nets["liar"] == -terms.stake
    assert books.nets["owner"] == -10 * terms.reward - 5 * terms.correction
    assert books.nets["juror"] == 5 * (terms.fee // 3) + 4 * (terms.appeal_fee // 7)
    assert books.nets[NOBODY] > 4 * terms.deposit


def test_a_contributor_who_concedes_loses_less_than_one_who_contests() -> None:
    terms, nets = odd_terms(), []
    for how in ("conceded", "contested"):
        books = Notes()
        money = Money(cast(Books, books), terms, "owner")
        money.commitment("wrong", 1)
        money.conceded("wrong", "finder", 1) if how == "conceded" else money.contested("wrong", "finder")
        nets.append(books.nets["wrong"])
    assert nets[0] - nets[1] == terms.fee + terms.appeal_fee


@pytest.mark.parametrize(
    ("nets", "why"),
    [({"good": 5, "bad": -3, "burnt": -1}, "more than they had"), ({"good": 5, "bad": -3, "burnt": -3}, "-0.00"),
     ({"good": 0, "bad": -3, "burnt": 3}, "good ends with"), ({"good": -1, "bad": -3, "burnt": 4}, "good ends with -"),
     ({"good": 5, "bad": 1, "burnt": -6}, "bad ends with"), ({"good": 5, "bad": 0, "burnt": -5}, "bad ends with")],
)  # fmt: skip
def test_a_demo_in_which_lying_pays_or_money_is_missing_fails(nets: dict[str, int], why: str) -> None:
    with pytest.raises(ProofError, match=why):
        require_fair(cast(Books, Notes(**nets)), ["good"], ["bad"])
    require_fair(cast(Books, Notes(good=5, bad=-6, burnt=1)), ["good"], ["bad"])
