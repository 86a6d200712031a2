"""What a certificate of version 4 says more than one of version 3: how its owners are graded, and what was opened.

Behind the counts: step (1 byte), dither (1), min_owners (4, big-endian).  Before the owners' headers that of the
reference; behind them an opened number of each, 8 bytes big-endian in two's complement.  The cohort's digests begin
with the reference's.
"""

from __future__ import annotations

from circuits.errors import InvalidInputError, WireError
from circuits.grading import VALUE_BYTES, GradingRule, decode_values, encode_values
from circuits.statement import Graded, SubmissionHeader
from commons.protocol.bodies import Reader


def rule_bytes(graded: Graded | None) -> bytes:
    """The rule of a graded batch; nothing of any other."""
    if graded is None:
        return b""
    rule = graded.rule
    return bytes((rule.step, rule.dither)) + rule.min_owners.to_bytes(4, "big")


def values_bytes(graded: Graded | None) -> bytes:
    """The opened numbers of a graded batch; nothing of any other."""
    return b"" if graded is None else encode_values(graded.values)


def read_rule(reader: Reader) -> GradingRule:
    """The rule of a graded batch.  Raises WireError for one that is none."""
    step, dither = reader.take(2)
    try:
        return GradingRule(step, dither, int.from_bytes(reader.take(4), "big"))
    except InvalidInputError as error:
        raise WireError(f"the certificate's grading is none: {error}") from error


def read_graded(
    reader: Reader, rule: GradingRule | None, reference: SubmissionHeader | None, owners: int
) -> Graded | None:
    """What follows the owners' headers; None where neither rule nor reference was read before.

    Raises:
        WireError: the reference has an owner's index.
    """
    if rule is None or reference is None:
        return None
    if not reference.is_reference:
        raise WireError(f"the certificate's reference has index {reference.owner_index}, which is an owner's")
    return Graded(reference, rule, decode_values(reader.take(VALUE_BYTES * owners)))
