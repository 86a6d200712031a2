"""The error catalogue of the whole project.

Every error that can reach a user has a class here, with a stable ``code``.  A message names the cause and the cure.
What stands for it at the edges, a gRPC status and the exit status of a command, stands beside the code.
"""

from __future__ import annotations

from typing import ClassVar


class GradrollError(Exception):
    """Base of every error that the project raises on purpose; alone it is a mistake in the project.

    Attributes:
        code: stable, for machines.
        exit_status: of a command that ends with it: 3 bad input or settings, 4 too early, closed or unknown, 5 somebody
            cannot be reached or the chain refused, 6 keys or disk, 7 a check failed.
        rpc_status: name of the gRPC status that stands for it.
        cure: what to do about errors of the kind, where a message says nothing more special.
        own_machine: the message speaks of this process's own files, settings or node; strangers are not told.
    """

    code: ClassVar[str] = "internal"
    exit_status: ClassVar[int] = 1
    rpc_status: ClassVar[str] = "INTERNAL"
    cure: ClassVar[str] = "this is a mistake in gradroll; report it with what you did and the whole message"
    own_machine: bool = False

    def __init_subclass__(cls, code: str = "", exit_status: int = 0, rpc_status: str = "", **rest: object) -> None:
        """What a class does not say, it has from its base; it may then be raised where only the base is expected."""
        super().__init_subclass__(**rest)
        if code:
            cls.code, cls.exit_status, cls.rpc_status = code, exit_status, rpc_status


class InvalidInputError(GradrollError, code="invalid-input", exit_status=3, rpc_status="INVALID_ARGUMENT"):
    """Something a caller handed over is malformed; nothing was changed."""

    cure = "correct what the message names, and do it again"


class GradientError(InvalidInputError, code="bad-gradient", exit_status=3, rpc_status="INVALID_ARGUMENT"):
    """A gradient that cannot be quantised: wrong dimension, NaN, infinity, or beyond the quantiser."""

    cure = "save another gradient, as the message says, and submit that"


class CircuitError(GradrollError, code="bad-circuit", exit_status=3, rpc_status="FAILED_PRECONDITION"):
    """A circuit that cannot be built or proven jointly; a mistake of whoever wrote the policy."""

    cure = "choose another policy, capacity or bound; if the policy is yours, correct it"


class AssignmentError(InvalidInputError, code="bad-assignment", exit_status=7, rpc_status="INVALID_ARGUMENT"):
    """Values for a circuit's wires that do not have the circuit's shape or are not canonical."""

    cure = "if the policy is yours, correct it; otherwise report it"


class WireError(InvalidInputError, code="bad-message", exit_status=3, rpc_status="INVALID_ARGUMENT"):
    """A message from the wire is not canonical, not bounded, or not on the curve."""

    cure = "update both sides to one release; if they are, the other side is broken, so tell its operator"


class SignatureError(GradrollError, code="bad-signature", exit_status=7, rpc_status="PERMISSION_DENIED"):
    """A signature does not belong to the party it is said to come from."""

    cure = "look whether key file, chain and market are the ones that are meant, and whether releases are alike"


class KeyFileError(GradrollError, code="bad-key-file", exit_status=6, rpc_status="FAILED_PRECONDITION"):
    """A key or SRS file is unreadable, truncated, or not a file of that sort."""

    cure = "correct the path, get the file again from where it was published, or put a copy back"
    own_machine = True


class KeyMismatchError(GradrollError, code="key-mismatch", exit_status=6, rpc_status="FAILED_PRECONDITION"):
    """A key file is sound but belongs to another circuit, another version, or another setup."""

    cure = "get the file that the market's operator publishes for this task and release"
    own_machine = True


class InsecureSetupError(GradrollError, code="insecure-setup", exit_status=6, rpc_status="FAILED_PRECONDITION"):
    """A development-only (seeded) setup was met where a real one is required."""

    cure = "use files of a real setup; to try things out, pass --development"
    own_machine = True


class ProofError(GradrollError, code="proof-invalid", exit_status=7, rpc_status="ABORTED"):
    """A proof, an opening or an equation of the protocol does not hold."""

    cure = "trust nothing that it speaks of; whoever made it is faulty or lies, so tell the others"


class RuleViolationError(GradrollError, code="rule-violation", exit_status=7, rpc_status="PERMISSION_DENIED"):
    """A step that would break one of the rules that keep gradients private; it is refused for good."""

    cure = "do not repeat it; find out who asked for it"


