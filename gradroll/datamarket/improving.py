"""Pay for improvement: the table that everybody computes alike, what members sign of it, and its parts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from circuits.errors import ContractError, InvalidInputError, NotReadyError, ProofError, UnknownError
from commons.chain.dataimprovementaccount import ImprovementAccount
from commons.chain.dataimprovementview import BudgetRecord, ImprovementView
from commons.chain.dataperceptronview import PerceptronModel, PerceptronView
from commons.chain.depth import HEAD
from commons.samples.canonicalsamples import fits
from commons.samples.improvementrules import ImprovementRule, SignedTable
from commons.samples.improvements import Improvement, ImprovementTable, improvement_table
from commons.samples.perceptrons import Perceptron
from commons.samples.samplebundles import SampleBundle
from commons.settings.values import Depth
from gradroll.datamarket.decidedsamples import DecidedSamples, SamplesOf
from gradroll.datamarket.hiddengroups import require_tests
from gradroll.datamarket.mostnodes import computed


def compute_table(
    budgets: ImprovementView,
    models: PerceptronView,
    budget: bytes,
    rule: ImprovementRule,
    samples_of: SamplesOf,
    tests: Mapping[int, SampleBundle],
    depth: Depth = HEAD,
) -> ImprovementTable:
    """A budget's table, computed from the chain and the bundles: members do so themselves before they sign.

    Most nodes have to lead to it: of several, one alone could show weights that go with samples that it hides.

    Bundles have what was accepted of them, by its place; corrections are not the contributor's work, and left out, as
    is what does not fit the schema, and what the model of this rule passed over since nobody showed it.

    Args:
        tests: bundle of each group of the rule.
        depth: blocks that must vouch for the showing of the tests, and so for all that the table rests on: a word that
            was signed before a reorganisation is good after it.

    Raises:
        InvalidInputError: the budget is by another rule, or a group is missing.
        NotReadyError: the campaign is open or undecided, or a group was not shown, or not deep enough.
        UnknownError, UnavailableError: a bundle is missing; it is named.
        ProofError: a bundle or group is another one than the chain's, or the model's weights are other ones than those
            that follow from the log.
        ChainError: the nodes do not lead to the same.
    """
    return computed(budgets.data, lambda: _table(budgets, models, budget, rule, samples_of, tests, depth))


def _table(
    budgets: ImprovementView,
    models: PerceptronView,
    budget: bytes,
    rule: ImprovementRule,
    samples_of: SamplesOf,
    tests: Mapping[int, SampleBundle],
    depth: Depth,
) -> ImprovementTable:
    """The table that one node leads to."""
    record, data = budgets.budget(budget), budgets.data
    if rule.digest != record.rule:
        raise InvalidInputError("the budget is by another rule; name bits, margin and groups as its sponsor does")
    _require_decided(budgets, record)
    model = models.model(record.campaign, rule.perceptron.bits, rule.perceptron.margin)
    schema, shown = data.schema(record.campaign), list[bytes]()
    for group in rule.groups:
        if group not in tests:
            raise InvalidInputError(f"the tests of group {group} are missing; name its bundle")
        require_tests(models, model, group, tests[group], depth)
        shown += [each for each in tests[group].samples if fits(schema, each)]
    by_bundle = _by_bundle(models, model, samples_of)
    ordered = {number: [sample for _, sample in sorted(samples)] for number, samples in by_bundle.items()}
    initial = ordered.pop(0, [])
    learner = Perceptron(schema, model.bits, model.margin)
    return improvement_table(schema, shown, initial, sorted(ordered.items()), budgets.amount(budget), learner)


def _by_bundle(
    models: PerceptronView, model: PerceptronModel, samples_of: SamplesOf
) -> Mapping[int, list[tuple[int, bytes]]]:  # fmt: skip
    """Places and samples of each bundle, of those that a model was trained on.

    What it passed over is told by events: a node that invents or hides one shows weights that do not go with it.
    """
    data, passed_over = models.data, models.passed_over(model)
    schema, counted = data.schema(model.campaign), DecidedSamples(data, model.campaign, samples_of)
    replica, found = Perceptron(schema, model.bits, model.margin), defaultdict[int, list[tuple[int, bytes]]](list)
    counted.refresh()
    for each, sample in counted.trained_on(passed_over):
        replica.train([sample])
        if not each.corrected:
            found[each.bundle].append((each.index, sample))
    if not np.array_equal(models.weights(model, schema), replica.weights):
        raise ProofError(
            "the node shows other weights of the model than the log of decisions leads to; ask another node, and sign "
            "nothing until they agree"
        )
    return found


def _require_decided(budgets: ImprovementView, record: BudgetRecord) -> None:
    campaign = budgets.data.campaign(record.campaign)
    if not campaign.closed or campaign.held != campaign.accepted:
        raise NotReadyError(
            f"the campaign is open, or {campaign.held - campaign.accepted} samples are undecided; close it, and settle "
            "what is due (gradroll data settle)"
        )


def signed_table(record: BudgetRecord, table: ImprovementTable) -> SignedTable:
    """What a member signs of a table that it computed.

    Raises:
        NotReadyError: a table was signed, or it pays nothing, so there is nothing to sign.
    """
    if record.signed:
        raise NotReadyError("a table of this budget is signed, and stays; claim parts of it")
    if not table.paid:
        raise NotReadyError("no bundle improved anything, so the table pays nothing; the budget goes back")
    return SignedTable(record.budget, record.rule, table.root, total_of(table))


def total_of(table: ImprovementTable) -> int:
    """What a table pays in all, in the token's smallest unit."""
    return sum(part.amount for part in table.parts)


