"""Bodies of the provers' messages where a cohort is graded: those of ``bodies`` with more behind them, LOCK and OPEN.

Encodings are as there.  Row 1 of a graded batch is the reference, rows 2 and up are the owners', so there is one owner
less than there are rows; an owner has ``NOISE_BITS`` bits of noise, the reference none.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from circuits.grading import NOISE_BITS
from circuits.policies.gram import triangle
from circuits.statement import ROWS, SLACK_BITS
from commons.protocol.bodies import CHECKED, MaskBody, ProjectBody, Reader, ValidateBody, scalars_to_bytes
from native import FrArray

CHECK_PRODUCTS = 3
"""Products that the check of the bits opens: <psi M, M>, <psi M, R>, <psi R, R>."""


def checked_bits(rows: int) -> int:
    """L: bits that are checked together, those of every row's slack and then those of every owner's noise."""
    return SLACK_BITS * rows + NOISE_BITS * (rows - 1)


@dataclass(frozen=True, slots=True)
class GradedProjectBody(ProjectBody):
    """PROJECT, and shares (degree 2t) of the squares behind the owners' noise, FrArray (submissions - 1, 40, 4)."""

    squares: FrArray = field(repr=False)

    def encode(self) -> bytes:
        """Canonical bytes."""
        return ProjectBody.encode(self) + scalars_to_bytes(self.squares)

    @classmethod
    def decode(cls, raw: bytes, submissions: int) -> GradedProjectBody:
        """Parse; raises WireError."""
        reader, owners = Reader(raw), submissions - 1
        shares, squares = reader.scalars(submissions * CHECKED), reader.scalars(owners * NOISE_BITS)
        reader.end()
        return cls(shares.reshape(submissions, CHECKED, 4), squares.reshape(owners, NOISE_BITS, 4))


@dataclass(frozen=True, slots=True)
class GradedMaskBody(MaskBody):
    """MASK, and the digest of the squares that this prover saw opened (``noisebits.squares_digest``)."""

    squares_digest: bytes

    def encode(self) -> bytes:
        """Canonical bytes."""
        return MaskBody.encode(self) + self.squares_digest

    @classmethod
    def decode(cls, raw: bytes, owners: int) -> GradedMaskBody:
        """Parse; ``owners`` counts rows here, the reference among them.  Raises WireError."""
        reader = Reader(raw)
        body = cls(reader.g1(), reader.scalars(ROWS), reader.scalars(triangle(owners + 1)), reader.take(32))
        reader.end()
        return body


@dataclass(frozen=True, slots=True)
class GradedValidateBody(ValidateBody):
    """VALIDATE, and the masked products of the check of the bits (degree 2t), FrArray (3, 4)."""

    products: FrArray = field(repr=False)

    def encode(self) -> bytes:
        """Canonical bytes."""
        return ValidateBody.encode(self) + scalars_to_bytes(self.products)

    @classmethod
    def decode(cls, raw: bytes, owners: int) -> GradedValidateBody:
        """Parse; ``owners`` counts rows here, the reference among them.  Raises WireError."""
        reader = Reader(raw)
        body = cls(reader.scalars(owners), reader.g1(), reader.g1(), reader.scalars(CHECK_PRODUCTS))
        reader.end()
        return body


@dataclass(frozen=True, slots=True)
class GradedCombineBody:
    """COMBINE: as ``CombineBody``, and shares (degree t) of what shows that all bits are bits, and whose.

    Attributes:
        digest: SHA-256 of the share of the combined row.
        square_norm: share of T.
        product: share of P, the weighted square of ``combined``.
        not_bits: share of B, the weighted sum of R_k^2 - R_k: zero.
        slack: share of Z, the weighted sum of what the rows' bits leave of BOUND - K_ii: zero.
        combined: share of M + lambda R, FrArray (L, 4).
    """

    digest: bytes
    square_norm: int = field(repr=False)
    product: int = field(repr=False)
    not_bits: int = field(repr=False)
    slack: int = field(repr=False)
    combined: FrArray = field(repr=False)

    def encode(self) -> bytes:
        """Canonical bytes."""
        scalars = (self.square_norm, self.product, self.not_bits, self.slack)
        return self.digest + b"".join(s.to_bytes(32, "big") for s in scalars) + scalars_to_bytes(self.combined)

    @classmethod
    def decode(cls, raw: bytes, rows: int) -> GradedCombineBody:
        """Parse; ``rows`` counts the reference and the owners.  Raises WireError."""
        reader = Reader(raw)
        digest, (square_norm, product, not_bits, slack) = reader.take(32), (reader.scalar() for _ in range(4))
        body = cls(digest, square_norm, product, not_bits, slack, reader.scalars(checked_bits(rows)))
        reader.end()
        return body


@dataclass(frozen=True, slots=True)
class LockBody:
    """LOCK: digest of the set that this prover has locked, 32 bytes."""

    selection: bytes

    def encode(self) -> bytes:
        """Canonical bytes."""
        return self.selection

    @classmethod
    def decode(cls, raw: bytes) -> LockBody:
        """Parse; raises WireError."""
        reader = Reader(raw)
        body = cls(reader.take(32))
        reader.end()
        return body


@dataclass(frozen=True, slots=True)
class OpenBody:
    """OPEN: shares (degree t) of the owners' numbers, FrArray (owners, 4)."""

    values: FrArray = field(repr=False)

    def encode(self) -> bytes:
        """Canonical bytes."""
        return scalars_to_bytes(self.values)

    @classmethod
    def decode(cls, raw: bytes, owners: int) -> OpenBody:
        """Parse; raises WireError."""
        reader = Reader(raw)
        body = cls(reader.scalars(owners))
        reader.end()
        return body


def project_form(graded: bool) -> type[ProjectBody]:
    """The form of PROJECT's body in a cohort that is graded or not."""
    return GradedProjectBody if graded else ProjectBody


def mask_form(graded: bool) -> type[MaskBody]:
    """The form of MASK's body; its number of owners is that of rows."""
    return GradedMaskBody if graded else MaskBody


def validate_form(graded: bool) -> type[ValidateBody]:
    """The form of VALIDATE's body; its number of owners is that of rows."""
    return GradedValidateBody if graded else ValidateBody
