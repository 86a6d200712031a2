// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {
    ALL_SAMPLES,
    Arbiter,
    CampaignTerms,
    Decision,
    DisputeStage,
    Ground,
    Outcome
} from "../../src/data/types/Campaigns.sol";
import {SampleProof} from "../../src/data/types/Samples.sol";
import {PerceptronScene} from "./PerceptronScene.sol";

/// @title Random bundles with random ends, and random calls of the model that trains on them
/// @dev It replays the campaign's log in a perceptron of its own, of what the model took and what it passed over.
contract PerceptronHandler is PerceptronScene {
    struct Due {
        uint256 position;
        uint256 bundle;
        uint256 index;
        bool corrected;
    }

    uint256 private constant CLASSES = 3;
    uint256 private constant INPUTS = 5;
    uint256 private constant MOST = 16; // bundles

    uint256[] private _bundles;
    mapping(uint256 bundle => bytes) private _corrections; // of sample 0
    mapping(uint256 place => bool) private _passedOver; // place among all that count
    uint256 private _taken;
    mapping(string call => uint256) public count;
    uint256 public wrong;

    constructor() {
        stageData();
        bytes[] memory initial = samplesFrom(90, 2);
        CampaignTerms memory with = dataTerms(Arbiter.Owner);
        (with.initialCount, with.initialRoot, with.initialDigest) = (2, rootOf(initial), FILE);
        stageModel(with);
        _samples[0].push(initial[0]);
        _samples[0].push(initial[1]);
    }

    /// @dev Two bundles at once, of which some first samples are challenged; they are decided in any order.
    function doPair(uint256 luck) external {
        if (_bundles.length >= MOST) return;
        bytes[] memory some = _random(luck);
        bytes[] memory more = _random(luck >> 64);
        bool copied = luck % 5 == 0;
        if (copied) more[0] = some[0];
        (uint256 one, uint256 other) = (commitBundle(ALICE, some), commitBundle(CAROL, more));
        passBlocks(3);
        openNow(one);
        attestBundle(one);
        openNow(other);
        attestBundle(other);
        _bundles.push(one);
        _bundles.push(other);
        uint256 first = _challenged(one, (luck >> 8) % 5, Ground.Judged);
        uint256 second = _challenged(other, copied ? 5 : (luck >> 16) % 5, copied ? Ground.Duplicate : Ground.Judged);
        toReveal(other);
        if (first != 0) revealJudged(first, one, 0, _corrections[one]);
        if (copied) proveDuplicate(second, other, 0, one, 0);
        else if (second != 0) revealJudged(second, other, 0, _corrections[other]);
        toAnswer(other);
        bool late = luck % 2 == 0;
        if (!late) data.settleBundle(other);
        // What waits longer comes after what does not.
        (uint256 ofOne, uint256 ofOther) = ((luck >> 8) % 5, copied ? 5 : (luck >> 16) % 5);
        for (uint256 stage = 0; stage < 3; ++stage) {
            if (_stageOf(ofOne) == stage) _decide(one, ofOne);
            if (_stageOf(ofOther) == stage) _decide(other, ofOther);
        }
        data.settleBundle(one);
        if (late) data.settleBundle(other);
    }

    function doTrain(uint256 number) external {
        Due[] memory all = _due();
        number = 1 + number % 4;
        if (number > all.length - _taken) number = all.length - _taken;
        SampleProof[] memory with = new SampleProof[](number);
        for (uint256 i = 0; i < number; ++i) {
            with[i] = _shown(all[_taken + i]);
        }
        model.train(with, schemaOf());
        _taken += number;
        if (number != 0) ++count[number > 1 ? "several" : "train"];
    }

    /// @dev Another sample than the next one, or what a correction took the place of, alone or behind the next one.
    function doWrong(uint256 which, bool behind) external {
        Due[] memory all = _due();
        if (_taken == all.length) return;
        uint256 place = which % all.length;
        uint256 wanted = behind ? _taken + 1 : _taken;
        if (wanted < all.length && _isSame(all[place], all[wanted])) return;
        SampleProof[] memory with = new SampleProof[](1);
        with[0] = _shown(all[place]);
        if (behind) with = joined(_list(_shown(all[_taken])), with);
        try model.train(with, schemaOf()) {
            ++wrong;
        } catch {
            ++count["refused"];
        }
    }

    function doAdvance(uint256 steps) external {
        model.advance(steps % 8);
        ++count["advance"];
    }

    function doReport() external {
        Due memory next = _due()[_taken];
        model.reportMissing(next.position, next.index);
        ++count["report"];
    }

    function doPassOver(bool late) external {
        Due memory next = _due()[_taken];
        uint256 deadline = model.reportedUntil();
        if (late && vm.getBlockTimestamp() <= deadline) vm.warp(deadline + 1);
        model.passOver(next.position, next.index);
        _passedOver[_taken++] = true;
        ++count["passOver"];
    }

    /// @dev Whether everything that the model tells is what the log gives.
    function followsTheLog() external view returns (bool) {
        Due[] memory all = _due();
        (int256[] memory weights, uint256 trained) = _replayed(all);
        haveWeights(model, weights);
        equal(model.trained(), trained, "trained");
        Due memory next = _taken < all.length ? all[_taken] : Due(view_().decisions, 0, 0, false);
        isNext(next.position, next.bundle, next.index);
        equal(all.length, view_().accepted + 2, "all that was accepted, and the initial data");
        return true;
    }

    /// @dev All that counts, in the order of the log.
    function _due() private view returns (Due[] memory all) {
        uint256 decisions = view_().decisions;
        all = new Due[](3 * MOST + 2);
        uint256 found = 0;
        for (uint256 i = 0; i < decisions; ++i) {
            Decision memory decision = data.decisionAt(campaign, i);
            bool corrected = decision.outcome == Outcome.Corrected;
            if (!corrected && decision.outcome != Outcome.Accepted) continue;
            if (decision.index != ALL_SAMPLES) {
                all[found++] = Due(i, decision.bundle, decision.index, corrected);
                continue;
            }
            for (uint256 j = 0; j < _samples[decision.bundle].length; ++j) {
                if (data.disputeOf(decision.bundle, j).stage != DisputeStage.Unknown) continue;
                all[found++] = Due(i, decision.bundle, j, false);
            }
        }
        assembly ("memory-safe") {
            mstore(all, found)
        }
    }

    function _shown(Due memory due) private view returns (SampleProof memory) {
        return due.corrected ? correction(_corrections[due.bundle])[0] : proofOf(due.bundle, due.index);
    }

    /// @dev Whether what one shows is what the other asks for.
    function _isSame(Due memory one, Due memory other) private view returns (bool) {
        (bytes memory shown, bytes memory asked) = (_bytes(one), _bytes(other));
        if (one.corrected || other.corrected) {
            bool bare = one.corrected || _samples[one.bundle].length == 1; // a tree of one has no proof either
            return bare && keccak256(shown) == keccak256(asked);
        }
        return one.index == other.index && rootOf(_samples[one.bundle]) == rootOf(_samples[other.bundle]);
    }

    function _bytes(Due memory due) private view returns (bytes memory) {
        return due.corrected ? _corrections[due.bundle] : _samples[due.bundle][due.index];
    }

    /// @dev A perceptron by its definition, one weight after the other.
    function _replayed(Due[] memory all) private view returns (int256[] memory weights, uint256 trained) {
        weights = new int256[](CLASSES * INPUTS);
        for (uint256 i = 0; i < _taken; ++i) {
            bytes memory one = _bytes(all[i]);
            if (_passedOver[i] || !_fits(one)) continue;
            ++trained;
            uint256 label = uint8(one[1]);
            uint256 rival = label == 0 ? 1 : 0;
            for (uint256 class = 0; class < CLASSES; ++class) {
                if (class != label && _score(weights, class, one) > _score(weights, rival, one)) rival = class;
            }
            if (_score(weights, label, one) > _score(weights, rival, one)) continue;
            for (uint256 j = 0; j < INPUTS; ++j) {
                weights[label * INPUTS + j] += _input(one, j);
                weights[rival * INPUTS + j] -= _input(one, j);
            }
        }
    }

    function _score(int256[] memory weights, uint256 class, bytes memory one) private pure returns (int256 sum) {
        for (uint256 j = 0; j < INPUTS; ++j) {
            sum += weights[class * INPUTS + j] * _input(one, j);
        }
    }

    function _input(bytes memory one, uint256 j) private pure returns (int256) {
        return j == INPUTS - 1 ? int256(1) : int256(uint256(uint8(one[2 + j])));
    }

    function _fits(bytes memory one) private pure returns (bool) {
        return one.length == 6 && uint8(one[2]) <= 16;
    }

    /// @dev One to three samples, of which the last may not fit.
    function _random(uint256 luck) private pure returns (bytes[] memory out) {
        out = new bytes[](1 + luck % 3);
        for (uint256 i = 0; i < out.length; ++i) {
            uint256 drawn = uint256(keccak256(abi.encode(luck, i)));
            out[i] = abi.encodePacked(
                uint16(drawn % CLASSES),
                uint8((drawn >> 8) % 17),
                uint8((drawn >> 16) % 17),
                uint8((drawn >> 24) % 17),
                uint8((drawn >> 32) % 17)
            );
        }
        if (luck % 7 == 0 && out.length > 1) {
            out[out.length - 1] = luck % 2 == 0 ? bytes(hex"000111000000") : new bytes(40);
        }
    }

    /// @dev Ends of sample 0: 0 nobody challenges it, 1 BAD, 2 accepted by a verdict, 3 corrected, 4 accepted without one, 5 VOID.
    function _challenged(uint256 bundle, uint256 end, Ground ground) private returns (uint256) {
        if (end == 0) return 0;
        if (end == 3) _corrections[bundle] = sample(bundle % CLASSES, bundle % 17);
        return challengeAs(BOB, bundle, 0, ground, _corrections[bundle]);
    }

    function _stageOf(uint256 end) private pure returns (uint256) {
        return end == 4 ? 2 : end == 2 || end == 3 ? 1 : 0;
    }

    function _decide(uint256 bundle, uint256 end) private {
        if (end == 0) return;
        if (end == 1) {
            vm.prank(data.bundleOf(bundle).contributor);
            data.concede(bundle, 0);
        } else if (end == 5) {
            data.settleSample(bundle, 0);
        } else if (end == 4) {
            if (vm.getBlockTimestamp() <= data.bundleOf(bundle).since + 22 hours) afterCase(bundle);
            data.settleSample(bundle, 0);
        } else {
            if (vm.getBlockTimestamp() <= data.bundleOf(bundle).since + 15 hours) toCase(bundle);
            vm.prank(OWNER);
            data.ownerVerdict(bundle, 0, end == 2 ? Outcome.Accepted : Outcome.Corrected);
        }
        ++count[decimal(end)];
    }

    function _list(SampleProof memory one) private pure returns (SampleProof[] memory with) {
        with = new SampleProof[](1);
        with[0] = one;
    }
}
