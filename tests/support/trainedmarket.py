"""A market on the embedded chain whose rounds are real, and quick: one hand plays owners and provers, no server runs.

Proofs, signatures, contracts and the sums on the chain are those of any market, so what reads them cannot tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from circuits import keyfiles
from circuits.arrays import FloatArray
from circuits.hashing import keccak
from circuits.quantize import IntArray
from circuits.terms import NewTask, Pay, Windows
from commons.chain.deploying import MarketRules, deploy_contracts
from commons.chain.devchain import CHAIN_ID, DevChain
from commons.chain.view import ChainView
from commons.chain.writer import ChainWriter
from commons.protocol.modelmanifests import Block, ModelManifest
from commons.settings.loading import Settings, load
from commons.sharing import sealing
from commons.storage.modelfiles import encode_model
from commons.storage.parameters import PublicParameters
from gradroll.model_owner.roundsums import RoundSums
from tests.support.parts import with_parts
from tests.support.plain_batch import Circumstances, attest, build_batch, development_setup, random_gradients

DIMENSION, CAPACITY, BOUND, BITS, OWNERS = 6, 4, 1 << 40, 16, 3
_ROUNDS = 12
_PAYEE = bytes(19) + b"\x0b"


class TrainedMarket:
    """Contracts, a committee of four, a verifier, and the parameters of whoever reads; accounts are the chain's own."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.dev = directory, DevChain()
        self.url, self.keys = self.dev.start(), self.dev.accounts
        deployed = deploy_contracts(self.url, self.keys[0], MarketRules(minimum_window=1, minimum_delay=1))
        self.market = deployed.market
        self.chains = [ChainWriter(self.view(), key) for key in self.keys]
        self.setup = development_setup("norm", CAPACITY, DIMENSION)
        self._write_parameters()
        self.committee = self.owner.create_committee(1, [chain.address for chain in self.chains[1:5]])
        for index, member in enumerate(self.chains[1:5]):
            member.join(self.committee, f"127.0.0.1:{7000 + index}", sealing.public_key(sealing.generate()))
        self.verifier = self.owner.deploy_verifier(deployed.factory, self.setup.verifying)

    @property
    def owner(self) -> ChainWriter:
        """The model owner."""
        return self.chains[0]

    def view(self) -> ChainView:
        """A reader that remembers nothing yet."""
        return ChainView(self.url, self.market)

    def reader(self) -> RoundSums:
        """Who reads sums from the chain, and from nobody else."""
        files = self.directory / "srs.gsrs", self.directory / "keys"
        return RoundSums(self.view(), PublicParameters(*files, allow_insecure=True))

    def settings(self, **values: object) -> Settings:
        """Settings of a user that has this chain and these parameters."""
        own: dict[str, object] = {
            "chain.url": self.url, "chain.chain_id": CHAIN_ID, "chain.market": self.market,
            "keys.srs": self.directory / "srs.gsrs", "keys.directory": self.directory / "keys",
        }  # fmt: skip
        overrides = own | {key.replace("__", "."): value for key, value in values.items()}
        return load(environment={}, overrides=overrides, development=True)

    def task(self, manifest: ModelManifest | None, **changes: object) -> int:
        """A funded task whose sums are on the chain, with all of its owners registered."""
        digest = bytes(32) if manifest is None else manifest.digest
        terms = NewTask(
            self.committee, self.verifier, self.owner.address, DIMENSION, BITS, BOUND, min_owners=2, capacity=OWNERS,
            rounds=_ROUNDS, windows=Windows(600, 3600), inline_payload=True, pay=Pay(bonus=1000), manifest=digest,
        )  # fmt: skip
        task = self.owner.create_task(with_parts(terms, **changes))
        self.owner.fund(task, _ROUNDS * 5000)
        for chain in self.chains[5 : 5 + OWNERS]:
            chain.register(task)
        return task

    def play(self, task: int, model: FloatArray, gradients: Sequence[IntArray] | None = None) -> IntArray:
        """Open the next round on a model, and have all owners accepted in one batch; returns the sum."""
        number = self.owner.open_round(task, keccak(encode_model(model)), OWNERS)
        return self.settle(task, number, gradients)

    def settle(self, task: int, number: int, gradients: Sequence[IntArray] | None = None) -> IntArray:
        """Have all owners accepted in a round that is open; returns the sum."""
        chosen = random_gradients(OWNERS, DIMENSION, BOUND >> 8, number) if gradients is None else gradients
        view, keys = self.owner.view, [key.secret_bytes() for key in self.keys]
        context, policy = view.context(task, number), view.policy(task)
        at = Circumstances(
            context.market, task, context.terms_hash, number, context.model_digest, BOUND, self.committee,
            policy.verifier_code, _PAYEE,
        )  # fmt: skip
        batch = build_batch(self.setup, chosen, at=at, seed=f"round-{number}", owner_keys=keys[5 : 5 + OWNERS])
        attestations = [(member, attest(batch, keys[1 + member])) for member in (0, 2, 3)]
        self.owner.accept_batch(batch.statement, batch.proof, attestations, _PAYEE)
        if view.terms(task).inline_payload:
            self.owner.publish_aggregate(task, number, 0, batch.payload)
        total: IntArray = np.sum(chosen, axis=0, dtype=np.int64)
        return total

    def close(self) -> None:
        """Stop the chain."""
        self.dev.stop()

    def _write_parameters(self) -> None:
        folder = self.directory / "keys"
        folder.mkdir(parents=True)
        self.setup.srs.save(self.directory / "srs.gsrs")
        keyfiles.save_verifying_key(self.setup.verifying, folder / "policy.verifying")


def blocks() -> tuple[Block, ...]:
    """Two blocks of scales of their own."""
    return Block("weights", DIMENSION - 2, BITS), Block("bias", 2, BITS - 4)
