"""Lies that a corrupt prover can tell, each one field of one step, signed as it should be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

import native
from circuits.errors import NotReadyError
from commons.protocol.bodies import (
    CoinBody,
    CombineBody,
    ConfirmBody,
    DigestBody,
    MaskBody,
    ProbeMaskBody,
    ProjectBody,
    ProveBody,
    SignatureBody,
    ValidateBody,
)
from commons.protocol.gradedbodies import CHECK_PRODUCTS
from commons.protocol.messages import Step, StepReply, StepRequest
from commons.protocol.replies import Failure
from native import G1, G2, FrArray
from provers.party import handle
from tests.support.network import Fault, Network
from tests.support.parts import with_parts

Rewrite = Callable[[bytes, int], bytes]
"""From a body and the number of owners in it to another body."""


def other(value: int) -> int:
    """Another scalar."""
    return (value + 1) % native.R


def bumped(array: FrArray, *position: int) -> FrArray:
    """A copy with one element (or, without a position, every element) increased by one."""
    out = array.copy()
    flat = out.reshape(-1, 4)
    if position:
        flat[position[0]] = native.add(flat[[position[0]]], native.from_ints([1]))[0]
    else:
        flat[:] = native.add(flat, native.from_ints([1] * len(flat)))
    return out


def moved(point: G1) -> G1:
    """Another point."""
    return native.g1_add(point, native.g1_generator)


def moved2(point: G2) -> G2:
    """Another point of G2."""
    return native.g2_add(point, native.g2_generator)


def lie(step: Step, rewrite: Rewrite, times: int = 1_000_000) -> Fault:
    """Rewrite the body of one step; only the first ``times`` times."""
    left = [times]

    def fault(network: Network, prover: int, request: StepRequest, reply: StepReply) -> StepReply:
        if request.step is not step or left[0] == 0:
            return reply
        left[0] -= 1
        body = rewrite(reply.message.body, _owners(network, request, reply))
        return replace(reply, message=network.resign(prover, reply.message, body))

    return fault


def _owners(network: Network, request: StepRequest, reply: StepReply) -> int:
    """Owners that a body speaks of; its length tells."""
    if request.step is Step.PROJECT:
        return len(reply.message.body) // 32 // 129
    if request.step is Step.VALIDATE:
        return (len(reply.message.body) - 128) // 32
    if request.step is Step.MASK:
        entries = (len(reply.message.body) - 64) // 32 - 128
        return next(m for m in range(300) if (m + 1) * (m + 2) // 2 == entries)
    return 0


def lie_in_vector(step: Step, *, signed: bool = True) -> Fault:
    """Another vector beside the message; with a body that fits it, or not."""

    def fault(network: Network, prover: int, request: StepRequest, reply: StepReply) -> StepReply:
        if request.step is not step or reply.vector is None:
            return reply
        vector = bumped(reply.vector, 1)
        if not signed:
            return replace(reply, vector=vector)
        body = sha256(vector.tobytes()).digest() + reply.message.body[32:]
        return StepReply(network.resign(prover, reply.message, body), vector, reply.raw)

    return fault


def lie_in_revelation(network: Network, prover: int, request: StepRequest, reply: StepReply) -> StepReply:
    """Lay another share open than the one the owner signed."""
    if request.step is not Step.REVEAL:
        return reply
    raw = bytes((0,)) + bytes(32)
    return StepReply(network.resign(prover, reply.message, sha256(raw).digest()), None, raw)


def silent(step: Step) -> Fault:
    """No answer in one step."""

    def fault(network: Network, prover: int, request: StepRequest, reply: StepReply) -> StepReply | Failure:
        return Failure("unreachable", "unavailable", "timed out") if request.step is step else reply

    return fault


def refusing(step: Step) -> Fault:
    """A refusal in one step."""

    def fault(network: Network, prover: int, request: StepRequest, reply: StepReply) -> StepReply | Failure:
        return Failure("refused", "rule-violation", "will not") if request.step is step else reply

    return fault


def garbage(step: Step) -> Fault:
    """A body that is none, properly signed."""
    return lie(step, lambda body, owners: body[:-1])


def badly_signed(step: Step) -> Fault:
    """A message that somebody else signed."""

    def fault(network: Network, prover: int, request: StepRequest, reply: StepReply) -> StepReply:
        if request.step is not step:
            return reply
        message = network.resign((prover + 1) % network.provers, reply.message, reply.message.body)
        stolen = replace(message, sender=prover)
        return replace(reply, message=stolen)

    return fault


def _coin(body: bytes, owners: int) -> bytes:
    decoded = CoinBody.decode(body)
    return replace(decoded, share=other(decoded.share)).encode()


def _project(position: int | None) -> Rewrite:
    def rewrite(body: bytes, owners: int) -> bytes:
        shares = ProjectBody.decode(body, owners).shares
        return ProjectBody(bumped(shares) if position is None else bumped(shares, position)).encode()

    return rewrite


def _mask(**changes: Callable[[MaskBody], object]) -> Rewrite:
    def rewrite(body: bytes, owners: int) -> bytes:
        decoded = MaskBody.decode(body, owners)
        return with_parts(decoded, **{name: change(decoded) for name, change in changes.items()}).encode()

    return rewrite


def _validate(**changes: Callable[[ValidateBody], object]) -> Rewrite:
    def rewrite(body: bytes, owners: int) -> bytes:
        decoded = ValidateBody.decode(body, owners)
        return with_parts(decoded, **{name: change(decoded) for name, change in changes.items()}).encode()

    return rewrite


def _prove(**changes: Callable[[ProveBody], object]) -> Rewrite:
    def rewrite(body: bytes, owners: int) -> bytes:
        decoded = ProveBody.decode(body)
        return with_parts(decoded, **{name: change(decoded) for name, change in changes.items()}).encode()

    return rewrite


def _combine_norm(body: bytes, owners: int) -> bytes:
    decoded = CombineBody.decode(body)
    return replace(decoded, square_norm=other(decoded.square_norm)).encode()


REWRITES: dict[str, tuple[Step, Rewrite]] = {
    "coin": (Step.COIN, _coin),
    "projection-of-one-owner": (Step.PROJECT, _project(3)),
    "dealing-check-of-one-owner": (Step.PROJECT, _project(128)),
    "projections-of-all": (Step.PROJECT, _project(None)),
    "mask-commitment": (Step.MASK, _mask(commitment=lambda b: moved(b.commitment))),
    "mask-projections": (Step.MASK, _mask(projections=lambda b: bumped(b.projections, 5))),
    "one-product": (Step.MASK, _mask(products=lambda b: bumped(b.products, 2))),
    "norm-product": (Step.MASK, _mask(products=lambda b: bumped(b.products, len(b.products) - 1))),
    "all-products": (Step.MASK, _mask(products=lambda b: bumped(b.products))),
    "one-residual": (Step.VALIDATE, _validate(residuals=lambda b: bumped(b.residuals, 0))),
    "all-residuals": (Step.VALIDATE, _validate(residuals=lambda b: bumped(b.residuals))),
    "gram-commitment": (Step.VALIDATE, _validate(gram=lambda b: moved(b.gram))),
    "knowledge": (Step.VALIDATE, _validate(knowledge=lambda b: moved(b.knowledge))),
    "confirmed-state": (Step.CONFIRM, lambda body, owners: ConfirmBody(bytes(32), body[32:]).encode()),
    "confirmed-broadcasts": (Step.CONFIRM, lambda body, owners: ConfirmBody(body[:32], bytes(32)).encode()),
    "squared-norm": (Step.COMBINE, _combine_norm),
    "proof-a": (Step.PROVE, _prove(a=lambda b: moved(b.a))),
    "proof-b": (Step.PROVE, _prove(b=lambda b: moved2(b.b))),
    "proof-c": (Step.PROVE, _prove(c=lambda b: moved(b.c))),
    "attestation": (Step.ATTEST, lambda body, owners: SignatureBody(bytes(64) + b"\x1b").encode()),
}


def lies() -> dict[str, Fault]:
    """Every persistent lie of a batch whose owners are honest, by name."""
    out = {name: lie(step, rewrite) for name, (step, rewrite) in REWRITES.items()}
    out["combined-row"] = lie_in_vector(Step.COMBINE)
    out["combined-row-unsigned"] = lie_in_vector(Step.COMBINE, signed=False)
    return out


def release_lies() -> dict[str, Fault]:
    """Every persistent lie about a share of the sum, by name."""
    return {
        "sum": lie_in_vector(Step.RELEASE),
        "sum-unsigned": lie_in_vector(Step.RELEASE, signed=False),
        "sum-silent": silent(Step.RELEASE),
        "sum-refused": refusing(Step.RELEASE),
        "sum-garbage": garbage(Step.RELEASE),
        "sum-badly-signed": badly_signed(Step.RELEASE),
    }


def covering(owner: int, form: type[ValidateBody] = ValidateBody) -> Fault:
    """A rushing prover in league with an owner: it looks at the others' words before it speaks, and makes the validity
    test of the batch's ``owner``-th row come out as zero.
    """

    def fault(network: Network, prover: int, request: StepRequest, reply: StepReply) -> StepReply:
        if request.step is not Step.VALIDATE:
            return reply
        active = sorted({m.sender for m in request.relayed})
        rows = _owners(network, request, reply) - (0 if form is ValidateBody else CHECK_PRODUCTS)
        mine = form.decode(reply.message.body, rows)
        if owner >= len(mine.residuals):
            return reply
        shares = {prover: mine.residuals}
        for p in active:
            if p != prover:
                shares[p] = _peeked(network, p, request, form, rows)
        xs = [p + 1 for p in active]
        residual = native.to_ints(native.interpolate([shares[p] for p in active], xs))[owner]
        weight = native.lagrange_coefficients(xs)[active.index(prover)]
        residuals = native.to_ints(mine.residuals)
        residuals[owner] = (residuals[owner] - residual * pow(weight, -1, native.R)) % native.R
        body = replace(mine, residuals=native.from_ints(residuals)).encode()
        return replace(reply, message=network.resign(prover, reply.message, body))

    return fault


def _peeked(network: Network, prover: int, request: StepRequest, form: type[ValidateBody], rows: int) -> FrArray:
    """What an honest prover says, before or after it has said it."""
    memory = network.memories[prover]
    try:
        reply = handle(network.parties[prover], request, memory).reply
    except NotReadyError:
        reply = handle(network.earlier[prover], request, memory).reply
    return form.decode(reply.message.body, rows).residuals


LIES = tuple(lies())


def probe_lies() -> dict[str, Fault]:
    """Every persistent lie of a probe, by name."""
    mask = lie(
        Step.PROBE_MASK, lambda body, owners: ProbeMaskBody(moved(ProbeMaskBody.decode(body).commitment)).encode()
    )
    digest = lie(Step.PROBE_COMBINE, lambda body, owners: DigestBody(bytes(32)).encode())
    return {"probe-mask": mask, "probe-row": lie_in_vector(Step.PROBE_COMBINE), "probe-digest": digest}
