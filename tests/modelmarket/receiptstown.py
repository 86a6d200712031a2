"""A committee whose members give receipts over gRPC, beside a model market, and who asks them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from circuits.errors import (
    NotReadyError,
    UnavailableError,
    WireError,
)
from circuits.terms import ETHER
from commons.artifacts.datasetfiles import Dataset
from commons.chain.modelfacts import BountyStage, BountyTerms
from commons.chain.modelview import ModelView
from commons.chain.view import ChainView
from commons.protocol.bountydraws import TRAINING, HiddenGroup, commitment
from commons.protocol.bountyheads import GroupHead, WinnerHead
from commons.storage.parameters import PublicParameters
from commons.wire.prover_client import ProverClient
from gradroll.modelmarket.bountyowner import BountyOwner
from gradroll.modelmarket.committeewitnesses import CommitteeWitnesses
from gradroll.modelmarket.datagroups import DataGroup
from gradroll.modelmarket.entrant import Entrant
from gradroll.setup.keygen import SRS_FILE
from provers.bountychain import BountyChain
from provers.bountyfiles import BountyFiles
from provers.bountyreceipts import BountyReceipts
from tests.modelmarket.modelstage import SIZE, Stage, toy_group, toy_model
from tests.support.memberserver import MemberServer

OWNER, DEVELOPER, STRANGER = 1, 2, 3
MEMBERS = (4, 5, 6, 7)
WINDOW = 7200
KEPT = 1000


class Member(MemberServer):
    """A member that gives receipts for bounties."""

    def begin(self, chain: BountyChain, stage: Stage, account: int, room: int = 1 << 24) -> BountyReceipts:
        """Serve receipts, anew after a restart."""
        keys = stage.directory / "keys"
        public = PublicParameters(keys / SRS_FILE, keys, allow_insecure=True)
        files = BountyFiles(self.directory, room)
        receipts = BountyReceipts(chain, files, public, keys, stage.accounts[account].sign, KEPT)
        self.servicer._receipts = receipts
        return receipts


@dataclass
class Town:
    stage: Stage
    committee: int
    members: tuple[Member, ...]
    owner: BountyOwner
    developer: Entrant
    witnesses: CommitteeWitnesses
    data: dict[Path, DataGroup]
    count: int = 0

    def chain(self, committee: int | None = None, confirmations: int = 2) -> BountyChain:
        """What a member believes, through a connection of its own."""
        base = self.stage.models
        view = ChainView(self.stage.url, base.chain.market, expected_chain_id=base.chain.chain_id)
        return BountyChain([ModelView(view, base.places)], committee or self.committee, confirmations, (SIZE,))

    def opened(self, **changes: object) -> bytes:
        committed = self.owner.commit(list(self.data.items()))
        self.count += 1
        usual: dict[str, object] = {
            "verifier": self.stage.verifier, "token": ETHER, "committee_id": self.committee, "max_entrants": 3,
            "threshold": 1, "total_groups": 3, "training_groups": 1, "test_groups": 1, "delay": 2,
            "feature_bound": 7, "prize": 1000, "bond": 70, "compensation": 30, "commitment": committed,
            "seed_commitment": self.owner.commit_seeds(committed, self.count), "manifest": bytes(32),
            "reveal_window": WINDOW, "entry_window": WINDOW, "prove_window": WINDOW, "offer_window": WINDOW,
            "key_window": WINDOW,
        }  # fmt: skip
        return self.owner.open(BountyTerms(**{**usual, **changes}), self.count)  # type: ignore[arg-type]

    def drawn(self, **changes: object) -> bytes:
        """A bounty whose training group is drawn, deep enough."""
        bounty = self.opened(**changes)
        self.stage.draw(self.owner, bounty)
        self.stage.pass_time(1, 2)
        return bounty

    def head(self, bounty: bytes, index: int | None = None) -> tuple[GroupHead, bytes]:
        """An honest owner's head and file of a group, by default of the one that is drawn for training."""
        record = self.stage.models.bounty(bounty)
        kept = self.owner._state.bounties.find(record.terms.commitment)
        index = record.training[0] if index is None else index
        data = self.data[kept[index].file]
        file = encoded(data)
        leaves = tuple(group.hidden.leaf for group in kept)
        return GroupHead(bounty, TRAINING, index, kept[index].hidden, leaves, len(file)), file

    def client(self, member: int = 0) -> ProverClient:
        return ProverClient(self.members[member].endpoint)

    def selling(self) -> bytes:
        """A bounty that the developer wins."""
        bounty = self.drawn()
        self.owner.show(bounty, self.data.__getitem__, self.witnesses)
        model = self.developer.commit(toy_model(1), SIZE)
        set_id = self.stage.models.bounty(bounty).set_id
        listing = self.developer.list_model(model, self.stage.terms(set_id))
        self.developer.enter(bounty, listing)
        self.stage.pass_time(WINDOW + 1)
        with pytest.raises(NotReadyError):
            self.owner.draw(bounty)
        self.stage.draw(self.owner, bounty)
        self.stage.pass_time(1, 2)
        shown = self.owner.show(bounty, self.data.__getitem__, self.witnesses)
        by_hash = {group.hash: group for group in self.data.values()}
        self.developer.prove(listing, {n: by_hash[shown[index].group_hash] for n, index in enumerate(sorted(shown))})
        self.stage.pass_time(WINDOW + 1)
        assert self.owner.settle(bounty).stage is BountyStage.SELLING
        return bounty

    def winner_head(self, bounty: bytes, row_file: Path, buyer: bytes | None = None) -> tuple[WinnerHead, bytes]:
        """The developer's offer, as it would be shown a member; ``buyer`` is the owner unless told."""
        caught: list[tuple[WinnerHead, bytes]] = []

        class Catching(ProverClient):
            def attest_offer(self, head: WinnerHead, row: bytes) -> bytes:
                caught.append((head, row))
                raise WireError("caught")

        witnesses = CommitteeWitnesses(self.stage.models, pause=0)
        witnesses._client = Catching  # type: ignore[method-assign]
        record = self.stage.models.bounty
        if buyer is not None:
            self.developer._models.__dict__["bounty"] = lambda name: replace(record(name), owner=buyer)
        try:
            with pytest.raises(UnavailableError):
                self.developer.stand_in(bounty, witnesses, row_file)
        finally:
            self.developer._models.__dict__.pop("bounty", None)
        return caught[0]


