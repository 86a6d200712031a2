"""The provers of one committee, asked together: each answer or failure is taken on its own."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor, wait
from contextvars import copy_context
from typing import Protocol, TypeVar

from circuits.errors import GradrollError, UnavailableError
from circuits.statement import Committee
from commons.chain.counting import Counting
from commons.chain.ports import MarketReader
from commons.protocol.bundle import AuditBundle, Certificate
from commons.protocol.keypackages import CommitteeReference, KeyConfirmation, KeyPackage
from commons.protocol.messages import StepReply, StepRequest
from commons.protocol.receipts import AvailabilityReceipt
from commons.protocol.replies import Failure
from commons.protocol.status import ProverStatus
from commons.protocol.streamheads import ShareHead
from commons.runtime.clock import Clock
from commons.runtime.identifiers import shown
from commons.runtime.logcontext import about
from commons.runtime.memo import Memo
from commons.runtime.pieces import progressed
from commons.sharing.sealedbodies import Chunks

V = TypeVar("V")
_PAUSE = 0.5
_KEYS_AGAIN = 600.0
"""Seconds between tries to give the shared keys to a member without them, while a quorum has them."""
_LOOK = 5.0
"""Seconds between looks at the members' endpoints while shares are handed over, one call each."""
_SILENCE = 900.0
"""Seconds after which it says nothing any more that a prover was silent: nobody works with its committee."""
_log = logging.getLogger(__name__)


class Connection(Protocol):
    """A connection to one prover; see ``commons.wire.prover_client.ProverClient``."""

    @property
    def endpoint(self) -> str:
        """Where it goes."""

    def close(self) -> None:
        """End it."""

    def status(self, timeout: float | None = None, reference: bytes = b"") -> ProverStatus:
        """What the prover says of itself, as one of the members that a digest names."""

    def run(self, request: StepRequest, dimension: int, timeout: float | None = None) -> StepReply:
        """Have one step run."""

    def deal_keys(self, committee_id: int, reference: bytes = b"") -> tuple[KeyPackage, ...]:
        """Have the shared keys dealt that the prover leads, among the members that a digest names."""

    def accept_keys(self, committee_id: int, packages: Sequence[KeyPackage], reference: bytes = b"") -> KeyConfirmation:
        """Hand over the other dealers' keys."""

    def confirm_keys(self, committee_id: int, confirmations: Sequence[KeyConfirmation], reference: bytes = b"") -> None:
        """Hand over what the other members hold."""

    def certificate(self, batch_id: bytes, timeout: float | None = None) -> Certificate:
        """The certificate of a batch, with the attestations that the prover knows."""

    def audit_bundle(self, batch_id: bytes, dimension: int, timeout: float | None = None) -> AuditBundle:
        """All opened values of a batch that the prover attested."""

    def availability(self, batch_id: bytes, payload: bytes = b"", timeout: float | None = None) -> AvailabilityReceipt:
        """The prover's word that a batch's sum is to be had."""

    def submit_shares(self, head: ShareHead, body: Chunks, submission: bytes) -> bytes:
        """Hand the prover its share of a submission; the signature of its receipt."""


Connect = Callable[[str], Connection]
"""Opens a connection to an endpoint."""


