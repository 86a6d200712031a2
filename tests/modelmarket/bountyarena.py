"""A market of models with an owner of hidden groups, a committee, and two developers that enter bounties."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from circuits.errors import NotReadyError
from circuits.terms import ETHER, MarketId
from commons.chain.modelfacts import BountyTerms
from gradroll.modelmarket.bountyowner import BountyOwner
from gradroll.modelmarket.datagroups import DataGroup
from gradroll.modelmarket.entrant import Entrant
from tests.modelmarket.modelstage import SIZE, Stage, model_stage, toy_group, toy_model
from tests.modelmarket.ownwitnesses import OwnWitnesses

OWNER, FIRST, SECOND = 1, 2, 3
MEMBERS = (4, 5, 6, 7)
WINDOW = 7200
PRIZE, BOND, COMPENSATION = 10_000, 700, 300


@dataclass
class Arena:
    """A committee, an owner with five hidden groups, and two developers."""

    stage: Stage
    committee: int
    owner: BountyOwner
    witnesses: OwnWitnesses
    entrants: tuple[Entrant, ...]
    data: dict[Path, DataGroup]
    count: int = 0
    listings: dict[int, bytes] = field(default_factory=dict)

    def read(self, path: Path) -> DataGroup:
        return self.data[path]

    def opened(self, **changes: object) -> bytes:
        """A bounty on all groups."""
        self.count += 1
        return self.open_by(self.owner, self.count, **changes)

    def open_by(self, owner: BountyOwner, nonce: int = 0, **changes: object) -> bytes:
        commitment = owner.commit(list(self.data.items()))
        usual: dict[str, object] = {
            "verifier": self.stage.verifier, "token": ETHER, "committee_id": self.committee, "max_entrants": 3,
            "threshold": 5, "total_groups": 5, "training_groups": 1, "test_groups": 2, "delay": 2,
            "feature_bound": 7, "prize": PRIZE, "bond": BOND, "compensation": COMPENSATION, "commitment": commitment,
            "seed_commitment": owner.commit_seeds(commitment, nonce), "manifest": bytes(32), "reveal_window": WINDOW,
            "entry_window": WINDOW, "prove_window": WINDOW, "offer_window": WINDOW, "key_window": WINDOW,
        }  # fmt: skip
        return owner.open(BountyTerms(**{**usual, **changes}), nonce)  # type: ignore[arg-type]

    def seed_of(self, bounty: bytes) -> bytes:
        """s0, which the owner keeps."""
        terms = self.stage.models.bounty(bounty).terms
        return self.owner._state.bounties.find_seed(terms.commitment, terms.seed_commitment)

    def set_of(self, bounty: bytes) -> bytes:
        return self.stage.models.bounty(bounty).set_id

    def show_training(self, bounty: bytes) -> None:
        """Draw and show the training groups."""
        self.stage.draw(self.owner, bounty)
        self.stage.pass_time(1, 2)
        self.owner.show(bounty, self.read, self.witnesses)

    def shown_hashes(self, bounty: bytes) -> set[bytes]:
        """Of the groups that are shown."""
        return {hidden.group_hash for hidden in self.stage.models.all_shown_groups(bounty).values()}

    def entering(self, **changes: object) -> bytes:
        """A bounty whose training groups are shown, with both developers' entries: the first one's is better."""
        bounty = self.opened(**changes)
        self.show_training(bounty)
        set_id = self.stage.models.bounty(bounty).set_id
        for at, entrant in enumerate(self.entrants):
            model = entrant.commit(toy_model(1 + at), SIZE)
            self.listings[at] = entrant.list_model(model, self.stage.terms(set_id))
            assert entrant.enter(bounty, self.listings[at]) == at == entrant.enter(bounty, self.listings[at])
        return bounty

    def tests_shown(self, bounty: bytes) -> dict[int, DataGroup]:
        """Close the entries, draw and show the tests; returns them by their number in the set."""
        self.stage.pass_time(WINDOW + 1)
        with pytest.raises(NotReadyError, match="decides the draw"):
            self.owner.draw(bounty)
        self.stage.draw(self.owner, bounty)
        self.stage.pass_time(1, 2)
        shown = self.owner.show(bounty, self.read, self.witnesses)
        by_hash = {group.hash: group for group in self.data.values()}
        return {number: by_hash[shown[index].group_hash] for number, index in enumerate(sorted(shown))}

    def selling(self) -> tuple[bytes, dict[int, DataGroup]]:
        """A bounty that the first developer wins."""
        bounty = self.entering()
        tests = self.tests_shown(bounty)
        for at, entrant in enumerate(self.entrants):
            entrant.prove(self.listings[at], tests)
        self.stage.pass_time(WINDOW + 1)
        assert self.owner.settle(bounty).winner == 0
        return bounty, tests


@contextmanager
def bounty_arena(directory: Path) -> Iterator[Arena]:
    """Everything in a directory, on a chain of this process."""
    with model_stage(directory) as stage:
        operator = stage.writer(0)
        committee = operator.create_committee(1, [stage.accounts[at].address for at in MEMBERS])
        for at in MEMBERS:
            stage.writer(at).join(committee, "127.0.0.1:7100", bytes(31) + b"\x09")
        models = stage.models
        market = MarketId(models.chain.chain_id, models.places.bounties, models.bounties_deployment)
        keys = {index: stage.accounts[at] for index, at in enumerate(MEMBERS)}
        parameters = stage.parameters()
        data = {directory / f"{n}.data": toy_group(parameters, toy_model(), 12, n + 1) for n in range(5)}
        yield Arena(
            stage, committee, BountyOwner(stage.writer(OWNER), parameters, stage.state("owner"), 2),
            OwnWitnesses(market, keys, parameters),
            tuple(Entrant(stage.writer(at), parameters, stage.state(f"developer-{at}"), 1) for at in (FIRST, SECOND)),
            data,
        )  # fmt: skip
