"""Rows sealed for one buyer, and opened again: the swap, with this market's parameters."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from circuits.accuracy.modelrows import ModelRow
from circuits.accuracy.sizeclasses import SizeClass
from circuits.errors import InvalidInputError, ProofError, UnknownError
from circuits.swap.offerchecks import CheckedRow, check_row
from circuits.swap.rowsealing import seal_row
from circuits.swap.sealedrows import SealedRow, encoded_length
from circuits.swap.swapkeys import salted_point
from circuits.swap.swaptranscript import swap_context
from gradroll.modelmarket.modelparameters import ModelParameters
from native import G1, R


@dataclass(frozen=True, slots=True)
class SwapPlace:
    """For what a row is sealed: it is of no use elsewhere.

    Attributes:
        deployment: of the contract that takes the key, 32 bytes.
        listing: 32 bytes.
        buyer: 20-byte address.
    """

    deployment: bytes
    listing: bytes
    buyer: bytes

    @property
    def context(self) -> bytes:
        """What the proofs of the sealed row are bound to."""
        return swap_context(self.deployment, self.listing, self.buyer)


def sealed_row(parameters: ModelParameters, place: SwapPlace, row: ModelRow, key: int) -> SealedRow:
    """Seal a committed row under a key that was never used.  Raises as ``seal_row``."""
    dimension = len(row.weights)
    return seal_row(
        parameters.commitment_key(dimension), parameters.srs, parameters.swap_bases(dimension), place.context, row,
        key, lambda: secrets.randbelow(R),
    )  # fmt: skip


def checked_row(parameters: ModelParameters, place: SwapPlace, model: G1, size: SizeClass, file: Path) -> CheckedRow:
    """The sealed row in a file, if its key opens it to a committed model.

    Raises:
        UnknownError, InvalidInputError: the file cannot be read.
        WireError: it holds no sealed row of this class.
        ProofError: it is not the model's, or is sealed for somebody else.
    """
    return checked_file(parameters, place, model, size.weights, file)


def checked_file(parameters: ModelParameters, place: SwapPlace, model: G1, weights: int, file: Path) -> CheckedRow:
    """As ``checked_row``, of a model with so many weights."""
    sealed = SealedRow.decode(row_bytes(file, weights), weights)
    key, bases = parameters.commitment_key(weights), parameters.swap_bases(weights)
    return check_row(key, parameters.srs, bases, place.context, model, sealed)


def require_offered(checked: CheckedRow, digest: bytes, public: G1, blinding: int) -> None:
    """Raise ProofError unless a checked row is the one that is offered, and what is to be revealed opens it."""
    if checked.digest != digest:
        raise ProofError("the sealed row is not the one that the offer names: get the right file, pay nothing")
    if salted_point(checked.sealed.key_point, blinding) != public:
        raise ProofError(
            "what the seller would reveal does not open the sealed row (K' is not K - xG): pay nothing, and tell "
            "others about this seller"
        )


def row_bytes(file: Path, weights: int) -> bytes:
    """What a file of a sealed row holds, one byte more than a row of so many weights has at the most.

    Raises:
        UnknownError, InvalidInputError: it cannot be read.
    """
    try:
        with file.open("rb") as opened:
            return opened.read(encoded_length(weights) + 1)
    except FileNotFoundError:
        raise UnknownError(f"there is no sealed row {file}; correct the path, or fetch it again") from None
    except OSError as error:
        raise InvalidInputError(f"the sealed row {file} cannot be read ({error.strerror})") from error
