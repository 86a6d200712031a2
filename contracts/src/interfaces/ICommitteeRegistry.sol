// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {CommitteeTerms, MemberView} from "../types/Committees.sol";
import {AttestedBatch, CommonOwner, SignedBody} from "../types/Reports.sol";
import {Attestation, TaskTerms} from "../types/Types.sol";

/// @title Registry of prover committees
/// @notice Who the provers of a committee are, where they listen, under which key shares are sealed to them, and what
/// they bonded. A member has a signer, the hot key that joins and attests, and a controller, the cold account (a contract
/// perhaps) that rotates and revokes keys, retires, and owns the bond.
///
/// Who sits at an index changes in *epochs*, numbered from 0, one change each; what pins an epoch (a round of the market
/// does) has the same members as long as it lives. Only a revoked key loses its voice in all epochs.
///
/// A member loses its bond, and its voice, for what it signed and an honest one never signs (`reportMessages`,
/// `reportAttestations`, `reportWrongSum`, `reportTooFewOwners`; `Evidence` says why these, and what is none). A
/// quarter of the bond is for who reports, a quarter for who was harmed, if that is known; the rest is burnt. A
/// membership answers for all keys that it ever had until it has withdrawn its bond, for signatures bear no date:
/// destroy keys that were rotated away, and never resume a prover from a copy of its memory or an old copy of its
/// ledger.
///
/// A committee is *ready* when all members of the present epoch joined and none of them retired or was revoked.
/// Times are chain time in seconds. Signatures are EIP-712 (domain: `eip712Domain` of ERC-5267) in the compact form of
/// EIP-2098.
interface ICommitteeRegistry {
    /// @notice Threshold or size out of range. Choose t >= 1 and 2t + 1 <= N <= 32.
    error CommitteeShapeInvalid(uint256 threshold, uint256 members);
    /// @notice A delay is too short or too long. Choose one between `least` and `most` seconds.
    error DelayInvalid(uint256 delay, uint256 least, uint256 most);
    /// @notice The bond's token does not answer like an ERC-20. Name one that does, or 0 for ether.
    error BondTokenInvalid(address token);
    /// @notice The same creator made this committee in this block. Take another nonce.
    error CommitteeExists(uint256 committeeId);
    /// @notice No committee has this number. Look it up in `CommitteeCreated` or `committeeAt`.
    error CommitteeUnknown(uint256 committeeId);
    /// @notice The committee has had no such epoch yet.
    error EpochUnknown(uint256 committeeId, uint256 epoch);
    /// @notice The committee has no such index: they are 0 to N - 1.
    error IndexInvalid(uint256 committeeId, uint256 index);
    /// @notice A signer is the zero address, listed twice, or was known in the committee before. Make a new key.
    error MemberInvalid(address signer);
    /// @notice The signer sits nowhere in the committee now, or is not awaited there.
    error NotAMember(uint256 committeeId, address signer);
    /// @notice Only the member's controller may do this (revoke: or the signer). Send it from that account.
    error NotController(address caller, address controller);
    /// @notice The member's controller was named before, and no later word of its signer changes it. Name that one.
    error ControllerFixed(address controller);
    /// @notice An endpoint must have 1 to 256 bytes.
    error EndpointInvalid(uint256 length);
    /// @notice A sealing key must not be zero.
    error HpkeKeyInvalid();
    /// @notice The member joined before, and its committee was ready since. Use `setEndpoint`, or rotate the key.
    error AlreadyJoined(address signer);
    /// @notice The membership has not joined yet. Its signer calls `join`.
    error NotJoined(uint256 membershipId);
    /// @notice The member retired or was replaced. Come back as another one, by a replacement that the others sign.
    error MembershipEnded(uint256 membershipId);
    /// @notice The key was revoked, for good. Rotate to a new one.
    error KeyIsRevoked(address signer);
    /// @notice The new signer did not sign the `Membership`, for this controller and index.
    error PossessionUnproven(address signer);
    /// @notice A change of this index is waiting. Apply or cancel it first.
    error ChangePending(uint256 index);
    /// @notice No change of this index is waiting.
    error NoChange(uint256 index);
    /// @notice The change may be applied from `due` on.
    error ChangeNotDue(uint256 due);
    /// @notice The others signed this change; the member cannot stop it.
    error ReplacementNotCancellable(uint256 index);
    /// @notice What the others signed is too old. Sign again.
    error ReplacementExpired(uint256 deadline);
    /// @notice The bond is not free yet: retire first, or wait until `withdrawableAt` (0: not retired).
    error BondLocked(uint256 withdrawableAt);
    /// @notice Nothing is held for this membership, or no more: it was withdrawn, or slashed.
    error NoBond(uint256 membershipId);
    /// @notice Nothing is paid to the zero address, and credits go elsewhere only by their account's call. Name a
    /// recipient, or call from the account.
    error RecipientInvalid();
    /// @notice There is no such credit. Look it up in `owed`.
    error NothingOwed(address token, address account);
    /// @notice An honest prover may answer this step in several ways (after a restart, or to several readers), so two
    /// answers are no evidence. `reportMessages` takes steps 3 to 8, 10, 11, 14 and 15.
    error StepRepeatable(uint256 step);
    /// @notice An honest prover may have signed this: the same twice, sets of owners that do not meet, the true sum, or
    /// owners enough. It is evidence of nothing; leave it.
    error NothingContradicted();
    /// @notice The two signatures are those of different signers, or cover something else than was handed in. Compare
    /// what is handed in with what was signed.
    error SignersDiffer(address first, address second);
    /// @notice The two batches are of different rounds, or not of this market. Hand in two of one round, and its
    /// market's address and deployment.
    error RoundsDiffer();
    /// @notice The terms are not those that were attested. Hand in those of the task, with its creator and the market's
    /// deployment.
    error TermsDiffer(bytes32 attested, bytes32 given);
    /// @notice A culprit is not paid for its own report. Somebody else may report it.
    error ReporterIsCulprit(address caller);
    /// @notice Fewer attestations by keys that are not revoked than the committee's quorum. Collect more.
    error TooFewAttestations(uint256 given, uint256 needed);
    /// @notice Attestations must ascend strictly by member, so that nobody counts twice. Sort them.
    error AttestationsNotAscending(uint256 member);
    /// @notice The signature is not that of the member in this epoch. Leave it out.
    error AttestationInvalid(uint256 member);

