"""A member's place in a committee, as commands that change members and keys work with it."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING

from commons.runtime.amounts import checksum, utc
from commons.runtime.identifiers import shown

if TYPE_CHECKING:
    from commons.chain.facts import MemberRecord
    from gradroll.session import Session


@dataclass(frozen=True, slots=True)
class MemberPlace:
    """An index of a committee."""

    session: Session
    committee: int
    index: int

    @property
    def member(self) -> MemberRecord:
        """Who sits there now."""
        return self.session.view.member(self.committee, self.index)

    @property
    def name(self) -> str:
        """In words."""
        return f"prover {self.index} of committee {shown(self.committee)}"

    def tell_pending(self, arguments: argparse.Namespace) -> None:
        """Say which change waits, until when, and what puts it in force.

        Raises:
            ChainError: the node shows none.
        """
        from circuits.errors import ChainError

        pending = self.member.pending
        if pending is None:
            raise ChainError(
                f"the node does not show the change of {self.name} yet; look again (gradroll committee show), or run "
                "the command again: nothing is sent twice"
            )
        arguments.console.line(
            f"{checksum(pending.signer)} takes the place of {self.name} after {utc(pending.due)}, with: gradroll "
            f"committee apply {shown(self.committee)} --index {self.index}; then start every prover of the committee "
            "anew"
        )
        arguments.console.result(
            committee=shown(self.committee), index=self.index, signer=checksum(pending.signer), due=pending.due
        )
