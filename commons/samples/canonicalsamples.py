"""A sample's bytes: written in one way, and checked as the contract checks them.

docs/protocol-data.md, section "Samples".  What the contract refuses is BAD by proof.  Texts have two rules more that
it cannot afford to check: Unicode's normal form C, and no white space or control character but the space.  Bundles
that break those are refused before anything is paid for.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from circuits.errors import InvalidInputError
from commons.samples.sampleschemas import LABEL_BYTES, SampleKind, SampleSchema

__all__ = ["array_sample", "contract_problem", "features_of", "fits", "label_of", "least_sample", "require_sample",
           "text_of", "text_sample"]  # fmt: skip

_SPACE = " "


def array_sample(schema: SampleSchema, label: int, features: Sequence[int]) -> bytes:
    """The sample of an array, row by row where it has more than one dimension.

    Raises:
        InvalidInputError: it does not fit the schema.
    """
    if schema.kind is not SampleKind.ARRAY:
        raise InvalidInputError("the campaign's samples are texts, not arrays")
    if len(features) != schema.width:
        raise InvalidInputError(f"a sample has {schema.width} features, not {len(features)}")
    for at, (value, most) in enumerate(zip(features, schema.limits, strict=True)):
        if not 0 <= value <= most:
            raise InvalidInputError(f"feature {at} is 0 to {most}, not {value}")
    body = b"".join(int(value).to_bytes(schema.size, "big") for value in features)
    return _labelled(schema, label, body)


def text_sample(schema: SampleSchema, label: int, text: str) -> bytes:
    """The sample of a text, in normal form C and with one space for each run of white space.

    Raises:
        InvalidInputError: it does not fit the schema, or has a control character.
    """
    if schema.kind is not SampleKind.TEXT:
        raise InvalidInputError("the campaign's samples are arrays, not texts")
    if (
        len(text) > 2 * schema.most
    ):  # more characters than bytes fit, even with white space that goes; normalising costs
        raise InvalidInputError(f"a text has at most {schema.most} bytes")
    try:
        body = unicodedata.normalize("NFC", _SPACE.join(text.split())).encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidInputError("a text has no surrogates; save it as UTF-8") from None
    made = _labelled(schema, label, body)
    require_sample(schema, made)
    return made


def least_sample(schema: SampleSchema) -> bytes:
    """A sample that fits a schema, with as little in it as there can be."""
    return bytes(LABEL_BYTES) + (
        bytes(schema.width * schema.size) if schema.kind is SampleKind.ARRAY else b"a" * schema.least
    )


def _labelled(schema: SampleSchema, label: int, body: bytes) -> bytes:
    if not 0 <= label < schema.classes:
        raise InvalidInputError(f"a label is 0 to {schema.classes - 1}, not {label}")
    return int(label).to_bytes(LABEL_BYTES, "big") + body


def require_sample(schema: SampleSchema, sample: bytes) -> None:
    """Raise InvalidInputError unless a sample fits, by the contract's rules and those that it cannot check."""
    problem = contract_problem(schema, sample)
    if problem is None and schema.kind is SampleKind.TEXT:
        problem = _text_problem(sample[LABEL_BYTES:].decode("utf-8"))
    if problem is not None:
        raise InvalidInputError(problem)


def fits(schema: SampleSchema, sample: bytes) -> bool:
    """Whether the contract takes a sample."""
    return contract_problem(schema, sample) is None


def contract_problem(schema: SampleSchema, sample: bytes) -> str | None:
    """Why the contract calls a sample BAD by its bytes; None where it fits."""
    if len(sample) < LABEL_BYTES or label_of(sample) >= schema.classes:
        return f"a sample begins with a label of two bytes, 0 to {schema.classes - 1}"
    body = sample[LABEL_BYTES:]
    if schema.kind is SampleKind.TEXT:
        return _bytes_problem(schema, body)
    if len(body) != schema.width * schema.size:
        return f"the features of a sample have {schema.width * schema.size} bytes, not {len(body)}"
    for at, (value, most) in enumerate(zip(features_of(schema, sample), schema.limits, strict=True)):
        if value > most:
            return f"feature {at} is 0 to {most}, not {value}"
    return None


def _bytes_problem(schema: SampleSchema, body: bytes) -> str | None:
    """What is wrong with a text's bytes by the contract's rules."""
    if not schema.least <= len(body) <= schema.most:
        return f"a text has {schema.least} to {schema.most} bytes, not {len(body)}"
    try:
        body.decode("utf-8")  # strict: neither overlong forms nor surrogates
    except UnicodeDecodeError:
        return "a text is UTF-8"
    if min(body) < 0x20 or 0x7F in body:
        return "a text has no control characters"
    if body[:1] == b" " or body[-1:] == b" " or b"  " in body:
        return "a text has one space between words, and none before or after them"
    return None


def _text_problem(text: str) -> str | None:
    if not unicodedata.is_normalized("NFC", text):
        return "a text is in Unicode's normal form C"
    if any(each != _SPACE and (each.isspace() or unicodedata.category(each) == "Cc") for each in text):
        return "a text has no control characters, and no white space but the space"
    return None


def label_of(sample: bytes) -> int:
    """Number of a sample's class."""
    return int.from_bytes(sample[:LABEL_BYTES], "big")


def features_of(schema: SampleSchema, sample: bytes) -> tuple[int, ...]:
    """The features of an array's sample, which has as many bytes as the schema says."""
    parts = range(LABEL_BYTES, len(sample), schema.size)
    return tuple(int.from_bytes(sample[at : at + schema.size], "big") for at in parts)


def text_of(sample: bytes) -> str:
    """The text of a sample that fits."""
    return sample[LABEL_BYTES:].decode("utf-8")