    /// @notice A committee was created.
    event CommitteeCreated(
        uint256 indexed committeeId, address indexed creator, CommitteeTerms terms, address[] signers, bytes32 identity
    );
    /// @notice A member published endpoint and key, and has paid its bond.
    event MemberJoined(
        uint256 indexed committeeId,
        uint256 indexed index,
        address indexed signer,
        uint256 membershipId,
        address controller,
        string endpoint,
        bytes32 hpkeKey
    );
    /// @notice A member listens elsewhere.
    event EndpointChanged(uint256 indexed committeeId, uint256 indexed index, string endpoint);
    /// @notice All members are there: rounds may be opened.
    event CommitteeReady(uint256 indexed committeeId, uint256 epoch);
    /// @notice A member will have another signer and key.
    event RotationProposed(
        uint256 indexed committeeId, uint256 indexed index, address indexed signer, bytes32 hpkeKey, uint256 due
    );
    /// @notice The others will have another member at an index, once it joined.
    event ReplacementProposed(
        uint256 indexed committeeId,
        uint256 indexed index,
        address indexed signer,
        uint256 membershipId,
        address controller,
        uint256 due
    );
    /// @notice A change that waited will not come.
    event ChangeDropped(uint256 indexed committeeId, uint256 indexed index, address indexed signer);
    /// @notice An epoch began, with this member at this index.
    event EpochBegan(
        uint256 indexed committeeId,
        uint256 indexed epoch,
        uint256 indexed index,
        uint256 membershipId,
        address signer,
        bytes32 hpkeKey
    );
    /// @notice A signer's attestations count no more, in no epoch.
    event KeyRevoked(uint256 indexed committeeId, uint256 indexed index, address indexed signer);
    /// @notice A membership ended: its bond is free from a time on.
    event MembershipEnding(uint256 indexed committeeId, uint256 indexed membershipId, uint256 withdrawableAt);
    /// @notice A member lost its bond.
    /// @param signer Whose signatures were the evidence.
    /// @param harmed Who gets a quarter, or zero.
    /// @param amount The bond.
    event MemberSlashed(
        uint256 indexed committeeId,
        uint256 indexed membershipId,
        address indexed signer,
        address reporter,
        address harmed,
        uint256 amount
    );
    /// @notice An account was credited.
    event Credited(address indexed token, address indexed account, uint256 amount);
    /// @notice A credit was collected.
    event Collected(address indexed token, address indexed account, address to, uint256 amount);
    /// @notice A bond was paid back.
    event BondWithdrawn(uint256 indexed committeeId, uint256 indexed membershipId, address recipient, uint256 amount);

