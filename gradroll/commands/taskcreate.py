"""`gradroll task create`: terms in words, what they cost, a question, and only then a transaction."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from circuits.grading import MAX_DITHER
from commons.runtime.identifiers import shown
from gradroll.commands.buying import account_options, buyer_settings, coordinator_options, paying
from gradroll.commands.confirming import DECLINED, confirmed, yes_option
from gradroll.commands.options import Subparsers, address, amount, data_digest, leaf, whole, whole_identifier

if TYPE_CHECKING:
    from circuits.terms import Grading, Pay
    from commons.protocol.modelmanifests import ModelManifest
    from commons.runtime.amounts import Currency
    from commons.settings.loading import Settings
    from gradroll.console import Console
    from gradroll.model_owner.plan import TaskPlan
    from gradroll.session import Session

_DEFAULTED = ("committee", "verifier", "relay")
"""Terms that a market's operator publishes; settings may hold them."""
_FEES = {
    "coordinator_batch": "to whoever relays a batch, for the batch",
    "coordinator_gradient": "to whoever relays a batch, for each of its gradients",
    "prover_batch": "to each prover that attests a batch and serves its sum, for the batch",
    "prover_gradient": "to each such prover, for each gradient of the batch",
}
_STEP = 4
"""Of grades, where it is not named."""
_FRACTION_BITS = 16
"""Where they are not named."""
_PLAN = ("norm", "bound", "capacity", "rounds", "permissioned", "inline_payload", "lapse_rounds")


def add(commands: Subparsers) -> None:
    """Add the command."""
    parser = leaf(
        commands,
        "create",
        "Create a task. The norm bound is in the gradient's units: a gradient g is clipped to ||g|| <= --norm and "
        "rounded to multiples of 2^-fraction_bits; with a model manifest (gradroll scales) each block has a scale of "
        "its own. Its terms are told in words, with what a round sets aside, before anything is sent; nothing is paid "
        "but gas until the task is funded.",
        "gradroll task create --committee 0x00000000000000c0 --verifier 0x... --relay 0x... --dimension 650 --norm 4 "
        "--reward 0.001ether",
        create,
    )
    account_options(parser)
    coordinator_options(parser)
    yes_option(parser)
    _add_parties(parser)
    _add_gradients(parser)
    _add_pay(parser)
    _add_windows(parser)


