// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Whatever a verifier answers, until somebody changes it
contract Delegating {
    error Refused();

    address private immutable _verifier;

    constructor(address verifier) {
        _verifier = verifier;
    }

    fallback(bytes calldata call) external returns (bytes memory answer) {
        bool ok;
        (ok, answer) = _verifier.delegatecall(call);
        if (!ok) revert Refused();
    }
}

/// @title A contract that is created with anything, and says nothing about it
contract Keyless {}
