"""`gradroll chain deploy-data`: the data market beside a gradient market."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from commons.runtime.amounts import checksum
from gradroll.commands.destinations import force_option, require_free
from gradroll.commands.encrypting import opening
from gradroll.commands.options import Subparsers, account_option, chain_options, leaf, settings, whole

if TYPE_CHECKING:
    from commons.settings.loading import Settings

_HOUR, _DAY = 3600, 86_400


def add(commands: Subparsers) -> None:
    """Add the command."""
    parser = leaf(
        commands, "deploy-data",
        "Deploy the data market beside a market: campaigns, which make their jury, the factory of models that train in "
        "their contracts, and pay for improvement; where models.registry is set, versions of models, too. Writes "
        "settings that the other commands read with --config. Nobody can change any of it afterwards; run again after "
        "an interruption, it pays for nothing twice.",
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
    from commons.chain.datadeploying import deploy_data_models
    from commons.chain.dataview import DataView
    from commons.chain.deploying import Sending
    from commons.chain.externalsigner import signer_of
    from commons.chain.outbox import Outbox
    from commons.chain.patience import Patience
    from commons.chain.view import ChainView
    from commons.settings.sections import ChainSettings
    from commons.settings.signersettings import SignerSettings
    from gradroll.commands.paying import end_told, teller
    from gradroll.session import outbox_of
    from gradroll.setup.settingsfiles import Value, data_section, write_settings

    chosen, console = settings(arguments), arguments.console
    if arguments.minimum_window < _HOUR:
        chosen.require_development("campaigns with windows of less than an hour")
    require_free(arguments.out, force=arguments.force)
    chain, tells = chosen.section(ChainSettings), teller(console)
    account = signer_of(arguments.account, opening(chosen), chosen.section(SignerSettings))
    view = ChainView.of(chain)
    with Outbox(outbox_of(arguments.account, chosen)) as outbox:
        sending: Sending = {
            "expected_chain_id": chain.chain_id, "patience": Patience.of_command(chain), "outbox": outbox,
            "announce": tells.announce, "on_sent": tells.on_sent, "on_earlier": tells.on_earlier,
            "mined": lambda name, at: console.line(f"{name} {checksum(at)}"),
        }  # fmt: skip
        given = view.registry, arguments.minimum_window, arguments.notice
        place = deploy(chain.url, account, *given, **sending)
        beside = deploy_data_models(chain.url, account, place, _registry(chosen), **sending)
        jury = DataView(view, place).jury.place
        console.line(f"jury {checksum(jury)}")
        named: dict[str, Value] = {"url": chain.url, "chain_id": chain.chain_id, "market": "0x" + chain.market.hex(),
                 "from_block": chain.from_block}  # fmt: skip
        sections = {"chain": named, "data": data_section(place, beside)}
        write_settings(arguments.out, sections, development=chosen.development)
        console.line(f"{arguments.out}: settings that name this data market")
        if beside.versions is None:
            console.note("versions of models were not deployed: they take a registry of models (models.registry)")
        console.result(
            campaigns=checksum(place), jury=checksum(jury), models=checksum(beside.models),
            improvement=checksum(beside.improvement),
            versions=None if beside.versions is None else checksum(beside.versions), file=arguments.out,
        )  # fmt: skip
        end_told(console)
        outbox.clear()
    return 0


def _registry(chosen: Settings) -> bytes | None:
    """The registry of models that settings name, if they do."""
    from commons.settings.modelsettings import ModelMarketSettings

    if not chosen.get("models.registry"):
        return None
    return chosen.section(ModelMarketSettings, "registry").registry
