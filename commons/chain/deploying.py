"""Deploying the registry, the factory of verifiers and the market, with the libraries that they are linked to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

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


def deploy_contracts(
    url: str,
    key: Signer,
    rules: MarketRules | None = None,
    *,
    expected_chain_id: int | None = None,
    patience: Patience | None = None,
    outbox: Outbox | None = None,
    announce: Announce | None = None,
    on_sent: OnSent | None = None,
    on_earlier: OnSent | None = None,
    mined: Callable[[str, bytes], None] = lambda name, address: None,
) -> Deployment:
    """Deploy everything; ``outbox``, ``announce`` and what follows them are those of ``Sender``.

    Args:
        mined: told the name and the address of each contract as soon as it is on the chain.

    Raises:
        ChainError: the node refuses, or is on another chain.
    """
    rpc, rules = Rpc(url, contract_errors(), chain=expected_chain_id), rules or MarketRules()
    sender = Sender(rpc, key, patience, outbox=outbox, announce=announce, on_sent=on_sent, on_earlier=on_earlier)

    def deploy(name: str, code: bytes) -> Mined:
        done = sender.send(None, code, gas=_DEPLOY)
        if not rpc.code(done.created):
            raise ChainError(
                f"the node shows no code at {checksum(done.created)}, where the {name} was created; run the command "
                "again, it pays once, or use another node"
            )
        mined(name, done.created)
        return done

    libraries: dict[str, bytes] = {}

    def linked(name: str, contract: str, *arguments: object) -> Mined:
        _link(contract, libraries, lambda library, code: deploy(f"library {library}", code).created)
        return deploy(name, deployment(contract, *arguments, libraries=_of(contract, libraries)))

    registry = linked("registry", REGISTRY, rules.minimum_delay)
    factory = deploy("factory of verifiers", deployment(FACTORY, creation_codes()))
    given = registry.created, factory.created, rules.minimum_window, rules.guardian
    market = linked("market", MARKET, *given)
    return Deployment(rpc.chain_id, registry.created, factory.created, market.created, registry.block)


def _link(contract: str, libraries: dict[str, bytes], deploy: Callable[[str, bytes], bytes]) -> None:
    """Deploy the libraries that a contract is linked to, those that they are linked to first."""
    for name in contracts.load(contract).links:
        if name not in libraries:
            _link(name, libraries, deploy)
            libraries[name] = deploy(name, deployment(name, libraries=_of(name, libraries)))


def _of(contract: str, libraries: dict[str, bytes]) -> dict[str, bytes]:
    return {name: libraries[name] for name in contracts.load(contract).links}
