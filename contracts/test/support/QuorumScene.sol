// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Forfeit} from "../../src/libraries/Forfeit.sol";
import {Attestation, Posting, TaskTerms} from "../../src/types/Types.sol";
import {Scene} from "./Scene.sol";

/// @title What a quorum says of owners and coordinators, and what owners post
/// @dev Typed data is written anew here.
abstract contract QuorumScene is Scene {
    uint128 internal constant DEPOSIT = 4 ether;
    address internal constant REPORTER = address(0x4E90);
    address internal constant COORDINATOR = address(0xC0);
    bytes32 internal constant DEALING = keccak256("dealing");

    uint256 internal task;

    /// @dev A task with deposits and fees, of a verifier that believes everything; owners 0 to 7 and an open round.
    function stageDeposits() internal {
        deploy("norm_3");
        task = stageTask(feeTerms(), 8);
    }

    function feeTerms() internal returns (TaskTerms memory with) {
        with = stubTerms();
        (with.deposit, with.capacity) = (DEPOSIT, 64);
        (with.coordinatorBatchFee, with.coordinatorGradientFee) = (0.4 ether, 0.1 ether);
        (with.proverBatchFee, with.proverGradientFee) = (0.05 ether, 0.01 ether);
    }

    /// @dev Signatures of provers first..first+count-1.
    function signedByProvers(bytes32 digest, uint256 first, uint256 count)
        internal
        pure
        returns (Attestation[] memory out)
    {
        out = new Attestation[](count);
        for (uint256 i = 0; i < count; ++i) {
            (bytes32 r, bytes32 vs) = signCompact(proverKey(first + i), digest);
            out[i] = Attestation(uint8(first + i), r, vs);
        }
    }

    function byQuorum(bytes32 digest) internal pure returns (Attestation[] memory) {
        return signedByProvers(digest, 0, QUORUM);
    }

    function typed(string memory kind, bytes memory members) internal view returns (bytes32) {
        bytes32 structHash = keccak256(bytes.concat(keccak256(bytes(kind)), members));
        return keccak256(abi.encodePacked(hex"1901", domain(), structHash));
    }

    function exclusionDigest(uint256 round, uint256 index, bytes32 dealing) internal view returns (bytes32) {
        return typed(
            "Exclusion(uint256 taskId,bytes32 termsHash,uint256 round,address owner,bytes32 dealing)",
            abi.encode(task, market.task(task).termsHash, round, ownerAddress(index), dealing)
        );
    }

    /// @dev REPORTER hands in what a quorum signed of an owner.
    function exclude(uint256 round, uint256 index) internal {
        Attestation[] memory receipts = byQuorum(exclusionDigest(round, index, DEALING));
        vm.prank(REPORTER);
        market.exclude(task, round, index, DEALING, receipts);
    }

    /// @dev A submission of an owner with a quorum's receipts.
    function postingOf(uint256 round, uint256 index) internal view returns (Posting memory posting) {
        (posting.entry.cx, posting.entry.cy) = (1, 2);
        posting.shareDigests = new bytes32[](PROVERS);
        for (uint256 i = 0; i < PROVERS; ++i) {
            posting.shareDigests[i] = sha256(abi.encode(index, i));
        }
        signPosting(posting, round, index, ownerKey(index));
    }

    /// @dev Has the holder of a key sign the submission, and a quorum receipts of it.
    function signPosting(Posting memory posting, uint256 round, uint256 index, uint256 key) internal view {
        bytes32 submission = submissionOf(posting, round);
        bytes32 dealing = dealingOf(posting, round, index);
        (posting.entry.r, posting.entry.vs) = signCompact(key, submission);
        (posting.r, posting.vs) = signCompact(key, dealing);
        posting.receipts = byQuorum(typed("Receipt(bytes32 submission)", abi.encode(dealing)));
    }

    function submissionOf(Posting memory posting, uint256 round) internal view returns (bytes32) {
        return typed(
            "Submission(uint256 taskId,bytes32 termsHash,uint256 round,bytes32 modelDigest,"
            "uint256 commitmentX,uint256 commitmentY)",
            abi.encode(task, market.task(task).termsHash, round, MODEL, posting.entry.cx, posting.entry.cy)
        );
    }

    function dealingOf(Posting memory posting, uint256 round, uint256 index) internal view returns (bytes32) {
        bytes32 root = keccak256(abi.encodePacked(posting.shareDigests));
        return typed(
            "Dealing(address owner,bytes32 submission,bytes32 sharesRoot)",
            abi.encode(ownerAddress(index), submissionOf(posting, round), root)
        );
    }

    /// @dev An owner posts.
    function post(uint256 round, uint256 index) internal {
        Posting memory posting = postingOf(round, index);
        vm.prank(ownerAddress(index));
        market.postSubmission(task, round, index, posting);
    }

    /// @dev A prover has another key from its delay on.
    function rotateProver(uint256 index, uint256 key) internal {
        bytes32 kind = keccak256("Membership(uint256 committeeId,uint256 index,address signer,address controller)");
        bytes32 separator = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("gradroll registry"),
                keccak256("1"),
                CHAIN_ID,
                REGISTRY
            )
        );
        bytes32 structHash = keccak256(abi.encode(kind, uint256(committee), index, vm.addr(key), payeeOf(index)));
        (bytes32 r, bytes32 vs) = signCompact(key, keccak256(abi.encodePacked(hex"1901", separator, structHash)));
        vm.prank(payeeOf(index));
        registry.rotate(committee, index, vm.addr(key), keccak256("hpke"), r, vs);
        vm.warp(vm.getBlockTimestamp() + MINIMUM_DELAY);
        registry.applyChange(committee, index);
    }

    function owedEther(address account) internal view returns (uint256) {
        return market.owed(address(0), account);
    }

    function burntEther() internal view returns (uint256) {
        return market.owed(address(0), Forfeit.NOBODY);
    }
}