def encoded(group: DataGroup) -> bytes:
    return Dataset(group.features.astype(np.int16), group.labels.astype(np.uint8)).encode()


def file_group(stage: Stage, seed: int) -> DataGroup:
    made = toy_group(stage.parameters(), toy_model(), 12, seed)
    digest = sha256(encoded(made)).digest()
    return replace(made, file_digest=digest)


def committed_alone(town: Town, group: DataGroup, said: DataGroup, **changes: object) -> tuple[GroupHead, bytes]:
    """The head of a bounty on three times one file, of which its owner says what it likes."""
    hidden = [HiddenGroup(bytes((n,)) * 32, said.hash, group.file_digest, said.samples) for n in range(3)]
    leaves = tuple(one.leaf for one in hidden)
    record, made = town.stage.models.bounty(town.opened()), commitment(leaves)
    terms = replace(record.terms, commitment=made, seed_commitment=town.owner.commit_seeds(made), **changes)  # type: ignore[arg-type]
    bounty = town.stage.writer(OWNER).open_bounty(terms)
    town.stage.draw(town.owner, bounty)
    town.stage.pass_time(1, 2)
    index = town.stage.models.bounty(bounty).training[0]
    file = encoded(group)
    return GroupHead(bounty, TRAINING, index, hidden[index], leaves, len(file)), file


@contextmanager
def town_on(stage: Stage, directory: Path) -> Iterator[Town]:
    """A committee of four servers, an owner and a developer on a market."""
    members = tuple(Member(directory / f"member-{at}") for at in MEMBERS)
    committee = stage.writer(0).create_committee(1, [stage.accounts[at].address for at in MEMBERS])
    for member, at in zip(members, MEMBERS, strict=True):
        stage.writer(at).join(committee, member.endpoint, bytes(31) + b"\x09")
    parameters = stage.parameters()
    made = Town(
        stage, committee, members,
        BountyOwner(stage.writer(OWNER), parameters, stage.state("owner"), 2),
        Entrant(stage.writer(DEVELOPER), parameters, stage.state("developer"), 1),
        CommitteeWitnesses(stage.models, pause=0),
        {directory / f"{n}.data": file_group(stage, n + 1) for n in range(3)},
    )  # fmt: skip
    for member, at in zip(members, MEMBERS, strict=True):
        member.begin(made.chain(), stage, at)
    try:
        yield made
    finally:
        for member in members:
            member.stop()
