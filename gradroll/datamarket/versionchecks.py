"""What is known of a version of a model: what the chain shows, what was computed again, what is its author's word."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from circuits.errors import InvalidInputError, NotReadyError, UnknownError
from circuits.hashing import keccak
from commons.artifacts.transfers import cid_of_bytes
from commons.chain.dataperceptronview import PerceptronView
from commons.chain.dataversionview import NO_LISTING, VersionTerms
from commons.chain.dataview import DataView
from commons.chain.modelview import ModelView
from commons.runtime.identifiers import shown
from commons.samples.improvementrules import PerceptronRule
from commons.samples.perceptronfiles import perceptron_file
from commons.samples.perceptrons import Perceptron
from gradroll.datamarket.decidedsamples import DecidedSamples, SamplesOf
from gradroll.datamarket.epochs import epoch_manifest
from gradroll.datamarket.mostnodes import computed


class Standing(StrEnum):
    """What a claim is worth."""

    CHAIN = "chain"
    """A contract held it against what it knows."""
    COMPUTED = "computed"
    """It was computed here, from the chain and from bundles that are the chain's."""
    WORD = "word"
    """Its author says so, and nobody proved it."""
    FALSE = "false"
    """It was computed here, and is otherwise."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Something that a version says of itself.

    Attributes:
        what: in words.
    """

    what: str
    standing: Standing


@dataclass(frozen=True, slots=True)
class PerceptronFile:
    """A perceptron that was trained here on all that a campaign decided up to the end of an epoch.

    Attributes:
        content: the file, whose SHA-256 a version names.
        epochs: campaign and number of the epochs that a version of it names: all, or the last 16.
    """

    content: bytes
    epochs: tuple[tuple[bytes, int], ...]


_MAX_EPOCHS = 16


def perceptron_version(
    data: DataView, passed_over: set[tuple[int, int]], campaign: bytes, epoch: int, rule: PerceptronRule,
    samples_of: SamplesOf,
) -> PerceptronFile:  # fmt: skip
    """The model that a campaign's log gives at the end of an epoch, computed here.

    Args:
        passed_over: what the contract's model was not trained on, as ``PerceptronView.passed_over`` gives it.

    Raises:
        UnknownError: the epoch was not closed; or as ``samples_of``.
    """
    closed = data.epochs(campaign)
    if not 0 <= epoch < len(closed):
        raise UnknownError(f"the campaign has closed {len(closed)} epochs; count from 0")
    manifest = epoch_manifest(data, campaign, epoch)
    _, _, end = closed[epoch]
    counted = DecidedSamples(data, campaign, samples_of)
    counted.refresh()
    model = Perceptron(data.schema(campaign), rule.bits, rule.margin)
    model.train(sample for _, sample in counted.trained_on(passed_over, end))
    content = perceptron_file(rule, campaign, manifest.log, model)
    first = max(0, epoch + 1 - _MAX_EPOCHS)
    return PerceptronFile(content, tuple((campaign, number) for number in range(first, epoch + 1)))


def lasting_version(
    models: PerceptronView, campaign: bytes, epoch: int, rule: PerceptronRule, samples_of: SamplesOf
) -> PerceptronFile:
    """The same, once nothing makes it another one, as most nodes lead to it: what an author may register.

    Raises:
        NotReadyError: the contract's model is not trained up to the end of the epoch: samples may be passed over yet.
        UnknownError: as ``perceptron_version``, and where nobody made the contract's model.
        ChainError: nodes differ.
    """

    def ask() -> PerceptronFile:
        model = models.model(campaign, rule.bits, rule.margin)
        # Passed over is what is behind the cursor: the cursor is read first.
        position, passed_over = models.cursor(model).position, models.passed_over(model)
        made = perceptron_version(models.data, passed_over, campaign, epoch, rule, samples_of)
        if position < models.data.epochs(campaign)[epoch][2]:
            raise NotReadyError(
                "the model in its contract is not trained up to the end of this epoch: a sample that is passed over "
                "yet would make the version false; train it first (gradroll data model train)"
            )
        return made

    return computed(models.data, ask)


