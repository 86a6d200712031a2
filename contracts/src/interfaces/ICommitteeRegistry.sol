// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Attestation} from "../types/Types.sol";

/// @title Registry of prover committees
/// @notice Who the provers of a committee are, where they listen, and under which key shares are sealed to them.
interface ICommitteeRegistry {
    /// @notice Threshold or size out of range: t >= 1, 2t + 1 <= N <= 32.
    error CommitteeShapeInvalid(uint256 threshold, uint256 members);
    /// @notice A member is the zero address or listed twice.
    error MemberInvalid(address member);
    /// @notice No committee has this number.
    error CommitteeUnknown(uint256 committeeId);
    /// @notice The caller is no member of the committee.
    error NotAMember(uint256 committeeId, address caller);
    /// @notice An endpoint must have 1 to 256 bytes, a key must not be zero.
    error EndpointInvalid();
    /// @notice Fewer attestations than the committee's quorum.
    error TooFewAttestations(uint256 given, uint256 needed);
    /// @notice Attestations must ascend strictly by member, so that nobody counts twice.
    error AttestationsNotAscending(uint256 member);
    /// @notice The signature is not this member's.
    error AttestationInvalid(uint256 member);

    /// @notice A committee was created.
    event CommitteeCreated(uint256 indexed committeeId, address indexed creator, uint256 threshold, address[] members);
    /// @notice A member published or replaced its endpoint and key.
    event MemberJoined(uint256 indexed committeeId, address indexed member, string endpoint, bytes32 hpkeKey);

    /// @notice Creates a committee; it is ready once every member has joined.
    /// @param threshold t: that many colluding members learn nothing.
    /// @param members Signing addresses; member i evaluates at x = i + 1.
    /// @return committeeId Its number, ascending from 0.
    function createCommittee(uint8 threshold, address[] calldata members) external returns (uint256 committeeId);

    /// @notice Publishes (or replaces) the caller's endpoint and X25519 key.
    function join(uint256 committeeId, string calldata endpoint, bytes32 hpkeKey) external;

    /// @notice Whether every member has joined; false for an unknown committee.
    function ready(uint256 committeeId) external view returns (bool);

    /// @notice All that is registered of a committee; endpoints and keys of members that have not joined are empty.
    function committee(uint256 committeeId)
        external
        view
        returns (
            uint8 threshold,
            address[] memory members,
            string[] memory endpoints,
            bytes32[] memory hpkeKeys,
            bool isReady
        );

    /// @notice Number of committees.
    function committeeCount() external view returns (uint256);

    /// @notice Q = max(2t + 1, floor((N + t) / 2) + 1), at most N. With at most t corrupt members, honest ones are the
    /// majority of any Q members, and any two sets of Q share an honest one: of two batches with an owner in common,
    /// which no honest member signs both, at most one finds a quorum.
    function quorum(uint256 committeeId) external view returns (uint256);

    /// @notice Reverts unless a quorum of distinct members signed the digest.
    /// @param committeeId The committee.
    /// @param digest EIP-712 digest.
    /// @param attestations Signatures, strictly ascending by member.
    function requireQuorum(uint256 committeeId, bytes32 digest, Attestation[] calldata attestations) external view;
}
