"""How a client's connection behaves when the other side is away."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from commons.settings.sections import CoordinatorSettings
from commons.wire.channel import open_channel


@pytest.mark.parametrize(
    ("kind", "endpoint"), [("insecure_channel", "127.0.0.1:7101"), ("secure_channel", "grpcs://127.0.0.1:7101")]
)
def test_a_prover_that_is_back_is_found_within_the_time_that_a_coordinator_gives_it(
    kind: str, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """gRPC's own pauses grow to two minutes, however soon the other side is back."""
    given: list[Any] = []
    monkeypatch.setattr(grpc, kind, lambda *arguments: given.append(arguments[-1]))
    open_channel(endpoint)
    longest = dict(given[0])["grpc.max_reconnect_backoff_ms"] / 1000
    assert 1.2 * longest < CoordinatorSettings.model_fields["status_timeout"].default / 2  # with jitter
