"""`gradroll chain deploy-data`: the data market beside a gradient market."""

from __future__ import annotations

import argparse
from pathlib import Path

from commons.runtime.amounts import checksum
from gradroll.commands.destinations import force_option, require_free
from gradroll.commands.encrypting import opening
from gradroll.commands.options import Subparsers, account_option, chain_options, leaf, settings, whole

_HOUR, _DAY = 3600, 86_400


def add(commands: Subparsers) -> None:
    """Add the command."""
    parser = leaf(
        commands, "deploy-data",
        "Deploy the data market beside a market: campaigns, which make their jury. Writes settings that the other "
        "commands read with --config. Nobody can change any of it afterwards; run again after an interruption, it pays "
        "for nothing twice.",
        "gradroll chain deploy-data --account operator.key --out data.toml --config chain.toml", deploy_data,
    )  # fmt: skip
    account_option(parser, "", "that pays the fees", required=True)
    parser.add_argument(
        "--minimum-window", type=whole(1, 2**32 - 1), default=_DAY, metavar="SECONDS",
        help="shortest window of a campaign and of a case, of less than an hour in development only (default a day)",
    )  # fmt: skip
    parser.add_argument(
        "--notice", type=whole(2 * _HOUR, 30 * _DAY), default=7 * _DAY, metavar="SECONDS",
        help="for which jurors who leave are still there (default 7 days)",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    force_option(parser)
    chain_options(parser)


def deploy_data(arguments: argparse.Namespace) -> int:
    """Deploy the contracts of the data market."""
    from commons.chain.datadeploying import deploy_data as deploy
    from commons.chain.dataview import DataView
    from commons.chain.externalsigner import signer_of
    from commons.chain.outbox import Outbox
    from commons.chain.patience import Patience
    from commons.chain.view import ChainView
    from commons.settings.sections import ChainSettings
    from commons.settings.signersettings import SignerSettings
    from gradroll.commands.paying import end_told, teller
    from gradroll.session import outbox_of
    from gradroll.setup.settingsfiles import Value, write_settings

    chosen, console = settings(arguments), arguments.console
    if arguments.minimum_window < _HOUR:
        chosen.require_development("campaigns with windows of less than an hour")
    require_free(arguments.out, force=arguments.force)
    chain, tells = chosen.section(ChainSettings), teller(console)
    account = signer_of(arguments.account, opening(chosen), chosen.section(SignerSettings))
    view = ChainView.of(chain)
    with Outbox(outbox_of(arguments.account, chosen)) as outbox:
        place = deploy(
            chain.url, account, view.registry, arguments.minimum_window, arguments.notice,
            expected_chain_id=chain.chain_id, patience=Patience.of_command(chain), outbox=outbox,
            announce=tells.announce, on_sent=tells.on_sent, on_earlier=tells.on_earlier,
            mined=lambda name, at: console.line(f"{name} {checksum(at)}"),
        )  # fmt: skip
        jury = DataView(view, place).jury.place
        console.line(f"jury {checksum(jury)}")
        named: dict[str, Value] = {"url": chain.url, "chain_id": chain.chain_id, "market": "0x" + chain.market.hex(),
                 "from_block": chain.from_block}  # fmt: skip
        campaigns: dict[str, Value] = {"campaigns": "0x" + place.hex()}
        write_settings(arguments.out, {"chain": named, "data": campaigns}, development=chosen.development)
        console.line(f"{arguments.out}: settings that name this data market")
        console.result(campaigns=checksum(place), jury=checksum(jury), file=arguments.out)
        end_told(console)
        outbox.clear()
    return 0
