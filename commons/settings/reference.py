"""The reference page of all settings, docs/settings.md: ``python -m commons.settings.reference`` prints it."""

from __future__ import annotations

import sys

from commons.settings.describing import PREFIX, Setting, settings_of
from commons.settings.sections import SECTIONS

_HEAD = f"""\
# Settings

One TOML file a process (`--config FILE`; [deploy/examples](../deploy/examples/) has one for each role), then variables
`{PREFIX}<SECTION>_<KEY>`, then the command's own options; the last one wins. Unknown keys and values out of range are
refused when the settings are read, and the message names the key and where it came from. Variables that Kubernetes or
Docker set for a service called gradroll are skipped; others under the prefix are refused where they name a section or
look like a setting that was mistyped, and else left alone with a warning. Relative paths, also of a log, are relative
to the file that holds them; in a variable or an option, to the working directory. `development = true` at the top of
the file, `{PREFIX}DEVELOPMENT=1` or `--development` allows insecure development setups.

This page is made from `commons/settings/sections.py` by `make reference`.
"""


def page() -> str:
    """The page, in Markdown."""
    return "\n".join([_HEAD, *(_section(name) for name in SECTIONS)])


def _section(name: str) -> str:
    rows = [_row(setting) for setting in settings_of(name).values()]
    summary = " ".join((SECTIONS[name].__doc__ or "").split())
    head = [f"## [{name}]", "", summary, "", "| key | default | must be | for |", "| --- | --- | --- | --- |"]
    return "\n".join([*head, *rows, ""])


def _row(setting: Setting) -> str:
    default = "required" if setting.default is None else setting.default
    counted = f"number of {setting.unit}" if setting.unit else "number"
    wanted = setting.wanted.replace("number", counted, 1)
    return f"| `{setting.name}` | {default} | {wanted} | {setting.why} |"


if __name__ == "__main__":
    sys.stdout.write(page())
