// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../src/interfaces/ICommitteeRegistry.sol";
import {IDataErrors} from "../src/data/interfaces/IDataErrors.sol";
import {IImprovementPay} from "../src/data/interfaces/IImprovementPay.sol";
import {Arbiter} from "../src/data/types/Campaigns.sol";
import {CommitteeTerms} from "../src/types/Committees.sol";
import {Attestation} from "../src/types/Types.sol";
import {ImprovementScene} from "./support/ImprovementScene.sol";

/// @title Tables that nobody of the campaign's committee signed for this budget, and parts that no table has
contract ImprovementTablesTest is ImprovementScene {
    uint256 private constant BUDGET = 10 ether;
    address private constant SPONSOR = address(0x5904508);

    bytes32 private _budget;
    uint256 private _first;
    uint256 private _second;
    bytes32 private _root;

    function setUp() external {
        stageData();
        openCampaign(Arbiter.Owner);
        deployPay();
        _budget = openBudget(SPONSOR, BUDGET, 0);
        (_first, _second) = (settled(ALICE, 0), settled(BOB, 5));
        _root = nodeOf(leafOf(_first, 5 ether), leafOf(_second, 4 ether));
    }

    function test_sign_twice_isRefused_howeverManySign() external {
        _signed();
        bytes32 other = leafOf(_second, 9 ether);
        Attestation[] memory all = wordsFor(_budget, other, 9 ether, PROVERS);
        vm.expectRevert(abi.encodeWithSelector(IImprovementPay.TableSigned.selector, _budget));
        pay.sign(_budget, other, 9 ether, all);
        equal(pay.budgetOf(_budget).root, _root, "the first stays");
    }

    function test_sign_byAnotherCommittee_isRefused() external {
        closeCampaign();
        address[] memory members = new address[](PROVERS);
        for (uint256 i = 0; i < PROVERS; ++i) {
            members[i] = vm.addr(1000 + i);
        }
        vm.prank(MALLORY);
        uint64 own = registry.createCommittee(_committeeTerms(), members, 1);
        for (uint256 i = 0; i < PROVERS; ++i) {
            vm.prank(members[i]);
            registry.join(own, "mallory:7001", keccak256(abi.encode(i)), MALLORY);
        }
        Attestation[] memory theirs = wordsFor(_budget, _root, 9 ether, QUORUM);
        bytes32 digest = pay.tableDigest(_budget, _root, 9 ether);
        for (uint256 i = 0; i < QUORUM; ++i) {
            (theirs[i].r, theirs[i].vs) = signCompact(1000 + i, digest);
        }
        registry.requireQuorum(own, 0, digest, theirs); // it is a quorum, of a committee that the campaign does not name
        _refusedWords(_budget, theirs, 0);
    }

    /// @dev Members destroy keys that they exchanged: what those sign afterwards is whoever has them.
    function test_sign_byAKeyThatWasRotatedAway_isRefused() external {
        closeCampaign();
        Attestation[] memory before = wordsFor(_budget, _root, 9 ether, QUORUM);
        _rotate(1, 2000);
        _refusedWords(_budget, before, 1);
        (before[1].r, before[1].vs) = signCompact(2000, pay.tableDigest(_budget, _root, 9 ether));
        pay.sign(_budget, _root, 9 ether, before);
    }

    function test_sign_byAKeyThatWasRevoked_isRefused() external {
        closeCampaign();
        Attestation[] memory before = wordsFor(_budget, _root, 9 ether, QUORUM);
        address signer = vm.addr(proverKey(2));
        vm.prank(signer);
        registry.revoke(committee, signer);
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.TooFewAttestations.selector, QUORUM - 1, QUORUM));
        pay.sign(_budget, _root, 9 ether, before);
        equal(pay.budgetOf(_budget).root, bytes32(0), "root");
    }

    function test_sign_oneMemberTwice_isNoQuorum() external {
        closeCampaign();
        Attestation[] memory twice = wordsFor(_budget, _root, 9 ether, QUORUM);
        twice[2] = twice[1];
        vm.expectPartialRevert(ICommitteeRegistry.AttestationsNotAscending.selector);
        pay.sign(_budget, _root, 9 ether, twice);
        equal(pay.budgetOf(_budget).root, bytes32(0), "root");
    }

    function test_sign_totalsOutOfRange_areRefused() external {
        closeCampaign();
        _refusedTotal(_root, BUDGET + 1);
        _refusedTotal(_root, type(uint256).max);
        _refusedTotal(_root, 0);
        _refusedTotal(bytes32(0), 9 ether);
        pay.sign(_budget, _root, BUDGET, wordsFor(_budget, _root, BUDGET, QUORUM));
        equal(pay.owed(address(0), SPONSOR), 0, "the table pays all");
    }

    /// @dev One quorum's word is for one budget of one contract, though all else is the same.
    function test_sign_wordsForAnotherBudget_areRefused() external {
        bytes32 other = openBudget(SPONSOR, BUDGET, 1);
        closeCampaign();
        Attestation[] memory theirs = wordsFor(_budget, _root, 9 ether, QUORUM);
        _refusedWords(other, theirs, 0);
        deployPay();
        vm.roll(++blockNumber);
        bytes32 again = openBudget(SPONSOR, BUDGET, 0);
        isTrue(again != _budget, "another contract's budget is another");
        _refusedWords(again, theirs, 0);
    }

    function test_sign_whileSamplesArePending_isRefused() external {
        uint256 third = review(CAROL, samplesFrom(9, 2));
        closeCampaign();
        Attestation[] memory with = wordsFor(_budget, _root, 9 ether, QUORUM);
        vm.expectRevert(abi.encodeWithSelector(IImprovementPay.CampaignUndecided.selector, campaign, 2));
        pay.sign(_budget, _root, 9 ether, with);
        toAnswer(third);
        data.settleBundle(third);
        pay.sign(_budget, _root, 9 ether, with);
    }

    function test_sign_onTheLastSecond() external {
        closeCampaign();
        Attestation[] memory with = wordsFor(_budget, _root, 9 ether, QUORUM);
        vm.warp(pay.budgetOf(_budget).deadline);
        pay.sign(_budget, _root, 9 ether, with);
        equal(pay.budgetOf(_budget).deadline, vm.getBlockTimestamp() + CLAIM_WINDOW, "time to claim");
    }

    function test_claim_untilTheLastSecond() external {
        _signed();
        uint256 deadline = pay.budgetOf(_budget).deadline;
        vm.warp(deadline);
        vm.expectRevert(abi.encodeWithSelector(IImprovementPay.TooEarly.selector, deadline));
        pay.giveBack(_budget);
        pay.claim(_budget, _first, 5 ether, proofFrom(_second, 4 ether));
        vm.warp(deadline + 1);
        bytes32[] memory proof = proofFrom(_first, 5 ether);
        vm.expectRevert(abi.encodeWithSelector(IImprovementPay.TooLate.selector, deadline));
        pay.claim(_budget, _second, 4 ether, proof);
    }

    /// @dev What another budget's table gives the same bundle is that budget's.
    function test_claim_byTheTableOfAnotherBudget_isRefused() external {
        bytes32 other = openBudget(SPONSOR, BUDGET, 1);
        _signed();
        bytes32 theirs = nodeOf(leafOf(_first, 8 ether), leafOf(_second, 1 ether));
        pay.sign(other, theirs, 9 ether, wordsFor(other, theirs, 9 ether, QUORUM));
        bytes32[] memory proof = proofFrom(_second, 1 ether);
        _refusedClaim(_first, 8 ether, proof);
        pay.claim(other, _first, 8 ether, proof);
        isTrue(!pay.isPaid(_budget, _first), "of the other only");
        pay.claim(_budget, _first, 5 ether, proofFrom(_second, 4 ether));
        equal(pay.owed(address(0), ALICE), 13 ether, "of both");
    }

    /// @dev A node of the tree is no part, though it is 64 bytes as well.
    function test_claim_ofANode_isRefused() external {
        closeCampaign();
        (bytes32 one, bytes32 other) = (leafOf(_first, 5 ether), leafOf(_second, 4 ether));
        if (one > other) (one, other) = (other, one);
        pay.sign(_budget, _root, 9 ether, wordsFor(_budget, _root, 9 ether, QUORUM));
        _refusedClaim(uint256(one), uint256(other), new bytes32[](0));
        _refusedClaim(_first, 5 ether, new bytes32[](0));
    }

    function test_claim_byAProofOfMoreThan64Steps_isRefused() external {
        closeCampaign();
        bytes32[] memory proof = new bytes32[](65);
        bytes32 root = leafOf(_first, 1 ether);
        bytes32 shorter = 0;
        for (uint256 i = 0; i < 65; ++i) {
            proof[i] = keccak256(abi.encode(i));
            shorter = root;
            root = nodeOf(root, proof[i]);
        }
        bytes32 other = openBudget(SPONSOR, BUDGET, 1);
        pay.sign(_budget, root, 9 ether, wordsFor(_budget, root, 9 ether, QUORUM));
        pay.sign(other, shorter, 9 ether, wordsFor(other, shorter, 9 ether, QUORUM));
        _refusedClaim(_first, 1 ether, proof);
        assembly ("memory-safe") {
            mstore(proof, 64)
        }
        pay.claim(other, _first, 1 ether, proof);
    }

    function test_claim_ofABundleThatThereIsNot_isRefused() external {
        closeCampaign();
        uint256 none = data.sequence() + 7;
        bytes32 root = leafOf(none, 1 ether);
        pay.sign(_budget, root, 1 ether, wordsFor(_budget, root, 1 ether, QUORUM));
        refused(IDataErrors.BundleUnknown.selector, none);
        pay.claim(_budget, none, 1 ether, new bytes32[](0));
    }

    function test_unknownBudgets_areRefused() external {
        bytes32 none = keccak256("none");
        bytes memory error_ = abi.encodeWithSelector(IImprovementPay.BudgetUnknown.selector, none);
        Attestation[] memory with = wordsFor(_budget, _root, 9 ether, QUORUM);
        vm.expectRevert(error_);
        pay.sign(none, _root, 9 ether, with);
        vm.expectRevert(error_);
        pay.claim(none, _first, 1, new bytes32[](0));
        vm.expectRevert(error_);
        pay.giveBack(none);
        vm.expectRevert(error_);
        pay.budgetOf(none);
    }

    function _signed() private {
        closeCampaign();
        pay.sign(_budget, _root, 9 ether, wordsFor(_budget, _root, 9 ether, QUORUM));
    }

    function _refusedWords(bytes32 budget, Attestation[] memory with, uint256 member) private {
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.AttestationInvalid.selector, member));
        pay.sign(budget, _root, 9 ether, with);
    }

    function _refusedTotal(bytes32 root, uint256 total) private {
        Attestation[] memory with = wordsFor(_budget, root, total, QUORUM);
        vm.expectRevert(abi.encodeWithSelector(IImprovementPay.TotalInvalid.selector, total, BUDGET));
        pay.sign(_budget, root, total, with);
    }

    function _refusedClaim(uint256 bundle, uint256 amount, bytes32[] memory proof) private {
        vm.expectRevert(abi.encodeWithSelector(IImprovementPay.ClaimInvalid.selector, bundle, amount));
        pay.claim(_budget, bundle, amount, proof);
    }

    function _committeeTerms() private pure returns (CommitteeTerms memory) {
        return CommitteeTerms({
            threshold: 1, bondToken: address(0), bond: 0, changeDelay: MINIMUM_DELAY, unbondingDelay: MINIMUM_DELAY
        });
    }

    /// @dev A member's controller has the holder of another key sign from now on.
    function _rotate(uint256 index, uint256 key) private {
        bytes32 kind = keccak256("Membership(uint256 committeeId,uint256 index,address signer,address controller)");
        bytes32 domainType =
            keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
        bytes32 domain_ =
            keccak256(abi.encode(domainType, keccak256("gradroll registry"), keccak256("1"), block.chainid, registry));
        bytes32 words_ = keccak256(abi.encode(kind, uint256(committee), index, vm.addr(key), payeeOf(index)));
        (bytes32 r, bytes32 vs) = signCompact(key, keccak256(abi.encodePacked(hex"1901", domain_, words_)));
        vm.prank(payeeOf(index));
        registry.rotate(committee, index, vm.addr(key), keccak256("sealing key"), r, vs);
        elapse(MINIMUM_DELAY);
        registry.applyChange(committee, index);
    }
}
