"""Parsers on a kept corpus and on inputs near it; `make fuzz` looks further, guided by coverage."""

from __future__ import annotations

import ast
import re
import tracemalloc
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.fuzz.harness import CORPUS, check, kept, mutated
from tests.fuzz.targets import REASONS, TARGETS
from tests.test_layers import SOURCES

TRIES = 150
MEMORY = 16 << 20
"""Bytes that a parser may take for an input of some kilobytes."""
PARSER = re.compile(
    r"^(?!_)(\w*_from_wire|decode\w*|parse\w*|from_text|from_record|from_version_\w+|load(_\w+)?|read(_\w+)?"
    r"|\w*from_bytes|from_little_endian|require_bounded)$"
)
NOT_PARSED = ("native", "contracts", "benchmarks")
"""Rooms whose functions of that name are behind those of others."""


def entry_points() -> Iterator[str]:
    """Every public function and method with a parser's name."""
    for module, path in SOURCES.items():
        if module.partition(".")[0] in NOT_PARSED:
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and PARSER.match(node.name):
                yield f"{module}.{node.name}"
            elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                for inner in node.body:
                    if isinstance(inner, ast.FunctionDef) and PARSER.match(inner.name):
                        yield f"{module}.{node.name}.{inner.name}"


def test_every_parser_is_a_target_or_has_a_reason() -> None:
    covered = [name for target in TARGETS.values() for name in target.covers]
    assert not [name for name, count in Counter(covered).items() if count > 1]
    assert not REASONS.keys() & set(covered)
    assert set(entry_points()) == REASONS.keys() | set(covered)


def test_every_folder_of_the_corpus_is_a_targets() -> None:
    assert {path.name for path in CORPUS.iterdir()} == TARGETS.keys()


@pytest.mark.parametrize("name", TARGETS)
def test_a_parser_takes_what_is_honest_and_holds_on_all_that_is_near_it(name: str) -> None:
    target, inputs = TARGETS[name], kept(name)
    parsed = [check(target, raw) for raw in inputs]
    assert any(parsed), "the corpus has no honest encoding: mutations of noise find nothing"
    tracemalloc.start()
    try:
        for raw in mutated(inputs, TRIES, name):
            check(target, raw)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MEMORY


def test_mutations_are_the_same_every_time() -> None:
    assert list(mutated([b"abc", b"d"], 50, "x")) == list(mutated([b"abc", b"d"], 50, "x"))
    assert len(set(mutated([b"abc", b"d"], 50, "x"))) > 25
