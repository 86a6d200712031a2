"""What a coordinator looks at before it begins to lead."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from circuits.errors import StorageError
from commons.chain.patience import Patience
from commons.runtime.watchdog import Watchdog
from commons.settings.sections import CoordinatorSettings
from commons.storage.accounts import SigningKey
from commons.telemetry.metrics import Telemetry
from coordinator.roundmetrics import RoundMetrics
from coordinator.tenure import Means, Tenure
from tests.coordinator.test_coordinator_start import NETWORK, Reset, entered, journal
from tests.simulation.world.chain import chain_of
from tests.simulation.world.clock import NodeClock
from tests.support.parameters import DevelopmentParameters


def test_a_log_of_another_deployment_is_refused_before_anything_is_made_of_it(tmp_path: Path) -> None:
    """What is stored beside it may be this deployment's: nothing may have been looked at, nor deleted."""
    results = tmp_path / "results"
    results.mkdir()
    (results / ".new-half").write_bytes(b"half")  # a coordinator that is made deletes it
    chain = chain_of(NETWORK)
    own = CoordinatorSettings(listen="h:1", log="sqlite:///unused", account=tmp_path, state=tmp_path)
    view = cast(Any, Reset(chain))
    means = Means(
        own, SigningKey.from_secret(NETWORK.coordinator_key), view, Patience(), DevelopmentParameters(NETWORK.setup),
        cast(Any, None), NodeClock(chain.clock), Watchdog(1.0, 1.0), RoundMetrics(Telemetry("coordinator")),
    )  # fmt: skip
    with pytest.raises(StorageError, match="another deployment"):
        Tenure(means, journal(entered()), tmp_path / "outbox")
    assert [path.name for path in results.iterdir()] == [".new-half"]
