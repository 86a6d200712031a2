"""What a model owner signs of a training that the rule leaves open: a round's metric, and that it stops.

All else of a training is recomputed.  Decisions are told as such: nobody but who has the validation set can check a
metric.  Each names the model that it speaks of, so it cannot be carried to another training of the same task.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from circuits.errors import InvalidInputError
from circuits.hashing import keccak, typed_message
from circuits.terms import MAX_ROUNDS, MarketId
from commons.protocol.signing import require_signer
from commons.protocol.strictjson import require_whole
from commons.protocol.trainingrules import MAX_METRIC

TRAINING_DECISION_TYPE = (
    "TrainingDecision(uint256 taskId,bytes32 termsHash,uint256 round,bytes32 modelDigest,uint256 kind,int256 value)"
)
"""By a task's model owner, of the model that follows from a round."""


class DecisionKind(IntEnum):
    """What a decision says.

    METRIC: the value is the metric, in millionths, of the model on the rule's validation set.
    STOP: the training ends with the model; the value is 0.
    """

    METRIC = 1
    STOP = 2


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision.

    Attributes:
        task_id, terms_hash: of the task.
        round: number of the round after which it is taken.
        model_digest: 32 bytes, Keccak-256 of the model that follows from that round.
        value: see ``DecisionKind``; magnitude at most 10^15.

    Raises:
        InvalidInputError: a part is out of range.
    """

    task_id: int
    terms_hash: bytes
    round: int
    model_digest: bytes
    kind: DecisionKind
    value: int = 0

    def __post_init__(self) -> None:
        require_whole("the task of a decision", self.task_id, 0, (1 << 64) - 1)
        require_whole("the round of a decision", self.round, 0, MAX_ROUNDS)
        require_whole("the value of a decision", self.value, -MAX_METRIC, MAX_METRIC)
        if len(self.terms_hash) != 32 or len(self.model_digest) != 32:
            raise InvalidInputError("the digests in a decision have 32 bytes")
        if not isinstance(self.kind, DecisionKind) or (self.kind is DecisionKind.STOP and self.value):
            raise InvalidInputError("a decision is a metric, or a stop of value 0")

    def digest(self, market: MarketId) -> bytes:
        """EIP-712 digest that the model owner signs, under the market's domain."""
        return keccak(self.message(market))

    def message(self, market: MarketId) -> bytes:
        """What that is the hash of, for signers that hash what they sign."""
        value = self.value % (1 << 256)  # int256, in two's complement
        values = (self.task_id, self.terms_hash, self.round, self.model_digest, int(self.kind), value)
        return typed_message(market.domain, TRAINING_DECISION_TYPE, values)


@dataclass(frozen=True, slots=True)
class SignedDecision:
    """A decision with its model owner's signature.

    Attributes:
        signer: 20-byte address of who is said to have signed.
        signature: 65 bytes r, s, v.
    """

    decision: Decision
    signer: bytes
    signature: bytes = field(repr=False)

    def require_signed(self, market: MarketId) -> None:
        """Raise SignatureError unless the signer signed."""
        what = f"the decision about round {self.decision.round}"
        require_signer(self.decision.digest(market), self.signature, self.signer, what)
