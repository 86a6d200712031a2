"""What a user of the model market keeps on its disk: models, openings, offers, purchases, proofs that were made."""

from __future__ import annotations

from pathlib import Path

from circuits.atomicfile import storing
from circuits.errors import StorageError
from commons.storage.files import write_durably
from commons.storage.statedirectory import StateDirectory
from commons.storage.unlock import LOCKED, Unlock
from gradroll.modelmarket.bountybook import BountyBook
from gradroll.modelmarket.modelvault import ModelVault
from gradroll.modelmarket.offerbook import OfferBook
from gradroll.modelmarket.openingledger import OpeningLedger
from gradroll.modelmarket.purchases import Purchases

_MOST_PROOF = 1 << 20


class ModelState(StateDirectory):
    """All of it, in one state directory.

    Args:
        unlock: opens files that are encrypted.
        encrypting: encrypts secrets that are written; without it they are not.
    """

    def __init__(self, directory: Path, unlock: Unlock = LOCKED, encrypting: Unlock | None = None) -> None:
        super().__init__(directory)
        self.vault = ModelVault(directory, unlock, encrypting)
        self.ledger = OpeningLedger(directory)
        self.book = OfferBook(directory, unlock, encrypting)
        self.bounties = BountyBook(directory, unlock, encrypting)
        self.purchases = Purchases(directory, unlock, encrypting)

    def proof(self, name: str) -> bytes | None:
        """A proof that was made before, if it was.  Raises StorageError."""
        path = self._proof(name)
        with storing(f"cannot read {path}"):
            if not path.exists():
                return None
            with path.open("rb") as file:
                raw = file.read(_MOST_PROOF + 1)
        if len(raw) > _MOST_PROOF:
            raise StorageError(f"{path} is no proof; move it away, and prove again")
        return raw

    def keep_proof(self, name: str, proof: bytes) -> None:
        """Keep a proof that was made, durably, so that nothing is opened twice for it.  Raises StorageError."""
        write_durably(self._proof(name), proof, replace=False)

    def standing(self, bounty: bytes, listing: bytes) -> Path:
        """File of the sealed row that a bounty's committee is shown; it may not be there."""
        return self.directory / "standing" / f"{bounty.hex()}-{listing.hex()}.row"

    def _proof(self, name: str) -> Path:
        return self.directory / "proofs" / f"{name}.proof"
