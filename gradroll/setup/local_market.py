"""A whole market for development on one node: parameters, accounts, contracts, committee, one settings file a process.

Insecure by design: the public parameters come from a seed that everybody knows.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from eth_utils.address import to_checksum_address
from web3.types import Wei

from circuits.errors import ChainError, StorageError
from commons.chain.deploying import MarketRules, deploy_contracts
from commons.chain.patience import Patience
from commons.chain.rpc import ErrorTable, Rpc
from commons.chain.view import ChainView
from commons.chain.writer import ChainWriter
from commons.runtime.identifiers import shown
from commons.runtime.urls import without_secrets
from commons.settings.hosts import join_address
from commons.settings.pins import with_pin
from commons.settings.values import split_address
from commons.storage.accounts import open_account
from commons.storage.tlskeys import TLS_FILE, open_server_key
from commons.wire.identity import pin_of_key
from gradroll.setup.keygen import SRS_FILE, cached_development_parameters
from gradroll.setup.settingsfiles import Value, require_utf8, write_settings
from provers.joining.keystore import Keystore

ALLOWANCE = 10 * 10**18
"""Wei that every account of a local market gets for fees and rewards."""
BOND = 10**17
"""Wei that each prover of a local market bonds."""
_PATIENCE = Patience(poll=0.05)


@dataclass(frozen=True, slots=True)
class MarketPlan:
    """What a local market looks like.

    Attributes:
        directory: where everything is written; keys that are there already are used.
        chain: URL of a node whose accounts are funded and unlocked (`gradroll chain serve`, anvil).
        provers: host:port where each prover is reached.
        coordinator: host:port where it is reached.
        bind: address that servers bind to.
        parameters: where SRS and keys are kept, by default below `directory`.
        owners: data owners that get an account with money and a settings file.
        unsafe_minimum_window: shortest window of a task and delay of a committee, seconds; a real market has an hour
            and a day.
    """

    directory: Path
    chain: str
    provers: tuple[str, ...]
    threshold: int
    dimension: int
    policy: str
    capacity: int
    bind: str = "127.0.0.1"
    coordinator: str = "127.0.0.1:7100"
    parameters: Path | None = None
    owners: int = 0
    unsafe_minimum_window: int = 1

    @property
    def parameter_directory(self) -> Path:
        """Where SRS and keys are kept."""
        return self.parameters or self.directory / "parameters"

    @property
    def chain_settings(self) -> Path:
        """The settings file that everybody can use; it is written last."""
        return self.directory / "chain.toml"

    def __post_init__(self) -> None:
        """Raises ConfigError for an endpoint that is not host:port."""
        for endpoint in (*self.provers, self.coordinator, join_address(self.bind, 0)):
            split_address(endpoint, "a server of the market")


@dataclass(frozen=True, slots=True)
class LocalMarket:
    """A prepared market.

    Attributes:
        endpoints: of the provers, with the pins of their keys, as they are registered.
        coordinator_endpoint: with the pin of its key.
    """

    plan: MarketPlan
    chain_id: int
    market: bytes
    from_block: int
    committee: int
    verifier: bytes
    coordinator: bytes
    endpoints: tuple[str, ...]
    coordinator_endpoint: str

    def prover_settings(self, prover: int) -> Path:
        """Settings file of a prover."""
        return self.plan.directory / f"prover-{prover}" / "prover.toml"

    def signed(self, prover: int, digest: bytes) -> bytes:
        """A member's 65-byte signature, as its operator makes it with the prover's keys."""
        return Keystore.load(self.plan.directory / f"prover-{prover}" / "keys").sign(digest)

    @property
    def coordinator_settings(self) -> Path:
        """Settings file of the coordinator."""
        return self.plan.directory / "coordinator" / "coordinator.toml"

    @property
    def common_sections(self) -> dict[str, dict[str, Value]]:
        """What every settings file of this market begins with: [chain] and [keys]."""
        parameters = self.plan.parameter_directory.resolve()
        return {
            "chain": {
                "url": self.plan.chain, "chain_id": self.chain_id, "market": "0x" + self.market.hex(),
                "from_block": self.from_block,
            },
            "keys": {"srs": parameters / SRS_FILE, "directory": parameters},
        }  # fmt: skip

    def view(self) -> ChainView:
        """Read access to the market."""
        return ChainView(self.plan.chain, self.market, expected_chain_id=self.chain_id, from_block=self.from_block)


def prepare(plan: MarketPlan, say: Callable[[str], None], *, replace: bool = False) -> LocalMarket:
    """Make parameters and accounts, deploy the contracts, register the committee, write the settings.

    Args:
        replace: write new settings over those of a market that is there; its keys stay.

    Raises:
        StorageError: the directory holds a market already, or cannot be written.
        ChainError: the node refuses or has no funded accounts.
    """
    require_utf8(plan.parameter_directory.resolve())
    if not replace and os.path.exists(plan.chain_settings):
        raise StorageError(
            f"{plan.directory} holds a market already; choose another directory, or pass --force for new contracts "
            "and settings with its keys"
        )
    with ThreadPoolExecutor(1) as pool:
        say("development parameters: their secrets are public, use them for nothing but trying things out")
        making = pool.submit(
            cached_development_parameters, plan.parameter_directory, plan.dimension, plan.policy, plan.capacity
        )
        keystores = [Keystore.open(plan.directory / f"prover-{p}" / "keys") for p in range(len(plan.provers))]
        operator = open_account(plan.directory / "operator.json")
        relay = open_account(plan.directory / "coordinator" / "account.json")
        buyer = open_account(plan.directory / "model-owner.json")
        owners = [open_account(plan.directory / f"owner-{i}.json") for i in range(plan.owners)]
        paying = [*(each.address for each in (operator, relay, buyer, *owners)), *(each.address for each in keystores)]
        endow(plan.chain, paying, ALLOWANCE)
        rules = MarketRules(plan.unsafe_minimum_window, plan.unsafe_minimum_window)
        made = deploy_contracts(plan.chain, operator, rules, patience=_PATIENCE)
        key = making.result()
    view = ChainView(plan.chain, made.market, expected_chain_id=made.chain_id, from_block=made.block)
    chain = ChainWriter(view, operator, _PATIENCE)
    verifier = chain.deploy_verifier(made.factory, key)
    committee = chain.create_committee(plan.threshold, [k.address for k in keystores], bond=BOND)
    endpoints = tuple(_pinned(where, plan.directory / f"prover-{p}" / "keys") for p, where in enumerate(plan.provers))
    for keystore, endpoint in zip(keystores, endpoints, strict=True):
        ChainWriter(view, keystore.account, _PATIENCE).join(committee, endpoint, keystore.hpke_public)
    market = LocalMarket(
        plan, made.chain_id, made.market, made.block, committee, verifier, relay.address, endpoints,
        _pinned(plan.coordinator, plan.directory / "coordinator" / "state"),
    )  # fmt: skip
    _write_settings(market)
    return market


def await_node(url: str, seconds: float) -> None:
    """Wait until the node answers.  Raises ChainError when it does not within the time."""
    rpc, deadline = Rpc(url, ErrorTable(())), time.monotonic() + seconds
    while True:
        try:
            rpc.head()
            return
        except ChainError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.2)


def endow(url: str, addresses: Sequence[bytes], wei: int) -> None:
    """Send wei to each address from the node's own unlocked accounts.

    Raises:
        ChainError: the node has no such accounts; only development nodes do.
    """
    rpc = Rpc(url, ErrorTable(()))
    eth = rpc.web3.eth
    rich = rpc.guarded(lambda: list(eth.accounts))
    if not rich:
        raise ChainError(
            f"the node at {without_secrets(url)} has no funded accounts of its own; use a development node such as "
            "anvil"
        )
    for address in addresses:
        transaction = rpc.guarded(
            lambda to=address: eth.send_transaction({"from": rich[0], "to": to_checksum_address(to), "value": Wei(wei)})
        )
        rpc.guarded(lambda sent=transaction: eth.wait_for_transaction_receipt(sent, timeout=60, poll_latency=0.05))


def _write_prover_settings(market: LocalMarket) -> None:
    for p, where in enumerate(market.plan.provers):
        prover: dict[str, Value] = {
            "listen": _listen(market.plan.bind, where),
            "endpoint": f"grpcs://{where}",  # the pin is that of the keystore that is used
            "keystore": "keys",
            "state": "state",
            "committee": shown(market.committee),
            "confirmations": 1,
        }
        write_settings(market.prover_settings(p), {**market.common_sections, "prover": prover}, development=True)


def _write_settings(market: LocalMarket) -> None:
    plan, common = market.plan, market.common_sections
    _write_prover_settings(market)
    relay: dict[str, Value] = {
        "listen": _listen(plan.bind, plan.coordinator),
        "endpoint": f"grpcs://{plan.coordinator}",
        "log": "sqlite://events.sqlite",
        "account": "account.json",
        "state": "state",
        "confirmations": 1,
        "poll_interval": 0.25,
        "fee_interval": 1.0,  # a development chain's clock is put forward
    }
    write_settings(market.coordinator_settings, {**common, "coordinator": relay}, development=True)
    buyer: dict[str, Value] = {
        "account": "model-owner.json",
        "coordinator": market.coordinator_endpoint,
        "state": "model-owner",
    }
    task: dict[str, Value] = {
        "committee": shown(market.committee),
        "verifier": "0x" + market.verifier.hex(),
        "relay": "0x" + market.coordinator.hex(),
    }
    sections = {**common, "model_owner": buyer, "task": task}
    write_settings(plan.directory / "model-owner.toml", sections, development=True)
    for i in range(plan.owners):
        owner: dict[str, Value] = {
            "account": f"owner-{i}.json",
            "coordinator": market.coordinator_endpoint,
            "state": f"owner-{i}",
        }
        write_settings(plan.directory / f"owner-{i}.toml", {**common, "owner": owner}, development=True)
    write_settings(plan.chain_settings, {**common, "task": task}, development=True)


def _pinned(where: str, directory: Path) -> str:
    """The endpoint of a server whose own key is in a directory; it is made where there is none."""
    return with_pin(f"grpcs://{where}", pin_of_key(open_server_key(directory / TLS_FILE)))


def _listen(bind: str, endpoint: str) -> str:
    return join_address(bind, split_address(endpoint, "endpoint")[1])
