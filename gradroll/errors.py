"""Every error that the project raises on purpose, by its name; `GradrollError` is the base of all."""

from circuits.errors import (
    AssignmentError,
    BlamedProversError,
    BusyError,
    ChainError,
    CircuitError,
    ClosedError,
    ConfigError,
    ContractError,
    GradientError,
    GradrollError,
    InconsistentError,
    InsecureSetupError,
    InvalidInputError,
    KeyFileError,
    KeyMismatchError,
    NotReadyError,
    ProofError,
    RuleViolationError,
    SignatureError,
    SignerError,
    StandbyError,
    StorageError,
    UnavailableError,
    UnknownError,
    WireError,
)

__all__ = [
    "AssignmentError", "BlamedProversError", "BusyError", "ChainError", "CircuitError", "ClosedError", "ConfigError",
    "ContractError", "GradientError", "GradrollError", "InconsistentError", "InsecureSetupError", "InvalidInputError",
    "KeyFileError", "KeyMismatchError", "NotReadyError", "ProofError", "RuleViolationError", "SignatureError",
    "SignerError", "StandbyError", "StorageError", "UnavailableError", "UnknownError", "WireError",
]  # fmt: skip
