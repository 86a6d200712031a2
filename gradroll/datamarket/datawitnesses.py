"""Receipts of a campaign's committee: who asks its members for them.

A member signs what it holds and has checked itself: that a bundle is the one that was opened, and fits the schema.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from circuits.errors import InvalidInputError
from circuits.foreignjson import parse_json
from commons.artifacts.tensorfiles import read_file
from commons.chain.datafacts import BundleRecord, CampaignRecord

Receipts = list[tuple[int, bytes]]
"""Members by index, with their 65-byte signatures."""
_MOST, _MEMBERS = 1 << 16, 32


class BundleWitnesses(Protocol):
    """A campaign's committee, asked for receipts."""

    def of_bundle(self, campaign: CampaignRecord, bundle: BundleRecord, file: Path) -> Receipts:
        """A quorum's receipts that its members hold a bundle, whose file is sent to those that do not.

        Raises UnavailableError where too few give one.
        """


class BundleHolders(Protocol):
    """A campaign's committee, whose receipts say that its members hold a bundle."""

    def file_of(self, campaign: CampaignRecord, bundle: BundleRecord, most: int) -> bytes:
        """The file of a bundle, whose SHA-256 is the chain's.

        Args:
            most: bytes that are taken.

        Raises:
            UnknownError: most nodes do not show the committee.
            UnavailableError: no member serves it; with what each says.
        """


@dataclass(frozen=True, slots=True)
class ReceiptFile:
    """Receipts that somebody collected in a file: a list of objects with ``member`` and ``signature``."""

    receipts: tuple[tuple[int, bytes], ...]

    @classmethod
    def read(cls, path: Path) -> ReceiptFile:
        """The receipts in a file.  Raises InvalidInputError, UnknownError."""
        try:
            value = parse_json(read_file(path, "receipts", _MOST))
        except ValueError:
            value = None
        if not isinstance(value, list) or not 1 <= len(value) <= _MEMBERS:
            raise InvalidInputError(f"{path} is no list of receipts; see gradroll data attest --help")
        return cls(tuple(_receipt(path, each) for each in value))

    def of_bundle(self, campaign: CampaignRecord, bundle: BundleRecord, file: Path) -> Receipts:
        """All of them: the contract knows whose they are."""
        return list(self.receipts)


def _receipt(path: Path, value: object) -> tuple[int, bytes]:
    signature = re.fullmatch(r"0x([0-9a-f]{130})", str(value.get("signature"))) if isinstance(value, dict) else None
    if not isinstance(value, dict) or value.keys() != {"member", "signature"} or signature is None:
        raise InvalidInputError(f"{path}: a receipt has a member and its signature, 0x and 130 digits; correct it")
    member = value["member"]
    if type(member) is not int or not 0 <= member < _MEMBERS:
        raise InvalidInputError(f"{path}: a member is a whole number from 0 to {_MEMBERS - 1}; correct it")
    return member, bytes.fromhex(signature[1])
