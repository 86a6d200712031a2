"""A local market that was prepared before: is it still on its chain?"""

from __future__ import annotations

from pathlib import Path

from circuits.errors import ChainError, ConfigError
from commons.chain.view import ChainView
from commons.runtime.urls import without_secrets
from commons.settings.loading import load
from commons.settings.sections import ChainSettings


def require_on_chain(settings_file: Path, url: str) -> None:
    """Look for the market of a settings file on the chain of a node that answers.

    Raises:
        ConfigError: the chain has no such market: a development chain forgets everything when it stops.
    """
    try:
        ChainView.of(load(settings_file).section(ChainSettings), url)
    except ChainError as error:
        raise ConfigError(
            f"the chain at {without_secrets(url)} does not have the market of {settings_file} ({error}); a development "
            "chain forgets everything when it stops, so begin anew: remove that directory, for compose.yaml with "
            "`docker compose -f deploy/compose.yaml down --volumes`"
        ) from error
