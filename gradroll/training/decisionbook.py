"""The decisions of a training: whose they are, and what they say about a round."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from circuits.errors import InvalidInputError, SignatureError
from circuits.terms import MarketId
from commons.protocol.trainingdecisions import Decision, DecisionKind, SignedDecision
from commons.protocol.trainingrules import TrainingRule
from gradroll.training.means import ScaledBlock


@dataclass(frozen=True, slots=True)
class TrainedTask:
    """What of a task a replay needs.

    Attributes:
        blocks: of the model manifest; their lengths sum to the task's dimension d.
        model_owners: 20-byte addresses that are or were the task's model owner; only they decide.
        handovers: of former ones, the first round that was opened after they passed the task on: of that and later
            rounds they decide nothing.
    """

    rule: TrainingRule
    blocks: Sequence[ScaledBlock]
    market: MarketId
    task_id: int
    terms_hash: bytes
    model_owners: frozenset[bytes]
    handovers: Mapping[bytes, int] = field(default_factory=dict)


def require_decision(task: TrainedTask, signed: SignedDecision) -> None:
    """Raise unless a decision is of the task and of a model owner of it.

    Raises:
        SignatureError: it is not.
    """
    decision = signed.decision
    if (decision.task_id, decision.terms_hash) != (task.task_id, task.terms_hash):
        raise SignatureError(f"the decision about round {decision.round} is of another task")
    if signed.signer not in task.model_owners:
        raise SignatureError(
            f"the decision about round {decision.round} is of 0x{signed.signer.hex()}, who never owned the task"
        )
    if decision.round >= task.handovers.get(signed.signer, decision.round + 1):
        raise SignatureError(
            f"the decision about round {decision.round} is of 0x{signed.signer.hex()}, who no longer owned the task"
        )
    signed.require_signed(task.market)


class DecisionBook:
    """Decisions by round; one that is there twice counts once."""

    def __init__(self, task: TrainedTask, signed: Sequence[SignedDecision]) -> None:
        """Raises:
        SignatureError: see ``require_decision``.
        InvalidInputError: there are more than four a round that the rule allows.
        """
        if len(signed) > 4 * task.rule.max_rounds:
            raise InvalidInputError(f"{len(signed)} decisions are more than four a round of the training rule")
        found: defaultdict[int, dict[Decision, None]] = defaultdict(dict)
        for each in signed:
            require_decision(task, each)
            found[each.decision.round][each.decision] = None
        self._found = found

    def about(self, number: int, model_digest: bytes) -> tuple[Decision, ...]:
        """What was decided about a round and the model that follows from it, metrics by value and then the stop.

        A decision about another model is of no effect: it may be of a branch of the chain that is no more.
        """
        all_of_round = self._found.get(number, {})
        ours = (decision for decision in all_of_round if decision.model_digest == model_digest)
        return tuple(sorted(ours, key=lambda decision: (decision.kind, decision.value)))


def metrics(decisions: Sequence[Decision]) -> list[int]:
    """The metrics among decisions, in millionths."""
    return [decision.value for decision in decisions if decision.kind is DecisionKind.METRIC]


def stops(decisions: Sequence[Decision]) -> bool:
    """Whether a decision ends the training."""
    return any(decision.kind is DecisionKind.STOP for decision in decisions)
