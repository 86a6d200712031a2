"""`gradroll chain`: a development chain, and the contracts."""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from commons.runtime.amounts import checksum, ether, utc
from gradroll.commands import chaindata
from gradroll.commands.chainmodels import add_deploying
from gradroll.commands.destinations import force_option, require_free
from gradroll.commands.encrypting import opening
from gradroll.commands.options import (
    Subparsers,
    account_option,
    address,
    group,
    leaf,
    node_url,
    positive,
    settings,
    whole,
)

if TYPE_CHECKING:
    from circuits.groth16 import VerifyingKey
    from commons.chain.deploying import Deployment, MarketRules
    from commons.chain.outbox import Outbox
    from commons.settings.loading import Settings
    from commons.storage.accounts import Signer

_HOUR, _DAY = 3600, 86_400


def add(parent: Subparsers) -> None:
    """Add the commands."""
    commands = group(parent, "chain", "Run a development chain, deploy the contracts")
    parser = leaf(
        commands,
        "serve",
        "Run a development chain (eth-tester) behind JSON-RPC. Its accounts' keys are public and it forgets everything "
        "when it stops.",
        "gradroll chain serve --development --listen 127.0.0.1:8545",
        serve,
    )
    parser.set_defaults(serves=True)
    parser.add_argument("--listen", default="127.0.0.1:8545", metavar="HOST:PORT")
    parser = leaf(
        commands,
        "fund",
        "Send development money to accounts, from the unlocked accounts of a development node.",
        "gradroll chain fund 0x1111111111111111111111111111111111111111 --chain http://127.0.0.1:8545 --development",
        fund,
    )
    parser.add_argument("addresses", type=address, nargs="+", metavar="0x...")
    parser.add_argument("--chain", type=node_url, required=True, metavar="URL", help="JSON-RPC URL of the node")
    parser = leaf(
        commands,
        "forward",
        "Put a development chain's clock forward and have it make blocks, so that nobody has to wait for windows.",
        "gradroll chain forward 3600 --chain http://127.0.0.1:8545 --development",
        forward,
    )
    parser.add_argument("seconds", type=whole(0, 10 * 365 * _DAY), metavar="SECONDS")
    parser.add_argument("--blocks", type=whole(1, 10_000), default=1, metavar="N", help="that it makes (default 1)")
    parser.add_argument("--chain", type=node_url, required=True, metavar="URL", help="JSON-RPC URL of the node")
    parser = leaf(
        commands,
        "deploy",
        "Deploy the committee registry, the factory of verifiers, the market with its libraries, and a verifier for "
        "each verifying key. Prints each address as soon as the contract is on the chain, and writes settings that the "
        "other commands read with --config. Nobody can change any of it afterwards.",
        "gradroll chain deploy --chain http://127.0.0.1:8545 --account operator.key --verifying-key "
        "keys/norm-64.verifying "
        "--out chain.toml",
        deploy,
    )
    parser.add_argument("--chain", type=node_url, required=True, metavar="URL", help="JSON-RPC URL of the node")
    parser.add_argument("--chain-id", type=positive, metavar="ID", help="refuse any other chain")
    account_option(parser, "", "that pays the fees", required=True)
    parser.add_argument(
        "--verifying-key",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        dest="keys",
        help="repeat for several",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    force_option(parser)
    _add_rules(parser)
    add_deploying(commands)
    chaindata.add(commands)


def _add_rules(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--minimum-window", type=whole(_HOUR, 2**32 - 1), default=_HOUR, metavar="SECONDS",
        help="shortest time of a task for submitting, settling and signing availability; a day where inclusion in "
        f"blocks can be bought (default {_HOUR})",
    )  # fmt: skip
    parser.add_argument(
        "--minimum-delay", type=whole(_HOUR, 365 * _DAY), default=_DAY, metavar="SECONDS",
        help=f"shortest time in which a change of a committee's member is announced (default {_DAY})",
    )  # fmt: skip
    parser.add_argument(
        "--guardian", type=address, metavar="0x...",
        help="who may pause the acceptance of batches, for seven days in 28, never claims or refunds (default: nobody)",
    )  # fmt: skip
    parser.add_argument(
        "--unsafe-minimum-window", type=whole(1, 2**32 - 1), metavar="SECONDS",
        help="development only: a shorter --minimum-window and --minimum-delay; who is briefly offline loses its round",
    )  # fmt: skip


def _rules(arguments: argparse.Namespace, chosen: Settings) -> MarketRules:
    """What the market is created with.  Raises InsecureSetupError for short windows outside of development."""
    from commons.chain.deploying import MarketRules

    guardian = arguments.guardian or bytes(20)
    if arguments.unsafe_minimum_window is None:
        return MarketRules(arguments.minimum_window, arguments.minimum_delay, guardian)
    chosen.require_development("a market with windows of less than an hour")
    return MarketRules(arguments.unsafe_minimum_window, arguments.unsafe_minimum_window, guardian)


def fund(arguments: argparse.Namespace) -> int:
    """Send money from a development node's own accounts."""
    from gradroll.setup.local_market import ALLOWANCE, endow

    settings(arguments).require_development("sending from a node's unlocked accounts")
    endow(arguments.chain, arguments.addresses, ALLOWANCE)
    arguments.console.result(addresses=[*map(checksum, arguments.addresses)], received=str(ALLOWANCE))
    for address_ in arguments.addresses:
        arguments.console.line(f"{checksum(address_)} received {ether(ALLOWANCE)}")
    return 0


def forward(arguments: argparse.Namespace) -> int:
    """Put a development chain's clock forward."""
    from commons.chain.rpc import ErrorTable, Rpc
    from gradroll.setup.devclock import put_clock_forward

    settings(arguments).require_development("putting a chain's clock forward")
    rpc = Rpc(arguments.chain, ErrorTable(()))
    put_clock_forward(rpc, arguments.seconds, arguments.blocks)
    head = rpc.head()
    arguments.console.line(f"block {head.number}, {utc(head.timestamp)}")
    arguments.console.result(block=head.number, time=head.timestamp)
    return 0


def serve(arguments: argparse.Namespace) -> int:
    """Serve the development chain until interrupted."""
    from commons.chain import devchain
    from commons.settings.values import split_address

    settings(arguments).require_development("a chain whose accounts' keys are public")
    host, port = split_address(arguments.listen, "listen")
    devchain.serve(port, host)
    return 0


def deploy(arguments: argparse.Namespace) -> int:
    """Deploy contracts and write the settings that name them."""
    from circuits.keyfiles import load_verifying_key
    from commons.chain.externalsigner import signer_of
    from commons.chain.outbox import Outbox
    from commons.settings.signersettings import SignerSettings
    from gradroll.commands.paying import end_told
    from gradroll.session import outbox_of

    chosen, console = settings(arguments), arguments.console
    remembered = outbox_of(arguments.account, chosen)
    account = signer_of(arguments.account, opening(chosen), chosen.section(SignerSettings))
    require_free(arguments.out, force=arguments.force or _is_unfinished(arguments, account))
    rules = _rules(arguments, chosen)
    keys = [load_verifying_key(path, allow_insecure=chosen.development) for path in arguments.keys]
    with Outbox(remembered) as outbox:
        made, verifiers = _deploy(arguments, account, rules, keys, outbox)
        _write(arguments, made, verifiers)
        console.line(f"{arguments.out}: settings that name this market, on chain {made.chain_id}")
        console.result(
            chain_id=made.chain_id, registry=checksum(made.registry), factory=checksum(made.factory),
            market=checksum(made.market), file=arguments.out,
            verifiers={name: checksum(place) for name, place in verifiers},
        )  # fmt: skip
        end_told(console)
        outbox.clear()
    return 0


def _deploy(
    arguments: argparse.Namespace,
    account: Signer,
    rules: MarketRules,
    keys: Sequence[VerifyingKey],
    outbox: Outbox,
) -> tuple[Deployment, list[tuple[str, bytes]]]:
    """Deploy everything; each address is told, and written down, as soon as it is paid for."""
    from commons.chain.deploying import deploy_contracts
    from commons.chain.patience import Patience
    from commons.chain.view import ChainView
    from commons.chain.writer import ChainWriter
    from commons.settings.sections import ChainSettings
    from gradroll.commands.paying import teller

    console, tells = arguments.console, teller(arguments.console)
    patience = Patience.of_command(settings(arguments).section(ChainSettings, "confirmations"))
    made = deploy_contracts(
        arguments.chain, account, rules, expected_chain_id=arguments.chain_id, patience=patience, outbox=outbox,
        announce=tells.announce, on_sent=tells.on_sent, on_earlier=tells.on_earlier,
        mined=lambda name, place: console.line(f"{name} {checksum(place)}"),
    )  # fmt: skip
    verifiers: list[tuple[str, bytes]] = []
    _write(arguments, made, verifiers, unfinished=_unfinished(account))
    chain = ChainWriter(
        ChainView(arguments.chain, made.market, expected_chain_id=made.chain_id), account, patience,
        outbox=outbox, announce=tells.announce, on_sent=tells.on_sent, on_earlier=tells.on_earlier,
    )  # fmt: skip
    for key in keys:
        name, place = f"verifier of {key.policy}, {key.capacity} owners", chain.deploy_verifier(made.factory, key)
        console.line(f"{name}: {checksum(place)}")
        verifiers.append((name, place))
        _write(arguments, made, verifiers, unfinished=_unfinished(account))
    return made, verifiers


def _unfinished(account: Signer) -> str:
    return f"not all of it is deployed yet by {checksum(account.address)}: run the same command again, it goes on"


def _is_unfinished(arguments: argparse.Namespace, account: Signer) -> bool:
    """Whether the file was written by this deployment before it was interrupted: by this account, on this node."""
    try:
        text = arguments.out.read_text(encoding="utf-8")
        node = tomllib.loads(text).get("chain", {}).get("url")
    except (OSError, ValueError):
        return False
    return node == arguments.chain and f"# {_unfinished(account)}\n" in text


def _write(
    arguments: argparse.Namespace,
    made: Deployment,
    verifiers: Sequence[tuple[str, bytes]],
    *,
    unfinished: str = "",
) -> None:
    """The settings of a deployment; `gradroll task create` takes the verifier from them when there is only one."""
    from gradroll.setup.settingsfiles import Value, chain_section, write_settings

    sections: dict[str, dict[str, Value]] = {"chain": chain_section(arguments.chain, made)}
    if len(verifiers) == 1:
        sections["task"] = {"verifier": checksum(verifiers[0][1])}
    comments = [f"registry: {checksum(made.registry)}", f"factory of verifiers: {checksum(made.factory)}"]
    comments += [f"{name}: {checksum(place)}" for name, place in verifiers]
    write_settings(arguments.out, sections, comments=filter(None, [*comments, unfinished]))
