"""`gradroll bench`: measure what is missing, then write the tables, plots and the list of goals."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import (
    accuracyproofs,
    cases,
    coldstart,
    gas,
    kernels,
    plots,
    proofs,
    results,
    rounds,
    swaps,
    tables,
    targets,
)
from benchmarks.machine import facts
from benchmarks.peers import circom, groth16
from benchmarks.peers.tools import PeerError
from circuits.errors import InvalidInputError

COMMAND = "gradroll bench"
_LIMIT, _SHORT, _LONG = 1 << 25, 6, 4
"""Rounds of a case, by its coordinates over all owners and provers; the first round is not counted."""


@dataclass(frozen=True, slots=True)
class Job:
    """One measurement: the name of its result and the function that makes it."""

    name: str
    measure: Callable[[], Mapping[str, Any]]


def jobs(*, quick: bool) -> list[Job]:
    """All measurements, the short ones first."""
    chosen = cases.quick() if quick else cases.matrix()
    single = [Job("kernels", kernels.measure)]
    if not quick:
        single += [Job("joint-proof", proofs.measure), Job("cold-start", coldstart.measure), Job("gas", gas.measure)]
        single += [Job("accuracy", accuracyproofs.measure), Job("swap", swaps.measure)]
        single += [Job("peers-groth16", groth16.measure), Job("peers-circom", circom.measure)]
    beside = () if quick else cases.graded()
    return [*single, *map(_round_job, chosen), *map(_round_job, beside)]


def _round_job(case: cases.Case) -> Job:
    size = case.dimension * case.owners * case.provers
    repeats = _SHORT if size <= _LIMIT else _LONG
    measure = rounds.measure_beside if case.is_graded else rounds.measure
    return Job(case.result, lambda: measure(case, repeats))


def run(only: Sequence[str], *, quick: bool, again: bool, say: Callable[[str], None]) -> int:
    """Measure; results that are there already are kept unless they are wanted `again`.

    Args:
        only: parts of names; no part means all measurements.

    Raises:
        InvalidInputError: no measurement has one of the parts in its name.
    """
    os.environ |= {"GRADROLL_DEVELOPMENT": "1", "GRADROLL_COORDINATOR_STEP_TIMEOUT": "900"}
    wanted = [job for job in jobs(quick=quick) if not only or any(part in job.name for part in only)]
    if not wanted:
        raise InvalidInputError(
            f"no measurement has {' or '.join(map(repr, only))} in its name; see benchmarks/results for the names"
        )
    for job in wanted:
        if results.load(job.name) is not None and not again:
            say(f"{job.name}: measured already")
            continue
        say(f"{job.name}: measuring")
        machine = facts()
        try:
            figures = job.measure()
        except PeerError as error:
            say(f"{job.name}: left out: {error}")
            continue
        say(f"{job.name}: {results.save(job.name, f'{COMMAND} --again --only {job.name}', machine, figures)}")
    say(f"goals: {targets.write()}")
    for page in tables.write():
        say(f"tables: {page}")
    for image in _drawn(say):
        say(f"plot: {image}")
    return 0


def _drawn(say: Callable[[str], None]) -> Sequence[Path]:
    try:
        return plots.write()
    except ModuleNotFoundError:
        say("no plots: matplotlib is missing: pip install 'gradroll[bench]'")
        return ()
