"""What has to be true of a campaign, as pure functions of what was seen: each returns what is wrong, in words."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from circuits.errors import ChainError, StorageError
from circuits.quantize import IntArray
from circuits.terms import Pay
from commons.runtime.identifiers import shown
from tests.chaos.chainbook import ChainBook
from tests.chaos.faultplan import servers
from tests.chaos.ownerprocess import ENDED
from tests.chaos.steadiness import Slope

Place = tuple[int, int]
"""Task and round."""
Report = Sequence[Mapping[str, Any]]
"""The lines of one owner's file."""


_LEADING = re.compile(r"event=leading token=(\d+)")
MAY_END = (ChainError.exit_status, StorageError.exit_status)
"""Of a server that finds its node or Redis down, or its disk full, when it starts."""


@dataclass(frozen=True, slots=True)
class Violation:
    """Attributes:
    kind: "wrong-sum", "lost", "double-pay", "unpaid", "stuck", "leak", "secret", "crash", "two-leaders", "no-leader"
        or "lost-log".
    """

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class ReadSum:
    """A sum as its model owner read it.

    Attributes:
        owners: registration index of each owner in it.
        values: int64[d].
    """

    place: Place
    owners: tuple[int, ...]
    values: IntArray


def wrong_sums(read: ReadSum, gradients: Mapping[int, IntArray]) -> Iterator[Violation]:
    """A sum is that of exactly the owners whose acceptance the chain has; ``gradients`` by registration index."""
    where = f"round {read.place[1]} of task {shown(read.place[0])}"
    twice = sorted(index for index, count in Counter(read.owners).items() if count > 1)
    if twice:
        yield Violation("wrong-sum", f"owners {twice} are in the sum of {where} more than once")
    strangers = sorted(set(read.owners) - gradients.keys())
    if strangers:
        yield Violation("wrong-sum", f"owners {strangers} in the sum of {where} are none of ours")
        return
    expected = np.sum([gradients[index] for index in read.owners], axis=0)
    if not np.array_equal(read.values, expected):
        yield Violation("wrong-sum", f"the sum of {where} is not that of its owners {sorted(read.owners)}")


def unread_sums(book: ChainBook, sums: Iterable[ReadSum]) -> Iterator[Violation]:
    """Every round with an accepted batch was read, with all of its owners."""
    read = {each.place: each for each in sums}
    for place, owners in book.accepted.items():
        where = f"round {place[1]} of task {shown(place[0])}"
        if owners and place not in read:
            yield Violation("stuck", f"the sum of {where} was accepted and never read")
        elif owners and sorted(read[place].owners) != sorted(owners):
            yield Violation("wrong-sum", f"{where} was read with {read[place].owners}, the chain has {owners}")


def lost_owners(reports: Mapping[int, Report], book: ChainBook) -> Iterator[Violation]:
    """Every owner knows what its gradient came to, and it is what the chain says.

    Args:
        reports: by registration index, which is the same in all tasks.
    """
    for index, report in reports.items():
        known: dict[Place, list[Mapping[str, Any]]] = defaultdict(list)
        for line in report:
            if "round" in line and line["what"] != "paid":
                known[int(line["task"], 16), line["round"]].append(line)
        for place, owners in book.accepted.items():
            who = f"owner {index} in round {place[1]} of task {shown(place[0])}"
            yield from _lost(who, index in owners, known[place])


def _lost(who: str, accepted: bool, lines: Report) -> Iterator[Violation]:
    told = [line for line in lines if line["what"] in ENDED]
    expired = [line for line in lines if line["what"] == "expired"]
    if not told:
        yield Violation("lost", f"{who} was never told what became of its gradient; last: {_last(lines)}")
        return
    end = told[-1]
    if len({line["what"] for line in told}) > 1:
        yield Violation("lost", f"{who} was told several ends: {[line['what'] for line in told]}")
    if end["what"] == "rejected":
        yield Violation("lost", f"{who} is honest and was rejected: {end['text']}")
    if (end["what"] == "accepted") is not accepted:
        yield Violation(
            "lost", f"{who} was told {end['what']}, and is {'' if accepted else 'not '}accepted on the chain"
        )
    if any(not line["text"] for line in (*expired, *(line for line in told if line["what"] == "closed"))):
        yield Violation("lost", f"{who} was told of an end without a reason")


