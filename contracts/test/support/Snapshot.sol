// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Scene} from "./Scene.sol";

/// @title Figures that are measured and compared with a file that is checked in
/// @dev A figure that changed fails the test, be it for the better: somebody has to say so by committing the file anew.
/// Only the profile `snapshot` rewrites it; the other profiles may not even write there (foundry.toml).
abstract contract Snapshot is Scene {
    error SnapshotDiffers(string file, string changes, string rewriteWith);

    string[] private _labels;
    mapping(string label => uint256) private _figures;

    function record(string memory label, uint256 figure) internal {
        _labels.push(label);
        _figures[label] = figure;
    }

    /// @dev Compares everything recorded with the file, or rewrites it.
    function settle(string memory name) internal {
        string memory file = string.concat("snapshots/", name, ".json");
        if (keccak256(bytes(vm.envOr("FOUNDRY_PROFILE", string("")))) == keccak256("snapshot")) {
            string memory fresh;
            for (uint256 i = 0; i < _labels.length; ++i) {
                fresh = vm.serializeUint(name, _labels[i], _figures[_labels[i]]);
            }
            vm.writeJson(fresh, file);
            return;
        }
        string memory changes = _changes(vm.readFile(file));
        if (bytes(changes).length != 0) revert SnapshotDiffers(file, changes, "npm run snapshot");
    }

    /// @dev Every figure that is another than the file's, is not in it, or is in it only.
    function _changes(string memory json) private view returns (string memory changes) {
        uint256 known = 0;
        for (uint256 i = 0; i < _labels.length; ++i) {
            string memory label = _labels[i];
            string memory figure = decimal(_figures[label]);
            string memory key = string.concat("$['", label, "']");
            if (!vm.keyExistsJson(json, key)) {
                changes = string.concat(changes, label, ": none -> ", figure, "; ");
                continue;
            }
            ++known;
            uint256 committed = vm.parseJsonUint(json, key);
            if (committed != _figures[label]) {
                changes = string.concat(changes, label, ": ", decimal(committed), " -> ", figure, "; ");
            }
        }
        uint256 count = vm.parseJsonKeys(json, "$").length;
        if (count != known) changes = string.concat(changes, decimal(count - known), " that nothing measures");
    }
}
