"""How much of a prover's disk each bounty, and each owner of bounties, may have.

A bounty has room for all of it before the first file comes, or none.  Otherwise others could fill the disk between its
draws: its tests would find no room, and its owner would pay compensations, to whoever filled it.

One owner's bounties have no more than they leave free, so no owner keeps the others out, and k accounts of one owner
leave 2^-k of all.  It is the rule of ``commons.wire.pools.Places`` and of owners' shares.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from circuits.errors import FullError

_CURE = "try again when others are over, or ask its operator to raise prover.max_bounty_bytes"


@dataclass(slots=True)
class Share:
    """One bounty's.

    Attributes:
        owner: 20-byte address; empty where it is not known.
        room: bytes that are kept for it.
        held: bytes of it that are here.
        coming: bytes of files that come just now.
    """

    owner: bytes
    room: int
    held: int = 0
    coming: int = 0

    @property
    def charged(self) -> int:
        """Bytes that nobody else can have."""
        return max(self.room, self.held + self.coming)


class Shares:
    """The shares of all bounties; not thread-safe.

    Args:
        most: bytes of all of them.
        shares: those that are here at the start.
    """

    def __init__(self, most: int, shares: Mapping[bytes, Share]) -> None:
        self._most, self._shares = most, dict(shares)

    @property
    def held(self) -> int:
        """Bytes that are here."""
        return sum(share.held for share in self._shares.values())

    @property
    def charged(self) -> int:
        """Bytes that are here, or kept."""
        return sum(share.charged for share in self._shares.values())

    def admits(self, bounty: bytes, owner: bytes, room: int) -> bool:
        """Whether a bounty is still to be admitted.  Raises FullError where there is no room for it."""
        known = self._shares.get(bounty)
        if known is not None and (known.owner, known.room) == (owner, room):
            return False
        others = {name: share for name, share in self._shares.items() if name != bounty}
        need = max(room, known.charged if known else 0)
        left = self._most - need - sum(share.charged for share in others.values())
        if left < 0:
            raise FullError(f"this prover's room for bounties is used up; {_CURE}")
        if need + sum(share.charged for share in others.values() if share.owner == owner) > left:
            raise FullError(f"the bounties of this owner may have as much room as they leave free here; {_CURE}")
        return True

    def admit(self, bounty: bytes, owner: bytes, room: int) -> None:
        """Keep a bounty's room."""
        known = self._shares.get(bounty, Share(owner, room))
        self._shares[bounty] = Share(owner, room, known.held, known.coming)

    def reserve(self, bounty: bytes, size: int) -> None:
        """Have a file come.  Raises FullError where it is beyond the bounty's room, and none is free."""
        share = self._shares[bounty]
        before = share.charged
        share.coming += size
        if share.charged > before and self.charged > self._most:
            share.coming -= size
            raise FullError(f"this prover's room for bounties is used up; {_CURE}")

    def release(self, bounty: bytes, size: int) -> None:
        """A file has come, or does not."""
        if bounty in self._shares:
            share = self._shares[bounty]
            share.coming = max(share.coming - size, 0)  # it may have been deleted, and begun anew, meanwhile

    def count(self, bounty: bytes, held: int | None) -> None:
        """So many bytes of a bounty are here; None where it was deleted."""
        if held is None:
            self._shares.pop(bounty, None)
        elif bounty in self._shares:
            self._shares[bounty].held = held
        else:
            self._shares[bounty] = Share(b"", 0, held)
