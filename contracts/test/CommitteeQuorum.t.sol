// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../src/interfaces/ICommitteeRegistry.sol";
import {Attestation} from "../src/types/Types.sol";
import {CommitteeScene} from "./support/CommitteeScene.sol";

/// @title Who attests in which epoch
contract CommitteeQuorumTest is CommitteeScene {
    function setUp() external {
        stageCommittee();
    }

    /// @dev Two quorums have at least t + 1 members in common, of whom one is honest; no smaller number gives that.
    function test_quorum_intersect() external {
        for (uint8 threshold = 1; threshold < 16; ++threshold) {
            for (uint256 size = 2 * uint256(threshold) + 1; size <= 32; ++size) {
                uint256 quorum = registry.quorum(create(etherTerms(threshold), size));
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
            (uint256 size, uint8 threshold, uint256 quorum) = (shapes[i][0], uint8(shapes[i][1]), shapes[i][2]);
            uint256 committee = create(etherTerms(threshold), size);
            equal(registry.quorum(committee), quorum, "quorum");
            for (uint256 count = 0; count < quorum; ++count) {
                Attestation[] memory fewer = signedBy(keysUpTo(count), DIGEST);
                vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.TooFewAttestations.selector, count, quorum));
                registry.requireQuorum(committee, 0, DIGEST, fewer);
            }
            uint256 mask = registry.requireQuorum(committee, 0, DIGEST, signedBy(keysUpTo(quorum), DIGEST));
            equal(mask, (1 << quorum) - 1, "a quorum");
            mask = registry.requireQuorum(committee, 0, DIGEST, signedBy(keysUpTo(size), DIGEST));
            equal(mask, (1 << size) - 1, "all");
        }
    }

    function test_requireQuorum_anyMajority() external view {
        for (uint256 missing = 0; missing < SIZE; ++missing) {
            uint256 mask = registry.requireQuorum(id, 0, DIGEST, signedBy(others(missing), DIGEST));
            equal(mask, 15 ^ 1 << missing, "who signed");
        }
    }

    function test_requireQuorum_largest() external {
        uint256 largest = create(etherTerms(10), 32);
        uint256[] memory keys = keysUpTo(32);
        (keys[0], keys[30]) = (0, 0);
        uint256 mask = registry.requireQuorum(largest, 0, DIGEST, signedBy(keys, DIGEST));
        equal(mask, 0xbffffffe, "who signed");
    }

    function test_requireQuorum_refused() external {
        Attestation[] memory three = signedBy(others(1), DIGEST);
        (three[0], three[1]) = (three[1], three[0]);
        refused(ICommitteeRegistry.AttestationsNotAscending.selector, 0);
        registry.requireQuorum(id, 0, DIGEST, three);
        three = signedBy(others(1), DIGEST);
        three[1] = three[0];
        refused(ICommitteeRegistry.AttestationsNotAscending.selector, 0);
        registry.requireQuorum(id, 0, DIGEST, three);
        refused(ICommitteeRegistry.AttestationInvalid.selector, 0);
        registry.requireQuorum(id, 0, keccak256("other"), signedBy(others(1), DIGEST));
        refused(ICommitteeRegistry.AttestationInvalid.selector, 4);
        registry.requireQuorum(id, 0, DIGEST, signedBy(keysUpTo(5), DIGEST));
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.TooFewAttestations.selector, 2, 3));
        registry.requireQuorum(id, 0, DIGEST, signedBy(keysUpTo(2), DIGEST));
    }

    /// @dev A signature of nobody in the name of a seat that nobody has, where no quorum is written either.
    function test_requireQuorum_nobody() external {
        uint8[4] memory seats = [4, 31, 32, 255];
        for (uint256 i = 0; i < seats.length; ++i) {
            Attestation[] memory one = new Attestation[](1);
            one[0] = Attestation(seats[i], 0, 0);
            for (uint256 epoch = 0; epoch < 2; ++epoch) {
                refused(ICommitteeRegistry.AttestationInvalid.selector, seats[i]);
                registry.requireQuorum(id, epoch, DIGEST, one);
                refused(ICommitteeRegistry.AttestationInvalid.selector, seats[i]);
                registry.requireQuorum(1, epoch, DIGEST, one);
            }
        }
    }

    function test_requireQuorum_ofAnotherCommittee() external {
        address[] memory signers = signersUpTo(4);
        (signers[0], signers[1]) = (signers[1], signers[0]);
        uint256 other = registry.createCommittee(etherTerms(1), signers, 0);
        refused(ICommitteeRegistry.AttestationInvalid.selector, 0);
        registry.requireQuorum(other, 0, DIGEST, signedBy(keysUpTo(3), DIGEST));
    }

    /// @dev A round that pinned an epoch goes on with the members of that epoch, whatever happens meanwhile; a later
    /// round has the later ones. Each of many rotations and replacements of all indices is one epoch.
    function test_requireQuorum_pinnedEpoch() external {
        joinAll();
        uint256 steps = 9;
        uint256[4][] memory history = new uint256[4][](steps + 1);
        history[0] = [uint256(1), 2, 3, 4];
        for (uint256 step = 1; step <= steps; ++step) {
            uint256 index = step % SIZE;
            for (uint256 i = 0; i < SIZE; ++i) {
                history[step][i] = i == index ? FRESH + step : history[step - 1][i];
            }
            rotated(index, FRESH + step);
            equal(epochOf(id), step, "an epoch a change");
        }
        for (uint256 epoch = 0; epoch <= steps; ++epoch) {
            for (uint256 by = 0; by <= steps; ++by) {
                _expect(epoch, history, by);
            }
            (, address[] memory signers,, bytes32[] memory keys, bool isReady) = registry.committeeAtEpoch(id, epoch);
            for (uint256 i = 0; i < SIZE; ++i) {
                equal(signers[i], vm.addr(history[epoch][i]), "signer");
                equal(keys[i], hpkeOf(history[epoch][i]), "key");
            }
            isTrue(isReady == (epoch == steps), "only the present epoch is ready");
        }
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.EpochUnknown.selector, id, steps + 1));
        registry.committeeAtEpoch(id, steps + 1);
    }

    /// @dev The signers of an epoch attest in another one, if they are its.
    function _expect(uint256 epoch, uint256[4][] memory history, uint256 by) private {
        uint256[] memory keys = new uint256[](SIZE);
        uint256 bad = SIZE;
        for (uint256 i = SIZE; i > 0; --i) {
            keys[i - 1] = history[by][i - 1];
            if (keys[i - 1] != history[epoch][i - 1]) bad = i - 1;
        }
        if (bad < SIZE) refused(ICommitteeRegistry.AttestationInvalid.selector, bad);
        registry.requireQuorum(id, epoch, DIGEST, signedBy(keys, DIGEST));
    }

    /// @dev A revoked key attests nowhere: not in the present epoch, not in those before, not in those to come.
    function test_requireQuorum_revokedInAllEpochs() external {
        joinAll();
        rotated(1, FRESH);
        rotated(1, FRESH + 1);
        rotated(2, FRESH + 2);
        vm.prank(controllerOf(0));
        registry.revoke(id, vm.addr(1));
        vm.prank(vm.addr(FRESH));
        registry.revoke(id, vm.addr(FRESH));
        rotated(2, FRESH + 3);
        uint256[5] memory second = [uint256(2), FRESH, FRESH + 1, FRESH + 1, FRESH + 1];
        uint256[5] memory third = [uint256(3), 3, 3, FRESH + 2, FRESH + 3];
        for (uint256 epoch = 0; epoch < 5; ++epoch) {
            uint256[] memory keys = keysUpTo(SIZE);
            (keys[1], keys[2]) = (second[epoch], third[epoch]);
            _counted(epoch, keys);
            keys[0] = 0;
            _counted(epoch, keys);
            (keys[0], keys[3]) = (1, 0); // three signatures, of which two or one count
            tooFew(id, epoch, keys, epoch == 1 ? 1 : 2);
        }
    }

    /// @dev With the signature of a revoked key or without it: the others count, and nobody else.
    function _counted(uint256 epoch, uint256[] memory keys) private {
        if (epoch == 1) return tooFew(id, epoch, keys, 2);
        equal(registry.requireQuorum(id, epoch, DIGEST, signedBy(keys, DIGEST)), 14, "who counts");
    }
}
