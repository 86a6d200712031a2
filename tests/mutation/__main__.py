"""Apply each mutant to a copy of the repository and see that its tests fail: `python -m tests.mutation`."""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from tests.mutation.mutants import MUTANTS, Mutant

ROOT = Path(__file__).resolve().parents[2]
TESTS_FAILED = 1  # pytest: some tests failed; other codes are errors of collection or usage, which prove nothing
NO_TESTS_FAILED = 0


def copy_of(root: Path, to: Path) -> Path:
    """The files that git knows or would take, the built kernel, and links to what is large."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root, capture_output=True, text=True, check=True,
    ).stdout.split("\0")  # fmt: skip
    kernels = [str(path.relative_to(root)) for path in (root / "native").glob("_kernel*.so")]
    for name in (*filter(None, listed), *kernels):
        if os.path.lexists(root / name):
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, to / name, follow_symlinks=False)
    for name in ("build", "contracts/node_modules"):
        if (root / name).exists() and not os.path.lexists(to / name):
            (to / name).symlink_to(root / name)
    return to


def selected_tests(copy: Path, selection: Iterable[str], limit: float) -> int:
    """Pytest's exit status for a selection of the fast tier."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-m", "not slow and not anvil"]
    path = os.pathsep.join(filter(None, (str(copy), os.environ.get("PYTHONPATH"))))
    environment = os.environ | {"PYTHONPATH": path}
    done = subprocess.run(
        [*command, *selection], cwd=copy, env=environment, capture_output=True, check=False, timeout=limit
    )
    return done.returncode


def verdict(copy: Path, mutant: Mutant, stamp: int, limit: float) -> str:
    """Empty where the mutant was killed, otherwise what happened."""
    path = copy / mutant.file
    source, before = path.read_text(), path.stat()
    try:
        path.write_text(mutant.applied(source))
        os.utime(path, (stamp, stamp))  # else Python may take compiled code of the same second and size
        status = selected_tests(copy, mutant.kill, limit)
    except ValueError as error:
        return str(error)
    except subprocess.TimeoutExpired:
        return f"its tests did not end in {limit:.0f} s"
    finally:
        path.write_text(source)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    if status == NO_TESTS_FAILED:
        return "survived"
    return "" if status == TESTS_FAILED else f"its tests could not be run: pytest ended with {status}"


def run(root: Path, mutants: Sequence[Mutant], jobs: int, limit: float = 300) -> dict[Mutant, str]:
    """What happened to every mutant that was not killed."""
    problems: dict[Mutant, str] = {}
    with tempfile.TemporaryDirectory(prefix="gradroll-mutants-") as folder:
        copies: SimpleQueue[Path] = SimpleQueue()
        for job in range(jobs):
            (Path(folder) / str(job)).mkdir()
            copies.put(copy_of(root, Path(folder) / str(job)))
        everything = sorted({test for mutant in mutants for test in mutant.kill})
        first = copies.get()
        if selected_tests(first, everything, limit=limit * len(mutants)) != NO_TESTS_FAILED:
            return dict.fromkeys(mutants, "its tests fail without it")
        copies.put(first)

        def one(numbered: tuple[int, Mutant]) -> None:
            stamp, mutant = numbered
            copy, begin = copies.get(), time.monotonic()
            try:
                found = verdict(copy, mutant, stamp, limit)
            finally:
                copies.put(copy)
            if found:
                problems[mutant] = found
            sys.stdout.write(
                f"{time.monotonic() - begin:5.1f} s  {found or 'killed':8}  {mutant.file}: {mutant.guards}\n"
            )
            sys.stdout.flush()

        with ThreadPoolExecutor(jobs) as pool:
            list(pool.map(one, enumerate(mutants, 1_000_000_000)))
    return problems


def main() -> int:
    """Run all mutants, or some."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--only", default="", metavar="TEXT", help="mutants whose file or guarded rule holds this text")
    parser.add_argument("--sample", type=int, metavar="N", help="so many of them, drawn at random")
    parser.add_argument("--seed", default="0", help="of the draw")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    arguments = parser.parse_args()
    mutants = [m for m in MUTANTS if arguments.only in f"{m.file}: {m.guards}"]
    if arguments.sample is not None:
        mutants = random.Random(arguments.seed).sample(mutants, min(arguments.sample, len(mutants)))
    if not mutants:
        parser.error("there is no such mutant")
    problems = run(ROOT, mutants, arguments.jobs)
    for mutant, what in problems.items():
        sys.stdout.write(f"\n{mutant.file}: {what}\n  guards: {mutant.guards}\n  by: {' '.join(mutant.kill)}\n")
    sys.stdout.write(f"\n{len(mutants) - len(problems)} of {len(mutants)} mutants were killed\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
