"""The committee's shared keys on their way: packages that a dealer seals, hashes that members confirm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from circuits.errors import WireError
from circuits.hashing import keccak, tag, words
from circuits.statement import Committee
from commons.sharing.prss import KeySet


@dataclass(frozen=True, slots=True)
class CommitteeReference:
    """Names a committee beyond doubt: which one of which registry on which chain, and who is in it.

    Members confirm their shared keys under this name and find them by it.  So a node that tells another committee, at
    the setup of the keys or at a later start, leaves a prover without keys: it does not decide who makes up a quorum.
    """

    chain_id: int
    registry: bytes
    committee: Committee

    @property
    def digest(self) -> bytes:
        """32 bytes that stand for the committee in signed values."""
        committee = self.committee
        head = (self.chain_id, self.registry, committee.committee_id, committee.threshold)
        return keccak(words(tag("gradroll/v1/committee"), *head, *committee.members))


@dataclass(frozen=True, slots=True)
class KeyPackage:
    """All keys that a dealer shares with one member, sealed to it and signed by the dealer."""

    dealer: int
    recipient: int
    sealed: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    def digest(self, committee: CommitteeReference) -> bytes:
        """What the dealer signs."""
        return package_digest(committee, self.dealer, self.recipient, self.sealed)


def package_digest(committee: CommitteeReference, dealer: int, recipient: int, sealed: bytes) -> bytes:
    """Digest of a key package under its committee."""
    return keccak(words(tag("gradroll/v1/key-package"), committee.digest, dealer, recipient, keccak(sealed)))


@dataclass(frozen=True, slots=True)
class KeyConfirmation:
    """One member's signed hashes of the keys that it holds."""

    member: int
    hashes: Mapping[KeySet, bytes]
    signature: bytes = field(repr=False)


def encode_keys(keys: Mapping[KeySet, bytes]) -> bytes:
    """Plaintext of a key package: for each set, ascending, its 4-byte bit mask and its 32-byte key."""
    masked = sorted((sum(1 << p for p in members), key) for members, key in keys.items())
    return b"".join(mask.to_bytes(4, "big") + key for mask, key in masked)


def decode_keys(raw: bytes) -> dict[KeySet, bytes]:
    """Inverse of ``encode_keys``; WireError unless the sets ascend strictly and nothing is left over."""
    if len(raw) % 36:
        raise WireError("a key package's content is cut off")
    keys: dict[KeySet, bytes] = {}
    last = 0
    for at in range(0, len(raw), 36):
        mask = int.from_bytes(raw[at : at + 4], "big")
        if mask <= last:
            raise WireError("a key package's sets must be ascending and not empty")
        last = mask
        keys[members_of(mask)] = raw[at + 4 : at + 36]
    return keys


def keys_digest(keys: Mapping[KeySet, bytes]) -> bytes:
    """Names the shared keys that a member holds; they are uniform, so it hides them."""
    return keccak(words(tag("gradroll/v1/shared-keys")) + encode_keys(keys))


def members_of(mask: int) -> KeySet:
    """The committee indices in a bit mask, ascending."""
    return tuple(p for p in range(mask.bit_length()) if mask >> p & 1)
