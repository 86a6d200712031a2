// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../src/interfaces/ICommitteeRegistry.sol";
import {IImprovementPay} from "../src/data/interfaces/IImprovementPay.sol";
import {Arbiter} from "../src/data/types/Campaigns.sol";
import {Attestation} from "../src/types/Types.sol";
import {DataScene} from "./support/DataScene.sol";

/// @title What a quorum signed of improvements is paid, once, to who handed the bundles in
contract ImprovementPayTest is DataScene {
    bytes32 private constant RULE = keccak256("perceptron, 32 bits, margin 0");
    uint256 private constant BUDGET = 10 ether;
    address private constant SPONSOR = address(0x5904508);

    IImprovementPay private _pay;
    bytes32 private _budget;
    uint256 private _first;
    uint256 private _second;

    function setUp() external {
        stageData();
        openCampaign(Arbiter.Owner);
        _pay = IImprovementPay(create(creationOf("ImprovementPay", abi.encode(data))));
        vm.deal(SPONSOR, BUDGET);
        vm.prank(SPONSOR);
        _budget = _pay.open{value: BUDGET}(campaign, address(0), BUDGET, RULE, 30 days, 10 days, 0);
        (_first, _second) = (_settled(ALICE, 0), _settled(BOB, 5));
    }

    function test_claim_whatWasSigned_once() external {
        _close();
        Attestation[] memory words = _words(_root(), 9 ether, QUORUM);
        _pay.sign(_budget, _root(), 9 ether, words);
        equal(_pay.owed(address(0), SPONSOR), 1 ether, "what the table does not pay");
        bytes32[] memory proof = _proof(_second, 4 ether);
        vm.expectRevert(abi.encodeWithSelector(IImprovementPay.ClaimInvalid.selector, _first, 6 ether));
        _pay.claim(_budget, _first, 6 ether, proof);
        _pay.claim(_budget, _first, 5 ether, proof);
        equal(_pay.owed(address(0), ALICE), 5 ether, "part of the first");
        vm.expectRevert(abi.encodeWithSelector(IImprovementPay.ClaimPaid.selector, _first));
        _pay.claim(_budget, _first, 5 ether, proof);
        vm.expectRevert(abi.encodeWithSelector(IImprovementPay.TableSigned.selector, _budget));
        _pay.sign(_budget, _root(), 9 ether, words);
        uint256 deadline = _pay.budgetOf(_budget).deadline;
        vm.warp(deadline + 1);
        proof = _proof(_first, 5 ether);
        vm.expectRevert(abi.encodeWithSelector(IImprovementPay.TooLate.selector, deadline));
        _pay.claim(_budget, _second, 4 ether, proof);
        _pay.giveBack(_budget);
        equal(_pay.owed(address(0), SPONSOR), 5 ether, "what nobody claimed");
        vm.expectRevert(abi.encodeWithSelector(IImprovementPay.NothingLeft.selector, _budget));
        _pay.giveBack(_budget);
        equal(address(_pay).balance, 10 ether, "all is credited");
    }

    function test_sign_needsAQuorum_ofThisTable_ofADecidedCampaign() external {
        Attestation[] memory words = _words(_root(), 9 ether, QUORUM);
        vm.expectRevert(abi.encodeWithSelector(IImprovementPay.CampaignUndecided.selector, campaign, 0));
        _pay.sign(_budget, _root(), 9 ether, words);
        _close();
        Attestation[] memory few = _words(_root(), 9 ether, QUORUM - 1);
        vm.expectRevert(
            abi.encodeWithSelector(ICommitteeRegistry.TooFewAttestations.selector, uint256(QUORUM - 1), uint256(QUORUM))
        );
        _pay.sign(_budget, _root(), 9 ether, few);
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.AttestationInvalid.selector, 0));
        _pay.sign(_budget, _root(), 8 ether, words);
        vm.expectRevert(abi.encodeWithSelector(IImprovementPay.TotalInvalid.selector, BUDGET + 1, BUDGET));
        _pay.sign(_budget, _root(), BUDGET + 1, words);
    }

    function test_sign_tooLate_givesAllBack() external {
        _close();
        uint256 deadline = _pay.budgetOf(_budget).deadline;
        vm.warp(deadline);
        vm.expectRevert(abi.encodeWithSelector(IImprovementPay.TooEarly.selector, deadline));
        _pay.giveBack(_budget);
        vm.warp(deadline + 1);
        Attestation[] memory words = _words(_root(), 9 ether, QUORUM);
        vm.expectRevert(abi.encodeWithSelector(IImprovementPay.TooLate.selector, deadline));
        _pay.sign(_budget, _root(), 9 ether, words);
        bytes32[] memory proof = _proof(_second, 4 ether);
        vm.expectRevert(abi.encodeWithSelector(IImprovementPay.TableMissing.selector, _budget));
        _pay.claim(_budget, _first, 5 ether, proof);
        _pay.giveBack(_budget);
        equal(_pay.owed(address(0), SPONSOR), BUDGET, "all of it");
    }

    /// @dev A quorum that signs more than the total, or another campaign's bundle, moves no other budget's money.
    function test_claim_staysWithinTheTotal_andTheCampaign() external {
        bytes32 own = campaign;
        openCampaign(Arbiter.Owner);
        uint256 foreign = _settled(CAROL, 0);
        campaign = own;
        _close();
        bytes32 root = _node(_leaf(_first, 5 ether), _leaf(foreign, 1 ether));
        _pay.sign(_budget, root, 4 ether, _words(root, 4 ether, QUORUM));
        bytes32[] memory proof = _proof(foreign, 1 ether);
        vm.expectRevert(abi.encodeWithSelector(IImprovementPay.TotalExceeded.selector, 4 ether));
        _pay.claim(_budget, _first, 5 ether, proof);
        proof = _proof(_first, 5 ether);
        bytes32 theirs = data.bundleOf(foreign).campaign;
        vm.expectRevert(abi.encodeWithSelector(IImprovementPay.BundleOfOther.selector, foreign, theirs));
        _pay.claim(_budget, foreign, 1 ether, proof);
    }

    /// @dev The tree that Python makes.
    function test_vectors_improvements() external {
        string memory json = vm.readFile("../tests/vectors/v1/samples/improvements.json");
        bytes32[] memory leaves = vm.parseJsonBytes32Array(json, ".leaves");
        uint256[] memory bundles = vm.parseJsonUintArray(json, ".bundle");
        uint256[] memory amounts = vm.parseJsonUintArray(json, ".amount");
        isTrue(leaves.length > 3, "vectors");
        for (uint256 i = 0; i < leaves.length; ++i) {
            equal(_leaf(bundles[i], amounts[i]), leaves[i], "leaf");
        }
        _close();
        bytes32 root = vm.parseJsonBytes32(json, ".root");
        _pay.sign(_budget, root, BUDGET, _words(root, BUDGET, QUORUM));
        bytes memory packed = vm.parseJsonBytesArray(json, ".proofs")[1];
        bytes32[] memory proof = abi.decode(bytes.concat(abi.encode(32, packed.length / 32), packed), (bytes32[]));
        vm.expectRevert(abi.encodeWithSelector(IImprovementPay.ClaimInvalid.selector, bundles[1], 2));
        _pay.claim(_budget, bundles[1], 2, proof);
        equal(bundles[1], _second, "the second bundle's number is in the vectors");
        _pay.claim(_budget, bundles[1], amounts[1], proof);
        equal(_pay.owed(address(0), BOB), amounts[1], "its part");
    }

    function _close() private {
        vm.prank(OWNER);
        data.close(campaign);
    }

    function _settled(address who, uint256 start) private returns (uint256 bundle) {
        bundle = review(who, samplesFrom(start, 2));
        toAnswer(bundle);
        data.settleBundle(bundle);
    }

    function _leaf(uint256 bundle, uint256 amount) private pure returns (bytes32) {
        return keccak256(abi.encode(keccak256(abi.encode(bundle, amount))));
    }

    function _node(bytes32 one, bytes32 other) private pure returns (bytes32) {
        return keccak256(one < other ? abi.encode(one, other) : abi.encode(other, one));
    }

    function _root() private view returns (bytes32) {
        return _node(_leaf(_first, 5 ether), _leaf(_second, 4 ether));
    }

    /// @dev In a table of two, the other's leaf.
    function _proof(uint256 otherBundle, uint256 otherAmount) private pure returns (bytes32[] memory proof) {
        proof = new bytes32[](1);
        proof[0] = _leaf(otherBundle, otherAmount);
    }

    function _words(bytes32 root, uint256 total, uint256 count) private view returns (Attestation[] memory out) {
        bytes32 domainType = keccak256(
            "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)"
        );
        bytes32 domain = keccak256(
            abi.encode(
                domainType, keccak256("gradroll"), keccak256("1"), block.chainid, address(_pay), _pay.deployment()
            )
        );
        bytes32 kind = keccak256("ImprovementTable(bytes32 budget,bytes32 rule,bytes32 root,uint256 total)");
        bytes32 structHash = keccak256(abi.encode(kind, _budget, RULE, root, total));
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", domain, structHash));
        equal(digest, _pay.tableDigest(_budget, root, total), "what members sign");
        out = new Attestation[](count);
        for (uint256 i = 0; i < count; ++i) {
            (bytes32 r, bytes32 vs) = signCompact(proverKey(i), digest);
            out[i] = Attestation(uint8(i), r, vs);
        }
    }
}