class ImprovementPayer:
    """An account that hands tables in and has parts credited.

    Args:
        account: sends this account's transactions.
    """

    def __init__(self, account: ImprovementAccount) -> None:
        self._account, self._budgets = account, account.budgets

    def submit(self, table: SignedTable, words: Sequence[tuple[int, bytes]]) -> BudgetRecord:
        """Hand in what a quorum signed, unless that very table was; returns the budget.

        Raises:
            NotReadyError: another table was.
        """
        record = self._budgets.budget(table.budget)
        if record.signed and record.root != table.root:
            raise NotReadyError("another table of this budget is signed, and stays; compute it, and tell the committee")
        if not record.signed:
            self._account.submit_table(table.budget, table.root, table.total, words)
        return self._budgets.budget(table.budget)

    def claim(
        self, budget: bytes, table: ImprovementTable, bundles: Iterable[int] | None = None,
        told: Callable[[Improvement], None] = lambda _: None,
    ) -> list[Improvement]:  # fmt: skip
        """Have the parts of bundles credited to their contributors, of all if none are named; those that were not.

        Raises:
            NotReadyError: no table was signed.
            ProofError: the signed table is another one.
            UnknownError: the table pays a bundle nothing.
        """
        record = self._budgets.budget(budget)
        if not record.signed:
            raise NotReadyError("no table of this budget is signed yet; have a quorum of the committee sign one")
        if record.root != table.root:
            raise ProofError(
                "the table that was signed is another one than this: compute it again, and if it stays so, the "
                "committee's quorum signed a false one"
            )
        wanted, tree, done = None if bundles is None else set(bundles), table.tree(), list[Improvement]()
        if wanted is not None and (unpaid := wanted - {part.bundle for part in table.paid}):
            raise UnknownError(f"the table pays bundle {min(unpaid)} nothing; name others")
        for place, part in enumerate(table.paid):
            if (wanted is None or part.bundle in wanted) and not self._budgets.is_paid(budget, part.bundle):
                self._claim(budget, part, tree.proof(place))
                done.append(part)
                told(part)
        return done

    def give_back(self, budget: bytes) -> int:
        """Have what is left credited to the sponsor, after the deadline; returns how much that was."""
        left = self._budgets.budget(budget).left
        if left:
            self._account.give_back(budget)
        return left

    def _claim(self, budget: bytes, part: Improvement, proof: Sequence[bytes]) -> None:
        try:
            self._account.claim_part(budget, part.bundle, part.amount, proof)
        except ContractError as error:
            if error.error != "ClaimPaid":  # somebody else was quicker
                raise
