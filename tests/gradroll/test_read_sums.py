"""`gradroll task read` tells whose share was wrong, and whether that is the prover's own word."""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from commons.protocol.messages import Step
from commons.protocol.replies import ProverAbsent, ProverNamed
from gradroll.commands import taskrounds
from gradroll.console import Console
from gradroll.model_owner.buyer import RoundAggregate

VERDICTS = (
    ProverNamed(0, Step.RELEASE, "share: it does not fit"),
    ProverNamed(1, Step.RELEASE, "message: another's signature", proven=False),
    ProverAbsent(2, Step.RELEASE, "unreachable: no answer"),
)


def test_what_a_coordinator_may_have_changed_is_not_held_against_the_prover(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = RoundAggregate(np.zeros(3, np.int64), np.zeros(3), (), (), VERDICTS)
    session = SimpleNamespace(view=None, model_owner=SimpleNamespace(read_aggregate=lambda *_, **__: found))

    @contextmanager
    def reading(_: argparse.Namespace) -> Iterator[SimpleNamespace]:
        yield session

    monkeypatch.setattr(taskrounds, "reading", reading)
    monkeypatch.setattr(taskrounds, "the_task", lambda *_: 7)
    out = io.StringIO()
    console = Console(out, machine=True)
    taskrounds.read(argparse.Namespace(task=7, round=0, from_provers=False, out=tmp_path / "sum.npy", console=console))
    console.end()
    told = json.loads(out.getvalue())
    assert [(each["prover"], each["proven"]) for each in told["provers"]] == [(0, True), (1, False), (2, False)]
    assert ["may have changed it" in warning for warning in told["warnings"]] == [False, True, False]
