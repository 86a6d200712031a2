"""What the documents say is there: links resolve, commands parse, and make targets exist."""

from __future__ import annotations

import ast
import builtins
import json
import re
import shlex
import subprocess
from importlib import import_module
from pathlib import Path

import pytest

from benchmarks import tables
from circuits.errors import catalogue
from commons.settings import reference
from commons.settings.describing import all_settings
from commons.settings.sections import SECTIONS
from commons.storage.evidencefiles import FOLDER
from coordinator.coordinator import MODELS, RESULTS, UPLOADS
from gradroll.cli import build_parser
from provers.store import Store
from tests.gradroll import errors_page

ROOT = Path(__file__).resolve().parent.parent
TOP = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
DOCUMENTS = [*(ROOT / name for name in TOP), *sorted((ROOT / "docs").rglob("*.md"))]
_LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def identify(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def blocks(path: Path, language: str) -> list[str]:
    """Fenced blocks of one language."""
    return [body for kind, body in _BLOCK.findall(path.read_text(encoding="utf-8")) if kind == language]


def anchors(path: Path) -> set[str]:
    """Anchors of a document's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", DOCUMENTS, ids=identify)
def test_links_resolve(document: Path) -> None:
    for target in _LINK.findall(document.read_text(encoding="utf-8")):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        found = (document.parent / path).resolve() if path else document
        assert found.exists(), f"{identify(document)} links to {target}"
        if anchor:
            assert anchor in anchors(found), f"{identify(document)} links to {target}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=identify)
def test_python_snippets_name_what_exists(document: Path) -> None:
    """Every name is made or imported in the snippet, and every import works."""
    for block in blocks(document, "python"):
        nodes = list(ast.walk(ast.parse(block)))
        made = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        made |= {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
        made |= {node.arg for node in nodes if isinstance(node, ast.arg)}
        for node in nodes:
            if isinstance(node, ast.ImportFrom):
                module = import_module(node.module or "")
                assert all(hasattr(module, alias.name) for alias in node.names), ast.unparse(node)
            if isinstance(node, ast.Import | ast.ImportFrom):
                made |= {alias.asname or alias.name for alias in node.names}
        used = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
        assert used <= made | set(dir(builtins)), f"{identify(document)} uses {used - made}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=identify)
def test_commands_parse(document: Path) -> None:
    parser = build_parser()
    for block in blocks(document, "console"):
        for line in block.splitlines():
            words = shlex.split(line)
            if words[:1] == ["gradroll"]:
                assert callable(parser.parse_args(words[1:]).run), f"{identify(document)}: {line}"


@pytest.mark.parametrize("document", [page for page in DOCUMENTS if page.name != "errors.md"], ids=identify)
def test_commands_named_in_the_text_exist(document: Path) -> None:
    """`gradroll x y` in running text names a command (its arguments may be left out); mistakes are played elsewhere."""
    text = _BLOCK.sub("", document.read_text(encoding="utf-8"))
    for command in re.findall(r"`gradroll ([a-z]+(?: [a-z]+(?:-[a-z]+)*)?)", text):
        with pytest.raises(SystemExit) as stopped:
            build_parser().parse_args([*command.split(), "--help"])
        assert stopped.value.code == 0, f"{identify(document)} names `gradroll {command}`"


@pytest.mark.parametrize("document", DOCUMENTS, ids=identify)
def test_python_examples_are_python(document: Path) -> None:
    for block in blocks(document, "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gradroll"):
                module = __import__(node.module or "", fromlist=[alias.name for alias in node.names])
                assert all(hasattr(module, alias.name) for alias in node.names)


def test_the_two_commands_of_the_readme_are_make_targets() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make demo\nmake test\n" in text
    documented = set(re.findall(r"`make ([a-z-]+)", "".join(d.read_text(encoding="utf-8") for d in DOCUMENTS)))
    blocked = re.findall(
        r"^make ([a-z-]+)", "\n".join(b for d in DOCUMENTS for b in blocks(d, "console")), re.MULTILINE
    )
    for target in documented | {*blocked} | {"demo", "test"}:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"make {target}"


def test_ci_runs_the_readmes_test_command() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    text = script.read_text(encoding="utf-8")
    assert re.search(r"make [^\n]*\btest\b", text)
    for check in ("lint", "types", "style", "contracts", "proto"):
        assert re.search(rf"make [^\n]*\b{check}\b", text), check


def test_symptoms_quote_what_the_code_says() -> None:
    folders = ("circuits", "commons", "provers", "coordinator", "gradroll")
    texts = [path.read_text(encoding="utf-8") for folder in folders for path in (ROOT / folder).rglob("*.py")]
    said = re.sub(r'"\s*f?"', "", "".join(texts))
    rows = re.findall(r"^\| (.*?) \|", (ROOT / "docs" / "operations.md").read_text(encoding="utf-8"), re.MULTILINE)
    quoted = [text for row in rows for text in re.findall(r'"([^"]+)"', row)]
    assert len(quoted) > 8
    assert [text for text in quoted if text not in said] == []


def test_the_page_of_settings_is_the_one_that_the_code_gives() -> None:
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == reference.page(), "run `make reference`"


def test_the_page_of_errors_is_the_one_that_the_code_gives() -> None:
    assert (ROOT / "docs" / "errors.md").read_text(encoding="utf-8") == errors_page.page(), "run `make reference`"


def test_every_error_of_the_catalogue_has_a_cure_of_its_own() -> None:
    assert [kind for kind in catalogue().values() if "cure" not in vars(kind)] == []


def test_every_setting_that_is_explained_exists() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    known = {setting.key: setting.default for setting in all_settings()}
    sections = "|".join(SECTIONS)
    named = set(re.findall(rf"`((?:{sections})\.\w+)`", text))
    assert {"prover.confirmations", "prover.second_node", "prover.retention_days"} <= named <= known.keys()
    stated = re.findall(r"^\| `(\w+\.\w+)` \| (\w+) \|", text, re.MULTILINE)
    assert len(stated) == 3
    assert all(known[key] == value for key, value in stated)


def test_everything_that_servers_keep_has_a_row_that_says_when_it_is_deleted(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    table = text.partition("## What is deleted when")[2].partition("\n\n*No task")[0]
    named = {name.rpartition("/")[2] for name in re.findall(r"`([\w./]+)`", table)}
    Store(tmp_path, max_bytes=1 << 20).close()
    kept = {path.name for path in tmp_path.iterdir()} - {"lock"}
    kept |= {MODELS, RESULTS, UPLOADS, FOLDER}
    assert {"prover.sqlite", "shares", "results", "models", "evidence"} <= kept
    assert kept <= named
    known = {setting.key: setting.default for setting in all_settings()}
    settings = {name for name in named if "." in name and name.partition(".")[0] in SECTIONS} - {"prover.sqlite"}
    assert {"prover.retention_days", "coordinator.retention_days"} <= settings <= known.keys()


def test_every_decision_is_listed_with_its_status() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    for path in sorted(folder.glob("0*.md")):
        status = re.search(r"^Status: (accepted|superseded|proposed)", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert status, path.name
        row = next((line for line in index.splitlines() if path.name in line), "")
        assert row.endswith(f"| {status[1]} |"), path.name


def test_the_readmes_map_is_complete() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    folders = {name.partition("/")[0] for name in tracked if "/" in name and not name.startswith(".")}
    rows = re.findall(r"^\| `([a-z]+)/` \|", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(rows) == folders


def test_every_figure_in_a_table_is_that_of_the_results() -> None:
    for page in tables.PAGES:
        text = page.read_text(encoding="utf-8")
        assert "<!-- table: " in text
        assert tables.filled(text) == text, f"{page} is not what benchmarks/results give; run `gradroll bench`"


def test_every_goal_has_a_figure_and_the_command_that_measured_it() -> None:
    entries = json.loads((ROOT / "benchmarks" / "results" / "targets.json").read_text(encoding="utf-8"))
    assert {entry["goal"] for entry in entries} == set(range(1, 13))
    for entry in entries:
        assert set(entry) == {"goal", "params", "figure", "unit", "floor", "command"}
        assert entry["command"].startswith(("gradroll bench", "python -m benchmarks")), entry
