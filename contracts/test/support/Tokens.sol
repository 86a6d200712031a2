// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @title A token as the standard has it, that anybody may mint
contract Token is ERC20("Token", "TKN") {
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}

/// @title No token to pay with: it has balances, and moves a token's number for an amount
contract Collectible is ERC721("Collectible", "ONE") {
    function mint(address to, uint256 number) external {
        _mint(to, number);
    }
}

/// @title No token either: balances that nobody can move
contract Points {
    mapping(address account => uint256) public balanceOf;
}

/// @title A token that keeps a hundredth of every transfer
contract FeeToken is Token {
    function _update(address from, address to, uint256 amount) internal override {
        if (from == address(0) || to == address(0)) return super._update(from, to, amount);
        uint256 fee = amount / 100;
        super._update(from, address(0), fee);
        super._update(from, to, amount - fee);
    }
}

/// @title A token that says yes and moves nothing
contract LyingToken is Token {
    function transfer(address, uint256) public pure override returns (bool) {
        return true;
    }

    function transferFrom(address, address, uint256) public pure override returns (bool) {
        return true;
    }
}

/// @title A token that says no, instead of reverting, when it is told to
contract FalseToken is Token {
    bool private _refuses;

    function refuse(bool refuses) external {
        _refuses = refuses;
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        return !_refuses && super.transfer(to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        return !_refuses && super.transferFrom(from, to, amount);
    }
}

/// @title A token whose transfers return nothing, as some of the oldest do
contract SilentToken {
    mapping(address account => uint256) public balanceOf;
    mapping(address account => mapping(address spender => uint256)) public allowance;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function approve(address spender, uint256 amount) external {
        allowance[msg.sender][spender] = amount;
    }

    function transfer(address to, uint256 amount) external {
        _move(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) external {
        allowance[from][msg.sender] -= amount;
        _move(from, to, amount);
    }

    function _move(address from, address to, uint256 amount) private {
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }
}

/// @title A token that calls somebody in the midst of every transfer, as ERC-777 lets one arrange
contract HookToken is Token {
    address private _target;
    bytes private _call;
    uint256 public calls;
    bool public refused;
    bytes4 public answer;

    function arm(address target, bytes calldata call) external {
        (_target, _call) = (target, call);
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (_target == address(0) || from == address(0)) return;
        ++calls;
        (bool ok, bytes memory data) = _target.call(_call);
        (refused, answer) = (!ok, bytes4(data));
    }
}

/// @title A token that fails with a megabyte of data, for an account that it does not like
contract BombToken is Token {
    address private _disliked;

    function dislike(address account) external {
        _disliked = account;
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (to == _disliked && to != address(0)) {
            assembly ("memory-safe") {
                revert(0, 1000000)
            }
        }
        super._update(from, to, amount);
    }
}

/// @title A token that burns all gas for an account that it does not like
contract GasBurningToken is Token {
    address private _disliked;

    function dislike(address account) external {
        _disliked = account;
    }

    function _update(address from, address to, uint256 amount) internal override {
        while (to == _disliked && to != address(0)) {}
        super._update(from, to, amount);
    }
}

/// @title A token whose allowances can be signed (EIP-2612)
contract PermitToken is Token, ERC20Permit("Token") {}

/// @title A token in a mood: it moves what it says, but may say no, fail, burn all gas or call somebody
contract MoodyToken is Token {
    enum Mood {
        Fine,
        SaysFalse,
        Reverts,
        BurnsGas,
        Calls
    }

    error NotToday();

    Mood private _mood;
    address private _target;
    bytes private _call;

    function feel(Mood mood, address target, bytes calldata call) external {
        (_mood, _target, _call) = (mood, target, call);
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        if (_mood == Mood.SaysFalse) return false;
        if (_mood == Mood.Reverts) revert NotToday();
        while (_mood == Mood.BurnsGas) {}
        return super.transfer(to, amount);
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (_mood != Mood.Calls || from == address(0)) return;
        (bool ok,) = _target.call(_call);
        ok; // whatever comes of it
    }
}
