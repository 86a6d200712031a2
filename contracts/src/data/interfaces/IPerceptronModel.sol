// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {SampleProof, SampleSchema} from "../types/Samples.sol";
import {IDataViews} from "./IDataViews.sol";
import {ISampleModel} from "./ISampleModel.sol";

/// @title A perceptron that trains in its contract, on the accepted samples of one campaign
/// @notice Anybody brings the samples, in the order of the campaign's log of decisions and, of a bundle, of their places; the
/// contract takes each once, and only as it was decided. So nobody chooses what the model is: it follows from the log. When all of
/// the campaign is decided and trained on, hidden tests are shown, after which the model changes no more, and is scored on them.
///
/// Nobody owns it and it holds no money. It is worth what the campaign's review is worth. If a quorum of the committee vouched for a
/// leaf that nobody can show, and nobody challenged it, training waits before it: somebody reports it, and when it was not trained on
/// within seven days, it is passed over. So the model follows from the log and from what was passed over.
///
/// A root may have two leaves at a place, of which who trains or scores takes one: a lying quorum's bundle, or the owner's initial
/// data and tests, for which nobody vouches. Who has the file builds another root from it. It predicts when it changes no more,
/// and as arbiter of another campaign leaves cases to the jury until then: else who opens a case would choose how far it is.
interface IPerceptronModel is ISampleModel {
    /// @notice A part of the model is out of range: two classes or more, arrays, at most 1,024 weights of 16 or 32 bits.
    error ModelInvalid(string part);
    /// @notice There is nothing to train on now: all decisions of the log were trained on.
    error NothingToTrain();
    /// @notice The sample is not the next one. `next` tells which is.
    error SampleNotNext(uint256 bundle, uint256 index);
    /// @notice The sample is reported. Train on it by `deadline`; after that anybody may pass it over, unless it was trained on.
    error ReportPending(uint256 deadline);
    /// @notice Nobody reported the sample. Report it first.
    error NotReported(uint256 bundle, uint256 index);
    /// @notice The tests were shown: the model changes no more.
    error TestsShown();
    /// @notice Tests are shown when the campaign is closed, all of it is decided, and all of that is trained on.
    error NotTrained(uint256 position, uint256 decisions, uint256 pending);
    /// @notice These groups are not what the campaign's owner committed to.
    error TestsMismatch(bytes32 commitment);
    /// @notice There are 1 to 64 groups; this is none of them.
    error GroupInvalid(uint256 group, uint256 groups);
    /// @notice The group was shown before.
    error GroupShown(uint256 group);
    /// @notice The group was not shown, or all its samples are scored.
    error NothingToScore(uint256 group);
    /// @notice The sample is not the next of its group.
    error TestNotNext(uint256 group, uint256 index);
    /// @notice A sample has another length than the model's.
    error SampleInvalid(uint256 length);

    /// @notice Samples were trained on.
    /// @param trained How many by now.
    /// @param changed How many of these changed weights.
    /// @param position Decision that comes next.
    /// @param index Place in its bundle that comes next.
    event Trained(uint256 trained, uint256 changed, uint256 position, uint256 index);
    /// @notice Somebody says that nobody can show the sample that is next.
    /// @param deadline Last second before it may be passed over.
    event MissingReported(uint256 indexed bundle, uint256 index, uint256 deadline);
    /// @notice A sample was passed over that was accepted: it does not fit, and nobody challenged it, or it was reported and nobody
    /// showed it in time.
    event PassedOver(uint256 indexed bundle, uint256 index);
    /// @notice A group of tests was shown.
    event TestsOpened(uint256 indexed group, bytes32 root, bytes32 contentDigest, uint256 count);
    /// @notice Tests were scored.
    /// @param scored How many of the group by now.
    /// @param right How many of those are predicted as they are labelled.
    event Scored(uint256 indexed group, uint256 scored, uint256 right);

    /// @notice A group of hidden tests.
    /// @param root Root over its samples, 0 before it is shown.
    /// @param count Its samples.
    /// @param scored How many were scored.
    /// @param right How many of those are right.
    struct Tests {
        bytes32 root;
        uint32 count;
        uint32 scored;
        uint32 right;
    }

    /// @notice Trains on the next samples, in order. A corrected sample is shown without a proof.
    /// @dev Errors: `TestsShown`, `NothingToTrain`, `SampleNotNext`, `SchemaMismatch`.
    function train(SampleProof[] calldata samples, SampleSchema calldata schema) external;

    /// @notice Goes on over what is not trained on, at most so many steps; `train` does so by itself, as long as gas lasts.
    /// @dev Errors: `TestsShown`.
    function advance(uint256 steps) external;

    /// @notice Says that nobody can show the sample that is next. Training on it takes that back.
    /// @param position Its decision.
    /// @param index Its place in its bundle, as `next` tells.
    /// @dev Seven days later it may be passed over. Errors: `TestsShown`, `NothingToTrain`, `SampleNotNext`, `ReportPending`.
    function reportMissing(uint256 position, uint256 index) external;

    /// @notice Passes over the sample that is next, after the deadline of its report.
    /// @dev Errors: `TestsShown`, `NothingToTrain`, `SampleNotNext`, `NotReported`, `ReportPending`.
    function passOver(uint256 position, uint256 index) external;

    /// @notice Shows a group of hidden tests. Only who knows its salt can; the first ends training.
    /// @param leaves Leaves of all groups, 1 to 64.
    /// @dev Errors: `NotTrained`, `TestsMismatch`, `GroupInvalid`, `GroupShown`.
    function showTests(
        bytes32[] calldata leaves,
        uint256 group,
        bytes32 salt,
        bytes32 root,
        bytes32 contentDigest,
        uint32 count
    ) external;

    /// @notice Scores the next samples of a group. One that does not fit the schema counts as wrong.
    /// @dev Errors: `NothingToScore`, `TestNotNext`, `SchemaMismatch`.
    function score(uint256 group, SampleProof[] calldata samples, SampleSchema calldata schema) external;

    /// @notice The sample that is to be trained on next.
    /// @return position Decision; the length of the log if there is none.
    /// @return bundle Its bundle, 0 for initial data.
    /// @return index Its place in it.
    function next() external view returns (uint256 position, uint256 bundle, uint256 index);

    /// @notice Deadline of the report of the sample that is next, 0 if nobody reported it.
    function reportedUntil() external view returns (uint256 deadline);

    /// @notice All weights, class by class: of each feature, and of the one that is always 1.
    function weights() external view returns (int256[] memory);

    /// @notice How many samples were trained on.
    function trained() external view returns (uint256);

    /// @notice A group of tests.
    function testsOf(uint256 group) external view returns (Tests memory);

    /// @notice The campaigns' contract.
    function data() external view returns (IDataViews);

    /// @notice The campaign that it trains on.
    function campaign() external view returns (bytes32);
}
