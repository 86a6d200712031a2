// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Create2} from "@openzeppelin/contracts/utils/Create2.sol";
import {SSTORE2} from "solady/utils/SSTORE2.sol";
import {IVerifier} from "./interfaces/IVerifier.sol";
import {IVerifierFactory} from "./interfaces/IVerifierFactory.sol";

/// @title Factory of verifiers
/// @notice See `IVerifierFactory`.
contract VerifierFactory is IVerifierFactory {
    /// @dev EIP-170, less the STOP in front of what a data contract holds.
    uint256 private constant MAX_CODE = 24_575;

    /// @dev A family's creation code, as data.
    struct Family {
        address pointer;
        bytes32 codeHash;
    }

    Family[] private _families;
    mapping(address verifier => uint256) private _familyPlusOne;

    /// @param codes Creation code of every family, family 0 first. A constructor takes the key, and nothing else.
    constructor(bytes[] memory codes) {
        for (uint256 i = 0; i < codes.length; ++i) {
            bytes memory code = codes[i];
            if (code.length == 0 || code.length > MAX_CODE) revert FamilyCodeInvalid(i, code.length);
            _families.push(Family({pointer: SSTORE2.write(code), codeHash: keccak256(code)}));
        }
    }

    /// @inheritdoc IVerifierFactory
    function create(uint256 family, bytes calldata key) external returns (address verifier) {
        bytes memory creation = bytes.concat(SSTORE2.read(_family(family).pointer), key);
        verifier = Create2.computeAddress(0, keccak256(creation));
        if (_familyPlusOne[verifier] != 0) revert VerifierExists(verifier);
        _familyPlusOne[verifier] = family + 1;
        Create2.deploy(0, 0, creation);
        if (keccak256(abi.encode(IVerifier(verifier).key())) != keccak256(key)) revert KeyNotCanonical();
        emit VerifierCreated(family, verifier, IVerifier(verifier).policyKeyHash());
    }

    /// @inheritdoc IVerifierFactory
    function isVerifier(address verifier) external view returns (bool) {
        return _familyPlusOne[verifier] != 0;
    }

    /// @inheritdoc IVerifierFactory
    function familyOf(address verifier) external view returns (uint256 family) {
        uint256 plusOne = _familyPlusOne[verifier];
        if (plusOne == 0) revert VerifierUnknown(verifier);
        return plusOne - 1;
    }

    /// @inheritdoc IVerifierFactory
    function familyCount() external view returns (uint256) {
        return _families.length;
    }

    /// @inheritdoc IVerifierFactory
    function familyCode(uint256 family) external view returns (address pointer, bytes32 codeHash) {
        Family storage found = _family(family);
        return (found.pointer, found.codeHash);
    }

    function _family(uint256 family) private view returns (Family storage) {
        if (family >= _families.length) revert FamilyUnknown(family);
        return _families[family];
    }
}