    /// @notice Creates a committee; it is ready once every member has joined.
    /// @param with Its terms.
    /// @param signers Signing addresses; member i evaluates at x = i + 1.
    /// @param nonce Any number, another one for each committee of the creator with these terms and signers in a block.
    /// @return committeeId Low 64 bits of `identity`: keccak256(abi.encode(keccak256("gradroll/v1/committee-id"), chain
    /// id, registry, creator, nonce, hash of the parent block, terms, signers)). Nobody else can take the number. It is
    /// known once the block is: in another block, also of another branch of the chain, the same call makes a committee
    /// with another number. So a task that names a number names these members, or after a reorganisation nobody.
    /// @dev Errors: `CommitteeShapeInvalid`, `DelayInvalid`, `BondTokenInvalid`, `MemberInvalid`, `CommitteeExists`.
    function createCommittee(CommitteeTerms calldata with, address[] calldata signers, uint256 nonce)
        external
        returns (uint64 committeeId);

    /// @notice The caller, a signer of the committee, publishes endpoint and X25519 key, names its controller and pays
    /// the bond: exactly this ether, or tokens that it approved. Until the committee is ready for the first time
    /// endpoint and key may be corrected by joining again, without ether; so may those of a replacement that waits.
    /// @param controller The member's controller, zero for the signer itself; for good. A replacement's was signed by the
    /// others.
    /// @dev Errors: `EndpointInvalid`, `HpkeKeyInvalid`, `CommitteeUnknown`, `NotAMember`, `KeyIsRevoked`,
    /// `MembershipEnded`, `AlreadyJoined`, `ControllerFixed`, those of `Funds.take`.
    function join(uint256 committeeId, string calldata endpoint, bytes32 hpkeKey, address controller) external payable;

    /// @notice The caller, a present signer that joined, listens elsewhere from now on. Its shares stay sealed to its key,
    /// so this needs no delay.
    /// @dev Errors: `EndpointInvalid`, `CommitteeUnknown`, `NotAMember`, `NotJoined`.
    function setEndpoint(uint256 committeeId, string calldata endpoint) external;

    /// @notice The controller gives its member another signer and key, from `changeDelay` on (`applyChange`).
    /// @param r The new signer's signature over Membership(uint256 committeeId,uint256 index,address signer,address
    /// controller): proof that it has the key.
    /// @param vs See `r`.
    /// @dev Errors: `CommitteeUnknown`, `IndexInvalid`, `NotController`, `MembershipEnded`, `HpkeKeyInvalid`,
    /// `ChangePending`, `PossessionUnproven`, `MemberInvalid`.
    function rotate(uint256 committeeId, uint256 index, address signer, bytes32 hpkeKey, bytes32 r, bytes32 vs) external;

    /// @notice The controller takes back the rotation that waits.
    /// @dev Errors: `CommitteeUnknown`, `IndexInvalid`, `NotController`, `NoChange`, `ReplacementNotCancellable`.
    function cancelChange(uint256 committeeId, uint256 index) external;

    /// @notice Begins the epoch with the change of an index that is due. Anyone may.
    /// @dev Errors: `CommitteeUnknown`, `NoChange`, `ChangeNotDue`, `NotJoined`.
    function applyChange(uint256 committeeId, uint256 index) external;

    /// @notice A signer's attestations count no more, in any epoch. Called by that signer or by the controller, and by anybody
    /// where its membership was slashed; for good, also for a signer that was rotated away. A present member's committee is not ready until it rotated.
    /// @dev Errors: `CommitteeUnknown`, `NotAMember`, `NotController`, `KeyIsRevoked`.
    function revoke(uint256 committeeId, address signer) external;

