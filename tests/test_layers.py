"""The plan of the house: which room may import which, no circle, no arrow up, and a pure core.

`docs/architecture.md` explains the plan; `PLAN` is what is enforced.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = ("circuits", "native")
COMMONS = ("commons.sharing", "commons.protocol", "commons.runtime", "commons.samples", "commons.settings",
           "commons.storage", "commons.artifacts", "commons.chain", "commons.telemetry", "commons.wire",
           "commons")  # fmt: skip
SDK = (
    "gradroll.training", "gradroll.data_owner", "gradroll.model_owner", "gradroll.audit", "gradroll.modelmarket",
    "gradroll.datamarket",
)  # fmt: skip
PLAN: dict[str, tuple[str, ...]] = {
    "native": (),
    "contracts": (),
    "circuits": ("native",),
    "commons": (),
    "commons.sharing": SHARED,
    "commons.protocol": (*SHARED, "commons.sharing"),
    "commons.runtime": SHARED,
    "commons.samples": (*SHARED, "commons.protocol", "commons.runtime"),
    "commons.settings": (*SHARED, "commons.runtime"),
    "commons.storage": (*SHARED, "commons.sharing", "commons.protocol", "commons.runtime"),
    "commons.artifacts": (*SHARED, "commons.runtime", "commons.samples", "commons.settings", "commons.storage"),
    "commons.chain": (
        *SHARED, "contracts", "commons.protocol", "commons.runtime", "commons.samples", "commons.settings",
        "commons.storage",
    ),
    "commons.telemetry": (
        *SHARED, "commons", "commons.runtime", "commons.settings", "commons.storage", "commons.chain",
    ),
    "commons.wire": (*SHARED, *COMMONS),
    "provers.party": (*SHARED, "commons.sharing", "commons.protocol"),
    "provers.joining": (*SHARED, "commons.sharing", "commons.protocol", "commons.storage"),
    "provers": (*SHARED, *COMMONS, "provers.party", "provers.joining"),
    "coordinator.machine": (*SHARED, "commons.sharing", "commons.protocol"),
    "coordinator": (*SHARED, *COMMONS, "coordinator.machine"),
    "gradroll.training": (*SHARED, "commons.protocol", "commons.storage"),
    "gradroll.data_owner": (*SHARED, *COMMONS),
    "gradroll.model_owner": (*SHARED, *COMMONS, "gradroll.training"),
    "gradroll.audit": (*SHARED, *COMMONS, "gradroll.model_owner", "gradroll.training"),
    "gradroll.hiddenmodel": ("circuits", "commons.protocol", "commons.runtime"),
    "gradroll.modelmarket": (*SHARED, *COMMONS),
    "gradroll.datamarket": (*SHARED, *COMMONS),
    "gradroll.setup": (*SHARED, *COMMONS, "contracts", "provers.joining"),
    "gradroll.console": (),
    "gradroll.waiting": ("commons.runtime",),
    "gradroll.errors": ("circuits",),
    "gradroll.session": (*SHARED, *COMMONS, *SDK),
    "gradroll.demo": (*SHARED, *COMMONS, *SDK, "gradroll.hiddenmodel", "gradroll.setup", "gradroll.console"),
    "gradroll.commands": (
        *SHARED, *COMMONS, *SDK, "contracts", "provers", "provers.joining", "coordinator", "gradroll.setup",
        "gradroll.demo", "gradroll.console", "gradroll.hiddenmodel", "gradroll.session", "gradroll",
    ),
    "gradroll": (
        *SHARED, *SDK, "commons", "commons.runtime", "gradroll.commands", "gradroll.console", "gradroll.session",
        "gradroll.waiting",
    ),
}  # fmt: skip
"""What each room may import beside itself.  A file is in the room with the longest name that fits."""
PURE = (
    "commons.sharing", "commons.protocol", "commons.samples", "provers.party", "coordinator.machine",
    "gradroll.training", "gradroll.hiddenmodel",
)  # fmt: skip
"""Rooms without IO, clock and randomness; they import pure modules only."""
PURE_MODULES = (
    "circuits.errors", "circuits.hashing", "circuits.statement", "circuits.transcript", "circuits.payload",
    "circuits.policies", "circuits.policies.gram", "circuits.policies.spec", "circuits.policies.norm", "circuits.r1cs",
    "circuits.gadgets", "circuits.groth16", "circuits.joint", "circuits.sumcheck", "circuits.quantize",
    "circuits.verify", "circuits.accuracy.accuracycircuit", "circuits.accuracy.accuracyproof",
    "circuits.accuracy.accuracytranscript", "circuits.accuracy.accuracywitness", "circuits.accuracy.inference",
    "circuits.accuracy.linkgadgets", "circuits.accuracy.linkwitness", "circuits.accuracy.modelrows",
    "circuits.accuracy.pairingcheck", "circuits.accuracy.proofparts", "circuits.accuracy.roundingcircuit",
    "circuits.accuracy.roundingproof", "circuits.accuracy.sizeclasses", "circuits.accuracy.testdata",
    "circuits.swap.offerchecks", "circuits.swap.rowsealing", "circuits.swap.sealedrows", "circuits.swap.swapchallenge",
    "circuits.swap.swapkeys", "circuits.swap.swaptranscript",
    "commons.runtime.amounts", "commons.runtime.identifiers", "commons.storage.modelfiles",
    "commons.runtime.extras", "commons.runtime.foreigntext",
    "provers.joining.agreement",
    "coordinator.rounds", "coordinator.roundstate", "coordinator.events", "coordinator.compaction",
    "coordinator.next_action",
    "coordinator.gathering", "coordinator.gradedplan", "coordinator.giving_up", "gradroll.audit.graderows",
    "gradroll.audit.recheck",
)  # fmt: skip
DRAWS = {
    "commons.sharing.sealing", "commons.protocol.blindings", "commons.protocol.sealeduploads",
    "commons.protocol.sealedsums",
}  # fmt: skip
"""Sealing draws an ephemeral key for each message."""
IO = {
    "asyncio", "eth_account", "eth_tester", "fcntl", "grpc", "http", "httpx", "multiprocessing", "os", "random",
    "opentelemetry", "prometheus_client", "redis", "requests", "secrets", "signal", "socket", "sqlite3", "subprocess",
    "tempfile", "threading", "time", "urllib", "urllib3", "web3",
}  # fmt: skip
"""Modules for IO, clocks, concurrency and randomness."""
MAX_LINES = 400
SAME_NAME = {"__init__", "__main__", "errors"}
"""Names that a folder gives its sense to; commands are named as they are typed."""


def name_of(path: Path) -> str:
    """Dotted name of a module."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str | None:
    """The room that a module is in; None for what is not part of the house."""
    fitting = [room for room in PLAN if f"{module}.".startswith(f"{room}.")]
    return max(fitting, key=len, default=None)