class VersionChecker:
    """Looks into what versions say.

    Args:
        models: models that train in their contracts; their rules are tried.
        registry: the model market.
        samples_of: gives the bundles of a campaign.
    """

    def __init__(
        self, models: PerceptronView, registry: Callable[[], ModelView], samples_of: Callable[[bytes], SamplesOf]
    ) -> None:  # fmt: skip
        self._models, self._data = models, models.data
        self._registry, self._samples_of = registry, samples_of

    def check(self, terms: VersionTerms) -> list[Claim]:
        """All that a version says, and what each of it is worth, as most nodes lead to it.

        Raises:
            UnknownError, UnavailableError: a bundle is missing that a computation takes; it is named.
            ChainError: the node shows events that do not lead to the hashes in the contracts, or nodes differ.
        """
        return list(computed(self._data, lambda: tuple(self._claims(terms))))

    def _claims(self, terms: VersionTerms) -> list[Claim]:
        found = [Claim(f"was made from version 0x{each.hex()}", Standing.WORD) for each in terms.parents]
        found += [self._epoch(campaign, epoch) for campaign, epoch in terms.epochs]
        lineage = self._lineage(terms)
        found += [
            Claim(f"was trained by rounds {first} to {first + count - 1} of task {shown(task)}",
                  Standing.CHAIN if (task, first, count) in lineage else Standing.WORD)
            for task, first, count in terms.rounds
        ]  # fmt: skip
        return [*found, self._model(terms), *self._listing(terms)]

    def _epoch(self, campaign: bytes, epoch: int) -> Claim:
        manifest = epoch_manifest(self._data, campaign, epoch)
        cid = cid_of_bytes(manifest.encoded)
        return Claim(f"epoch {epoch} of campaign 0x{campaign.hex()} is the manifest {cid}", Standing.COMPUTED)

    def _model(self, terms: VersionTerms) -> Claim:
        """Whether the model is the one that its rule gives, if that is a rule which everybody can compute."""
        rule = self._rule(terms)
        if rule is None:
            return Claim(f"model 0x{terms.model.hex()} was trained on these epochs by its rule", Standing.WORD)
        (campaign, last), word = terms.epochs[-1], f"{rule.bits} bits, margin {rule.margin}"
        made = perceptron_version(
            self._data, self._passed_over(campaign, rule), campaign, last, rule, self._samples_of(campaign)
        )
        is_it = hashlib.sha256(made.content).digest() == terms.model and made.epochs == terms.epochs
        return Claim(
            f"model 0x{terms.model.hex()} is the perceptron of {word} that all decisions up to epoch {last} give",
            Standing.COMPUTED if is_it else Standing.FALSE,
        )

    def _rule(self, terms: VersionTerms) -> PerceptronRule | None:
        """The rule of one of the campaign's models in contracts that this version names, if it is one of theirs."""
        campaigns = {campaign for campaign, _ in terms.epochs}
        if len(campaigns) != 1:
            return None
        rules = [PerceptronRule(each.bits, each.margin) for each in self._models.models(campaigns.pop())]
        return next((rule for rule in rules if rule.digest == terms.rule), None)

    def _passed_over(self, campaign: bytes, rule: PerceptronRule) -> set[tuple[int, int]]:
        return self._models.passed_over(self._models.model(campaign, rule.bits, rule.margin))

    def _listing(self, terms: VersionTerms) -> Sequence[Claim]:
        if terms.listing == NO_LISTING:
            return ()
        record, score = self._registry().listing(terms.listing), self._registry().score(terms.listing)
        name = f"listing 0x{terms.listing.hex()}"
        if keccak(record.model) != terms.model:
            return (Claim(f"{name} is of this committed model", Standing.FALSE),)
        told = f"{name} is of this committed model, with {score.correct} right of {score.samples} proven"
        return (Claim(told, Standing.CHAIN),)

    def _lineage(self, terms: VersionTerms) -> set[tuple[int, int, int]]:
        """The rounds that a listing's lineage proves."""
        if terms.listing == NO_LISTING:
            return set()
        proven = self._registry().lineage_statement(terms.listing)
        return set() if proven is None else {(proven.task, proven.first, len(proven.coefficients))}


def require_terms(terms: VersionTerms) -> None:
    """Raise InvalidInputError for what the contract would not take."""
    ascending = all(one < other for one, other in zip(terms.parents, terms.parents[1:], strict=False))
    if len(terms.parents) > 8 or not ascending:
        raise InvalidInputError("a version has at most 8 parents, each once")
    if len(terms.epochs) > _MAX_EPOCHS or len(terms.rounds) > _MAX_EPOCHS or not any(terms.model):
        raise InvalidInputError(f"a version names a model, and at most {_MAX_EPOCHS} epochs and {_MAX_EPOCHS} rounds")
