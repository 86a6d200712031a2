"""`gradroll model hide`, `terms` and `recover`: the view of a hidden model, what owners hand in, the true gradient."""

from __future__ import annotations

import argparse
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gradroll.commands.encrypting import encrypt_option, opening, sealing
from gradroll.commands.networks import network_options, the_network
from gradroll.commands.options import Subparsers, leaf, settings

if TYPE_CHECKING:
    import numpy.typing as npt

    from circuits.arrays import FloatArray
    from commons.protocol.hidingschemes import HidingScheme
    from commons.protocol.modelmanifests import ModelManifest
    from commons.storage.unlock import Unlock


def add(commands: Subparsers) -> None:
    """Add the commands."""
    _add_hide(commands)
    _add_terms(commands)
    _add_recover(commands)


def _add_hide(commands: Subparsers) -> None:
    parser = leaf(
        commands, "hide",
        "Make the view of a model that a round of a hidden model is opened on. This is obfuscation and no encryption: "
        "a data owner with fifty labelled samples finds a model as good as the true one, and a public sum gives all of "
        "it away (docs/model-privacy.md). The secret is kept in a file that only you can read; all models of a task "
        "are hidden with the same one. Keep a copy of it, and of each model: there is no gradient without both.",
        "gradroll model hide model.npy --network network.json --secret hiding.key --first --out view.npy", hide,
    )  # fmt: skip
    parser.add_argument("model", type=Path, metavar="MODEL", help="the true model (.npy, floats of shape (d,))")
    network_options(parser)
    _secret_option(parser)
    parser.add_argument(
        "--first", action="store_true",
        help="the first model of a task: make the secret's file, which is never replaced; without it the file must be "
        "there, as another secret for a later model would give both away",
    )  # fmt: skip
    encrypt_option(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="VIEW", help="where to write the view (.npy)")


def _add_terms(commands: Subparsers) -> None:
    parser = leaf(
        commands, "terms",
        "Compute what a data owner hands in for a hidden model, from the view that its round was opened on and the "
        "owner's own samples: the mean gradient there of half the squared error, and the terms that take the noise out "
        "of it. What it writes goes to gradroll submit --gradient, and as a sample to gradroll scales.",
        "gradroll model terms view.npy --manifest manifest.json --samples samples.npy --targets targets.npy "
        "--out update.npy", terms,
    )  # fmt: skip
    parser.add_argument("view", type=Path, metavar="VIEW", help="the round's model (gradroll task model)")
    network_options(parser)
    parser.add_argument(
        "--samples", type=Path, required=True, metavar="FILE",
        help="numbers of shape (n, features), or (n, channels, height, width) (.npy)",
    )  # fmt: skip
    parser.add_argument(
        "--targets", type=Path, required=True, metavar="FILE",
        help="numbers of shape (n, outputs) (.npy); for classes numpy.eye(outputs)[labels]",
    )  # fmt: skip
    parser.add_argument("--torch", action="store_true", help="compute with PyTorch (the extra torch), in float64")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="where to write it (.npy)")


def _add_recover(commands: Subparsers) -> None:
    parser = leaf(
        commands, "recover",
        "Make the sum of the true gradients of a round's sum. The model and its view say with which noise the round "
        "was played, and are held against each other first.",
        "gradroll model recover sum.npy --model model.npy --view view.npy --manifest manifest.json "
        "--secret hiding.key --out gradient.npy", recover,
    )  # fmt: skip
    parser.add_argument("sum", type=Path, metavar="SUM", help="what gradroll task read wrote (.npy)")
    parser.add_argument("--model", type=Path, required=True, metavar="FILE", help="the round's true model (.npy)")
    parser.add_argument(
        "--view", type=Path, required=True, metavar="FILE", help="the view that it was opened on (.npy)"
    )
    network_options(parser)
    _secret_option(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="where to write the sum (.npy)")


def _secret_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--secret", type=Path, required=True, metavar="FILE", help="the file of the task's secret (0600)"
    )


