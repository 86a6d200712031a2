"""Environment variables of ours: which one sets which setting, and which are another's under our prefix."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from difflib import get_close_matches

from circuits.errors import ConfigError
from commons.settings.describing import PREFIX, all_settings, closest
from commons.settings.sections import SECTIONS

DEVELOPMENT = f"{PREFIX}DEVELOPMENT"
_log = logging.getLogger(__name__)
_LINK = re.compile(
    rf"{PREFIX}(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?|ENV_.+)"
)
_SECTIONS = tuple(f"{PREFIX}{section}_".upper() for section in SECTIONS)
_ALIKE = 0.85
"""How much a name must be like a setting's to be taken for a mistyped one, by `difflib`."""
_LINK_BY_VALUE = {"PORT": re.compile(r"(tcp|udp|sctp)://.*"), "NAME": re.compile(r"/[^/]+/[^/]+")}


def set_by_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """The variable of each setting that the environment gives, by "section.key", or "development".

    A variable that has our prefix and sets nothing is another's, of a container platform (`is_link`) or of somebody's
    scripts, unless it looks like one of ours that was mistyped.

    Raises:
        ConfigError: a variable that is meant for a section, or nearly has the name of a setting.
    """
    known = {setting.variable: setting.key for setting in all_settings()} | {DEVELOPMENT: "development"}
    found = {}
    for variable, text in environment.items():
        if variable in known:
            found[known[variable]] = variable
        elif variable.startswith(PREFIX) and not is_link(variable, text):
            if variable.startswith(_SECTIONS) or get_close_matches(variable, known, 1, _ALIKE):
                raise ConfigError(f"{variable} is no known setting; {closest(variable, known)}")
            _log.warning("%s has gradroll's prefix, but is no setting: it is not looked at", variable)
    return found


def is_link(variable: str, text: str) -> bool:
    """Whether a platform set the variable for a service whose name begins with gradroll.

    Kubernetes sets NAME_SERVICE_HOST, NAME_SERVICE_PORT, NAME_SERVICE_PORT_<port name>, NAME_PORT=tcp://.. and
    NAME_PORT_<number>_TCP.. for every service of a namespace (kubernetes.io, Service: "Discovering services:
    Environment variables"); legacy links of Docker add NAME_NAME and NAME_ENV_.. (docs.docker.com, "Legacy container
    links").
    """
    by_value = _LINK_BY_VALUE.get(variable.rpartition("_")[2])
    return bool(_LINK.fullmatch(variable) or (by_value and by_value.fullmatch(text)))
