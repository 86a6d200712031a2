"""Processes of a campaign: those that end are started again, those that are done are not, and paused ones go on."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.__main__ import main
from tests.chaos.supervised import Supervised
from tests.support.waiting import wait_for

COUNTS = "import sys\nopen(sys.argv[1], 'a').write('x')\n"
FOR_EVER = COUNTS + "import time\nwhile True: time.sleep(0.05)\n"


class Run:
    """A process of a script, and how often it began."""

    def __init__(self, script: str, home: Path) -> None:
        self.ends: list[int] = []
        self._began = home / "began"
        self.process = Supervised(
            "one", ["-c", script, str(self._began)], dict(os.environ), home / "logs" / "one.log",
            lambda _, status: self.ends.append(status),
        )  # fmt: skip
        self.process.start()

    def has_begun(self, times: int) -> bool:
        self.process.watch()
        return self._began.exists() and len(self._began.read_text()) == times


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[list[Run]]:
    made: list[Run] = []
    yield made
    for run in made:
        run.process.kill()


def test_a_process_that_ends_with_an_error_is_started_again_and_told_of_once(runs: list[Run], tmp_path: Path) -> None:
    runs.append(run := Run(COUNTS + "sys.exit(5)", tmp_path))
    wait_for(lambda: run.has_begun(2))
    assert run.ends[0] == 5
    assert len(run.process.lives) == 2


def test_a_process_that_is_done_is_left_alone(runs: list[Run], tmp_path: Path) -> None:
    runs.append(run := Run(COUNTS, tmp_path))
    wait_for(lambda: run.process.status == 0)
    for _ in range(3):
        run.process.watch()
    assert run.ends == [0]
    assert run.has_begun(1)


def test_a_killed_process_stays_down_until_it_is_started(runs: list[Run], tmp_path: Path) -> None:
    runs.append(run := Run(FOR_EVER, tmp_path))
    wait_for(lambda: run.has_begun(1))
    run.process.kill()
    assert run.process.pid is None
    assert not run.process.signal(signal.SIGCONT)
    assert run.has_begun(1)
    run.process.start()
    wait_for(lambda: run.has_begun(2))
    assert run.ends == []


def test_a_process_has_changed_variables_from_its_next_start_on(runs: list[Run], tmp_path: Path) -> None:
    said = tmp_path / "said"
    script = f"import os\nopen({str(said)!r}, 'a').write(os.environ.get('ODD', 'none'))\n" + FOR_EVER
    runs.append(run := Run(script, tmp_path))
    wait_for(lambda: run.has_begun(1))
    run.process.change({"ODD": "other"})
    run.process.kill()
    run.process.start()
    wait_for(lambda: run.has_begun(2))
    assert said.read_text() == "noneother"


def test_a_paused_process_ends_when_it_is_asked_to(runs: list[Run], tmp_path: Path) -> None:
    runs.append(run := Run(FOR_EVER, tmp_path))
    wait_for(lambda: run.has_begun(1))
    run.process.signal(signal.SIGSTOP)
    stat = Path(f"/proc/{run.process.pid}/stat")
    wait_for(lambda: stat.read_text().split()[2] == "T")
    run.process.ask_to_stop()
    assert run.process.stop() == -signal.SIGTERM


def test_its_samples_have_memory_descriptors_and_time(runs: list[Run], tmp_path: Path) -> None:
    runs.append(run := Run(FOR_EVER, tmp_path))
    before = time.monotonic()
    wait_for(lambda: run.has_begun(1))
    run.process.watch()
    sample = run.process.lives[0][-1]
    assert sample.memory > 1 << 20
    assert sample.descriptors >= 3
    assert before <= sample.at <= time.monotonic()


@pytest.mark.parametrize(
    "wrong",
    [
        ["--minutes", "0"],
        ["--owners", "1"],
        ["--only", "nothing"],
        ["--seed", "-1"],
        ["--redis", "off", "--only", "kill-redis"],
    ],
)
def test_a_campaign_that_cannot_be_is_refused(wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(wrong)
    assert caught.value.code == 2


def test_a_process_that_is_paused_while_it_stops_ends_in_good_order(runs: list[Run], tmp_path: Path) -> None:
    heeds = COUNTS + (
        "import os, signal, time\nasked = []\nsignal.signal(signal.SIGTERM, lambda *_: asked.append(1))\n"
        "open(sys.argv[1], 'a').write('x')\n"
        "while not asked or not os.path.exists(sys.argv[1] + '-go'): time.sleep(0.01)\n"
    )
    runs.append(run := Run(heeds, tmp_path))
    wait_for(lambda: run.has_begun(2))
    run.process.ask_to_stop()
    run.process.signal(signal.SIGSTOP)
    (tmp_path / "began-go").touch()
    assert run.process.stop() == 0
