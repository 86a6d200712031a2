"""A node that cannot do its work does not start, and one that starts says what will be trouble."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
from web3.types import Wei

from circuits.errors import GradrollError, InsecureSetupError, KeyFileError, KeyMismatchError, StorageError
from circuits.groth16 import unsafe_generate_keys
from circuits.keyfiles import save_proving_key, save_verifying_key
from circuits.srs import unsafe_development_srs
from circuits.statement import domain_size
from circuits.terms import Pay
from commons.runtime.identifiers import shown
from commons.settings.loading import Settings
from commons.storage import diskspace
from commons.storage.accounts import SigningKey, save_account
from coordinator.service import CoordinatorNode
from provers.node import ProverNode
from tests.support.deployment import REWARD, Deployment
from tests.support.plain_batch import seed_of

DIMENSION = 10
Node = ProverNode | CoordinatorNode


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    made = Deployment(tmp_path_factory.mktemp("market"), dimension=DIMENSION)
    yield made
    made.close()


@pytest.fixture(params=["prover", "coordinator"])
def role(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Files(NamedTuple):
    srs: Path
    keys: Path


@pytest.fixture
def files(deployment: Deployment, tmp_path: Path) -> Files:
    """Copies of the market's, to be spoilt."""
    shutil.copy(deployment.directory / "srs.gsrs", tmp_path / "srs")
    shutil.copytree(deployment.directory / "keys", tmp_path / "keys")
    return Files(tmp_path / "srs", tmp_path / "keys")


def settings(deployment: Deployment, role: str, files: Files | None = None, **changes: object) -> Settings:
    chosen = (
        deployment.prover_settings(0, **changes) if role == "prover" else deployment.coordinator_settings(**changes)
    )
    return chosen if files is None else chosen.changed({"keys.srs": files.srs, "keys.directory": files.keys})


def started(chosen: Settings) -> Node:
    return ProverNode(chosen) if chosen.get("prover.state") else CoordinatorNode(chosen)


def refused(kind: type[GradrollError], reason: str, chosen: Settings) -> None:
    """It does not start, and keeps nothing locked."""
    for _ in range(2):
        with pytest.raises(kind, match=reason) as caught:
            started(chosen)
        assert type(caught.value) is kind


def said(caplog: pytest.LogCaptureFixture, chosen: Settings) -> str:
    with caplog.at_level(logging.WARNING):
        started(chosen).stop()
    return caplog.text


def another_string(files: Files) -> None:
    unsafe_development_srs(seed_of("another"), domain_size(DIMENSION)).save(files.srs)


def other_keys(deployment: Deployment, files: Files) -> None:
    """Keys of this market's reference string, but of another setup."""
    setup = deployment.setup
    keys = unsafe_generate_keys(setup.proving.policy, setup.srs.tau, setup.srs.origin, seed_of("others"))
    save_proving_key(keys, files.keys / "policy.proving")
    save_verifying_key(keys.verifying, files.keys / "policy.verifying")


def no_keys(files: Files) -> None:
    for path in files.keys.iterdir():
        path.unlink()


SPOILT: dict[str, tuple[Callable[[Files], object], type[GradrollError], str]] = {
    "no string": (lambda f: f.srs.unlink(), KeyFileError, "srs cannot be read"),
    "a cut string": (lambda f: f.srs.write_bytes(f.srs.read_bytes()[:-64]), KeyFileError, "corrupt or truncated"),
    "something else": (lambda f: f.srs.write_text("no string"), KeyFileError, "is not a gradroll key file"),
    "no directory": (lambda f: shutil.rmtree(f.keys), KeyFileError, "key directory .* cannot be read"),
    "no keys": (no_keys, KeyMismatchError, "holds a key that is sound"),
    "another string": (another_string, KeyMismatchError, "holds a key that is sound and of the reference string"),
}


@pytest.mark.parametrize("spoilt", SPOILT)
def test_a_node_without_what_it_needs_does_not_start(
    deployment: Deployment, role: str, files: Files, spoilt: str
) -> None:
    spoil, kind, reason = SPOILT[spoilt]
    spoil(files)
    refused(kind, reason, settings(deployment, role, files))


