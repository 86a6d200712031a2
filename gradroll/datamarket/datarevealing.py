"""Opening all that an account committed to and whose time has come: nothing that goes wrong keeps the rest from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from circuits.errors import GradrollError
from gradroll.datamarket.dataroles import DataRoles
from gradroll.datamarket.secretbook import Broken


@dataclass(slots=True)
class Revealed:
    """What was opened.

    Attributes:
        bundles, challenges, cases: their numbers.
        failed: what was not, in words, with why.
    """

    bundles: list[int] = field(default_factory=list)
    challenges: list[int] = field(default_factory=list)
    cases: list[int] = field(default_factory=list)
    failed: list[tuple[str, GradrollError]] = field(default_factory=list)

    def each(self, what: str, pending: Callable[[Broken], list[int]], do: Callable[[int], object]) -> list[int]:
        """Do something for all that is pending; returns the numbers for which it was done."""
        done: list[int] = []
        try:
            numbers = pending(lambda error: self.failed.append((f"a file of {what}s", error)))
        except GradrollError as error:
            self.failed.append((f"{what}s", error))
            return done
        for number in numbers:
            try:
                do(number)
            except GradrollError as error:
                self.failed.append((f"{what} {number}", error))
            else:
                done.append(number)
        return done


def reveal_due(roles: DataRoles) -> Revealed:
    """Open bundles, challenges and votes.  Never raises an error of the catalogue: each is in ``failed``."""
    made = Revealed()
    made.bundles = made.each("bundle", roles.contributor.pending, roles.contributor.open)
    made.challenges = made.each("challenge", roles.reviewer.pending, roles.reviewer.open)
    made.cases = made.each("case", lambda _: roles.juror.to_reveal(), roles.juror.reveal)
    return made
