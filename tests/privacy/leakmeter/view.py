"""What the adversary sees: every scalar, every point's exponent, every share laid open, as rows of a Jacobian."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from hashlib import sha256
from typing import Any

import numpy as np

from commons.protocol import bodies, gradedbodies
from commons.protocol.messages import Step, StepReply
from commons.protocol.sealedsums import open_sum
from commons.protocol.sumlabels import SumLabel
from commons.sharing.sharepayloads import decode_payload
from native import FrArray
from tests.privacy.leakmeter.linear import RowSpace, span
from tests.privacy.leakmeter.stage import SUM_SECRET, Stage
from tests.privacy.leakmeter.tangents import Tangent, Tracker, UntrackedError
from tests.privacy.leakmeter.toy import DIMENSION, TAIL

_PUBLIC = frozenset(
    {"nonce", "head", "seen", "state", "broadcasts", "digest", "signature", "squares_digest", "selection"}
)
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
_GRADED: Mapping[Step, Callable[..., Any]] = {
    **_BODIES,
    Step.PROJECT: gradedbodies.GradedProjectBody.decode,
    Step.MASK: gradedbodies.GradedMaskBody.decode,
    Step.VALIDATE: gradedbodies.GradedValidateBody.decode,
    Step.COMBINE: gradedbodies.GradedCombineBody.decode,
    Step.LOCK: gradedbodies.LockBody.decode,
    Step.OPEN: lambda raw, rows: gradedbodies.OpenBody.decode(raw, rows - 1),
}
_BY_OWNER = frozenset({Step.PROJECT, Step.MASK, Step.VALIDATE})
_BY_ROW = _BY_OWNER | {Step.COMBINE, Step.OPEN}


def initial_view(stage: Stage) -> RowSpace:
    """Before the first request: all commitments, the corrupt provers' shares, and all that corrupt owners dealt."""
    tracker = stage.toy.tracker
    rows = [tracker.known_point(s.header.commitment) for s in stage.handed_in]
    for (prover, _), payload in stage.payloads.items():
        if prover in stage.shape.corrupt:
            rows += _of_field(tracker, _share(stage, prover, payload))
    for submission in stage.handed_in:
        if submission.secrets is None:
            rows += list(submission.vector.tangents)
            rows += [tangent for share in submission.shares for tangent in _of_field(tracker, share)]
    return span(rows)


def seen_in(stage: Stage, reply: StepReply, rows: int) -> list[Tangent]:
    """Tangents of everything in an honest prover's reply.

    Args:
        rows: how many submissions the step's body is about.

    Raises:
        UntrackedError: it holds something that the meter does not follow.
    """
    tracker, message = stage.toy.tracker, reply.message
    forms, counted = (_BODIES, _BY_OWNER) if stage.opening is None else (_GRADED, _BY_ROW)
    decode = forms[message.step]
    body = decode(message.body, rows) if message.step in counted else decode(message.body)
    out = [t for f in fields(body) if f.name not in _PUBLIC for t in _of_field(tracker, getattr(body, f.name))]
    if reply.vector is not None:
        out += _of_field(tracker, reply.vector)
    if message.step is Step.RELEASE and reply.raw:
        out += _of_sealed(stage, reply)
    elif reply.raw:
        out += _of_field(tracker, _share(stage, message.sender, reply.raw))
    return out


def _of_sealed(stage: Stage, reply: StepReply) -> Iterator[Tangent]:
    """What a sealed share of a sum shows: to its reader all, to others nothing, as HPKE is taken to hide it.

    That it is sealed under its own label, and nothing of it lies open, is looked at here.
    """
    prover, batch_id = reply.message.sender, reply.message.session
    label = SumLabel.of(stage.context, batch_id, prover, stage.terms.sum_key)
    share = open_sum(SUM_SECRET, reply.raw, label, DIMENSION + TAIL)
    assert not any(row.tobytes() in reply.raw for row in share), "a sealed share lies open"
    assert reply.message.body == bodies.DigestBody(sha256(reply.raw).digest()).encode(), "its digest tells of the share"
    if stage.shape.reads:
        yield from _of_field(stage.toy.tracker, share)


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
