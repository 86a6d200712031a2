"""What the adversary sees: every scalar, every point's exponent, every share laid open, as rows of a Jacobian."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from commons.protocol import bodies
from commons.protocol.messages import Step, StepReply
from commons.sharing.sharepayloads import decode_payload
from native import FrArray
from tests.privacy.leakmeter.linear import RowSpace, span
from tests.privacy.leakmeter.stage import Stage
from tests.privacy.leakmeter.tangents import Tangent, Tracker, UntrackedError
from tests.privacy.leakmeter.toy import DIMENSION

_PUBLIC = frozenset({"nonce", "head", "seen", "state", "broadcasts", "digest", "signature"})
"""Fields of bodies beside scalars and points: nothing in them depends on a secret but through a hash."""
_BODIES: Mapping[Step, Callable[..., Any]] = {
    Step.COIN: bodies.CoinBody.decode,
    Step.PROJECT: bodies.ProjectBody.decode,
    Step.MASK: bodies.MaskBody.decode,
    Step.VALIDATE: bodies.ValidateBody.decode,
    Step.CONFIRM: bodies.ConfirmBody.decode,
    Step.COMBINE: bodies.CombineBody.decode,
    Step.PROVE: bodies.ProveBody.decode,
    Step.ATTEST: bodies.SignatureBody.decode,
    Step.EXCLUDE: bodies.SignatureBody.decode,
    Step.RELEASE: bodies.DigestBody.decode,
    Step.PROBE_MASK: bodies.ProbeMaskBody.decode,
    Step.PROBE_COMBINE: bodies.DigestBody.decode,
    Step.REVEAL: bodies.DigestBody.decode,
}
_BY_OWNER = frozenset({Step.PROJECT, Step.MASK, Step.VALIDATE})


def initial_view(stage: Stage) -> RowSpace:
    """Before the first request: all commitments, the corrupt provers' shares, and all that corrupt owners dealt."""
    tracker = stage.toy.tracker
    rows = [tracker.known_point(s.header.commitment) for s in stage.submissions]
    for (prover, _), payload in stage.payloads.items():
        if prover in stage.shape.corrupt:
            rows += _of_field(tracker, _share(stage, prover, payload))
    for submission in stage.submissions:
        if submission.secrets is None:
            rows += list(submission.vector.tangents)
            rows += [tangent for share in submission.shares for tangent in _of_field(tracker, share)]
    return span(rows)


def seen_in(stage: Stage, reply: StepReply, owners: int) -> list[Tangent]:
    """Tangents of everything in an honest prover's reply.

    Args:
        owners: how many owners the step's body is about.

    Raises:
        UntrackedError: it holds something that the meter does not follow.
    """
    tracker, message = stage.toy.tracker, reply.message
    decode = _BODIES[message.step]
    body = decode(message.body, owners) if message.step in _BY_OWNER else decode(message.body)
    out = [t for f in fields(body) if f.name not in _PUBLIC for t in _of_field(tracker, getattr(body, f.name))]
    if reply.vector is not None:
        out += _of_field(tracker, reply.vector)
    if reply.raw:
        out += _of_field(tracker, _share(stage, message.sender, reply.raw))
    return out


def _share(stage: Stage, prover: int, payload: bytes) -> FrArray:
    return decode_payload(payload, DIMENSION, stage.holder(prover))


def _of_field(tracker: Tracker, value: object) -> Iterator[Tangent]:
    match value:
        case np.ndarray():
            yield from (tracker.known(row.tobytes()) for row in value.reshape(-1, 4))
        case int():
            yield tracker.known(value.to_bytes(32, "little"))
        case bytes():
            yield tracker.known_point(value)
        case _:
            raise UntrackedError(f"a body holds a {type(value).__name__}, which the meter does not follow")
