"""`--encrypt`, and what opens encrypted key files, as settings say."""

from __future__ import annotations

import argparse
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from commons.settings.loading import Settings
    from commons.storage.unlock import Unlock


def encrypt_option(parser: argparse.ArgumentParser) -> None:
    """The option to encrypt what is written."""
    parser.add_argument(
        "--encrypt",
        action="store_true",
        help="with the passphrase that the settings name (unlock.passphrase_file and others), or one that is asked for",
    )


def sealing(arguments: argparse.Namespace, chosen: Settings) -> Unlock | None:
    """What new key files are encrypted with; None where they are not to be."""
    from commons.settings.sections import UnlockSettings
    from commons.storage.unlock import Unlock, unlock_by
    from gradroll.setup.keyimport import new_passphrase

    if not arguments.encrypt:
        return None
    place = chosen.section(UnlockSettings).passphrase
    return unlock_by(place) if place else Unlock(cache(new_passphrase))


def opening(chosen: Settings) -> Unlock:
    """What opens key files."""
    from commons.settings.sections import UnlockSettings
    from commons.storage.unlock import unlock_by

    return unlock_by(chosen.section(UnlockSettings).passphrase)
