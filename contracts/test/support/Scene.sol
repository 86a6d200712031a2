// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {CommitteeRegistry} from "../../src/CommitteeRegistry.sol";
import {Market} from "../../src/Market.sol";
import {RollupVerifier} from "../../src/RollupVerifier.sol";
import {BN254} from "../../src/libraries/BN254.sol";
import {TypedData} from "../../src/libraries/TypedData.sol";
import {
    Attestation,
    Batch,
    BatchRecord,
    OwnerCommitment,
    OwnerEntry,
    Statement,
    TaskTerms,
    VerifyingKey
} from "../../src/types/Types.sol";
import {Check} from "./Check.sol";

/// @title A market with a task, its committee and its owners, where the fixtures' signatures are valid
/// @dev Fixtures and keys: tests/contracts/fixtures.py.
abstract contract Scene is Check {
    address internal constant MARKET = address(bytes20(hex"6d61726b6574000000000000000000000000aaaa"));
    uint256 internal constant CHAIN_ID = 31337;
    uint64 internal constant BOUND = 1 << 40;
    uint128 internal constant REWARD = 1 ether;
    uint32 internal constant WINDOW = 1 hours;
    uint256 internal constant PROVERS = 4;

    address internal modelOwner = address(0xA11CE);
    CommitteeRegistry internal registry;
    Market internal market;
    RollupVerifier internal verifier;

    /// @dev A batch's fixture.
    struct Fixture {
        Batch batch;
        bytes payload;
        bytes32 batchId;
        uint256 commitmentX;
        uint256 commitmentY;
    }

    /// @dev Deploys everything for the key of a fixture, registers owners 0..count-1, funds the task and opens a round.
    function stage(string memory fixture, uint256 owners, uint16 maxOwners) internal {
        deploy(fixture);
        createTask(terms(maxOwners));
        admitOwners(owners);
        fund(uint256(maxOwners) * REWARD);
        openRound();
    }

    function deploy(string memory fixture) internal {
        vm.chainId(CHAIN_ID);
        registry = new CommitteeRegistry();
        createCommittee();
        deployMarket(MARKET);
        verifier = new RollupVerifier(keyOf(fixture));
    }

    /// @dev Puts a market at an address of choice; its constructor sets immutables only, so the code is all of it.
    function deployMarket(address where) internal {
        vm.etch(where, address(new Market(registry)).code);
        market = Market(where);
    }

    function createCommittee() internal {
        address[] memory members = new address[](PROVERS);
        for (uint256 i = 0; i < PROVERS; ++i) {
            members[i] = vm.addr(proverKey(i));
        }
        registry.createCommittee(1, members);
        for (uint256 i = 0; i < PROVERS; ++i) {
            vm.prank(members[i]);
            registry.join(0, "localhost:7001", keccak256(abi.encode(i)));
        }
    }

    function terms(uint16 maxOwners) internal view returns (TaskTerms memory) {
        return TaskTerms({
            committeeId: 0,
            verifier: address(verifier),
            coordinator: address(0xC0),
            dimension: 10,
            fractionBits: 16,
            bound: BOUND,
            minOwners: 2,
            maxOwnersPerRound: maxOwners,
            rounds: 3,
            rewardPerGradient: REWARD,
            submitWindow: WINDOW,
            settleWindow: WINDOW,
            permissioned: true,
            inlinePayload: false
        });
    }

    function createTask(TaskTerms memory with) internal returns (uint256) {
        vm.prank(modelOwner);
        return market.createTask(with);
    }

    function admitOwners(uint256 count) internal {
        address[] memory owners = new address[](count);
        for (uint256 i = 0; i < count; ++i) {
            owners[i] = ownerAddress(i);
        }
        vm.prank(modelOwner);
        market.admit(0, owners);
    }

    function fund(uint256 amount) internal {
        vm.deal(address(this), amount);
        market.fund{value: amount}(0);
    }

    function openRound() internal returns (uint256) {
        vm.prank(modelOwner);
        return market.openRound(0, keccak256("model"));
    }

    function load(string memory name) internal view returns (Fixture memory fixture) {
        string memory json = vm.readFile(string.concat("test/fixtures/", name, ".json"));
        fixture.batch = abi.decode(vm.parseJsonBytes(json, ".batch"), (Batch));
        fixture.payload = vm.parseJsonBytes(json, ".payload");
        fixture.batchId = vm.parseJsonBytes32(json, ".batchId");
        (fixture.commitmentX, fixture.commitmentY) =
            abi.decode(vm.parseJsonBytes(json, ".commitment"), (uint256, uint256));
    }

    function keyOf(string memory name) internal view returns (VerifyingKey memory key) {
        string memory json = vm.readFile(string.concat("test/fixtures/", name, ".json"));
        string memory file = string.concat("test/fixtures/", vm.parseJsonString(json, ".key"), ".json");
        return abi.decode(vm.parseJsonBytes(vm.readFile(file), ".key"), (VerifyingKey));
    }

    /// @dev The statement that the market would hand to the verifier.
    function statementOf(Batch memory batch) internal pure returns (Statement memory statement) {
        statement.market = MARKET;
        statement.taskId = batch.taskId;
        statement.round = batch.round;
        statement.bound = BOUND;
        statement.dimension = 10;
        statement.owners = new OwnerCommitment[](batch.owners.length);
        for (uint256 i = 0; i < batch.owners.length; ++i) {
            OwnerEntry memory entry = batch.owners[i];
            statement.owners[i] = OwnerCommitment(ownerAddress(indexOf(batch, i)), entry.cx, entry.cy);
        }
    }

    function ownerKey(uint256 index) internal pure returns (uint256) {
        return uint256(sha256(abi.encodePacked("('fixture owner', ", decimal(index), ")")));
    }

    function ownerAddress(uint256 index) internal pure returns (address) {
        return vm.addr(ownerKey(index));
    }

    function proverKey(uint256 index) internal pure returns (uint256) {
        return uint256(sha256(abi.encodePacked("('fixture prover', ", decimal(index), ")")));
    }

    function signCompact(uint256 key, bytes32 digest) internal pure returns (bytes32 r, bytes32 vs) {
        uint8 v;
        bytes32 s;
        (v, r, s) = vm.sign(key, digest);
        vs = bytes32(uint256(s) | uint256(v - 27) << 255);
    }

    /// @dev Registration index in a slot.
    function indexOf(Batch memory batch, uint256 slot) internal pure returns (uint256) {
        return uint256(uint8(batch.indices[2 * slot])) << 8 | uint8(batch.indices[2 * slot + 1]);
    }

    function setIndex(Batch memory batch, uint256 slot, uint16 index) internal pure {
        (batch.indices[2 * slot], batch.indices[2 * slot + 1]) = (bytes1(uint8(index >> 8)), bytes1(uint8(index)));
    }

    /// @dev Exchanges two owners of the batch.
    function swapOwners(Batch memory batch, uint256 left, uint256 right) internal pure {
        (uint16 a, uint16 b) = (uint16(indexOf(batch, left)), uint16(indexOf(batch, right)));
        setIndex(batch, left, b);
        setIndex(batch, right, a);
        (batch.owners[left], batch.owners[right]) = (batch.owners[right], batch.owners[left]);
    }

    /// @dev Signs the entry's submission anew, for the round and task of the batch.
    function resign(Batch memory batch, uint256 slot) internal view {
        OwnerEntry memory entry = batch.owners[slot];
        bytes32 structHash =
            keccak256(abi.encode(TypedData.SUBMISSION_TYPE, batch.taskId, batch.round, entry.cx, entry.cy));
        (entry.r, entry.vs) = signCompact(ownerKey(indexOf(batch, slot)), TypedData.digest(domain(), structHash));
    }

    function attestBy(uint256 key, uint8 member, bytes32 batchId, bytes32 payloadDigest)
        internal
        view
        returns (Attestation memory)
    {
        (bytes32 r, bytes32 vs) = signCompact(key, TypedData.attestation(domain(), batchId, payloadDigest));
        return Attestation(member, r, vs);
    }

    function domain() internal view returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("gradroll"),
                keccak256("1"),
                block.chainid,
                address(market)
            )
        );
    }

    /// @dev The record that the market keeps of a fixture with pay by contribution.
    function recordOf(Fixture memory fixture) internal pure returns (BatchRecord memory) {
        return BatchRecord({
            batchId: fixture.batchId,
            payloadDigest: fixture.batch.payloadDigest,
            rewardsRoot: rootOf(leavesOf(fixture)),
            commitmentX: fixture.commitmentX,
            commitmentY: fixture.commitmentY,
            owners: fixture.batch.owners.length
        });
    }

    function leavesOf(Fixture memory fixture) internal pure returns (bytes32[] memory leaves) {
        uint256[] memory amounts = amountsOf(fixture.batch.proof.contributions, REWARD);
        leaves = new bytes32[](amounts.length);
        for (uint256 i = 0; i < leaves.length; ++i) {
            leaves[i] = leafOf(fixture.batchId, i, ownerAddress(indexOf(fixture.batch, i)), amounts[i]);
        }
    }

    /// @dev Pay by contribution, written anew.
    function amountsOf(uint256[] memory w, uint256 reward) internal pure returns (uint256[] memory amounts) {
        amounts = new uint256[](w.length);
        uint256 sum;
        for (uint256 i = 0; i < w.length; ++i) {
            if (w[i] < BN254.R / 2) sum += w[i];
        }
        for (uint256 i = 0; i < w.length; ++i) {
            if (sum == 0) amounts[i] = reward;
            else if (w[i] < BN254.R / 2) amounts[i] = w.length * reward * w[i] / sum;
        }
    }

    function leafOf(bytes32 batchId, uint256 slot, address owner, uint256 amount) internal pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(batchId, slot, owner, amount))));
    }

    /// @dev Plain reference of the reward tree.
    function rootOf(bytes32[] memory leaves) internal pure returns (bytes32) {
        while (leaves.length > 1) {
            leaves = parents(leaves);
        }
        return leaves[0];
    }

    function proofOf(bytes32[] memory leaves, uint256 slot) internal pure returns (bytes32[] memory proof) {
        bytes32[] memory path = new bytes32[](16);
        uint256 depth = 0;
        for (; leaves.length > 1; slot /= 2) {
            if (slot ^ 1 < leaves.length) path[depth++] = leaves[slot ^ 1];
            leaves = parents(leaves);
        }
        proof = new bytes32[](depth);
        for (uint256 i = 0; i < depth; ++i) {
            proof[i] = path[i];
        }
    }

    function parents(bytes32[] memory nodes) internal pure returns (bytes32[] memory above) {
        above = new bytes32[]((nodes.length + 1) / 2);
        for (uint256 i = 0; i < above.length; ++i) {
            bool alone = 2 * i + 1 == nodes.length;
            above[i] = alone ? nodes[2 * i] : sortedPair(nodes[2 * i], nodes[2 * i + 1]);
        }
    }

    function sortedPair(bytes32 a, bytes32 b) internal pure returns (bytes32) {
        return a < b ? keccak256(abi.encode(a, b)) : keccak256(abi.encode(b, a));
    }

    function decimal(uint256 value) internal pure returns (string memory) {
        if (value < 10) return string(abi.encodePacked(bytes1(uint8(48 + value))));
        return string(abi.encodePacked(decimal(value / 10), bytes1(uint8(48 + value % 10))));
    }
}
