// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../interfaces/ICommitteeRegistry.sol";
import {IMarketViews} from "../interfaces/IMarketViews.sol";
import {Committee, Membership} from "../types/Committees.sol";
import {AttestedBatch, CommonOwner, SignedBody} from "../types/Reports.sol";
import {MemberWord} from "../types/MemberWord.sol";
import {OwnerCommitment, Statement} from "../types/Proofs.sol";
import {TaskTerms} from "../types/Types.sol";
import {BN254} from "./BN254.sol";
import {Committees} from "./Committees.sol";
import {Forfeit} from "./Forfeit.sol";
import {Grading} from "./Grading.sol";
import {References} from "./References.sol";
import {Signatures} from "./Signatures.sol";
import {Terms} from "./Terms.sol";
import {Transcript} from "./Transcript.sol";
import {TypedData} from "./TypedData.sol";

/// @title What costs a prover its bond
/// @notice Signatures that an honest prover never makes, whatever everybody else does: coordinator, owners, model
/// owner, all other provers, their nodes and reorganisations of the chain. Nothing here rests on what the chain says
/// now.
///
/// Not evidence is:
/// - a proof that the verifier rejects, under a batch that a member attested. A batch's identifier does not bind A, B,
/// C and the sum-check, so that anybody makes a rejected proof out of an honest attestation;
/// - a wrong share. That it is wrong shows beside the others' only;
/// - silence. Nobody can show who did not answer, or was not asked. Silent members earn nothing, and are replaced.
/// @dev Linked into the registry, whose storage and address it works with. See `ICommitteeRegistry` for what functions
/// do.
library Evidence {
    using Committees for Committee;

    bytes32 private constant MESSAGE = keccak256("gradroll/v1/message");
    /// @dev Bit set of the steps that a prover takes once a session: MASK 3, VALIDATE 4, CONFIRM 5, COMBINE 6, PROVE 7,
    /// ATTEST 8, PROBE_MASK 10, PROBE_COMBINE 11, LOCK 14, OPEN 15. Their session is an attempt, which names a nonce of each of its
    /// provers that is drawn when the prover starts, and never written down. So an attempt does not outlive the process
    /// that entered it; in there each step moves it on, and is not taken a second time: what is asked again gets the
    /// first answer, or none.
    ///
    /// Not in it are the steps that an honest prover may answer differently. COIN: its body has the nonce in it and the
    /// head of the prover's ledger, which grows. PROJECT: after a restart it is answered anew, under the coin that is
    /// then opened, which more than t colluding others could open to another value. REVEAL: one session, an answer for
    /// each owner. RELEASE: anybody asks for years, and the answer is read from a disk on which bits may rot.
    uint256 private constant STEPS_TAKEN_ONCE = 0xcdf8;
    /// @dev What a market may use to say whose account an owner's is: it reads six words of storage. One that burns it all
    /// leaves enough for the slashing.
    uint256 private constant MARKET_GAS = 200_000;

    function ofMessages(
        Committee storage self,
        mapping(address token => mapping(address account => uint256)) storage owed,
        uint256 committeeId,
        bytes32 session,
        uint8 step,
        uint256 sender,
        SignedBody calldata first,
        SignedBody calldata second
    ) external {
        if (STEPS_TAKEN_ONCE >> step & 1 == 0) {
            revert ICommitteeRegistry.StepRepeatable(step);
        }
        if (first.bodyHash == second.bodyHash) revert ICommitteeRegistry.NothingContradicted();
        address signer = _sender(session, step, sender, first);
        _requireSame(signer, _sender(session, step, sender, second));
        _slash(self, owed, committeeId, signer, address(0));
    }

    /// @dev Sets are compared by addresses and commitments, without the registration indices: after a reorganisation an
    /// owner may have another index, under which an honest prover attests the set that it has locked once more. Terms,
    /// model and committee's epoch may differ as well; the lock holds for the owner in the round, whatever they are. It holds
    /// for a set with its reference, so that one belongs to the set; but lists do not meet in it: one address deals all copies,
    /// and may be an owner's too.
    function ofAttestations(
        Committee storage self,
        mapping(address token => mapping(address account => uint256)) storage owed,
        uint256 committeeId,
        AttestedBatch calldata first,
        AttestedBatch calldata second,
        CommonOwner calldata common
    ) external {
        Statement calldata one = first.statement;
        Statement calldata other = second.statement;
        bytes32 domain = TypedData.domainSeparator(common.market, common.deployment);
        bool together = one.domain == domain && other.domain == domain;
        if (!together || one.taskId != other.taskId || one.round != other.round) {
            revert ICommitteeRegistry.RoundsDiffer();
        }
        uint256 owner = one.owners[common.slot].owner;
        uint256 otherOwner = other.owners[common.otherSlot].owner;
        bool meet = uint160(owner) == uint160(otherOwner);
        if (References.isReference(owner) || References.isReference(otherOwner)) meet = false;
        if (!meet || _setOf(one.owners) == _setOf(other.owners)) revert ICommitteeRegistry.NothingContradicted();
        address signer = _attester(committeeId, first);
        _requireSame(signer, _attester(committeeId, second));
        _slash(self, owed, committeeId, signer, _accountOf(common.market, one.taskId, owner));
    }

    function ofWrongSum(
        Committee storage self,
        mapping(address token => mapping(address account => uint256)) storage owed,
        uint256 committeeId,
        AttestedBatch calldata attested
    ) external {
        (uint256 x, uint256 y) = _sumOf(attested);
        uint256[2] calldata stated = attested.proof.sum;
        if (stated[0] == x && stated[1] == y) revert ICommitteeRegistry.NothingContradicted();
        _slash(self, owed, committeeId, _attester(committeeId, attested), address(0));
    }

    /// @dev The terms are those that the attestation binds, by their hash; no market is asked for them.
    function ofTooFewOwners(
        Committee storage self,
        mapping(address token => mapping(address account => uint256)) storage owed,
        uint256 committeeId,
        AttestedBatch calldata attested,
        TaskTerms calldata terms,
        address creator,
        bytes32 deployment
    ) external {
        Statement calldata statement = attested.statement;
        bytes32 hash = Terms.hash(deployment, statement.taskId, creator, terms);
        if (hash != statement.termsHash) revert ICommitteeRegistry.TermsDiffer(statement.termsHash, hash);
        if (_ownersOf(statement) >= terms.minOwners) revert ICommitteeRegistry.NothingContradicted();
        _slash(self, owed, committeeId, _attester(committeeId, attested), address(0));
    }

    /// @dev The membership loses all that is held for it, the signer its voice, and so does the key that the membership
    /// has now, if it has rotated since: who has nothing to lose any more does not attest. So does that of one that retired,
    /// as it sits in rounds that are open, and of one that has no bond or has revoked what it signed with. Keys that it had in between still
    /// have a voice in rounds of their epochs. They are as many as it likes, so they are not revoked here, where they would
    /// make a report cost what no block holds, but by anybody, one by one (`ICommitteeRegistry.revoke`).
    function _slash(
        Committee storage self,
        mapping(address token => mapping(address account => uint256)) storage owed,
        uint256 committeeId,
        address signer,
        address harmed
    ) private {
        (uint256 index, uint256 number,) = self.known(committeeId, signer);
        uint256 membershipId = self.membershipAt(index, number);
        Membership storage stay = self.stays[membershipId];
        bool revoked = self.wordAt(index, number).isRevoked();
        (uint256 amount, address controller) = (stay.bond, stay.controller);
        if (msg.sender == signer || msg.sender == controller) revert ICommitteeRegistry.ReporterIsCulprit(msg.sender);
        if (stay.slashed && revoked) revert ICommitteeRegistry.NoBond(membershipId);
        if (harmed == signer || harmed == controller) harmed = address(0);
        (stay.bond, stay.slashed) = (0, true);
        if (!revoked) self.revoke(committeeId, index, number);
        if (self.seatedAt(index) == membershipId) {
            MemberWord present = self.members[index];
            if (!present.isRevoked()) self.revoke(committeeId, index, present.tenure());
            if (stay.withdrawableAt == 0) self.unseat(committeeId, index, membershipId);
        }
        emit ICommitteeRegistry.MemberSlashed(committeeId, membershipId, signer, msg.sender, harmed, amount);
        (uint256 reward, uint256 redress, uint256 burnt) = Forfeit.divide(amount, msg.sender, harmed);
        _credit(owed[self.terms.bondToken], self.terms.bondToken, msg.sender, reward);
        _credit(owed[self.terms.bondToken], self.terms.bondToken, harmed, redress);
        _credit(owed[self.terms.bondToken], self.terms.bondToken, Forfeit.NOBODY, burnt);
    }

    function _credit(mapping(address account => uint256) storage owed, address token, address account, uint256 amount)
        private
    {
        if (amount == 0) return;
        owed[account] += amount;
        emit ICommitteeRegistry.Credited(token, account, amount);
    }

    function _sender(bytes32 session, uint8 step, uint256 sender, SignedBody calldata signed)
        private
        view
        returns (address)
    {
        bytes32 digest = keccak256(abi.encode(MESSAGE, session, step, sender, signed.bodyHash));
        return Signatures.recover(digest, signed.r, signed.vs);
    }

    /// @dev Who attested the batch for a task of the committee.
    function _attester(uint256 committeeId, AttestedBatch calldata signed) private view returns (address) {
        Statement calldata statement = signed.statement;
        bytes32 state = Transcript.context(statement, signed.policyKeyHash);
        state = Transcript.rho(state, Transcript.ownersHash(statement.owners), signed.proof);
        TypedData.Attested memory attested = TypedData.Attested({
            batchId: _isGraded(statement) ? Grading.batchId(state, signed.graded) : state,
            verifierCode: signed.verifierCode,
            committeeId: committeeId,
            taskId: statement.taskId,
            termsHash: statement.termsHash,
            round: statement.round,
            modelDigest: statement.modelDigest,
            owners: _ownersOf(statement),
            sumX: signed.proof.sum[0],
            sumY: signed.proof.sum[1],
            squareNorm: signed.proof.squareNorm,
            payee: signed.payee
        });
        return Signatures.recover(TypedData.attestation(statement.domain, attested), signed.r, signed.vs);
    }

    /// @dev Each commitment times its weight. Reverts where one is no point: then nothing can be said of their sum.
    function _sumOf(AttestedBatch calldata attested) private view returns (uint256 x, uint256 y) {
        OwnerCommitment[] calldata rows = attested.statement.owners;
        bool graded = _isGraded(attested.statement);
        uint256 weights;
        if (graded) (, weights) = Grading.grade(attested.graded);
        weights <<= 2; // the reference has none
        for (uint256 i = 0; i < rows.length; ++i) {
            uint256 weight = graded ? Grading.pick(weights, i) : 1;
            for (; weight > 0; --weight) {
                (x, y) = BN254.add(x, y, rows[i].cx, rows[i].cy);
            }
        }
    }

    /// @dev Whether the first row is a reference. No honest prover attests a batch that is graded and has none, or the other
    /// way round.
    function _isGraded(Statement calldata statement) private pure returns (bool) {
        return statement.owners.length != 0 && References.isReference(statement.owners[0].owner);
    }

    /// @dev How many owners, without the reference.
    function _ownersOf(Statement calldata statement) private pure returns (uint256) {
        return statement.owners.length - (_isGraded(statement) ? 1 : 0);
    }

    /// @dev Addresses and commitments, in order.
    function _setOf(OwnerCommitment[] calldata owners) private pure returns (bytes32) {
        OwnerCommitment[] memory set = owners;
        for (uint256 i = 0; i < set.length; ++i) {
            set[i].owner = uint160(set[i].owner);
        }
        return keccak256(abi.encode(set));
    }

    /// @dev The account of an owner as the market has it, or zero. A market that fails keeps no prover from being
    /// slashed. A `try` would not do: it reverts where there is no code, and on an answer that does not decode. Of the answer
    /// the first two words are copied, `OwnerView.signer` and `OwnerView.account`, whatever its length.
    function _accountOf(address market, uint256 taskId, uint256 owner) private view returns (address) {
        bytes memory question = abi.encodeCall(IMarketViews.ownerAt, (taskId, owner >> 160));
        (bool answered, uint256 signer, uint256 account) = (false, 0, 0);
        assembly ("memory-safe") {
            answered := staticcall(MARKET_GAS, market, add(question, 0x20), mload(question), 0, 0x40)
            answered := and(answered, gt(returndatasize(), 0x11f))
            signer := mload(0)
            account := mload(0x20)
        }
        bool found = answered && signer == uint160(owner) && account <= type(uint160).max;
        return found ? address(uint160(account)) : address(0);
    }

    function _requireSame(address first, address second) private pure {
        if (first != second) revert ICommitteeRegistry.SignersDiffer(first, second);
    }
}
