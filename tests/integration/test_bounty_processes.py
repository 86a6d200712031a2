"""Provers as their operators start them, with the contracts of the model market in their settings: a bounty's receipts.

They are killed (SIGKILL) with its data on their disks, started again, and go on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from web3.types import RPCEndpoint

from circuits.accuracy.accuracycircuit import accuracy_circuit
from circuits.accuracy.sizeclasses import SMALL
from circuits.errors import GradrollError, NotReadyError, UnavailableError
from circuits.terms import ETHER
from commons.artifacts.datasetfiles import Dataset
from commons.chain.modeldeploying import Neighbours, deploy_models
from commons.chain.modelfacts import BountyStage, BountyTerms, ListingTerms
from commons.chain.modelview import ModelView
from commons.chain.modelwriter import ModelWriter
from commons.chain.patience import Patience
from commons.chain.view import ChainView
from commons.protocol.bountydraws import TESTS, TRAINING
from commons.protocol.bountyheads import GroupHead
from commons.settings.loading import Settings
from commons.wire.prover_client import ProverClient
from gradroll.modelmarket.bountyowner import BountyOwner
from gradroll.modelmarket.committeewitnesses import CommitteeWitnesses
from gradroll.modelmarket.datagroups import DataGroup
from gradroll.modelmarket.modelparameters import ModelParameters
from gradroll.modelmarket.modelstate import ModelState
from gradroll.setup.freeports import free_ports
from native import G1
from tests.modelmarket.modelstage import make_keys
from tests.support.deployment import Deployment, Process
from tests.support.metricpages import metric
from tests.support.waiting import wait_for

WINDOW = 7200
PATIENCE = Patience(poll=0.01)
OWNER, ENTRANT = 5, 6
GENERATOR = G1((1).to_bytes(32, "big") + (2).to_bytes(32, "big"))


@dataclass
class Street:
    """A model market beside a gradient market, and the settings of a committee that vouches in both."""

    deployment: Deployment
    models: ModelView
    verifier: bytes
    owner: BountyOwner
    data: dict[Path, DataGroup]
    settings: list[Settings]
    pages: list[int]

    def writer(self, account: int) -> ModelWriter:
        return ModelWriter(self.models, self.deployment.dev.accounts[account], PATIENCE)

    def pass_time(self, seconds: int, blocks: int) -> None:
        provider = self.models.chain.rpc.web3.provider
        provider.make_request(RPCEndpoint("evm_increaseTime"), [seconds])
        for _ in range(blocks):
            provider.make_request(RPCEndpoint("evm_mine"), [])

    def opened(self) -> bytes:
        committed = self.owner.commit(list(self.data.items()))
        terms = BountyTerms(
            verifier=self.verifier, token=ETHER, committee_id=self.deployment.committee_id, max_entrants=3,
            threshold=1, total_groups=3, training_groups=1, test_groups=1, delay=2, feature_bound=7, prize=1000,
            bond=70, compensation=30, commitment=committed, seed_commitment=self.owner.commit_seeds(committed),
            manifest=bytes(32),
            reveal_window=WINDOW, entry_window=WINDOW, prove_window=WINDOW, offer_window=WINDOW, key_window=WINDOW,
        )  # fmt: skip
        return self.owner.open(terms)

    def drawn(self, bounty: bytes) -> None:
        self.pass_time(1, 4)
        self.owner.draw(bounty)
        self.pass_time(1, 2)

    def head(self, bounty: bytes) -> tuple[GroupHead, bytes]:
        """What its owner sends of the training group that was drawn."""
        record = self.models.bounty(bounty)
        kept = self.owner._state.bounties.find(record.terms.commitment)
        (index,) = record.training
        file = encoded(self.data[kept[index].file])
        leaves = tuple(group.hidden.leaf for group in kept)
        return GroupHead(bounty, TRAINING, index, kept[index].hidden, leaves, len(file)), file

    def client(self, prover: int) -> ProverClient:
        return ProverClient(f"127.0.0.1:{self.deployment.ports[prover]}")

    def metric(self, prover: int, name: str, **labels: str) -> float:
        return metric(self.pages[prover], name, **labels)


def encoded(group: DataGroup) -> bytes:
    return Dataset(group.features.astype(np.int16), group.labels.astype(np.uint8)).encode()


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    deployment = Deployment(tmp_path, dimension=12_000)
    made = deployment.view
    places = deploy_models(deployment.url, deployment.dev.accounts[0], Neighbours(made.market, made.registry), 60,
                           patience=PATIENCE)  # fmt: skip
    models = ModelView(ChainView(deployment.url, made.market), places)
    accuracy, _ = make_keys(tmp_path / "toy")
    verifying = replace(accuracy, circuit=accuracy_circuit(SMALL).circuit.digest)  # nothing is proven here
    verifier = ModelWriter(models, deployment.dev.accounts[0], PATIENCE).deploy_model_verifier(verifying)
    named = {f"models.{name}": "0x" + getattr(places, name).hex() for name in ("registry", "sales", "bounties")}
    pages = free_ports(4)
    settings = [
        deployment.prover_settings(p).changed({**named, "metrics.listen": f"127.0.0.1:{pages[p]}"}) for p in range(4)
    ]
    srs, random = deployment.setup.srs, np.random.default_rng(1)
    data = {}
    for n in range(3):
        features = random.integers(-7, 8, (150, SMALL.inputs)).astype(np.int16)
        labels = random.integers(0, SMALL.classes, 150).astype(np.uint8)
        group = DataGroup.of(SMALL, srs, features, labels, bytes(32))
        data[tmp_path / f"{n}.data"] = replace(group, file_digest=sha256(encoded(group)).digest())
    state = ModelState(tmp_path / "owner")
    parameters = ModelParameters(None, tmp_path / "toy", (SMALL,), allow_insecure=True)  # type: ignore[arg-type]
    owner = BountyOwner(ModelWriter(models, deployment.dev.accounts[OWNER], PATIENCE), parameters, state, 1)
    try:
        yield Street(deployment, models, verifier, owner, data, settings, pages)
    finally:
        state.close()
        deployment.close()


def answers(street: Street, prover: int) -> bool:
    with street.client(prover) as client, suppress(GradrollError):
        client.status()
        return True
    return False


def test_provers_that_are_killed_serve_a_bounty_to_its_receipts(street: Street) -> None:
    provers = [Process(settings) for settings in street.settings]
    try:
        for number in range(4):
            wait_for(partial(answers, street, number))
        bounty = street.opened()
        with street.client(0) as client, pytest.raises(NotReadyError):
            client.attest_groups(bounty, TRAINING)
        street.drawn(bounty)
        head, file = street.head(bounty)
        with street.client(0) as client:
            client.hold_group(head, file)
            receipt = client.attest_groups(bounty, TRAINING)
        assert street.metric(0, "bounty_receipts_total", kind="groups") == 1
        assert street.metric(0, "bounty_refusals_total", code="not-ready") == 1
        assert street.metric(0, "bounties_kept") == street.metric(0, "bounty_files") == 1
        assert len(file) < street.metric(0, "bounty_used_bytes") < street.metric(0, "bounty_promised_bytes")
        for prover in provers[:2]:
            prover.kill()
        with street.client(0) as client, pytest.raises(UnavailableError):
            client.attest_groups(bounty, TRAINING)
        witnesses = CommitteeWitnesses(street.models, pause=0.1)
        with pytest.raises(UnavailableError, match="2 of 3 members"):
            street.owner.show(bounty, street.data.__getitem__, witnesses)
        provers[0] = Process(street.settings[0])
        wait_for(lambda: answers(street, 0))
        with street.client(0) as client:  # nothing is sent again
            assert client.attest_groups(bounty, TRAINING) == receipt
            assert client.held(bounty, head.group.file_digest) == file
        street.owner.show(bounty, street.data.__getitem__, witnesses)
        enter(street, bounty)
        tests = street.owner.show(bounty, street.data.__getitem__, witnesses)
        assert street.models.bounty(bounty).stage is BountyStage.PROVING
        assert street.models.shown_groups(bounty, TESTS) == tests
        assert street.metric(0, "bounty_files") == 2
        provers[1] = Process(street.settings[1])
        wait_for(lambda: answers(street, 1))
        assert all(prover.stop() == 0 for prover in provers)
    finally:
        for prover in provers:
            prover.kill()


def enter(street: Street, bounty: bytes) -> None:
    """Somebody enters, and the tests are drawn."""
    entrant = street.writer(ENTRANT)
    terms = ListingTerms(
        verifier=street.verifier, set_id=street.models.bounty(bounty).set_id, token=ETHER, base=1000, step=10, floor=4,
        bond=500, reveal_window=86_400,
    )  # fmt: skip
    entrant.enter(bounty, entrant.list_model(terms, GENERATOR, 0))
    street.pass_time(WINDOW + 1, 1)
    with pytest.raises(NotReadyError):
        street.owner.draw(bounty)
    street.drawn(bounty)
