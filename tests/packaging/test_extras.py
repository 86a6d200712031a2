"""A bare installation is what an operator needs; whoever needs more is told which extra brings it."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

import commons.chain
from circuits.errors import ConfigError
from commons.storage.redisplace import RedisPlace
from gradroll.cli import main
from tests.packaging.project import EXTRAS, PACKAGES, PROJECT, ROOT, requirements

SOURCES = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if "node_modules" not in path.parts]
MAY_NEED = {
    "commons/artifacts/s3store.py": "s3",
    "commons/chain/devchain.py": "dev-chain",
    "commons/chain/devprecompiles.py": "dev-chain",
    "commons/samples/recordvalidation.py": "data",
    "commons/samples/sampleimages.py": "data",
    "commons/storage/redisplace.py": "redis",
    "commons/telemetry/traces.py": "traces",
    "gradroll/demo/developers.py": "demo",
    "gradroll/demo/training.py": "demo",
}
"""The only modules that import packages of an extra."""


def names(*extras: str) -> set[str]:
    return {canonicalize_name(requirement.name) for requirement in requirements(*extras)}


def third_parties(path: Path) -> set[frozenset[str]]:
    """Of each package that a module imports from, which distributions bring parts of it (`google` has many)."""
    modules: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules.add((node.module or "").partition(".")[0])
    ours = {*PACKAGES, *sys.stdlib_module_names}
    known = packages_distributions()
    return {frozenset(map(canonicalize_name, known.get(module, [module]))) for module in modules - ours}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_is_imported_is_declared(path: Path) -> None:
    extra = MAY_NEED.get(path.relative_to(ROOT).as_posix())
    declared = names(*([extra] if extra else []))
    assert not [sorted(origins) for origins in third_parties(path) if not origins & declared]


def test_an_operator_installs_no_chain_and_no_data_set() -> None:
    assert (
        not {"eth-tester", "py-evm", "scikit-learn", "redis", "matplotlib", "opentelemetry-sdk", "torch", "botocore"}
        & names()
    )


def test_extras_contain_each_other() -> None:
    assert names("dev-chain") < names("demo") < names("dev")
    assert names("redis", "s3", "traces", "bench") < names("dev")


def test_every_cure_names_an_extra() -> None:
    texts = [path.read_text(encoding="utf-8") for path in [*SOURCES, *(ROOT / "benchmarks").rglob("*.py")]]
    named = set(re.findall(r'(?:missing|require)\(".*?", "([a-z0-9-]+)"', "".join(texts)))
    named |= set(re.findall(rf"{PROJECT['name']}\[([a-z0-9-]+)\]", "".join(texts)))
    assert {"demo", "dev-chain", "redis", "s3", "traces", "bench", "torch"} <= named <= set(EXTRAS)


def told(capsys: pytest.CaptureFixture[str], *command: str) -> str:
    assert main(command) == 3
    return capsys.readouterr().err


@pytest.mark.parametrize("lacking", ["sklearn", "eth_tester"])
def test_the_demo_says_what_it_lacks_before_it_starts(
    lacking: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, lacking, None)
    monkeypatch.chdir(tmp_path)
    assert "pip install 'gradroll[demo]'" in told(capsys, "demo")
    assert not list(tmp_path.iterdir())


def test_a_development_chain_says_what_it_lacks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "eth_tester", None)
    monkeypatch.delitem(sys.modules, "commons.chain.devchain", raising=False)
    monkeypatch.delattr(commons.chain, "devchain", raising=False)
    assert "pip install 'gradroll[dev-chain]'" in told(capsys, "chain", "serve", "--development")


def test_a_redis_log_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(ConfigError, match=re.escape("pip install 'gradroll[redis]'")):
        RedisPlace("redis://localhost")
