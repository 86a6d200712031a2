"""The way in from Python: roles of one settings file, errors by name, connections closed with the session."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import gradroll
from circuits.errors import UnavailableError, catalogue
from commons.protocol.status import SubmissionState
from gradroll import errors


def test_every_error_of_the_catalogue_is_offered_by_name() -> None:
    kinds = {kind.__name__: kind for kind in catalogue().values()}
    assert {name: getattr(errors, name) for name in errors.__all__} == kinds


def test_what_the_package_offers_is_there() -> None:
    assert all(getattr(gradroll, name) for name in gradroll.__all__)
    with pytest.raises(AttributeError):
        _ = gradroll.nothing


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, gradroll; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not {"numpy", "native", "web3", "grpc"} & set(loaded)


def test_a_session_says_what_its_file_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRADROLL_CHAIN_URL", raising=False)
    with (
        gradroll.connect(chain__chain_id=1) as session,
        pytest.raises(errors.ConfigError, match=r"owner\.\w+ is missing"),
    ):
        _ = session.data_owner
    with pytest.raises(errors.ConfigError, match=r"absent\.toml"):
        gradroll.connect(tmp_path / "absent.toml")
    with pytest.raises(errors.ConfigError, match="unknown"):
        gradroll.connect(chain__ulr="http://127.0.0.1:8545")


def test_a_session_closes_its_connections() -> None:
    with gradroll.connect() as session:
        client = session.coordinator("127.0.0.1:9")
    with pytest.raises(UnavailableError, match="was closed here"):
        client.submission_status(bytes(32))


def test_states_are_told_by_name() -> None:
    assert (str(SubmissionState.ACCEPTED), f"{SubmissionState.REJECTED}") == ("accepted", "rejected")
