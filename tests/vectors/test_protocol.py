"""The protocol's vectors: what this project's code gives today, and what docs/protocol.md alone gives.

So document and code cannot drift apart: a change to one of them shows here.
"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.tiers import deepened
from tests.vectors import second
from tests.vectors.v1.circuits import generate as circuits
from tests.vectors.v1.protocol import generate

NAMES = sorted(generate.FILES)
ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "protocol.md"
PAGES = (PAGE, ROOT / "docs" / "protocol-models.md", ROOT / "docs" / "protocol-data.md")
OWN_AFFAIRS = {
    "gradroll/v1/deal", "gradroll/v1/development", "gradroll/v1/hidden-model/factors",
    "gradroll/v1/hidden-model/network", "gradroll/v1/hidden-model/scalars", "gradroll/v1/secret-file",
}  # fmt: skip
"""Tags of what nobody else computes: how a dealer draws its keys, the insecure seeds of development, what hides a
model, files of keys."""
_TAG = re.compile(r"gradroll/v1/[a-z][a-z-]*(?:/[a-z0-9-]+)*")


def stored(name: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((generate.HERE / f"{name}.json").read_text(encoding="utf-8"))
    return value


@pytest.mark.parametrize("name", NAMES)
def test_the_code_gives_the_vector(name: str) -> None:
    assert generate.FILES[name]() == stored(name)


@pytest.mark.parametrize("name", deepened(NAMES, fast=set(NAMES) - {"shares_7_2"}))
def test_the_document_gives_the_vector(name: str) -> None:
    made = stored(name)
    assert second.FILES[name.split("_", 1)[0]](made["inputs"]) == made["outputs"]


def test_every_vector_is_made_and_read() -> None:
    assert {path.stem for path in generate.HERE.glob("*.json")} == set(NAMES)
    assert {name.split("_")[0] for name in NAMES} == set(second.FILES)


@pytest.mark.parametrize("capacity", ["2", "16"])
@pytest.mark.parametrize("policy", ["norm", "reference"])
def test_the_document_gives_the_circuits_of_all_keys(policy: str, capacity: str) -> None:
    known = json.loads((circuits.HERE / "digests.json").read_text(encoding="utf-8"))[policy]
    assert second.circuit_digest(int(capacity), graded=policy == "reference").hex() == known[capacity]


def test_the_second_implementation_imports_nothing_of_the_project() -> None:
    tree = ast.parse(Path(second.__file__).read_text(encoding="utf-8"))
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert modules == {
        "__future__", "hmac", "collections.abc", "hashlib", "itertools", "math", "typing", "eth_hash.auto",
    }  # fmt: skip


def test_the_documents_have_every_type_and_tag_of_the_code() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert all(type_string in text for type_string in (*second.TYPES.values(), second.DOMAIN, second.REGISTRY_DOMAIN))
    folders = ("circuits", "commons", "provers", "coordinator", "gradroll", "contracts/src")
    sources = [p for folder in folders for p in (ROOT / folder).rglob("*.[ps]*")]
    read = [p for p in sources if p.suffix in (".py", ".sol") and "_generated" not in p.parts]
    found = {name for p in read for name in _TAG.findall(p.read_text(encoding="utf-8"))}
    written = {name for page in PAGES for name in _TAG.findall(page.read_text(encoding="utf-8"))}
    assert found - OWN_AFFAIRS == written
