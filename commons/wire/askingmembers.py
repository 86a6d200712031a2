"""Members of a committee, asked all at once: one that is silent, or slow on purpose, delays nobody."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from typing import Generic, TypeVar

from circuits.errors import BusyError, ChainError, GradrollError, NotReadyError, UnavailableError
from commons.chain.facts import CommitteeRecord
from commons.protocol.signing import require_signer
from commons.wire.prover_client import ProverClient

_TRIES = 3
"""Members whose nodes are a little behind say so, and know more in some seconds."""
T = TypeVar("T")
Answer = tuple[int, T | GradrollError]
"""A member's index, with what it said or why it says nothing."""
_LATER = (NotReadyError, UnavailableError, BusyError, ChainError)
"""What a member may say whose node is a little behind, or that is not reached just now."""


class Asking(Generic[T]):
    """One question to several members.

    Args:
        connect: makes a client for an endpoint.
        ask: the question; called in a thread of each member.
        pause: seconds between two tries of a member that is not ready.
        tries: how often one is asked.
    """

    def __init__(
        self,
        connect: Callable[[str], ProverClient],
        ask: Callable[[int, ProverClient], T],
        pause: float,
        tries: int = _TRIES,
    ) -> None:
        self._connect, self._ask, self._tries, self._pause = connect, ask, tries, pause
        self._answers = queue.SimpleQueue[Answer[T]]()
        self._clients = dict[int, ProverClient]()
        self._lock, self._ended = threading.Lock(), threading.Event()

    def answers(self, endpoints: Mapping[int, str], within: float) -> Generator[Answer[T]]:
        """What members say, as it comes; who does not answer in time has UnavailableError.

        Close it when enough is known: those that are still asked are then left alone.

        Args:
            endpoints: by the members' indices.
            within: seconds for all of them together.
        """
        until = time.monotonic() + within
        threads = [
            threading.Thread(target=self._tell, args=member, daemon=True, name=f"asking-{member[0]}")
            for member in endpoints.items()
        ]
        missing = set(endpoints)
        try:
            for thread in threads:
                thread.start()
            while missing:
                try:
                    answer = self._answers.get(timeout=max(until - time.monotonic(), 0))
                except queue.Empty:
                    break
                missing.discard(answer[0])
                yield answer
            late = UnavailableError(f"it did not answer in the {within:.0f} seconds that there were for all members")
            yield from ((member, late) for member in sorted(missing))
        finally:
            self._end()

    def _tell(self, member: int, endpoint: str) -> None:
        try:
            self._answers.put((member, self._asked(member, endpoint)))
        except GradrollError as error:
            self._answers.put((member, error))
        except Exception as error:  # else its thread would end in silence, and all would wait for it
            wrong = GradrollError(f"it could not be asked ({type(error).__name__}: {error})")
            self._answers.put((member, wrong))

    def _asked(self, member: int, endpoint: str) -> T:
        for left in range(self._tries - 1, -1, -1):
            try:
                with closing(self._opened(member, endpoint)) as client:
                    return self._ask(member, client)
            except _LATER:
                if not left or self._ended.wait(self._pause):
                    raise
        raise AssertionError("a question is asked once at least")

    def _opened(self, member: int, endpoint: str) -> ProverClient:
        """A client that ``_end`` closes; none once that was called."""
        with self._lock:
            if self._ended.is_set():
                raise UnavailableError("enough members have answered")
            client = self._clients[member] = self._connect(endpoint)
            return client

    def _end(self) -> None:
        """Leave all alone that are still asked: their calls end."""
        with self._lock:
            self._ended.set()
            clients = list(self._clients.values())
        for client in clients:
            client.close()


def quorum_receipts(
    record: CommitteeRecord,
    digest: bytes,
    ask: Callable[[ProverClient], bytes],
    connect: Callable[[str], ProverClient],
    within: float,
    pause: float,
) -> list[tuple[int, bytes]]:
    """A quorum's signatures of a digest, 65 bytes each, ascending by member: as many as a contract asks for.

    Args:
        ask: has a member check, and sign.
        connect: makes a client for an endpoint.
        within: seconds for all members together.
        pause: as of ``Asking``.

    Raises:
        UnavailableError: too few give one; with what each of the others says.
    """
    committee, receipts, refusals = record.committee, dict[int, bytes](), dict[int, GradrollError]()

    def signed(member: int, client: ProverClient) -> bytes:
        receipt = ask(client)
        require_signer(digest, receipt, committee.members[member], "the receipt")
        return receipt

    endpoints = dict(enumerate(record.endpoints))
    with closing(Asking(connect, signed, pause).answers(endpoints, within)) as answers:
        for member, found in answers:
            if isinstance(found, GradrollError):
                refusals[member] = found
                continue
            receipts[member] = found
            if len(receipts) == committee.quorum:
                return sorted(receipts.items())
    raise UnavailableError(
        f"{len(receipts)} of {committee.quorum} members that are needed gave a receipt; run the command again when "
        f"others do: {in_words(refusals)}"
    )


def in_words(refusals: Mapping[int, GradrollError]) -> str:
    """Why members gave nothing."""
    return "; ".join(f"member {member}: {error}" for member, error in sorted(refusals.items()))
