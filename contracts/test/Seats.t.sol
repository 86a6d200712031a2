// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../src/interfaces/ICommitteeRegistry.sol";
import {IMarket} from "../src/interfaces/IMarket.sol";
import {TypedData} from "../src/libraries/TypedData.sol";
import {Attestation, Batch, TaskTerms} from "../src/types/Types.sol";
import {Scene} from "./support/Scene.sol";

/// @title Every owner that is there when a round is opened has a seat, and a round's members attest it to its end
contract SeatsTest is Scene {
    uint256 private _task;

    function setUp() external {
        deploy("norm_3");
    }

    /// @dev Once the first batch took what the others needed: a small one of sybils made the honest batch fail.
    function test_acceptBatch_sybilsFirstCrowdNobodyOut() external {
        _stage(8, 8, 4); // fewer seats than owners are asked for
        equal(market.round(_task, 0).seats, 8, "a seat for each owner");
        accept(_task, 0, 0, 2);
        accept(_task, 0, 2, 6);
        equal(market.round(_task, 0).owners, 8, "all are in");
        equal(market.task(_task).reserved, market.round(_task, 0).spent, "all are paid");
    }

    function test_acceptBatch_lateOwnersHaveTheSeatsThatAreLeft() external {
        _stage(20, 4, 6);
        enrol(_task, 4, 8);
        equal(market.round(_task, 0).limit, 6, "limit");
        _refused(batchOf(_task, 0, 4, 3), abi.encodeWithSelector(IMarket.OwnerHasNoSeat.selector, 6, 6));
        accept(_task, 0, 4, 2);
        accept(_task, 0, 0, 4);
        equal(market.round(_task, 0).owners, 6, "all seats are taken");
        fund(_task, 8 * PAY);
        openRound(_task, 0);
        accept(_task, 1, 0, 8);
    }

    /// @dev Who left has no seat: even a quorum that attests one anyway cannot spend more than is reserved.
    function test_acceptBatch_ownersThatLeftTakeNoMoreThanTheSeats() external {
        _stage(8, 6, 6);
        accept(_task, 0, 0, 2);
        close(_task, 0);
        for (uint256 index = 0; index < 3; ++index) {
            vm.prank(ownerAddress(index));
            market.resign(_task, index);
        }
        market.claim(_task, 1, hex"000000010002");
        elapse(EXIT_WAIT);
        for (uint256 index = 0; index < 3; ++index) {
            market.exit(_task, index);
        }
        fund(_task, 3 * PAY);
        openRound(_task, 3);
        equal(market.round(_task, 1).limit, 6, "limit");
        accept(_task, 1, 0, 2);
        _refused(batchOf(_task, 1, 3, 3), abi.encodeWithSelector(IMarket.TooManyOwners.selector, 5, 3));
    }

    function test_round_limitOfEmptySeats() external {
        _stage(8, 0, 3);
        equal(market.round(_task, 0).limit, 3, "limit");
        enrol(_task, 0, 4);
        _refused(batchOf(_task, 0, 2, 2), abi.encodeWithSelector(IMarket.OwnerHasNoSeat.selector, 3, 3));
        accept(_task, 0, 0, 3);
    }

    /// @dev Who opens a round with everybody in it for a capacity of 65,535 owners.
    function test_openRound_largestCapacity() external {
        _stage(type(uint16).max, 2, type(uint16).max);
        equal(market.round(_task, 0).limit, type(uint16).max, "limit");
        accept(_task, 0, 0, 2);
    }

    /// @dev Members of a round are those of the epoch in which it was opened: rotation changes nothing inside it.
    function test_acceptBatch_epochOfTheRound() external {
        _stage(8, 8, 8);
        Batch memory old = batchOf(_task, 0, 0, 2);
        Batch memory fresh = batchOf(_task, 0, 2, 2);
        uint256 key = uint256(keccak256("another prover"));
        _rotate(key);
        Attestation memory newKey = attestBy(key, 0, attestedOf(fresh, batchIdOf(fresh)));
        fresh.attestations[0] = newKey;
        _refused(fresh, abi.encodeWithSelector(ICommitteeRegistry.AttestationInvalid.selector, 0));
        market.acceptBatch(old);
        equal(market.round(_task, 0).epoch, 0, "epoch of the first round");
        fund(_task, 8 * PAY);
        openRound(_task, 8);
        equal(market.round(_task, 1).epoch, 1, "epoch of the next");
        old = batchOf(_task, 1, 0, 2);
        _refused(old, abi.encodeWithSelector(ICommitteeRegistry.AttestationInvalid.selector, 0));
        old.attestations[0] = attestBy(key, 0, attestedOf(old, batchIdOf(old)));
        market.acceptBatch(old);
    }

    /// @dev A stolen key attests no more, also in rounds that are open; the others still make a quorum.
    function test_acceptBatch_revokedKey() external {
        _stage(8, 8, 8);
        Batch memory batch = batchOf(_task, 0, 0, 2);
        address signer = vm.addr(proverKey(1));
        vm.prank(payeeOf(1));
        registry.revoke(committee, signer);
        _refused(batch, abi.encodeWithSelector(ICommitteeRegistry.TooFewAttestations.selector, 2, 3));
        batch.attestations[1] = attestBy(proverKey(2), 2, attestedOf(batch, batchIdOf(batch)));
        batch.attestations[2] = attestBy(proverKey(3), 3, attestedOf(batch, batchIdOf(batch)));
        market.acceptBatch(batch);
    }

    function _stage(uint16 capacity, uint256 owners, uint256 seats) private {
        TaskTerms memory t = stubTerms();
        t.capacity = capacity;
        t.submitWindow = 2 days;
        t.settleWindow = 2 days;
        _task = createTask(t);
        enrol(_task, 0, owners);
        fund(_task, (seats < owners ? owners : seats) * PAY);
        openRound(_task, seats);
    }

    /// @dev Member 0 has another key from now on.
    function _rotate(uint256 key) private {
        address signer = vm.addr(key);
        bytes32 kind = keccak256("Membership(uint256 committeeId,uint256 index,address signer,address controller)");
        bytes32 structHash = keccak256(abi.encode(kind, uint256(committee), uint256(0), signer, payeeOf(0)));
        (bytes32 r, bytes32 vs) = signCompact(key, _registryDigest(structHash));
        vm.prank(payeeOf(0));
        registry.rotate(committee, 0, signer, keccak256("key"), r, vs);
        elapse(MINIMUM_DELAY);
        registry.applyChange(committee, 0);
    }

    function _registryDigest(bytes32 structHash) private view returns (bytes32) {
        bytes32 kind = keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
        bytes memory names = abi.encode(keccak256("gradroll registry"), keccak256("1"));
        bytes32 domain_ = keccak256(bytes.concat(kind, names, abi.encode(block.chainid, REGISTRY)));
        return TypedData.digest(domain_, structHash);
    }

    function _refused(Batch memory batch, bytes memory reason) private {
        vm.expectRevert(reason);
        market.acceptBatch(batch);
    }
}
