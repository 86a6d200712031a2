// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {CommitteeViews} from "./CommitteeViews.sol";
import {ICommitteeRegistry} from "./interfaces/ICommitteeRegistry.sol";
import {Committees} from "./libraries/Committees.sol";
import {Evidence} from "./libraries/Evidence.sol";
import {Funds} from "./libraries/Funds.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {Change, Committee, CommitteeTerms, Membership} from "./types/Committees.sol";
import {AttestedBatch, CommonOwner, SignedBody} from "./types/Reports.sol";
import {Attestation, TaskTerms} from "./types/Types.sol";

/// @title Registry of prover committees
/// @dev Nobody owns it. Only `join`, `withdrawBond` and `collect` call others, after their last write and behind a
/// guard; and `reportAttestations` asks a market whose account an owner's is, in a static call and before its first
/// write. What is a ground for slashing stands in a linked library, `Evidence`. Invariant, for each token: the contract
/// holds at least the bonds of all memberships and all credits.
contract CommitteeRegistry is CommitteeViews, EIP712, ReentrancyGuardTransient {
    using Committees for Committee;

    uint256 private constant MAX_ENDPOINT_BYTES = 256;
    uint32 private constant MAX_DELAY = 365 days;
    bytes32 private constant COMMITTEE_ID = keccak256("gradroll/v1/committee-id");
    bytes32 private constant MEMBERSHIP_TYPE =
        keccak256("Membership(uint256 committeeId,uint256 index,address signer,address controller)");
    bytes32 private constant REPLACEMENT_TYPE = keccak256(
        "Replacement(uint256 committeeId,uint256 index,uint256 nonce,address signer,address controller,uint256 deadline)"
    );

    /// @inheritdoc ICommitteeRegistry
    uint32 public immutable minimumDelay;
    /// @inheritdoc ICommitteeRegistry
    mapping(address token => mapping(address account => uint256)) public owed;

    /// @param minimumDelay_ Shortest `changeDelay` of a committee in seconds, at most 365 days: owners and provers have
    /// at least so long to see a change of members coming.
    constructor(uint32 minimumDelay_) EIP712("gradroll registry", "1") {
        _checkDelay(minimumDelay_, 0);
        minimumDelay = minimumDelay_;
    }

    /// @inheritdoc ICommitteeRegistry
    function createCommittee(CommitteeTerms calldata with, address[] calldata signers, uint256 nonce)
        external
        returns (uint64 committeeId)
    {
        _checkTerms(with, signers.length);
        bytes32 whole = _identityOf(with, signers, nonce);
        committeeId = uint64(uint256(whole));
        Committee storage created = _committees[committeeId];
        if (created.size != 0) revert CommitteeExists(committeeId);
        _ids.push(committeeId);
        (created.terms, created.identity) = (with, whole);
        created.seat(signers);
        emit CommitteeCreated(committeeId, msg.sender, with, signers, whole);
    }

    /// @inheritdoc ICommitteeRegistry
    function join(uint256 committeeId, string calldata endpoint, bytes32 hpkeKey, address controller)
        external
        payable
        nonReentrant
    {
        _checkEndpoint(endpoint);
        if (hpkeKey == 0) revert HpkeKeyInvalid();
        Committee storage target = _committee(committeeId);
        (uint256 index, uint256 number, bool present) = target.awaited(committeeId, msg.sender);
        uint256 membershipId = target.membershipAt(index, number);
        Membership storage stay = target.stays[membershipId];
        controller = _named(stay, controller);
        uint256 due = _bondDue(target, stay);
        (stay.index, stay.endpoint) = (uint8(index), endpoint);
        target.tenures[index][number].hpkeKey = hpkeKey;
        emit MemberJoined(committeeId, index, msg.sender, membershipId, controller, endpoint, hpkeKey);
        if (present) target.enable(committeeId, index);
        Funds.take(target.terms.bondToken, due);
    }

    /// @inheritdoc ICommitteeRegistry
    function setEndpoint(uint256 committeeId, string calldata endpoint) external {
        _checkEndpoint(endpoint);
        Committee storage target = _committee(committeeId);
        (uint256 index, uint256 number, bool present) = target.known(committeeId, msg.sender);
        if (!present) revert NotAMember(committeeId, msg.sender);
        if (target.members[index].isRevoked()) revert KeyIsRevoked(msg.sender);
        uint256 membershipId = target.membershipAt(index, number);
        Membership storage stay = target.stays[membershipId];
        if (!stay.joined) revert NotJoined(membershipId);
        stay.endpoint = endpoint;
        emit EndpointChanged(committeeId, index, endpoint);
    }

    /// @inheritdoc ICommitteeRegistry
    function rotate(uint256 committeeId, uint256 index, address signer, bytes32 hpkeKey, bytes32 r, bytes32 vs)
        external
    {
        (Committee storage target, uint256 membershipId) = _controlled(committeeId, index);
        if (target.stays[membershipId].withdrawableAt != 0) revert MembershipEnded(membershipId);
        if (hpkeKey == 0) revert HpkeKeyInvalid();
        if (target.changes[index].due != 0) revert ChangePending(index);
        bytes32 digest =
            _hashTypedDataV4(keccak256(abi.encode(MEMBERSHIP_TYPE, committeeId, index, signer, msg.sender)));
        if (Signatures.recover(digest, r, vs) != signer) revert PossessionUnproven(signer);
        uint256 due = target.propose(index, signer, hpkeKey, membershipId);
        emit RotationProposed(committeeId, index, signer, hpkeKey, due);
    }

    /// @inheritdoc ICommitteeRegistry
    function cancelChange(uint256 committeeId, uint256 index) external {
        (Committee storage target,) = _controlled(committeeId, index);
        if (target.changes[index].due == 0) revert NoChange(index);
        if (!target.rotationWaits(index)) revert ReplacementNotCancellable(index);
        target.drop(committeeId, index);
    }

    /// @inheritdoc ICommitteeRegistry
    function applyChange(uint256 committeeId, uint256 index) external {
        _committee(committeeId).advance(committeeId, index);
    }

    /// @inheritdoc ICommitteeRegistry
    function revoke(uint256 committeeId, address signer) external {
        Committee storage target = _committee(committeeId);
        (uint256 index, uint256 number,) = target.known(committeeId, signer);
        Membership storage stay = target.stays[target.membershipAt(index, number)];
        if (msg.sender != signer && !stay.slashed) _checkController(stay);
        if (target.wordAt(index, number).isRevoked()) revert KeyIsRevoked(signer);
        target.revoke(committeeId, index, number);
    }

    /// @inheritdoc ICommitteeRegistry
    function replace(
        uint256 committeeId,
        uint256 index,
        address signer,
        address controller,
        uint256 deadline,
        Attestation[] calldata attestations
    ) external {
        Committee storage target = _indexed(committeeId, index);
        if (block.timestamp > deadline) revert ReplacementExpired(deadline);
        Change storage change = target.changes[index];
        uint256 nonce = change.replacements++;
        bytes32 structHash =
            keccak256(abi.encode(REPLACEMENT_TYPE, committeeId, index, nonce, signer, controller, deadline));
        target.requireQuorum(target.epoch, _hashTypedDataV4(structHash), attestations);
        if (change.due != 0) target.drop(committeeId, index);
        else if (signer == address(0)) revert NoChange(index);
        if (signer != address(0)) _propose(target, committeeId, index, signer, controller);
    }

    /// @inheritdoc ICommitteeRegistry
    function retire(uint256 committeeId, uint256 membershipId) external {
        Committee storage target = _committee(committeeId);
        Membership storage stay = target.stays[membershipId];
        _checkController(stay);
        if (stay.withdrawableAt != 0) revert MembershipEnded(membershipId);
        uint256 index = stay.index;
        // A membership that has not ended and sits nowhere is the one that waits: dropping it ends it.
        if (target.seatedAt(index) != membershipId) target.drop(committeeId, index);
        else target.unseat(committeeId, index, membershipId);
    }

    /// @inheritdoc ICommitteeRegistry
    function withdrawBond(uint256 committeeId, uint256 membershipId, address recipient) external nonReentrant {
        Committee storage target = _committee(committeeId);
        Membership storage stay = target.stays[membershipId];
        _checkController(stay);
        uint256 withdrawableAt = stay.withdrawableAt;
        if (withdrawableAt == 0 || block.timestamp < withdrawableAt) revert BondLocked(withdrawableAt);
        uint256 amount = stay.bond;
        if (amount == 0) revert NoBond(membershipId);
        if (recipient == address(0)) revert RecipientInvalid();
        stay.bond = 0;
        emit BondWithdrawn(committeeId, membershipId, recipient, amount);
        Funds.pay(target.terms.bondToken, recipient, amount);
    }

    /// @inheritdoc ICommitteeRegistry
    function reportMessages(
        uint256 committeeId,
        bytes32 session,
        uint8 step,
        uint256 sender,
        SignedBody calldata first,
        SignedBody calldata second
    ) external {
        Evidence.ofMessages(_committee(committeeId), owed, committeeId, session, step, sender, first, second);
    }

    /// @inheritdoc ICommitteeRegistry
    function reportAttestations(
        uint256 committeeId,
        AttestedBatch calldata first,
        AttestedBatch calldata second,
        CommonOwner calldata common
    ) external {
        Evidence.ofAttestations(_committee(committeeId), owed, committeeId, first, second, common);
    }

    /// @inheritdoc ICommitteeRegistry
    function reportWrongSum(uint256 committeeId, AttestedBatch calldata attested) external {
        Evidence.ofWrongSum(_committee(committeeId), owed, committeeId, attested);
    }

    /// @inheritdoc ICommitteeRegistry
    function reportTooFewOwners(
        uint256 committeeId,
        AttestedBatch calldata attested,
        TaskTerms calldata with,
        address creator,
        bytes32 deployment
    ) external {
        Evidence.ofTooFewOwners(_committee(committeeId), owed, committeeId, attested, with, creator, deployment);
    }

    /// @inheritdoc ICommitteeRegistry
    function collect(address token, address account, address to) external nonReentrant returns (uint256 amount) {
        if (to == address(0) || (to != account && msg.sender != account)) revert RecipientInvalid();
        amount = owed[token][account];
        if (amount == 0) revert NothingOwed(token, account);
        owed[token][account] = 0;
        emit Collected(token, account, to, amount);
        Funds.pay(token, to, amount);
    }

    /// @inheritdoc ICommitteeRegistry
    function requireQuorum(uint256 committeeId, uint256 epoch, bytes32 digest, Attestation[] calldata attestations)
        external
        view
        returns (uint256 mask)
    {
        if (attestations.length == 0) _committee(committeeId);
        return _committees[committeeId].requireQuorum(epoch, digest, attestations);
    }

    /// @dev The parent block is in it because 64 bits are few. Of things that the creator knows before, it finds two
    /// lists of members with one number by some 2^32 trials, at leisure, and can exchange one for the other in a
    /// reorganisation, under a task that names the number. With the parent block's hash a second list has to be found
    /// for one number and one block: by some 2^64 trials, before the block is out of reach of a reorganisation.
    function _identityOf(CommitteeTerms calldata with, address[] calldata signers, uint256 nonce)
        private
        view
        returns (bytes32)
    {
        bytes32 parent = blockhash(block.number - 1);
        return
            keccak256(abi.encode(COMMITTEE_ID, block.chainid, address(this), msg.sender, nonce, parent, with, signers));
    }

    /// @dev Lets a new membership wait at an index.
    function _propose(Committee storage target, uint256 committeeId, uint256 index, address signer, address controller)
        private
    {
        if (controller == address(0)) controller = signer;
        uint32 membershipId = target.memberships++;
        Membership storage stay = target.stays[membershipId];
        (stay.controller, stay.index) = (controller, uint8(index));
        uint256 due = target.propose(index, signer, 0, membershipId);
        emit ReplacementProposed(committeeId, index, signer, membershipId, controller, due);
    }

    /// @dev Writes down the controller that a member names, or checks that it is the one that was named before.
    function _named(Membership storage stay, address controller) private returns (address) {
        if (controller == address(0)) controller = msg.sender;
        address before = stay.controller;
        if (before == address(0)) stay.controller = controller;
        else if (before != controller) revert ControllerFixed(before);
        return controller;
    }

    /// @dev Writes down that a member joined, and with which bond: nothing more is due when it joins again.
    function _bondDue(Committee storage target, Membership storage stay) private returns (uint256) {
        if (stay.joined) return 0;
        uint128 due = target.terms.bond;
        (stay.joined, stay.bond) = (true, due);
        return due;
    }

    /// @dev A committee and the membership at an index, whose controller is the caller.
    function _controlled(uint256 committeeId, uint256 index)
        private
        view
        returns (Committee storage target, uint256 membershipId)
    {
        target = _indexed(committeeId, index);
        membershipId = target.seatedAt(index);
        _checkController(target.stays[membershipId]);
    }

    function _checkController(Membership storage stay) private view {
        if (msg.sender != stay.controller) revert NotController(msg.sender, stay.controller);
    }

    function _checkTerms(CommitteeTerms calldata with, uint256 size) private view {
        uint256 threshold = with.threshold;
        if (threshold == 0 || size < 2 * threshold + 1 || size > Committees.MAX_MEMBERS) {
            revert CommitteeShapeInvalid(threshold, size);
        }
        _checkDelay(with.changeDelay, minimumDelay);
        _checkDelay(with.unbondingDelay, with.changeDelay);
        if (with.bondToken != address(0) && !Funds.isToken(with.bondToken)) revert BondTokenInvalid(with.bondToken);
    }

    function _checkDelay(uint256 delay, uint256 least) private pure {
        if (delay < least || delay > MAX_DELAY) revert DelayInvalid(delay, least, MAX_DELAY);
    }

    function _checkEndpoint(string calldata endpoint) private pure {
        uint256 length = bytes(endpoint).length;
        if (length == 0 || length > MAX_ENDPOINT_BYTES) revert EndpointInvalid(length);
    }
}
