"""What a coordinator keeps of a private sum: the sealed shares that provers gave for RELEASE, each as it was signed.

It cannot open them, and serves them as they are to whoever asks.  Layout (version 1): the byte 255, version, how many
(1 byte), then of each the prover (1 byte), its signature (65) and the sealed share, in ascending order of provers.  The
first byte is no version of a plain sum's encoding (``circuits.payload``).  Exactly one encoding for each list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import pairwise

from circuits.errors import WireError
from commons.protocol.bodies import DigestBody, Reader
from commons.protocol.messages import MAX_PROVERS, Message, Step, StepReply
from commons.protocol.replies import Answers, ProverNamed, ProverVerdict
from commons.protocol.sumlabels import sealed_bytes
from native import FrArray

_MAGIC = b"\xff\x01"
_SIGNATURE = 65
SumOpener = Callable[[int, bytes], FrArray]
"""Opens a prover's sealed share of a sum, FrArray (d + 129, 4); only who has the secret of the task's key has one."""


@dataclass(frozen=True, slots=True)
class SealedShare:
    """A prover's sealed share of a sum, and its signature of RELEASE."""

    prover: int
    signature: bytes
    sealed: bytes = field(repr=False)

    def reply(self, batch_id: bytes) -> StepReply:
        """The prover's answer, if it was about this batch."""
        body = DigestBody(sha256(self.sealed).digest()).encode()
        return StepReply(Message(batch_id, Step.RELEASE, self.prover, body, self.signature), raw=self.sealed)


def largest_list(scalars: int, provers: int = MAX_PROVERS) -> int:
    """Most bytes of an encoded list of shares of so many scalars, by the members of a committee."""
    return len(_MAGIC) + 1 + provers * (1 + _SIGNATURE + sealed_bytes(scalars))


def shares_in(replies: Mapping[int, StepReply]) -> tuple[SealedShare, ...]:
    """What came beside provers' replies, in ascending order of provers."""
    return tuple(SealedShare(p, reply.message.signature, reply.raw) for p, reply in sorted(replies.items()))


def encode(shares: Sequence[SealedShare]) -> bytes:
    """Canonical bytes of shares in ascending order of provers."""
    parts = (bytes((share.prover,)) + share.signature + share.sealed for share in shares)
    return b"".join((_MAGIC, bytes((len(shares),)), *parts))


def decode(raw: bytes, scalars: int) -> tuple[SealedShare, ...]:
    """Parse what somebody serves.

    Args:
        scalars: of each share; its length follows.

    Raises:
        WireError: it is no such list, or not in its canonical encoding.
    """
    if raw[: len(_MAGIC)] != _MAGIC:
        raise WireError("what is served is no list of sealed shares of a sum")
    reader = Reader(raw)
    reader.take(len(_MAGIC))
    count, size = reader.take(1)[0], sealed_bytes(scalars)
    if not 1 <= count <= MAX_PROVERS:
        raise WireError(f"a list of sealed shares has 1 to {MAX_PROVERS}, not {count}")
    found = tuple(SealedShare(reader.take(1)[0], reader.take(_SIGNATURE), reader.take(size)) for _ in range(count))
    reader.end()
    provers = [share.prover for share in found]
    if provers[-1] >= MAX_PROVERS or any(a >= b for a, b in pairwise(provers)):
        raise WireError(f"sealed shares are of provers below {MAX_PROVERS}, in ascending order, each once")
    return found


def of_form(answers: Answers[DigestBody], scalars: int) -> Answers[DigestBody]:
    """Those with a sealed share beside the message whose SHA-256 the sender signed.  What is in it nobody sees here."""
    faults = {p: _fault(answers.replies[p], body.digest, scalars) for p, body in answers.bodies.items()}
    return _without(answers, [
        ProverNamed(p, Step.RELEASE, f"sealed share: {fault}", proven=proven)
        for p, (fault, proven) in faults.items() if fault
    ])  # fmt: skip


def opened_shares(
    answers: Answers[DigestBody], scalars: int, opens: SumOpener
) -> tuple[Answers[DigestBody], dict[int, FrArray]]:
    """The shares in sealed replies, FrArray (scalars, 4); who sealed none of its own is named.

    Args:
        opens: raises WireError for what does not open.
    """
    answers = of_form(answers, scalars)
    shares: dict[int, FrArray] = {}
    fallen: list[ProverVerdict] = []
    for prover, reply in answers.replies.items():
        try:
            shares[prover] = opens(prover, reply.raw)
        except WireError as error:
            fallen.append(ProverNamed(prover, Step.RELEASE, f"sealed share: {error}"))
    return _without(answers, fallen), shares


def _fault(reply: StepReply, digest: bytes, scalars: int) -> tuple[str, bool]:
    """What is wrong with what came beside a message, and whether its sender's signature is on it."""
    if not reply.raw:
        return "none came with the message", False
    if sha256(reply.raw).digest() != digest:
        return "it is not the one that the message signs", False
    if len(reply.raw) != sealed_bytes(scalars):
        return f"it has {len(reply.raw)} bytes, one of {scalars} scalars has {sealed_bytes(scalars)}", True
    return "", False


def _without(answers: Answers[DigestBody], fallen: list[ProverVerdict]) -> Answers[DigestBody]:
    gone = {verdict.prover for verdict in fallen}
    return replace(
        answers,
        bodies={p: body for p, body in answers.bodies.items() if p not in gone},
        replies={p: reply for p, reply in answers.replies.items() if p not in gone},
        fallen=answers.fallen + tuple(fallen),
    )
