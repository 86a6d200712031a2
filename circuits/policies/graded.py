"""The policy `reference`: what every policy proves (`spec`), and the numbers by which owners are graded (`noise`)."""

from __future__ import annotations

from circuits.policies.spec import GradedInputs, PolicySpec

REFERENCE = PolicySpec(
    "reference",
    "Every owner's squared norm is at most BOUND, and its number is its scaled inner product with the reference, under "
    "noise below 2^40.",
    public_inputs=GradedInputs._fields,
)
