"""The checked-in artifacts match the sources, and forge tests what the artifacts were built with."""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

import contracts

ROOT = Path(contracts.__file__).parent
EIP_170 = 24_576


ARTIFACTS = sorted((ROOT / "artifacts").glob("*.json"))
SETTINGS = json.loads((ROOT / "script" / "settings.json").read_text("utf-8"))


def test_contracts_and_their_libraries_have_artifacts_and_nothing_else() -> None:
    wanted, names = set(), list(contracts.NAMES)
    while names:
        wanted.add(name := names.pop())
        names += [library for library in contracts.load(name).links if library not in wanted]
    assert {path.stem for path in ARTIFACTS} == wanted


@pytest.mark.parametrize("path", ARTIFACTS, ids=lambda path: path.stem)
def test_artifact_belongs_to_the_sources_and_settings(path: Path) -> None:
    artifact = contracts.load(path.stem)
    assert artifact.source_hash == contracts.source_hash(ROOT), (
        'run "npm run build" in contracts/ and commit the result'
    )
    assert json.loads(path.read_text("utf-8"))["settings"] == SETTINGS
    assert artifact.unlinked
    assert any(entry["type"] == "constructor" for entry in artifact.abi) or artifact.name != "Market"


@pytest.mark.parametrize("path", ARTIFACTS, ids=lambda path: path.stem)
def test_code_names_the_metadata_by_which_explorers_verify_the_sources(path: Path) -> None:
    artifact = contracts.load(path.stem)
    release = bytes(int(part) for part in artifact.compiler.split("+")[0].split("."))
    metadata = rb"\xa2dipfsX\x22\x12\x20.{32}dsolcC" + re.escape(release) + rb"\x00\x33"  # CBOR, its length last
    created = artifact.name in ("DataCampaigns", "PerceptronFactory")  # with the code of the contract that it creates
    assert len(re.findall(metadata, artifact.unlinked, re.DOTALL)) == 1 + created


@pytest.mark.parametrize("path", ARTIFACTS, ids=lambda path: path.stem)
def test_abi_names_every_error_once(path: Path) -> None:
    errors = [entry["name"] for entry in contracts.load(path.stem).abi if entry["type"] == "error"]
    assert len(errors) == len(set(errors))
    assert {"PointInvalid", "ProofInvalid", "TooFewAttestations", "InsufficientEscrow"} <= set(errors)


def test_a_verifier_is_compiled_from_what_it_needs_and_nothing_else() -> None:
    """The hash of all its sources is in its address: a comment elsewhere must not move the verifiers of all tasks."""
    found, paths = set(), [ROOT / "src" / "RollupVerifier.sol"]
    while paths:
        path = paths.pop()
        found.add(str(path.relative_to(ROOT / "src")))
        imported = re.findall(r'^import .*?"(.*?)";', path.read_text("utf-8"), re.DOTALL | re.MULTILINE)
        paths += [(path.parent / name).resolve() for name in imported]
    parts = {f"libraries/{name}.sol" for name in ("BN254", "PolicyKey", "SumCheck", "Transcript")}
    assert found == {"RollupVerifier.sol", "interfaces/IVerifier.sol", "types/Proofs.sol"} | parts


def test_unknown_contract_is_refused() -> None:
    for name in ("Bank", "../package", ""):
        with pytest.raises(KeyError, match="no contract is called"):
            contracts.load(name)


def test_packages_that_are_compiled_in_are_in_the_hash_of_the_sources(tmp_path: Path) -> None:
    for part in ("src", "script"):
        shutil.copytree(ROOT / part, tmp_path / part)
    lock = json.loads((ROOT / "package-lock.json").read_text("utf-8"))
    hashes = set()
    for package in ("node_modules/solady", "node_modules/@openzeppelin/contracts", "node_modules/tmp"):
        other = copy.deepcopy(lock)
        other["packages"][package]["integrity"] = "sha512-other"
        (tmp_path / "package-lock.json").write_text(json.dumps(other), encoding="utf-8")
        hashes.add(contracts.source_hash(tmp_path))
    assert len(hashes) == 3
    assert contracts.source_hash(ROOT) in hashes, "tmp is a tool's and changes nothing"


ROOM = 20 * "00"
LIBRARIES = {"Fees": b"\x0a" * 20, "Tasks": b"\x0b" * 20}


def _linkable() -> contracts.Artifact:
    code = bytes.fromhex(f"6001{ROOM}6002{ROOM}{ROOM}6003")
    links = {"Tasks": (2, 44), "Fees": (24,)}
    return contracts.Artifact(name="Made", abi=(), unlinked=code, links=links, compiler="", source_hash="")


def test_addresses_of_libraries_are_put_where_they_belong() -> None:
    expected = "6001" + 20 * "0b" + "6002" + 20 * "0a" + 20 * "0b" + "6003"
    assert _linkable().linked(LIBRARIES).hex() == expected


@pytest.mark.parametrize(
    ("libraries", "told"),
    [
        ({}, "linked to Tasks, Fees, not to nothing"),
        ({"Tasks": b"\x0b" * 20}, "linked to Tasks, Fees, not to Tasks"),
        ({**LIBRARIES, "Bank": b"\x0c" * 20}, "not to Fees, Tasks, Bank"),
        ({**LIBRARIES, "Fees": b"\x0a" * 19}, "library Fees: give its address"),
        ({**LIBRARIES, "Fees": bytes(20)}, "library Fees: give its address"),
    ],
    ids=["none", "one missing", "one too many", "short", "zero"],
)
def test_other_libraries_are_refused(libraries: dict[str, bytes], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        _linkable().linked(libraries)


def test_a_contract_that_is_linked_to_nothing_takes_no_library() -> None:
    artifact = contracts.load("RollupVerifier")
    assert artifact.linked() == artifact.unlinked
    with pytest.raises(ValueError, match="RollupVerifier is linked to nothing"):
        artifact.linked({"Fees": b"\x0a" * 20})


def test_forge_and_artifacts_use_one_setting() -> None:
    """Forge compiles tests faster, but what they deploy as the artifacts are compiled."""
    profile = tomllib.loads((ROOT / "foundry.toml").read_text("utf-8"))["profile"]["default"]
    (compiled,) = profile["additional_compiler_profiles"]
    assert profile["remappings"] == SETTINGS["remappings"]
    assert compiled["optimizer"] == SETTINGS["optimizer"]["enabled"]
    assert compiled["optimizer_runs"] == SETTINGS["optimizer"]["runs"]
    assert compiled["via_ir"] == SETTINGS["viaIR"]
    assert profile["evm_version"] == SETTINGS["evmVersion"]
    assert profile["bytecode_hash"] == SETTINGS["metadata"]["bytecodeHash"]
    assert profile["cbor_metadata"] == SETTINGS["metadata"]["appendCBOR"]
    restricted = {each["paths"] for each in profile["compilation_restrictions"] if each["via_ir"]}
    names = {path.stem for path in ARTIFACTS}
    deployed = {path.relative_to(ROOT).as_posix() for path in (ROOT / "src").rglob("*.sol") if path.stem in names}
    assert deployed <= restricted


@pytest.mark.slow
def test_sources_compile_to_the_artifacts() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed; the source hash above was compared instead")
    if not (ROOT / "node_modules" / "solc").is_dir():
        pytest.skip('the compiler is not installed; run "npm ci" in contracts/')
    done = subprocess.run([node, "script/build.mjs", "--check"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
