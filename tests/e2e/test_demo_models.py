"""The model market's demo, as a user runs it: everything that it shows is held against what it wrote."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def test_three_developers_and_a_bounty(repository: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gradroll", "demo", "--models", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / "models.json").read_text())
    scores, balances = report["scores"], report["balances"]
    assert len(scores) == 3
    assert report["winner"] == max(scores, key=scores.__getitem__)
    for said in ("lineage proven", "sold and opened", "every unit that was paid in was paid out"):
        assert said in done.stdout
    net = {name: int(each["received"]) - int(each["paid"]) for name, each in balances.items()}
    assert net.pop(report["winner"]) == 10**18 == -net.pop("owner")
    assert set(net.values()) == {0}
    row = tmp_path / "models" / "row.sealed"
    secrets = list((tmp_path / "models").glob("*/models/*.json"))
    assert row.stat().st_size > 2410 * 64
    assert len(secrets) == 3
    assert all(path.stat().st_mode & 0o077 == 0 for path in secrets)