class NotReadyError(GradrollError, code="not-ready", exit_status=4, rpc_status="FAILED_PRECONDITION"):
    """The step is right but too early; the message says when to come back."""

    cure = "come back when the message says"


class ClosedError(GradrollError, code="closed", exit_status=4, rpc_status="FAILED_PRECONDITION"):
    """The round or task does not take this any more."""

    cure = "take part in the next round, or in another task"


class UnknownError(GradrollError, code="unknown", exit_status=4, rpc_status="NOT_FOUND"):
    """A task, round, committee, submission or session that nobody here knows."""

    cure = "check the number, the market's address, and whom you ask"


class ChainError(GradrollError, code="chain", exit_status=5, rpc_status="UNAVAILABLE"):
    """The chain refused, is another chain, or cannot be reached."""

    cure = "correct chain.url, chain.chain_id or chain.market, wait for the node, or use another"
    own_machine = True


class SignerError(ChainError, code="signer", exit_status=5, rpc_status="UNAVAILABLE"):
    """An external signer cannot be reached, refuses, or signs something else than it was asked for."""

    cure = "correct the account's place or the settings of signer, look at the signer's log, then repeat the command"


class UnavailableError(GradrollError, code="unavailable", exit_status=5, rpc_status="UNAVAILABLE"):
    """Too few of the other parties can be reached."""

    cure = "see that the others run and can be reached, then repeat the command: it goes on"


class BusyError(UnavailableError, code="busy", exit_status=5, rpc_status="RESOURCE_EXHAUSTED"):
    """A server has as many calls of this kind, or of this caller, as it takes at a time; nothing was changed."""

    cure = "do it again after a while; commands of this release wait and ask again by themselves"

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        """Args:
        retry_after: seconds after which it is worth asking again, as the server said.
        """
        super().__init__(message)
        self.retry_after = retry_after


class StandbyError(UnavailableError, code="standby", exit_status=5, rpc_status="UNAVAILABLE"):
    """A coordinator that stands by was asked: another one of the same account leads; nothing was changed."""

    cure = "ask the coordinator that the message names, or this one again in a while, when it may lead"

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        """Args:
        retry_after: seconds after which it is worth asking again, as the server said.
        """
        super().__init__(message)
        self.retry_after = retry_after


class StorageError(GradrollError, code="storage", exit_status=6, rpc_status="RESOURCE_EXHAUSTED"):
    """The disk is full, not writable, or holds something it should not."""

    cure = "free some space, correct the permissions, or name another place; then go on"
    own_machine = True


class FullError(StorageError):
    """What the operator set aside for others is used up, which they may know."""

    cure = "wait until the rounds before have settled, or ask the operator for more room"
    own_machine = False


class ConfigError(GradrollError, code="config", exit_status=3, rpc_status="FAILED_PRECONDITION"):
    """A configuration key is missing, unknown or out of range."""

    cure = "correct the key, the variable or the option that the message names"
    own_machine = True


class BlamedProversError(ProofError, code="prover-blamed", exit_status=7, rpc_status="ABORTED"):
    """Provers whose messages provably do not fit; ``provers`` holds their committee indices (0-based)."""

    cure = "tell the operators of the provers that it names; the others go on without them"

    def __init__(self, provers: tuple[int, ...], message: str) -> None:
        super().__init__(message)
        self.provers = provers


class InconsistentError(ProofError, code="inconsistent", exit_status=7, rpc_status="ABORTED"):
    """Values that do not fit one polynomial, with too little redundancy to say whose is wrong."""

    cure = "find the faulty prover by its log; a committee of more members would name it"


class ContractError(ChainError, code="contract-refused", exit_status=5, rpc_status="FAILED_PRECONDITION"):
    """A contract refused a call or a transaction; ``error`` is the name of its custom error."""

    cure = "do what the message says; the name in brackets is the contract's error"
    own_machine = False

    def __init__(self, message: str, error: str = "") -> None:
        super().__init__(message)
        self.error = error


def catalogue() -> dict[str, type[GradrollError]]:
    """Every error class by its code."""
    found: dict[str, type[GradrollError]] = {}
    pending: list[type[GradrollError]] = [GradrollError]
    while pending:
        kind = pending.pop()
        found.setdefault(kind.code, kind)
        pending.extend(kind.__subclasses__())
    return found
