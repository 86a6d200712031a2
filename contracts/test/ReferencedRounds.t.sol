// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IGradedMarket} from "../src/interfaces/IGradedMarket.sol";
import {IMarket} from "../src/interfaces/IMarket.sol";
import {Reference, RoundView} from "../src/types/Types.sol";
import {Scene} from "./support/Scene.sol";
import {LevellingVerifier} from "./support/StubVerifier.sol";

/// @title Rounds that are opened with a reference
contract ReferencedRoundsTest is Scene {
    uint256 private _task;
    uint256 private _other;

    function setUp() external {
        deploy("norm_3");
        _task = createTask(gradedTerms(address(new LevellingVerifier())));
        _other = createTask(terms());
        fund(_task, 1000 * PAY);
        fund(_other, 1000 * PAY);
    }

    function test_openReferencedRound_state() external {
        Reference[] memory copies = opening(0).references;
        vm.expectEmit(true, true, true, true, MARKET);
        emit IMarket.RoundOpened(_task, 0, modelOf(_task), START + WINDOW, START + 2 * WINDOW, SEATS);
        vm.expectEmit(true, true, true, true, MARKET);
        emit IGradedMarket.RoundReferenced(_task, 0, MODEL, copies);
        vm.prank(modelOwner);
        equal(market.openReferencedRound(_task, MODEL, SEATS, copies), 0, "round");
        RoundView memory state = market.round(_task, 0);
        equal(state.modelDigest, modelOf(_task), "model and references");
        equal(state.settleDeadline, START + 2 * WINDOW, "settle deadline");
        equal(state.seats, SEATS, "seats");
        equal(market.task(_task).reserved, SEATS * PAY, "reserved");
        equal(market.task(_task).roundsOpened, 1, "opened");
    }

    function testFuzz_openReferencedRound_digest(bytes32 model, bytes32 seed, uint8 count) external {
        Reference[] memory copies = _copies(count % 16 + 1, seed);
        bytes memory packed;
        for (uint256 i = 0; i < copies.length; ++i) {
            packed = abi.encodePacked(packed, copies[i].cx, copies[i].cy, copies[i].sharesRoot);
        }
        bytes32 tag = keccak256("gradroll/v1/referenced-model");
        bytes32 expected = keccak256(abi.encodePacked(tag, model, keccak256(packed)));
        vm.prank(modelOwner);
        market.openReferencedRound(_task, model, SEATS, copies);
        equal(market.round(_task, 0).modelDigest, expected, "digest");
    }

    /// @dev The digest that Python has of the same model and references.
    function test_openReferencedRound_fixtures() external {
        string[3] memory names = ["reference_1", "reference_6", "reference_15"];
        for (uint256 i = 0; i < names.length; ++i) {
            string memory json = vm.readFile(string.concat("test/fixtures/", names[i], ".json"));
            bytes memory packed = vm.parseJsonBytes(json, ".references");
            uint256 count = packed.length / 0x60;
            Reference[] memory copies =
                abi.decode(bytes.concat(abi.encode(uint256(0x20), count), packed), (Reference[]));
            vm.prank(modelOwner);
            uint256 number = market.openReferencedRound(_task, vm.parseJsonBytes32(json, ".modelDigest"), SEATS, copies);
            equal(market.round(_task, number).modelDigest, vm.parseJsonBytes32(json, ".opening"), names[i]);
            close(_task, number);
            market.finalizeRound(_task, number);
        }
    }

    function test_openReferencedRound_numberOfCopies() external {
        uint256[4] memory refused = [uint256(0), 17, 18, 256];
        for (uint256 i = 0; i < refused.length; ++i) {
            vm.prank(modelOwner);
            vm.expectRevert(abi.encodeWithSelector(IGradedMarket.ReferencesInvalid.selector, refused[i]));
            market.openReferencedRound(_task, MODEL, SEATS, _copies(refused[i], 0));
        }
        vm.prank(modelOwner);
        market.openReferencedRound(_task, MODEL, SEATS, _copies(16, 0));
    }

    function test_openRound_ofTheOtherKind() external {
        vm.prank(modelOwner);
        vm.expectRevert(abi.encodeWithSelector(IGradedMarket.TaskGraded.selector, _task));
        market.openRound(_task, MODEL, SEATS);
        vm.prank(modelOwner);
        vm.expectRevert(abi.encodeWithSelector(IGradedMarket.TaskNotGraded.selector, _other));
        market.openReferencedRound(_other, MODEL, SEATS, _copies(1, 0));
    }

    /// @dev As any round.
    function test_openReferencedRound_refused() external {
        vm.expectRevert(abi.encodeWithSelector(IMarket.NotModelOwner.selector, _task, address(this)));
        market.openReferencedRound(_task, MODEL, SEATS, _copies(1, 0));
        vm.prank(modelOwner);
        vm.expectRevert(abi.encodeWithSelector(IMarket.SeatsInvalid.selector, 2049, 2048));
        market.openReferencedRound(_task, MODEL, 2049, _copies(1, 0));
        uint256 most = market.task(_task).balance / PAY;
        bytes memory refusal = abi.encodeWithSelector(IMarket.InsufficientEscrow.selector, (most + 1) * PAY, most * PAY);
        vm.prank(modelOwner);
        vm.expectRevert(refusal);
        market.openReferencedRound(_task, MODEL, most + 1, _copies(1, 0));
        openRound(_task);
        vm.prank(modelOwner);
        vm.expectRevert(abi.encodeWithSelector(IMarket.PreviousRoundUnsettled.selector, _task, 0));
        market.openReferencedRound(_task, MODEL, SEATS, _copies(1, 0));
    }

    function _copies(uint256 count, bytes32 seed) private pure returns (Reference[] memory out) {
        out = new Reference[](count);
        for (uint256 i = 0; i < count; ++i) {
            bytes32 drawn = keccak256(abi.encode(seed, i));
            out[i] = Reference(uint256(drawn), uint256(keccak256(abi.encode(drawn))), ~drawn);
        }
    }
}