def _last(lines: Report) -> str:
    return f"{lines[-1]['what']} {lines[-1]['text']}" if lines else "nothing"


def unbalanced(book: ChainBook, pay: Pay, owners: int, provers: int, withdrawn: int) -> Iterator[Violation]:
    """Everybody was paid once for everything, and the market holds what it should.

    Args:
        withdrawn: what the model owner took back of its escrow, wei.
    """
    gradients = Counter(index for indices in book.accepted.values() for index in indices)
    for index in range(owners):
        yield from _paid(f"owner-{index}", book, gradients[index] * pay.flat)
    batches, of_all = book.batches.total(), gradients.total()
    yield from _paid("coordinator", book, batches * pay.coordinator_batch + of_all * pay.coordinator_gradient)
    for prover in range(provers):
        most = batches * pay.prover_batch + of_all * pay.prover_gradient
        got = book.flows[f"prover-{prover}"].received
        if not 0 <= got <= most:
            yield Violation("double-pay", f"prover-{prover} received {got} wei of at most {most}")
    yield from _paid("model-owner", book, withdrawn)
    market = book.flows["market"]
    others = [flow for name, flow in book.flows.items() if name != "market"]
    change = sum(flow.sent for flow in others) - sum(flow.received for flow in others)
    if market.after - market.before != change:
        held = market.after - market.before
        yield Violation("double-pay", f"the market's balance changed by {held} wei, by the others' books by {change}")


def _paid(name: str, book: ChainBook, due: int) -> Iterator[Violation]:
    got = book.flows[name].received
    if got != due:
        kind = "double-pay" if got > due else "unpaid"
        yield Violation(kind, f"{name} received {got} wei, and {due} were due")


def leaks(slopes: Iterable[Slope]) -> Iterator[Violation]:
    """No process takes ever more memory or descriptors."""
    for slope in slopes:
        if not slope.is_steady:
            yield Violation(
                "leak",
                f"{slope.name} gains {slope.memory / 1024:.0f} KiB and {slope.descriptors:.1f} descriptors a minute",
            )


def told_secrets(name: str, text: str, planted: Mapping[str, str]) -> Iterator[Violation]:
    """No log has a secret; ``planted``: what each is, by its text."""
    for secret, what in planted.items():
        if secret in text:
            yield Violation("secret", f"{name} has {what}")


def unexpected_ends(name: str, status: int) -> Iterator[Violation]:
    """A server ends by itself only if its node or Redis is down, or its disk full, when it starts; an owner when it is
    done.
    """
    if status not in (MAY_END if name in servers(pair=True) else (0,)):
        yield Violation("crash", f"{name} ended by itself, with status {status}")


def crashes(name: str, text: str) -> Iterator[Violation]:
    """No process ran into an error that nobody expected."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if line.startswith("Traceback (most recent call last)"):
            end = next((later for later in lines[number + 1 :] if later and not later.startswith(" ")), "")
            yield Violation("crash", f"{name} has a traceback: {end}")


def led_at_once(logs: Mapping[str, str]) -> Iterator[Violation]:
    """Each token was one coordinator's, and no coordinator found events missing; ``logs`` by name of the process."""
    tokens: dict[str, list[str]] = defaultdict(list)
    for name, text in logs.items():
        for token in _LEADING.findall(text):
            tokens[token].append(name)
        if "event=log-lost-events" in text:
            yield Violation("lost-log", f"{name} found that the log in Redis lost events, which it never did")
    for token, names in tokens.items():
        if len(names) > 1:
            yield Violation("two-leaders", f"{' and '.join(names)} led with the token {token}")
