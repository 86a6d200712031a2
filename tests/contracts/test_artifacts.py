"""The checked-in artifacts match the sources, and forge tests what the artifacts were built with."""

from __future__ import annotations

import json
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

import contracts

ROOT = Path(contracts.__file__).parent
EIP_170 = 24_576


@pytest.mark.parametrize("name", contracts.NAMES)
def test_artifact_belongs_to_the_sources(name: str) -> None:
    artifact = contracts.load(name)
    assert artifact.source_hash == contracts.source_hash(ROOT), (
        'run "npm run build" in contracts/ and commit the result'
    )
    assert artifact.bytecode
    assert any(entry["type"] == "constructor" for entry in artifact.abi) or name == "CommitteeRegistry"


@pytest.mark.parametrize("name", contracts.NAMES)
def test_abi_names_every_error_once(name: str) -> None:
    errors = [entry["name"] for entry in contracts.load(name).abi if entry["type"] == "error"]
    assert len(errors) == len(set(errors))
    assert {"PointInvalid", "ProofInvalid", "TooFewAttestations", "InsufficientEscrow"} <= set(errors)


def test_unknown_contract_is_refused() -> None:
    with pytest.raises(KeyError, match="no contract is called 'Bank'"):
        contracts.load("Bank")


def test_forge_and_artifacts_use_one_setting() -> None:
    settings = json.loads((ROOT / "script" / "settings.json").read_text())
    profile = tomllib.loads((ROOT / "foundry.toml").read_text())["profile"]["default"]
    assert profile["optimizer"] == settings["optimizer"]["enabled"]
    assert profile["optimizer_runs"] == settings["optimizer"]["runs"]
    assert profile["via_ir"] == settings["viaIR"]
    assert profile["evm_version"] == settings["evmVersion"]
    assert profile["bytecode_hash"] == settings["metadata"]["bytecodeHash"]
    assert profile["cbor_metadata"] == settings["metadata"]["appendCBOR"]


@pytest.mark.slow
def test_sources_compile_to_the_artifacts() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed; the source hash above was compared instead")
    if not (ROOT / "node_modules" / "solc").is_dir():
        pytest.skip('the compiler is not installed; run "npm ci" in contracts/')
    done = subprocess.run([node, "script/build.mjs", "--check"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
