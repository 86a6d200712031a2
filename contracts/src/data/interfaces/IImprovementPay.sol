// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../interfaces/IAccounts.sol";
import {Attestation} from "../../types/Types.sol";
import {IDataViews} from "./IDataViews.sol";

/// @title Pay for what bundles improve
/// @notice Whoever wants to puts up a budget for a campaign and names a rule that everybody can compute: what is trained, from where,
/// and how it is scored. When the campaign is closed and decided and its tests are shown, members of its committee compute the
/// table of (bundle, amount), and a quorum of them signs its root. Contributors then prove their part. What was not
/// signed or not claimed in time goes back to who put it up. A quorum that signs a false table can pay the budget to whom of
/// the contributors it likes, and nobody else; anybody can compute that it did.
interface IImprovementPay is IAccounts {
    /// @notice An amount is 1 to 2^128 - 1.
    error AmountInvalid(uint256 amount);
    /// @notice The token does not answer like an ERC-20. Name one that does, or 0 for ether.
    error TokenInvalid(address token);
    /// @notice A window is at least the campaigns' shortest, and at most a year.
    error BudgetWindowInvalid(uint256 window);
    /// @notice There is this budget already. Take another nonce.
    error BudgetExists(bytes32 budget);
    /// @notice No budget has this identifier.
    error BudgetUnknown(bytes32 budget);
    /// @notice The campaign is open, or some of its samples are pending.
    error CampaignUndecided(bytes32 campaign, uint256 pending);
    /// @notice The budget's table is signed, and stays.
    error TableSigned(bytes32 budget);
    /// @notice There is no table. A quorum of the committee signs one.
    error TableMissing(bytes32 budget);
    /// @notice The table pays more than the budget, or nothing.
    error TotalInvalid(uint256 total, uint256 budget);
    /// @notice The time for this is over; it was `deadline`.
    error TooLate(uint256 deadline);
    /// @notice The time for this has not come; it is after `deadline`.
    error TooEarly(uint256 deadline);
    /// @notice The table does not say this.
    error ClaimInvalid(uint256 bundle, uint256 amount);
    /// @notice The bundle's part was paid.
    error ClaimPaid(uint256 bundle);
    /// @notice The bundle is another campaign's.
    error BundleOfOther(uint256 bundle, bytes32 campaign);
    /// @notice The parts are more than the total that was signed; this one goes beyond `left`.
    error TotalExceeded(uint256 left);
    /// @notice Nothing is left.
    error NothingLeft(bytes32 budget);

    /// @notice A budget was put up.
    /// @param rule Digest of the rule, see `Budget`.
    event BudgetOpened(
        bytes32 indexed budget,
        bytes32 indexed campaign,
        address indexed sponsor,
        address token,
        uint256 amount,
        bytes32 rule,
        uint256 signBy,
        uint256 claimWindow
    );
    /// @notice A quorum signed a table.
    event TableAccepted(bytes32 indexed budget, bytes32 root, uint256 total, uint256 claimBy, uint256 signers);
    /// @notice A bundle's part was credited.
    event Improved(bytes32 indexed budget, uint256 indexed bundle, address contributor, uint256 amount);
    /// @notice What was left went back.
    event BudgetReturned(bytes32 indexed budget, uint256 amount);

    /// @notice A budget.
    /// @param rule Keccak-256 of the rule's text, which names model, width of weights, margin and tests.
    /// @param deadline Last second to sign a table; then to claim.
    /// @param root Root of the table, 0 before.
    /// @param left What is not paid: of the budget, then of the total.
    struct Budget {
        bytes32 campaign;
        bytes32 rule;
        bytes32 root;
        address sponsor;
        uint40 deadline;
        uint32 claimWindow;
        address token;
        uint128 left;
    }

    /// @notice Puts up a budget.
    /// @param signWindow Seconds from now in which a table is to be signed: the campaign's time and some more.
    /// @param claimWindow Seconds from then in which parts are to be claimed.
    /// @dev Errors: `AmountInvalid`, `TokenInvalid`, `BudgetWindowInvalid`, `BudgetExists`, `CampaignUnknown`, those of `Funds`.
    function open(
        bytes32 campaign,
        address token,
        uint256 amount,
        bytes32 rule,
        uint32 signWindow,
        uint32 claimWindow,
        uint256 nonce
    ) external payable returns (bytes32 budget);

    /// @notice Takes the table that a quorum of the campaign's committee signed. What it does not pay goes back at once.
    /// @param total Sum of all parts.
    /// @dev Errors: `BudgetUnknown`, `TableSigned`, `TooLate`, `CampaignUndecided`, `TotalInvalid`, those of the registry.
    function sign(bytes32 budget, bytes32 root, uint256 total, Attestation[] calldata words) external;

    /// @notice Credits a bundle's part to its contributor. Anybody may call.
    /// @dev Errors: `TableMissing`, `TooLate`, `ClaimInvalid`, `ClaimPaid`, `BundleOfOther`, `TotalExceeded`.
    function claim(bytes32 budget, uint256 bundle, uint256 amount, bytes32[] calldata proof) external;

    /// @notice Gives back what was not signed, or not claimed, in time. Anybody may call.
    /// @dev Errors: `BudgetUnknown`, `TooEarly`, `NothingLeft`.
    function giveBack(bytes32 budget) external;

    /// @notice What members sign of a table.
    function tableDigest(bytes32 budget, bytes32 root, uint256 total) external view returns (bytes32);

    /// @notice A budget.
    function budgetOf(bytes32 budget) external view returns (Budget memory);

    /// @notice Whether a bundle's part was paid.
    function isPaid(bytes32 budget, uint256 bundle) external view returns (bool);

    /// @notice The campaigns' contract.
    function data() external view returns (IDataViews);
}
