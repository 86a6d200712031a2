"""Every method of every service: who may call it, which pool works on it, and what it may take.

A method without a row is refused, and a server that has one does not start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, unique

from google.protobuf.descriptor import ServiceDescriptor

from circuits.errors import GradrollError
from circuits.terms import MAX_DIMENSION
from commons.protocol.bundle import MAX_CERTIFICATE, largest_bundle
from commons.protocol.messages import MAX_PROVERS
from commons.samples.samplebundles import MAX_BUNDLE_BYTES
from commons.wire.checks import CHUNK, MAX_GRPC_MESSAGE
from commons.wire.sharestreams import MAX_CHUNKS

HEALTH_SERVICE = "grpc.health.v1.Health"
"""Of the standard health service; no package that we could import the name of fits all versions of protobuf."""


@unique
class Role(Enum):
    """Who may call a method.  It follows from what a caller signed, never from its connection."""

    ANYBODY = "anybody"
    OWNER = "an owner, by the header that it signed"
    MODEL_OWNER = "the task's model owner, by its signature of the model"
    COORDINATOR = "the task's coordinator, by its signature of the step; anybody for RELEASE"
    HOLDER = "whoever has the file of a bundle that was opened on the chain"
    MEMBER = "whoever brings what members of the committee signed"


@unique
class Pool(StrEnum):
    """Calls that are counted together: those of one pool never keep those of another from being worked on."""

    HEALTH = "health"
    LOOKUPS = "lookups"
    DOWNLOADS = "downloads"
    UPLOAD_DOOR = "uploads of callers that are not known yet"
    UPLOADS = "uploads"
    STEP_DOOR = "steps of callers that are not known yet"
    STEPS = "steps"
    RELEASES = "releases of sums"
    HEADERS = "headers"
    KEYS = "shared keys"
    VOUCHING = "receipts of availability"
    BOUNTIES = "receipts for bounties"
    BUNDLE_DOOR = "bundles that are not known yet to be opened"
    BUNDLES = "receipts for bundles"


DOORS = frozenset({Pool.UPLOAD_DOOR, Pool.STEP_DOOR, Pool.BUNDLE_DOOR})
"""Pools of strangers; a caller leaves them when it is known."""


@dataclass(frozen=True, slots=True)
class Method:
    """What a method is for, and what it may take.

    Attributes:
        pool: that works on it.
        door: pool of callers that are not known yet, for methods whose later messages may be long.
        most_bytes: of all messages of one call.
        deadline: seconds for the whole call; None for streams, which may take as long as they move fast enough.
    """

    role: Role
    pool: Pool
    most_bytes: int
    deadline: float | None
    door: Pool | None = None

    @property
    def entrance(self) -> Pool:
        """The pool that a call is in at first."""
        return self.door or self.pool


_SMALL = 1 << 16
_LOOKUP, _LONG = 60.0, 600.0
"""Seconds: for an answer from memory or disk; for one that asks a node many times, or computes."""
_SHARE = MAX_GRPC_MESSAGE + MAX_CHUNKS * 2 * CHUNK
"""The head, and chunks with what seals and frames them; how many a task's share has, its intake knows."""
_OFFER = MAX_GRPC_MESSAGE + MAX_PROVERS * MAX_CHUNKS * 2 * CHUNK
"""The same for all bodies of an upload."""
_MODEL = 1 << 40
"""The largest `coordinator.max_model_bytes`; the setting is what refuses a model."""
_HELD = MAX_GRPC_MESSAGE
"""A head, and a file of a group or a sealed row in chunks."""
_BUNDLE = MAX_GRPC_MESSAGE + 2 * MAX_BUNDLE_BYTES
"""A head, and the file of a bundle in chunks with what frames them; how long one may be, its campaign's terms say."""
_STEP = 2 * MAX_GRPC_MESSAGE * MAX_PROVERS + max(largest_bundle(MAX_DIMENSION), MAX_CERTIFICATE)


def _lookup() -> Method:
    return Method(Role.ANYBODY, Pool.LOOKUPS, _SMALL, _LOOKUP)


