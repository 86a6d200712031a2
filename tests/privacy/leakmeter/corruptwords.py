"""What corrupt provers say in place of the truth, from what the honest ones of the attempt have said before them.

In each function ``said`` is what the attempt's provers have really said in the step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import native
from commons.protocol.bodies import ValidateBody, scalars_to_bytes
from commons.protocol.gradedbodies import (
    CHECK_PRODUCTS,
    GradedProjectBody,
    GradedValidateBody,
    mask_form,
    project_form,
    validate_form,
)
from native import G1, R
from tests.privacy.leakmeter.world import World


def covering(world: World, session: bytes, said: Mapping[int, bytes], sender: int, truth: bytes | None) -> bytes | None:
    """Projections that fit those of t + 1 honest provers of an attempt, however crooked the dealing is."""
    shape, graded = world.stage.shape, world.stage.opening is not None
    low = [p for p in sorted(said) if p in shape.honest][: shape.threshold + 1]
    if len(low) <= shape.threshold or (graded and truth is None):
        return None
    count = len(world.cohorts[world.proposals[session].cohort_id].headers)
    rows = [project_form(graded).decode(said[p], count).shares.reshape(-1, 4) for p in low]
    fitting = native.interpolate(rows, [p + 1 for p in low], sender + 1)
    if not graded or truth is None:
        return scalars_to_bytes(fitting)
    return replace(GradedProjectBody.decode(truth, count), shares=fitting.reshape(count, -1, 4)).encode()


def stretched(world: World, session: bytes, said: Mapping[int, bytes], sender: int, factor: int) -> bytes | None:
    """Shares of the squares with which these open as ``factor`` squared times what they are; one corrupt prover lies.

    Only with the fewest provers that can open them nobody notices.
    """
    proposal, shape = world.proposals[session], world.stage.shape
    others = [p for p in proposal.active if p != sender][: 2 * shape.threshold]
    if factor == 1 or sender != min(shape.corrupt) or any(p not in said for p in (sender, *others)):
        return said.get(sender)
    count = len(world.cohorts[proposal.cohort_id].headers)
    body, *heard = (GradedProjectBody.decode(said[p], count) for p in (sender, *others))
    own, *weights = native.lagrange_coefficients([sender + 1, *(p + 1 for p in others)])
    with world.stage.toy.tracker.paused():
        rows = [each.squares.reshape(-1, 4) for each in (body, *heard)]
        opened = native.linear_combination(rows, [own, *weights])
        by = native.scale(opened, (factor * factor - 1) * pow(own, -1, R) % R)
        squares = native.add(rows[0], by).reshape(body.squares.shape)
    return replace(body, squares=squares).encode()


def shifted(world: World, session: bytes, truth: bytes, by: int, entry: int) -> bytes:
    """Another masked product."""
    body = mask_form(world.stage.opening is not None).decode(truth, len(world.proposals[session].kept))
    shift = native.zeros(len(body.products))
    shift[entry] = native.from_ints([by % R])[0]
    return replace(body, products=native.add(body.products, shift)).encode()


def passing(
    world: World, session: bytes, said: Mapping[int, bytes], sender: int, products: tuple[int, int, int]
) -> bytes | None:
    """Shares of the validity test that make it pass, and points that fit those of t + 1 honest provers.

    Args:
        products: by how much one corrupt prover moves the products of the check of the bits, if there are any.
    """
    shape, count, t = world.stage.shape, len(world.proposals[session].kept), world.stage.shape.threshold
    form = validate_form(world.stage.opening is not None)
    heard = {p: form.decode(body, count) for p, body in said.items() if p in shape.honest}
    if len(heard) < 2 * t:
        return None
    base, low = sorted(heard)[: 2 * t], sorted(heard)[: t + 1]
    weights = native.lagrange_coefficients([p + 1 for p in low], sender + 1)
    gram, knowledge = (
        G1(native.g1_linear_combination([getattr(heard[p], name) for p in low], weights))
        for name in ("gram", "knowledge")
    )
    own, *rest = native.lagrange_coefficients([sender + 1, *(p + 1 for p in base)])
    scale = -pow(own, -1, R) % R
    with world.stage.toy.tracker.paused():
        residuals = native.linear_combination([heard[p].residuals for p in base], [w * scale % R for w in rest])
    if world.stage.opening is None:
        return ValidateBody(residuals, gram, knowledge).encode()
    truth = native.zeros(CHECK_PRODUCTS)
    if sender in said:
        truth = GradedValidateBody.decode(said[sender], count).products
    share = pow(own, -1, R) if sender == min(shape.corrupt) else 0
    moved = native.add(truth, native.from_ints([share * by % R for by in products]))
    return GradedValidateBody(residuals, gram, knowledge, moved).encode()
