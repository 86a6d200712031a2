// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../src/interfaces/ICommitteeRegistry.sol";
import {Forfeit} from "../src/libraries/Forfeit.sol";
import {MemberView} from "../src/types/Committees.sol";
import {Attestation} from "../src/types/Types.sol";
import {Check} from "./support/Check.sol";
import {CommitteeScene} from "./support/CommitteeScene.sol";
import {Token} from "./support/Tokens.sol";
import {Vm} from "./support/Vm.sol";

/// @title Random but sensible calls of the registry by everyone, on a committee that bonds ether and one that bonds tokens
contract CommitteeHandler is CommitteeScene {
    uint256 private constant COMMITTEES = 2;

    uint64[COMMITTEES] private _ids;
    Token private _token = new Token();
    /// @dev Memberships of each committee so far.
    uint256[COMMITTEES] private _memberships;
    /// @dev What was paid to the owner of a membership, and what it paid.
    mapping(uint256 committee => mapping(uint256 membershipId => uint256)) private _paidIn;
    mapping(uint256 committee => mapping(uint256 membershipId => uint256)) private _paidOut;
    /// @dev What it lost.
    mapping(uint256 committee => mapping(uint256 membershipId => uint256)) private _slashed;
    mapping(address signer => uint256) private _keys;
    mapping(uint256 committee => uint256[]) private _revoked;
    /// @dev Of epochs that ended: their signers, and their keys if the committee was ready before.
    mapping(uint256 committee => mapping(uint256 epoch => bytes32)) private _signersSeen;
    mapping(uint256 committee => mapping(uint256 epoch => bytes32)) private _keysSeen;
    bool[COMMITTEES] private _complete;
    uint256 private _nextKey = FRESH;

    constructor() {
        vm.warp(1_700_000_000);
        deployRegistry();
        _ids = [create(etherTerms(1), SIZE), create(tokenTerms(1, address(_token)), SIZE)];
        for (uint256 i = 0; i < SIZE; ++i) {
            _keys[vm.addr(i + 1)] = i + 1;
        }
        _memberships = [SIZE, SIZE];
    }

    modifier on(uint256 committee) {
        id = _ids[committee % COMMITTEES];
        _;
    }

    /// @dev The present signer at an index, or the one that waits there, joins, perhaps again and with another key.
    function doJoin(uint256 committee, uint256 index, bool pending, bytes32 hpkeKey) external on(committee) {
        committee %= COMMITTEES;
        MemberView memory member = memberOf(index % SIZE);
        pending = pending && member.pending.signer != address(0);
        address signer = pending ? member.pending.signer : member.signer;
        uint256 membershipId = pending ? member.pending.membershipId : member.membershipId;
        (address controller,,) = registry.bond(id, membershipId);
        if (controller == address(0)) controller = controllerOf(membershipId);
        uint256 due = (pending ? member.pending.joined : member.joined) ? 0 : BOND;
        vm.deal(signer, due);
        _token.mint(signer, due);
        vm.startPrank(signer);
        _token.approve(address(registry), due);
        registry.join{value: committee == 0 ? due : 0}(id, "here", hpkeKey, controller);
        vm.stopPrank();
        _paidIn[committee][membershipId] += due;
        if (ready()) _complete[committee] = true;
    }

    /// @dev All that can join do, so that the committee is ready more often than by chance.
    function gather(uint256 committee) external {
        for (uint256 index = 0; index < SIZE; ++index) {
            try this.doJoin(committee, index, false, hpkeOf(index)) {} catch {}
            try this.doJoin(committee, index, true, hpkeOf(index)) {} catch {}
        }
    }

    function doRotate(uint256 committee, uint256 index) external on(committee) {
        uint256 key = _newKey();
        rotate(index % SIZE, key);
    }

    function doCancel(uint256 committee, uint256 index) external on(committee) {
        index = _waiting(index);
        address controller = memberOf(index).controller;
        vm.prank(controller);
        registry.cancelChange(id, index);
    }

    function doApply(uint256 committee, uint256 index) external on(committee) {
        index = _waiting(index);
        uint256 due = memberOf(index).pending.due;
        if (time() < due) vm.warp(due);
        _remember(committee % COMMITTEES);
        registry.applyChange(id, index);
    }

    /// @dev An index where a change waits, if there is one.
    function _waiting(uint256 first) private view returns (uint256 index) {
        for (uint256 i = 0; i < SIZE; ++i) {
            index = (first % SIZE + i) % SIZE;
            if (memberOf(index).pending.due != 0) break;
        }
    }

    function doReplace(uint256 committee, uint256 index, uint256 luck) external on(committee) {
        bool callOff = luck % 8 == 0;
        index %= SIZE;
        uint256[] memory keys = new uint256[](SIZE);
        for (uint256 i = 0; i < SIZE; ++i) {
            MemberView memory member = memberOf(i);
            if (!member.revoked) keys[i] = _keys[member.signer];
        }
        uint256 key = callOff ? 0 : _newKey();
        replace(index, key, controllerOf(_memberships[committee % COMMITTEES]), keys);
        if (!callOff) ++_memberships[committee % COMMITTEES];
    }

    /// @dev Rarely, as below: three of four keys gone are the end of a committee.
    function doRevoke(uint256 committee, uint256 index, uint256 epoch, uint256 luck) external on(committee) {
        if (luck % 4 != 0) return;
        (, address[] memory signers,,,) = registry.committeeAtEpoch(id, epoch % (epochOf(id) + 1));
        address signer = signers[index % SIZE];
        address controller = memberOf(index % SIZE).controller;
        vm.prank(luck % 8 == 0 ? controller : signer);
        registry.revoke(id, signer);
        _revoked[committee % COMMITTEES].push(_keys[signer]);
    }

    function doRetire(uint256 committee, uint256 which, uint256 luck) external on(committee) {
        if (luck % 2 != 0) return;
        uint256 membershipId = _pick(committee % COMMITTEES, which, false);
        (address controller,,) = registry.bond(id, membershipId);
        if (controller == address(0)) return; // whom nobody can be
        vm.prank(controller);
        registry.retire(id, membershipId);
    }

    function doWithdraw(uint256 committee, uint256 which, uint256 luck) external on(committee) {
        committee %= COMMITTEES;
        uint256 membershipId = _pick(committee, which, true);
        (address controller, uint256 amount, uint256 withdrawableAt) = registry.bond(id, membershipId);
        if (luck % 4 != 0 && time() < withdrawableAt) vm.warp(withdrawableAt);
        vm.prank(controller);
        registry.withdrawBond(id, membershipId, address(0xFEE1));
        _paidOut[committee][membershipId] += amount;
    }

    /// @dev A signer of any epoch is shown to have contradicted itself; rarely, for the same reason.
    function doSlash(uint256 committee, uint256 index, uint256 epoch, uint256 luck) external on(committee) {
        if (luck % 8 != 0) return;
        (committee, index) = (committee % COMMITTEES, index % SIZE);
        (, address[] memory signers,,,) = registry.committeeAtEpoch(id, epoch % (epochOf(id) + 1));
        MemberView memory before = memberOf(index);
        uint256 sum = this.bonds(committee);
        vm.recordLogs();
        reportTwoBodies(_keys[signers[index]], index);
        _slashed[committee][_membershipIn(vm.getRecordedLogs())] += sum - this.bonds(committee);
        _revoked[committee].push(_keys[signers[index]]);
        if (memberOf(index).revoked && !before.revoked) _revoked[committee].push(_keys[before.signer]);
    }

    function doCollect(uint256 committee, bool burnt) external {
        address account = burnt ? Forfeit.NOBODY : REPORTER;
        registry.collect(committee % COMMITTEES == 0 ? address(0) : address(_token), account, account);
    }

    /// @dev The membership that `MemberSlashed` names.
    function _membershipIn(Vm.Log[] memory logs) private pure returns (uint256) {
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == ICommitteeRegistry.MemberSlashed.selector) return uint256(logs[i].topics[2]);
        }
        revert("nobody was slashed");
    }

    /// @dev A membership with a bond that ended, or has not; any one, if there is none.
    function _pick(uint256 committee, uint256 first, bool ended) private view returns (uint256 membershipId) {
        uint256 count = _memberships[committee];
        for (uint256 i = 0; i < count; ++i) {
            membershipId = (first % count + i) % count;
            (, uint256 amount, uint256 withdrawableAt) = registry.bond(id, membershipId);
            if (amount != 0 && (withdrawableAt != 0) == ended) break;
        }
    }

    function pass(uint256 duration) external {
        vm.warp(time() + duration % (UNBONDING_DELAY / 2));
    }

    function etherHeld() external view returns (uint256) {
        return address(registry).balance;
    }

    function tokensHeld() external view returns (uint256) {
        return _token.balanceOf(address(registry));
    }

    /// @dev Credits in what a committee bonds.
    function credits(uint256 committee) external view returns (uint256) {
        address token = committee == 0 ? address(0) : address(_token);
        return registry.owed(token, REPORTER) + registry.owed(token, Forfeit.NOBODY);
    }

    /// @dev Bonds of all memberships of a committee.
    function bonds(uint256 committee) external view returns (uint256 sum) {
        for (uint256 i = 0; i < _memberships[committee]; ++i) {
            (, uint256 amount,) = registry.bond(_ids[committee], i);
            sum += amount;
        }
    }

    /// @dev What is held of each is what it paid, was not paid back and did not lose; so nobody is paid twice, or
    /// another's.
    function accountsHold(uint256 committee) external view returns (bool) {
        for (uint256 i = 0; i < _memberships[committee]; ++i) {
            (, uint256 amount,) = registry.bond(_ids[committee], i);
            uint256 gone = _paidOut[committee][i] + _slashed[committee][i];
            if (_paidIn[committee][i] > BOND || amount + gone != _paidIn[committee][i]) return false;
        }
        return true;
    }

    /// @dev A ready committee has joined, bonded, unrevoked members, all different.
    function readyMeansReady(uint256 committee) external view returns (bool) {
        (,,, bool isReady) = registry.shape(_ids[committee]);
        bool able = true;
        for (uint256 i = 0; i < SIZE; ++i) {
            MemberView memory member = registry.membership(_ids[committee], i);
            able = able && member.joined && !member.revoked && member.withdrawableAt == 0 && member.bond == BOND;
            for (uint256 j = 0; j < i; ++j) {
                able = able && member.signer != registry.membership(_ids[committee], j).signer;
            }
        }
        return isReady == able;
    }

    /// @dev Epochs that ended are what they were.
    function epochsStay(uint256 committee) external view returns (bool) {
        (,, uint256 epochs,) = registry.shape(_ids[committee]);
        for (uint256 epoch = 0; epoch < epochs; ++epoch) {
            (bytes32 signers, bytes32 keys) = _fingerprints(committee, epoch);
            if (_signersSeen[committee][epoch] != signers) return false;
            if (_keysSeen[committee][epoch] != 0 && _keysSeen[committee][epoch] != keys) return false;
        }
        return true;
    }

    /// @dev When all signers of an epoch sign, all but those with a revoked key count, in any epoch.
    function revokedAreSilent(uint256 committee) external view returns (bool) {
        (,, uint256 last,) = registry.shape(_ids[committee]);
        for (uint256 epoch = 0; epoch <= last; ++epoch) {
            (uint256[] memory keys, uint256 voices, uint256 count) = _signersIn(committee, epoch);
            Attestation[] memory signed = signedBy(keys, DIGEST);
            try registry.requireQuorum(_ids[committee], epoch, DIGEST, signed) returns (uint256 mask) {
                if (mask != voices || count < registry.quorum(_ids[committee])) return false;
            } catch {
                if (count >= registry.quorum(_ids[committee])) return false;
            }
        }
        return true;
    }

    /// @dev Keys of all signers of an epoch; which of them, and how many, were not revoked.
    function _signersIn(uint256 committee, uint256 epoch)
        private
        view
        returns (uint256[] memory keys, uint256 voices, uint256 count)
    {
        (, address[] memory signers,,,) = registry.committeeAtEpoch(_ids[committee], epoch);
        keys = new uint256[](SIZE);
        for (uint256 i = 0; i < SIZE; ++i) {
            keys[i] = _keys[signers[i]];
            if (_isRevoked(committee, keys[i])) continue;
            voices |= 1 << i;
            ++count;
        }
    }

    function _isRevoked(uint256 committee, uint256 key) private view returns (bool) {
        for (uint256 i = 0; i < _revoked[committee].length; ++i) {
            if (_revoked[committee][i] == key) return true;
        }
        return false;
    }

    function _remember(uint256 committee) private {
        uint256 epoch = epochOf(_ids[committee]);
        (bytes32 signers, bytes32 keys) = _fingerprints(committee, epoch);
        _signersSeen[committee][epoch] = signers;
        if (_complete[committee]) _keysSeen[committee][epoch] = keys;
    }

    function _fingerprints(uint256 committee, uint256 epoch) private view returns (bytes32, bytes32) {
        (, address[] memory signers,, bytes32[] memory keys,) = registry.committeeAtEpoch(_ids[committee], epoch);
        return (keccak256(abi.encode(signers)), keccak256(abi.encode(keys)));
    }

    function _newKey() private returns (uint256 key) {
        key = _nextKey++;
        _keys[vm.addr(key)] = key;
    }
}

