"""Hidden tests: what an owner keeps of its groups until they are shown, and what anybody scores of shown ones."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from circuits.errors import (
    ChainError,
    ContractError,
    InvalidInputError,
    KeyFileError,
    NotReadyError,
    ProofError,
    UnknownError,
)
from commons.chain.dataaccount import ProvenSample
from commons.chain.dataperceptronaccount import PerceptronAccount
from commons.chain.dataperceptronview import GroupRecord, PerceptronModel, PerceptronView
from commons.chain.depth import HEAD
from commons.samples.canonicalsamples import fits
from commons.samples.hiddentests import MAX_TEST_GROUPS, HiddenTests, commit_to_tests
from commons.samples.merkletrees import MAX_LEAVES
from commons.samples.perceptrons import Perceptron
from commons.samples.samplebundles import SampleBundle
from commons.settings.values import Depth
from commons.storage.secretfiles import hexadecimal, read_secret_file, write_secret_file
from commons.storage.unlock import LOCKED, Unlock
from gradroll.datamarket.batchgas import PerceptronGas
from gradroll.datamarket.modeltrainer import ModelTrainer

_KIND = "hidden-tests"


@dataclass(frozen=True, slots=True)
class HiddenGroups:
    """The groups that a campaign's owner commits to.  Whoever loses the salts can show none."""

    groups: tuple[HiddenTests, ...] = field(repr=False)

    @classmethod
    def of(cls, bundles: Sequence[SampleBundle]) -> Self:
        """Groups of bundles, with new salts.

        Raises:
            InvalidInputError: there are too many or none, or they are of several schemas.
        """
        if not 1 <= len(bundles) <= MAX_TEST_GROUPS or len({each.schema_digest for each in bundles}) != 1:
            raise InvalidInputError(f"tests are 1 to {MAX_TEST_GROUPS} bundles of one schema")
        made = (
            HiddenTests(secrets.token_bytes(32), each.tree().root, each.content_digest, len(each.samples))
            for each in bundles
        )
        return cls(tuple(made))

    @property
    def leaves(self) -> list[bytes]:
        """What the commitment is over, 32 bytes each."""
        return [each.leaf for each in self.groups]

    @property
    def commitment(self) -> bytes:
        """32 bytes: ``tests`` of a campaign's terms."""
        return commit_to_tests(self.leaves)

    def write(self, path: Path, encrypting: Unlock | None = None) -> None:
        """Write them down, for their owner's eyes.  Raises StorageError where the file exists."""
        content = [
            {"salt": each.salt.hex(), "root": each.root.hex(), "content": each.content_digest.hex(),
             "count": each.count} for each in self.groups
        ]  # fmt: skip
        write_secret_file(path, _KIND, {"groups": content}, replace=False, unlock=encrypting)

    @classmethod
    def read(cls, path: Path, unlock: Unlock = LOCKED) -> Self:
        """The groups of a file.  Raises KeyFileError for another file, or one that others can read."""
        content = read_secret_file(path, _KIND, unlock).get("groups")
        if not isinstance(content, list) or not 1 <= len(content) <= MAX_TEST_GROUPS:
            raise KeyFileError(f"{path}: it holds no groups of tests; name the file that was written with them")
        return cls(tuple(_group(path, each) for each in content))


def _group(path: Path, value: Any) -> HiddenTests:
    count = value.get("count") if isinstance(value, dict) else None
    if type(count) is not int or not 1 <= count <= MAX_LEAVES:
        raise KeyFileError(f"{path}: a group of tests is damaged; put a copy of the file back")
    salt, root, content = (hexadecimal(path, str(value.get(name))) for name in ("salt", "root", "content"))
    if any(len(word) != 32 for word in (salt, root, content)):
        raise KeyFileError(f"{path}: a group of tests is damaged; put a copy of the file back")
    return HiddenTests(salt, root, content, count)


def require_tests(
    models: PerceptronView, model: PerceptronModel, group: int, bundle: SampleBundle, depth: Depth = HEAD
) -> GroupRecord:  # fmt: skip
    """What a model has of a shown group, of which this is the bundle.

    Args:
        depth: blocks that must vouch for its showing.

    Raises:
        NotReadyError: it was not shown, or too few blocks vouch for that.
        ProofError: the bundle is another one than was committed to and shown.
    """
    record, digest = models.tests(model, group), models.test_files(model, depth).get(group)
    if record.count and digest is None:
        raise NotReadyError(
            f"group {group} of the tests is shown, and {depth} blocks do not vouch for it yet (data.confirmations); "
            "come back later"
        )
    if not record.count or digest is None:
        raise NotReadyError(f"group {group} of the tests was not shown; its owner shows it (gradroll data model show)")
    if (len(bundle.samples), bundle.tree().root, bundle.content_digest) != (record.count, record.root, digest):
        raise ProofError(f"these are not the tests of group {group}: digest, count or root differ; get the right file")
    return record


