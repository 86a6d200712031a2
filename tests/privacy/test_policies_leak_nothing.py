"""What a policy adds may not open more: a corrupt prover shifts the opened norms, and reads what VALIDATE opens.

With at most 3t provers active nobody notices the shift in MASK.  A policy that multiplied the wire K_ii would turn it
into a linear function of the owner's secrets; with the norm made of the bits it is a constant that the adversary chose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

import native
from circuits.policies.gram import position
from circuits.policies.registry import register
from commons.protocol.bodies import MaskBody, ValidateBody
from commons.protocol.messages import Step, StepReply, StepRequest
from native import R
from tests.circuits.policy_exact_norm import EXACT_NORM
from tests.support.network import Fault, IntArray, Network, OwnerPlan, gradients, network_with
from tests.support.policies import own_registry

ACTIVE, SHIFT = (0, 1, 2), 12345


def residuals(gradients_: Sequence[IntArray], policy: str) -> list[int]:
    """What opens of each owner's validity test when every norm in the first attempt is shifted."""
    network = network_with([OwnerPlan(g) for g in gradients_], proves=policy)
    owners, weights = len(gradients_), native.lagrange_coefficients([p + 1 for p in ACTIVE])
    seen: dict[bytes, dict[int, list[int]]] = {}

    def shifted(of: Network, prover: int, request: StepRequest, reply: StepReply) -> StepReply:
        if request.step is not Step.MASK:
            return reply
        body = MaskBody.decode(reply.message.body, owners)
        products = native.to_ints(body.products)
        for owner in range(1, owners + 1):
            at = position(owner, owner, owners + 1)
            products[at] = (products[at] + SHIFT * pow(weights[0], -1, R)) % R
        lie = replace(body, products=native.from_ints(products)).encode()
        return replace(reply, message=of.resign(prover, reply.message, lie))

    def noted(of: Network, prover: int, request: StepRequest, reply: StepReply) -> StepReply:
        if request.step is Step.VALIDATE:
            body = ValidateBody.decode(reply.message.body, owners)
            seen.setdefault(reply.message.session, {})[prover] = native.to_ints(body.residuals)
        return reply

    faults: dict[int, list[Fault]] = {0: [shifted, noted], 1: [noted], 2: [noted]}
    network.run(faults, reachable=ACTIVE)
    shares = next(found for found in seen.values() if len(found) == len(ACTIVE))
    return [sum(w * shares[p][i] for w, p in zip(weights, ACTIVE, strict=True)) % R for i in range(owners)]


def exact() -> list[IntArray]:
    """Gradients that keep the policy: two of the largest norm, and zero."""
    return [np.array(g, np.int64) for g in ([1 << 20, 0, 0, 0, 0], [0] * 5, [0, 0, 0, -(1 << 20), 0])]


@pytest.mark.parametrize("policy", ["norm", "exact-norm"])
def test_a_shift_of_the_norms_opens_the_same_for_every_owner(policy: str) -> None:
    with own_registry():
        register(EXACT_NORM)
        opened = residuals(exact() if policy == "exact-norm" else gradients(3, 5, seed=4), policy)
    assert opened[0] != 0, "the shift was opened"
    assert len(set(opened)) == 1, "what opens depends on whose it is"
