// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../src/interfaces/ICommitteeRegistry.sol";
import {IImprovementPay} from "../src/data/interfaces/IImprovementPay.sol";
import {Arbiter} from "../src/data/types/Campaigns.sol";
import {Attestation} from "../src/types/Types.sol";
import {ImprovementScene} from "./support/ImprovementScene.sol";

/// @title What a quorum signed of improvements is paid, once, to who handed the bundles in
contract ImprovementPayTest is ImprovementScene {
    uint256 private constant BUDGET = 10 ether;
    address private constant SPONSOR = address(0x5904508);

    bytes32 private _budget;
    uint256 private _first;
    uint256 private _second;

    function setUp() external {
        stageData();
        openCampaign(Arbiter.Owner);
        deployPay();
        _budget = openBudget(SPONSOR, BUDGET, 0);
        (_first, _second) = (settled(ALICE, 0), settled(BOB, 5));
    }

    function test_claim_whatWasSigned_once() external {
        closeCampaign();
        Attestation[] memory words = wordsFor(_budget, _root(), 9 ether, QUORUM);
        pay.sign(_budget, _root(), 9 ether, words);
        equal(pay.owed(address(0), SPONSOR), 1 ether, "what the table does not pay");
        bytes32[] memory proof = proofFrom(_second, 4 ether);
        vm.expectRevert(abi.encodeWithSelector(IImprovementPay.ClaimInvalid.selector, _first, 6 ether));
        pay.claim(_budget, _first, 6 ether, proof);
        pay.claim(_budget, _first, 5 ether, proof);
        equal(pay.owed(address(0), ALICE), 5 ether, "part of the first");
        vm.expectRevert(abi.encodeWithSelector(IImprovementPay.ClaimPaid.selector, _first));
        pay.claim(_budget, _first, 5 ether, proof);
        vm.expectRevert(abi.encodeWithSelector(IImprovementPay.TableSigned.selector, _budget));
        pay.sign(_budget, _root(), 9 ether, words);
        uint256 deadline = pay.budgetOf(_budget).deadline;
        vm.warp(deadline + 1);
        proof = proofFrom(_first, 5 ether);
        vm.expectRevert(abi.encodeWithSelector(IImprovementPay.TooLate.selector, deadline));
        pay.claim(_budget, _second, 4 ether, proof);
        pay.giveBack(_budget);
        equal(pay.owed(address(0), SPONSOR), 5 ether, "what nobody claimed");
        vm.expectRevert(abi.encodeWithSelector(IImprovementPay.NothingLeft.selector, _budget));
        pay.giveBack(_budget);
        equal(address(pay).balance, 10 ether, "all is credited");
    }

    function test_sign_needsAQuorum_ofThisTable_ofADecidedCampaign() external {
        Attestation[] memory words = wordsFor(_budget, _root(), 9 ether, QUORUM);
        vm.expectRevert(abi.encodeWithSelector(IImprovementPay.CampaignUndecided.selector, campaign, 0));
        pay.sign(_budget, _root(), 9 ether, words);
        closeCampaign();
        Attestation[] memory few = wordsFor(_budget, _root(), 9 ether, QUORUM - 1);
        vm.expectRevert(
            abi.encodeWithSelector(ICommitteeRegistry.TooFewAttestations.selector, uint256(QUORUM - 1), uint256(QUORUM))
        );
        pay.sign(_budget, _root(), 9 ether, few);
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.AttestationInvalid.selector, 0));
        pay.sign(_budget, _root(), 8 ether, words);
        vm.expectRevert(abi.encodeWithSelector(IImprovementPay.TotalInvalid.selector, BUDGET + 1, BUDGET));
        pay.sign(_budget, _root(), BUDGET + 1, words);
    }

    function test_sign_tooLate_givesAllBack() external {
        closeCampaign();
        uint256 deadline = pay.budgetOf(_budget).deadline;
        vm.warp(deadline);
        vm.expectRevert(abi.encodeWithSelector(IImprovementPay.TooEarly.selector, deadline));
        pay.giveBack(_budget);
        vm.warp(deadline + 1);
        Attestation[] memory words = wordsFor(_budget, _root(), 9 ether, QUORUM);
        vm.expectRevert(abi.encodeWithSelector(IImprovementPay.TooLate.selector, deadline));
        pay.sign(_budget, _root(), 9 ether, words);
        bytes32[] memory proof = proofFrom(_second, 4 ether);
        vm.expectRevert(abi.encodeWithSelector(IImprovementPay.TableMissing.selector, _budget));
        pay.claim(_budget, _first, 5 ether, proof);
        pay.giveBack(_budget);
        equal(pay.owed(address(0), SPONSOR), BUDGET, "all of it");
    }

    /// @dev A quorum that signs more than the total, or another campaign's bundle, moves no other budget's money.
    function test_claim_staysWithinTheTotal_andTheCampaign() external {
        bytes32 own = campaign;
        openCampaign(Arbiter.Owner);
        uint256 foreign = settled(CAROL, 0);
        campaign = own;
        closeCampaign();
        bytes32 root = nodeOf(leafOf(_first, 5 ether), leafOf(foreign, 1 ether));
        pay.sign(_budget, root, 4 ether, wordsFor(_budget, root, 4 ether, QUORUM));
        bytes32[] memory proof = proofFrom(foreign, 1 ether);
        vm.expectRevert(abi.encodeWithSelector(IImprovementPay.TotalExceeded.selector, 4 ether));
        pay.claim(_budget, _first, 5 ether, proof);
        proof = proofFrom(_first, 5 ether);
        bytes32 theirs = data.bundleOf(foreign).campaign;
        vm.expectRevert(abi.encodeWithSelector(IImprovementPay.BundleOfOther.selector, foreign, theirs));
        pay.claim(_budget, foreign, 1 ether, proof);
    }

    /// @dev The tree that Python makes.
    function test_vectors_improvements() external {
        string memory json = vm.readFile("../tests/vectors/v1/samples/improvements.json");
        bytes32[] memory leaves = vm.parseJsonBytes32Array(json, ".leaves");
        uint256[] memory bundles = vm.parseJsonUintArray(json, ".bundle");
        uint256[] memory amounts = vm.parseJsonUintArray(json, ".amount");
        isTrue(leaves.length > 3, "vectors");
        for (uint256 i = 0; i < leaves.length; ++i) {
            equal(leafOf(bundles[i], amounts[i]), leaves[i], "leaf");
        }
        closeCampaign();
        bytes32 root = vm.parseJsonBytes32(json, ".root");
        pay.sign(_budget, root, BUDGET, wordsFor(_budget, root, BUDGET, QUORUM));
        bytes memory packed = vm.parseJsonBytesArray(json, ".proofs")[1];
        bytes32[] memory proof = abi.decode(bytes.concat(abi.encode(32, packed.length / 32), packed), (bytes32[]));
        vm.expectRevert(abi.encodeWithSelector(IImprovementPay.ClaimInvalid.selector, bundles[1], 2));
        pay.claim(_budget, bundles[1], 2, proof);
        equal(bundles[1], _second, "the second bundle's number is in the vectors");
        pay.claim(_budget, bundles[1], amounts[1], proof);
        equal(pay.owed(address(0), BOB), amounts[1], "its part");
    }

    function _root() private view returns (bytes32) {
        return nodeOf(leafOf(_first, 5 ether), leafOf(_second, 4 ether));
    }
}
