"""The offers that a seller made, with the key of each, written down before anything of an offer leaves.

A model sealed twice under one key is sealed for whoever paid once.  So a key is drawn for one offer, its file is named
by the key, and no file is written twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from circuits.errors import KeyFileError, UnknownError
from circuits.hashing import keccak
from circuits.swap.swapkeys import salted_key
from commons.storage.files import write_durably
from commons.storage.secretfiles import hexadecimal, read_secret_file, write_secret_file
from commons.storage.unlock import LOCKED, Unlock
from native import G1, R

_KIND = "model-offer"
_SCALAR = 32


@dataclass(frozen=True, slots=True)
class MadeOffer:
    """An offer as its seller keeps it.

    Attributes:
        listing: 32 bytes.
        buyer: 20-byte address.
        key: k, under which the row is sealed.
        blinding: x, which the buyer alone is told.
        offer: digest of the sealed row, 32 bytes.
        public: K' = (k - x) G, what the chain gets.
    """

    listing: bytes
    buyer: bytes
    key: int = field(repr=False)
    blinding: int = field(repr=False)
    offer: bytes
    public: G1

    @property
    def revealed(self) -> int:
        """k' = k - x, what a reveal tells everybody."""
        return salted_key(self.key, self.blinding)


class OfferBook:
    """The offers in a state directory that this process has locked, mode 0600.

    Args:
        unlock: opens files that are encrypted.
        encrypting: encrypts what is written; without it nothing is.
    """

    def __init__(self, directory: Path, unlock: Unlock = LOCKED, encrypting: Unlock | None = None) -> None:
        self._directory, self._unlock, self._encrypting = directory / "offers", unlock, encrypting

    def add(self, made: MadeOffer) -> None:
        """Write an offer down, durably, before any of it leaves.  Raises StorageError, also for a key that has one."""
        content = {
            "listing": made.listing.hex(), "buyer": made.buyer.hex(), "offer": made.offer.hex(),
            "public": made.public.hex(), "key": _hex(made.key), "blinding": _hex(made.blinding),
        }  # fmt: skip
        write_secret_file(self._path(made.public), _KIND, content, replace=False, unlock=self._encrypting)

    def find(self, public: G1) -> MadeOffer:
        """The offer with a key on the chain.

        Raises:
            UnknownError: it was not made here.
            KeyFileError: its file is damaged, readable by others, or locked.
        """
        path = self._path(public)
        if not path.exists():
            raise UnknownError(
                f"no offer under the key 0x{public.hex()[:16]}.. was made in {self._directory}; reveal it from the "
                "state directory in which it was made (models.state)"
            )
        return self._read(path)

    def key_leaves(self, public: G1) -> None:
        """Write down, durably, that a key is about to be shown to a node.  Raises StorageError."""
        if not self.key_left(public):
            write_durably(self._left(public), b"", replace=True)

    def key_left(self, public: G1) -> bool:
        """Whether a node may have been shown a key: whoever has it from there may open what it is paid for."""
        return self._left(public).exists()

    def all(self) -> Iterator[MadeOffer]:
        """Every offer.  Raises KeyFileError as ``find``."""
        for path in sorted(self._directory.glob("*.json")):
            yield self._read(path)

    def _read(self, path: Path) -> MadeOffer:
        content = read_secret_file(path, _KIND, self._unlock)
        raw = {name: hexadecimal(path, content.get(name)) for name in ("listing", "buyer", "offer", "public")}
        scalars = [hexadecimal(path, content.get(name)) for name in ("key", "blinding")]
        sizes = [*map(len, raw.values()), *map(len, scalars)]
        key, blinding = (int.from_bytes(each, "big") for each in scalars)
        if sizes != [32, 20, 32, 64, _SCALAR, _SCALAR] or not (0 < key < R and 0 < blinding < R):
            raise KeyFileError(f"{path}: the offer is damaged; put a copy of it back")
        return MadeOffer(raw["listing"], raw["buyer"], key, blinding, raw["offer"], G1(raw["public"]))

    def _left(self, public: G1) -> Path:
        return self._path(public).with_suffix(".left")

    def _path(self, public: G1) -> Path:
        return self._directory / f"{keccak(public).hex()}.json"


def _hex(scalar: int) -> str:
    return scalar.to_bytes(_SCALAR, "big").hex()
