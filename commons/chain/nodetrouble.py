"""A node that does not answer, or answers with something that is no answer."""

from __future__ import annotations

from collections.abc import Sequence

from web3.exceptions import Web3Exception
from web3.types import RPCResponse

from circuits.errors import ChainError


class NodeTroubleError(ChainError, Web3Exception):
    """One node is the trouble, not the chain: another one may be asked.

    Also an error of the library's, so that who sends a transaction takes it for what it is: an answer that never came,
    to a question that may have got through.

    Attributes:
        too_much: less may be answered: the question ran out of time, or its answer out of room.
        reached: the node may have got the question.
    """

    def __init__(self, message: str, *, too_much: bool = False, reached: bool = True) -> None:
        super().__init__(message)
        self.too_much = too_much
        self.reached = reached


class OtherChainError(NodeTroubleError):
    """A node is on another chain than the one that is meant; nothing else was asked of it."""

    def __init__(self, shown: str, found: int, wanted: int) -> None:
        super().__init__(
            f"the node at {shown} is on chain {found}, the configuration says {wanted}; correct the address of the "
            "node or the chain id", reached=False,
        )  # fmt: skip


class LacksBlockError(NodeTroubleError):
    """A node does not have a block that another one spoke of, which may be a lie: it is not set aside for that."""


class NoResultError(Web3Exception):
    """A node answers with an error where it should know; another one may.

    It is not set aside for that: a contract of a stranger's may have all of them do so.
    """

    def __init__(self, answer: RPCResponse) -> None:
        super().__init__(str(answer["error"]["message"]))
        self.answer = answer


def together(troubles: Sequence[NodeTroubleError]) -> NodeTroubleError:
    """One error for what each of several nodes has."""
    if len(troubles) == 1:
        return troubles[0]
    return NodeTroubleError(
        f"none of {len(troubles)} nodes is of use: {'; '.join(map(str, troubles))}",
        too_much=any(trouble.too_much for trouble in troubles),
        reached=any(trouble.reached for trouble in troubles),
    )


def with_result(answer: RPCResponse) -> RPCResponse:
    """A node's answer.  Raises NoResultError where it is an error."""
    if "result" not in answer:
        raise NoResultError(answer)
    return answer
