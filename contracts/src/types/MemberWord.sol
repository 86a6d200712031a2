// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @dev Who signs at an index of a committee: all that the check of an attestation reads. A struct of these fields would
/// be read once a field. From the lowest bit: signer (160 bits), the committee's quorum (8, so that a quorum is checked
/// from its signers' words alone), revoked (8), first epoch of this signer (32), its tenure (32): running number at this
/// index, which ascends with the epoch.
type MemberWord is uint256;

using {signerOf, quorumOf, isRevoked, isSigner, since, tenure, revoked, succeeded} for MemberWord global;

uint256 constant QUORUM_AT = 160;
uint256 constant REVOKED_AT = 168;
uint256 constant SINCE_AT = 176;
uint256 constant TENURE_AT = 208;

/// @dev The first signer at an index.
function firstMember(address signer, uint256 quorum) pure returns (MemberWord) {
    return MemberWord.wrap(uint160(signer) | quorum << QUORUM_AT);
}

function signerOf(MemberWord self) pure returns (address) {
    return address(uint160(MemberWord.unwrap(self)));
}

function quorumOf(MemberWord self) pure returns (uint256) {
    return uint8(MemberWord.unwrap(self) >> QUORUM_AT);
}

function isRevoked(MemberWord self) pure returns (bool) {
    return uint8(MemberWord.unwrap(self) >> REVOKED_AT) != 0;
}

/// @dev Whether this signer (zero: nobody) sits here.
function isSigner(MemberWord self, address signer) pure returns (bool) {
    return signer != address(0) && self.signerOf() == signer;
}

function since(MemberWord self) pure returns (uint256) {
    return uint32(MemberWord.unwrap(self) >> SINCE_AT);
}

function tenure(MemberWord self) pure returns (uint256) {
    return MemberWord.unwrap(self) >> TENURE_AT;
}

/// @dev The same member with its key revoked.
function revoked(MemberWord self) pure returns (MemberWord) {
    return MemberWord.wrap(MemberWord.unwrap(self) | 1 << REVOKED_AT);
}

/// @dev The next signer at the index, from an epoch on.
function succeeded(MemberWord self, address signer, uint256 epoch) pure returns (MemberWord) {
    uint256 next = self.tenure() + 1;
    return MemberWord.wrap(uint160(signer) | self.quorumOf() << QUORUM_AT | epoch << SINCE_AT | next << TENURE_AT);
}
