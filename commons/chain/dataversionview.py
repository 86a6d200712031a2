"""Versions of models, as nodes show them: what an author says of each, held against the hash in the contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import decode, encode
from eth_utils.address import to_canonical_address

from circuits.errors import ChainError
from circuits.hashing import keccak, tag, words
from commons.chain.calldata import VERSIONS
from commons.chain.codechecks import require_code
from commons.chain.contractevents import Events
from commons.chain.dataview import DataView
from commons.runtime.amounts import checksum

VERSION_TERMS = "(bytes32[],bytes32,(bytes32,uint64)[],(uint64,uint64,uint64)[],bytes32,bytes32)"
VERSION = "(address,uint40,uint32,bytes32)"
VERSION_REGISTERED = f"VersionRegistered(bytes32,address,uint256,{VERSION_TERMS})"
_MAX_ANCESTORS = 4096
NO_LISTING = bytes(32)


@dataclass(frozen=True, slots=True)
class VersionTerms:
    """What a version says of itself.

    Attributes:
        parents: versions that it was made from, ascending, at most 8, 32 bytes each.
        model: 32 bytes: SHA-256 of its file, or the Keccak-256 of a committed model.
        epochs: campaign and number of each epoch that it was trained on, at most 16.
        rounds: task, first round and number of rounds that it was trained by, at most 16.
        rule: 32 bytes, digest of how it was trained.
        listing: its listing in the registry of models, 32 bytes; zeros for none.
    """

    parents: tuple[bytes, ...]
    model: bytes
    epochs: tuple[tuple[bytes, int], ...]
    rounds: tuple[tuple[int, int, int], ...]
    rule: bytes
    listing: bytes = NO_LISTING

    @property
    def words(self) -> tuple[Any, ...]:
        """The contract's ``VersionTerms``."""
        return list(self.parents), self.model, list(self.epochs), list(self.rounds), self.rule, self.listing

    @property
    def digest(self) -> bytes:
        """Keccak-256 of their encoding, 32 bytes."""
        return keccak(encode([VERSION_TERMS], [self.words]))

    def version_id(self, deployment: bytes, author: bytes) -> bytes:
        """The identifier of a version of an author (20 bytes); ``deployment`` is that of the contract."""
        return keccak(words(tag("gradroll/v1/model-version"), deployment, author, self.digest))


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """A version as its contract holds it.

    Attributes:
        author: 20 bytes.
        time: of its registration, seconds since 1970.
        generation: 1 more than the greatest of its parents, 0 without.
        terms_digest: 32 bytes.
    """

    version: bytes
    author: bytes
    time: int
    generation: int
    terms_digest: bytes


class VersionView:
    """Versions of models.  Every method raises ChainError, UnknownError as those of ``DataView``.

    Args:
        data: the campaigns.
        registry: 20-byte address of the registry of models.
        place: 20-byte address of the contract, as settings name it.

    Raises:
        ContractError: another contract is there.

    Attributes:
        deployment: of the contract, 32 bytes.
    """

    def __init__(self, data: DataView, registry: bytes, place: bytes) -> None:
        self.data, self.place = data, place
        self.deployment = bytes(self._ask("deployment()", [], ["bytes32"]))
        beside = [address.rjust(32, b"\0") for address in (data.place, registry)]
        require_code(data.chain.rpc, VERSIONS, place, [*beside, self.deployment], "data.versions")
        found = [to_canonical_address(self._ask(f"{name}()", [], ["address"])) for name in ("data", "models")]
        if found != [data.place, registry]:
            raise ChainError(
                f"the versions at {checksum(place)} are of the campaigns at {checksum(found[0])} and the models at "
                f"{checksum(found[1])}; name contracts of one deployment (data.versions, data.campaigns, "
                "models.registry)"
            )
        own = data.events
        self.events = Events(own.rpc, place, own.look, own.from_block)

    def version(self, version: bytes) -> VersionRecord:
        """A version."""
        author, time, generation, digest = self._ask("versionOf(bytes32)", [version], [VERSION])
        return VersionRecord(version, to_canonical_address(author), time, generation, bytes(digest))

    def versions(self, author: bytes | None = None) -> list[bytes]:
        """Identifiers of versions, oldest first; of one author."""
        return self.events.read(lambda log: bytes(log["topics"][1]), VERSION_REGISTERED, None, author)

    def terms(self, version: bytes) -> VersionTerms:
        """What a version says of itself.

        Raises:
            ChainError: the node shows other words than those that the version's identifier is the hash of, or none.
        """
        record = self.version(version)
        for found in self.events.read(_registered, VERSION_REGISTERED, version):
            if found.version_id(self.deployment, record.author) == version:
                return found
        raise ChainError("the node does not show what the version says of itself; does it keep old events?")

    def ancestors(self, version: bytes) -> dict[bytes, VersionTerms]:
        """A version and all that it was made from: identifiers with their terms, nearest first.

        Raises:
            ChainError: there are more than 4,096.
        """
        found, waiting = dict[bytes, VersionTerms](), [version]
        while waiting:
            each = waiting.pop(0)
            if each in found:
                continue
            if len(found) == _MAX_ANCESTORS:
                raise ChainError(
                    f"the version has more than {_MAX_ANCESTORS} ancestors; look at its parents one by one"
                )
            found[each] = self.terms(each)
            waiting += found[each].parents
        return found

    def _ask(self, signature: str, arguments: Sequence[Any], returns: Sequence[str]) -> Any:
        return self.data.chain.call(self.place, signature, arguments, returns)[0]


def _registered(log: Any) -> VersionTerms:
    """The terms that ``VersionRegistered`` tells."""
    _, (parents, model, epochs, rounds, rule, listing) = decode(["uint256", VERSION_TERMS], bytes(log["data"]))
    named = tuple((bytes(campaign), epoch) for campaign, epoch in epochs)
    given = tuple(map(bytes, parents)), bytes(model), named, tuple(map(tuple, rounds))
    return VersionTerms(*given, bytes(rule), bytes(listing))
