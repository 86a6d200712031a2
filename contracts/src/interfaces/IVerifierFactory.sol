// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Factory of verifiers
/// @notice Makes a verifier from the code of a policy family and a key, and from nothing else. Families are fixed when the
/// factory is created; nobody owns it. A market takes verifiers of its factory only, so that a model owner chooses a key
/// and not what verification is.
///
/// Nobody has to trust a factory, or the node that shows it: a verifier's address is that of CREATE2 (EIP-1014) for
/// factory, salt 0 and the family's creation code with the key behind it. Who has the code and the key of a release
/// computes the address and compares; factory and key may be read from the verifier (`IVerifier`), since they are in it.
interface IVerifierFactory {
    /// @notice A family's creation code is empty or longer than a data contract holds (24,575 bytes). The factory has to be
    /// created with other codes.
    error FamilyCodeInvalid(uint256 family, uint256 length);
    /// @notice No family has this number; they are 0 to `familyCount() - 1`.
    error FamilyUnknown(uint256 family);
    /// @notice The key is not encoded as ABI encoders do it (bytes behind it, an offset of its own): with several encodings a
    /// key would have several addresses. Encode the family's constructor arguments canonically.
    error KeyNotCanonical();
    /// @notice The verifier of this family and key is there already; use it.
    error VerifierExists(address verifier);
    /// @notice This factory has not made the contract. Create the verifier first.
    error VerifierUnknown(address verifier);

    /// @notice A verifier was made.
    event VerifierCreated(uint256 indexed family, address indexed verifier, bytes32 indexed policyKeyHash);

    /// @notice Makes the verifier of a key; anybody may.
    /// @dev Reverts also with what the family's constructor reverts with (`PolicyKey.KeyInvalid`, `BN254.GasInsufficient`),
    /// or with OpenZeppelin's `Errors.FailedDeployment` when it says nothing, for lack of gas (some 2.5 million are needed) or
    /// because the key is no ABI encoding at all.
    /// @param family Number of the policy family.
    /// @param key ABI-encoded arguments of the family's constructor.
    /// @return verifier Its address, the same for anybody and at any time.
    function create(uint256 family, bytes calldata key) external returns (address verifier);

    /// @notice Whether this factory made the contract.
    function isVerifier(address verifier) external view returns (bool);

    /// @notice The family of a verifier that this factory made.
    function familyOf(address verifier) external view returns (uint256 family);

    /// @notice Number of families.
    function familyCount() external view returns (uint256);

    /// @notice Where a family's creation code is, and its hash.
    /// @return pointer Contract whose code is a STOP followed by the creation code.
    /// @return codeHash Keccak-256 of the creation code, without any key.
    function familyCode(uint256 family) external view returns (address pointer, bytes32 codeHash);
}
