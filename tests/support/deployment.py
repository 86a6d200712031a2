"""A market, a committee, a coordinator and owners over the loopback interface, for integration tests.

Provers and coordinator run in this process or as processes of their own; everything else is the same.
"""

from __future__ import annotations

import multiprocessing
import os
import secrets
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from web3.types import Wei

from circuits import keyfiles
from circuits.errors import GradrollError
from circuits.policies import DEFAULT
from circuits.quantize import quantize
from circuits.statement import SubmissionHeader
from circuits.terms import NewTask, Pay, Windows
from commons.chain.deploying import MarketRules, deploy_contracts
from commons.chain.devchain import CHAIN_ID, DevChain
from commons.chain.facts import CommitteeRecord
from commons.chain.view import ChainView
from commons.chain.writer import ChainWriter
from commons.protocol.receipts import verify_receipt
from commons.protocol.sealeduploads import SealedUpload
from commons.protocol.status import SubmissionStatus
from commons.settings.loading import Settings, load
from commons.sharing.dealing import OwnerSeeds, share_gradient
from commons.storage.accounts import SigningKey, save_account
from commons.wire.coordinator_client import CoordinatorClient
from commons.wire.prover_client import ProverClient
from commons.wire.resuming import Deal
from coordinator import service
from gradroll.setup.freeports import free_ports
from provers import node
from provers.joining.keystore import Keystore
from tests.support.parts import with_parts
from tests.support.plain_batch import development_setup
from tests.support.uploads import sealed_upload

REWARD = 10**15
BOUND = 1 << 40
FRACTION_BITS = 16
_FUNDS = Wei(10**18)


@dataclass
class Owner:
    """A data owner with its registration index."""

    chain: ChainWriter
    key: SigningKey
    index: int


