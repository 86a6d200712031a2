// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../src/interfaces/ICommitteeRegistry.sol";
import {Attestation} from "../src/types/Types.sol";
import {Scene} from "./support/Scene.sol";

/// @title Committees
contract CommitteeRegistryTest is Scene {
    bytes32 private constant DIGEST = keccak256("digest");

    function setUp() external {
        deployRegistry();
    }

    function test_createCommittee_view() external {
        equal(registry.createCommittee(1, _members(4)), 0, "first");
        equal(registry.createCommittee(2, _members(5)), 1, "second");
        equal(registry.committeeCount(), 2, "count");
        (uint8 threshold, address[] memory members, string[] memory endpoints,, bool isReady) = registry.committee(1);
        equal(threshold, 2, "threshold");
        equal(registry.quorum(0), 3, "quorum of (4, 1)");
        equal(registry.quorum(1), 5, "quorum of (5, 2)");
        equal(keccak256(abi.encode(members)), keccak256(abi.encode(_members(5))), "members");
        equal(bytes(endpoints[4]).length, 0, "no endpoint yet");
        isTrue(!isReady && !registry.ready(1), "not ready");
    }

    function test_createCommittee_shapeInvalid() external {
        _shapeInvalid(0, 4);
        _shapeInvalid(1, 2);
        _shapeInvalid(2, 4);
        _shapeInvalid(1, 33);
        registry.createCommittee(15, _members(32));
        registry.createCommittee(1, _members(3));
    }

    function test_createCommittee_memberInvalid() external {
        address[] memory members = _members(4);
        members[3] = members[1];
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.MemberInvalid.selector, members[1]));
        registry.createCommittee(1, members);
        members[3] = address(0);
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.MemberInvalid.selector, address(0)));
        registry.createCommittee(1, members);
    }

    function test_join_ready() external {
        registry.createCommittee(1, _members(4));
        for (uint256 i = 0; i < 4; ++i) {
            isTrue(!registry.ready(0), "not ready yet");
            _join(i, "first");
        }
        isTrue(registry.ready(0), "ready");
        _join(2, "second");
        (,, string[] memory endpoints, bytes32[] memory keys, bool isReady) = registry.committee(0);
        isTrue(isReady, "still ready");
        equal(keccak256(bytes(endpoints[2])), keccak256("second"), "replaced");
        equal(keccak256(bytes(endpoints[1])), keccak256("first"), "kept");
        equal(keys[3], keccak256(abi.encode(3)), "key");
    }

    function test_join_refused() external {
        registry.createCommittee(1, _members(4));
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.NotAMember.selector, 0, address(this)));
        registry.join(0, "here", keccak256("key"));
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.CommitteeUnknown.selector, 3));
        registry.join(3, "here", keccak256("key"));
        vm.expectRevert(ICommitteeRegistry.EndpointInvalid.selector);
        registry.join(0, "", keccak256("key"));
        vm.expectRevert(ICommitteeRegistry.EndpointInvalid.selector);
        registry.join(0, string(new bytes(257)), keccak256("key"));
        vm.expectRevert(ICommitteeRegistry.EndpointInvalid.selector);
        registry.join(0, "here", 0);
    }

    function test_committee_unknown() external {
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.CommitteeUnknown.selector, 0));
        registry.committee(0);
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.CommitteeUnknown.selector, 0));
        registry.quorum(0);
        isTrue(!registry.ready(0), "not ready");
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.CommitteeUnknown.selector, 0));
        registry.requireQuorum(0, DIGEST, new Attestation[](0));
    }

    /// @dev Two quorums have at least t + 1 members in common, of whom one is honest; no smaller number gives that.
    function test_quorum_intersect() external {
        for (uint8 threshold = 1; threshold < 16; ++threshold) {
            for (uint256 size = 2 * uint256(threshold) + 1; size <= 32; ++size) {
                uint256 quorum = registry.quorum(registry.createCommittee(threshold, _members(size)));
                isTrue(quorum <= size, "all members are enough");
                isTrue(2 * quorum >= size + threshold + 1, "an honest member in common");
                isTrue(quorum > 2 * threshold, "a degree-2t opening");
                bool smaller = 2 * (quorum - 1) >= size + threshold + 1 && quorum - 1 > 2 * threshold;
                isTrue(!smaller, "the least such number");
            }
        }
    }

    /// @dev (N, t, Q); of the last one, Q is more than the 2t + 1 of a degree-2t opening.
    function test_requireQuorum_fewer() external {
        uint256[3][5] memory shapes =
            [[uint256(3), 1, 3], [uint256(4), 1, 3], [uint256(7), 2, 5], [uint256(10), 3, 7], [uint256(7), 1, 5]];
        for (uint256 i = 0; i < shapes.length; ++i) {
            (uint8 size, uint8 threshold, uint8 quorum) =
                (uint8(shapes[i][0]), uint8(shapes[i][1]), uint8(shapes[i][2]));
            uint256 committee = registry.createCommittee(threshold, _members(size));
            equal(registry.quorum(committee), quorum, "quorum");
            for (uint8 count = 0; count < quorum; ++count) {
                vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.TooFewAttestations.selector, count, quorum));
                registry.requireQuorum(committee, DIGEST, _signed(count, count));
            }
            registry.requireQuorum(committee, DIGEST, _signed(quorum, quorum));
            registry.requireQuorum(committee, DIGEST, _signed(size, size));
        }
    }

    function test_requireQuorum_anyMajority() external {
        registry.createCommittee(1, _members(4));
        for (uint8 missing = 0; missing < 4; ++missing) {
            registry.requireQuorum(0, DIGEST, _signed(4, missing));
        }
        registry.requireQuorum(0, DIGEST, _signed(4, 4));
    }

    function test_requireQuorum_refused() external {
        registry.createCommittee(1, _members(4));
        Attestation[] memory three = _signed(4, 1);
        (three[0], three[1]) = (three[1], three[0]);
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.AttestationsNotAscending.selector, 0));
        registry.requireQuorum(0, DIGEST, three);
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.AttestationInvalid.selector, 0));
        registry.requireQuorum(0, keccak256("other"), _signed(4, 1));
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.AttestationInvalid.selector, 4));
        registry.requireQuorum(0, DIGEST, _signed(5, 1));
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.TooFewAttestations.selector, 2, 3));
        registry.requireQuorum(0, DIGEST, _signed(3, 1));
    }

    /// @dev A signature of nobody in the name of a seat that nobody has, where no quorum is written either.
    function test_requireQuorum_nobody() external {
        registry.createCommittee(1, _members(4));
        uint8[3] memory seats = [4, 31, 255];
        for (uint256 i = 0; i < seats.length; ++i) {
            Attestation[] memory one = new Attestation[](1);
            one[0] = Attestation(seats[i], 0, 0);
            for (uint256 committee = 0; committee < 2; ++committee) {
                vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.AttestationInvalid.selector, seats[i]));
                registry.requireQuorum(committee, DIGEST, one);
            }
        }
    }

    /// @dev Signatures of members 0..count-1 without one.
    function _signed(uint8 count, uint8 missing) private pure returns (Attestation[] memory out) {
        out = new Attestation[](missing < count ? count - 1 : count);
        uint256 next = 0;
        for (uint8 i = 0; i < count; ++i) {
            if (i == missing) continue;
            (bytes32 r, bytes32 vs) = signCompact(i + 1, DIGEST);
            out[next++] = Attestation(i, r, vs);
        }
    }

    function _members(uint256 count) private pure returns (address[] memory members) {
        members = new address[](count);
        for (uint256 i = 0; i < count; ++i) {
            members[i] = vm.addr(i + 1);
        }
    }

    function _join(uint256 index, string memory endpoint) private {
        vm.prank(vm.addr(index + 1));
        registry.join(0, endpoint, keccak256(abi.encode(index)));
    }

    function _shapeInvalid(uint8 threshold, uint256 members) private {
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.CommitteeShapeInvalid.selector, threshold, members));
        registry.createCommittee(threshold, _members(members));
    }
}
