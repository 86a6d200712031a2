"""The policy `norm`: what every policy proves (`spec`), and nothing beyond it."""

from __future__ import annotations

from circuits.policies.spec import PolicySpec

NORM = PolicySpec("norm", "Every owner's squared norm is at most BOUND.")
