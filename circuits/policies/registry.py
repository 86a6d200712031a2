"""The policies that are known here, by name: those of this package, and those of packages that are installed.

Another package's policy is a Python file that calls `register`, and an entry point of the group `gradroll.policies`
that names its module, or a function to call. Entry points are loaded, once a process, when a name is asked for that is
not known yet, or the list of all; until then they cost nothing and can break nothing.

A policy decides what is accepted for pay, and its code runs in whoever loads its keys. Who makes its keys, its provers,
the coordinator and whoever audits install it; a key file states its circuit's digest, and the task its key's hash, so
another version of it is refused.
"""

from __future__ import annotations

import threading
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType

from circuits.errors import CircuitError
from circuits.policies.graded import REFERENCE
from circuits.policies.norm import NORM
from circuits.policies.spec import PolicyCircuit, PolicySpec

GROUP = "gradroll.policies"
BUILT_IN = (NORM, REFERENCE)
_known = {spec.name: spec for spec in BUILT_IN}
_loaded: dict[tuple[str, str], CircuitError | None] = {}
_loading = threading.RLock()  # an entry point may look for another's policy while it is loaded
_registering = threading.Lock()  # never held while something is imported


def register(spec: PolicySpec) -> None:
    """Makes a policy known to this process; the same object a second time changes nothing.

    Raises:
        CircuitError: another policy has the name, or this one has no sound circuit (`PolicySpec.compile`).
    """
    spec.circuit(2)
    with _registering:
        known = _known.setdefault(spec.name, spec)
    if known is not spec:
        raise CircuitError(f"two policies are called {spec.name!r}; one name has one circuit, so rename yours")


def find(name: str) -> PolicySpec:
    """The policy of that name.

    Raises:
        CircuitError: no policy has the name, and if an installed one could not be loaded, why.
    """
    broken = [] if name in _known else _load_installed()
    if name in _known:
        return _known[name]
    if broken:
        raise broken[0]
    raise CircuitError(
        f"no policy is called {name!r}; choose one of {', '.join(_known)}, or install the package that it comes with"
    )


def known() -> tuple[PolicySpec, ...]:
    """All policies, those of this package first.

    Raises:
        CircuitError: an installed one cannot be loaded; the message names its entry point.
    """
    if broken := _load_installed():
        raise broken[0]
    return tuple(_known.values())


def compiled(name: str, capacity: int) -> PolicyCircuit:
    """The circuit of the policy of that name for up to `capacity` owners.

    Raises:
        CircuitError: no policy has the name, or the capacity is out of its range.
    """
    return find(name).circuit(capacity)


def _load_installed() -> list[CircuitError]:
    """Loads entry points that are not loaded yet; what is wrong with those that cannot be."""
    broken = []
    with _loading:
        for entry in entry_points(group=GROUP):
            key = (entry.name, entry.value)
            if key not in _loaded:
                _loaded[key] = _tried(entry)
            if (error := _loaded[key]) is not None:
                broken.append(error)
    return broken


def _tried(entry: EntryPoint) -> CircuitError | None:
    """Loads an entry point, or takes back what it registered before it failed."""
    before = dict(_known)
    try:
        _load(entry)
    except (Exception, SystemExit) as error:  # whatever a stranger's module raises
        for name in _known.keys() - before.keys():
            del _known[name]
        explained = _explained(entry, error)
        explained.__cause__ = error
        return explained
    return None


def _load(entry: EntryPoint) -> None:
    target = entry.load()
    if not isinstance(target, ModuleType):
        target()


def _explained(entry: EntryPoint, error: BaseException) -> CircuitError:
    package = f" of {entry.dist.name}" if entry.dist is not None else ""
    return CircuitError(
        f"the entry point {entry.name!r} = {entry.value!r}{package} ({GROUP}) cannot be loaded: "
        f"{type(error).__name__}: {error}; mend or uninstall that package"
    )