/// @title What holds of bonds, members and epochs after any calls
/// @dev Longer sequences than by default: a bond comes back only at the end of one. Fewer attempts to shorten one that
/// failed: each is hundreds of calls.
/// forge-config: default.invariant.depth = 128
/// forge-config: default.invariant.shrink-run-limit = 500
contract CommitteeInvariantTest is Check {
    CommitteeHandler private _handler;

    function setUp() external {
        _handler = new CommitteeHandler();
        _handler.gather(1);
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    function invariant_bonds_conserved() external view {
        equal(_handler.etherHeld(), _handler.bonds(0) + _handler.credits(0), "ether");
        equal(_handler.tokensHeld(), _handler.bonds(1) + _handler.credits(1), "tokens");
        isTrue(_handler.accountsHold(0) && _handler.accountsHold(1), "everybody's own bond, once");
    }

    function invariant_ready_meansReady() external view {
        isTrue(_handler.readyMeansReady(0) && _handler.readyMeansReady(1), "ready");
    }

    function invariant_epochs_stay() external view {
        isTrue(_handler.epochsStay(0) && _handler.epochsStay(1), "members of an epoch that ended");
    }

    /// @dev And all others' do.
    function invariant_revoked_doNotAttest() external view {
        isTrue(_handler.revokedAreSilent(0) && _handler.revokedAreSilent(1), "a revoked key");
    }
}
