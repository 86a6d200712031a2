"""Deploying the registry, the factory of verifiers and the market, with the libraries that they are linked to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self, TypedDict, Unpack

import contracts
from circuits.errors import ChainError
from circuits.terms import DAY
from commons.chain.calldata import FACTORY, MARKET, REGISTRY, contract_errors, deployment
from commons.chain.mined import Mined
from commons.chain.outbox import Outbox
from commons.chain.patience import Patience
from commons.chain.quotes import Announce
from commons.chain.rpc import Rpc
from commons.chain.transactions import Sender
from commons.chain.variants import OnSent
from commons.chain.verifiers import creation_codes
from commons.runtime.amounts import checksum
from commons.storage.accounts import Signer

_DEPLOY = 9_000_000


@dataclass(frozen=True, slots=True)
class MarketRules:
    """What a market and its registry are created with, for good.

    Attributes:
        minimum_window: shortest submit and settle window of a task, seconds: a day where inclusion in blocks can be
            bought, an hour otherwise; less is for development.
        minimum_delay: shortest time from a proposed change of a committee's member to its taking effect, seconds.
        guardian: 20-byte address of who may pause the acceptance of batches; zeros for nobody.
    """

    minimum_window: int = 3600
    minimum_delay: int = DAY
    guardian: bytes = bytes(20)


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where the contracts are.  ``block`` is the first in which they have events."""

    chain_id: int
    registry: bytes
    factory: bytes
    market: bytes
    block: int


class _Sent(TypedDict, total=False):
    patience: Patience | None
    outbox: Outbox | None
    announce: Announce | None
    on_sent: OnSent | None
    on_earlier: OnSent | None


class Sending(_Sent, total=False):
    """How contracts are deployed; what is not here is as of ``Sender``.

    Attributes:
        expected_chain_id: chain that the node has to be on.
        mined: told the name and the address of each contract as soon as it is on the chain.
    """

    expected_chain_id: int | None
    mined: Callable[[str, bytes], None]


def deploy_contracts(
    url: str,
    key: Signer,
    rules: MarketRules | None = None,
    **sending: Unpack[Sending],
) -> Deployment:
    """Deploy everything; ``sending`` is as of ``Sending``.

    Raises:
        ChainError: the node refuses, or is on another chain.
    """
    deployer, rules = Deployer.of(url, key, **sending), rules or MarketRules()
    registry = deployer.linked("registry", REGISTRY, rules.minimum_delay)
    factory = deployer.deploy("factory of verifiers", deployment(FACTORY, creation_codes()))
    given = registry.created, factory.created, rules.minimum_window, rules.guardian
    market = deployer.linked("market", MARKET, *given)
    return Deployment(deployer.chain_id, registry.created, factory.created, market.created, registry.block)


def _untold(name: str, address: bytes) -> None:
    """Nobody is told."""


class Deployer:
    """Deploys contracts, each library that they are linked to once.

    Args:
        mined: told the name and the address of each contract as soon as it is on the chain.
    """

    def __init__(self, sender: Sender, mined: Callable[[str, bytes], None] = _untold) -> None:
        self._sender, self._mined = sender, mined
        self._libraries: dict[str, bytes] = {}

    @classmethod
    def of(
        cls,
        url: str,
        key: Signer,
        *,
        expected_chain_id: int | None = None,
        mined: Callable[[str, bytes], None] = _untold,
        **sending: Unpack[_Sent],
    ) -> Self:
        """What deploys through a node.  Raises ChainError where it is on another chain."""
        return cls(Sender(Rpc(url, contract_errors(), chain=expected_chain_id), key, **sending), mined)

    @property
    def chain_id(self) -> int:
        """Of the chain that it deploys on."""
        return self._sender.rpc.chain_id

    def deploy(self, name: str, code: bytes) -> Mined:
        """Create a contract.

        Args:
            name: in words.
            code: its creation code, with arguments.

        Raises:
            ChainError: the node is the trouble, or does not show the contract.
        """
        done = self._sender.send(None, code, gas=_DEPLOY)
        if not self._sender.rpc.code(done.created):
            raise ChainError(
                f"the node shows no code at {checksum(done.created)}, where the {name} was created; run the command "
                "again, it pays once, or use another node"
            )
        self._mined(name, done.created)
        return done

    def linked(self, name: str, contract: str, *arguments: object) -> Mined:
        """Create a contract by its artifact's name, behind the libraries that it is linked to.  Raises ChainError."""
        self._link(contract)
        return self.deploy(name, deployment(contract, *arguments, libraries=self._of(contract)))

    def _link(self, contract: str) -> None:
        for name in contracts.load(contract).links:
            if name not in self._libraries:
                self._link(name)
                code = deployment(name, libraries=self._of(name))
                self._libraries[name] = self.deploy(f"library {name}", code).created

    def _of(self, contract: str) -> dict[str, bytes]:
        return {name: self._libraries[name] for name in contracts.load(contract).links}
