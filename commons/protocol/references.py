"""What a round of a graded task is opened with: its model, and the copies of the model owner's reference gradient.

The hash of both stands wherever a round has its model's digest, so that every signature of the round binds the
references too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from circuits.errors import InvalidInputError, SignatureError, WireError
from circuits.hashing import keccak, tag, words
from circuits.statement import MAX_COPIES, REFERENCE_INDEX, SubmissionHeader
from native import G1


class Copy(NamedTuple):
    """One copy of a reference, as the contract is given it.

    Attributes:
        commitment: to the reference gradient, with a blinder and masks of its own.
        shares_root: 32 bytes, ``SubmissionHeader.shares_root`` of its header.
    """

    commitment: G1
    shares_root: bytes

    @classmethod
    def of(cls, header: SubmissionHeader) -> Copy:
        """What a header of a reference states."""
        return cls(header.commitment, header.shares_root)


@dataclass(frozen=True, slots=True)
class Opening:
    """What the model owner opened a round with.

    Attributes:
        model_digest: 32 bytes, of the model itself.
        copies: 1 to 16, by the number of the copy.

    Raises:
        InvalidInputError: another number of copies, or a part of another length.
    """

    model_digest: bytes
    copies: tuple[Copy, ...] = field(repr=False)

    def __post_init__(self) -> None:
        if not 1 <= len(self.copies) <= MAX_COPIES:
            raise InvalidInputError(
                f"a graded round is opened with 1 to {MAX_COPIES} copies of a reference, not {len(self.copies)}"
            )
        digests = (self.model_digest, *(copy.shares_root for copy in self.copies))
        if any(len(digest) != 32 for digest in digests) or any(len(copy.commitment) != 64 for copy in self.copies):
            raise InvalidInputError("a graded round's digests have 32 bytes, the commitments of its references 64")

    @property
    def digest(self) -> bytes:
        """What stands as the round's model digest, in the contract and in everything that is signed."""
        listed = keccak(b"".join(words(*copy) for copy in self.copies))
        return keccak(words(tag("gradroll/v1/referenced-model"), self.model_digest, listed))

    def require_copy(self, header: SubmissionHeader) -> int:
        """The number of the copy that a header is.  Its owner's signatures and its round are not looked at.

        Raises:
            WireError: it has an owner's index, or one beyond the last copy's; or another copy has its commitment, which
                would join two cohorts then, under two sign matrices.
            SignatureError: commitment or shares are not those that the round was opened with.
        """
        number = header.owner_index - REFERENCE_INDEX
        if not 0 <= number < len(self.copies):
            raise WireError(
                f"index {header.owner_index} is none of a reference of this round, which has {len(self.copies)}"
            )
        if Copy.of(header) != self.copies[number]:
            raise SignatureError(
                f"this is not copy {number} of the reference with which the round was opened: commitment or shares "
                "are others"
            )
        if sum(copy.commitment == header.commitment for copy in self.copies) > 1:
            raise WireError(
                f"another copy of this round's reference has the commitment of copy {number}, and a commitment joins "
                "one cohort; open the next round with copies that were dealt apart"
            )
        return number

    def require_no_copy(self, header: SubmissionHeader) -> None:
        """Refuse an owner's header that is a copy under another index, signed anew.

        The copy would be projected with a second sign matrix, and be in a sum.  A copy's commitment alone is
        no reason: anybody can repeat what is public, and has no shares of it.

        Raises:
            WireError: it has a copy's commitment and shares.
        """
        if Copy.of(header) in self.copies:
            raise WireError(
                "this is a copy of the round's reference, which is in no sum and is handed in under its number"
            )
