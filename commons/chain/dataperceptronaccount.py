"""Transactions at models that train in their contracts: anybody may make, train, show and score them."""

from __future__ import annotations

from collections.abc import Sequence

from circuits.errors import ContractError, UnknownError
from commons.chain import calldata
from commons.chain.account import SMALL
from commons.chain.calldata import PERCEPTRON, PERCEPTRONS
from commons.chain.dataaccount import ProvenSample
from commons.chain.datadecoding import schema_words
from commons.chain.dataperceptronview import PerceptronModel, PerceptronView
from commons.chain.mined import Mined
from commons.chain.writer import ChainWriter
from commons.samples.hiddentests import HiddenTests
from commons.samples.sampleschemas import SampleSchema

_MAKE = 4_000_000


class PerceptronAccount:
    """One account's transactions at models.

    Every method waits and raises as those of ``ChainAccount`` do, whose object sends them.

    Attributes:
        models: as nodes show them.
        chain: the account.
    """

    def __init__(self, chain: ChainWriter, models: PerceptronView) -> None:
        self.chain, self.models = chain, models

    @property
    def address(self) -> bytes:
        """The account's 20-byte address."""
        return self.chain.address

    def make(self, campaign: bytes, bits: int, margin: int) -> PerceptronModel:
        """Make a campaign's model, unless somebody did."""
        try:
            return self.models.model(campaign, bits, margin)
        except UnknownError:
            schema = self.models.data.schema(campaign)
        data = calldata.call(PERCEPTRONS, "make", campaign, schema_words(schema), bits, margin)
        try:
            self.chain.send(self.models.place, data, gas=_MAKE)
        except ContractError as error:
            if error.error != "ModelExists":  # somebody else was quicker
                raise
        return self.models.model(campaign, bits, margin)

    def train(self, model: PerceptronModel, samples: Sequence[ProvenSample], schema: SampleSchema, gas: int) -> Mined:
        """Train on the next samples, in their order; a corrected one has no hashes beside it."""
        shown = [each.words for each in samples]
        data = calldata.call(PERCEPTRON, "train", shown, schema_words(schema))
        return self.chain.send(model.place, data, gas=gas, repeatable=True)

    def advance(self, model: PerceptronModel, steps: int, gas: int) -> Mined:
        """Go on over what does not count, at most so many steps."""
        return self.chain.send(model.place, calldata.call(PERCEPTRON, "advance", steps), gas=gas, repeatable=True)

    def report_missing(self, model: PerceptronModel, position: int, index: int) -> Mined:
        """Say that nobody can show the sample that is next; seven days later it may be passed over."""
        return self.chain.send(model.place, calldata.call(PERCEPTRON, "reportMissing", position, index))

    def pass_over(self, model: PerceptronModel, position: int, index: int) -> Mined:
        """Pass over the sample that is next, after the deadline of its report."""
        return self.chain.send(model.place, calldata.call(PERCEPTRON, "passOver", position, index))

    def show_tests(self, model: PerceptronModel, leaves: Sequence[bytes], group: int, tests: HiddenTests) -> Mined:
        """Show a group of hidden tests; the first ends training.

        Args:
            leaves: of all groups, 32 bytes each.
        """
        given = list(leaves), group, tests.salt, tests.root, tests.content_digest, tests.count
        return self.chain.send(model.place, calldata.call(PERCEPTRON, "showTests", *given), gas=SMALL)

    def score(
        self, model: PerceptronModel, group: int, samples: Sequence[ProvenSample], schema: SampleSchema, gas: int
    ) -> Mined:  # fmt: skip
        """Score the next samples of a group, in their order."""
        shown = [each.words for each in samples]
        data = calldata.call(PERCEPTRON, "score", group, shown, schema_words(schema))
        return self.chain.send(model.place, data, gas=gas, repeatable=True)
