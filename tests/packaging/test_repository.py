"""What greets contributors works: workflows, hooks, owners and pages name commands and files that exist."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.packaging.project import ROOT

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def steps(path: Path) -> list[dict[str, Any]]:
    """Every step of a workflow."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [step for job in document["jobs"].values() for step in job["steps"]]


def commands(path: Path) -> str:
    """Everything that a workflow runs."""
    return "\n".join(step["run"] for step in steps(path) if "run" in step)


def test_the_workflow_of_changes_runs_what_contributors_run() -> None:
    run = commands(ROOT / ".github" / "workflows" / "ci.yml").splitlines()
    assert {".ci/run", "make test-fast", "make coverage", "make site"} <= set(run)


MAKE = """#!/bin/bash
echo "$@" >>asked
[[ " $* " != *" $FAILS "* ]]
"""
"""Stands for make: fails at one target."""
CHECKS = {"setup", "build", "test", "lint", "types", "style", "analysis", "proto"}


def gate(folder: Path, fails: str = "-") -> tuple[int, set[str]]:
    """Run .ci/run in a repository of its own: its exit status, and the targets that it asked for."""
    for name in (".ci", ".venv/bin"):
        (folder / name).mkdir(parents=True)
    (folder / ".ci" / "run").write_text((ROOT / ".ci" / "run").read_text(encoding="utf-8"), encoding="utf-8")
    make = folder / ".venv" / "bin" / "make"
    make.write_text(MAKE, encoding="utf-8")
    make.chmod(0o755)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    done = subprocess.run(
        ["bash", ".ci/run"], cwd=folder, env=os.environ | {"FAILS": fails}, capture_output=True, text=True, check=False
    )  # fmt: skip
    asked = (folder / "asked").read_text(encoding="utf-8").split()
    assert ("all checks passed" in done.stdout) is (done.returncode == 0)
    return done.returncode, {word for word in asked if not word.startswith("-") and not word.isdigit()}


def test_the_gate_makes_every_check(tmp_path: Path) -> None:
    assert gate(tmp_path) == (0, CHECKS)


@pytest.mark.parametrize("target", sorted(CHECKS))
def test_the_gate_fails_with_each_check_and_makes_the_others(target: str, tmp_path: Path) -> None:
    assert gate(tmp_path, fails=target) == (1, CHECKS)


def test_the_gate_fails_with_artifacts_that_are_not_committed(tmp_path: Path) -> None:
    artifact = tmp_path / "contracts" / "artifacts" / "New.json"
    artifact.parent.mkdir(parents=True)
    artifact.write_text("{}", encoding="utf-8")
    assert gate(tmp_path) == (1, CHECKS)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_call_targets_that_exist(path: Path) -> None:
    assert set(re.findall(r"^make ([a-z-]+)", commands(path), re.MULTILINE)) <= TARGETS
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert document["permissions"] == {"contents": "read"}
    assert all("timeout-minutes" in job or "environment" in job for job in document["jobs"].values())
    assert all(("uses" in step) != ("run" in step) for step in steps(path))


def test_advisories_are_asked_every_week() -> None:
    document = yaml.safe_load((ROOT / ".github" / "workflows" / "audit.yml").read_text(encoding="utf-8"))
    triggers = document[True]  # YAML's reading of the key `on`
    assert re.fullmatch(r"\d+ \d+ \* \* [0-6]", triggers["schedule"][0]["cron"])
    assert "make audit" in commands(ROOT / ".github" / "workflows" / "audit.yml")


def test_hooks_are_make_targets() -> None:
    document = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [each["repo"] for each in document["repos"]] == ["local"]
    entries = {hook["entry"].split()[-1] for each in document["repos"] for hook in each["hooks"]}
    assert entries == {"lint", "types", "style"}
    assert entries <= TARGETS


def test_owned_paths_exist() -> None:
    lines = (ROOT / ".github" / "CODEOWNERS").read_text(encoding="utf-8").splitlines()
    rules = [line.split() for line in lines if line and not line.startswith("#")]
    for path, *owners in rules:
        assert path == "*" or (ROOT / path.strip("/")).exists(), path
        assert owners
        assert all(owner.startswith("@") for owner in owners), path


def test_every_generator_of_vectors_has_a_target() -> None:
    found = re.search(r"^VECTORS := .*wildcard ([^)]+)\)", MAKEFILE, re.MULTILINE)
    assert found is not None
    written = set((ROOT / "tests" / "vectors").rglob("generate.py"))
    assert set(ROOT.glob(found[1])) == written
    assert len(written) > 3
    assert "-m tests.contracts.fixtures" in MAKEFILE


def pages() -> Any:
    """The hook of the documentation's site."""
    spec = importlib.util.spec_from_file_location("pages", ROOT / "docs" / "pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("page", "link", "led"),
    [
        ("index.md", "[a](docs/protocol.md#x)", "[a](protocol.md#x)"),
        ("quickstart.md", "[a](operations.md)", "[a](operations.md)"),
        ("decisions/README.md", "[a](../protocol.md)", "[a](../protocol.md)"),
        ("releasing.md", "[a](../CHANGELOG.md)", "[a](changelog.md)"),
        ("quickstart.md", "[a](../deploy/examples/owner.toml)", "[a](https://forge/blob/HEAD/deploy/examples/owner.toml)"),
        ("index.md", "[a](#here)", "[a](#here)"),
        ("index.md", "[a](https://elsewhere)", "[a](https://elsewhere)"),
        ("index.md", "[a](docs/nowhere.md)", "[a](docs/nowhere.md)"),
    ],
)  # fmt: skip
def test_links_of_the_site_lead_to_pages_or_to_the_repository(page: str, link: str, led: str) -> None:
    class File:
        src_uri = page

    class Page:
        file = File

    hook = pages()
    assert hook.on_page_markdown(link, Page, {"repo_url": "https://forge"}, None) == led
    assert all((ROOT / source).is_file() for source in hook.PAGES.values())


def test_source_links_are_text_while_nobody_knows_the_repository() -> None:
    class Page:
        class file:  # noqa: N801
            src_uri = "index.md"

    assert pages().on_page_markdown("see [a](deploy/examples).", Page, {"repo_url": ""}, None) == "see a."