    /// @notice A quorum of the present members puts another member at an index, from `changeDelay` on and once that one
    /// joined. What waits for the index is dropped; the replaced member cannot stop it, and keeps its bond, which is free
    /// `unbondingDelay` after it was replaced. With N = 2t + 1 the quorum is all members: there, nobody is replaced
    /// against its will.
    /// @param signer The new member's; zero calls off what waits.
    /// @param controller The new member's; zero for the signer itself.
    /// @param deadline Last second in which this may be sent.
    /// @param attestations Signatures of a quorum over Replacement(uint256 committeeId,uint256 index,uint256 nonce,address
    /// signer,address controller,uint256 deadline), with `MemberView.replacements` as nonce. No epoch is signed: a change
    /// of another member that comes between costs that member's signature only.
    /// @dev Errors: `CommitteeUnknown`, `IndexInvalid`, `ReplacementExpired`, `MemberInvalid`, `NoChange`, and those of
    /// `requireQuorum`.
    function replace(
        uint256 committeeId,
        uint256 index,
        address signer,
        address controller,
        uint256 deadline,
        Attestation[] calldata attestations
    ) external;

    /// @notice The controller ends a membership: the committee is not ready until another member sits there, and the
    /// bond is free after `unbondingDelay`. A replacement that waits may decline in this way. There is no way back.
    /// @dev Errors: `CommitteeUnknown`, `NotController`, `MembershipEnded`.
    function retire(uint256 committeeId, uint256 membershipId) external;

    /// @notice The controller takes the bond of a membership that ended.
    /// @param recipient Who is paid; with all gas, so it may be a contract.
    /// @dev Errors: `CommitteeUnknown`, `NotController`, `BondLocked`, `NoBond`, `RecipientInvalid`,
    /// `Funds.TransferFailed`.
    function withdrawBond(uint256 committeeId, uint256 membershipId, address recipient) external;

    /// @notice Slashes a member that signed two different messages for one step of one session. Anyone may, but the
    /// member.
    /// @param committeeId A committee in which the signer sits or sat. It answers in every one: a key is to be used in
    /// one.
    /// @param session What the messages belong to (docs/protocol.md, 2.4).
    /// @param step The step's number there: 3 to 8, 10, 11, 14 or 15.
    /// @param sender The index that it signed as its own.
    /// @dev Errors: `CommitteeUnknown`, `StepRepeatable`, `NothingContradicted`, `SignersDiffer`, `NotAMember`,
    /// `ReporterIsCulprit`, `NoBond`.
    function reportMessages(
        uint256 committeeId,
        bytes32 session,
        uint8 step,
        uint256 sender,
        SignedBody calldata first,
        SignedBody calldata second
    ) external;

    /// @notice Slashes a member that attested two sets with an owner in common in one round of a task, of which one at
    /// most can be in its ledger. The same owners with the same commitments are one set, in whatever attempt, for
    /// whatever payee. A quarter is for the account of the owner: with both sums its gradient may come out.
    /// @dev Errors: `CommitteeUnknown`, `RoundsDiffer`, `NothingContradicted`, `SignersDiffer`, `NotAMember`,
    /// `ReporterIsCulprit`, `NoBond`; Panic(0x32) for slots beyond the owners.
    function reportAttestations(
        uint256 committeeId,
        AttestedBatch calldata first,
        AttestedBatch calldata second,
        CommonOwner calldata common
    ) external;

    /// @notice Slashes a member that attested a sum that is not the sum of the owners' commitments, each times its weight
    /// where gradients are graded.
    /// @dev Errors: `CommitteeUnknown`, `NothingContradicted`, `NotAMember`, `ReporterIsCulprit`, `NoBond`, those of
    /// `BN254.add`.
    function reportWrongSum(uint256 committeeId, AttestedBatch calldata attested) external;

    /// @notice Slashes a member that attested a batch of fewer owners than the task's terms allow.
    /// @param with The terms that the attestation binds.
    /// @param creator Who created the task.
    /// @param deployment The market's.
    /// @dev Errors: `CommitteeUnknown`, `TermsDiffer`, `NothingContradicted`, `NotAMember`, `ReporterIsCulprit`,
    /// `NoBond`.
    function reportTooFewOwners(
        uint256 committeeId,
        AttestedBatch calldata attested,
        TaskTerms calldata with,
        address creator,
        bytes32 deployment
    ) external;

    /// @notice Pays a credit out; to another recipient only for its account. What is burnt is credited to
    /// `Forfeit.NOBODY`, and leaves by this as well.
    /// @dev Errors: `RecipientInvalid`, `NothingOwed`, `Funds.TransferFailed`.
    function collect(address token, address account, address to) external returns (uint256 amount);