def hide(arguments: argparse.Namespace) -> int:
    """Make a view."""
    from circuits.arrays import float_vector
    from circuits.errors import ConfigError
    from commons.storage.hidingkeys import load_hiding_key, save_hiding_key
    from gradroll.commands.arrayfiles import write_array
    from gradroll.commands.destinations import require_free, require_other
    from gradroll.hiddenmodel.hiding import KEY_BYTES, draw_noise, unhidden
    from gradroll.hiddenmodel.hiding import hide as view_of

    console, chosen, scheme = arguments.console, settings(arguments), the_network(arguments)
    if arguments.encrypt and not arguments.first:
        raise ConfigError("--encrypt is for a secret that is made: pass it with --first")
    model = _numbers(arguments.model, scheme.model_length, "model")
    require_other(arguments.out, arguments.model, arguments.secret, arguments.network, arguments.manifest)
    require_free(arguments.out, force=True)
    if arguments.first:
        _require_new(arguments.secret)
        key = secrets.token_bytes(KEY_BYTES)
    else:
        _require_there(arguments.secret)
        key = load_hiding_key(arguments.secret, scheme, opening(chosen))
    made = view_of(scheme, model, draw_noise(scheme, model, key, scheme.digest))
    view = float_vector(made, scheme.model_length, "view")
    if arguments.first:
        save_hiding_key(arguments.secret, key, scheme, sealing(arguments, chosen))
        console.line(f"{arguments.secret}: the secret of this task's models; keep a copy of the file")
    write_array(arguments.out, view)
    shown = unhidden(model, view)
    if shown:
        console.warn(f"{shown} numbers of the model are the same in its view, as 0 stays 0: draw models without zeros")
    console.line(f"{arguments.out}: the view, {scheme.model_length} numbers; open the round on it, not on the model")
    console.result(file=arguments.out, secret=arguments.secret, numbers=scheme.model_length, shown=shown)
    return 0


def terms(arguments: argparse.Namespace) -> int:
    """Compute an owner's vector."""
    import numpy as np

    from circuits.arrays import float_vector
    from gradroll.commands.arrayfiles import write_array
    from gradroll.commands.destinations import require_other
    from gradroll.hiddenmodel.ownerterms import in_parts, owner_terms
    from gradroll.hiddenmodel.torchnetworks import owner_terms_by_torch

    scheme = the_network(arguments)
    view = _numbers(arguments.view, scheme.model_length, "view")
    samples, targets = (_table(getattr(arguments, name), name) for name in ("samples", "targets"))
    require_other(arguments.out, arguments.view, arguments.samples, arguments.targets)
    by = owner_terms_by_torch if arguments.torch else owner_terms
    with np.errstate(over="ignore", invalid="ignore"):  # refused in the next line
        made = in_parts(by, scheme, view, samples, targets)
    made = float_vector(made, scheme.handed_in, "gradient")
    write_array(arguments.out, made)
    arguments.console.line(f"{arguments.out}: {len(made)} numbers of {len(samples)} samples, for gradroll submit")
    arguments.console.result(file=arguments.out, coordinates=len(made), samples=len(samples))
    return 0


def recover(arguments: argparse.Namespace) -> int:
    """Make the true sum."""
    from circuits.arrays import float_vector
    from circuits.errors import KeyMismatchError
    from commons.storage.hidingkeys import load_hiding_key
    from gradroll.commands.arrayfiles import write_array
    from gradroll.commands.destinations import require_other
    from gradroll.hiddenmodel.hiding import draw_noise, is_view
    from gradroll.hiddenmodel.hiding import recover as gradient_of

    scheme = the_network(arguments)
    total = _numbers(arguments.sum, scheme.handed_in, "sum")
    model, view = (_numbers(getattr(arguments, name), scheme.model_length, name) for name in ("model", "view"))
    require_other(arguments.out, arguments.sum, arguments.model, arguments.view, arguments.secret)
    key = load_hiding_key(arguments.secret, scheme, opening(settings(arguments)))
    noise = draw_noise(scheme, model, key, scheme.digest)
    if not is_view(scheme, model, view, noise):
        raise KeyMismatchError(
            f"{arguments.view} is not the view of {arguments.model} by {arguments.secret}; name the model, the view "
            "and the secret of the round that the sum is of"
        )
    gradient = float_vector(gradient_of(scheme, total, noise), scheme.model_length, "gradient")
    write_array(arguments.out, gradient)
    arguments.console.line(f"{arguments.out}: the sum of the true gradients, {len(gradient)} numbers")
    arguments.console.result(file=arguments.out, numbers=len(gradient))
    return 0


