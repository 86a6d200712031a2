"""A data owner as a process: hands in a gradient in each round of its tasks, again where it is told to, and claims.

It may be killed at any time; started again, it goes on.  What it was told stands in a file of JSON lines.  It ends
when a file named `finish` lies beside that, all it handed in has an end and all that can be claimed is paid.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from circuits.errors import ClosedError, GradrollError, UnknownError
from commons.protocol.status import SubmissionState, SubmissionStatus
from gradroll.data_owner.owner import DataOwner
from gradroll.session import Session, connect
from tests.chaos.places import gradient

TURN = 0.5
ENDED = ("accepted", "closed", "rejected")
"""What a round comes to for an owner: no more is done about it."""


def read_report(path: Path) -> list[dict[str, Any]]:
    """What an owner was told, in order; a line that a kill cut off is left out."""
    if not path.exists():
        return []
    whole = path.read_text(encoding="utf-8").rpartition("\n")[0]
    return [json.loads(line) for line in whole.splitlines() if line]


@dataclass
class Reporter:
    """Writes down what an owner was told, once for each thing."""

    path: Path
    said: set[tuple[object, ...]] = field(default_factory=set)

    def tell(self, what: str, text: str = "", **place: object) -> None:
        """Write a line, unless it was the last run's as well."""
        key = (what, text, *place.values())
        if key not in self.said:
            self.said.add(key)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"at": round(time.time(), 2), "what": what, "text": text, **place}) + "\n")

    def mend(self) -> None:
        """Take away the line that a kill cut off: what is written next would be part of it."""
        if self.path.exists():
            whole = self.path.read_bytes()
            self.path.write_bytes(whole[: whole.rfind(b"\n") + 1])


class Player:
    """One owner in its tasks."""

    def __init__(self, session: Session, seed: int, number: int, tasks: list[int], report: Path) -> None:
        self._owner: DataOwner = session.data_owner
        self._view = session.view
        self._seed, self._number, self._tasks = seed, number, tasks
        self._report = Reporter(report)
        self._report.mend()
        self._handed: dict[tuple[int, int], bytes] = {}
        self._ended: set[tuple[int, int]] = set()
        for line in read_report(report):
            if line["what"] in ENDED:
                self._ended.add((int(line["task"], 16), line["round"]))

    def turn(self) -> bool:
        """Do what can be done now; whether nothing is left to do at present."""
        quiet = True
        for task in self._tasks:
            try:
                opened = self._view.task(task).rounds_opened
                for number in range(opened):
                    if (task, number) not in self._ended:
                        self._step(task, number)
                        quiet = quiet and (task, number) in self._ended
                self._claim(task, opened)
            except GradrollError as error:
                self._report.tell("trouble", error.code)
                quiet = False
        return quiet

    def _claim(self, task: int, opened: int) -> None:
        """Be paid for the rounds that have an end."""
        through = next((n for n in range(opened) if (task, n) not in self._ended), opened)
        index = self._owner.index(task)
        if through and self._view.claimable(task, index, through).amount:
            paid = self._owner.claim(task, through)
            self._tell("paid", str(paid), task, through)

    def _tell(self, what: str, text: str, task: int, number: int, submission: bytes = b"") -> None:
        self._report.tell(what, text, task=hex(task), round=number, submission=submission.hex())
        if what in ENDED:
            self._ended.add((task, number))

    def _step(self, task: int, number: int) -> None:
        handed = self._handed.get((task, number))
        try:
            status = self._submit(task, number) if handed is None else self._owner.status(handed)
        except UnknownError as error:  # the coordinator has forgotten it: the SDK hands it in again
            self._handed.pop((task, number), None)
            self._tell("unknown", str(error), task, number)
        except ClosedError as error:
            self._tell("closed", str(error), task, number)
        except GradrollError as error:
            self._tell("trouble", error.code, task, number)
        else:
            self._follow(status, task, number)

    def _submit(self, task: int, number: int) -> SubmissionStatus:
        values = gradient(self._seed, self._number, task, number)
        submitted = self._owner.submit(task, values, round_number=number)
        self._handed[task, number] = submitted.submission
        self._tell("handed-in", "", task, number, submitted.submission)
        return submitted.status

    def _follow(self, status: SubmissionStatus, task: int, number: int) -> None:
        match status.state:
            case SubmissionState.ACCEPTED:
                self._tell("accepted", "", task, number, status.submission)
            case SubmissionState.REJECTED:
                self._tell("rejected", status.reason, task, number, status.submission)
            case SubmissionState.EXPIRED:
                self._tell("expired", status.reason, task, number, status.submission)
                self._handed.pop((task, number), None)


def main() -> int:
    """Returns 0 when all is done."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.ownerprocess", description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--number", type=int, required=True)
    parser.add_argument("--report", type=Path, required=True)
    parser.add_argument("tasks", nargs="+", type=lambda text: int(text, 16))
    given = parser.parse_args()
    finish = given.report.with_name("finish")
    while True:
        try:
            with connect(given.config, development=True) as session:
                player = Player(session, given.seed, given.number, given.tasks, given.report)
                while True:
                    last = finish.exists()  # before the turn: whatever was opened before is looked at
                    if player.turn() and last:
                        return 0
                    time.sleep(TURN)
        except GradrollError as error:  # the node is in trouble, and no session can be opened
            sys.stderr.write(f"{error.code}: {error}\n")
            time.sleep(TURN)


if __name__ == "__main__":
    raise SystemExit(main())
