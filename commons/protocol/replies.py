"""Taking the provers' replies apart: who answered properly, who did not, and what to hold against whom."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Generic, Literal, TypeVar

import numpy as np

import native
from circuits.errors import BlamedProversError, SignatureError, WireError
from circuits.statement import Committee
from commons.protocol.bodies import CombineBody, DigestBody
from commons.protocol.gradedbodies import GradedCombineBody
from commons.protocol.messages import Message, Step, StepReply
from commons.protocol.signing import verify_message
from native import FrArray

B = TypeVar("B")
D = TypeVar("D", bound=CombineBody | GradedCombineBody | DigestBody)


@dataclass(frozen=True, slots=True)
class Failure:
    """A prover's non-answer: the transport failed, or the prover refused with an error of the catalogue."""

    kind: Literal["unreachable", "refused"]
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class ProverNamed:
    """The prover deviated; it takes no further part in the batch.

    Attributes:
        proven: whether its own signature is on the evidence.  If not (say, the signature itself is wrong), whoever
            sits on the line could have done it, so it does not count among the at most t liars.
    """

    prover: int
    step: Step
    reason: str
    proven: bool = True


@dataclass(frozen=True, slots=True)
class ProverAbsent:
    """The prover did not answer or refused; it takes no further part in the batch, but nothing is held against it.

    Attributes:
        code: of the error with which it refused; empty for one that did not answer.
    """

    prover: int
    step: Step
    reason: str
    code: str = ""


ProverVerdict = ProverNamed | ProverAbsent


@dataclass(frozen=True, slots=True, eq=False)
class Answers(Generic[B]):
    """Replies of one step, by prover in ascending order; ``fallen`` did not answer or answered nonsense."""

    bodies: Mapping[int, B]
    replies: Mapping[int, StepReply]
    fallen: tuple[ProverVerdict, ...]

    @property
    def messages(self) -> tuple[Message, ...]:
        """The signed messages, in order of prover."""
        return tuple(reply.message for reply in self.replies.values())


def collect(
    committee: Committee,
    replies: Mapping[int, StepReply | Failure],
    asked: Iterable[int],
    session: bytes,
    step: Step,
    decode: Callable[[bytes], B],
) -> Answers[B]:
    """Check session, step, sender, signature and body of each reply; a missing reply counts as unreachable."""
    bodies: dict[int, B] = {}
    proper: dict[int, StepReply] = {}
    fallen: list[ProverVerdict] = []
    for prover in sorted(asked):
        reply = replies.get(prover)
        if not isinstance(reply, StepReply):
            fallen.append(_absent(prover, step, reply))
            continue
        try:
            bodies[prover] = _body(committee, reply.message, prover, session, step, decode)
            proper[prover] = reply
        except SignatureError as error:
            fallen.append(ProverNamed(prover, step, f"message: {error}", proven=False))
        except WireError as error:
            fallen.append(ProverNamed(prover, step, f"message: {error}"))
    return Answers(bodies, proper, tuple(fallen))


def _absent(prover: int, step: Step, reply: Failure | None) -> ProverAbsent:
    if reply is None:
        return ProverAbsent(prover, step, "unreachable: no answer")
    code = reply.code if reply.kind == "refused" else ""
    return ProverAbsent(prover, step, f"{reply.kind}: {reply.code}: {reply.message}", code)


def _body(
    committee: Committee, message: Message, prover: int, session: bytes, step: Step, decode: Callable[[bytes], B]
) -> B:
    if message.session != session or message.step is not step or message.sender != prover:
        raise SignatureError("the message belongs to another session, step or prover")
    verify_message(message, committee.members[prover])
    return decode(message.body)


def vectors(answers: Answers[D], length: int, step: Step) -> tuple[Answers[D], dict[int, FrArray]]:
    """The vectors beside the messages, FrArray (length, 4), whose SHA-256 the senders signed."""
    good: dict[int, FrArray] = {}
    fallen: list[ProverVerdict] = []
    for prover, body in answers.bodies.items():
        vector = answers.replies[prover].vector
        fault = _vector_fault(vector, length, body.digest)
        if vector is None or fault:
            fallen.append(ProverNamed(prover, step, f"vector: {fault}", proven=False))
        else:
            good[prover] = vector
    rest = replace(
        answers,
        bodies={p: answers.bodies[p] for p in good},
        replies={p: answers.replies[p] for p in good},
        fallen=answers.fallen + tuple(fallen),
    )
    return rest, good


def _vector_fault(vector: FrArray | None, length: int, digest: bytes) -> str:
    if vector is None or vector.shape != (length, 4) or vector.dtype != np.uint64:
        return f"no vector of {length} scalars came with the message"
    try:
        native.check(vector)
    except ValueError as error:
        return f"the vector is not canonical: {error}"
    matches = sha256(np.ascontiguousarray(vector).data).digest() == digest
    return "" if matches else "the vector is not the one that the message signs"


def blamed(error: BlamedProversError, step: Step) -> tuple[ProverVerdict, ...]:
    """The verdict on provers whose shares an opening located as wrong."""
    return tuple(ProverNamed(p, step, f"share: {error}") for p in error.provers)
