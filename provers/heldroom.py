"""How much of a prover's disk each bounty or bundle, and each account that they are of, may have.

A bounty has room for all of it before the first file comes, or none.  Otherwise others could fill the disk between its
draws: its tests would find no room, and its owner would pay compensations, to whoever filled it.

What is of one account has no more than it leaves free, so no account keeps the others out, and k accounts of one person
leave 2^-k of all.  It is the rule of ``commons.wire.pools.Places`` and of owners' shares.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from circuits.errors import FullError


@dataclass(frozen=True, slots=True)
class Wording:
    """How what is kept is called.

    Attributes:
        one, all: a bounty, bounties.
        whose: whose account it is.
        setting: that bounds the bytes of all.
    """

    one: str
    all: str
    whose: str
    setting: str


@dataclass(slots=True)
class Share:
    """Of one bounty or bundle.

    Attributes:
        owners: 20-byte addresses of all whose it is; none where they are not known.
        room: bytes that are kept for it.
        held: bytes of it that are here.
        coming: bytes of files that come just now.
    """

    owners: tuple[bytes, ...]
    room: int
    held: int = 0
    coming: int = 0

    @property
    def charged(self) -> int:
        """Bytes that nobody else can have."""
        return max(self.room, self.held + self.coming)


class Shares:
    """All of them; not thread-safe.

    Args:
        most: bytes of all of them.
        shares: those that are here at the start.
        wording: for refusals.
    """

    def __init__(self, most: int, shares: Mapping[bytes, Share], wording: Wording) -> None:
        self._most, self._shares, self._wording = most, dict(shares), wording

    @property
    def held(self) -> int:
        """Bytes that are here."""
        return sum(share.held for share in self._shares.values())

    @property
    def charged(self) -> int:
        """Bytes that are here, or kept."""
        return sum(share.charged for share in self._shares.values())

    def admits(self, name: bytes, owners: tuple[bytes, ...], room: int) -> bool:
        """Whether one is still to be admitted.  Raises FullError where there is no room for it."""
        known = self._shares.get(name)
        if known is not None and (known.owners, known.room) == (owners, room):
            return False
        others = [share for other, share in self._shares.items() if other != name]
        need = max(room, known.charged if known else 0)
        left = self._most - need - sum(share.charged for share in others)
        if left < 0:
            raise self._used_up()
        for owner in owners:
            if need + sum(share.charged for share in others if owner in share.owners) > left:
                raise FullError(
                    f"the {self._wording.all} of this {self._wording.whose} may have as much room as they leave free "
                    f"here; {self._cure}"
                )
        return True

    def admit(self, name: bytes, owners: tuple[bytes, ...], room: int) -> None:
        """Keep its room."""
        known = self._shares.get(name, Share(owners, room))
        self._shares[name] = Share(owners, room, known.held, known.coming)

    def reserve(self, name: bytes, size: int) -> None:
        """Have a file come.  Raises FullError where it is beyond the room that is kept, and none is free."""
        share = self._shares[name]
        before = share.charged
        share.coming += size
        if share.charged > before and self.charged > self._most:
            share.coming -= size
            raise self._used_up()

    def comes(self, name: bytes) -> bool:
        """Whether a file of it comes just now."""
        return name in self._shares and self._shares[name].coming > 0

    def release(self, name: bytes, size: int) -> None:
        """A file has come, or does not."""
        if name in self._shares:
            share = self._shares[name]
            share.coming = max(share.coming - size, 0)  # it may have been deleted, and begun anew, meanwhile

    def count(self, name: bytes, held: int | None) -> None:
        """So many bytes are here; None where it was deleted."""
        if held is None:
            self._shares.pop(name, None)
        elif name in self._shares:
            self._shares[name].held = held
        else:
            self._shares[name] = Share((), 0, held)

    def _used_up(self) -> FullError:
        return FullError(f"this prover's room for {self._wording.all} is used up; {self._cure}")

    @property
    def _cure(self) -> str:
        return f"try again when others are over, or ask its operator to raise {self._wording.setting}"
