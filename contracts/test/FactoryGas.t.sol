// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IVerifierFactory} from "../src/interfaces/IVerifierFactory.sol";
import {Snapshot} from "./support/Snapshot.sol";

/// @title Gas of the whole transaction that makes a verifier for a key
contract FactoryGasTest is Snapshot {
    /// forge-config: default.isolate = true
    function test_factory_gas() external {
        bytes[] memory codes = new bytes[](1);
        codes[0] = creationOf("RollupVerifier", "");
        IVerifierFactory factory = IVerifierFactory(create(creationOf("VerifierFactory", abi.encode(codes))));
        factory.create(0, abi.encode(keyOf("gas_64")));
        record("create", vm.lastCallGas().gasTotalUsed);
        settle("factory");
    }
}
