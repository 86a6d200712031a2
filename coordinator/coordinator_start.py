"""What a coordinator looks at before it serves: what it cannot do without, and what would be trouble later.

A coordinator whose files are wrong does not start: in a round it would look as if one of the provers lied.
"""

from __future__ import annotations

import logging
from functools import partial

from circuits.errors import ChainError, ConfigError, ContractError, StorageError, UnknownError
from circuits.statement import SubmissionHeader
from circuits.terms import MarketId
from commons.chain.facts import TaskRecord
from commons.chain.lookout import open_tasks, warn_of_clock, warn_of_depth, warn_unserved
from commons.chain.ports import MarketReader
from commons.chain.serving import require_served
from commons.chain.view import ChainView
from commons.runtime.clock import Clock
from commons.settings.sections import CoordinatorSettings
from commons.storage.diskspace import warn_if_full
from commons.storage.marketbinding import bind
from commons.storage.parameters import PublicParameters
from commons.storage.redisplace import is_redis
from coordinator.events import MarketNamed
from coordinator.journal import Journal

_log = logging.getLogger(__name__)
_ROUNDS = 10
"""So many of the log's first and of its last rounds are compared with the chain.  A reorganisation may have taken some
of them back, and strangers' tasks name this coordinator too, with verifiers whose answers they may change."""
_CURE = (
    "give this coordinator another state directory and another event log (coordinator.state, coordinator.log); keep "
    "the old ones as long as the old chain may come back"
)
_BATCH_GAS = 1_500_000
"""Units of gas that an account should be able to pay: those of a large batch."""


def require_files(parameters: PublicParameters) -> None:
    """Refuse a reference string or a key directory that no task can be worked on with.

    Raises:
        KeyFileError: the string or the directory cannot be read, or the string is not what it says.
        KeyMismatchError: no verifying key is sound and of this string.
        InsecureSetupError: the string is a development one, and development mode is off.
    """
    _ = parameters.srs
    parameters.require_verifying_keys()


def require_places(own: CoordinatorSettings) -> None:
    """Refuse a folder that others share beside a log that nobody shares.  Raises ConfigError."""
    if own.shared is not None and not is_redis(own.log):
        raise ConfigError(
            "coordinator.shared is for coordinators that share a log in Redis: name one in coordinator.log, or leave "
            "coordinator.shared out"
        )


def bind_state(own: CoordinatorSettings, market: MarketId) -> None:
    """Refuse a state directory, or a shared one, of another deployment of the market.  Raises StorageError."""
    for directory in filter(None, (own.state, own.shared)):
        bind(directory, market, _CURE)


def require_own_log(journal: Journal, chain: MarketReader) -> None:
    """Refuse an event log of another deployment of the market, whatever directory it is used with.

    A log says itself to which deployment it belongs, so that nothing else has to stay in it; one that does not say it
    yet is looked at, and then says it.

    Raises:
        StorageError: it belongs to another one; or it cannot be written.
        ChainError: the chain knows none of the rounds in the log, or the node cannot be asked.
    """
    market = chain.market_id
    with journal.reading() as state:
        named = state.market
    if named is not None and named != market:
        raise _foreign(market)
    if named is None and _is_own(journal, chain):
        journal.record(MarketNamed(market.chain_id, market.address, market.deployment))


def _is_own(journal: Journal, chain: MarketReader) -> bool:
    """Whether a log has no submission, or one of this deployment; False where nothing tells.

    Owners sign to the deployment, so the log's submissions tell: of one deployment they have the digests that the log
    calls them by.

    Raises:
        StorageError: none of the rounds that the chain knows has a submission of this deployment.
        ChainError: as ``require_own_log``.
    """
    with journal.reading() as state:
        last = [round_.submissions[-1] for round_ in state.rounds.values() if round_.submissions]
        chosen = last[:_ROUNDS] + last[_ROUNDS:][-_ROUNDS:]
        headers = {submission: state.submissions[submission].header for submission in reversed(chosen)}
    told: list[bool | None] = []
    trouble: ChainError | None = None
    for submission, header in headers.items():
        try:
            fits = _fits(chain, header, submission)
        except ContractError:  # its task's verifier refuses: its model owner's matter
            continue
        except ChainError as error:  # perhaps that too, or the node is silent
            trouble = error
            continue
        if fits:
            return True
        told.append(fits)
    if trouble is not None:
        raise trouble
    if False in told:
        raise _foreign(chain.market_id)
    if told:
        raise ChainError(
            f"the node knows none of the rounds in the event log: it lags behind, or chain {chain.chain_id} was reset. "
            f"Wait for the node; else: {_CURE}"
        )
    return not headers


def _foreign(market: MarketId) -> StorageError:
    return StorageError(
        f"the event log belongs to another deployment of the market 0x{market.address.hex()} than "
        f"0x{market.deployment.hex()}, which the node shows on chain {market.chain_id}: another chain, or one that "
        f"was reset; {_CURE}"
    )


def _fits(chain: MarketReader, header: SubmissionHeader, submission: bytes) -> bool | None:
    """Whether a submission is of this deployment, None where the chain does not know its round."""
    try:
        return header.digest(chain.context(header.task_id, header.round)) == submission
    except UnknownError:
        return None


def look_around(
    view: ChainView, address: bytes, parameters: PublicParameters, own: CoordinatorSettings, clock: Clock
) -> None:
    """Say in the log what will be trouble: open tasks that cannot be worked for, money for fees, clock, disk."""

    def concerns(task: TaskRecord) -> bool:
        return task.coordinator == address

    require = partial(require_served, view, parameters, parameters.verifying_key)
    tasks = warn_unserved(open_tasks(view, concerns, clock), require)
    if not tasks:
        _log.info("event=no-open-task coordinator=0x%s advice='tasks name it as their relay'", address.hex())
    try:
        _warn_of_fees(view, address)
        warn_of_clock(view, clock, own.clock_skew)
        warn_of_depth(view, own.confirmations)
    except ChainError as error:
        _log.warning("event=chain-trouble reason=%r", str(error))
    warn_if_full(own.state, 0)


def _warn_of_fees(view: ChainView, address: bytes) -> None:
    balance, needed = view.balance(address), _BATCH_GAS * view.gas_price()
    if balance < needed:
        _log.warning(
            "event=little-money account=0x%s balance_wei=%d a_batch_costs_wei=%d advice='send it some'",
            address.hex(), balance, needed,
        )  # fmt: skip
