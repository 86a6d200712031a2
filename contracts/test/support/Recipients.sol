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

/// @title A recipient that refuses ether with a megabyte of data, which costs whoever copies it millions of gas
contract Bomb {
    receive() external payable {
        assembly ("memory-safe") {
            revert(0, 1000000)
        }
    }
}

/// @title A recipient, and an account, that burns all gas it is given
contract Burning {
    fallback() external payable {
        while (true) {}
    }
}

/// @title An account that is a contract, and signs with a key (ERC-1271)
contract Wallet {
    address private immutable _owner;

    constructor(address owner) {
        _owner = owner;
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        address signer = ecrecover(digest, uint8(signature[64]), bytes32(signature[:32]), bytes32(signature[32:64]));
        return signer == _owner ? bytes4(0x1626ba7e) : bytes4(0xffffffff);
    }

    receive() external payable {}
}
