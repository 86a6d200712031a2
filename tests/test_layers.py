"""A layer imports only what stands below it, and the pure core does no IO."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ("native", "circuits", "provers", "coordinator", "gradroll")
"""From the ground up; `contracts` (artifacts) may be imported by the last two and imports none of them."""
TOOLS = {"gradroll": {"benchmarks"}}
"""`gradroll bench` runs the measurements of a checkout; nothing else reaches out of the distribution."""
IO = {
    "asyncio", "eth_account", "eth_tester", "fcntl", "grpc", "http", "httpx", "multiprocessing", "os", "random",
    "redis", "requests", "secrets", "signal", "socket", "sqlite3", "subprocess", "tempfile", "threading", "time",
    "urllib", "web3",
}  # fmt: skip
"""Modules for IO, clocks, concurrency and randomness."""
PURE = (
    "circuits/errors.py", "circuits/hashing.py", "circuits/statement.py", "circuits/transcript.py",
    "circuits/payload.py", "circuits/policies.py", "circuits/r1cs.py", "circuits/gadgets.py", "circuits/groth16.py",
    "circuits/joint.py", "circuits/sumcheck.py", "circuits/quantize.py", "circuits/verify.py",
    "commons/protocol/messages.py", "commons/protocol/bodies.py", "commons/sharing/prss.py", "provers/setup.py", "provers/ledger.py",
    "commons/sharing/reconstruct.py", "commons/sharing/scalars.py", "commons/protocol/signing.py", "commons/sharing/replicated.py", "commons/sharing/sharepayloads.py",
    "commons/protocol/bundle.py", "commons/protocol/heads.py", "provers/party",
    "coordinator/machine", "coordinator/rounds.py", "coordinator/events.py", "commons/protocol/status.py",
    "coordinator/planning.py",
    "commons/sharing/dealing.py", "gradroll/audit.py",
)  # fmt: skip


def sources(place: str) -> list[Path]:
    """The Python files of a folder, or the file itself."""
    path = ROOT / place
    return sorted(path.rglob("*.py")) if path.is_dir() else [path]


def imports(path: Path) -> Iterator[str]:
    """Every imported module of a file, wherever the import stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            for alias in (
                node.names
            ):  # `from provers import ledger` imports a module, `from commons.sharing.prss import x` a name
                nested = f"{node.module}.{alias.name}"
                yield nested if is_module(nested) else node.module or ""


def is_module(name: str) -> bool:
    """Whether a dotted name is one of our files or folders."""
    path = ROOT / Path(*name.split("."))
    return path.with_suffix(".py").is_file() or path.is_dir()


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_point_downward(layer: str) -> None:
    above = {*LAYERS[LAYERS.index(layer) + 1 :], "tests", "benchmarks"}
    if layer not in ("coordinator", "gradroll"):
        above.add("contracts")
    above -= TOOLS.get(layer, set())
    wrong = [
        (str(p.relative_to(ROOT)), name) for p in sources(layer) for name in imports(p) if name.split(".")[0] in above
    ]
    assert not wrong


def test_the_artifact_loader_imports_no_layer() -> None:
    names = {name.split(".")[0] for name in imports(ROOT / "contracts" / "__init__.py")}
    assert not names & {*LAYERS, "tests"}


@pytest.mark.parametrize("place", PURE)
def test_the_pure_core_does_no_io(place: str) -> None:
    files = sources(place)
    assert files
    wrong = [(str(p.relative_to(ROOT)), name) for p in files for name in imports(p) if name.split(".")[0] in IO]
    assert not wrong


@pytest.mark.parametrize("place", PURE)
def test_the_pure_core_imports_no_shell(place: str) -> None:
    """Purity would be worth nothing if a pure module called into one that is not."""
    pure = {p for entry in PURE for p in sources(entry)}
    shells = {
        name
        for p in sources(place)
        for name in imports(p)
        if name.split(".")[0] in ("provers", "coordinator", "gradroll") and not _is_pure(name, pure)
    }
    assert not shells


def _is_pure(module: str, pure: set[Path]) -> bool:
    path = ROOT / Path(*module.split("."))
    return path.with_suffix(".py") in pure or path / "__init__.py" in pure or (path.is_dir() and not sources(module))


def test_only_the_bench_command_reaches_out_of_the_distribution() -> None:
    reaching = {
        str(p.relative_to(ROOT))
        for p in sources("gradroll")
        for name in imports(p)
        if name.split(".")[0] == "benchmarks"
    }
    assert reaching <= {"gradroll/commands/bench.py"}