def _add_parties(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--committee", type=whole_identifier, metavar="0x...", help="who proves (task.committee)")
    parser.add_argument("--verifier", type=address, metavar="0x...", help="the policy's verifier (task.verifier)")
    parser.add_argument("--relay", type=address, metavar="0x...", help="the coordinator's account (task.relay)")
    parser.add_argument(
        "--permissioned", action="store_true",
        help="only owners that you admit; without it, who registers many accounts and hands in one gradient with all "
        "is paid for each",
    )  # fmt: skip
    parser.add_argument(
        "--capacity", type=whole(1, 2**16 - 1), default=16, metavar="N",
        help="most owners registered at a time, and most gradients of a round (default 16)",
    )  # fmt: skip
    parser.add_argument(
        "--min-owners", type=whole(1, 2**16 - 1), metavar="N",
        help="fewest owners of a batch (default: 8, or more to keep fees a batch within a third of the pay, but no "
        "more than half of what the verifier takes, or of --capacity)",
    )  # fmt: skip
    parser.add_argument(
        "--lapse-rounds", type=whole(0, 64), default=10, metavar="N",
        help="who is in no batch of so many rounds in a row loses its place; 0: never (default 10)",
    )  # fmt: skip


def _add_gradients(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--dimension", type=whole(1, 2**28), help="coordinates of a gradient (default: those of the --manifest)"
    )
    largest = parser.add_mutually_exclusive_group(required=True)
    largest.add_argument(
        "--norm", type=float, help="largest L2 norm of a gradient; with --manifest, in units of its finest block"
    )
    largest.add_argument(
        "--bound", type=whole(1, 2**62 - 1), metavar="N", help="the same as the sum of squares of its integers"
    )
    parser.add_argument(
        "--fraction-bits", type=whole(0, 62), metavar="F",
        help=f"gradients are rounded to multiples of 2^-F (default {_FRACTION_BITS}); a --manifest has its own",
    )  # fmt: skip
    parser.add_argument(
        "--manifest", type=Path, metavar="FILE",
        help="model manifest: blocks with scales of their own, and a training rule or a hidden model's scheme, if "
        "there is one; its digest becomes part of the terms, and the coordinator serves it (model_owner.manifest)",
    )  # fmt: skip
    parser.add_argument(
        "--reference-data", type=data_digest, metavar="FILE",
        help="grade gradients by one of your own, which you compute on this data; its digest becomes part of the terms "
        "(or 0x and the 64 digits of its Keccak-256). Takes a verifier of the policy reference",
    )  # fmt: skip
    parser.add_argument(
        "--step", type=whole(1, MAX_DITHER), metavar="N",
        help=f"with --reference-data: a level is the N-th part of a right angle's cosine wide (default {_STEP})",
    )  # fmt: skip
    parser.add_argument(
        "--dither", type=whole(1, MAX_DITHER), metavar="N",
        help="with --reference-data: numbers are opened under noise as wide as the N-th part; a smaller N tells less "
        f"about an owner, N is at least that of --step (default {_STEP}, or --step)",
    )  # fmt: skip
    parser.add_argument(
        "--rounds", type=whole(1, 2**20 - 1), default=100, metavar="N", help="rounds that may be opened (default 100)"
    )
    parser.add_argument(
        "--sum-key", type=Path, metavar="FILE",
        help="sums are private: provers seal their shares to the key in this file (gradroll setup sum-key), and nobody "
        "reads a sum without it. Keep a copy of it: there is no other way to them",
    )  # fmt: skip
    parser.add_argument(
        "--inline-payload", action="store_true", help="aggregates of up to 16 KiB are put into the chain's log"
    )


def _add_pay(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--token", type=address, metavar="0x...", help="ERC-20 that everything is paid in (default: ether)"
    )
    parser.add_argument(
        "--reward", type=amount(0), required=True, metavar="AMOUNT",
        help="pay of one gradient: of the smallest unit (wei), or such as 0.06ether, 5gwei or 2.5USDC; in an open "
        "task it goes by level where the policy has levels",
    )  # fmt: skip
    parser.add_argument(
        "--bonus", type=amount(0), metavar="AMOUNT",
        help="permissioned tasks: on average so much more for a gradient, divided by level (default 0)",
    )  # fmt: skip
    for name, whom in _FEES.items():
        option = f"--{name.replace('_', '-')}-fee"
        parser.add_argument(
            option, dest=name, type=amount(0), metavar="AMOUNT", help=f"{whom} (default: see --gas-price)"
        )
    parser.add_argument(
        "--gas-price", type=amount(0), metavar="AMOUNT",
        help="gas may cost so much before nobody relays a batch any more; fees that are not named follow from it "
        "(task.gas_price)",
    )  # fmt: skip
    parser.add_argument("--no-fees", action="store_true", help="fees that are not named are 0")
    parser.add_argument(
        "--deposit", type=amount(0), metavar="AMOUNT",
        help="of each owner, paid back when it has left (default: what a round sets aside for one owner)",
    )  # fmt: skip


def _add_windows(parser: argparse.ArgumentParser) -> None:
    for name, default, what in (
        ("submit-window", 86_400, "in which a round takes gradients"),
        ("settle-window", 86_400, "after that in which batches are accepted"),
        ("claim-window", 180 * 86_400, "after that in which pay is kept for its owner"),
        ("exit-delay", 7 * 86_400, "after its last round in which the deposit of an owner that leaves is kept"),
        ("availability-window", 7 * 86_400, "after a batch in which a quorum signs that its sum is served"),
    ):
        parser.add_argument(
            f"--{name}", type=whole(1, 2**32 - 1), default=default, metavar="SECONDS",
            help=f"time {what} (default {default})",
        )  # fmt: skip


def create(arguments: argparse.Namespace) -> int:
    """Create a task and print its identifier."""
    from gradroll.model_owner.plan import quantised_bound

    chosen = buyer_settings(arguments).changed(_named(arguments))
    for key in _DEFAULTED:
        _chosen(chosen, key)  # what is missing is told before a node is asked
    vectors = _vectors(arguments, chosen)
    if arguments.norm is not None:
        quantised_bound(arguments.norm, vectors.finest)  # a wrong norm needs no node to be told
    console, sum_key = arguments.console, _sum_key(arguments, chosen)
    with paying(arguments, chosen) as session:
        plan = replace(_plan(arguments, chosen, session, vectors), sum_key=sum_key)
        for text in session.model_owner.check_task(plan):
            console.warn(text)
        need = _tell(plan, session, console)
        if not confirmed(arguments, "create this task?"):
            return DECLINED
        created = session.model_owner.create_task(plan)
        task = shown(created)
        session.model_owner.publish_manifest(created)
        console.line(f"task {task} created; to have a round of all seats in escrow: gradroll task fund {task} {need}")
        console.result(task=task, round_reserve=str(need))
    return 0


def _sum_key(arguments: argparse.Namespace, chosen: Settings) -> bytes:
    """The public key to which provers seal their shares of sums; zeros where sums are public."""
    from circuits.errors import ConfigError
    from circuits.terms import NO_DIGEST
    from commons.sharing.sealing import public_key
    from commons.storage.sumkeys import load_sum_key
    from gradroll.commands.encrypting import opening

    if arguments.sum_key is None:
        return NO_DIGEST
    if arguments.inline_payload:
        raise ConfigError("--inline-payload publishes sums, and --sum-key is for private ones; leave out one of them")
    return public_key(load_sum_key(arguments.sum_key, opening(chosen)))


def _named(arguments: argparse.Namespace) -> dict[str, object]:
    """Settings of [task] that options replace."""
    from commons.runtime.amounts import ETH

    named = {f"task.{key}": value for key in _DEFAULTED if (value := getattr(arguments, key)) is not None}
    if arguments.gas_price is not None:
        named["task.gas_price"] = arguments.gas_price.of(ETH)
    return named


def _chosen(chosen: Settings, key: str) -> Any:
    from circuits.errors import ConfigError

    value = chosen.get(f"task.{key}")
    if value is None:
        raise ConfigError(f"task.{key} is missing: pass --{key}, or put {key} under [task] in the settings file")
    return value


@dataclass(frozen=True, slots=True)
class _Vectors:
    """What owners hand in: how long it is, and its scales."""

    dimension: int
    fraction_bits: int
    manifest: ModelManifest | None

    @property
    def finest(self) -> int:
        return self.fraction_bits if self.manifest is None else self.manifest.finest


def _vectors(arguments: argparse.Namespace, chosen: Settings) -> _Vectors:
    """By the options, or by a manifest."""
    from circuits.errors import ConfigError
    from commons.settings.sections import ModelOwnerSettings
    from commons.storage.manifestfiles import read_manifest

    manifest = read_manifest(chosen.section(ModelOwnerSettings, "manifest").manifest, "model_owner.manifest")
    dimension, bits = arguments.dimension, arguments.fraction_bits
    if manifest is None:
        if dimension is None:
            raise ConfigError("how many coordinates a gradient has is missing: pass --dimension, or a --manifest")
        return _Vectors(dimension, _FRACTION_BITS if bits is None else bits, None)
    if bits is not None:
        raise ConfigError("the blocks of the model manifest have scales of their own: leave out --fraction-bits")
    return _Vectors(manifest.dimension if dimension is None else dimension, manifest.finest, manifest)


def _plan(arguments: argparse.Namespace, chosen: Settings, session: Session, vectors: _Vectors) -> TaskPlan:
    """The terms that are asked for, with fees and deposit by rule where they are not named."""
    from circuits.terms import Windows
    from commons.settings.sections import TaskDefaults
    from gradroll.model_owner.plan import TaskPlan
    from gradroll.model_owner.pricing import usual_deposit, usual_min_owners

    own: dict[str, Any] = {name: getattr(arguments, name) for name in _PLAN}
    committee, verifier, relay = (_chosen(chosen, key) for key in _DEFAULTED)
    provers = session.view.committee(committee).size
    coin = session.view.tokens.currency(arguments.token or bytes(20))
    least, graded = arguments.min_owners, grading(arguments)
    pay = _pay(arguments, coin, provers, chosen.section(TaskDefaults).gas_price)
    if least is None:
        rows = session.view.policy_of(verifier).capacity
        least = usual_min_owners(pay, provers, arguments.capacity, rows - (graded is not None))
    if arguments.deposit is None:
        deposit = usual_deposit(pay, provers, least, arguments.capacity)
    else:
        deposit = arguments.deposit.of(coin)
    windows = Windows(
        arguments.submit_window, arguments.settle_window, arguments.claim_window, arguments.exit_delay,
        arguments.availability_window,
    )  # fmt: skip
    return TaskPlan(
        committee, verifier, relay, vectors.dimension, fraction_bits=vectors.fraction_bits, manifest=vectors.manifest,
        pay=replace(pay, deposit=deposit), windows=windows, min_owners=least,
        grading=graded, **own,
    )  # fmt: skip


def grading(arguments: argparse.Namespace) -> Grading | None:
    """How gradients are graded, if they are."""
    from circuits.errors import ConfigError
    from circuits.terms import Grading

    step, dither = arguments.step, arguments.dither
    if arguments.reference_data is None:
        if step is not None or dither is not None:
            raise ConfigError("--step and --dither are of a task that grades: name its data, too (--reference-data)")
        return None
    step = min(_STEP, dither or _STEP) if step is None else step
    return Grading(step, max(_STEP, step) if dither is None else dither, arguments.reference_data)


def _pay(arguments: argparse.Namespace, coin: Currency, provers: int, gas_price: int) -> Pay:
    """Pay and fees, without the deposit."""
    from circuits.errors import InvalidInputError
    from circuits.terms import Pay
    from gradroll.model_owner.pricing import gas_fees

    reward = arguments.reward.of(coin)
    if arguments.permissioned:
        pay = Pay(coin.token, reward, 0 if arguments.bonus is None else arguments.bonus.of(coin))
    elif arguments.bonus is None:
        pay = Pay(coin.token, 0, reward)
    else:
        raise InvalidInputError(
            "in an open task there is no base pay, which who registers many accounts would have for each, whatever its "
            "gradients are worth, so all of --reward is the bonus: leave out --bonus, or pass --permissioned"
        )
    named = {name: given.of(coin) for name in _FEES if (given := getattr(arguments, name)) is not None}
    if not arguments.no_fees and len(named) < len(_FEES):
        pay = gas_fees(pay, provers, gas_price, graded=arguments.reference_data is not None)
    return replace(pay, **named)


def _tell(plan: TaskPlan, session: Session, console: Console) -> int:
    """Tell the terms and what they cost; returns what a round of all seats sets aside."""
    from gradroll.commands.termwords import full_batches_in_words, machine_terms, reserve_in_words, terms_in_words

    terms, committee = plan.terms(), session.view.committee(plan.committee)
    coin, levelled = session.view.tokens.currency(plan.pay.token), session.view.is_levelled(plan.verifier)
    console.line("the terms, which nobody can change afterwards:")
    for line in terms_in_words(terms, committee, coin, levelled=levelled):
        console.line(f"  {line}")
    need = plan.pay.reserve(plan.capacity, committee.size, plan.min_owners)
    console.line(f"each round of all seats sets aside {reserve_in_words(terms, committee.size, plan.capacity, coin)}")
    largest = terms.largest_batch(session.view.policy_of(plan.verifier).capacity)
    console.line(
        f"it costs no more, and {full_batches_in_words(terms, committee.size, largest, coin)}; what is not spent comes "
        "back"
    )
    console.line(
        f"all {plan.rounds} rounds cost {coin.shown(plan.rounds * need)} at most; now only gas is paid, the escrow "
        "later (gradroll task fund)"
    )
    console.result(terms=machine_terms(terms))
    return need
