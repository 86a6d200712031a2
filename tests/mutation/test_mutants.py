"""The mutants fit the code as it stands, and the tool tells a rule that is tested from one that is not."""

from __future__ import annotations

import ast
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from tests.mutation.__main__ import run
from tests.mutation.mutants import MUTANTS, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: f"{m.file}-{m.guards}")
def test_a_mutant_changes_one_place_and_names_tests_that_exist(mutant: Mutant, repository: Path) -> None:
    changed = mutant.applied((repository / mutant.file).read_text(encoding="utf-8"))
    compile(changed, mutant.file, "exec")
    assert mutant.kill
    for selection in mutant.kill:
        path, _, name = selection.partition("::")
        tree = ast.parse((repository / path).read_text(encoding="utf-8"))
        names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert not name or name.partition("[")[0] in names, selection


def test_every_mutant_guards_something_of_its_own() -> None:
    assert not [text for text, count in Counter(m.guards for m in MUTANTS).items() if count > 1]


def test_a_text_that_is_there_twice_or_not_at_all_is_an_error() -> None:
    mutant = Mutant("a.py", "x = 1", "x = 2", "", ())
    for source in ("x = 1\nx = 1\n", "y = 1\n"):
        with pytest.raises(ValueError, match="not once"):
            mutant.applied(source)


@pytest.mark.slow
def test_survivors_are_told_from_the_killed_and_from_what_could_not_be_run(tmp_path: Path) -> None:
    (tmp_path / "native").mkdir()
    (tmp_path / "rule.py").write_text("def even(n):\n    return n % 2 == 0\n", encoding="utf-8")
    (tmp_path / "test_rule.py").write_text(
        "from rule import even\n\n\ndef test_even():\n    assert even(2)\n", encoding="utf-8"
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n  slow:\n  anvil:\n", encoding="utf-8")
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)

    def mutant(replacement: str, text: str = "n % 2 == 0") -> Mutant:
        return Mutant("rule.py", text, replacement, replacement, ("test_rule.py",))

    killed, survivor, broken = mutant("n % 2 == 1"), mutant("True"), mutant("(")
    lost = mutant("", text="n % 3")
    found = run(tmp_path, (killed, survivor, broken, lost), jobs=1)
    assert killed not in found
    assert found[survivor] == "survived"
    assert "could not be run" in found[broken]
    assert "0 times, not once" in found[lost]
