// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {DataScene} from "./DataScene.sol";

/// @title Calls of campaigns that are to be refused, each as one call
abstract contract DataAttempts is DataScene {
    function tryJudged(address who, uint256 id, uint256 bundle, uint256 index, bytes memory correction) external {
        vm.prank(who);
        data.revealJudged(id, bundle, index, SALT, correction, schemaOf());
    }

    function tryDuplicate(uint256 id, uint256 bundle, uint256 index, uint256 other, uint256 place) external {
        proveDuplicate(id, bundle, index, other, place);
    }

    function trySchema(uint256 id, uint256 bundle, uint256 index) external {
        proveSchema(id, bundle, index);
    }
}
