"""When keys that a prover had before open nothing any more that somebody waits for: they are destroyed.

What was recorded on the way to a prover stays closed only if its sealing key is nowhere.  So the key, and the shared
keys of former members, last as long as a round that was opened with them may take shares or batches, though no more
than `prover.former_keys_days` after it was opened, and no longer.
Most nodes of each reader have to say so, at the depth at which this prover believes the chain: keys that are gone too
early are shares that are lost.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial

from circuits.errors import GradrollError
from commons.chain.ports import MarketReader
from commons.runtime.amounts import checksum
from commons.runtime.clock import Clock
from commons.runtime.seldom import Seldom
from commons.settings.sections import ProverSettings
from provers.formerrounds import Answer, FormerRounds
from provers.formers import Formers
from provers.joining.keystore import Keystore
from provers.seats import Seat, Seats, record_of

_EVERY = 3600.0
"""Seconds between looks."""
_log = logging.getLogger(__name__)


class KeyRetirement:
    """Leaves former seats of a prover when their rounds are over, and destroys their keys.

    Args:
        readers: the market through each node, all of which must say so.
        others: keys that the prover had before its present ones.
        formers: lists of members with whom this state was ever used: of other keys it cannot say that they are idle.
    """

    def __init__(
        self,
        readers: Sequence[MarketReader],
        seats: Seats,
        others: Sequence[Keystore],
        formers: Formers,
        settings: ProverSettings,
        clock: Clock,
    ) -> None:
        self._readers, self._seats = tuple(readers), seats
        self._others, self._formers, self._settings = tuple(others), formers, settings
        self._clock = clock
        self._since, self._next = int(clock.time()), clock.monotonic()
        self._rounds: dict[bytes, FormerRounds] = {}
        self._seldom = Seldom(_log)

    def turn(self, now: int) -> None:
        """Destroy what nothing is opened with any more.

        Args:
            now: this machine's time, seconds since 1970.

        Raises:
            StorageError: something could not be destroyed; the next turn tries again.
        """
        if self._clock.monotonic() < self._next or not (self._seats.former or self._idle()):
            return
        self._next = self._clock.monotonic() + _EVERY
        for seat in self._seats.former:
            if self._is_left(seat, now):
                self._leave(seat)
        if self._idle() and self._say_all(self._is_deep, b""):
            for keys in self._idle():
                self._destroy(keys)

    def _leave(self, seat: Seat) -> None:
        keys, reference = seat.keystore, seat.reference
        keys.servings.end(reference, self._readers[0].market_id)
        if others := keys.servings.others(reference):
            self._tell_kept(keys, others)
        else:
            keys.forget_shared(reference)
        self._seats.leave(seat)  # after that: what could not be destroyed is tried again
        _log.info("event=former-members-left reference=0x%s", reference.hex()[:16])

    def _destroy(self, keys: Keystore) -> None:
        """Destroy a sealing key, unless it may be another prover's, or was that of a state that is lost."""
        if not any(one.committee.members[one.index] == keys.address for one in self._formers.known):
            self._tell_kept(keys, ["a state directory that is not this one"])
        elif others := [*keys.servings.others(), *(f"members 0x{each.hex()[:16]}" for each in keys.unforgotten())]:
            self._tell_kept(keys, others)
        else:
            keys.destroy_sealing_key()
            _log.info("event=sealing-key-destroyed address=%s", checksum(keys.address))

    def _tell_kept(self, keys: Keystore, users: Sequence[str]) -> None:
        self._seldom.say(
            logging.WARNING, keys.address,
            "event=keys-kept address=%s used_by=%r advice='when nothing of that is open any more: stop the prover, "
            "gradroll prover rotate-keys --now --force'",
            checksum(keys.address), "; ".join(users),
        )  # fmt: skip

    def _idle(self) -> list[Keystore]:
        """Former keys that no seat uses and that are still here."""
        used = [seat.keystore.address for seat in self._seats.all]
        return [keys for keys in self._others if keys.opens_shares and keys.address not in used]

    def _is_left(self, seat: Seat, now: int) -> bool:
        """Whether nodes show that a former list's members were replaced for good, and all their rounds are over."""
        former, reference = seat.membership.committee, seat.reference
        if not self._say_all(partial(self._is_replaced, seat), reference):
            return False
        rounds = self._rounds.setdefault(
            reference, FormerRounds(former, self._readers, self._settings, self._clock)
        )  # fmt: skip
        try:
            answer = rounds.look(now)
        except GradrollError as error:  # nodes that are silent, or differ, destroy nothing
            self._tell_silent(reference, error)
            return False
        if answer is Answer.UNFINISHED:
            self._next = self._clock.monotonic()
        return answer is Answer.OVER

    def _say_all(self, ask: Callable[[MarketReader], bool], about: bytes) -> bool:
        """Whether most nodes of each reader say something."""
        try:
            return all(reader.most(partial(ask, reader)) for reader in self._readers)
        except GradrollError as error:
            self._tell_silent(about, error)
            return False

    def _tell_silent(self, about: bytes, error: GradrollError) -> None:
        self._seldom.say(logging.WARNING, about, "event=keys-kept reason=%r", str(error))

    def _is_deep(self, reader: MarketReader) -> bool:
        """Whether the chain that this prover believes has come to what it was started with: its keys are in force."""
        return reader.block(self._settings.confirmations).timestamp > self._since

    def _is_replaced(self, seat: Seat, reader: MarketReader) -> bool:
        """Whether a node shows that a list of members was in force, and is not any more.

        One that it does not know may still come, when a node showed a change too early or blocks were replaced: not
        with a key of this prover's that it has replaced, as each sits once.
        """
        former = seat.membership.committee
        if not self._is_deep(reader) or reader.committee(former.committee_id) == former:
            return False
        return seat.keystore is not self._seats.present.keystore or record_of(reader, former) is not None
