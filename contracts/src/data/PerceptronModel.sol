// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDataViews} from "./interfaces/IDataViews.sol";
import {IPerceptronModel} from "./interfaces/IPerceptronModel.sol";
import {ISampleModel} from "./interfaces/ISampleModel.sol";
import {Perceptrons} from "./libraries/Perceptrons.sol";
import {SampleSchemas} from "./libraries/SampleSchemas.sol";
import {ALL_SAMPLES, CampaignView, Decision, DisputeStage, Outcome} from "./types/Campaigns.sol";
import {SampleKind, SampleProof, SampleSchema} from "./types/Samples.sol";

/// @title A perceptron that trains in its contract
/// @notice See `IPerceptronModel`.
contract PerceptronModel is IPerceptronModel {
    bytes32 private constant GROUP = keccak256("gradroll/v1/data-test-group");
    uint256 private constant MAX_GROUPS = 64;
    uint256 private constant MAX_TESTS = 65_536;
    uint256 private constant LABEL_BYTES = 2;
    /// @dev From a report that nobody can show a sample until it may be passed over.
    uint256 private constant REPORT_WINDOW = 7 days;

    /// @inheritdoc IPerceptronModel
    IDataViews public immutable data;
    /// @inheritdoc IPerceptronModel
    bytes32 public immutable campaign;
    bytes32 private immutable _schemaHash;
    uint256 private immutable _classes;
    uint256 private immutable _inputs;
    uint256 private immutable _size;
    /// @notice Bits of a weight.
    uint256 public immutable bits;
    /// @notice By which a label is to score more than its rival, if training is not to move them.
    uint256 public immutable margin;

    mapping(uint256 word => uint256) private _packed;
    /// @dev The next decision of the log, and the next place in its bundle.
    uint64 private _position;
    uint64 private _index;
    uint64 private _trained;
    bool private _ended;
    /// @dev Deadline of the report of the sample at the cursor, 0 if nobody reported it.
    uint40 private _reportedUntil;
    mapping(uint256 group => Tests) private _tests;

    /// @dev Where training stands, and what its decision says.
    struct Cursor {
        uint256 position;
        uint256 index;
        uint256 decisions;
        uint256 loaded; // 1 more than the decision that is in `decision`
        uint256 size; // samples of its bundle
        Decision decision;
    }

    /// @param data_ The campaigns' contract.
    /// @param campaign_ A campaign of it.
    /// @param schema Its schema.
    /// @param bits_ Bits of a weight, 16 or 32.
    /// @param margin_ By which a label is to score more than its rival.
    /// @dev Errors: `ModelInvalid`, `SchemaMismatch`, `CampaignUnknown`.
    constructor(IDataViews data_, bytes32 campaign_, SampleSchema memory schema, uint256 bits_, uint32 margin_) {
        bytes32 hash = data_.campaignOf(campaign_).terms.schemaHash;
        if (keccak256(abi.encode(schema)) != hash) revert SampleSchemas.SchemaMismatch(keccak256(abi.encode(schema)));
        if (schema.kind != SampleKind.Array) revert ModelInvalid("kind");
        if (schema.classes < 2) revert ModelInvalid("classes");
        uint256 inputs = uint256(schema.width) + 1;
        if (schema.classes * inputs > Perceptrons.MAX_WEIGHTS) revert ModelInvalid("weights");
        if (bits_ != 16 && bits_ != 32) revert ModelInvalid("bits");
        (data, campaign, _schemaHash, bits, margin) = (data_, campaign_, hash, bits_, margin_);
        (_classes, _inputs, _size) = (schema.classes, inputs, schema.size);
    }

    /// @inheritdoc IPerceptronModel
    function train(SampleProof[] calldata samples, SampleSchema calldata schema) external {
        SampleSchemas.requireHash(schema, _schemaHash);
        Cursor memory cursor = _cursor();
        Perceptrons.Shape memory shape = _shape();
        int256[] memory all = Perceptrons.load(_packed, shape);
        uint256 changed = 0;
        uint256 fitting = 0;
        for (uint256 i = 0; i < samples.length; ++i) {
            _seek(cursor, type(uint256).max);
            if (cursor.position == cursor.decisions) revert NothingToTrain();
            _requireNext(cursor, samples[i]);
            bytes calldata sample = samples[i].sample;
            if (SampleSchemas.fits(schema, sample)) {
                int256[] memory row = Perceptrons.inputsOf(shape, sample);
                if (Perceptrons.train(shape, all, row, SampleSchemas.labelOf(sample))) ++changed;
                ++fitting;
            } else {
                emit PassedOver(cursor.decision.bundle, cursor.index);
            }
            _step(cursor);
        }
        Perceptrons.store(_packed, shape, all);
        _save(cursor, fitting);
        emit Trained(_trained, changed, cursor.position, cursor.index);
    }

    /// @inheritdoc IPerceptronModel
    function advance(uint256 steps) external {
        Cursor memory cursor = _cursor();
        _seek(cursor, steps);
        _save(cursor, 0);
    }

    /// @inheritdoc IPerceptronModel
    function reportMissing(uint256 position, uint256 index) external {
        Cursor memory cursor = _cursorAt(position, index);
        _save(cursor, 0);
        uint256 deadline = _reportedUntil;
        if (deadline != 0) revert ReportPending(deadline);
        deadline = block.timestamp + REPORT_WINDOW;
        _reportedUntil = uint40(deadline);
        emit MissingReported(cursor.decision.bundle, index, deadline);
    }

    /// @inheritdoc IPerceptronModel
    function passOver(uint256 position, uint256 index) external {
        Cursor memory cursor = _cursorAt(position, index);
        uint256 deadline = _isStored(cursor) ? _reportedUntil : 0;
        if (deadline == 0) revert NotReported(cursor.decision.bundle, index);
        if (block.timestamp <= deadline) revert ReportPending(deadline);
        emit PassedOver(cursor.decision.bundle, index);
        _step(cursor);
        _save(cursor, 0);
    }

    /// @inheritdoc IPerceptronModel
    function showTests(
        bytes32[] calldata leaves,
        uint256 group,
        bytes32 salt,
        bytes32 root,
        bytes32 contentDigest,
        uint32 count
    ) external {
        if (leaves.length > MAX_GROUPS || group >= leaves.length) {
            revert GroupInvalid(group, leaves.length);
        }
        CampaignView memory state = data.campaignOf(campaign);
        bytes32 commitment = keccak256(abi.encodePacked(leaves));
        bytes32 leaf = keccak256(abi.encode(GROUP, salt, root, contentDigest, uint256(count)));
        bool committed = commitment == state.terms.tests && leaf == leaves[group];
        if (!committed || count == 0 || count > MAX_TESTS) revert TestsMismatch(commitment);
        _requireTrained(state);
        if (_tests[group].count != 0) revert GroupShown(group);
        _ended = true;
        _tests[group] = Tests(root, count, 0, 0);
        emit TestsOpened(group, root, contentDigest, count);
    }

    /// @inheritdoc IPerceptronModel
    function score(uint256 group, SampleProof[] calldata samples, SampleSchema calldata schema) external {
        SampleSchemas.requireHash(schema, _schemaHash);
        Tests memory tests = _tests[group];
        Perceptrons.Shape memory shape = _shape();
        int256[] memory all = Perceptrons.load(_packed, shape);
        for (uint256 i = 0; i < samples.length; ++i) {
            if (tests.scored == tests.count) revert NothingToScore(group);
            bytes calldata sample = samples[i].sample;
            if (!SampleSchemas.isIn(tests.root, tests.scored, sample, samples[i].proof)) {
                revert TestNotNext(group, tests.scored);
            }
            ++tests.scored;
            if (!SampleSchemas.fits(schema, sample)) continue;
            if (_predicted(shape, all, sample) == SampleSchemas.labelOf(sample)) ++tests.right;
        }
        _tests[group] = tests;
        emit Scored(group, tests.scored, tests.right);
    }

    /// @inheritdoc ISampleModel
    /// @dev Errors: `NotTrained`, `SampleInvalid`. The label is not looked at.
    function predict(bytes calldata sample) external view returns (uint256) {
        // Else who asks trains it just so far that it says what they like.
        if (!_ended) _requireTrained(data.campaignOf(campaign));
        Perceptrons.Shape memory shape = _shape();
        if (sample.length != LABEL_BYTES + (shape.inputs - 1) * shape.size) revert SampleInvalid(sample.length);
        return _predicted(shape, Perceptrons.load(_packed, shape), sample);
    }

    /// @inheritdoc IPerceptronModel
    function next() external view returns (uint256 position, uint256 bundle, uint256 index) {
        Cursor memory cursor = _at();
        _seek(cursor, type(uint256).max);
        if (cursor.position < cursor.decisions) (bundle, index) = (cursor.decision.bundle, cursor.index);
        return (cursor.position, bundle, index);
    }

    /// @inheritdoc IPerceptronModel
    function reportedUntil() external view returns (uint256) {
        return _reportedUntil;
    }

    /// @inheritdoc IPerceptronModel
    function weights() external view returns (int256[] memory) {
        return Perceptrons.load(_packed, _shape());
    }

    /// @inheritdoc IPerceptronModel
    function trained() external view returns (uint256) {
        return _trained;
    }

    /// @inheritdoc IPerceptronModel
    function testsOf(uint256 group) external view returns (Tests memory) {
        return _tests[group];
    }

    function _shape() private view returns (Perceptrons.Shape memory) {
        return Perceptrons.Shape({classes: _classes, inputs: _inputs, size: _size, bits: bits, margin: margin});
    }

    function _predicted(Perceptrons.Shape memory shape, int256[] memory all, bytes calldata sample)
        private
        pure
        returns (uint256 found)
    {
        (found,) = Perceptrons.best(shape, all, Perceptrons.inputsOf(shape, sample), shape.classes);
    }

    /// @dev Where training stands, while it may go on.
    function _cursor() private view returns (Cursor memory) {
        if (_ended) revert TestsShown();
        return _at();
    }

    function _at() private view returns (Cursor memory cursor) {
        (cursor.position, cursor.index) = (_position, _index);
        cursor.decisions = data.campaignOf(campaign).decisions;
    }

    /// @dev The same at a sample that is to be the next one.
    function _cursorAt(uint256 position, uint256 index) private view returns (Cursor memory cursor) {
        cursor = _cursor();
        _seek(cursor, type(uint256).max);
        if (cursor.position == cursor.decisions) revert NothingToTrain();
        bool isNext = cursor.position == position && cursor.index == index;
        if (!isNext) revert SampleNotNext(cursor.decision.bundle, cursor.index);
    }

    /// @dev Goes on to a sample that is to be trained on, or to the end of the log, in at most so many steps.
    function _seek(Cursor memory cursor, uint256 steps) private view {
        for (uint256 i = 0; i < steps && cursor.position < cursor.decisions; ++i) {
            _read(cursor);
            if (_counts(cursor)) return;
            _step(cursor);
        }
    }

    /// @dev Reads the decision that the cursor is at.
    function _read(Cursor memory cursor) private view {
        if (cursor.loaded == cursor.position + 1) return;
        Decision memory decision = data.decisionAt(campaign, cursor.position);
        (cursor.decision, cursor.loaded) = (decision, cursor.position + 1);
        // A decision about all samples of a bundle counts those that nobody challenged; places are all of the bundle's.
        if (decision.index != ALL_SAMPLES) cursor.index = decision.index;
        else cursor.size = decision.bundle == 0 ? decision.count : data.bundleOf(decision.bundle).count;
    }

    /// @dev Whether the sample at the cursor was accepted, or its correction, by the decision at the cursor.
    function _counts(Cursor memory cursor) private view returns (bool) {
        Decision memory decision = cursor.decision;
        if (decision.outcome != Outcome.Accepted && decision.outcome != Outcome.Corrected) return false;
        if (decision.index != ALL_SAMPLES || decision.bundle == 0) return true;
        // Others have a decision of their own.
        return data.disputeOf(decision.bundle, cursor.index).stage == DisputeStage.Unknown;
    }

    /// @dev Behind the sample at the cursor, whose decision was read.
    function _step(Cursor memory cursor) private pure {
        if (cursor.decision.index == ALL_SAMPLES && cursor.index + 1 < cursor.size) ++cursor.index;
        else (cursor.position, cursor.index) = (cursor.position + 1, 0);
    }

    /// @dev That nothing is left that would change the model.
    function _requireTrained(CampaignView memory state) private view {
        uint256 pending = state.held - state.accepted;
        if (!state.closed || pending != 0 || _position != state.decisions) {
            revert NotTrained(_position, state.decisions, pending);
        }
    }

    function _requireNext(Cursor memory cursor, SampleProof calldata with) private pure {
        Decision memory decision = cursor.decision;
        bool isIt = decision.outcome == Outcome.Corrected
            ? with.proof.length == 0 && keccak256(with.sample) == decision.correction
            : SampleSchemas.isIn(decision.root, cursor.index, with.sample, with.proof);
        if (!isIt) revert SampleNotNext(decision.bundle, cursor.index);
    }

    function _isStored(Cursor memory cursor) private view returns (bool) {
        return cursor.position == _position && cursor.index == _index;
    }

    /// @dev A report is of the sample at the cursor that is stored.
    function _save(Cursor memory cursor, uint256 fitting) private {
        if (!_isStored(cursor)) _reportedUntil = 0;
        (_position, _index) = (uint64(cursor.position), uint64(cursor.index));
        _trained += uint64(fitting);
    }
}
