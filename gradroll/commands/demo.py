"""`gradroll demo`: the whole path on this machine, on real data."""

from __future__ import annotations

import argparse
from pathlib import Path

from gradroll.commands.options import Subparsers, leaf, node_url, positive, settings


def add(parent: Subparsers) -> None:
    """Add the command."""
    parser = leaf(
        parent,
        "demo",
        "Train on the digits data of scikit-learn with provers, a coordinator and a chain as "
        "processes on this machine. Under the policy norm two owners cheat: they are named, excluded and unpaid. Under "
        "the policy reference three in ten push against the model, within the norm bound: they count and earn nothing. "
        "Writes report.json.",
        "gradroll demo --rounds 5 --owners 10 --provers 4 --threshold 1",
        run,
    )
    parser.add_argument("--policy", choices=("norm", "reference"), default="norm", help="default norm")
    parser.add_argument(
        "--hidden-model", action="store_true",
        help="train a network of which owners see a view only, with private sums (docs/model-privacy.md)",
    )  # fmt: skip
    parser.add_argument(
        "--models", action="store_true",
        help="show the model market: three developers enter models in a bounty on hidden data, and a buyer buys one; "
        "--provers, --threshold, --chain and --out are of use, nothing else. Writes models.json",
    )  # fmt: skip
    parser.add_argument(
        "--data", action="store_true",
        help="show the data market: a campaign for labelled digits, honest contributors and cheaters, reviewers and "
        "juries, and the models that come of it; of use are the same options as with --models. Writes data.json",
    )  # fmt: skip
    parser.add_argument("--rounds", type=positive, default=5, help="rounds to train (default 5)")
    parser.add_argument("--owners", type=positive, default=10, help="data owners, the last of them cheat (default 10)")
    parser.add_argument("--provers", type=positive, default=4, help="N, prover processes (default 4)")
    parser.add_argument("--threshold", type=positive, default=1, help="t, provers that may collude (default 1)")
    parser.add_argument(
        "--chain", type=node_url, metavar="URL", help="a live development node with funded accounts, such as anvil's"
    )
    parser.add_argument("--non-iid", action="store_true", help="every owner sees few digits only")
    parser.add_argument("--out", type=Path, default=Path("build/demo"), metavar="DIR", help="default build/demo")


def run(arguments: argparse.Namespace) -> int:
    """Run the demo."""
    from commons.runtime.extras import require
    from gradroll.demo.run import Options, run_demo

    require("the demo", "demo", "sklearn", *(() if arguments.chain else ("eth_tester", "eth")))
    arguments.development = True
    settings(arguments)  # names a malformed variable before anything starts
    options = Options(
        rounds=arguments.rounds,
        owners=arguments.owners,
        provers=arguments.provers,
        threshold=arguments.threshold,
        chain=arguments.chain,
        non_iid=arguments.non_iid,
        out=arguments.out,
        policy=arguments.policy,
        hidden=arguments.hidden_model,
    )
    if arguments.data:
        from gradroll.demo.data import run_data_demo

        return run_data_demo(options, arguments.console)
    if arguments.models:
        from gradroll.demo.models import run_models_demo

        return run_models_demo(options, arguments.console)
    return run_demo(options, arguments.console)
