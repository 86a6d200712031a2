"""What provers sign for the committee registry: that a key is to be a member's, and who replaces a member."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from circuits.hashing import contract_domain, keccak, tag, typed_digest, words

MEMBERSHIP_TYPE = "Membership(uint256 committeeId,uint256 index,address signer,address controller)"
"""By a new signer: proof that it has its key."""
REPLACEMENT_TYPE = (
    "Replacement(uint256 committeeId,uint256 index,uint256 nonce,address signer,address controller,uint256 deadline)"
)
"""By a quorum of the committee: it puts another member at an index."""


def registry_domain(chain_id: int, registry: bytes) -> bytes:
    """EIP-712 domain separator of a committee registry; ``registry`` is its 20-byte address."""
    return contract_domain(b"gradroll registry", b"1", chain_id, registry)


@dataclass(frozen=True, slots=True)
class Rotation:
    """A member's next key.

    Attributes:
        signer: 20-byte address of the key.
        controller: 20-byte address of the member's controller, which sends the rotation.
    """

    committee_id: int
    index: int
    signer: bytes
    controller: bytes

    def digest(self, domain: bytes) -> bytes:
        """EIP-712 digest that the new signer signs, under ``registry_domain``."""
        return typed_digest(domain, MEMBERSHIP_TYPE, (self.committee_id, self.index, self.signer, self.controller))


def proposal_digest(domain: bytes, rotation: Rotation, hpke_key: bytes) -> bytes:
    """What a member signs of its next keys, with its present one, for its controller; no contract reads it.

    The registry takes the sealing key for the controller's word, so that nobody on the way may put in another.
    """
    return keccak(words(tag("gradroll/v1/rotation-proposal"), rotation.digest(domain), hpke_key))


@dataclass(frozen=True, slots=True)
class Replacement:
    """Another member at an index, which a quorum of the others asks for.

    Attributes:
        nonce: replacements that were signed for the index so far (``MemberRecord.replacements``).
        signer: 20-byte address of the new member's key; zeros call off what waits.
        controller: 20-byte address of the new member's controller; zeros for its signer.
        deadline: chain time, seconds since 1970, until which it can be sent.
    """

    kind: ClassVar[str] = "replacement"
    committee_id: int
    index: int
    nonce: int
    signer: bytes
    controller: bytes
    deadline: int

    def digest(self, domain: bytes) -> bytes:
        """EIP-712 digest that members sign, under ``registry_domain``."""
        values = (self.committee_id, self.index, self.nonce, self.signer, self.controller, self.deadline)
        return typed_digest(domain, REPLACEMENT_TYPE, values)
