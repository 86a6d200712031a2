// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "./interfaces/ICommitteeRegistry.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {Attestation} from "./types/Types.sol";

/// @title Registry of prover committees
/// @notice A committee is fixed when it is created; only endpoints and keys of its members may change afterwards.
contract CommitteeRegistry is ICommitteeRegistry {
    uint256 private constant MAX_MEMBERS = 32;
    uint256 private constant MAX_ENDPOINT_BYTES = 256;

    /// @dev The quorum is repeated in every member's word, so that a quorum is checked from the signers' words alone.
    struct Member {
        address signer;
        uint8 quorum;
        bool joined;
        bytes32 hpkeKey;
        string endpoint;
    }

    struct Committee {
        uint8 threshold;
        uint8 size;
        uint8 joined;
        mapping(uint256 index => Member) members;
    }

    /// @inheritdoc ICommitteeRegistry
    uint256 public committeeCount;
    mapping(uint256 committeeId => Committee) private _committees;

    /// @inheritdoc ICommitteeRegistry
    function createCommittee(uint8 threshold, address[] calldata members) external returns (uint256 committeeId) {
        uint256 size = members.length;
        if (threshold == 0 || size < 2 * uint256(threshold) + 1 || size > MAX_MEMBERS) {
            revert CommitteeShapeInvalid(threshold, size);
        }
        committeeId = committeeCount++;
        Committee storage created = _committees[committeeId];
        created.threshold = threshold;
        created.size = uint8(size);
        uint8 needed = uint8(_quorumOf(threshold, size));
        for (uint256 i = 0; i < size; ++i) {
            address member = members[i];
            if (member == address(0)) revert MemberInvalid(member);
            for (uint256 j = 0; j < i; ++j) {
                if (members[j] == member) revert MemberInvalid(member);
            }
            created.members[i].signer = member;
            created.members[i].quorum = needed;
        }
        emit CommitteeCreated(committeeId, msg.sender, threshold, members);
    }

    /// @inheritdoc ICommitteeRegistry
    function join(uint256 committeeId, string calldata endpoint, bytes32 hpkeKey) external {
        uint256 length = bytes(endpoint).length;
        if (length == 0 || length > MAX_ENDPOINT_BYTES || hpkeKey == 0) revert EndpointInvalid();
        Committee storage target = _committee(committeeId);
        Member storage member = target.members[_indexOf(target, committeeId)];
        if (!member.joined) {
            member.joined = true;
            ++target.joined;
        }
        member.endpoint = endpoint;
        member.hpkeKey = hpkeKey;
        emit MemberJoined(committeeId, msg.sender, endpoint, hpkeKey);
    }

    /// @inheritdoc ICommitteeRegistry
    function ready(uint256 committeeId) external view returns (bool) {
        Committee storage target = _committees[committeeId];
        return target.size != 0 && target.joined == target.size;
    }

    /// @inheritdoc ICommitteeRegistry
    function committee(uint256 committeeId)
        external
        view
        returns (
            uint8 threshold,
            address[] memory members,
            string[] memory endpoints,
            bytes32[] memory hpkeKeys,
            bool isReady
        )
    {
        Committee storage target = _committee(committeeId);
        uint256 size = target.size;
        threshold = target.threshold;
        isReady = target.joined == size;
        members = new address[](size);
        endpoints = new string[](size);
        hpkeKeys = new bytes32[](size);
        for (uint256 i = 0; i < size; ++i) {
            Member storage member = target.members[i];
            (members[i], endpoints[i], hpkeKeys[i]) = (member.signer, member.endpoint, member.hpkeKey);
        }
    }

    /// @inheritdoc ICommitteeRegistry
    function quorum(uint256 committeeId) public view returns (uint256) {
        return _committee(committeeId).members[0].quorum;
    }

    /// @inheritdoc ICommitteeRegistry
    function requireQuorum(uint256 committeeId, bytes32 digest, Attestation[] calldata attestations) external view {
        uint256 count = attestations.length;
        if (count == 0) revert TooFewAttestations(0, quorum(committeeId));
        mapping(uint256 => Member) storage members = _committees[committeeId].members;
        uint256 needed;
        uint256 next = 0;
        for (uint256 i = 0; i < count; ++i) {
            uint256 index = attestations[i].member;
            if (index < next) revert AttestationsNotAscending(index);
            next = index + 1;
            Member storage member = members[index];
            address signer = Signatures.recover(digest, attestations[i].r, attestations[i].vs);
            if (signer == address(0) || signer != member.signer) revert AttestationInvalid(index);
            needed = member.quorum;
        }
        if (count < needed) revert TooFewAttestations(count, needed);
    }

    /// @dev The larger of 2t + 1 and floor((N + t) / 2) + 1.
    function _quorumOf(uint256 threshold, uint256 size) private pure returns (uint256) {
        uint256 majority = (size + threshold) / 2 + 1;
        uint256 openings = 2 * threshold + 1;
        return openings > majority ? openings : majority;
    }

    function _committee(uint256 committeeId) private view returns (Committee storage target) {
        target = _committees[committeeId];
        if (target.size == 0) revert CommitteeUnknown(committeeId);
    }

    function _indexOf(Committee storage target, uint256 committeeId) private view returns (uint256) {
        for (uint256 i = 0; i < target.size; ++i) {
            if (target.members[i].signer == msg.sender) return i;
        }
        revert NotAMember(committeeId, msg.sender);
    }
}
