"""The error catalogue of the whole project.

Every error that can reach a user has a class here, with a stable ``code``.  A message names the cause and the cure.
The edges (gRPC status, process exit, contract custom errors) translate from the code; nothing else does.
"""

from __future__ import annotations

from typing import ClassVar


class GradrollError(Exception):
    """Base of every error that the project raises on purpose."""

    code: ClassVar[str] = "internal"


class InvalidInputError(GradrollError):
    """Something a caller handed over is malformed; nothing was changed."""

    code: ClassVar[str] = "invalid-input"


class GradientError(InvalidInputError):
    """A gradient that cannot be quantised: wrong dimension, NaN, infinity, or beyond the quantiser."""

    code: ClassVar[str] = "bad-gradient"


class CircuitError(GradrollError):
    """A circuit that cannot be built or proven jointly; a mistake of whoever wrote the policy."""

    code: ClassVar[str] = "bad-circuit"


class AssignmentError(InvalidInputError):
    """Values for a circuit's wires that do not have the circuit's shape or are not canonical."""

    code: ClassVar[str] = "bad-assignment"


class WireError(InvalidInputError):
    """A message from the wire is not canonical, not bounded, or not on the curve."""

    code: ClassVar[str] = "bad-message"


class SignatureError(GradrollError):
    """A signature does not belong to the party it is said to come from."""

    code: ClassVar[str] = "bad-signature"


class KeyFileError(GradrollError):
    """A key or SRS file is unreadable, truncated, or not a file of that sort."""

    code: ClassVar[str] = "bad-key-file"


class KeyMismatchError(GradrollError):
    """A key file is sound but belongs to another circuit, another version, or another setup."""

    code: ClassVar[str] = "key-mismatch"


class InsecureSetupError(GradrollError):
    """A development-only (seeded) setup was met where a real one is required."""

    code: ClassVar[str] = "insecure-setup"


class ProofError(GradrollError):
    """A proof, an opening or an equation of the protocol does not hold."""

    code: ClassVar[str] = "proof-invalid"


class RuleViolationError(GradrollError):
    """A step that would break one of the rules that keep gradients private; it is refused for good."""

    code: ClassVar[str] = "rule-violation"


class NotReadyError(GradrollError):
    """The step is right but too early; the message says when to come back."""

    code: ClassVar[str] = "not-ready"


class ClosedError(GradrollError):
    """The round or task does not take this any more."""

    code: ClassVar[str] = "closed"


class UnknownError(GradrollError):
    """A task, round, committee, submission or session that nobody here knows."""

    code: ClassVar[str] = "unknown"


class ChainError(GradrollError):
    """The chain refused, is another chain, or cannot be reached."""

    code: ClassVar[str] = "chain"


class UnavailableError(GradrollError):
    """Too few of the other parties can be reached."""

    code: ClassVar[str] = "unavailable"


class StorageError(GradrollError):
    """The disk is full, not writable, or holds something it should not."""

    code: ClassVar[str] = "storage"


class ConfigError(GradrollError):
    """A configuration key is missing, unknown or out of range."""

    code: ClassVar[str] = "config"


class BlamedProversError(ProofError):
    """Provers whose messages provably do not fit; ``provers`` holds their committee indices (0-based)."""

    code: ClassVar[str] = "prover-blamed"

    def __init__(self, provers: tuple[int, ...], message: str) -> None:
        super().__init__(message)
        self.provers = provers


class InconsistentError(ProofError):
    """Values that do not fit one polynomial, with too little redundancy to say whose is wrong."""

    code: ClassVar[str] = "inconsistent"


class ContractError(ChainError):
    """A contract refused a call or a transaction; ``error`` is the name of its custom error."""

    code: ClassVar[str] = "contract-refused"

    def __init__(self, message: str, error: str = "") -> None:
        super().__init__(message)
        self.error = error
