// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {Money} from "./Money.sol";

/// @title Signatures of accounts, which may be contracts
/// @dev OpenZeppelin's `SignatureChecker` hands a contract all gas: one that burns it would cost whoever carries out orders
/// of many.
library AccountSignatures {
    /// @dev Gas for a contract's check; a passkey's curve without a precompile needs some 350,000.
    uint256 private constant CHECK_GAS = 500_000;

    /// @notice Whether an account signed a digest: by its key, also where code was delegated to it (EIP-7702), or as
    /// a contract says (ERC-1271).
    function isSigned(address account, bytes32 digest, bytes calldata signature) internal view returns (bool signed) {
        (address recovered, ECDSA.RecoverError wrong,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (wrong == ECDSA.RecoverError.NoError && recovered == account) return true;
        if (account.code.length == 0) return false;
        Money.requireGas(CHECK_GAS);
        bytes memory question = abi.encodeCall(IERC1271.isValidSignature, (digest, signature));
        bytes32 magic = IERC1271.isValidSignature.selector;
        assembly ("memory-safe") {
            let ok := staticcall(CHECK_GAS, account, add(question, 0x20), mload(question), 0, 0x20)
            signed := and(ok, and(gt(returndatasize(), 0x1f), eq(mload(0), magic)))
        }
    }
}
