"""Training a model in its contract: sample after sample as the log decided, held against the same model in Python."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from circuits.errors import ChainError, ContractError, GradrollError, ProofError
from commons.chain.dataaccount import ProvenSample
from commons.chain.dataperceptronaccount import PerceptronAccount
from commons.chain.dataperceptronview import PerceptronModel, TrainingCursor
from commons.samples.canonicalsamples import fits
from commons.samples.perceptrons import Perceptron
from gradroll.datamarket.batchgas import PerceptronGas
from gradroll.datamarket.decidedsamples import DecidedSamples, SamplesOf

_LOST = ("SampleNotNext", "NothingToTrain", "TestNotNext", "NothingToScore")
"""Refusals of a batch where somebody else was quicker."""


@dataclass(frozen=True, slots=True)
class Training:
    """How far a model is.

    Attributes:
        trained: samples by now.
        cursor: what is next.
        decisions: length of the log.
    """

    trained: int
    cursor: TrainingCursor
    decisions: int

    @property
    def complete(self) -> bool:
        """Whether all that was decided is trained on."""
        return self.cursor.position == self.decisions


Told = Callable[[Training], None]


def untold(_: Training) -> None:
    """Nobody is told."""


class ModelTrainer:
    """An account that trains a model; where it stands is the contract's word, so it goes on after any interruption.

    Args:
        account: sends this account's transactions.
        samples_of: gives bundles.

    Attributes:
        model: what is trained.
        replica: the same model in Python, where the contract stood last.
    """

    def __init__(self, account: PerceptronAccount, model: PerceptronModel, samples_of: SamplesOf) -> None:
        self._account, self.model = account, model
        data = account.models.data
        self._schema = data.schema(model.campaign)
        self._samples = DecidedSamples(data, model.campaign, samples_of)
        self.replica = Perceptron(self._schema, model.bits, model.margin)
        # The last sample that both have behind them, and places that the contract was made to go over since.
        self._behind, self._trained, self._advanced = (0, -1), 0, 0
        self._gas = PerceptronGas.of(self._schema, model.bits)

    def check(self) -> Training:
        """Train the replica as far as the contract is, and hold the one against the other.

        Raises:
            ProofError: the contract, as the node shows it, has other weights or another number of samples than the log
                leads to: the node lies, or the contract is not the one it should be.
            UnknownError, UnavailableError: a bundle is missing that was trained on; it is named.
        """
        cursor, trained, weights = self._account.models.standing(self.model, self._schema)
        self._samples.refresh()
        self._follow(cursor)
        if trained != self._trained or not np.array_equal(weights, self.replica.weights):
            raise ProofError(
                f"the contract shows other weights after {trained} samples than the log of decisions leads to after "
                f"{self._trained}; ask another node, and believe nothing of this model until they agree"
            )
        return Training(trained, cursor, len(self._samples))

    def train(self, told: Told = untold, most: int | None = None) -> Training:
        """Train until all that was decided is trained on; several samples a transaction, as many as its gas allows.

        Somebody else may train at the same time: each sample is taken once, from whoever is first.

        Args:
            told: how far it is, after each transaction.
            most: transactions at most; None: as many as it takes.

        Raises:
            ProofError: as of ``check``, which is done before, and after each transaction.
            ChainError: the node shows nothing of a transaction that it says was mined, or too little gas for one.
            UnknownError, UnavailableError: a bundle is missing; it is named, and what came before it is trained on.
        """
        standing, sent = self.check(), 0
        while not standing.complete and (most is None or sent < most):
            before = standing
            refusal = self._send()
            standing, sent = self.check(), sent + 1
            if refusal is not None and standing == before:
                raise refusal
            told(standing)
        return standing

    def finish(self) -> None:
        """Have the contract go over what lies behind the last sample that counts: then it shows tests."""
        left = self._samples.steps_after(*self._behind) - self._advanced
        while left > 0:
            left -= self._advance()

    def _send(self) -> ChainError | None:
        """Train on the next samples; what is wrong if the model stands where it stood all the same."""
        batch, steps = self._batch()
        if not batch and self._is_left():  # what does not count lies before the next one, too much for one transaction
            self._advance()
            return None
        if batch:
            try:
                self._account.train(self.model, batch, self._schema, self._gas.training(len(batch), steps))
            except ContractError as error:
                if error.error not in _LOST:
                    raise
                return error
        return ChainError(
            "the node shows the model where it stood, though nothing is left to train on or was just trained on: each "
            "further transaction would be paid for in vain; run the command again, or ask another node (chain.url)"
        )

    def _is_left(self) -> bool:
        """Whether a sample counts that is not trained on."""
        return any((each.position, each.index) > self._behind for each in self._samples.between(self._behind[0]))

    def _advance(self) -> int:
        """Go over as many places as a transaction can; returns how many."""
        self._require_room(gas := self._account.chain.most_gas)
        most = self._gas.most_steps(gas)
        self._account.advance(self.model, most, self._gas.going_on(most))
        self._advanced += most
        return most

    def _batch(self) -> tuple[list[ProvenSample], int]:
        """The next samples that fit one transaction, and the steps from the last one that was taken."""
        most, batch, steps = self._account.chain.most_gas, list[ProvenSample](), -self._advanced
        self._require_room(most)
        for each in self._samples.between(self._behind[0]):
            if (each.position, each.index) <= self._behind:
                continue
            behind = max(0, steps + each.steps)
            if self._gas.training(len(batch) + 1, behind) > most:
                break
            try:
                batch.append(each.show())
            except GradrollError:
                if not batch:
                    raise
                break  # what is here is trained on first
            steps = behind
        return batch, steps

    def _require_room(self, gas: int) -> None:
        """Raise ChainError where no sample fits: places would be gone over again and again, and paid for in vain."""
        least = self._gas.training(1, 1)
        if gas < least:
            raise ChainError(
                f"a transaction may ask for {gas} gas, as the node says, and one sample takes up to {least}: nothing "
                "was sent; ask another node (chain.url)"
            )

    def _follow(self, cursor: TrainingCursor) -> None:
        """Train the replica on what the contract has behind it."""
        passed_over = self._account.models.passed_over(self.model)
        for each in self._samples.between(self._behind[0]):
            place = each.position, each.index
            if place <= self._behind:
                continue
            if place >= (cursor.position, cursor.index):
                return
            # Of those that are passed over no bundle is needed, which may be lost.
            if (each.bundle, each.index) not in passed_over and fits(self._schema, sample := each.show().sample):
                self.replica.train([sample])
                self._trained += 1
            self._behind, self._advanced = place, 0