def imports(path: Path) -> Iterator[str]:
    """Every imported module of a file, wherever the import stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            for alias in node.names:  # a module of a package, or a name of a module
                nested = f"{node.module}.{alias.name}"
                yield nested if is_module(nested) else node.module or ""


def is_module(name: str) -> bool:
    """Whether a dotted name is one of our files or folders."""
    path = ROOT / Path(*name.split("."))
    return path.is_dir() or any(path.with_suffix(suffix).is_file() for suffix in (".py", ".pyi"))


def sources() -> dict[str, Path]:
    """Every Python file of the house by its dotted name, without generated ones."""
    tops = sorted({room.partition(".")[0] for room in PLAN})
    files = (p for top in tops for p in (ROOT / top).rglob("*.py") if "node_modules" not in p.parts)
    return {name_of(p): p for p in files if "_generated" not in p.parts}


SOURCES = sources()
PURE_CORE = [
    m for m in SOURCES
    if (room_of(m) in PURE or m in PURE_MODULES) and m not in DRAWS
]  # fmt: skip


@pytest.mark.parametrize("room", PLAN)
def test_a_room_imports_what_the_plan_says(room: str) -> None:
    files = {m: p for m, p in SOURCES.items() if room_of(m) == room}
    assert files, "an empty room"
    allowed = {room, *PLAN[room]}
    wrong = [
        (module, name)
        for module, path in files.items()
        for name in imports(path)
        if is_module(name) and (room_of(name) or name.partition(".")[0]) not in allowed
    ]
    assert not wrong


def test_the_plan_itself_has_no_arrow_up() -> None:
    above = {"gradroll.commands": {"gradroll"}}  # the parser lists the commands, and they read its exit codes
    order = list(PLAN)
    wrong = [
        (room, other)
        for room, others in PLAN.items()
        for other in others
        if other in order and order.index(other) > order.index(room) and other not in above.get(room, set())
    ]
    assert not wrong


def test_there_is_no_circle() -> None:
    graph = {m: {n for n in imports(p) if n in SOURCES and n != m} for m, p in SOURCES.items()}
    left = dict(graph)
    while free := [m for m, needs in left.items() if not needs & left.keys()]:
        for module in free:
            del left[module]
    assert not left, f"these modules import each other: {sorted(left)}"


@pytest.mark.parametrize("module", PURE_CORE)
def test_the_pure_core_does_no_io(module: str) -> None:
    assert not {name for name in imports(SOURCES[module]) if name.partition(".")[0] in IO}


@pytest.mark.parametrize("module", PURE_CORE)
def test_the_pure_core_imports_no_shell(module: str) -> None:
    """Purity would be worth nothing if a pure module called into one that is not."""
    ours = {name for name in imports(SOURCES[module]) if room_of(name) not in (None, "native", "circuits")}
    packages = {m for m in PLAN if m not in SOURCES or SOURCES[m].name == "__init__.py"}
    assert not {name for name in ours if name not in PURE_CORE and name not in packages}


def test_no_module_is_long() -> None:
    assert not [m for m, p in SOURCES.items() if len(p.read_text(encoding="utf-8").splitlines()) > MAX_LINES]


def test_no_two_modules_have_one_name() -> None:
    named = [p.stem for m, p in SOURCES.items() if not m.startswith("gradroll.commands.") and p.stem not in SAME_NAME]
    assert not [name for name, count in Counter(named).items() if count > 1]
