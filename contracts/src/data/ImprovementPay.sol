// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Accounts} from "../Accounts.sol";
import {ICommitteeRegistry} from "../interfaces/ICommitteeRegistry.sol";
import {Funds} from "../libraries/Funds.sol";
import {Attestation} from "../types/Types.sol";
import {IDataViews} from "./interfaces/IDataViews.sol";
import {IImprovementPay} from "./interfaces/IImprovementPay.sol";
import {BundleView, CampaignView} from "./types/Campaigns.sol";

/// @title Pay for what bundles improve
/// @notice See `IImprovementPay`. Invariant, for each token: the contract holds what is left of every budget, and all credits.
contract ImprovementPay is IImprovementPay, Accounts {
    bytes32 private constant BUDGET = keccak256("gradroll/v1/data-budget");
    /// @dev Type of a member's word that it computed a table by the budget's rule.
    bytes32 private constant TABLE_TYPE =
        keccak256("ImprovementTable(bytes32 budget,bytes32 rule,bytes32 root,uint256 total)");
    uint256 private constant LONGEST = 365 days;
    /// @dev Steps of a proof: a table has fewer parts than bundles have numbers.
    uint256 private constant MAX_PROOF = 64;

    /// @inheritdoc IImprovementPay
    IDataViews public immutable data;
    mapping(bytes32 budget => Budget) private _budgets;
    /// @inheritdoc IImprovementPay
    mapping(bytes32 budget => mapping(uint256 bundle => bool)) public isPaid;

    constructor(IDataViews data_) {
        data = data_;
    }

    /// @inheritdoc IImprovementPay
    function open(
        bytes32 campaign,
        address token,
        uint256 amount,
        bytes32 rule,
        uint32 signWindow,
        uint32 claimWindow,
        uint256 nonce
    ) external payable nonReentrant returns (bytes32 budget) {
        data.campaignOf(campaign); // reverts where there is none
        if (amount == 0 || amount > type(uint128).max) revert AmountInvalid(amount);
        if (token != address(0) && !Funds.isToken(token)) revert TokenInvalid(token);
        _requireWindow(signWindow);
        _requireWindow(claimWindow);
        budget = keccak256(
            abi.encode(BUDGET, deployment, campaign, msg.sender, token, amount, rule, signWindow, claimWindow, nonce)
        );
        Budget storage state = _budgets[budget];
        if (state.sponsor != address(0)) revert BudgetExists(budget);
        (state.campaign, state.rule, state.sponsor, state.token) = (campaign, rule, msg.sender, token);
        (state.deadline, state.claimWindow) = (uint40(block.timestamp + signWindow), claimWindow);
        state.left = uint128(amount);
        emit BudgetOpened(budget, campaign, msg.sender, token, amount, rule, state.deadline, claimWindow);
        Funds.take(token, amount);
    }

    /// @inheritdoc IImprovementPay
    function sign(bytes32 budget, bytes32 root, uint256 total, Attestation[] calldata words) external nonReentrant {
        Budget storage state = _budget(budget);
        if (state.root != 0) revert TableSigned(budget);
        _requireInTime(state.deadline);
        uint256 left = state.left;
        if (root == 0 || total == 0 || total > left) revert TotalInvalid(total, left);
        CampaignView memory of_ = data.campaignOf(state.campaign);
        uint256 pending = of_.held - of_.accepted;
        if (!of_.closed || pending != 0) revert CampaignUndecided(state.campaign, pending);
        ICommitteeRegistry committees = data.committees();
        uint256 committeeId = of_.terms.committeeId;
        // Of the present epoch: members destroy keys that were rotated away.
        (,, uint256 epoch,) = committees.shape(committeeId);
        uint256 mask = committees.requireQuorum(committeeId, epoch, tableDigest(budget, root, total), words);
        uint256 claimBy = block.timestamp + state.claimWindow;
        (state.root, state.left, state.deadline) = (root, uint128(total), uint40(claimBy));
        emit TableAccepted(budget, root, total, claimBy, mask);
        _credit(state.token, state.sponsor, left - total);
    }

    /// @inheritdoc IImprovementPay
    function claim(bytes32 budget, uint256 bundle, uint256 amount, bytes32[] calldata proof) external nonReentrant {
        Budget storage state = _budget(budget);
        if (state.root == 0) revert TableMissing(budget);
        _requireInTime(state.deadline);
        bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(bundle, amount))));
        bool says = proof.length <= MAX_PROOF && MerkleProof.verifyCalldata(proof, state.root, leaf);
        if (!says) revert ClaimInvalid(bundle, amount);
        if (isPaid[budget][bundle]) revert ClaimPaid(bundle);
        if (amount > state.left) revert TotalExceeded(state.left);
        BundleView memory of_ = data.bundleOf(bundle);
        if (of_.campaign != state.campaign) revert BundleOfOther(bundle, of_.campaign);
        isPaid[budget][bundle] = true;
        state.left -= uint128(amount);
        emit Improved(budget, bundle, of_.contributor, amount);
        _credit(state.token, of_.contributor, amount);
    }

    /// @inheritdoc IImprovementPay
    function giveBack(bytes32 budget) external nonReentrant {
        Budget storage state = _budget(budget);
        if (block.timestamp <= state.deadline) revert TooEarly(state.deadline);
        uint256 amount = state.left;
        if (amount == 0) revert NothingLeft(budget);
        state.left = 0;
        emit BudgetReturned(budget, amount);
        _credit(state.token, state.sponsor, amount);
    }

    /// @inheritdoc IImprovementPay
    function tableDigest(bytes32 budget, bytes32 root, uint256 total) public view returns (bytes32) {
        return _digest(keccak256(abi.encode(TABLE_TYPE, budget, _budget(budget).rule, root, total)));
    }

    /// @inheritdoc IImprovementPay
    function budgetOf(bytes32 budget) external view returns (Budget memory) {
        return _budget(budget);
    }

    function _budget(bytes32 id) private view returns (Budget storage found) {
        found = _budgets[id];
        if (found.sponsor == address(0)) revert BudgetUnknown(id);
    }

    function _requireWindow(uint256 window) private view {
        if (window < data.minimumWindow() || window > LONGEST) revert BudgetWindowInvalid(window);
    }

    function _requireInTime(uint256 deadline) private view {
        if (block.timestamp > deadline) revert TooLate(deadline);
    }
}
