"""A model owner's decisions about a training, as a file or a model card holds them: JSON of integers and strings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from circuits.errors import InvalidInputError
from commons.protocol.strictjson import bounded_json, canonical, require_fields
from commons.protocol.trainingdecisions import Decision, DecisionKind, SignedDecision

MAX_DECISIONS = 1 << 16
MAX_DECISION_FILE = 1 << 25
"""Bytes of a file of decisions at most; each has less than 512."""
_FIELDS = ("kind", "model", "round", "signature", "signer", "task", "terms_hash", "value")


def decisions_to_json(decisions: Sequence[SignedDecision]) -> list[dict[str, object]]:
    """As ``decisions_from_json`` takes them.  Raises InvalidInputError for too many."""
    _require_few(decisions)
    return [
        {
            "kind": int(each.decision.kind), "model": _hexed(each.decision.model_digest),
            "round": each.decision.round, "signature": _hexed(each.signature), "signer": _hexed(each.signer),
            "task": each.decision.task_id, "terms_hash": _hexed(each.decision.terms_hash),
            "value": each.decision.value,
        }
        for each in decisions
    ]  # fmt: skip


def decisions_from_json(value: Any) -> tuple[SignedDecision, ...]:
    """The decisions of a parsed value; nobody has checked their signatures.

    Raises:
        InvalidInputError: ``decisions_to_json`` gives no such value.
    """
    if not isinstance(value, list):
        raise InvalidInputError("decisions about a training are a list")
    _require_few(value)
    found = tuple(map(_decision, value))
    if decisions_to_json(found) != value:
        raise InvalidInputError("a decision is not written as decisions are: 0x and small hexadecimal digits")
    return found


def encode_decisions(decisions: Sequence[SignedDecision]) -> bytes:
    """A file of decisions."""
    return canonical(decisions_to_json(decisions))


def decode_decisions(data: bytes) -> tuple[SignedDecision, ...]:
    """The decisions in a file; nobody has checked their signatures.

    Raises:
        InvalidInputError: these bytes are none.
    """
    return decisions_from_json(bounded_json(data, "a file of decisions", MAX_DECISION_FILE))


def _decision(value: Any) -> SignedDecision:
    found = require_fields(value, "a decision", _FIELDS)
    kind = found["kind"]
    if type(kind) is not int or kind not in list(DecisionKind):
        raise InvalidInputError("the kind of a decision is 1, a metric, or 2, a stop")
    digests = (_octets(found, "terms_hash", 32), _octets(found, "model", 32))
    decision = Decision(found["task"], digests[0], found["round"], digests[1], DecisionKind(kind), found["value"])
    return SignedDecision(decision, _octets(found, "signer", 20), _octets(found, "signature", 65))


def _octets(found: Any, key: str, length: int) -> bytes:
    text = found[key]
    if not isinstance(text, str) or len(text) != 2 + 2 * length or not text.startswith("0x"):
        raise InvalidInputError(f"the {key} of a decision is 0x and {2 * length} hexadecimal digits")
    try:
        return bytes.fromhex(text[2:])
    except ValueError:
        raise InvalidInputError(f"the {key} of a decision is 0x and {2 * length} hexadecimal digits") from None


def _hexed(data: bytes) -> str:
    return f"0x{data.hex()}"


def _require_few(decisions: Sequence[object]) -> None:
    if len(decisions) > MAX_DECISIONS:
        raise InvalidInputError(f"a training has at most {MAX_DECISIONS} decisions in a file or card")
