// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IPerceptronModel} from "../../src/data/interfaces/IPerceptronModel.sol";
import {Arbiter, CampaignTerms, ChallengeStage, DisputeStage, Outcome} from "../../src/data/types/Campaigns.sol";
import {SampleProof, SampleSchema} from "../../src/data/types/Samples.sol";
import {PerceptronScene} from "../support/PerceptronScene.sol";

/// @title Who would steer a model that trains in its contract, or a campaign that it is arbiter of
contract DataModelsTest is PerceptronScene {
    uint256 private constant ARBITERS_GAS = 3_000_000;

    function setUp() external {
        stageData();
        stageModel(bytes32(0));
    }

    /// @dev A campaign that names a model which is there may be in a block after a reorganisation. If others then make models
    /// first, it is still this one's address that it names.
    function test_make_inAnotherOrder_givesTheSameAddresses() external {
        uint256 before = vm.snapshotState();
        IPerceptronModel named = factory.make(campaign, schemaOf(), 32, 5000);
        isTrue(vm.revertToState(before), "another history");
        vm.prank(MALLORY);
        IPerceptronModel other = factory.make(campaign, schemaOf(), 16, 1);
        isTrue(address(other) != address(named), "another's address");
        equal(address(factory.make(campaign, schemaOf(), 32, 5000)), address(named), "address");
    }

    /// @dev Its address follows from the campaign, and that from the terms, which would name it.
    function test_ownModel_isNoArbiter_howeverItsAddressIsGuessed() external {
        CampaignTerms memory with = dataTerms(Arbiter.Model);
        // As creation counts them: RLP of the factory and its nonce, 2 after one model (EIP-161).
        with.model = address(uint160(uint256(keccak256(abi.encodePacked(hex"d694", address(factory), hex"02")))));
        openCampaign(with);
        model = factory.make(campaign, schemaOf(), 16, 0);
        isTrue(address(model) != with.model, "its own arbiter");
        equal(with.model.code.length, 0, "code of the arbiter");
    }

    /// @dev Who opens a case would train the arbiter until it agrees, in the same transaction. One that still trains says nothing.
    function test_arbiterThatStillTrains_leavesCasesToTheJury() external {
        bytes[] memory samples = samplesFrom(0, 2);
        samples[1][1] = 0x02; // then it says 2 of all
        (uint256 taught, bytes32 taughtTo, IPerceptronModel arbiter) = (settled(samples), campaign, model);
        CampaignTerms memory with = dataTerms(Arbiter.Model);
        with.model = address(arbiter);
        openCampaign(with);
        bytes32 other = campaign;
        (uint256 bundle, uint256 id) = disputed(NONE);
        toCase(bundle);
        _saysNothing(arbiter, 0, 1);
        arbiter.train(proofs(taught, 0), schemaOf()); // now it would agree
        _saysNothing(arbiter, 0, 1);
        data.openCase(bundle, 0, proofOf(bundle, 0), schemaOf());
        isTrue(data.disputeOf(bundle, 0).stage == DisputeStage.Case, "goes to the jury");
        isTrue(data.challengeOf(id).stage == ChallengeStage.Opened, "challenger's stake is safe");
        arbiter.train(proofs(taught, 1), schemaOf());
        _saysNothing(arbiter, 1, 1); // more may be brought
        campaign = taughtTo;
        closeCampaign();
        equal(arbiter.predict(_samples[bundle][0]), 2, "predicted in the end");
        campaign = other;
    }

    /// @dev A limit, not a guard: a tree may have two samples at a place. Who has the file builds another root from it.
    function test_rootWithTwoSamplesAtAPlace_letsWhoTrainsChoose() external {
        bytes[2] memory samples = [sample(1, 3), sample(2, 3)];
        bytes32[2] memory leaves = [_leaf(0, samples[0]), _leaf(0, samples[1])];
        CampaignTerms memory with = dataTerms(Arbiter.Owner);
        (with.initialCount, with.initialDigest) = (1, FILE);
        with.initialRoot =
            keccak256(leaves[0] < leaves[1] ? abi.encode(leaves[0], leaves[1]) : abi.encode(leaves[1], leaves[0]));
        stageModel(with);
        IPerceptronModel twin = factory.make(campaign, schemaOf(), 32, 0);
        model.train(_shown(samples[0], leaves[1]), schemaOf());
        twin.train(_shown(samples[1], leaves[0]), schemaOf());
        closeCampaign();
        equal(model.predict(samples[0]), 1, "one choice");
        equal(twin.predict(samples[0]), 2, "the other");
        bytes[] memory file = new bytes[](1);
        file[0] = samples[0];
        isTrue(rootOf(file) != with.initialRoot, "root of the file");
    }

    /// @dev Cold, of the most weights of the widest kind: with the most classes, and with the most features.
    function test_largestModels_answerWithinAnArbitersGas() external {
        _answers(512, 1, 2);
        _answers(2, 511, 2);
        _answers(2, 511, 1);
    }

    /// @dev Weights of 16 bits at both ends of their width stay there, and next to others.
    function test_weights_atTheEndOfTheirWidth_leaveTheirNeighboursAlone() external {
        SampleSchema memory schema = _schema(3, 2, 2);
        _stageSchema(schema);
        bytes[] memory samples = new bytes[](3);
        samples[0] = hex"0001ffff0000";
        samples[1] = hex"0002ffff0001"; // the rival is 1
        samples[2] = hex"00010000ffff"; // 2 scores most
        uint256 bundle = settled(samples);
        model.train(proofs(bundle, 0, 3), schema);
        // By hand: of three classes the weights of two features and of the one that is always 1.
        int256[9] memory expected = [int256(-32768), 0, -1, -32768, 32767, 1, 32767, -32768, 0];
        int256[] memory weights = model.weights();
        for (uint256 i = 0; i < 9; ++i) {
            equal(uint256(weights[i]), uint256(expected[i]), "weight");
        }
    }

    function _saysNothing(IPerceptronModel arbiter, uint256 position, uint256 decisions) private {
        vm.expectRevert(abi.encodeWithSelector(IPerceptronModel.NotTrained.selector, position, decisions, 0));
        arbiter.predict(sample(0, 0));
    }

    function _answers(uint32 classes, uint16 width, uint8 size) private {
        SampleSchema memory schema = _schema(classes, width, size);
        _stageSchema(schema);
        IPerceptronModel largest = factory.make(campaign, schema, 32, 0);
        closeCampaign();
        // Every word has to be read, whatever is in it.
        vm.cool(address(largest));
        largest.predict{gas: ARBITERS_GAS / 2}(new bytes(2 + uint256(width) * size));
    }

    function _stageSchema(SampleSchema memory schema) private {
        CampaignTerms memory with = dataTerms(Arbiter.Owner);
        with.schemaHash = keccak256(abi.encode(schema));
        uint256 value = funded(OWNER, ESCROW);
        vm.prank(OWNER);
        campaign = data.open{value: value}(with, schema, opened++, ESCROW);
        model = factory.make(campaign, schema, 16, 0);
    }

    function _schema(uint32 classes, uint16 width, uint8 size) private pure returns (SampleSchema memory with) {
        (with.width, with.size, with.classes, with.tau) = (width, size, classes, 0);
        with.maxima = size == 1 ? bytes(hex"ff") : bytes(hex"ffff");
    }

    function _shown(bytes memory sample_, bytes32 beside) private pure returns (SampleProof[] memory with) {
        with = correction(sample_);
        with[0].proof = new bytes32[](1);
        with[0].proof[0] = beside;
    }

    function _leaf(uint256 index, bytes memory sample_) private pure returns (bytes32) {
        return keccak256(abi.encode(keccak256(abi.encode(index, keccak256(sample_)))));
    }
}
