// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {
    Arbiter,
    BundleStage,
    BundleView,
    CampaignTerms,
    ChallengeStage,
    ChallengeView,
    DisputeStage,
    DisputeView,
    Ground,
    Outcome
} from "../../src/data/types/Campaigns.sol";
import {Verdict} from "../../src/data/types/Juries.sol";
import {Forfeit} from "../../src/libraries/Forfeit.sol";
import {DataScene} from "./DataScene.sol";
import {Token} from "./Tokens.sol";

/// @title Random but sensible calls of campaigns by everyone: a jury's in ether, an owner's in a token
contract DataHandler is DataScene {
    struct Aim {
        uint256 id;
        uint256 bundle;
        uint256 index;
        Ground ground;
        bytes correction;
    }

    bytes32[2] private _campaigns;
    address[2] private _tokens;
    uint256[] public bundles;
    Aim[] private _aims;
    mapping(string call => uint256) public count;
    uint256[2] public paidIn;
    uint256[2] public paidOut;

    constructor() {
        stageData();
        doubleJury();
        _campaigns[0] = openCampaign(Arbiter.Jury);
        (_tokens[1], token) = (address(new Token()), address(0));
        token = _tokens[1];
        _campaigns[1] = openCampaign(Arbiter.Owner);
        (paidIn[0], paidIn[1]) = (ESCROW, ESCROW);
    }

    function doCommit(uint256 kind, uint256 who, uint256 number, uint256 start) external {
        if (_going() >= 6) return;
        _choose(kind % 2);
        number = 1 + number % 3;
        bundles.push(commitBundle(_account(who % 3), samplesFrom(start % 2, number)));
        paidIn[kind % 2] += D * number + RECEIPTS;
        ++count["commit"];
    }

    /// @dev What comes next for a bundle, in time or, rarely, late.
    function doBundle(uint256 which, uint256 luck) external {
        uint256 bundle = _bundle(which);
        BundleStage stage = data.bundleOf(bundle).stage;
        uint256 window = stage == BundleStage.Opened ? 3 hours : 2 hours;
        bool late = vm.getBlockTimestamp() > data.bundleOf(bundle).since + window;
        if (stage < BundleStage.Review && (late || luck % 16 == 0)) {
            if (!late) elapse(window + 1);
            data.voidBundle(bundle);
            ++count["void"];
        } else if (stage == BundleStage.Committed) {
            openBundle(bundle);
        } else if (stage == BundleStage.Opened) {
            attestBundle(bundle);
            ++count["review"];
        } else if (stage == BundleStage.Review && luck % 4 == 1) {
            if (vm.getBlockTimestamp() <= data.bundleOf(bundle).since + 9 hours) toAnswer(bundle);
            data.settleBundle(bundle);
            ++count["settleBundle"];
        }
    }

    function doChallenge(uint256 which, uint256 who, uint256 index, uint256 ground) external {
        uint256 bundle = _inReview(which);
        if (bundle == 0) return;
        BundleView memory state = data.bundleOf(bundle);
        Ground of_ = ground % 3 == 0 ? Ground.Duplicate : Ground.Judged;
        bytes memory correction = ground % 3 == 1 ? sample(2, 3) : bytes("");
        index %= state.count;
        uint256 id = challengeAs(_account(3 + who % 3), bundle, index, of_, correction);
        _aims.push(Aim(id, bundle, index, of_, correction));
        paidIn[_kindOf(bundle)] += C;
        ++count["challenge"];
    }

    /// @dev Opens a challenge in its window, for which time goes on.
    function doReveal(uint256 which) external {
        Aim storage aim = _find(which, _canOpen);
        _choose(_kindOf(aim.bundle));
        uint256 since = data.bundleOf(aim.bundle).since;
        if (vm.getBlockTimestamp() <= since + 4 hours) toReveal(aim.bundle);
        if (aim.ground == Ground.Judged) {
            revealJudged(aim.id, aim.bundle, aim.index, aim.correction);
            ++count["judged"];
            return;
        }
        (uint256 other, uint256 place) = _original(aim);
        proveDuplicate(aim.id, aim.bundle, aim.index, other, place);
        ++count["duplicate"];
    }

    /// @dev What comes next for a sample that was challenged.
    function doSample(uint256 which, uint256 luck) external {
        Aim storage aim = _find(which, _waits);
        (uint256 bundle, uint256 index) = (aim.bundle, aim.index);
        _choose(_kindOf(bundle));
        DisputeView memory state = data.disputeOf(bundle, index);
        uint256 since = data.bundleOf(bundle).since;
        if (vm.getBlockTimestamp() <= since + 9 hours) toAnswer(bundle);
        if (state.stage == DisputeStage.Case) return _decide(bundle, index, state, luck);
        if (state.bad != 0 || state.void_ != 0 || luck % 8 == 0) return _settle(bundle, index);
        if (luck % 4 == 1 && vm.getBlockTimestamp() <= since + 15 hours) {
            vm.prank(data.bundleOf(bundle).contributor);
            data.concede(bundle, index);
            ++count["concede"];
            return;
        }
        if (vm.getBlockTimestamp() > since + 22 hours) return _settle(bundle, index);
        if (vm.getBlockTimestamp() <= since + 15 hours) toCase(bundle);
        if (campaign == _campaigns[0]) {
            data.openCase(bundle, index, noProof(), schemaOf());
            ++count["case"];
            return;
        }
        bool corrected = aim.id == state.judged && aim.correction.length != 0;
        Outcome verdict = luck % 3 == 0 ? Outcome.Accepted : corrected ? Outcome.Corrected : Outcome.Bad;
        vm.prank(OWNER);
        data.ownerVerdict(bundle, index, verdict);
        ++count["ownerVerdict"];
    }

    function doStake(uint256 which) external {
        Aim storage aim = _find(which, _isLoose);
        if (data.challengeOf(aim.id).stage == ChallengeStage.Opened) {
            data.release(aim.id);
            ++count["release"];
            return;
        }
        data.burnChallenge(aim.id);
        ++count["burn"];
    }

    function doFee(uint256 which, uint256 round, uint256 seat) external {
        Aim storage aim = _find(which, _hasPot);
        data.claimJurorFee(aim.bundle, aim.index, round % 2, seat % (round % 2 == 0 ? 5 : 11));
        ++count["fee"];
    }

    function doCollect(uint256 kind, uint256 who) external {
        address account = _everybody(who % 32);
        paidOut[kind % 2] += data.collect(_tokens[kind % 2], account, account);
        ++count["collect"];
    }

    function doPass(uint256 time) external {
        elapse(time % 20 minutes);
        passBlocks(1);
    }

    function held(uint256 kind) external view returns (uint256) {
        return kind == 0 ? address(data).balance : Token(_tokens[1]).balanceOf(address(data));
    }

    /// @dev What the contract owes by what it shows, credits included.
    function liabilities(uint256 kind) external view returns (uint256 sum) {
        sum = data.campaignOf(_campaigns[kind]).free;
        for (uint256 i = 0; i < bundles.length; ++i) {
            if (_kindOf(bundles[i]) == kind) sum += _heldFor(bundles[i]);
        }
        for (uint256 i = 0; i < _aims.length; ++i) {
            if (_kindOf(_aims[i].bundle) != kind) continue;
            ChallengeStage stage = data.challengeOf(_aims[i].id).stage;
            if (stage == ChallengeStage.Committed || stage == ChallengeStage.Opened) sum += C;
        }
        for (uint256 i = 0; i < 32; ++i) {
            sum += data.owed(_tokens[kind], _everybody(i));
        }
    }

    /// @dev Samples that are accepted, and those that are pending, are as many as the campaign says.
    function countsHold(uint256 kind) external view returns (bool) {
        (uint256 pending, uint256 held_) = (0, data.campaignOf(_campaigns[kind]).held);
        for (uint256 i = 0; i < bundles.length; ++i) {
            if (_kindOf(bundles[i]) == kind) pending += _pending(bundles[i]);
        }
        return held_ == data.campaignOf(_campaigns[kind]).accepted + pending;
    }

    function _heldFor(uint256 bundle) private view returns (uint256 sum) {
        BundleView memory state = data.bundleOf(bundle);
        sum = _pending(bundle) * (R + K + D);
        if (state.stage == BundleStage.Committed || state.stage == BundleStage.Opened) sum += RECEIPTS;
        for (uint256 index = 0; index < state.count; ++index) {
            DisputeView memory dispute = data.disputeOf(bundle, index);
            sum += dispute.pot;
            if (dispute.stage == DisputeStage.Case && dispute.appellant != address(0)) sum += F2;
        }
    }

    /// @dev Samples that are not decided.
    function _pending(uint256 bundle) private view returns (uint256 pending) {
        BundleView memory state = data.bundleOf(bundle);
        if (state.stage == BundleStage.Void) return 0;
        pending = state.stage == BundleStage.Settled ? state.challenged : state.count;
        for (uint256 index = 0; index < state.count; ++index) {
            if (data.disputeOf(bundle, index).stage == DisputeStage.Settled) --pending;
        }
    }

    function _decide(uint256 bundle, uint256 index, DisputeView memory state, uint256 luck) private {
        if (luck % 3 == 0 && state.appellant == address(0)) {
            vm.deal(CAROL, CAROL.balance + F2);
            vm.prank(CAROL);
            data.appeal{value: F2}(bundle, index);
            paidIn[0] += F2;
            ++count["appeal"];
            return;
        }
        bool overturned = state.appellant != address(0) && luck % 2 == 0;
        if (luck % 11 == 0) jury.leaveUndrawn(state.caseId);
        decide(bundle, index, Verdict(luck % 4), overturned && luck % 11 != 0 && luck % 4 != 0);
        ++count["verdict"];
    }

    function _settle(uint256 bundle, uint256 index) private {
        DisputeView memory state = data.disputeOf(bundle, index);
        bool unproven = state.bad == 0 && state.void_ == 0;
        if (unproven && vm.getBlockTimestamp() <= data.bundleOf(bundle).since + 22 hours) afterCase(bundle);
        data.settleSample(bundle, index);
        ++count["settleSample"];
    }

    function _bundle(uint256 which) private returns (uint256 bundle) {
        for (uint256 i = 0; i < bundles.length; ++i) {
            bundle = bundles[(which % bundles.length + i) % bundles.length];
            if (data.bundleOf(bundle).stage < BundleStage.Settled) break;
        }
        _choose(_kindOf(bundle));
    }

    /// @dev Bundles that are not settled.
    function _going() private view returns (uint256 sum) {
        for (uint256 i = 0; i < bundles.length; ++i) {
            if (data.bundleOf(bundles[i]).stage < BundleStage.Settled) ++sum;
        }
    }

    /// @dev One under review, if there is one.
    function _inReview(uint256 which) private returns (uint256 bundle) {
        for (uint256 i = 0; i < bundles.length; ++i) {
            bundle = _bundle((which % bundles.length) + i);
            BundleView memory state = data.bundleOf(bundle);
            if (state.stage == BundleStage.Review && vm.getBlockTimestamp() <= state.since + 4 hours) return bundle;
        }
        return 0;
    }

    /// @dev The first challenge from a place on of which something holds.
    function _find(uint256 which, function(Aim storage) view returns (bool) holds)
        private
        view
        returns (Aim storage aim)
    {
        for (uint256 i = 0; i < _aims.length; ++i) {
            aim = _aims[(which % _aims.length + i) % _aims.length];
            if (holds(aim)) return aim;
        }
        revert("no such challenge");
    }

    function _canOpen(Aim storage aim) private view returns (bool) {
        BundleView memory state = data.bundleOf(aim.bundle);
        bool inTime = state.stage == BundleStage.Review && vm.getBlockTimestamp() <= state.since + 9 hours;
        ChallengeView memory made = data.challengeOf(aim.id);
        bool inside = aim.id > state.shown && made.since <= state.since + 4 hours;
        if (!inTime || !inside || made.stage != ChallengeStage.Committed) return false;
        if (aim.ground == Ground.Judged) return true;
        (uint256 other,) = _original(aim);
        return other != 0;
    }

    /// @dev A sample of an earlier bundle that came under review, of which a challenged one is a copy.
    function _original(Aim storage aim) private view returns (uint256, uint256) {
        bytes32 copied = keccak256(_samples[aim.bundle][aim.index]);
        bytes32 of_ = data.bundleOf(aim.bundle).campaign;
        for (uint256 i = 0; i < bundles.length; ++i) {
            BundleView memory other = data.bundleOf(bundles[i]);
            if (bundles[i] >= aim.bundle || other.shown == 0 || other.campaign != of_) continue;
            for (uint256 place = 0; place < other.count; ++place) {
                if (keccak256(_samples[bundles[i]][place]) == copied) return (bundles[i], place);
            }
        }
        return (0, 0);
    }

    function _waits(Aim storage aim) private view returns (bool) {
        DisputeStage stage = data.disputeOf(aim.bundle, aim.index).stage;
        return stage == DisputeStage.Challenged || stage == DisputeStage.Case;
    }

    function _isLoose(Aim storage aim) private view returns (bool) {
        ChallengeView memory made = data.challengeOf(aim.id);
        bool settled = data.disputeOf(aim.bundle, aim.index).stage == DisputeStage.Settled;
        if (made.stage == ChallengeStage.Opened) return settled;
        return made.stage == ChallengeStage.Committed && vm.getBlockTimestamp() > made.since + 9 hours;
    }

    function _hasPot(Aim storage aim) private view returns (bool) {
        DisputeView memory state = data.disputeOf(aim.bundle, aim.index);
        return state.stage == DisputeStage.Settled && state.pot != 0;
    }

    function _choose(uint256 kind) private {
        (campaign, token) = (_campaigns[kind], _tokens[kind]);
    }

    function _kindOf(uint256 bundle) private view returns (uint256) {
        return data.bundleOf(bundle).campaign == _campaigns[0] ? 0 : 1;
    }

    function _account(uint256 i) private pure returns (address) {
        return address(uint160(0xACC000 + i));
    }

    /// @dev All that may be credited: contributors, challengers, members, jurors, the owner, and nobody.
    function _everybody(uint256 i) private pure returns (address) {
        if (i < 6) return _account(i);
        if (i < 10) return payeeOf(i - 6);
        if (i < 15) return address(uint160(0x10000 + i - 10));
        if (i < 26) return address(uint160(0x10100 + i - 15));
        return i == 26 ? OWNER : i == 27 ? CAROL : i == 28 ? Forfeit.NOBODY : address(uint160(0xE0000 + i));
    }
}
