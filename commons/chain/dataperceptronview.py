"""Models that train in their contracts, as nodes show them.

A model is found by its campaign, its width of weights and its margin, at the factory, whose code is this release's:
so it is the factory's and nothing else, whatever address somebody names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from eth_utils.address import to_canonical_address

from circuits.errors import ChainError, UnknownError
from commons.chain.calldata import PERCEPTRONS
from commons.chain.codechecks import require_code
from commons.chain.contractevents import Events
from commons.chain.datadecoding import number_at
from commons.chain.dataview import DataView
from commons.chain.depth import HEAD
from commons.runtime.amounts import checksum
from commons.samples.sampleschemas import SampleSchema
from commons.settings.values import Depth

MODEL_MADE = "ModelMade(bytes32,address,uint256,uint256)"
TESTS_OPENED = "TestsOpened(uint256,bytes32,bytes32,uint256)"
PASSED_OVER = "PassedOver(uint256,uint256)"
TESTS = "(bytes32,uint32,uint32,uint32)"
_TRIES = 8
"""Times that weights are read which somebody else trains meanwhile."""


@dataclass(frozen=True, slots=True)
class PerceptronModel:
    """A model of a campaign.

    Attributes:
        place: 20-byte address of its contract.
        campaign: 32 bytes.
        bits: of a weight, 16 or 32.
        margin: by which a label is to score more than its rival.
    """

    place: bytes
    campaign: bytes
    bits: int
    margin: int


@dataclass(frozen=True, slots=True)
class TrainingCursor:
    """What is trained on next.

    Attributes:
        position: decision of the campaign's log; its length, if nothing is left.
        bundle: its bundle, 0 for the initial data.
        index: place of the sample in it.
    """

    position: int
    bundle: int
    index: int


@dataclass(frozen=True, slots=True)
class GroupRecord:
    """A group of tests as a model has it.

    Attributes:
        root: 32 bytes over its samples, zeros before it is shown.
        count: its samples.
        scored: how many were scored.
        right: how many of those are predicted as they are labelled.
    """

    root: bytes
    count: int
    scored: int
    right: int


class PerceptronView:
    """The models that a factory made.  Every method raises ChainError, UnknownError as those of ``DataView``.

    Args:
        data: the campaigns.
        factory: 20-byte address, as settings name it.

    Raises:
        ContractError: another contract is there.

    Attributes:
        place: that address.
    """

    def __init__(self, data: DataView, factory: bytes) -> None:
        self.data, self.place = data, factory
        require_code(data.chain.rpc, PERCEPTRONS, factory, [data.place.rjust(32, b"\0")], "data.models")
        self._require_market()

    def model(self, campaign: bytes, bits: int, margin: int) -> PerceptronModel:
        """The model with these numbers.  Raises UnknownError where nobody made it."""
        raw = self._ask(self.place, "modelOf(bytes32,uint256,uint256)", [campaign, bits, margin], ["address"])
        place = to_canonical_address(raw)
        if not any(place):
            self.data.campaign(campaign)  # the campaign itself may be unknown
            raise UnknownError(
                f"nobody made a model of {bits} bits and margin {margin} for this campaign; make it (gradroll data "
                "model make)"
            )
        return PerceptronModel(place, campaign, bits, margin)

    def models(self, campaign: bytes) -> list[PerceptronModel]:
        """All models of a campaign, oldest first."""
        told = self._events(self.place).read(_made, MODEL_MADE, campaign)
        found = [self.model(campaign, bits, margin) for _, bits, margin in told]
        if [each.place for each in found] != [place for place, _, _ in told]:
            raise ChainError("the node shows other models than the factory made; ask another node")
        return found

    def cursor(self, model: PerceptronModel) -> TrainingCursor:
        """What a model is trained on next, behind what does not count."""
        raw = self.data.chain.call(model.place, "next()", [], ["uint256", "uint256", "uint256"])
        return TrainingCursor(*map(int, raw))

    def trained(self, model: PerceptronModel) -> int:
        """How many samples a model was trained on."""
        return int(self._ask(model.place, "trained()", [], ["uint256"]))

    def reported_until(self, model: PerceptronModel) -> int:
        """Last second in which the sample that is next is to be shown; 0 if nobody reported it as missing."""
        return int(self._ask(model.place, "reportedUntil()", [], ["uint256"]))

    def passed_over(self, model: PerceptronModel) -> set[tuple[int, int]]:
        """Bundle and place of each sample that a model was not trained on, though it was accepted.

        It does not fit the schema, or nobody showed it in time.  A node that lies about it is found out by the weights.
        """
        return set(self._events(model.place).read(_passed_over, PASSED_OVER))

    def weights(self, model: PerceptronModel, schema: SampleSchema) -> npt.NDArray[np.int64]:
        """Weights of a model: int64 [classes, width + 1].

        Raises:
            ChainError: the node shows another number of them, or wider ones.
        """
        raw = self._ask(model.place, "weights()", [], ["int256[]"])
        shape, most = (schema.classes, schema.width + 1), 1 << model.bits - 1
        if len(raw) != shape[0] * shape[1] or any(not -most <= each < most for each in raw):
            raise ChainError("the node shows weights that the model cannot have; ask another node")
        return np.array(raw, np.int64).reshape(shape)

    def standing(
        self, model: PerceptronModel, schema: SampleSchema
    ) -> tuple[TrainingCursor, int, npt.NDArray[np.int64]]:
        """What is next, how many were trained on, and the weights, all at one time."""
        for _ in range(_TRIES):
            before = self.cursor(model), self.trained(model)
            weights = self.weights(model, schema)
            if before == (self.cursor(model), self.trained(model)):
                return *before, weights
        raise ChainError("the model is trained faster than it can be read; come back later")

    def tests(self, model: PerceptronModel, group: int) -> GroupRecord:
        """A group of tests of a model."""
        root, count, scored, right = self._ask(model.place, "testsOf(uint256)", [group], [TESTS])
        if not right <= scored <= count:
            raise ChainError("the node shows more right answers than there are tests; ask another node")
        return GroupRecord(bytes(root), count, scored, right)

    def test_files(self, model: PerceptronModel, depth: Depth = HEAD) -> dict[int, bytes]:
        """SHA-256 of the file of each group that was shown; the contract held them against the campaign's terms.

        Args:
            depth: blocks that vouch for their showing, and with it for all that comes before it.
        """
        told = self._events(model.place).read(_opened, TESTS_OPENED, last=self.data.chain.rpc.block(depth).number)
        for group, root, _, count in told:
            record = self.tests(model, group)
            if (record.root, record.count) != (root, count):
                raise ChainError(f"the node shows other tests of group {group} than the contract has; ask another node")
        return {group: digest for group, _, digest, _ in told}

    def predict(self, model: PerceptronModel, sample: bytes) -> int:
        """The class that a model gives a sample; its label is not looked at."""
        return int(self._ask(model.place, "predict(bytes)", [sample], ["uint256"]))

    def _require_market(self) -> None:
        found = to_canonical_address(self._ask(self.place, "data()", [], ["address"]))
        if found != self.data.place:
            raise ChainError(
                f"the models at {checksum(self.place)} are of the campaigns at {checksum(found)} and not of "
                f"{checksum(self.data.place)}; name contracts of one deployment (data.models, data.campaigns)"
            )

    def _events(self, place: bytes) -> Events:
        own = self.data.events
        return Events(own.rpc, place, own.look, own.from_block)

    def _ask(self, place: bytes, signature: str, arguments: Sequence[Any], returns: Sequence[str]) -> Any:
        return self.data.chain.call(place, signature, arguments, returns)[0]


def _made(log: Any) -> tuple[bytes, int, int]:
    """Address, bits and margin that ``ModelMade`` tells."""
    words = bytes(log["data"])
    place, bits, margin = (words[at : at + 32] for at in (0, 32, 64))
    return place[12:], int.from_bytes(bits, "big"), int.from_bytes(margin, "big")


def _passed_over(log: Any) -> tuple[int, int]:
    return number_at(log, 1), int.from_bytes(bytes(log["data"])[:32], "big")


def _opened(log: Any) -> tuple[int, bytes, bytes, int]:
    """Group, root, SHA-256 of its file, and number of tests that ``TestsOpened`` tells."""
    words = bytes(log["data"])
    return number_at(log, 1), words[:32], words[32:64], int.from_bytes(words[64:96], "big")
