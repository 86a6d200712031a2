// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IImprovementPay} from "../../src/data/interfaces/IImprovementPay.sol";
import {Attestation} from "../../src/types/Types.sol";
import {DataScene} from "./DataScene.sol";

/// @title Budgets for a campaign, and tables of what its bundles improved
/// @dev Trees and what members sign are written anew here.
abstract contract ImprovementScene is DataScene {
    bytes32 internal constant RULE = keccak256("perceptron, 32 bits, margin 0");
    uint32 internal constant SIGN_WINDOW = 30 days;
    uint32 internal constant CLAIM_WINDOW = 10 days;

    IImprovementPay internal pay;

    function deployPay() internal {
        pay = IImprovementPay(create(creationOf("ImprovementPay", abi.encode(data))));
    }

    function closeCampaign() internal {
        vm.prank(OWNER);
        data.close(campaign);
    }

    /// @dev A bundle of two that nobody challenged.
    function settled(address who, uint256 start) internal returns (uint256 bundle) {
        bundle = review(who, samplesFrom(start, 2));
        toAnswer(bundle);
        data.settleBundle(bundle);
    }

    /// @dev A budget in ether.
    function openBudget(address sponsor, uint256 amount, uint256 nonce) internal returns (bytes32) {
        vm.deal(sponsor, sponsor.balance + amount);
        vm.prank(sponsor);
        return pay.open{value: amount}(campaign, address(0), amount, RULE, SIGN_WINDOW, CLAIM_WINDOW, nonce);
    }

    function leafOf(uint256 bundle, uint256 amount) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256(abi.encode(bundle, amount))));
    }

    function nodeOf(bytes32 one, bytes32 other) internal pure returns (bytes32) {
        return keccak256(one < other ? abi.encode(one, other) : abi.encode(other, one));
    }

    /// @dev In a table of two, the other's leaf.
    function proofFrom(uint256 otherBundle, uint256 otherAmount) internal pure returns (bytes32[] memory proof) {
        proof = new bytes32[](1);
        proof[0] = leafOf(otherBundle, otherAmount);
    }

    function wordsFor(bytes32 budget, bytes32 root, uint256 total, uint256 count)
        internal
        view
        returns (Attestation[] memory out)
    {
        bytes32 domainType = keccak256(
            "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)"
        );
        bytes32 domain_ = keccak256(
            abi.encode(domainType, keccak256("gradroll"), keccak256("1"), block.chainid, address(pay), pay.deployment())
        );
        bytes32 kind = keccak256("ImprovementTable(bytes32 budget,bytes32 rule,bytes32 root,uint256 total)");
        bytes32 digest =
            keccak256(abi.encodePacked(hex"1901", domain_, keccak256(abi.encode(kind, budget, RULE, root, total))));
        equal(digest, pay.tableDigest(budget, root, total), "what members sign");
        out = new Attestation[](count);
        for (uint256 i = 0; i < count; ++i) {
            (bytes32 r, bytes32 vs) = signCompact(proverKey(i), digest);
            out[i] = Attestation(uint8(i), r, vs);
        }
    }
}
