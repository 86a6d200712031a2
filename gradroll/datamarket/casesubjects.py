"""What a case is about: the commitment of a vote does not bind it, and a reorganisation gives case numbers anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from circuits.errors import UnknownError
from commons.chain.dataview import DataView

_DIGESTS = ("campaign", "root", "correction")


@dataclass(frozen=True, slots=True)
class Subject:
    """A sample, and what else a verdict is about.

    Attributes:
        campaign: 32 bytes.
        bundle, index: number of its bundle, and its place there.
        root: of the bundle, 32 bytes: with the place it binds the sample.
        correction: Keccak-256 of the correction that the jury is asked about, zeros for none.
    """

    campaign: bytes
    bundle: int
    index: int
    root: bytes
    correction: bytes

    @property
    def words(self) -> dict[str, Any]:
        """As it stands in a book."""
        digests = {name: getattr(self, name).hex() for name in _DIGESTS}
        return digests | {"bundle": self.bundle, "index": self.index}

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Subject:
        """What ``words`` gave.  Raises KeyError, TypeError, ValueError for anything else."""
        campaign, root, correction = (bytes.fromhex(raw[name]) for name in _DIGESTS)
        return cls(campaign, int(raw["bundle"]), int(raw["index"]), root, correction)


def subject_at(data: DataView, case: int, bundle: int, index: int) -> Subject | None:
    """What a case is about, from storage alone, as nodes need not keep old events; None where it is not that sample."""
    try:
        dispute, record = data.dispute(bundle, index), data.bundle(bundle)
    except UnknownError:
        return None
    if dispute.case != case:
        return None
    correction = data.challenge(dispute.judged).digest if dispute.judged else bytes(32)
    return Subject(record.campaign, bundle, index, record.root, correction)
