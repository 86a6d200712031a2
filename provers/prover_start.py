"""What a prover looks at before it serves: what it cannot do without, and what would be trouble later.

A prover whose files are wrong does not start: in a round it would look as if one of the provers lied.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from circuits.errors import ChainError
from circuits.statement import Membership
from circuits.terms import DAY, MarketId
from commons.chain.facts import CommitteeRecord, TaskRecord
from commons.chain.lookout import open_tasks, warn_of_clock, warn_of_depth, warn_unserved
from commons.runtime.clock import Clock
from commons.settings.sections import ProverSettings
from commons.sharing.sharepayloads import scalar_bytes
from commons.storage.diskspace import warn_if_full
from commons.storage.marketbinding import bind
from commons.storage.parameters import PublicParameters
from provers.joining.keystore import Keystore
from provers.prover import Prover

_log = logging.getLogger(__name__)


def require_files(parameters: PublicParameters) -> None:
    """Refuse a reference string or a key directory that no task can be worked on with.

    Raises:
        KeyFileError: the string or the directory cannot be read, or the string is not what it says.
        KeyMismatchError: no proving key is sound and of this string.
        InsecureSetupError: the string is a development one, and development mode is off.
    """
    _ = parameters.srs
    parameters.require_proving_keys()


def bind_state(own: ProverSettings, market: MarketId) -> None:
    """Refuse a state directory of another deployment of the market.  Raises StorageError."""
    bind(
        own.state, market,
        "give this prover another directory (prover.state); its keystore stays. Keep the old one as long as the "
        "old chain may come back: its ledger says what must never be done twice there",
    )  # fmt: skip


def look_around(prover: Prover, own: ProverSettings, endpoint: str, keystore: Keystore, clock: Clock) -> None:
    """Say in the log what will be trouble: tasks that cannot be worked for, registration, clock, disk, retention.

    Args:
        endpoint: what the registry should have, with the pin of this server's key.
    """

    def concerns(task: TaskRecord) -> bool:
        return task.terms.committee_id == own.committee

    tasks = warn_unserved(open_tasks(prover.chain, concerns, clock), prover.require_served)
    try:
        _warn_of_registration(prover.chain.committee_record(own.committee), prover.membership, endpoint, keystore)
        warn_of_clock(prover.chain, clock, own.clock_skew)
        warn_of_depth(prover.chain, own.confirmations)
    except ChainError as error:
        _log.warning("event=chain-trouble reason=%r", str(error))
    warn_if_full(own.state, max(map(_bytes_of_round, tasks), default=0))
    _warn_of_retention(tasks, own)
    _warn_of_former_keys(tasks, own)


def _warn_of_retention(tasks: Iterable[TaskRecord], own: ProverSettings) -> None:
    """Fees are for sums that are still served when they are settled."""
    settled = (task.terms.windows.fees_settled for task in tasks if task.terms.pay.fees)
    needed = -(-max(settled, default=0) // DAY)
    if own.retention_days < needed:
        _log.warning(
            "event=retention-short days=%d needed=%d advice='raise prover.retention_days'", own.retention_days, needed
        )


def _warn_of_former_keys(tasks: Iterable[TaskRecord], own: ProverSettings) -> None:
    """Keys that members or this prover had before are destroyed after so many days, whether a round is open or not."""
    windows = (task.terms.windows for task in tasks)
    needed = -(-max((each.submit + each.settle for each in windows), default=0) // DAY)
    if own.former_keys_days < needed:
        _log.warning(
            "event=former-keys-short days=%d needed=%d advice='raise prover.former_keys_days'",
            own.former_keys_days, needed,
        )  # fmt: skip


def _bytes_of_round(task: TaskRecord) -> int:
    """What the shares of a round take on disk in which all owners that are registered submit."""
    return task.active_owners * scalar_bytes(task.terms.dimension)


def _warn_of_registration(
    record: CommitteeRecord, membership: Membership, own_endpoint: str, keystore: Keystore
) -> None:
    """Owners seal to the registered key and send to the registered endpoint, whatever this prover's settings say."""
    endpoint, key = record.endpoints[membership.index], record.hpke_keys[membership.index]
    if not endpoint:
        _log.warning("event=not-joined advice='run gradroll prover join'")
    elif (endpoint, key) != (own_endpoint, keystore.hpke_public):
        _log.warning(
            "event=registered-otherwise endpoint=%r own_endpoint=%r same_sealing_key=%s "
            "advice='run gradroll prover join again'",
            endpoint, own_endpoint, key == keystore.hpke_public,
        )  # fmt: skip
