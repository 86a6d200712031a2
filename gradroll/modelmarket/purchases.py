"""What a buyer keeps of purchases: its key, to which sellers seal their part, and each offer that it checked and took.

The key is written down before its public half leaves, an offer before it is paid for: whoever lost either would have
paid for what it cannot open.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from circuits.errors import KeyFileError, StorageError, UnknownError
from commons.sharing.sealing import generate, public_key
from commons.storage.secretfiles import hexadecimal, read_secret_file, secret_of, write_secret_file
from commons.storage.unlock import LOCKED, Unlock
from native import G1, R, g1_check

_KEY, _KIND = "buyer-key", "model-purchase"
_SCALAR = 32


@dataclass(frozen=True, slots=True)
class Purchase:
    """An offer that was checked.

    Attributes:
        listing: 32 bytes.
        offer: digest of the sealed row, 32 bytes.
        public: K', what the chain gets.
        blinding: x, which the seller sealed to the buyer.
        row: file of the sealed row.
    """

    listing: bytes
    offer: bytes
    public: G1
    blinding: int = field(repr=False)
    row: Path


class Purchases:
    """The purchases in a state directory that this process has locked, mode 0600.

    Args:
        unlock: opens files that are encrypted.
        encrypting: encrypts what is written; without it nothing is.
    """

    def __init__(self, directory: Path, unlock: Unlock = LOCKED, encrypting: Unlock | None = None) -> None:
        self._directory, self._unlock, self._encrypting = directory / "purchases", unlock, encrypting
        self._key = directory / "buyer.key"

    def key(self) -> bytes:
        """The private key, 32 bytes; it is made when it is first asked for.  Raises KeyFileError, StorageError."""
        if not self._key.exists():
            write_secret_file(self._key, _KEY, {"secret": generate().hex()}, replace=False, unlock=self._encrypting)
        return secret_of(self._key, _KEY, self._unlock)

    def public_key(self) -> bytes:
        """What sellers seal to, 32 bytes."""
        return public_key(self.key())

    def add(self, purchase: Purchase) -> None:
        """Write a purchase down, durably; the same one again changes nothing but where its row is.

        Raises StorageError.
        """
        content = {
            "listing": purchase.listing.hex(), "offer": purchase.offer.hex(), "public": purchase.public.hex(),
            "blinding": purchase.blinding.to_bytes(_SCALAR, "big").hex(), "row": str(purchase.row),
        }  # fmt: skip
        path = self._path(purchase.offer)
        known = self.find(purchase.offer) if path.exists() else None
        if known == purchase:
            return
        if known is not None and replace(known, row=purchase.row) != purchase:
            raise StorageError(f"{path} holds another purchase under the same offer; move it away")
        write_secret_file(path, _KIND, content, replace=known is not None, unlock=self._encrypting)

    def find(self, offer: bytes) -> Purchase:
        """The purchase of an offer, by its digest.

        Raises:
            UnknownError: it was not made here.
            KeyFileError: its file is damaged, readable by others, or locked.
        """
        path = self._path(offer)
        if not path.exists():
            raise UnknownError(
                f"the offer 0x{offer.hex()[:16]}.. was not taken in {self._directory}; open it from the state "
                "directory from which it was bought (models.state)"
            )
        return self._read(path)

    def all(self) -> Iterator[Purchase]:
        """Every purchase.  Raises KeyFileError as ``find``."""
        for path in sorted(self._directory.glob("*.json")):
            yield self._read(path)

    def _read(self, path: Path) -> Purchase:
        content = read_secret_file(path, _KIND, self._unlock)
        listing, offer, public, blinding = (
            hexadecimal(path, content.get(name)) for name in ("listing", "offer", "public", "blinding")
        )
        scalar = int.from_bytes(blinding, "big")
        if (len(listing), len(offer), len(blinding)) != (32, 32, _SCALAR) or scalar >= R or not _is_point(public):
            raise KeyFileError(f"{path}: the purchase is damaged; put a copy of it back")
        return Purchase(listing, offer, G1(public), scalar, Path(str(content.get("row"))))

    def _path(self, offer: bytes) -> Path:
        return self._directory / f"{offer.hex()}.json"


def _is_point(raw: bytes) -> bool:
    try:
        g1_check(raw)
    except ValueError:
        return False
    return True
