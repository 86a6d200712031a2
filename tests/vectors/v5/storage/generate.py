"""Writes the files of the latest versions with the project's code; see README.md."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections import deque
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from commons.storage.eventlog import SqliteLog
from commons.storage.redisplace import RedisPlace
from coordinator.journal import VERSIONS, Journal
from gradroll.data_owner.submissions import SubmissionStore
from provers.store import Store
from tests.simulation.world.clock import NodeClock, WorldClock
from tests.support.plain_batch import MARKET
from tests.support.redisserver import RedisServer, leading_log
from tests.vectors.v5.storage import stories

HERE = Path(__file__).parent
FIRST, SECOND, THIRD, FOURTH = (HERE.parent.parent / version / "storage" for version in ("v1", "v2", "v3", "v4"))
"""Files of the versions before."""
NAME = "gradroll:events"
ROOM = 1 << 20


def plain(value: Any) -> Any:
    """Any value as JSON has it: bytes in hexadecimal, mappings as pairs in their order."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, Mapping):
        return [[plain(key), plain(item)] for key, item in value.items()]
    if isinstance(value, tuple | list | set | deque):
        items = [plain(item) for item in value]
        return sorted(items) if isinstance(value, set) else items
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    return value


def state_of(journal: Journal) -> dict[str, Any]:
    """The coordinator's state, every field of it."""
    with journal.reading() as state:
        return {name: plain(value) for name, value in vars(state).items()}


def dump(path: Path) -> str:
    """A sqlite file as statements, its version the last of them."""
    connection = sqlite3.connect(path)
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    text = "\n".join((*connection.iterdump(), f"PRAGMA user_version={version};\n"))
    connection.close()
    return text


def files(directory: Path) -> dict[str, str]:
    """Every file by its name, made in a directory."""
    with RedisServer(directory) as server:
        in_redis = leading_log(RedisPlace(server.url, NAME), directory, VERSIONS)
        journals = Journal(SqliteLog(directory / "log.sqlite", VERSIONS)), Journal(in_redis)
        for journal in journals:
            journal.record(*stories.story())
            journal.close()
        rows = [row.decode() for row in server.client.lrange(NAME, 0, -1)]
    store, submissions = (
        Store(directory, max_bytes=ROOM, clock=NodeClock(WorldClock())),
        SubmissionStore(directory / "owner", MARKET),
    )
    before = stories.ROUND[0], stories.ROUND[1] - 1
    store.commit(stories.earlier(), before)
    store.close_round(before)
    store.forget_closed()
    for entry in stories.entries():
        store.commit([entry], stories.ROUND)
    store.close()
    submissions.save(stories.saved())
    (saved,) = (path for path in (directory / "owner").rglob("*") if path.is_file())
    states = {
        "events": state_of(journals[0]),
        "ledger": plain(store.ledger),
        "submission": plain(stories.saved()),
    }
    return {
        "events.sql": dump(directory / "log.sqlite"),
        "events.redis.jsonl": "".join(f"{row}\n" for row in rows),
        "ledger.sql": dump(directory / "prover.sqlite"),
        "submission.json": saved.read_text(encoding="utf-8"),
        "states.json": json.dumps(states, indent=1) + "\n",
    }


def main() -> None:
    """Write every file."""
    with tempfile.TemporaryDirectory() as directory:
        for name, text in files(Path(directory)).items():
            HERE.joinpath(name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
