"""The way in from Python: roles of one settings file, errors by name, connections closed with the session."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import gradroll
from circuits.errors import UnavailableError, catalogue
from commons.protocol.status import SubmissionState
from commons.settings.loading import load
from commons.settings.sections import ModelOwnerSettings
from gradroll import errors
from gradroll.session import Session, outbox_of

SIGNER = "https://user:hunter2@signer.invalid:9000#0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"


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


def test_an_account_at_an_external_signer_needs_a_place_to_remember_what_it_sends(tmp_path: Path) -> None:
    """Beside its key file is no place, and without one a command that is run again would pay twice."""
    settings = load(environment={}, overrides={"model_owner.account": SIGNER})
    place = settings.section(ModelOwnerSettings, "account").account
    with pytest.raises(errors.ConfigError, match=r"chain\.outbox is missing: .* name a file for it") as refused:
        outbox_of(place, settings)
    assert "hunter2" not in str(refused.value)
    assert outbox_of(place, settings.changed({"chain.outbox": tmp_path / "o"})) == tmp_path / "o"
    assert outbox_of(tmp_path / "key", settings) == tmp_path / "key.outbox"


def test_a_key_at_an_external_signer_signs_no_gradients() -> None:
    given = {"owner.account": SIGNER, "owner.coordinator": "127.0.0.1:9", "owner.state": "state"}
    with (
        Session(load(environment={}, overrides=given)) as session,
        pytest.raises(errors.ConfigError, match=r"a key that signs gradients is in a file; name one") as refused,
    ):
        _ = session.data_owner
    assert "hunter2" not in str(refused.value)
