"""`gradroll setup`: public parameters, accounts, and a whole market on one machine."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from circuits.policies import DEFAULT
from commons.runtime.amounts import checksum
from commons.runtime.identifiers import shown
from gradroll.commands.destinations import force_option, require_free
from gradroll.commands.encrypting import encrypt_option, sealing
from gradroll.commands.modelkeys import add_model_keys
from gradroll.commands.options import Subparsers, group, leaf, natural, node_url, port, positive, settings, whole

_POLICY_HELP = f"what is proven (default {DEFAULT}); `gradroll setup policies` lists what is installed"


def add(parent: Subparsers) -> None:
    """Add the commands."""
    commands = group(parent, "setup", "Make public parameters, key files, or a whole local market")
    _add_srs(commands)
    _add_keys(commands)
    add_model_keys(commands)
    leaf(
        commands,
        "policies",
        "List the policies that are installed, and what each proves of a batch. Key makers, provers, coordinator and "
        "auditors of a task must all have its policy installed.",
        "gradroll setup policies",
        policies,
    )
    _add_account(commands)
    _add_sum_key(commands)
    _add_local(commands)


def _add_srs(commands: Subparsers) -> None:
    parser = leaf(
        commands,
        "srs",
        "Import powers of tau from a public ceremony file (.ptau, BN254). With --insecure-seed instead: a development "
        "string that protects nothing, refused everywhere except with --development.",
        "gradroll setup srs --ptau powersOfTau28_hez_final_21.ptau --dimension 1000000 --out srs.gsrs",
        srs,
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--ptau", type=Path, metavar="FILE", help="ceremony file")
    source.add_argument(
        "--insecure-seed", metavar="TEXT", help="development only: everybody who knows the text can cheat"
    )
    parser.add_argument("--dimension", type=whole(1, 2**28), required=True, help="largest model, coordinates")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    force_option(parser)


def _add_keys(commands: Subparsers) -> None:
    parser = leaf(
        commands,
        "keys",
        "Generate a policy's proving and verifying key. They fit one policy, one capacity, one SRS "
        "and one release, and are "
        "refused elsewhere. Whoever runs this could keep the secrets and forge proofs: run it where all parties trust.",
        f"gradroll setup keys --policy {DEFAULT} --capacity 64 --srs srs.gsrs --out keys",
        keys,
    )
    parser.add_argument("--policy", metavar="NAME", default=DEFAULT, help=_POLICY_HELP)
    parser.add_argument(
        "--capacity", type=positive, default=64,
        help="most owners of a batch, with the model owner's reference where the policy grades (default 64)",
    )  # fmt: skip
    parser.add_argument("--srs", type=Path, required=True, metavar="FILE")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument(
        "--insecure-seed", metavar="TEXT", help="development only: reproducible keys that protect nothing"
    )
    force_option(parser)


def _add_account(commands: Subparsers) -> None:
    parser = leaf(
        commands,
        "account",
        "Make a signing key in a new file that only you can read, or import one that was made elsewhere.",
        "gradroll setup account --out owner.key",
        account,
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.add_argument(
        "--import",
        dest="source",
        metavar="FILE",
        help="an Ethereum keystore (JSON), or a file with 64 hexadecimal digits; - reads standard input",
    )
    parser.add_argument(
        "--password-file", metavar="FILE", help="the imported keystore's password, in its first line (default: asked)"
    )
    encrypt_option(parser)


def _add_sum_key(commands: Subparsers) -> None:
    parser = leaf(
        commands,
        "sum-key",
        "Make a key for private sums, in a new file that only you can read. A task that is created with it "
        "(gradroll task create --sum-key) has its sums sealed to it: who loses the file reads none of them any more.",
        "gradroll setup sum-key --out sums.key",
        sum_key,
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    encrypt_option(parser)


def _add_local(commands: Subparsers) -> None:
    parser = leaf(
        commands,
        "local",
        "Prepare a market for development on a node with funded accounts: parameters, keys, "
        "contracts, committee, and one "
        "settings file a process. What `gradroll demo` and deploy/compose.yaml start from.",
        "gradroll setup local --development --chain http://127.0.0.1:8545 --directory local",
        local,
    )
    parser.add_argument("--chain", type=node_url, required=True, metavar="URL")
    parser.add_argument("--directory", type=Path, required=True, metavar="DIR")
    parser.add_argument("--provers", type=whole(1, 32), default=4)
    parser.add_argument("--threshold", type=whole(1, 15), default=1)
    parser.add_argument("--dimension", type=whole(1, 2**28), default=650)
    parser.add_argument("--policy", metavar="NAME", default=DEFAULT, help=_POLICY_HELP)
    parser.add_argument("--capacity", type=positive, default=16)
    parser.add_argument(
        "--prover-host", default="127.0.0.1", metavar="PATTERN", help="host of prover {index} (default 127.0.0.1)"
    )
    parser.add_argument("--prover-port", type=port, default=7101, help="port of prover 0 (default 7101)")
    parser.add_argument(
        "--same-port", action="store_true", help="every prover uses --prover-port (each has its own host)"
    )
    parser.add_argument("--coordinator-host", default="127.0.0.1", metavar="HOST", help="where owners reach it")
    parser.add_argument("--coordinator-port", type=port, default=7100)
    parser.add_argument("--wait", type=natural, default=30, metavar="SECONDS", help="how long to wait for the node")
    parser.add_argument("--listen", default="127.0.0.1", metavar="HOST", help="address that servers bind to")
    parser.add_argument(
        "--force", action="store_true", help="new contracts and settings where a market is; its keys stay"
    )
    parser.add_argument(
        "--keep", action="store_true", help="leave a market that is there as it is, if its chain still has it"
    )
    parser.add_argument(
        "--owners", type=natural, default=2, help="data owners with an account and settings (default 2)"
    )
    parser.add_argument(
        "--models", metavar="CLASS", help="a model market for this size class beside it (small, medium or large)"
    )
    parser.add_argument(
        "--data", action="store_true", help="a data market beside it, with accounts and settings for all who take part"
    )


def srs(arguments: argparse.Namespace) -> int:
    """Import or derive an SRS."""
    from circuits import container
    from circuits.srs import KIND
    from circuits.statement import domain_size
    from commons.runtime.stages import stage
    from gradroll.setup.keygen import development_srs

    domain = domain_size(arguments.dimension)
    if arguments.ptau is None:
        settings(arguments).require_development("an SRS from a seed")
    # A string can be had again from what it was made of; anything else in its place may not.
    require_free(arguments.out, force=arguments.force or container.is_of_kind(arguments.out, KIND))
    if arguments.ptau is not None:
        from circuits.ptau import import_ptau

        with stage(f"checking the powers of tau in {arguments.ptau}"):
            made = import_ptau(arguments.ptau, domain)
    else:
        made = development_srs(arguments.insecure_seed, domain)
    made.save(arguments.out)
    arguments.console.line(f"{arguments.out}: {len(made.powers)} powers of tau, origin {made.origin}")
    arguments.console.result(file=arguments.out, powers=len(made.powers), origin=made.origin)
    return 0


def keys(arguments: argparse.Namespace) -> int:
    """Generate a key pair."""
    from circuits.policies.registry import find
    from circuits.policies.spec import most_owners
    from circuits.srs import load
    from gradroll.setup.keygen import generate, proving_key_file, verifying_key_file

    chosen = settings(arguments)
    if arguments.insecure_seed is not None:
        chosen.require_development("a key from a seed")
    find(arguments.policy)  # a wrong name is refused before the string is read
    for file in (proving_key_file, verifying_key_file):
        require_free(file(arguments.out, arguments.policy, arguments.capacity), force=arguments.force)
    loaded = load(arguments.srs, allow_insecure=chosen.development)
    made = generate(arguments.out, arguments.policy, arguments.capacity, loaded, arguments.insecure_seed)
    arguments.console.line(
        f"{arguments.out}: {arguments.policy} for {most_owners(len(made.inputs), made.capacity)} owners, setup "
        f"{made.setup}, "
        f"0x{made.key_hash.hex()}"
    )
    arguments.console.result(
        directory=arguments.out, policy=made.policy, capacity=made.capacity, setup=made.setup, key_hash=made.key_hash
    )
    return 0


def policies(arguments: argparse.Namespace) -> int:
    """List the policies."""
    from circuits.policies.registry import known
    from circuits.policies.spec import most_owners

    console = arguments.console
    for spec in known():
        most = most_owners(1 + len(spec.public_inputs), spec.max_capacity)
        console.line(f"{spec.name}  {spec.claim} Up to {most} owners.")
    console.result(
        policies=[{"name": spec.name, "claim": spec.claim, "max_capacity": spec.max_capacity} for spec in known()]
    )
    return 0


def account(arguments: argparse.Namespace) -> int:
    """Make or import a key file."""
    from commons.storage.accounts import create_account, save_account
    from gradroll.setup.keyimport import ask_password, imported_key, read_source

    unlock = sealing(arguments, settings(arguments))
    if arguments.source is None:
        key = create_account(arguments.out, unlock)
    else:
        content = read_source(arguments.source)
        key = imported_key(arguments.source, content, lambda: ask_password(arguments.password_file))
        save_account(arguments.out, key, unlock)
    arguments.console.line(f"{arguments.out}: {checksum(key.address)}")
    arguments.console.result(file=arguments.out, address=checksum(key.address))
    return 0


def sum_key(arguments: argparse.Namespace) -> int:
    """Make a key for private sums."""
    from commons.storage.sumkeys import create_sum_key

    public = create_sum_key(arguments.out, sealing(arguments, settings(arguments)))
    arguments.console.line(f"{arguments.out}: key for sums 0x{public.hex()}; keep a copy of the file")
    arguments.console.result(file=arguments.out, sum_key=public)
    return 0


def local(arguments: argparse.Namespace) -> int:
    """Prepare a local market."""
    from circuits.accuracy.sizeclasses import size_class
    from circuits.policies.registry import find
    from commons.settings.hosts import join_address
    from gradroll.setup.kept_market import require_on_chain
    from gradroll.setup.local_market import MarketPlan, await_node, prepare

    settings(arguments).require_development("a local market with seeded keys")
    find(arguments.policy)  # a wrong name is refused before anything is made
    size = None if arguments.models is None else size_class(arguments.models)
    ports = [arguments.prover_port + (0 if arguments.same_port else p) for p in range(arguments.provers)]
    plan = MarketPlan(
        directory=arguments.directory,
        chain=arguments.chain,
        provers=tuple(
            join_address(arguments.prover_host.replace("{index}", str(p)), number) for p, number in enumerate(ports)
        ),
        threshold=arguments.threshold,
        dimension=arguments.dimension,
        policy=arguments.policy,
        capacity=arguments.capacity,
        bind=arguments.listen,
        coordinator=join_address(arguments.coordinator_host, arguments.coordinator_port),
        owners=arguments.owners,
    )
    console = arguments.console
    await_node(arguments.chain, arguments.wait)
    if arguments.keep and os.path.exists(plan.chain_settings):
        require_on_chain(plan.chain_settings, plan.chain)
        console.line(f"{plan.directory} holds a market, and the chain has it: nothing is changed")
        console.result(directory=plan.directory, kept=True)
        return 0
    market, beside = prepare(plan, console.line, replace=arguments.force), None
    if size is not None:
        from gradroll.setup.local_models import add_models

        beside = add_models(market, size)
        console.line(f"models       {checksum(beside.places.registry)}, settings in {plan.directory / 'models.toml'}")
        console.result(models=checksum(beside.places.registry))
    if arguments.data:
        from gradroll.setup.local_data import ROLES, add_data

        campaigns = add_data(market, beside).campaigns
        console.line(f"campaigns    {checksum(campaigns)}, settings in {plan.directory / 'data.toml'}")
        console.line(f"who buys, brings and judges data has settings of its own: {', '.join(ROLES)}")
        console.result(campaigns=checksum(campaigns))
    console.line(f"market       {checksum(market.market)}")
    console.line(f"committee    {shown(market.committee)}")
    console.line(f"verifier     {checksum(market.verifier)}")
    console.line(f"coordinator  {checksum(market.coordinator)}")
    console.line(f"its endpoint {market.coordinator_endpoint}")
    console.line(f"settings are in {plan.directory}; start the servers with `--config` and these files")
    console.result(
        directory=plan.directory, kept=False, chain_id=market.chain_id, market=checksum(market.market),
        committee=shown(market.committee), verifier=checksum(market.verifier), coordinator=checksum(market.coordinator),
        coordinator_endpoint=market.coordinator_endpoint,
    )  # fmt: skip
    return 0
