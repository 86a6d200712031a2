"""`gradroll task`: a model owner buys training."""

from __future__ import annotations

from gradroll.commands import relay, taskcreate, taskescrow, taskfees, taskrounds, taskstatus, tasktraining
from gradroll.commands.options import Subparsers, group


def add(parent: Subparsers) -> None:
    """Add the commands."""
    commands = group(parent, "task", "Buy training: create, fund, open rounds, read aggregates")
    for part in (taskcreate, taskescrow, taskfees, taskrounds, taskstatus, tasktraining, relay):
        part.add(commands)