class GroupScorer:
    """An account that shows tests of a model and scores them.

    Args:
        account: sends this account's transactions.
        depth: blocks that must vouch for all decisions before tests are shown.
    """

    def __init__(self, account: PerceptronAccount, model: PerceptronModel, depth: Depth = HEAD) -> None:
        self._account, self._models, self._model, self._depth = account, account.models, model, depth
        self._schema = account.models.data.schema(model.campaign)

    def show(self, groups: HiddenGroups, group: int, trainer: ModelTrainer) -> GroupRecord:
        """Show a group, unless it is; the first of a model ends its training.

        Args:
            trainer: of this model.

        Raises:
            UnknownError: there is no such group.
            InvalidInputError: the campaign's terms commit to other groups.
            NotReadyError: the model is not trained on all that was decided, or most nodes do not show that all is
                decided for good, in each campaign of its owner with these tests: samples could be made to fit them.
        """
        if not 0 <= group < len(groups.groups):
            raise UnknownError(f"there are {len(groups.groups)} groups; count from 0")
        if groups.commitment != self._models.data.campaign(self._model.campaign).terms.tests:
            raise InvalidInputError("the campaign's terms commit to other tests; name the file that was made for it")
        if not self._is_shown(group):
            self._require_decided(groups.commitment)
            if not self._models.test_files(self._model):
                self._finish(trainer)
            self._account.show_tests(self._model, groups.leaves, group, groups.groups[group])
        return self._models.tests(self._model, group)

    def score(
        self, group: int, bundle: SampleBundle, told: Callable[[GroupRecord], None] = lambda _: None
    ) -> GroupRecord:
        """Score what is not scored of a group; several tests a transaction.

        Args:
            bundle: the group's.
            told: what is scored, after each transaction.

        Raises:
            NotReadyError, ProofError: as of ``require_tests``; also where the contract, as the node shows it, counts
                other right answers than its weights give.
        """
        record = require_tests(self._models, self._model, group, bundle)
        gas, tree = PerceptronGas.of(self._schema, self._model.bits), bundle.tree()
        while record.scored < record.count:
            last = min(record.count, record.scored + gas.most_tests(self._account.chain.most_gas))
            shown = [ProvenSample(bundle.samples[at], tree.proof(at)) for at in range(record.scored, last)]
            record = self._scored(group, shown, record, gas.scoring(len(shown)))
            told(record)
        self._require_counted(bundle, record)
        return record

    def _is_shown(self, group: int) -> bool:
        return bool(self._models.data.chain.most(lambda: self._models.tests(self._model, group).count or None))

    def _require_decided(self, commitment: bytes) -> None:
        """A refused transaction shows a salt, too, and so does the node that is asked whether it would be refused."""
        own, data = self._model, self._models.data

        def final() -> bool | None:
            owner = data.campaign(own.campaign).owner
            same = {each for each in data.campaigns(owner) if data.terms(each).tests == commitment} | {own.campaign}
            known = self._models.model(own.campaign, own.bits, own.margin) == own
            return True if known and all(data.is_decided(each, self._depth) for each in same) else None

        if not data.chain.most(final):
            raise NotReadyError(
                "most nodes do not show that every campaign with these tests is closed, and all of it decided, with "
                f"{self._depth} blocks that vouch for it (data.confirmations): who saw them now could still contribute "
                "what fits them; close, settle (gradroll data settle), and come back"
            )

    def _finish(self, trainer: ModelTrainer) -> None:
        if not trainer.check().complete:
            raise NotReadyError(
                "the model is not trained on all that was decided; do that first (gradroll data model train)"
            )
        trainer.finish()

    def _scored(self, group: int, shown: Sequence[ProvenSample], before: GroupRecord, gas: int) -> GroupRecord:
        refusal: ChainError = ChainError(
            "the node shows nothing of the tests that were just scored: each further transaction would be paid for in "
            "vain; run the command again, or ask another node (chain.url)"
        )
        try:
            self._account.score(self._model, group, shown, self._schema, gas)
        except ContractError as error:
            refusal = error
        after = self._models.tests(self._model, group)
        if after.scored == before.scored:  # nobody else was quicker either
            raise refusal
        return after

    def _require_counted(self, bundle: SampleBundle, record: GroupRecord) -> None:
        replica = Perceptron(self._schema, self._model.bits, self._model.margin)
        replica.weights = self._models.weights(self._model, self._schema)
        right = replica.right([each for each in bundle.samples if fits(self._schema, each)])
        if right != record.right:
            raise ProofError(
                f"the node shows {record.right} right answers, and the model's weights give {right}; ask another node"
            )
