// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IModelVersions} from "../src/data/interfaces/IModelVersions.sol";
import {Arbiter} from "../src/data/types/Campaigns.sol";
import {EpochReference, VersionTerms} from "../src/data/types/Versions.sol";
import {ImprovementScene} from "./support/ImprovementScene.sol";
import {ModelsAndRounds} from "./support/ModelsAndRounds.sol";
import {Snapshot} from "./support/Snapshot.sol";

/// @title Gas of whole transactions: pay by improvement, and versions of models
contract ImprovementGasTest is ImprovementScene, Snapshot {
    address private constant SPONSOR = address(0x5904508);

    /// forge-config: default.isolate = true
    function test_improvement_gas() external {
        stageData();
        openCampaign(Arbiter.Owner);
        deployPay();
        bytes32 budget = openBudget(SPONSOR, 10 ether, 0);
        _note("open");
        (uint256 first, uint256 second) = (settled(ALICE, 0), settled(BOB, 5));
        closeCampaign();
        bytes32 root = nodeOf(leafOf(first, 5 ether), leafOf(second, 4 ether));
        pay.sign(budget, root, 9 ether, wordsFor(budget, root, 9 ether, QUORUM));
        _note("sign, 3 members");
        pay.claim(budget, first, 5 ether, proofFrom(second, 4 ether));
        _note("claim");
        pay.collect(address(0), ALICE, ALICE);
        _note("collect");
        vm.warp(pay.budgetOf(budget).deadline + 1);
        pay.giveBack(budget);
        _note("giveBack");
        settle("improvement");
    }

    /// forge-config: default.isolate = true
    function test_versions_gas() external {
        stageData();
        openCampaign(Arbiter.Owner);
        address models = address(new ModelsAndRounds());
        IModelVersions versions = IModelVersions(create(creationOf("ModelVersions", abi.encode(data, models))));
        uint256 bundle = review(ALICE, samplesFrom(0, 4));
        toAnswer(bundle);
        data.settleBundle(bundle);
        data.closeEpoch(campaign);
        VersionTerms memory with;
        (with.model, with.rule) = (keccak256("first"), RULE);
        bytes32 first = versions.register(with);
        _note("register, without parents");
        (with.model, with.parents, with.epochs) = (keccak256("second"), new bytes32[](1), new EpochReference[](1));
        (with.parents[0], with.epochs[0].campaign) = (first, campaign);
        versions.register(with);
        _note("register, of a parent and an epoch");
        settle("versions");
    }

    function _note(string memory label) private {
        record(label, vm.lastCallGas().gasTotalUsed);
    }
}