def _download() -> Method:
    return Method(Role.ANYBODY, Pool.DOWNLOADS, _SMALL, None)


METHODS: Mapping[str, Method] = {
    f"/{HEALTH_SERVICE}/Check": Method(Role.ANYBODY, Pool.HEALTH, _SMALL, 10.0),
    "/gradroll.v1.Prover/SubmitShares": Method(Role.OWNER, Pool.UPLOADS, _SHARE, None, Pool.UPLOAD_DOOR),
    "/gradroll.v1.Prover/Run": Method(Role.COORDINATOR, Pool.STEPS, _STEP, None, Pool.STEP_DOOR),
    "/gradroll.v1.Prover/DealKeys": Method(Role.ANYBODY, Pool.KEYS, _SMALL, _LONG),
    "/gradroll.v1.Prover/AcceptKeys": Method(Role.MEMBER, Pool.KEYS, MAX_GRPC_MESSAGE, _LONG),
    "/gradroll.v1.Prover/ConfirmKeys": Method(Role.MEMBER, Pool.KEYS, MAX_GRPC_MESSAGE, _LONG),
    "/gradroll.v1.Prover/Status": _lookup(),
    "/gradroll.v1.Prover/GetCertificate": _download(),
    "/gradroll.v1.Prover/ListBatches": _lookup(),
    "/gradroll.v1.Prover/GetAuditBundle": _download(),
    "/gradroll.v1.Prover/GetAvailability": Method(Role.ANYBODY, Pool.VOUCHING, _SMALL, _LONG),
    "/gradroll.v1.Prover/HoldGroup": Method(Role.ANYBODY, Pool.BOUNTIES, _HELD, None),
    "/gradroll.v1.Prover/AttestGroups": Method(Role.ANYBODY, Pool.BOUNTIES, _SMALL, _LONG),
    "/gradroll.v1.Prover/AttestOffer": Method(Role.ANYBODY, Pool.BOUNTIES, _HELD, None),
    "/gradroll.v1.Prover/GetHeld": _download(),
    "/gradroll.v1.Prover/GetBlinding": Method(Role.ANYBODY, Pool.BOUNTIES, _SMALL, _LONG),
    "/gradroll.v1.Prover/HoldBundle": Method(Role.HOLDER, Pool.BUNDLES, _BUNDLE, None, Pool.BUNDLE_DOOR),
    "/gradroll.v1.Prover/AttestBundle": Method(Role.ANYBODY, Pool.BUNDLES, _SMALL, _LONG),
    "/gradroll.v1.Prover/GetBundle": _download(),
    "/gradroll.v1.Coordinator/SubmitHeader": Method(Role.OWNER, Pool.HEADERS, _SMALL, _LONG),
    "/gradroll.v1.Coordinator/SubmissionStatus": _lookup(),
    "/gradroll.v1.Coordinator/OfferShares": Method(Role.OWNER, Pool.UPLOADS, _OFFER, None, Pool.UPLOAD_DOOR),
    "/gradroll.v1.Coordinator/OfferStatus": _lookup(),
    "/gradroll.v1.Coordinator/PutModel": Method(Role.MODEL_OWNER, Pool.UPLOADS, _MODEL, None, Pool.UPLOAD_DOOR),
    "/gradroll.v1.Coordinator/GetModel": _download(),
    "/gradroll.v1.Coordinator/GetPayload": _download(),
    "/gradroll.v1.Coordinator/GetAuditBundle": _download(),
    "/gradroll.v1.Coordinator/TaskStatus": _lookup(),
}
"""By the path of the call."""


def require_rows(services: tuple[ServiceDescriptor, ...]) -> None:
    """Raise GradrollError when a service has a method that nobody has decided about."""
    paths = [f"/{service.full_name}/{method.name}" for service in services for method in service.methods]
    missing = sorted(set(paths) - METHODS.keys())
    if missing:
        raise GradrollError(f"no row of commons/wire/methods.py says who may call {', '.join(missing)}")
