"""Taking in what the coordinator relays: each prover's own signed message, exactly one from each expected prover."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from circuits.errors import WireError
from circuits.hashing import keccak
from circuits.statement import Committee
from commons.protocol.messages import Message, Step
from commons.protocol.signing import verify_message

B = TypeVar("B")


def take(
    committee: Committee,
    relayed: Sequence[Message],
    session: bytes,
    step: Step,
    senders: Iterable[int],
    decode: Callable[[bytes], B],
) -> dict[int, B]:
    """Bodies by sender, after checking session, step, senders and signatures.

    Args:
        senders: exactly the provers whose messages are needed.

    Raises:
        WireError: a message is missing, doubled, unasked for or malformed.
        SignatureError: a message was not signed by the prover it names.
    """
    expected = sorted(senders)
    if sorted(m.sender for m in relayed) != expected:
        raise WireError(f"{step.name} messages of provers {expected} are needed, each once")
    out = {}
    for message in relayed:
        if message.session != session or message.step is not step:
            raise WireError(f"a relayed message belongs to another session or step than this {step.name}")
        verify_message(message, committee.members[message.sender])
        out[message.sender] = decode(message.body)
    return dict(sorted(out.items()))


def broadcast_hash(messages: Iterable[Message], before: bytes = bytes(32)) -> bytes:
    """Chain hash over messages in order of sender: what all provers must have seen alike."""
    ordered = sorted(messages, key=lambda m: m.sender)
    return keccak(before + b"".join(m.digest for m in ordered))