    /// @notice What an account can collect.
    function owed(address token, address account) external view returns (uint256);

    /// @notice Reverts unless a quorum of distinct members of an epoch signed the digest.
    /// @param committeeId The committee.
    /// @param epoch One that `shape` gave. It is not checked: the present members answer for epochs to come.
    /// @param digest EIP-712 digest.
    /// @param attestations Signatures, strictly ascending by member.
    /// @return mask Bit set of the members that signed. Those whose key is revoked are neither in it nor counted, and do no
    /// harm: who sends more signatures than a quorum's is safe from a member that revokes its key just before.
    /// @dev Reads a word for each attestation, and one more for each time that its member changed since the epoch.
    /// Errors: `TooFewAttestations`, `AttestationsNotAscending`, `AttestationInvalid`, `CommitteeUnknown`.
    function requireQuorum(uint256 committeeId, uint256 epoch, bytes32 digest, Attestation[] calldata attestations)
        external
        view
        returns (uint256 mask);

    /// @notice Who is paid for what the member at an index did in an epoch: its controller, whatever key it signed with.
    /// @param epoch One that `shape` gave. It is not checked: the present members answer for epochs to come.
    /// @return controller Zero if that member has not joined.
    /// @dev Errors: `CommitteeUnknown`, `IndexInvalid`.
    function controllerAt(uint256 committeeId, uint256 epoch, uint256 index) external view returns (address controller);

    /// @notice What a round needs to know; `epoch` is the one to pin.
    /// @dev Errors: `CommitteeUnknown`.
    function shape(uint256 committeeId)
        external
        view
        returns (uint256 threshold, uint256 size, uint256 epoch, bool isReady);

    /// @notice Q = max(2t + 1, floor((N + t) / 2) + 1), at most N. With at most t corrupt members, honest ones are the
    /// majority of any Q members, and any two sets of Q share an honest one: of two batches with an owner in common,
    /// which no honest member signs both, at most one finds a quorum.
    /// @dev Errors: `CommitteeUnknown`.
    function quorum(uint256 committeeId) external view returns (uint256);

    /// @notice The members of the present epoch; endpoints and keys of those that have not joined are empty.
    /// @dev Errors: `CommitteeUnknown`.
    function committee(uint256 committeeId)
        external
        view
        returns (
            uint8 threshold,
            address[] memory signers,
            string[] memory endpoints,
            bytes32[] memory hpkeKeys,
            bool isReady
        );

    /// @notice The members of an epoch, with their endpoints of today; a past epoch is never ready.
    /// @dev Errors: `CommitteeUnknown`, `EpochUnknown`.
    function committeeAtEpoch(uint256 committeeId, uint256 epoch)
        external
        view
        returns (
            uint8 threshold,
            address[] memory signers,
            string[] memory endpoints,
            bytes32[] memory hpkeKeys,
            bool isReady
        );

    /// @notice The present member at an index, and the change that waits for it.
    /// @dev Errors: `CommitteeUnknown`, `IndexInvalid`.
    function membership(uint256 committeeId, uint256 index) external view returns (MemberView memory);

    /// @notice Bond of a membership, also of one that ended.
    /// @return controller Whose it is.
    /// @return amount What is held, in the token's smallest unit or wei.
    /// @return withdrawableAt Time from which it is free, 0 unless the membership ended.
    /// @dev Errors: `CommitteeUnknown`.
    function bond(uint256 committeeId, uint256 membershipId)
        external
        view
        returns (address controller, uint256 amount, uint256 withdrawableAt);

    /// @notice A committee's terms.
    /// @dev Errors: `CommitteeUnknown`.
    function terms(uint256 committeeId) external view returns (CommitteeTerms memory);

    /// @notice The whole hash of creator, nonce, parent block, terms and first signers, of which `createCommittee`
    /// takes the number.
    /// @dev Errors: `CommitteeUnknown`.
    function identity(uint256 committeeId) external view returns (bytes32);

    /// @notice Number of committees.
    function committeeCount() external view returns (uint256);

    /// @notice Number of a committee by the order of creation, 0 to `committeeCount` - 1.
    function committeeAt(uint256 position) external view returns (uint64 committeeId);

    /// @notice Shortest `changeDelay` of a committee, in seconds.
    function minimumDelay() external view returns (uint32);
}
