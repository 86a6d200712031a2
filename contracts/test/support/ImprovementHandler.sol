// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IImprovementPay} from "../../src/data/interfaces/IImprovementPay.sol";
import {Arbiter} from "../../src/data/types/Campaigns.sol";
import {ImprovementScene} from "./ImprovementScene.sol";
import {Token} from "./Tokens.sol";

/// @title Random calls of budgets, in ether and in a token, by sponsors of which one contributes as well
/// @dev A quorum signs tables of four parts, the last of them another campaign's, and at times less than their sum.
contract ImprovementHandler is ImprovementScene {
    struct Table {
        uint256[4] amounts;
        uint256 kind;
        uint256 paid;
        uint256 amount;
    }

    uint256[4] private _bundles;
    address[2] private _tokens;
    bytes32[] private _budgets;
    mapping(bytes32 budget => Table) private _tables;
    mapping(bytes32 budget => mapping(uint256 part => uint256)) private _claims;
    mapping(string call => uint256) public count;
    uint256[2] private _in;
    uint256[2] private _out;

    constructor() {
        stageData();
        openCampaign(Arbiter.Owner);
        bytes32 own = campaign;
        for (uint256 i = 0; i < 3; ++i) {
            _bundles[i] = settled(_account(i), 5 * i);
        }
        openCampaign(Arbiter.Owner);
        _bundles[3] = settled(MALLORY, 15);
        campaign = own;
        closeCampaign();
        deployPay();
        _tokens[1] = address(new Token());
    }

    function doOpen(uint256 kind, uint256 who, uint256 amount, uint256 window) external {
        if (_going() >= 4) return;
        (kind, amount) = (kind % 2, 1 + amount % 100);
        address sponsor = _account(2 + who % 3);
        vm.deal(sponsor, sponsor.balance + amount);
        Token(_tokens[1]).mint(sponsor, amount);
        vm.prank(sponsor);
        Token(_tokens[1]).approve(address(pay), amount);
        uint32 signWindow = uint32(WINDOW + window % 4 hours);
        vm.prank(sponsor);
        bytes32 budget = pay.open{value: kind == 0 ? amount : 0}(
            campaign, _tokens[kind], amount, RULE, signWindow, 1 days, _budgets.length
        );
        _budgets.push(budget);
        (_tables[budget].kind, _tables[budget].amount) = (kind, amount);
        _in[kind] += amount;
        ++count["open"];
    }

    function doSign(uint256 which, uint256 luck) external {
        bytes32 budget = _find(which, true);
        uint256 left = pay.budgetOf(budget).left;
        uint256 total = 0;
        for (uint256 i = 0; i < 4; ++i) {
            uint256 part = (luck >> (16 * i)) % (left / 3 + 1);
            _tables[budget].amounts[i] = part;
            total += part;
        }
        if (luck % 4 == 0) total = total / 2; // a table that says more than its sum
        if (total > left) total = left;
        bytes32 root = _rootOf(_tables[budget].amounts);
        pay.sign(budget, root, total, wordsFor(budget, root, total, QUORUM));
        ++count["sign"];
    }

    function doClaim(uint256 which, uint256 part) external {
        bytes32 budget = _find(which, false);
        part %= 4;
        Table storage table = _tables[budget];
        pay.claim(budget, _bundles[part], table.amounts[part], _proofOf(table.amounts, part));
        table.paid += table.amounts[part];
        ++_claims[budget][part];
        ++count["claim"];
    }

    function doGiveBack(uint256 which, uint256 luck) external {
        bytes32 budget = _find(which, luck % 2 == 0);
        uint256 deadline = pay.budgetOf(budget).deadline;
        if (luck % 4 < 2 && vm.getBlockTimestamp() <= deadline) vm.warp(deadline + 1);
        pay.giveBack(budget);
        ++count["giveBack"];
    }

    function doCollect(uint256 kind, uint256 who) external {
        address account = _account(who % 5);
        _out[kind % 2] += pay.collect(_tokens[kind % 2], account, account);
        ++count["collect"];
    }

    function doPass(uint256 time) external {
        elapse(time % 30 minutes);
    }

    function held(uint256 kind) external view returns (uint256) {
        return kind == 0 ? address(pay).balance : Token(_tokens[1]).balanceOf(address(pay));
    }

    /// @dev What is left of budgets, and what is credited.
    function liabilities(uint256 kind) external view returns (uint256 sum) {
        for (uint256 i = 0; i < _budgets.length; ++i) {
            if (_tables[_budgets[i]].kind == kind) sum += pay.budgetOf(_budgets[i]).left;
        }
        for (uint256 i = 0; i < 5; ++i) {
            sum += pay.owed(_tokens[kind], _account(i));
        }
    }

    function moved(uint256 kind) external view returns (uint256) {
        return _in[kind] - _out[kind];
    }

    /// @dev Whether each part was paid once at most, none of another campaign's, and all together what was put up at most.
    function paysHold() external view returns (bool hold) {
        hold = true;
        for (uint256 i = 0; i < _budgets.length; ++i) {
            bytes32 budget = _budgets[i];
            hold = hold && _tables[budget].paid <= _tables[budget].amount && _claims[budget][3] == 0;
            for (uint256 part = 0; part < 3; ++part) {
                hold = hold && _claims[budget][part] <= 1;
                hold = hold && pay.isPaid(budget, _bundles[part]) == (_claims[budget][part] == 1);
            }
        }
    }

    /// @dev A budget from a place on that has no table, or that has one, and of which something is left.
    function _find(uint256 which, bool unsigned) private view returns (bytes32 budget) {
        for (uint256 i = 0; i < _budgets.length; ++i) {
            budget = _budgets[(which % _budgets.length + i) % _budgets.length];
            IImprovementPay.Budget memory state = pay.budgetOf(budget);
            if ((state.root == 0) == unsigned && state.left != 0) return budget;
        }
        revert("no such budget");
    }

    function _going() private view returns (uint256 sum) {
        for (uint256 i = 0; i < _budgets.length; ++i) {
            if (pay.budgetOf(_budgets[i]).left != 0) ++sum;
        }
    }

    function _leaves(uint256[4] memory amounts) private view returns (bytes32[4] memory leaves) {
        for (uint256 i = 0; i < 4; ++i) {
            leaves[i] = leafOf(_bundles[i], amounts[i]);
        }
    }

    function _rootOf(uint256[4] memory amounts) private view returns (bytes32) {
        bytes32[4] memory leaves = _leaves(amounts);
        return nodeOf(nodeOf(leaves[0], leaves[1]), nodeOf(leaves[2], leaves[3]));
    }

    function _proofOf(uint256[4] memory amounts, uint256 part) private view returns (bytes32[] memory proof) {
        bytes32[4] memory leaves = _leaves(amounts);
        proof = new bytes32[](2);
        proof[0] = leaves[part ^ 1];
        proof[1] = part < 2 ? nodeOf(leaves[2], leaves[3]) : nodeOf(leaves[0], leaves[1]);
    }

    /// @dev Contributors are 0 to 2, sponsors 2 to 4.
    function _account(uint256 i) private pure returns (address) {
        return address(uint160(0xACC0 + i));
    }
}
