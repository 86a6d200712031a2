"""Bodies of graded cohorts: one encoding each, and those of ``norm`` before it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import native
from circuits.errors import WireError
from circuits.grading import NOISE_BITS
from circuits.policies.gram import triangle
from circuits.statement import ROWS as PROJECTIONS
from commons.protocol.bodies import CHECKED, MaskBody, ProjectBody, ValidateBody
from commons.protocol.gradedbodies import (
    GradedCombineBody,
    GradedMaskBody,
    GradedProjectBody,
    GradedValidateBody,
    LockBody,
    OpenBody,
    checked_bits,
    mask_form,
    project_form,
    validate_form,
)
from native import FrArray, R

ROWS = 3
POINT = native.g1_generator
Decode = Callable[[bytes], object]


def some(count: int) -> FrArray:
    return native.expand(b"v" * 32, count)


def project() -> bytes:
    shares, squares = some(ROWS * CHECKED), some((ROWS - 1) * NOISE_BITS)
    return GradedProjectBody(shares.reshape(ROWS, CHECKED, 4), squares.reshape(-1, NOISE_BITS, 4)).encode()


def mask() -> bytes:
    return GradedMaskBody(POINT, some(PROJECTIONS), some(triangle(ROWS + 1)), b"d" * 32).encode()


def validate() -> bytes:
    return GradedValidateBody(some(ROWS), POINT, POINT, some(3)).encode()


def combine() -> bytes:
    return GradedCombineBody(b"d" * 32, 1, 2, 3, 4, some(checked_bits(ROWS))).encode()


BODIES: dict[str, tuple[Callable[[], bytes], Decode]] = {
    "project": (project, lambda raw: GradedProjectBody.decode(raw, ROWS)),
    "mask": (mask, lambda raw: GradedMaskBody.decode(raw, ROWS)),
    "validate": (validate, lambda raw: GradedValidateBody.decode(raw, ROWS)),
    "combine": (combine, lambda raw: GradedCombineBody.decode(raw, ROWS)),
    "lock": (lambda: LockBody(b"s" * 32).encode(), LockBody.decode),
    "open": (lambda: OpenBody(some(2)).encode(), lambda raw: OpenBody.decode(raw, 2)),
}


@pytest.mark.parametrize("name", BODIES)
def test_one_encoding_of_one_length(name: str) -> None:
    make, decode = BODIES[name]
    raw = make()
    assert decode(raw).encode() == raw  # type: ignore[attr-defined]
    for wrong in (raw + b"\0", raw[:-1], raw[:-32], b""):
        with pytest.raises(WireError):
            decode(wrong)


@pytest.mark.parametrize("name", ["project", "validate", "combine", "open"])
def test_scalars_are_below_the_order(name: str) -> None:
    make, decode = BODIES[name]
    with pytest.raises(WireError):
        decode(make()[:-32] + R.to_bytes(32, "big"))


def test_bodies_of_norm_come_first() -> None:
    """What is before the additions is what ``norm`` sends, so whoever reads the one finds its fields in the other."""
    shares = some(ROWS * CHECKED).reshape(ROWS, CHECKED, 4)
    assert project().startswith(ProjectBody(shares).encode())
    assert mask() == MaskBody(POINT, some(PROJECTIONS), some(triangle(ROWS + 1))).encode() + b"d" * 32
    assert validate().startswith(ValidateBody(some(ROWS), POINT, POINT).encode())


def test_the_form_follows_from_the_cohort() -> None:
    forms = (project_form, mask_form, validate_form)
    assert [form(graded=False) for form in forms] == [ProjectBody, MaskBody, ValidateBody]
    assert [form(graded=True) for form in forms] == [GradedProjectBody, GradedMaskBody, GradedValidateBody]


def test_a_reference_alone_has_no_noise() -> None:
    alone = GradedProjectBody(some(CHECKED).reshape(1, CHECKED, 4), some(0).reshape(0, NOISE_BITS, 4)).encode()
    assert GradedProjectBody.decode(alone, 1).squares.shape == (0, NOISE_BITS, 4)
