"""What `gradroll prover status` and `gradroll coordinator status` show of a server on this machine, beside its health.

It is asked for where `metrics.listen` says, which only its operator reaches.
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import MaxLen
from pydantic import BaseModel, ConfigDict, FiniteFloat, ValidationError

from commons.runtime.amounts import ETH, utc
from commons.runtime.foreigntext import printable
from gradroll.commands.options import settings

if TYPE_CHECKING:
    from gradroll.console import Console

_MOST = 4 << 20
"""Bytes of the answer: a thousand rounds take a tenth of it."""
_SECONDS = 10.0
CLOCK_SKEW = 15.0
"""Seconds of a clock that an operator should know of, as of the alert."""
_WIDTH = 400
"""Characters of a text that somebody else wrote."""


class _Part(BaseModel):
    """Members that a later release adds are not looked at."""

    model_config = ConfigDict(extra="ignore")


class _Chain(_Part):
    block: int | None = None
    head_age: FiniteFloat | None = None
    clock_ahead: FiniteFloat | None = None
    silent_since: FiniteFloat | None = None
    nodes: int = 1
    set_aside: int = 0
    balance_wei: int | None = None


class _Disk(_Part):
    free_bytes: int
    size_bytes: int


class _Round(_Part):
    task: str
    round: int
    phase: str
    waits: str = ""
    trouble: str = ""
    unmoved_seconds: int = 0
    pending: int = 0
    proving: int = 0
    proven: int = 0
    accepted: int = 0


class _Batch(_Part):
    batch: str
    owners: int
    at: FiniteFloat


class _Step(_Part):
    step: str
    at: FiniteFloat


class ServerState(_Part):
    """What a server says of itself to its operator."""

    serving: bool
    leads: bool | None = None
    standby: str = ""
    stuck: list[str] = []
    chain: dict[str, _Chain] = {}
    disk: _Disk
    rounds: Annotated[list[_Round], MaxLen(1 << 16)] | None = None
    last_batch: _Batch | None = None
    silent_provers: int = 0
    work_waiting: int = 0
    pending_transactions: int | None = None
    pending_seconds: FiniteFloat = 0.0
    rounds_with_open_fees: int = 0
    uploads: int | None = None
    upload_bytes: int = 0
    step_under_way_seconds: FiniteFloat | None = None
    last_step: _Step | None = None
    shares_overdue_seconds: FiniteFloat = 0.0


def tell_state(arguments: argparse.Namespace) -> None:
    """Print the state of the server whose settings these are, where `metrics.listen` serves it.

    A server that works is not said to be down because it cannot be asked for more: that is a warning.
    """
    from circuits.errors import UnavailableError
    from commons.settings.sections import MetricsSettings

    console: Console = arguments.console
    place = settings(arguments).section(MetricsSettings).listen
    if place is None:
        if arguments.endpoint is None:
            console.line("set metrics.listen to see more here: rounds under way, the chain, disk, transactions", "dim")
        return
    try:
        said = ask(place)
        state = understood(place, said)
    except UnavailableError as error:
        console.warn(str(error))
        return
    console.line(f"the server of these settings, on this machine ({place}):")
    for line in lines_of(state):
        console.line(f"  {line}")
    console.result(state=said)


def ask(place: str) -> Any:
    """What is served at `/status`, as JSON has it.  Raises UnavailableError."""
    import requests

    from circuits.errors import UnavailableError

    url = f"http://{_reached(place)}/status"
    try:
        # No proxy of the environment: this machine asks itself.
        with requests.Session() as session:
            session.trust_env = False
            with session.get(url, timeout=_SECONDS, stream=True, allow_redirects=False) as answer:
                body = answer.raw.read(_MOST + 1, decode_content=False)
                if answer.status_code != requests.codes.ok or len(body) > _MOST:
                    raise UnavailableError(f"{url} answers {answer.status_code}; is metrics.listen this server's?")
        return json.loads(body)
    except (requests.RequestException, OSError) as error:
        raise UnavailableError(
            f"nobody answers at {url}, which metrics.listen names; does the server run with these settings?"
        ) from error
    except (ValueError, RecursionError) as error:
        raise UnavailableError(f"{url} answers with no JSON; is metrics.listen this server's?") from error


def understood(place: str, said: Any) -> ServerState:
    """The answer, checked.  Raises UnavailableError."""
    from circuits.errors import UnavailableError

    try:
        return ServerState.model_validate(said)
    except ValidationError:
        raise UnavailableError(
            f"what answers at {place} is no server of this release; is metrics.listen this server's?"
        ) from None


def lines_of(state: ServerState) -> list[str]:
    """The state for people."""
    lines = [f"stuck: {', '.join(map(_short, state.stuck))}"] if state.stuck else []
    if state.leads is not None:
        lines.append("it leads" if state.leads else _short(state.standby) or "it stands by")
    lines += [_of_chain(_short(name), chain) for name, chain in state.chain.items()]
    lines.append(f"disk: {state.disk.free_bytes:,} of {state.disk.size_bytes:,} bytes are free")
    if state.pending_transactions is not None:
        since = f", for {state.pending_seconds:.0f} s" if state.pending_transactions else ""
        lines.append(f"transactions under way: {state.pending_transactions}{since}; work waiting: {state.work_waiting}")
    lines += _of_steps(state)
    if state.rounds is None:
        return lines
    if state.uploads is not None:
        lines.append(f"owners' uploads here: {state.uploads}, {state.upload_bytes:,} bytes")
    if state.silent_provers:
        lines.append(f"provers that did not answer: {state.silent_provers}")
    last = state.last_batch
    lines.append(
        "no batch was accepted since the start" if last is None else
        f"last batch accepted: {_short(last.batch)} with {last.owners} owners, {utc(int(last.at))}"
    )  # fmt: skip
    fees = f"; {state.rounds_with_open_fees} have fees to settle" if state.rounds_with_open_fees else ""
    lines.append(f"rounds under way: {len(state.rounds)}{fees}")
    return [*lines, *(line for one in state.rounds for line in _of_round(one))]


def _of_steps(state: ServerState) -> list[str]:
    lines = []
    if state.step_under_way_seconds:
        lines.append(f"a step is under way for {state.step_under_way_seconds:.0f} s")
    if state.last_step is not None:
        lines.append(f"last step answered: {_short(state.last_step.step)}, {utc(int(state.last_step.at))}")
    if state.shares_overdue_seconds:
        from circuits.terms import DAY

        days = state.shares_overdue_seconds / DAY
        lines.append(f"shares are kept for {days:.1f} days beyond their round, as too few nodes say that it is over")
    return lines


def _of_round(one: _Round) -> list[str]:
    counts = f"{one.pending} pending, {one.proving} proving, {one.proven} proven, {one.accepted} accepted"
    where = f"task {_short(one.task)} round {one.round}"
    lines = [f"  {where}: {_short(one.phase)}, moved {one.unmoved_seconds} s ago; {counts}"]
    if one.waits:
        lines.append(f"    waits: {_short(one.waits)}")
    if one.trouble:
        lines.append(f"    last trouble: {_short(one.trouble)}")
    return lines


def _of_chain(name: str, chain: _Chain) -> str:
    if chain.silent_since is not None:
        return f"{name}: cannot be asked since {utc(int(chain.silent_since))}"
    if chain.block is None or chain.head_age is None:
        return f"{name}: not looked at yet"
    aside = f"; {chain.set_aside} of {chain.nodes} nodes set aside" if chain.set_aside else ""
    money = f"; the account has {ETH.shown(chain.balance_wei)}" if chain.balance_wei is not None else ""
    ahead = chain.clock_ahead or 0.0
    behind = f"; this machine's clock is {ahead:.0f} s behind" if ahead > CLOCK_SKEW else ""
    return f"{name}: block {chain.block}, {chain.head_age:.0f} s old{aside}{behind}{money}"


def _short(text: str) -> str:
    return printable(text, _WIDTH)


def _reached(listen: str) -> str:
    from commons.settings.hosts import join_address, reached_here
    from commons.settings.values import split_address

    host, port = split_address(listen, "metrics.listen")
    return join_address(reached_here(host), port)
