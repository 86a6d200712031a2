"""A model market on the embedded chain, with a toy class: real contracts, real proofs, keys in files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from eth_utils.address import to_checksum_address
from web3.types import RPCEndpoint

from circuits.accuracy.inference import Int64Array, forward
from circuits.errors import NotReadyError
from circuits.groth16 import VerifyingKey
from circuits.hashing import keccak
from circuits.terms import ETHER
from commons.chain.deploying import MarketRules, deploy_contracts
from commons.chain.devchain import DevChain
from commons.chain.modeldeploying import Neighbours, deploy_models
from commons.chain.modelfacts import BountyRecord, ListingTerms
from commons.chain.modelview import ModelView
from commons.chain.modelwriter import ModelWriter
from commons.chain.outbox import Outbox
from commons.chain.patience import Patience
from commons.chain.view import ChainView
from commons.storage.accounts import SigningKey
from commons.storage.parameters import PublicParameters
from gradroll.modelmarket.bountyowner import BountyOwner
from gradroll.modelmarket.datagroups import DataGroup
from gradroll.modelmarket.modelparameters import ModelParameters
from gradroll.modelmarket.modelstate import ModelState
from gradroll.setup.keygen import SRS_FILE, development_srs
from gradroll.setup.modelkeygen import domain_needed, generate_model_keys
from tests.support.accuracymodels import TOY

DAY = 86_400
PATIENCE = Patience(poll=0.01)
SIZE = TOY


@dataclass
class Stage:
    """A deployed model market; ``accounts`` have ether."""

    url: str
    directory: Path
    models: ModelView
    accounts: tuple[SigningKey, ...]
    verifier: bytes
    rounding: bytes

    def parameters(self) -> ModelParameters:
        keys = self.directory / "keys"
        public = PublicParameters(keys / SRS_FILE, keys, allow_insecure=True)
        return ModelParameters(public, keys, (SIZE,), allow_insecure=True)

    def writer(self, account: int, outbox: Outbox | None = None, url: str = "") -> ModelWriter:
        """Transactions of an account, through a connection of its own; ``url``: through other nodes."""
        chain = self.models.chain
        view = ChainView(url or self.url, chain.market, expected_chain_id=chain.chain_id)
        return ModelWriter(ModelView(view, self.models.places), self.accounts[account], PATIENCE, outbox=outbox)

    def state(self, name: str) -> ModelState:
        return ModelState(self.directory / name)

    def pass_time(self, seconds: int, blocks: int = 1) -> None:
        """Put the chain's clock forward, and make blocks."""
        provider = self.models.chain.rpc.web3.provider
        provider.make_request(RPCEndpoint("evm_increaseTime"), [seconds])
        for _ in range(blocks):
            provider.make_request(RPCEndpoint("evm_mine"), [])

    def draw(self, owner: BountyOwner, bounty: bytes) -> BountyRecord:
        """Have an owner do the draw that is due, with the blocks that it waits for."""
        self.pass_time(1, 4)
        with pytest.raises(NotReadyError, match="seed is shown only then"):
            owner.draw(bounty)
        self.pass_time(1, 2)
        return owner.draw(bounty)

    def balance(self, account: int) -> int:
        chain = self.models.chain
        return int(chain.rpc.web3.eth.get_balance(to_checksum_address(self.accounts[account].address)))

    def terms(self, set_id: bytes, **changes: object) -> ListingTerms:
        """Terms of a listing in ether."""
        usual: dict[str, object] = {
            "verifier": self.verifier, "set_id": set_id, "token": ETHER, "base": 1000, "step": 10, "floor": 4,
            "bond": 500, "reveal_window": DAY,
        }  # fmt: skip
        return ListingTerms(**{**usual, **changes})  # type: ignore[arg-type]


@contextmanager
def model_stage(directory: Path) -> Iterator[Stage]:
    """Deploy everything on a chain of this process."""
    dev = DevChain()
    url = dev.start()
    try:
        keys = dev.accounts
        made = deploy_contracts(url, keys[0], MarketRules(1, 1), patience=PATIENCE)
        places = deploy_models(url, keys[0], Neighbours(made.market, made.registry), 60, patience=PATIENCE)
        view = ChainView(url, made.market, expected_chain_id=made.chain_id)
        models = ModelView(view, places)
        operator = ModelWriter(models, keys[0], PATIENCE)
        accuracy, rounding = make_keys(directory / "keys")
        verifiers = operator.deploy_model_verifier(accuracy), operator.deploy_model_verifier(rounding)
        yield Stage(url, directory, models, keys, *verifiers)
    finally:
        dev.stop()


def make_keys(directory: Path) -> tuple[VerifyingKey, VerifyingKey]:
    """Key files of the toy class; the verifying keys for accuracy and for rounding."""
    srs = development_srs("model stage", domain_needed(SIZE))
    directory.mkdir(parents=True, exist_ok=True)
    srs.save(directory / SRS_FILE)
    return generate_model_keys(directory, SIZE, srs, "model stage")


def toy_model(name: int = 1) -> Int64Array:
    """Weights of the toy class."""
    return np.random.default_rng(name).integers(-16, 16, SIZE.weights)


def toy_group(parameters: ModelParameters, weights: Int64Array, samples: int = 12, seed: int = 1) -> DataGroup:
    """A group that a model answers rightly for the most part."""
    random = np.random.default_rng(seed)
    features = random.integers(0, 8, (samples, SIZE.inputs)).astype(np.int16)
    best = forward(SIZE, features.astype(np.int64), weights).scores.argmax(1)
    labels = np.where(random.random(samples) < 0.8, best, random.integers(0, SIZE.classes, samples)).astype(np.uint8)
    return DataGroup.of(SIZE, parameters.srs, features, labels, keccak(features.tobytes() + labels.tobytes()))
