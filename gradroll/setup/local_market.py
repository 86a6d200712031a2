"""A whole market for development on one node: parameters, accounts, contracts, committee, one settings file a process.

Insecure by design: the public parameters come from a seed that everybody knows.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from eth_utils.address import to_checksum_address
from web3.types import Wei

from circuits.errors import ChainError, ConfigError
from commons.chain.deploying import Deployment, deploy_contracts
from commons.chain.rpc import ErrorTable, Rpc
from commons.chain.transactions import Patience
from commons.chain.view import ChainView
from commons.chain.writer import ChainWriter
from commons.storage.accounts import create_account
from commons.storage.files import write_durably
from gradroll.setup.keygen import SRS_FILE, cached_development_parameters
from provers.joining.keystore import Keystore

Value = str | int | float | bool | Path
ALLOWANCE = 10 * 10**18
"""Wei that every account of a local market gets for fees and rewards."""
_PATIENCE = Patience(poll=0.05)


@dataclass(frozen=True, slots=True)
class MarketPlan:
    """What a local market looks like.

    Attributes:
        directory: where everything is written; empty or absent.
        chain: URL of a node whose accounts are funded and unlocked (`gradroll chain serve`, anvil).
        provers: endpoints host:port, one a prover.
        coordinator: endpoint host:port.
        bind: address that servers bind to.
        parameters: where SRS and keys are kept, by default below `directory`.
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

    @property
    def parameter_directory(self) -> Path:
        """Where SRS and keys are kept."""
        return self.parameters or self.directory / "parameters"


@dataclass(frozen=True, slots=True)
class LocalMarket:
    """A prepared market."""

    plan: MarketPlan
    chain_id: int
    market: bytes
    from_block: int
    committee: int
    verifier: bytes
    coordinator: bytes

    def prover_settings(self, prover: int) -> Path:
        """Settings file of a prover."""
        return self.plan.directory / f"prover-{prover}" / "prover.toml"

    @property
    def coordinator_settings(self) -> Path:
        """Settings file of the coordinator."""
        return self.plan.directory / "coordinator" / "coordinator.toml"

    def view(self) -> ChainView:
        """Read access to the market."""
        return ChainView(self.plan.chain, self.market, expected_chain_id=self.chain_id, from_block=self.from_block)


def prepare(plan: MarketPlan, say: Callable[[str], None]) -> LocalMarket:
    """Make parameters and accounts, deploy the contracts, register the committee, write the settings.

    Raises:
        ConfigError: the directory was prepared before.
        ChainError: the node refuses or has no funded accounts.
    """
    if (plan.directory / "chain.toml").exists():
        raise ConfigError(f"{plan.directory} holds a market already; remove it or choose another directory")
    with ThreadPoolExecutor(1) as pool:
        say("development parameters: their secrets are public, use them for nothing but trying things out")
        making = pool.submit(
            cached_development_parameters, plan.parameter_directory, plan.dimension, plan.policy, plan.capacity
        )
        keystores = [Keystore.create(plan.directory / f"prover-{p}" / "keys") for p in range(len(plan.provers))]
        operator = create_account(plan.directory / "operator.json")
        relay = create_account(plan.directory / "coordinator" / "account.json")
        buyer = create_account(plan.directory / "model-owner.json")
        endow(plan.chain, [operator.address, relay.address, buyer.address, *(k.address for k in keystores)], ALLOWANCE)
        made = deploy_contracts(plan.chain, operator, patience=_PATIENCE)
        key = making.result()
    view = ChainView(plan.chain, made.market, expected_chain_id=made.chain_id, from_block=made.block)
    chain = ChainWriter(view, operator, _PATIENCE)
    verifier = chain.deploy_verifier(key)
    committee = chain.create_committee(plan.threshold, [k.address for k in keystores])
    for keystore, endpoint in zip(keystores, plan.provers, strict=True):
        ChainWriter(view, keystore.account, _PATIENCE).join(committee, endpoint, keystore.hpke_public)
    market = LocalMarket(plan, made.chain_id, made.market, made.block, committee, verifier, relay.address)
    _write_settings(plan, made, market)
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
        raise ChainError(f"the node at {url} has no funded accounts of its own; use a development node such as anvil")
    for address in addresses:
        transaction = rpc.guarded(
            lambda to=address: eth.send_transaction({"from": rich[0], "to": to_checksum_address(to), "value": Wei(wei)})
        )
        rpc.guarded(lambda sent=transaction: eth.wait_for_transaction_receipt(sent, timeout=60, poll_latency=0.05))


def chain_section(url: str, made: Deployment) -> dict[str, Value]:
    """The [chain] section that names a deployment."""
    return {
        "url": url,
        "chain_id": made.chain_id,
        "market": "0x" + made.market.hex(),
        "from_block": made.block,
    }


def write_settings(path: Path, sections: Mapping[str, Mapping[str, Value]], *, development: bool = False) -> None:
    """Write a settings file that `commons.settings.loading` reads."""
    lines = ["development = true"] if development else []
    for name, section in sections.items():
        lines += ["", f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in section.items())]
    write_durably(path, "\n".join(lines).strip().encode() + b"\n")


def _write_settings(plan: MarketPlan, made: Deployment, market: LocalMarket) -> None:
    chain = chain_section(plan.chain, made)
    parameters = plan.parameter_directory.resolve()
    keys: dict[str, Value] = {"srs": parameters / SRS_FILE, "directory": parameters}
    for p, endpoint in enumerate(plan.provers):
        prover: dict[str, Value] = {
            "listen": f"{plan.bind}:{endpoint.rpartition(':')[2]}",
            "endpoint": endpoint,
            "keystore": "keys",
            "state": "state",
            "committee": market.committee,
            "confirmations": 1,
        }
        write_settings(market.prover_settings(p), {"chain": chain, "keys": keys, "prover": prover}, development=True)
    relay: dict[str, Value] = {
        "listen": f"{plan.bind}:{plan.coordinator.rpartition(':')[2]}",
        "log": f"sqlite:///{(plan.directory / 'coordinator' / 'events.sqlite').resolve()}",
        "account": "account.json",
        "state": "state",
        "poll_interval": 0.25,
    }
    sections = {"chain": chain, "keys": keys, "coordinator": relay}
    write_settings(market.coordinator_settings, sections, development=True)
    buyer: dict[str, Value] = {"account": "model-owner.json", "coordinator": plan.coordinator}
    sections = {"chain": chain, "keys": keys, "model_owner": buyer}
    write_settings(plan.directory / "model-owner.toml", sections, development=True)
    write_settings(plan.directory / "chain.toml", {"chain": chain, "keys": keys}, development=True)


def _toml(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else json.dumps(str(value))
