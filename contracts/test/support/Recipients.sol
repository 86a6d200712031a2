// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title A recipient that calls back while it is paid
contract Reentrant {
    address private _target;
    bytes private _call;
    bool public refused;

    function arm(address target, bytes calldata call) external {
        (_target, _call) = (target, call);
    }

    receive() external payable {
        (bool ok,) = _target.call(_call);
        refused = !ok;
    }
}

/// @title A recipient that takes no ether
contract Refusing {
    error NoThanks();

    receive() external payable {
        revert NoThanks();
    }
}
