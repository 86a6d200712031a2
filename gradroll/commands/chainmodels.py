"""`gradroll chain deploy-models`: the model market beside a gradient market."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from commons.runtime.amounts import checksum
from gradroll.commands.destinations import force_option, require_free
from gradroll.commands.encrypting import opening
from gradroll.commands.options import Subparsers, account_option, chain_options, leaf, settings, whole

if TYPE_CHECKING:
    from commons.chain.modelfacts import ModelPlaces
    from commons.settings.loading import Settings
    from gradroll.setup.settingsfiles import Value

    Keys = dict[str, Value]
    """The section [keys] as it is written."""

_HOUR = 3600


def add_deploying(commands: Subparsers) -> None:
    """Add the command."""
    parser = leaf(
        commands,
        "deploy-models",
        "Deploy the model market beside a market: the factory of its verifiers, the registry of models, sales and "
        "bounties, and a verifier for each verifying key of a size class. Writes settings that the other commands read "
        "with --config, with the directory of the verifying keys, where the reference string is in it. Nobody can "
        "change any of it afterwards; run again after an interruption, it pays for nothing twice.",
        "gradroll chain deploy-models --account operator.key --verifying-key keys/accuracy-64-32-10-128-16.verifying "
        "--out models.toml --config chain.toml",
        deploy_models,
    )
    account_option(parser, "", "that pays the fees", required=True)
    parser.add_argument(
        "--verifying-key", type=Path, action="append", default=[], metavar="FILE", dest="keys",
        help="of a size class; repeat for several",
    )  # fmt: skip
    parser.add_argument(
        "--minimum-window", type=whole(1, 2**32 - 1), default=_HOUR, metavar="SECONDS",
        help=f"shortest window of a bounty, of less than an hour in development only (default {_HOUR})",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    force_option(parser)
    chain_options(parser)


def deploy_models(arguments: argparse.Namespace) -> int:
    """Deploy the contracts of the model market."""
    from circuits.accuracy.accuracykeys import load_model_verifying_key
    from commons.chain.externalsigner import signer_of
    from commons.chain.modeldeploying import Neighbours
    from commons.chain.modeldeploying import deploy_models as deploy
    from commons.chain.modelview import ModelView
    from commons.chain.modelwriter import ModelWriter
    from commons.chain.outbox import Outbox
    from commons.chain.patience import Patience
    from commons.chain.view import ChainView
    from commons.settings.sections import ChainSettings
    from commons.settings.signersettings import SignerSettings
    from gradroll.commands.paying import end_told, teller
    from gradroll.session import outbox_of

    chosen, console = settings(arguments), arguments.console
    if arguments.minimum_window < _HOUR:
        chosen.require_development("bounties with windows of less than an hour")
    require_free(arguments.out, force=arguments.force)
    keys = [load_model_verifying_key(path, allow_insecure=chosen.development) for path in arguments.keys]
    chain, tells = chosen.section(ChainSettings), teller(console)
    account = signer_of(arguments.account, opening(chosen), chosen.section(SignerSettings))
    view, patience = ChainView.of(chain), Patience.of_command(chain)
    with Outbox(outbox_of(arguments.account, chosen)) as outbox:
        places = deploy(
            chain.url, account, Neighbours(view.market, view.registry), arguments.minimum_window,
            expected_chain_id=chain.chain_id, patience=patience, outbox=outbox,
            announce=tells.announce, on_sent=tells.on_sent, on_earlier=tells.on_earlier,
            mined=lambda name, place: console.line(f"{name} {checksum(place)}"),
        )  # fmt: skip
        writer = ModelWriter(
            ModelView(view, places), account, patience, outbox=outbox, announce=tells.announce,
            on_sent=tells.on_sent, on_earlier=tells.on_earlier,
        )  # fmt: skip
        verifiers = [(f"verifier of {key.policy}", writer.deploy_model_verifier(key)) for key in keys]
        for name, place in verifiers:
            console.line(f"{name} {checksum(place)}")
        found = _keys(arguments.out, arguments.keys, chosen)
        _write(arguments.out, chosen, places, verifiers, found)
        console.line(f"{arguments.out}: settings that name this model market")
        if found is None:
            console.line(
                "name the reference string and the directory of the classes' key files in it, under [keys]", "yellow"
            )
        console.result(
            registry=checksum(places.registry), sales=checksum(places.sales), bounties=checksum(places.bounties),
            verifiers={name: checksum(place) for name, place in verifiers}, file=arguments.out,
        )  # fmt: skip
        end_told(console)
        outbox.clear()
    return 0


def _keys(out: Path, files: list[Path], chosen: Settings) -> Keys | None:
    """The section [keys]: where the verifying keys are, with the reference string beside them, else as it was chosen.

    Places below the written file's directory are relative to it, so that both can be handed on together.
    """
    from commons.settings.sections import KeySettings
    from gradroll.setup.keygen import SRS_FILE

    directories = {file.resolve().parent for file in files}
    found: dict[str, Path] = {}
    if len(directories) == 1 and (string := (directory := directories.pop()) / SRS_FILE).is_file():
        found = {"srs": string, "directory": directory}
    elif chosen.get("keys.srs") and chosen.get("keys.directory"):
        own = chosen.section(KeySettings)
        found = {"srs": own.srs.resolve(), "directory": own.directory.resolve()}
    beside = out.resolve().parent
    return {
        name: place.relative_to(beside) if place.is_relative_to(beside) else place for name, place in found.items()
    } or None


def _write(
    path: Path, chosen: Settings, places: ModelPlaces, verifiers: list[tuple[str, bytes]], keys: Keys | None
) -> None:
    from commons.settings.sections import ChainSettings
    from gradroll.setup.settingsfiles import models_section, write_settings

    chain = chosen.section(ChainSettings)
    named: dict[str, Value] = {
        "url": chain.url, "chain_id": chain.chain_id, "market": "0x" + chain.market.hex(),
        "from_block": chain.from_block,
    }  # fmt: skip
    comments = [f"{name}: {checksum(place)}" for name, place in verifiers]
    sections = {"chain": named, **({"keys": keys} if keys else {}), "models": models_section(places)}
    write_settings(path, sections, development=chosen.development, comments=comments)