class Fleet:
    """Connections to a committee's members of one epoch, at the endpoints that the registry names at the time.

    Args:
        pool: where provers are asked at the same time.
        status_timeout: seconds that a prover has to say that it is there, and to come back when a connection broke.
    """

    def __init__(
        self,
        view: MarketReader,
        committee_id: int,
        epoch: int,
        connect: Connect,
        clock: Clock,
        pool: Executor,
        *,
        status_timeout: float,
    ) -> None:
        self._view = view
        self._committee_id = committee_id
        self._epoch = epoch
        self._connect_to = connect
        self._clock = clock
        self._pool = pool
        self._status_timeout = status_timeout
        self._keys_again = 0.0
        self._silent: tuple[float, frozenset[int]] = (clock.monotonic(), frozenset())
        self._looked = -math.inf
        self._clients: dict[int, Connection] = {}
        self._connecting = threading.Lock()  # rounds of several threads share the connections

    @property
    def committee(self) -> Committee:
        """The committee."""
        return self._view.committee(self._committee_id, self._epoch)

    @property
    def reference(self) -> bytes:
        """Digest that names its members to provers, which may be members of other epochs as well."""
        return CommitteeReference(self._view.chain_id, self._view.registry, self.committee).digest

    @property
    def present(self) -> tuple[bytes, ...]:
        """Addresses of the committee's members by now."""
        return self._view.committee(self._committee_id).members

    def close(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            client.close()

    def silent(self) -> frozenset[int]:
        """Provers that did not answer, as who they should be, when all were last asked; none if that was long ago."""
        asked, silent = self._silent
        return silent if self._clock.monotonic() - asked <= _SILENCE else frozenset()

    def reachable(self) -> frozenset[int]:
        """Provers that answer as who they should be, or have another key by now: they release earlier sums as well."""
        self._connect_all()
        return frozenset(self._statuses())

    def ready_provers(self) -> frozenset[int]:
        """Provers that answer as who they should be, with confirmed shared keys; sets the keys up at first use.

        Members whose key was revoked are left out: with their attestations alone a batch would lack a quorum.

        Raises:
            UnavailableError: the keys are not set up, and not all members can be reached to do it.
        """
        self._connect_all()
        counting = Counting.of(self._view, self.committee)
        members = counting.committee.members
        statuses = {p: status for p, status in self._statuses().items() if status.address == members[p]}
        ready = frozenset(p for p, status in statuses.items() if status.keys_ready)
        if len(ready) < counting.committee.quorum and not (ready and len(ready) == len(statuses)):
            self._set_keys_up(statuses)
            ready = frozenset(statuses)
        elif len(ready) < len(statuses) == counting.committee.size and self._completes_keys(statuses):
            ready = frozenset(statuses)
        return frozenset(filter(counting.counts, ready))

    def ask(
        self,
        requests: Mapping[int, StepRequest],
        dimension: int,
        timeout: float,
        answered: Callable[[int], None] = lambda _: None,
    ) -> dict[int, StepReply | Failure]:
        """Send a step's requests at once; every prover has ``timeout`` seconds.

        Args:
            answered: told of each prover as soon as there is an answer, or none to be had.
        """
        deadline = self._clock.monotonic() + timeout

        def one(prover: int) -> StepReply | Failure:
            with about(prover=prover):
                reply = self._one(prover, requests[prover], dimension, deadline)
            answered(prover)
            return reply

        return self._each(requests, one)

    def hand_over(self, prover: int, head: ShareHead, body: Chunks, submission: bytes) -> bytes:
        """Hand a prover its share of a submission; returns the signature of its receipt, which is to be checked.

        Raises:
            UnavailableError: it does not answer, or nothing is known of where it is.
        """
        if self._clock.monotonic() - self._looked > _LOOK:
            self._connect_all()
        client = self._clients.get(prover)
        if client is None:
            raise UnavailableError(f"prover {prover} has no endpoint that could be called")
        try:
            return client.submit_shares(head, body, submission)
        except UnavailableError:
            self._looked = -math.inf  # it may have moved
            raise

    def ask_one(self, prover: int, request: StepRequest, dimension: int, timeout: float) -> StepReply | Failure:
        """Send a request to one prover, whoever else is asked meanwhile."""
        return self._one(prover, request, dimension, self._clock.monotonic() + timeout)

    def certificates(self, batch_id: bytes, timeout: float) -> dict[int, Certificate]:
        """What those that attested a batch have of its certificate; every prover has ``timeout`` seconds."""
        self._connect_all()
        return self._gathered(self._clients, lambda one: one.certificate(batch_id, timeout))

    def availability(
        self, batch_id: bytes, payload: bytes, timeout: float, provers: Iterable[int]
    ) -> dict[int, AvailabilityReceipt]:
        """Who of those says that a batch's sum is to be had; every prover has ``timeout`` seconds.

        Args:
            payload: the encoded aggregate where it is to be posted.
        """
        self._connect_all()
        asked = self._clients.keys() & set(provers)
        return self._gathered(asked, lambda one: one.availability(batch_id, payload, timeout))

    def audit_bundles(
        self, provers: Iterable[int], batch_id: bytes, dimension: int, timeout: float
    ) -> dict[int, AuditBundle]:
        """The audit bundles that those give, asked at the same time; every prover has ``timeout`` seconds."""
        return self._gathered(provers, lambda one: one.audit_bundle(batch_id, dimension, timeout))

    def _gathered(self, provers: Iterable[int], ask: Callable[[Connection], V]) -> dict[int, V]:
        """What those give that give anything."""
        found = self._each(provers, lambda prover: self._read(prover, ask))
        return {prover: given for prover, given in found.items() if given is not None}

    def _read(self, prover: int, ask: Callable[[Connection], V]) -> V | None:
        try:
            return ask(self._clients[prover])
        except GradrollError as error:
            _log.info("event=prover-gives-nothing prover=%d code=%s reason=%r", prover, error.code, str(error))
        except Exception:  # as of a step
            _log.exception("event=prover-unforeseen prover=%d", prover)
        return None

    def _one(self, prover: int, request: StepRequest, dimension: int, deadline: float) -> StepReply | Failure:
        """A connection that breaks is tried again: provers answer a repeated request from memory.

        One that is restarted is back in seconds.  Who is not is given up: the others wait for this step.
        """
        back_by: float | None = None
        while True:
            try:
                left = max(deadline - self._clock.monotonic(), 0.01)
                return self._clients[prover].run(request, dimension, left)
            except UnavailableError as error:
                back_by = back_by or min(deadline, self._clock.monotonic() + self._status_timeout)
                if self._clock.monotonic() + _PAUSE >= back_by:
                    return Failure("unreachable", error.code, str(error))
                self._clock.sleep(_PAUSE)
            except GradrollError as error:
                _log.warning(
                    "event=prover-refused prover=%d step=%s code=%s reason=%r",
                    prover, request.step.name, error.code, str(error),
                )  # fmt: skip
                return Failure("refused", error.code, str(error))
            except Exception:  # whatever one prover makes a library raise is no trouble of the others
                _log.exception("event=prover-unforeseen prover=%d step=%s", prover, request.step.name)
                return Failure("refused", GradrollError.code, "its answer could not be read")

    def _connect_all(self) -> None:
        record, now = self._view.committee_record(self._committee_id, self._epoch), self._clock.monotonic()
        with self._connecting:
            self._looked = now
            for prover, endpoint in enumerate(record.endpoints):
                known = self._clients.get(prover)
                if known is not None and known.endpoint == endpoint:
                    continue
                client = self._client_at(prover, endpoint)
                if client is not None:
                    self._clients[prover] = client
                elif known is not None:
                    del self._clients[prover]
                if known is not None:
                    known.close()  # once there is another: rounds that ask meanwhile take what is there

    def _client_at(self, prover: int, endpoint: str) -> Connection | None:
        """None for a member without an address, or with one that is none: that is no trouble of the others."""
        try:
            return self._connect_to(endpoint) if endpoint else None
        except GradrollError as error:
            _log.warning("event=prover-unreachable prover=%d reason=%r", prover, str(error))
            return None

    def _statuses(self) -> dict[int, ProverStatus]:
        own, present, reference = self.committee.members, self.present, self.reference
        answers = self._each(
            self._clients, lambda prover: self._status(prover, (own[prover], present[prover]), reference)
        )
        found = {prover: status for prover, status in answers.items() if status is not None}
        self._silent = (self._clock.monotonic(), frozenset(range(len(own))) - found.keys())
        return found

    def _status(self, prover: int, addresses: tuple[bytes, ...], reference: bytes) -> ProverStatus | None:
        try:
            status = self._clients[prover].status(self._status_timeout, reference)
        except GradrollError as error:
            _log.warning("event=prover-unreachable prover=%d reason=%r", prover, str(error))
            return None
        except Exception:
            _log.exception("event=prover-unforeseen prover=%d", prover)
            return None
        expected = (prover, self._view.chain_id, self._view.market)
        if (status.prover, status.chain_id, status.market) != expected or status.address not in addresses:
            _log.warning("event=prover-mistaken prover=%d advice='its endpoint runs another prover'", prover)
            return None
        return status

    def _completes_keys(self, statuses: Mapping[int, ProverStatus]) -> bool:
        """Give the keys to a member that missed the end of their setup, of which every step may be repeated.

        The others do without it meanwhile, and it may only say that it has none, so it is tried now and then.
        """
        now = self._clock.monotonic()
        if now < self._keys_again:
            return False
        self._keys_again = now + _KEYS_AGAIN
        try:
            self._set_keys_up(statuses)
        except GradrollError as error:
            _log.warning("event=keys-incomplete code=%s reason=%r", error.code, str(error))
            return False
        return True

    def _set_keys_up(self, statuses: Mapping[int, ProverStatus]) -> None:
        missing = sorted(set(range(self.committee.size)) - statuses.keys())
        if missing:
            raise UnavailableError(
                f"the committee's shared keys are not set up, which needs all members; missing: provers {missing}"
            )
        number, reference = self._committee_id, self.reference
        everybody = range(self.committee.size)
        dealt = self._each(everybody, lambda prover: self._clients[prover].deal_keys(number, reference))
        mailbox: dict[int, list[KeyPackage]] = {prover: [] for prover in everybody}
        for package in (package for packages in dealt.values() for package in packages):
            mailbox.setdefault(package.recipient, []).append(package)
        words = self._each(
            everybody, lambda prover: self._clients[prover].accept_keys(number, mailbox[prover], reference)
        )
        confirmations = [words[prover] for prover in everybody]
        self._each(everybody, lambda prover: self._clients[prover].confirm_keys(number, confirmations, reference))
        _log.info("event=shared-keys-ready committee=%s", shown(number))

    def _each(self, provers: Iterable[int], ask: Callable[[int], V]) -> dict[int, V]:
        # Each thread has a copy of what the work is about, for the lines that it logs.
        futures = {prover: self._pool.submit(copy_context().run, ask, prover) for prover in list(provers)}
        wait(futures.values())  # also where one fails: nobody else's calls may have to wait for those left behind
        progressed()
        return {prover: future.result() for prover, future in futures.items()}


class Fleets:
    """The fleets of all committees, made when first asked for.

    Args:
        new: makes the fleet of a committee's members of an epoch.
    """

    def __init__(self, new: Callable[[int, int], Fleet]) -> None:
        self._new = new
        self._fleets = Memo[tuple[int, int], Fleet]()

    def of(self, committee_id: int, epoch: int) -> Fleet:
        """The fleet of a committee's members of an epoch."""
        return self._fleets.get((committee_id, epoch), lambda: self._new(committee_id, epoch))

    def silent(self) -> int:
        """How many provers did not answer when they were last asked for their status."""
        return sum(len(fleet.silent()) for fleet in self._fleets.values())

    def close(self) -> None:
        """Close all connections."""
        for fleet in self._fleets.values():
            fleet.close()
