"""`gradroll data` as accounts of a stage type it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from commons.storage.accounts import SigningKey, save_account
from gradroll.cli import main

Command = Callable[..., dict[str, Any]]
"""Runs a command of an account's, and gives what programs are told; ``fails`` is the code that it ends with."""


def typed_by(
    directory: Path, accounts: Sequence[SigningKey], capsys: pytest.CaptureFixture[str], without_account: str = "-"
) -> Command:
    """Commands with keys and settings, data.toml, of a directory, which has to be the present one.

    Args:
        without_account: how commands begin that take neither an account nor its state.
    """
    for number, key in enumerate(accounts):
        save_account(directory / f"{number}.key", key)

    def run(account: int, words: str, *, fails: str = "", config: str = "data.toml") -> dict[str, Any]:
        own = ["--account", f"{account}.key", "--state", f"state{account}"]
        plain = words.startswith(without_account)
        status = main(["data", *words.split(), *([] if plain else own), "--config", config, "--json"])
        said = capsys.readouterr()
        assert (status == 0) == (not fails), said.err
        told: dict[str, Any] = json.loads(said.out)
        if fails:
            assert told["error"]["code"] == fails
        return told

    return run
