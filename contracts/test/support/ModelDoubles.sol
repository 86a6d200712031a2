// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IVerifierFactory} from "../../src/interfaces/IVerifierFactory.sol";
import {AccuracyProof, RoundingProof} from "../../src/models/types/ModelProofs.sol";
import {RoundView} from "../../src/types/Types.sol";

/// @dev Says of contracts of the tests, which stand at addresses of choice, that it made them, and which family they are of. The real
/// factory has tests of its own.
contract FamilyFactory {
    mapping(address verifier => uint256) private _familyPlusOne;

    function approve(address verifier, uint256 family) external {
        _familyPlusOne[verifier] = family + 1;
    }

    function familyOf(address verifier) external view returns (uint256) {
        if (_familyPlusOne[verifier] == 0) revert IVerifierFactory.VerifierUnknown(verifier);
        return _familyPlusOne[verifier] - 1;
    }
}

/// @dev Believes every proof, for tests of what the registry does around it. So does a sound verifier what whoever made its key
/// proves.
contract BelievingAccuracyVerifier {
    function verify(bytes32, uint256[2] calldata, uint256[2][] calldata, AccuracyProof calldata proof)
        external
        pure
        returns (uint256 correct)
    {
        for (uint256 i = 0; i < proof.chunks.length; ++i) {
            correct += proof.chunks[i].correct;
        }
    }
}

/// @dev The same for roundings.
contract BelievingRoundingVerifier {
    function verify(bytes32, bytes32, uint256[2] calldata, RoundingProof calldata) external pure {}
}

/// @dev A market with the aggregates that it is told.
contract RoundsOfAggregates {
    error RoundUnknown(uint256 taskId, uint256 round);

    mapping(uint256 task => mapping(uint256 round => RoundView)) private _rounds;
    mapping(uint256 task => mapping(uint256 round => bool)) private _known;

    function tell(uint256 task, uint256 number, uint256 x, uint256 y, bool finalized) external {
        RoundView storage told = _rounds[task][number];
        (told.aggregateX, told.aggregateY, told.finalized) = (x, y, finalized);
        _known[task][number] = true;
    }

    function round(uint256 task, uint256 number) external view returns (RoundView memory) {
        if (!_known[task][number]) revert RoundUnknown(task, number);
        return _rounds[task][number];
    }
}
