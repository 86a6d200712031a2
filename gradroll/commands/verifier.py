"""`gradroll verifier`: verifier contracts of a market, made by its factory."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from commons.runtime.amounts import checksum
from gradroll.commands.confirming import DECLINED, confirmed, yes_option
from gradroll.commands.options import Subparsers, account_option, chain_options, group, leaf, settings

if TYPE_CHECKING:
    from circuits.groth16 import VerifyingKey


def add(parent: Subparsers) -> None:
    """Add the commands."""
    commands = group(parent, "verifier", "Make the verifier contract of a policy key")
    parser = leaf(
        commands,
        "create",
        "Have the market's factory make the verifier contract of a policy key, for tasks with that policy and size of "
        "batches. Anybody may, and pays the gas once: its address follows from code and key, and everybody computes it "
        "from their own release. Tells the address before it sends anything.",
        "gradroll verifier create --verifying-key keys/norm-64.verifying --account operator.key --config chain.toml",
        create,
    )
    parser.add_argument("--verifying-key", type=Path, required=True, metavar="FILE", help="of gradroll setup keys")
    account_option(parser, "", "that pays the fees", required=True)
    yes_option(parser)
    chain_options(parser)


def create(arguments: argparse.Namespace) -> int:
    """Make a verifier, unless it is there, and print its address."""
    from circuits.keyfiles import load_verifying_key
    from commons.chain.verifiers import verifier_address
    from gradroll.commands.paying import paying_session

    chosen, console = settings(arguments), arguments.console
    key = load_verifying_key(arguments.verifying_key, allow_insecure=chosen.development)
    with paying_session(arguments, chosen) as session:
        factory = session.view.factory
        place = verifier_address(factory, key)
        known = bool(session.view.rpc.code(place))
        console.line(f"{_name(key)}: {checksum(place)}, by the market's factory {checksum(factory)}")
        if not known:
            if not confirmed(arguments, "make this verifier?"):
                return DECLINED
            session.writer(arguments.account).deploy_verifier(factory, key)
        session.view.policy_of(place)  # reads it as every client does, and raises for one that is not of this release
        console.line(
            f"it is {'there already' if known else 'made'}, with the code of this release: gradroll task create "
            f"--verifier {checksum(place)}"
        )
        console.result(
            verifier=checksum(place), factory=checksum(factory), policy=key.policy, capacity=key.capacity,
            setup=key.setup, key_hash=key.key_hash, created=not known,
        )  # fmt: skip
    return 0


def _name(key: VerifyingKey) -> str:
    from circuits.policies.spec import most_owners

    owners = most_owners(len(key.inputs), key.capacity)
    return f"verifier of {key.policy}, {owners} owners, key 0x{key.key_hash.hex()}"
