// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Snapshot} from "./support/Snapshot.sol";

/// @title Bytes of code of the contracts, and of the libraries that they are linked to, once they are deployed
contract SizeTest is Snapshot {
    /// @dev EIP-170: larger code cannot be deployed.
    uint256 private constant LIMIT = 24_576;

    function test_code_size() external {
        string[29] memory names = [
            "CommitteeRegistry",
            "Market",
            "ReferenceVerifier",
            "RollupVerifier",
            "VerifierFactory",
            "Tasks",
            "Enrolment",
            "Exclusions",
            "Payroll",
            "Fees",
            "GradedBatches",
            "Evidence",
            "AccuracyVerifier",
            "RoundingVerifier",
            "ModelRegistry",
            "ModelBounties",
            "BountyChecks",
            "ModelSales",
            "DataCampaigns",
            "DataBundles",
            "DataCases",
            "DataChallenges",
            "DataDisputes",
            "DataOpenings",
            "Jury",
            "PerceptronModel",
            "PerceptronFactory",
            "ImprovementPay",
            "ModelVersions"
        ];
        for (uint256 i = 0; i < names.length; ++i) {
            uint256 size = vm.getDeployedCode(string.concat(names[i], ".sol:", names[i])).length;
            isTrue(size != 0 && size <= LIMIT, string.concat(names[i], " has no code, or more than EIP-170 allows"));
            record(names[i], size);
        }
        settle("size");
    }
}

