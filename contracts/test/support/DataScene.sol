// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDataCampaigns} from "../../src/data/interfaces/IDataCampaigns.sol";
import {
    Arbiter,
    BundleStage,
    BundleView,
    CampaignTerms,
    CampaignView,
    DisputeStage,
    DisputeView,
    Ground,
    Outcome
} from "../../src/data/types/Campaigns.sol";
import {Verdict} from "../../src/data/types/Juries.sol";
import {SampleKind, SampleProof, SampleSchema} from "../../src/data/types/Samples.sol";
import {Forfeit} from "../../src/libraries/Forfeit.sol";
import {Attestation} from "../../src/types/Types.sol";
import {JuryDouble} from "./DataDoubles.sol";
import {Scene} from "./Scene.sol";
import {Token} from "./Tokens.sol";

/// @title A campaign on the design's example terms, from its opening to any end of a sample
/// @dev Commitments, trees and receipts are written anew here. Samples have four features of one byte.
abstract contract DataScene is Scene {
    uint128 internal constant D = 4 ether;
    uint128 internal constant R = 1 ether;
    uint128 internal constant K = 0.5 ether;
    uint128 internal constant C = 2 ether;
    uint128 internal constant F = 0.4 ether;
    uint128 internal constant F2 = 0.88 ether;
    uint128 internal constant RECEIPTS = 0.03 ether;
    uint256 internal constant HALF = (D - F) / 2; // b of D - F
    uint256 internal constant ESCROW = 200 ether;
    address internal constant OWNER = address(0xB1DDE4);
    address internal constant ALICE = address(0xA71CE);
    address internal constant BOB = address(0xB0B);
    address internal constant CAROL = address(0xCA401);
    address internal constant MALLORY = address(0xBAD);
    bytes32 internal constant SALT = keccak256("salt");
    bytes32 internal constant CONTENT = keccak256("digest of a file");

    IDataCampaigns internal data;
    JuryDouble internal jury;
    address internal token; // ether
    bytes32 internal campaign;
    uint256 internal opened;
    uint256 internal blockNumber = 100;
    bytes32 internal bundleSalt = SALT; // of the bundle that is committed to next
    mapping(uint256 bundle => bytes[]) internal _samples;
    mapping(uint256 bundle => bytes32) internal _salts;
    mapping(bytes32 commitment => bool) private _made;

    function stageData() internal {
        vm.chainId(CHAIN_ID);
        vm.warp(START);
        mine(PARENT_HASH);
        deployRegistry();
        committee = createCommittee(1, PROVERS);
        data = IDataCampaigns(create(creationOf("DataCampaigns", abi.encode(registry, WINDOW, uint32(7 days)))));
    }

    /// @dev Puts a jury in place of the real one that says what it is told to.
    function doubleJury() internal {
        jury = JuryDouble(address(data.jury()));
        vm.etch(address(jury), address(new JuryDouble()).code);
    }

    function schemaOf() internal pure returns (SampleSchema memory with) {
        (with.width, with.size, with.classes, with.tau) = (4, 1, 3, 2);
        with.maxima = hex"10";
    }

    function dataTerms(Arbiter arbiter) internal view returns (CampaignTerms memory with) {
        (with.token, with.committeeId, with.arbiter) = (token, committee, arbiter);
        (with.schemaHash, with.manifest) = (keccak256(abi.encode(schemaOf())), keccak256("manifest"));
        (with.deposit, with.reward, with.correction, with.stake, with.fee) = (D, R, K, C, F);
        (with.receiptFee, with.burnt) = (RECEIPTS, 5000);
        (with.maxSamples, with.maxBundle, with.openDelay) = (1000, 65_536, 3);
        (with.openWindow, with.receiptWindow, with.reviewWindow) = (2 hours, 3 hours, 4 hours);
        (with.revealWindow, with.answerWindow, with.caseWindow) = (5 hours, 6 hours, 7 hours);
        (with.epochSize, with.epochPeriod) = (4, 10 days);
        if (arbiter == Arbiter.Owner) return with;
        (with.jurors, with.jurorStake) = (5, 3 ether);
        (with.voteWindow, with.voteRevealWindow, with.appealWindow) = (1 hours, 1 hours, 1 hours);
    }

    function openCampaign(Arbiter arbiter) internal returns (bytes32) {
        return openCampaign(dataTerms(arbiter));
    }

    function openCampaign(CampaignTerms memory with) internal returns (bytes32) {
        uint256 value = funded(OWNER, ESCROW);
        vm.prank(OWNER);
        campaign = data.open{value: value}(with, schemaOf(), opened++, ESCROW);
        return campaign;
    }

    /// @dev Gives an account an amount to spend. Returns what of it is ether.
    function funded(address account, uint256 amount) internal returns (uint256 value) {
        if (token == address(0)) {
            vm.deal(account, account.balance + amount);
            return amount;
        }
        Token(token).mint(account, amount);
        vm.prank(account);
        Token(token).approve(address(data), amount);
    }

    function sample(uint256 label, uint256 first) internal pure returns (bytes memory) {
        return abi.encodePacked(uint16(label), uint8(first), uint8(4), uint8(8), uint8(16));
    }

    /// @dev `count` samples that are far from one another, and from those of another start.
    function samplesFrom(uint256 start, uint256 count) internal pure returns (bytes[] memory out) {
        out = new bytes[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 number = start + i;
            out[i] = abi.encodePacked(
                uint16(1), uint8(number % 5 * 4), uint8(number / 5 % 5 * 4), uint8(number / 25 % 5 * 4), uint8(0)
            );
        }
    }

    function commitBundle(address who, bytes[] memory samples) internal returns (uint256 bundle) {
        return commitBundle(who, samples, CONTENT);
    }

    function commitBundle(address who, bytes[] memory samples, bytes32 content) internal returns (uint256 bundle) {
        uint256 count = samples.length;
        uint256 value = funded(who, D * count + RECEIPTS);
        bytes32 commitment = bundleCommitment(who, rootOf(samples), content, count);
        if (_made[commitment]) {
            bundleSalt = keccak256(abi.encode(bundleSalt));
            commitment = bundleCommitment(who, rootOf(samples), content, count);
        }
        _made[commitment] = true;
        vm.prank(who);
        bundle = data.commit{value: value}(campaign, uint32(count), commitment);
        _salts[bundle] = bundleSalt;
        for (uint256 i = 0; i < count; ++i) {
            _samples[bundle].push(samples[i]);
        }
    }

    function bundleCommitment(address who, bytes32 root, bytes32 content, uint256 count)
        internal
        view
        returns (bytes32)
    {
        return keccak256(
            abi.encode(keccak256("gradroll/v1/data-bundle"), campaign, root, content, count, who, bundleSalt)
        );
    }

    function openBundle(uint256 bundle) internal {
        passBlocks(3);
        openNow(bundle);
    }

    function openNow(uint256 bundle) internal {
        address who = data.bundleOf(bundle).contributor;
        vm.prank(who);
        data.openBundle(bundle, rootOf(_samples[bundle]), CONTENT, _salts[bundle]);
    }

    function attestBundle(uint256 bundle) internal {
        data.attest(bundle, receiptsFor(bundle));
    }

    function receiptsFor(uint256 bundle) internal view returns (Attestation[] memory) {
        BundleView memory state = data.bundleOf(bundle);
        return receiptsFor(state.campaign, bundle, state.root, state.count);
    }

    function receiptsFor(bytes32 of_, uint256 bundle, bytes32 root, uint256 count)
        internal
        view
        returns (Attestation[] memory out)
    {
        bytes32 kind = keccak256(
            "BundleReceipt(bytes32 campaign,uint256 bundle,bytes32 root,bytes32 contentDigest,uint256 count,bytes32 schemaHash)"
        );
        bytes memory members =
            abi.encode(kind, of_, bundle, root, CONTENT, count, data.campaignOf(of_).terms.schemaHash);
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", dataDomain(), keccak256(members)));
        out = new Attestation[](QUORUM);
        for (uint256 i = 0; i < QUORUM; ++i) {
            (bytes32 r, bytes32 vs) = signCompact(proverKey(i), digest);
            out[i] = Attestation(uint8(i), r, vs);
        }
    }

    function dataDomain() internal view returns (bytes32) {
        bytes32 kind = keccak256(
            "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)"
        );
        return keccak256(
            abi.encode(kind, keccak256("gradroll"), keccak256("1"), block.chainid, address(data), data.deployment())
        );
    }

    /// @dev A bundle from its commitment to its review.
    function review(address who, bytes[] memory samples) internal returns (uint256 bundle) {
        bundle = commitBundle(who, samples);
        openBundle(bundle);
        attestBundle(bundle);
    }

    function challengeAs(address who, uint256 bundle, uint256 index, Ground ground, bytes memory correction)
        internal
        returns (uint256)
    {
        return stakeOn(who, challengeCommitment(who, bundle, index, ground, correction));
    }

    function stakeOn(address who, bytes32 commitment) internal returns (uint256) {
        uint256 value = funded(who, C);
        vm.prank(who);
        return data.challenge{value: value}(campaign, commitment);
    }

    function challengeCommitment(address who, uint256 bundle, uint256 index, Ground ground, bytes memory correction)
        internal
        view
        returns (bytes32)
    {
        bytes32 digest = correction.length == 0 ? bytes32(0) : keccak256(correction);
        bytes32 kind = keccak256("gradroll/v1/data-challenge");
        bytes32 root = data.bundleOf(bundle).root;
        return keccak256(abi.encode(kind, campaign, bundle, root, index, ground, digest, who, SALT));
    }

    /// @dev A challenge without proof, to be opened.
    function judgedBy(address who, uint256 bundle, uint256 index, bytes memory correction) internal returns (uint256) {
        return challengeAs(who, bundle, index, Ground.Judged, correction);
    }

    function revealJudged(uint256 id, uint256 bundle, uint256 index, bytes memory correction) internal {
        address who = data.challengeOf(id).challenger;
        vm.prank(who);
        data.revealJudged(id, bundle, index, SALT, correction, schemaOf());
    }

    function proveSchema(uint256 id, uint256 bundle, uint256 index) internal {
        address who = data.challengeOf(id).challenger;
        SampleProof memory with = proofOf(bundle, index);
        vm.prank(who);
        data.proveSchema(id, bundle, index, SALT, with, schemaOf());
    }

    function proveDuplicate(uint256 id, uint256 bundle, uint256 index, uint256 other, uint256 place) internal {
        address who = data.challengeOf(id).challenger;
        (SampleProof memory with, SampleProof memory original) = (proofOf(bundle, index), proofOf(other, place));
        vm.prank(who);
        data.proveDuplicate(id, bundle, index, SALT, with, other, place, original, schemaOf());
    }

    /// @dev Sample 0 of Alice's bundle of two, challenged by Bob without proof, when the time to answer begins.
    function disputed(bytes memory correction) internal returns (uint256 bundle, uint256 id) {
        bundle = review(ALICE, samplesFrom(0, 2));
        id = judgedBy(BOB, bundle, 0, correction);
        toReveal(bundle);
        revealJudged(id, bundle, 0, correction);
        toAnswer(bundle);
    }

    /// @dev The same before the jury's double.
    function inCase(bytes memory correction) internal returns (uint256 bundle, uint256 id) {
        (bundle, id) = disputed(correction);
        toCase(bundle);
        data.openCase(bundle, 0, noProof(), schemaOf());
    }

    function decide(uint256 bundle, uint256 index, Verdict verdict, bool overturned) internal {
        jury.decide(data.disputeOf(bundle, index).caseId, verdict, overturned);
        data.settleSample(bundle, index);
    }

    function toReveal(uint256 bundle) internal {
        vm.warp(data.bundleOf(bundle).since + 4 hours + 1);
    }

    function toAnswer(uint256 bundle) internal {
        vm.warp(data.bundleOf(bundle).since + 9 hours + 1);
    }

    function toCase(uint256 bundle) internal {
        vm.warp(data.bundleOf(bundle).since + 15 hours + 1);
    }

    function afterCase(uint256 bundle) internal {
        vm.warp(data.bundleOf(bundle).since + 22 hours + 1);
    }

    function passBlocks(uint256 count) internal {
        blockNumber += count;
        vm.roll(blockNumber);
    }

    function noProof() internal pure returns (SampleProof memory with) {}

    /// @dev OpenZeppelin's tree with leaves in their order, by its definition.
    function treeOf(bytes[] memory samples) internal pure returns (bytes32[] memory nodes) {
        uint256 count = samples.length;
        nodes = new bytes32[](2 * count - 1);
        for (uint256 i = 0; i < count; ++i) {
            nodes[2 * count - 2 - i] = keccak256(abi.encode(keccak256(abi.encode(i, keccak256(samples[i])))));
        }
        for (uint256 i = count - 1; i > 0; --i) {
            (bytes32 one, bytes32 other) = (nodes[2 * i - 1], nodes[2 * i]);
            nodes[i - 1] = keccak256(one < other ? abi.encode(one, other) : abi.encode(other, one));
        }
    }

    function rootOf(bytes[] memory samples) internal pure returns (bytes32) {
        return treeOf(samples)[0];
    }

    function proofOf(uint256 bundle, uint256 index) internal view returns (SampleProof memory with) {
        bytes32[] memory nodes = treeOf(_samples[bundle]);
        with.sample = _samples[bundle][index];
        with.proof = new bytes32[](16);
        uint256 place = nodes.length - 1 - index;
        uint256 steps = 0;
        for (; place != 0; place = (place - 1) / 2) {
            with.proof[steps++] = nodes[place % 2 == 1 ? place + 1 : place - 1];
        }
        bytes32[] memory proof = with.proof;
        assembly ("memory-safe") {
            mstore(proof, steps)
        }
    }

    function view_() internal view returns (CampaignView memory) {
        return data.campaignOf(campaign);
    }

    function owedBy(address account) internal view returns (uint256) {
        return data.owed(token, account);
    }

    function burnt() internal view returns (uint256) {
        return owedBy(Forfeit.NOBODY);
    }

    function held() internal view returns (uint256) {
        return token == address(0) ? address(data).balance : Token(token).balanceOf(address(data));
    }

    function isAt(uint256 bundle, uint256 index, DisputeStage stage, Outcome outcome) internal view {
        DisputeView memory state = data.disputeOf(bundle, index);
        equal(uint256(state.stage), uint256(stage), "stage");
        equal(uint256(state.outcome), uint256(outcome), "outcome");
    }

    function hasStage(uint256 bundle, BundleStage stage) internal view {
        equal(uint256(data.bundleOf(bundle).stage), uint256(stage), "stage of the bundle");
    }

    function refused(bytes4 selector, uint256 one) internal {
        vm.expectRevert(abi.encodeWithSelector(selector, one));
    }

    function refused(bytes4 selector, uint256 one, uint256 two) internal {
        vm.expectRevert(abi.encodeWithSelector(selector, one, two));
    }
}