@dataclass(frozen=True)
class NamedModel:
    """What a user names to open a round on.

    Attributes:
        model, view: numbers as users save them, the true model's and its view's; None: not named.
        secret: the file of the task's secret; None: not named.
    """

    model: npt.ArrayLike | None
    view: npt.ArrayLike | None = None
    secret: Path | None = None


def to_publish(named: NamedModel, manifest: ModelManifest | None, unlock: Unlock) -> npt.ArrayLike | None:
    """The numbers that a round of a task is opened on; None where none are named.

    Nothing tells a view from a true model, and what was published once stays so: where a task hides its models, a model
    that is not said to be a view is never published.

    Args:
        manifest: the task's.

    Raises:
        InvalidInputError: the task hides no model, and a view or a secret is named; or it does, and neither a view
            alone is named nor a model of its network with a secret.
        GradrollError: as ``load_hiding_key``.
    """
    from circuits.errors import InvalidInputError

    scheme = None if manifest is None else manifest.hiding
    if scheme is None:
        if named.view is not None or named.secret is not None:
            raise InvalidInputError(
                "--view and --secret are for a task that hides its models, which this one does not: leave them out, "
                "and name the model to publish (--model)"
            )
        return named.model
    if named.view is not None and named.model is None and named.secret is None:
        return named.view
    if named.view is not None or named.model is None or named.secret is None:
        raise InvalidInputError(
            "the task hides its models, and what --model names alone would be published as it is: name the true model "
            "and the task's secret (--model and --secret), or a view (--view)"
        )
    return _view_of(scheme, named.model, named.secret, unlock)


def _view_of(scheme: HidingScheme, model: npt.ArrayLike, secret: Path, unlock: Unlock) -> FloatArray:
    from circuits.arrays import float_vector
    from commons.storage.hidingkeys import load_hiding_key
    from gradroll.hiddenmodel.hiding import draw_noise
    from gradroll.hiddenmodel.hiding import hide as view_of

    true = float_vector(model, scheme.model_length, "model")
    key = load_hiding_key(secret, scheme, unlock)
    return view_of(scheme, true, draw_noise(scheme, true, key, scheme.digest))


def _require_new(path: Path) -> None:
    """Raise StorageError where a file is: another name would mean another secret, which a later model must not have."""
    from circuits.errors import StorageError

    if path.exists():
        raise StorageError(
            f"{path} exists already, and is not replaced; leave out --first if it is this task's secret, or name "
            "another file for another task"
        )


def _require_there(path: Path) -> None:
    """Raise KeyFileError where no file is; the error of other key files would have another one made."""
    from circuits.errors import KeyFileError

    if not path.exists():
        raise KeyFileError(
            f"{path}: there is no such secret; correct the path to this task's, or pass --first if this is its "
            "first model"
        )


def _numbers(path: Path, length: int, what: str) -> FloatArray:
    """float64[length] of a .npy file."""
    from circuits.arrays import float_vector
    from gradroll.commands.arrayfiles import read_array

    return float_vector(read_array(path, what), length, what)


def _table(path: Path, what: str) -> FloatArray:
    """float64 of a .npy file's own shape, one entry a sample; InvalidInputError for other things than numbers."""
    from circuits.arrays import float_vector
    from gradroll.commands.arrayfiles import read_array

    found = read_array(path, what)
    return float_vector(found.reshape(-1), found.size, what).reshape(found.shape)