class Deployment:
    """Contracts deployed, committee registered, configurations written; nothing runs yet."""

    def __init__(
        self, directory: Path, *, provers: int = 4, threshold: int = 1, dimension: int = 10, policy: str = DEFAULT,
        slots: int = 16,
    ) -> None:  # fmt: skip
        self.directory = directory
        self.dimension = dimension
        self.threshold = threshold
        self.dev = DevChain()
        self.url = self.dev.start()
        rules = MarketRules(minimum_window=1, minimum_delay=1)
        deployed = deploy_contracts(self.url, self.dev.accounts[0], rules)
        self.market = deployed.market
        self.setup = development_setup(policy, slots, dimension)
        self._write_parameters()
        self.model_owner = self._chain(self.dev.accounts[0])
        self.coordinator_key = self.dev.accounts[1]
        save_account(directory / "coordinator.json", self.coordinator_key)
        self.verifier = self.model_owner.deploy_verifier(deployed.factory, self.setup.verifying)
        self.keystores = [Keystore.create(directory / f"prover-{p}" / "keys") for p in range(provers)]
        self.ports = free_ports(provers)
        (self.coordinator_port,) = free_ports(1)
        self.committee_id = self._register_committee()
        self.view = ChainView(self.url, self.market)

    def close(self) -> None:
        """Stop the chain."""
        self.dev.stop()

    def prover_settings(self, prover: int, **changes: object) -> Settings:
        """Settings of a prover; ``changes`` are keys of [prover]."""
        home = self.directory / f"prover-{prover}"
        own = {
            "listen": f"127.0.0.1:{self.ports[prover]}", "endpoint": f"127.0.0.1:{self.ports[prover]}",
            "state": home / "state", "keystore": home / "keys", "committee": self.committee_id, "confirmations": 1,
            "stop_grace": 0.5,
        }  # fmt: skip
        return self._settings("prover", {**own, **changes})

    def coordinator_settings(self, **changes: object) -> Settings:
        """Settings of the coordinator; ``changes`` are keys of [coordinator]."""
        own = {
            "listen": f"127.0.0.1:{self.coordinator_port}", "endpoint": f"127.0.0.1:{self.coordinator_port}",
            "log": f"sqlite://{self.directory}/coordinator/events.sqlite",
            "account": self.directory / "coordinator.json", "state": self.directory / "coordinator",
            "confirmations": 1, "poll_interval": 0.2, "step_timeout": 30.0, "stop_grace": 0.5,
        }  # fmt: skip
        return self._settings("coordinator", {**own, **changes})

    def _settings(self, section: str, own: Mapping[str, object]) -> Settings:
        values = {
            "chain.url": self.url, "chain.chain_id": CHAIN_ID, "chain.market": self.market,
            "keys.srs": self.directory / "srs.gsrs", "keys.directory": self.directory / "keys",
            **{f"{section}.{key}": value for key, value in own.items()},
        }  # fmt: skip
        return load(environment={}, overrides=values, development=True)

    def client(self) -> CoordinatorClient:
        """A client of the coordinator."""
        return CoordinatorClient(f"127.0.0.1:{self.coordinator_port}")

    def new_task(self, owners: int, **changes: object) -> int:
        """A funded task for exactly ``owners`` owners a round."""
        terms = NewTask(
            self.committee_id, self.verifier, self.coordinator_key.address, self.dimension, FRACTION_BITS, BOUND,
            min_owners=2, capacity=owners, rounds=4, windows=Windows(600, 3600), pay=Pay(bonus=REWARD),
        )  # fmt: skip
        task = self.model_owner.create_task(with_parts(terms, **changes))
        self.model_owner.fund(task, 4 * owners * REWARD)
        return task

    def owners(self, task: int, count: int) -> list[Owner]:
        """New registered owners."""
        chosen = []
        for key in self.dev.accounts[2 : 2 + count]:
            chain = self._chain(key)
            chosen.append(Owner(chain, key, chain.register(task)))
        return chosen

    def submit(
        self, task: int, number: int, owner: Owner, gradient: npt.NDArray[np.float64]
    ) -> tuple[SubmissionStatus, Mapping[int, str]]:
        """Share a gradient with every prover that answers and hand the header in; also who did not answer."""
        header, upload = self.header(task, number, owner, gradient)
        receipts, missing = self.send(upload)
        with self.client() as client:
            return client.submit_header(header, receipts), missing

    def header(
        self, task: int, number: int, owner: Owner, gradient: npt.NDArray[np.float64], deal: Deal = share_gradient
    ) -> tuple[SubmissionHeader, SealedUpload]:
        """A signed header, and the shares sealed to the provers."""
        record = self.members(task, number)
        committee = record.committee
        quantized = quantize(gradient, fraction_bits=FRACTION_BITS, bound=BOUND, dimension=self.dimension)
        seeds = OwnerSeeds.from_bytes(secrets.token_bytes(OwnerSeeds.length(committee)))
        sharing = deal(quantized, BOUND, self.setup.commitment, committee, seeds)
        context = self.view.context(task, number)
        header = SubmissionHeader(
            task, number, owner.key.address, owner.index, sharing.commitment, sharing.digests
        ).signed(context, owner.key.sign)
        return header, sealed_upload(
            header, context, sharing.payloads, committee, record.hpke_keys, owner.key.sign
        )  # fmt: skip

    def members(self, task: int, number: int) -> CommitteeRecord:
        """Those with which a round was opened."""
        return self.view.committee_record(self.committee_id, self.view.round(task, number).epoch)

    def send(self, upload: SealedUpload) -> tuple[dict[int, bytes], dict[int, str]]:
        """Hand each prover its share: receipts, and why some are missing."""
        record = self.members(upload.head.header.task_id, upload.head.header.round)
        context = self.view.context(upload.head.header.task_id, upload.head.header.round)
        submission = upload.head.header.digest(context)
        receipts: dict[int, bytes] = {}
        missing: dict[int, str] = {}
        for prover in range(record.committee.size):
            with ProverClient(record.endpoints[prover]) as client:
                try:
                    receipt = client.submit_shares(upload.head.share(prover), upload.body(prover), submission)
                except GradrollError as error:
                    missing[prover] = str(error)
                    continue
            verify_receipt(context.market, submission, receipt, record.committee.members[prover])
            receipts[prover] = receipt
        return receipts, missing

    def _chain(self, key: SigningKey) -> ChainWriter:
        return ChainWriter(ChainView(self.url, self.market), key)

    def _write_parameters(self) -> None:
        folder = self.directory / "keys"
        folder.mkdir(parents=True)
        self.setup.srs.save(self.directory / "srs.gsrs")
        keyfiles.save_proving_key(self.setup.proving, folder / "policy.proving")
        keyfiles.save_verifying_key(self.setup.verifying, folder / "policy.verifying")

    def _register_committee(self) -> int:
        web3 = self.model_owner.view.rpc.web3
        funded = web3.to_checksum_address(self.dev.accounts[9].address)
        for keystore in self.keystores:
            web3.eth.send_transaction(
                {"from": funded, "to": web3.to_checksum_address(keystore.address), "value": _FUNDS}
            )
        committee = self.model_owner.create_committee(self.threshold, [k.address for k in self.keystores])
        for keystore, port in zip(self.keystores, self.ports, strict=True):
            self._chain(keystore.account).join(committee, f"127.0.0.1:{port}", keystore.hpke_public)
        return committee


class Process:
    """A prover or a coordinator in a process of its own."""

    def __init__(self, settings: Settings) -> None:
        target = node.serve if settings.get("prover.state") else service.serve
        self._process = multiprocessing.get_context("spawn").Process(target=target, args=(settings,), daemon=True)
        self._process.start()

    def stop(self) -> int | None:
        """Ask it to stop; returns its exit status."""
        self._process.terminate()
        self._process.join(30)
        return self._process.exitcode

    def freeze(self) -> None:
        """Let it do nothing, until ``thaw``: it does not know."""
        assert self._process.pid is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """See ``freeze``; nothing happens to one that runs, or has ended."""
        if self._process.is_alive() and self._process.pid is not None:
            os.kill(self._process.pid, signal.SIGCONT)

    def kill(self) -> None:
        """End it without warning."""
        self._process.kill()
        self._process.join(30)
