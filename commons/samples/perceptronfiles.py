"""A perceptron as a file: the same bytes for everybody who trains it on the same log of decisions."""

from __future__ import annotations

import hashlib

from commons.protocol.strictjson import canonical
from commons.samples.improvementrules import PerceptronRule
from commons.samples.perceptrons import Perceptron

__all__ = ["perceptron_digest", "perceptron_file"]


def perceptron_file(rule: PerceptronRule, campaign: bytes, log: bytes, model: Perceptron) -> bytes:
    """The file: JSON (RFC 8259) in ASCII, keys sorted, no space.

    Args:
        campaign: 32 bytes.
        log: 32 bytes, hash of the log of decisions that it was trained on, from its beginning.
    """
    return canonical({
        "bits": rule.bits, "campaign": campaign.hex(), "log": log.hex(), "margin": rule.margin,
        "schema": model.schema.digest.hex(), "version": 1, "weights": model.weights.tolist(),
    })  # fmt: skip


def perceptron_digest(rule: PerceptronRule, campaign: bytes, log: bytes, model: Perceptron) -> bytes:
    """SHA-256 of the file: what a version names as its model, 32 bytes."""
    return hashlib.sha256(perceptron_file(rule, campaign, log, model)).digest()