def test_a_development_string_is_refused_where_it_is_not_allowed(deployment: Deployment, role: str) -> None:
    strict = replace(settings(deployment, role), development=False)
    refused(InsecureSetupError, "is a development SRS", strict)


def test_a_node_that_can_work_says_nothing(deployment: Deployment, role: str, caplog: pytest.LogCaptureFixture) -> None:
    deployment.new_task(2)
    assert said(caplog, settings(deployment, role)) == ""


def test_a_task_that_the_files_do_not_serve_is_named(
    deployment: Deployment, role: str, files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    task = deployment.new_task(2)
    other_keys(deployment, files)
    text = said(caplog, settings(deployment, role, files))
    assert f"event=task-not-served task={shown(task)} code=key-mismatch" in text


def test_a_task_whose_model_is_too_large_for_a_prover_is_named(
    deployment: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    task = deployment.new_task(2)
    text = said(caplog, settings(deployment, "prover", max_dimension=DIMENSION - 1))
    assert f"event=task-not-served task={shown(task)} code=invalid-input" in text


def test_a_registration_that_is_another_is_named(deployment: Deployment, caplog: pytest.LogCaptureFixture) -> None:
    text = said(caplog, settings(deployment, "prover", endpoint="127.0.0.1:1"))
    assert "event=registered-otherwise" in text
    assert "own_endpoint='127.0.0.1:1' same_sealing_key=True advice='run gradroll prover join again'" in text


def test_a_member_that_has_not_joined_is_told_to(
    deployment: Deployment, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    members = [keystore.address for keystore in deployment.keystores]
    committee = deployment.model_owner.create_committee(1, members)
    text = said(caplog, settings(deployment, "prover", committee=committee, state=tmp_path))
    assert "event=not-joined" in text


def test_an_account_that_cannot_pay_for_a_batch_is_named(
    deployment: Deployment, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    poor = SigningKey.generate()
    save_account(tmp_path / "poor.json", poor)
    web3 = deployment.view.rpc.web3
    rich = web3.to_checksum_address(deployment.dev.accounts[9].address)
    web3.eth.send_transaction({"from": rich, "to": web3.to_checksum_address(poor.address), "value": Wei(7)})
    chosen = settings(
        deployment, "coordinator", account=tmp_path / "poor.json", state=tmp_path, log=f"sqlite://{tmp_path}/log"
    )
    assert f"event=little-money account=0x{poor.address.hex()} balance_wei=7" in said(caplog, chosen)


def test_a_disk_without_room_for_a_round_is_named(
    deployment: Deployment, role: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diskspace, "_LEAST", 1 << 62)
    assert "event=disk-nearly-full" in said(caplog, settings(deployment, role))


def test_a_prover_that_keeps_sums_for_too_short_is_told(
    deployment: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    """It would lose fees, for what is deleted is not signed for."""
    deployment.new_task(2, pay=Pay(bonus=REWARD, prover_batch=1))
    assert "event=retention-short days=17 needed=18" in said(caplog, settings(deployment, "prover", retention_days=17))
    caplog.clear()
    assert said(caplog, settings(deployment, "prover", retention_days=18)) == ""


def test_the_state_of_another_deployment_is_refused_and_the_cure_is_named(
    deployment: Deployment, role: str, tmp_path: Path
) -> None:
    chosen = settings(deployment, role, state=tmp_path)
    if role == "coordinator":
        chosen = chosen.changed({"coordinator.log": f"sqlite://{tmp_path}/log"})
    started(chosen).stop()
    started(chosen).stop()
    bound = (tmp_path / "market.json").read_text()
    deployed = deployment.view.market_id.deployment.hex()
    (tmp_path / "market.json").write_text(bound.replace(deployed, "ab" * 32))
    refused(StorageError, f"{'ab' * 32}; the node shows .*{deployed}.*another .*directory", chosen)


def test_state_of_before_there_was_such_a_record_is_bound_when_it_is_next_used(
    deployment: Deployment, role: str
) -> None:
    chosen = settings(deployment, role)
    started(chosen).stop()
    record = Path(str(chosen.get(f"{role}.state"))) / "market.json"
    before = record.read_bytes()
    record.unlink()
    started(chosen).stop()
    assert record.read_bytes() == before
