"""Lies that a corrupt prover can tell in a graded attempt, each one field of one step, signed as it should be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np

import native
from circuits import payload
from circuits.errors import WireError
from circuits.grading import NOISE_BITS, grades
from circuits.policies.gram import position
from commons.protocol.bodies import ProveBody
from commons.protocol.gradedbodies import (
    GradedCombineBody,
    GradedMaskBody,
    GradedProjectBody,
    GradedValidateBody,
    LockBody,
    OpenBody,
)
from commons.protocol.messages import Cohort, Step, StepReply, StepRequest
from native import FrArray
from provers.party import Party, noising
from tests.support.faults import bumped, lie_in_vector, moved, other
from tests.support.gradednetwork import GradedNetwork
from tests.support.network import Fault, Network, Result
from tests.support.parts import with_parts

Change = Callable[[Any], Any]
_FORMS: dict[Step, Any] = {
    Step.PROJECT: GradedProjectBody,
    Step.MASK: GradedMaskBody,
    Step.VALIDATE: GradedValidateBody,
    Step.COMBINE: GradedCombineBody,
    Step.OPEN: OpenBody,
}


def decoded(step: Step, body: bytes) -> Any:
    """A body of however many rows."""
    if step in (Step.LOCK, Step.PROVE):
        return (LockBody if step is Step.LOCK else ProveBody).decode(body)
    for count in range(1, 40):
        try:
            return _FORMS[step].decode(body, count)
        except WireError:
            continue
    raise AssertionError(f"no body of {step.name}")


def graded_lie(step: Step, name: str, change: Change, times: int = 1_000_000) -> Fault:
    """Change one part of a step's body; only the first ``times`` times."""
    left = [times]

    def fault(network: Network, prover: int, request: StepRequest, reply: StepReply) -> StepReply:
        if request.step is not step or left[0] == 0:
            return reply
        left[0] -= 1
        body = decoded(step, reply.message.body)
        lied = with_parts(body, **{name: change(getattr(body, name))})
        return replace(reply, message=network.resign(prover, reply.message, lied.encode()))

    return fault


def bump(*position: int) -> Change:
    """Add one to an element of an array, or to each."""

    def change(array: FrArray) -> FrArray:
        return bumped(np.ascontiguousarray(array), *position)

    return change


def graded_lies(times: int = 1_000_000) -> dict[str, Fault]:
    """Every lie of a graded batch whose owners are honest, by name, but those that ``faults`` has for all."""

    def of(step: Step, name: str, change: Change) -> Fault:
        return graded_lie(step, name, change, times)

    return {
        "projection-of-the-reference": of(Step.PROJECT, "shares", bump(3)),
        "squares-digest": of(Step.MASK, "squares_digest", lambda _: bytes(32)),
        "inner-product": of(Step.MASK, "products", bump(6)),
        "residual": of(Step.VALIDATE, "residuals", bump(1)),
        "product-of-masks": of(Step.VALIDATE, "products", bump(0)),
        "product-of-bits": of(Step.VALIDATE, "products", bump(2)),
        "opened-product": of(Step.COMBINE, "product", other),
        "not-bits": of(Step.COMBINE, "not_bits", other),
        "slack": of(Step.COMBINE, "slack", other),
        "combined-bits": of(Step.COMBINE, "combined", bump(5)),
        "squared-norm": of(Step.COMBINE, "square_norm", other),
        "combined-row": lie_in_vector_of_combine,
        "lock": of(Step.LOCK, "selection", lambda _: bytes(32)),
        "number": of(Step.OPEN, "values", bump(0)),
        "proof-a": of(Step.PROVE, "a", moved),
        "proof-c": of(Step.PROVE, "c", moved),
    }


def shifting_norm(row: int, shift: int) -> Fault:
    """Make the inner product of a row with itself come out larger by so much, wherever shares always fit."""

    def fault(network: Network, prover: int, request: StepRequest, reply: StepReply) -> StepReply:
        if request.step is not Step.MASK or request.proposal is None:
            return reply
        body, active = decoded(Step.MASK, reply.message.body), request.proposal.active
        weight = native.lagrange_coefficients([p + 1 for p in active])[active.index(prover)]
        products, place = body.products.copy(), position(row, row, len(request.proposal.kept) + 1)
        added = native.from_ints([shift * pow(weight, -1, native.R) % native.R])
        products[[place]] = native.add(products[[place]], added)
        lied = with_parts(body, products=products)
        return replace(reply, message=network.resign(prover, reply.message, lied.encode()))

    return fault


@contextmanager
def other_squares(liar: int, change: Change) -> Iterator[None]:
    """A prover that has other shares of the squares, and takes them for its own in every attempt."""
    own = noising._own_squares

    def lied(party: Party, cohort: Cohort) -> FrArray:
        squares = own(party, cohort)
        return change(squares) if party.index == liar else squares

    with patch.object(noising, "_own_squares", lied):
        yield


def lie_in_vector_of_combine(network: Network, prover: int, request: StepRequest, reply: StepReply) -> StepReply:
    """Another share of the row, with the body that fits it."""
    lied = lie_in_vector(Step.COMBINE)(network, prover, request, reply)
    assert isinstance(lied, StepReply)
    return lied


def check_graded(network: GradedNetwork, result: Result, owners: list[int]) -> None:
    """The batch has exactly these owners, their numbers are their inner products under 40 bits of noise, and what is
    released is the sum with the weights that follow.
    """
    done = result.completed
    graded, context = done.statement.graded, done.statement.context
    assert graded is not None
    assert [h.owner_index for h in done.statement.owners] == [network.headers[i].owner_index for i in owners]
    assert graded.reference == network.references[network.copy]
    assert graded.rule == network.rule
    scale, products = network.rule.scale(context.bound), network.products()
    noise = [value - scale * products[i] for value, i in zip(graded.values, owners, strict=True)]
    assert all(0 <= n < 1 << NOISE_BITS for n in noise), noise
    weights = grades(network.rule, graded.values).weights
    network.accept(done)
    opened = payload.decode(network.open_sum(done.bundle.certificate).payload, network.dimension)
    rows = [w * network.plans[i].gradient for w, i in zip(weights, owners, strict=True)]
    assert np.array_equal(opened.values, np.sum(rows, axis=0))
