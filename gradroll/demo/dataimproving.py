"""The demo's pay for improvement: members of the committee compute its table themselves, and a quorum signs it."""

from __future__ import annotations

from circuits.errors import ProofError
from circuits.terms import ETHER
from commons.chain.dataimprovementaccount import ImprovementAccount
from commons.chain.dataimprovementview import BudgetTerms, ImprovementView
from commons.chain.dataperceptronview import PerceptronView
from commons.runtime.amounts import ether
from commons.runtime.stages import stage
from commons.samples.improvementrules import ImprovementRule, PerceptronRule
from commons.samples.improvements import ImprovementTable
from gradroll.console import Console
from gradroll.datamarket.bundlefetching import BundleLibrary
from gradroll.datamarket.improving import ImprovementPayer, compute_table, signed_table, total_of
from gradroll.demo.datacampaign import OWNER, Campaign
from gradroll.demo.datalearning import BITS, MARGIN, SHOWN, bundles_of
from gradroll.demo.dataplay import Person

BUDGET = 2 * 10**17
RULE = ImprovementRule(PerceptronRule(BITS, MARGIN), (SHOWN,))
_WINDOW = 3600


def pay_improvement(campaign: Campaign, console: Console) -> dict[str, int]:
    """Put up a budget, have a quorum sign its table, and have all parts paid; right answers by contributors' names.

    Raises:
        ProofError: members compute different tables.
    """
    play, budgets = campaign.play, _account(campaign, campaign.owner)
    budget = budgets.open_budget(BudgetTerms(campaign.name, ETHER, BUDGET, RULE.digest, _WINDOW, _WINDOW))
    play.books.note(OWNER, "budget for improvement", -BUDGET)
    quorum = play.local.market.plan.threshold * 2 + 1
    with stage("members of the committee compute what each bundle improved"):
        tables = [_table(campaign, member, budget) for member in range(quorum)]
    if any(each != tables[0] for each in tables):
        raise ProofError("members of the committee compute different tables")
    table, wanted = tables[0], signed_table(budgets.budgets.budget(budget), tables[0])
    digest = wanted.digest(budgets.budgets.domain)
    payer = ImprovementPayer(budgets)
    payer.submit(wanted, [(member, play.local.market.signed(member, digest)) for member in range(quorum)])
    for part in payer.claim(budget, table):
        name = campaign.contributor_of(part.bundle)
        play.books.note(name, f"improvement by bundle {part.bundle}", part.amount)
        console.line(f"  bundle {part.bundle} of {name}: {part.right} right after it; {ether(part.amount)}")
    play.pass_time(_WINDOW)
    payer.give_back(budget)
    for who in play.people.values():
        _account(campaign, who).collect_pay(ETHER)
    play.books.note(OWNER, "budget that improved nothing", BUDGET - total_of(table))
    console.line(
        f"  {quorum} provers computed this table themselves, and signed it; {ether(BUDGET - total_of(table))} go back"
    )
    return {campaign.contributor_of(part.bundle): part.right for part in table.parts} | {OWNER: table.base}


def _account(campaign: Campaign, who: Person) -> ImprovementAccount:
    view = ImprovementView(who.roles.account.data, campaign.play.local.beside.improvement)
    return ImprovementAccount(who.roles.account.chain, view)


def _table(campaign: Campaign, member: int, budget: bytes) -> ImprovementTable:
    """The table that a member computes, through a connection of its own, of bundles that it holds against the chain."""
    play, data = campaign.play, campaign.play.local.view()
    library = BundleLibrary(data, play.work / f"prover-{member}" / "operator")
    budgets, models = (
        ImprovementView(data, play.local.beside.improvement), PerceptronView(data, play.local.beside.models),
    )  # fmt: skip
    return compute_table(
        budgets, models, budget, RULE, bundles_of(campaign, library), {SHOWN: campaign.stock.groups[SHOWN]}
    )
