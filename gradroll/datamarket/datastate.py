"""What a user of the data market keeps on its disk: bundles, challenges and votes that it committed to."""

from __future__ import annotations

from pathlib import Path

from commons.storage.files import DirectoryLock
from commons.storage.unlock import LOCKED, Unlock
from gradroll.datamarket.challengebook import ChallengeBook
from gradroll.datamarket.contributionbook import ContributionBook
from gradroll.datamarket.votebook import VoteBook


class DataState:
    """A state directory, which one process has at a time; close it.

    Args:
        unlock: opens files that are encrypted.
        encrypting: encrypts secrets that are written; without it they are not.

    Raises:
        StorageError: another process has it, or it cannot be written.
    """

    def __init__(self, directory: Path, unlock: Unlock = LOCKED, encrypting: Unlock | None = None) -> None:
        self._lock = DirectoryLock(directory)
        self.directory = directory
        self.contributions = ContributionBook(directory, unlock, encrypting)
        self.challenges = ChallengeBook(directory, unlock, encrypting)
        self.votes = VoteBook(directory, unlock, encrypting)

    def close(self) -> None:
        """Let another process have it."""
        self._lock.release()
