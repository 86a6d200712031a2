"""What a user of the data market keeps on its disk: bundles, challenges and votes that it committed to."""

from __future__ import annotations

from pathlib import Path

from commons.storage.statedirectory import StateDirectory
from commons.storage.unlock import LOCKED, Unlock
from gradroll.datamarket.challengebook import ChallengeBook
from gradroll.datamarket.contributionbook import ContributionBook
from gradroll.datamarket.drawbook import DrawBook
from gradroll.datamarket.votebook import VoteBook


class DataState(StateDirectory):
    """All of it, in one state directory.

    Args:
        unlock: opens files that are encrypted.
        encrypting: encrypts secrets that are written; without it they are not.
    """

    def __init__(self, directory: Path, unlock: Unlock = LOCKED, encrypting: Unlock | None = None) -> None:
        super().__init__(directory)
        self.contributions = ContributionBook(directory, unlock, encrypting)
        self.challenges = ChallengeBook(directory, unlock, encrypting)
        self.votes = VoteBook(directory, unlock, encrypting)
        self.draws = DrawBook(directory)
