"""A rollup for gradients: the roles' SDK.

    with gradroll.connect("owner.toml") as session:
        done = session.data_owner.submit(0, update)

`connect` opens a `Session` with the roles of a settings file: `DataOwner` submits gradients and is paid by proof,
`ModelOwner` buys training and reads sums that the chain vouches for, `Auditor` checks again what was published.
Errors are in `gradroll.errors`.  `gradroll --help` is the same from a terminal.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from circuits.terms import Pay, Windows
    from gradroll.audit.auditor import Auditor
    from gradroll.data_owner.offer import Offer
    from gradroll.data_owner.owner import DataOwner, Submitted
    from gradroll.data_owner.participant import Participant
    from gradroll.data_owner.standing import Standing
    from gradroll.model_owner.buyer import ModelOwner, RoundAggregate
    from gradroll.model_owner.plan import TaskPlan
    from gradroll.session import Session, connect

__all__ = [
    "Auditor",
    "DataOwner",
    "ModelOwner",
    "Offer",
    "Participant",
    "Pay",
    "RoundAggregate",
    "Session",
    "Standing",
    "Submitted",
    "TaskPlan",
    "Windows",
    "connect",
]

_HOMES = {
    "Auditor": "gradroll.audit.auditor",
    "DataOwner": "gradroll.data_owner.owner",
    "ModelOwner": "gradroll.model_owner.buyer",
    "Offer": "gradroll.data_owner.offer",
    "Participant": "gradroll.data_owner.participant",
    "Pay": "circuits.terms",
    "RoundAggregate": "gradroll.model_owner.buyer",
    "Session": "gradroll.session",
    "Standing": "gradroll.data_owner.standing",
    "Submitted": "gradroll.data_owner.owner",
    "TaskPlan": "gradroll.model_owner.plan",
    "Windows": "circuits.terms",
    "connect": "gradroll.session",
}
_SIBLINGS = ("native", "circuits", "commons", "provers", "coordinator", "contracts")


def _require_siblings() -> None:
    """Raise ImportError when another distribution's package stands where one of ours is expected; imports nothing."""
    home = Path(__file__).resolve().parent.parent
    for name in _SIBLINGS:
        spec = find_spec(name)
        places = [*(spec.submodule_search_locations or (spec.origin,))] if spec else []
        if [Path(place or "").resolve() for place in places[:1]] != [home / name]:
            raise ImportError(
                f"gradroll in {home} needs its own package {name!r}, but Python finds {places or 'none'}: "
                "another project has a package of that name; install gradroll in an environment of its own, for "
                "example with pipx"
            )


_require_siblings()


def __getattr__(name: str) -> object:
    """Import a role when it is first asked for; the command line starts without all of them."""
    if name not in _HOMES:
        raise AttributeError(f"module 'gradroll' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
