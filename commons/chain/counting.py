"""Whose signatures the market counts: it passes over keys that were revoked, whenever they signed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from circuits.statement import Committee
from commons.chain.ports import MarketReader


@dataclass(frozen=True, slots=True)
class Counting:
    """A committee's members, and which of them count.

    Attributes:
        committee: the members of a round's epoch.
        revoked: 20-byte addresses of keys that count no more.
    """

    committee: Committee
    revoked: frozenset[bytes] = frozenset()

    @classmethod
    def of(cls, view: MarketReader, committee: Committee) -> Counting:
        """Of a committee as the chain has it now.  Raises ChainError."""
        return cls(committee, view.revoked(committee.committee_id))

    def counts(self, member: int) -> bool:
        """Whether what a member signed counts."""
        return self.committee.members[member] not in self.revoked

    def only(self, signatures: Iterable[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
        """Of signatures by member, those that count; ascending."""
        return [(member, signature) for member, signature in sorted(signatures) if self.counts(member)]
