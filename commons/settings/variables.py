"""Environment variables of ours: which one sets which setting, and which are another's under our prefix."""

from __future__ import annotations

import re
from collections.abc import Mapping

from circuits.errors import ConfigError
from commons.settings.describing import PREFIX, all_settings, closest

DEVELOPMENT = f"{PREFIX}DEVELOPMENT"
_LINK = re.compile(
    rf"{PREFIX}(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?|ENV_.+)"
)
_LINK_BY_VALUE = {"PORT": re.compile(r"(tcp|udp|sctp)://.*"), "NAME": re.compile(r"/[^/]+/[^/]+")}


def set_by_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """The variable of each setting that the environment gives, by "section.key", or "development".

    Raises:
        ConfigError: a variable has our prefix, sets nothing, and comes from no container platform (`is_link`).
    """
    known = {setting.variable: setting.key for setting in all_settings()} | {DEVELOPMENT: "development"}
    found = {}
    for variable, text in environment.items():
        if variable in known:
            found[known[variable]] = variable
        elif variable.startswith(PREFIX) and not is_link(variable, text):
            raise ConfigError(f"{variable} is no known setting; {closest(variable, known)}")
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
