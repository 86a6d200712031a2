// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {MemberWord} from "./MemberWord.sol";

/// @notice Terms of a committee, fixed when it is created.
/// @param threshold t: that many colluding members learn nothing. t >= 1 and 2t + 1 <= N <= 32.
/// @param bondToken Token in which members bond, 0 for ether. No token whose balances change by themselves.
/// @param bond What every member bonds when it joins, in the token's smallest unit or wei. Rule: at least the fees that
/// a member earns in an unbonding period, and the largest open escrow / (t + 1).
/// @param changeDelay Seconds from a proposed change of a member to its taking effect.
/// @param unbondingDelay Seconds from the end of a membership to the return of its bond, until which it can be slashed.
/// Rule: longer than a round's windows, the depth of finality and the time for which provers retain sums together, and
/// a week more to find evidence and to get it into a block: a member that leaves as soon as it has signed must still be
/// there when the other signature turns up, which may be with the last batch, or the last share of a sum.
struct CommitteeTerms {
    uint8 threshold;
    address bondToken;
    uint128 bond;
    uint32 changeDelay;
    uint32 unbondingDelay;
}

/// @notice The member at an index as the registry reports it.
/// @param membershipId Running number in the committee of its stay, under which its bond is kept.
/// @param signer Address that attests.
/// @param controller Account that rotates, revokes and retires, and to which the bond belongs; zero before it joined.
/// @param endpoint Where it listens.
/// @param hpkeKey X25519 key under which shares are sealed to it.
/// @param since Epoch from which this signer sits here.
/// @param joined Whether it published its key and paid its bond.
/// @param revoked Whether this signer's attestations count no more.
/// @param bond What is held for it, in the token's smallest unit or wei.
/// @param withdrawableAt Time from which the bond is free; 0 unless it retired.
/// @param replacements Replacements that the others signed for this index so far: the nonce of the next.
/// @param pending Change that waits.
struct MemberView {
    uint256 membershipId;
    address signer;
    address controller;
    string endpoint;
    bytes32 hpkeKey;
    uint256 since;
    bool joined;
    bool revoked;
    uint256 bond;
    uint256 withdrawableAt;
    uint256 replacements;
    ChangeView pending;
}

/// @notice A change of a member that waits to be applied.
/// @param due Time from which it may be applied; 0 when there is none.
/// @param signer The signer that will sit there.
/// @param hpkeKey Its key; zero for a replacement that has not joined yet.
/// @param membershipId The member's own number when it rotates its keys, a new one when the others replace it.
/// @param joined Whether that membership has joined: a replacement must before it is applied.
struct ChangeView {
    uint256 due;
    address signer;
    bytes32 hpkeKey;
    uint256 membershipId;
    bool joined;
}

/// @dev One signer's and key's time at an index: to come, present or past.
/// @param ended Its word, when it is past.
struct Tenure {
    bytes32 hpkeKey;
    uint32 membershipId;
    MemberWord ended;
}

/// @dev A controller's stay in a committee, over all the keys that it rotates through.
/// @param withdrawableAt Time from which the bond is free; 0 as long as the stay has not ended.
/// @param slashed Whether it misbehaved on record: then anybody may revoke the keys that it had.
/// @param bond What is still held.
struct Membership {
    address controller;
    uint40 withdrawableAt;
    uint8 index;
    bool joined;
    bool slashed;
    uint128 bond;
    string endpoint;
}

/// @dev Tenure for which a signer is known in a committee. A signer has one at most, ever: a key that was revoked or
/// given up does not come back, at no index.
struct Place {
    bool known;
    uint8 index;
    uint32 tenure;
}

/// @dev The next tenure at an index, if `due` is not 0, and how many replacements were signed for the index.
struct Change {
    address signer;
    uint40 due;
    uint32 replacements;
}

/// @dev A committee in storage.
/// @param identity The whole hash of which the committee's number is a part.
/// @param complete Whether it was ready once: from then on keys change by rotation only.
/// @param epoch Present epoch.
/// @param able Bit set of the indices whose members joined, have not retired and are not revoked.
/// @param memberships Memberships so far, those to come included.
/// @param members Present members, at the first N places: an attestation's index, a byte, is in the array without a check.
struct Committee {
    CommitteeTerms terms;
    bytes32 identity;
    uint8 size;
    bool complete;
    uint32 epoch;
    uint32 able;
    uint32 memberships;
    MemberWord[256] members;
    mapping(address signer => Place) places;
    mapping(uint256 index => mapping(uint256 number => Tenure)) tenures;
    mapping(uint256 index => Change) changes;
    mapping(uint256 membershipId => Membership) stays;
}
