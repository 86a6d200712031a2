"""A model sealed for one buyer under a key of its own, into a file; an interrupted offer goes on from that file."""

from __future__ import annotations

import secrets
from pathlib import Path

from circuits.accuracy.modelrows import ModelRow
from circuits.errors import InvalidInputError, ProofError, StorageError, WireError
from circuits.swap.swapkeys import key_point, salted_point
from commons.storage.files import write_durably
from gradroll.modelmarket.modelparameters import ModelParameters
from gradroll.modelmarket.offerbook import MadeOffer, OfferBook
from gradroll.modelmarket.swapping import SwapPlace, checked_file, row_bytes, sealed_row
from native import G1, R


def sealed_offer(
    parameters: ModelParameters, book: OfferBook, place: SwapPlace, model: G1, row: ModelRow, file: Path
) -> tuple[MadeOffer, int]:
    """Seal a row under a fresh key, which is written down before any of it leaves; writes the sealed row to a file.

    A file that is there already is taken as it is, where this seller sealed the same model to the same buyer into it
    and its key never left: an offer that was interrupted after it.

    Args:
        model: C_M of the row.

    Returns:
        the offer, and the size of the file in bytes.

    Raises:
        StorageError: the file is another one, or cannot be written.
    """
    if file.exists():
        return _sealed_before(parameters, book, place, model, len(row.weights), file)
    key, blinding = _nonzero(), _nonzero()
    sealed = sealed_row(parameters, place, row, key)
    made = MadeOffer(place.listing, place.buyer, key, blinding, sealed.digest, salted_point(key_point(key), blinding))
    book.add(made)
    encoded = sealed.encode()
    write_durably(file, encoded, replace=False)
    return made, len(encoded)


def _sealed_before(
    parameters: ModelParameters, book: OfferBook, place: SwapPlace, model: G1, weights: int, file: Path
) -> tuple[MadeOffer, int]:
    """The offer that a file was sealed for.  The check of the row tells that it is for this place and model."""
    try:
        digest = checked_file(parameters, place, model, weights, file).digest
    except (InvalidInputError, ProofError, WireError):
        digest = None
    made = next((one for one in book.all() if one.offer == digest), None)
    if made is None or book.key_left(made.public):
        raise StorageError(
            f"{file} exists already, and is no row that an offer of this model to this buyer left there; choose "
            "another name"
        )
    return made, len(row_bytes(file, weights))


def _nonzero() -> int:
    return 1 + secrets.randbelow(R - 1)
