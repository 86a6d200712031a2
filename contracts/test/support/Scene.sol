// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../../src/interfaces/ICommitteeRegistry.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {IVerifier} from "../../src/interfaces/IVerifier.sol";
import {TypedData} from "../../src/libraries/TypedData.sol";
import {
    Attestation,
    Batch,
    OwnerCommitment,
    OwnerEntry,
    Proof,
    Statement,
    TaskTerms,
    TaskView,
    VerifyingKey
} from "../../src/types/Types.sol";
import {Check} from "./Check.sol";
import {StubVerifier} from "./StubVerifier.sol";

/// @title A market with a task, its committee and its owners, where the fixtures' signatures are valid
/// @dev Fixtures and keys: tests/contracts/fixtures.py. The contracts are deployed from what forge compiled them to: no
/// test has their code in its own, so that a change of one of them recompiles that one and not every test.
abstract contract Scene is Check {
    address internal constant MARKET = address(bytes20(hex"6d61726b6574000000000000000000000000aaaa"));
    address internal constant VERIFIER = address(bytes20(hex"7665726966696572000000000000000000000001"));
    bytes32 internal constant PARENT_HASH = keccak256("parent");
    bytes32 internal constant MODEL = keccak256("model");
    uint256 internal constant CHAIN_ID = 31337;
    uint64 internal constant BOUND = 1 << 40;
    uint16 internal constant MAX_OWNERS = 64;
    uint128 internal constant REWARD = 1 ether;
    uint32 internal constant WINDOW = 1 hours;
    uint256 internal constant PROVERS = 4;
    uint256 internal constant QUORUM = 3;

    address internal modelOwner = address(0xA11CE);
    ICommitteeRegistry internal registry;
    IMarket internal market;
    IVerifier internal verifier;

    /// @dev A batch's fixture, without attestations: they bind the verifier's code, so they are signed here.
    struct Fixture {
        Batch batch;
        bytes32 batchId;
        uint256 commitmentX;
        uint256 commitmentY;
    }

    /// @dev Deploys everything for the key of a fixture, registers owners 0..count-1, funds the task and opens a round.
    function stage(string memory fixture, uint256 owners) internal {
        deploy(fixture);
        stageTask(terms(), owners);
    }

    /// @dev Creates a task, registers owners 0..count-1, funds it and opens a round.
    function stageTask(TaskTerms memory with, uint256 owners) internal returns (uint256 taskId) {
        taskId = createTask(with);
        admitOwners(taskId, 0, owners);
        fund(taskId, uint256(with.maxOwnersPerRound) * with.rewardPerGradient);
        openRound(taskId);
    }

    function deploy(string memory fixture) internal {
        vm.chainId(CHAIN_ID);
        deployRegistry();
        createCommittee(1, PROVERS);
        deployMarket(MARKET, PARENT_HASH);
        deployVerifier(keyOf(fixture));
    }

    function deployRegistry() internal {
        registry = ICommitteeRegistry(create(creationOf("CommitteeRegistry", "")));
    }

    /// @dev Puts a market at an address of choice, in a block after that of a hash of choice.
    function deployMarket(address where, bytes32 parentHash) internal {
        vm.roll(100);
        vm.setBlockhash(99, parentHash);
        deployTo(where, creationOf("Market", abi.encode(registry)));
        market = IMarket(where);
    }

    function deployVerifier(VerifyingKey memory key) internal {
        deployTo(VERIFIER, creationOf("RollupVerifier", abi.encode(key)));
        verifier = IVerifier(VERIFIER);
    }

    /// @dev Creation code of a contract of src/, with its arguments.
    function creationOf(string memory name, bytes memory arguments) internal view returns (bytes memory) {
        return bytes.concat(vm.getCode(string.concat(name, ".sol:", name)), arguments);
    }

    /// @dev Creates a contract as `new` does: with all gas, and its error if it has one.
    function create(bytes memory creation) internal returns (address created) {
        assembly ("memory-safe") {
            created := create(0, add(creation, 0x20), mload(creation))
            if iszero(created) {
                let free := mload(0x40)
                returndatacopy(free, 0, returndatasize())
                revert(free, returndatasize())
            }
        }
    }

    /// @dev Runs a constructor at an address of choice. It may set immutables only: storage stays what it was.
    function deployTo(address where, bytes memory creation) internal {
        vm.etch(where, creation);
        (bool ok, bytes memory code) = where.call("");
        isTrue(ok, "the constructor reverted");
        vm.etch(where, code);
    }

    /// @dev A committee whose members have all joined.
    function createCommittee(uint8 threshold, uint256 size) internal returns (uint256 committeeId) {
        address[] memory members = new address[](size);
        for (uint256 i = 0; i < size; ++i) {
            members[i] = vm.addr(proverKey(i));
        }
        committeeId = registry.createCommittee(threshold, members);
        for (uint256 i = 0; i < size; ++i) {
            vm.prank(members[i]);
            registry.join(committeeId, "localhost:7001", keccak256(abi.encode(i)));
        }
    }

    /// @dev The terms of the fixtures' task.
    function terms() internal pure returns (TaskTerms memory) {
        return TaskTerms({
            committeeId: 0,
            verifier: VERIFIER,
            coordinator: address(0xC0),
            dimension: 10,
            fractionBits: 16,
            bound: BOUND,
            minOwners: 2,
            maxOwnersPerRound: MAX_OWNERS,
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

    /// @dev Admits owners first..end-1.
    function admitOwners(uint256 taskId, uint256 first, uint256 end) internal {
        address[] memory owners = new address[](end - first);
        for (uint256 i = first; i < end; ++i) {
            owners[i - first] = ownerAddress(i);
        }
        vm.prank(modelOwner);
        market.admit(taskId, owners);
    }

    function fund(uint256 taskId, uint256 amount) internal {
        vm.deal(address(this), amount);
        market.fund{value: amount}(taskId);
    }

    function openRound(uint256 taskId) internal returns (uint256) {
        vm.prank(modelOwner);
        return market.openRound(taskId, MODEL);
    }

    /// @dev A fixture as it is, not attested.
    function load(string memory name) internal view returns (Fixture memory fixture) {
        string memory json = vm.readFile(string.concat("test/fixtures/", name, ".json"));
        fixture.batch = abi.decode(vm.parseJsonBytes(json, ".batch"), (Batch));
        fixture.batchId = vm.parseJsonBytes32(json, ".batchId");
        (fixture.commitmentX, fixture.commitmentY) =
            abi.decode(vm.parseJsonBytes(json, ".commitment"), (uint256, uint256));
    }

    /// @dev The batch of a fixture, attested by a quorum.
    function attested(string memory name) internal view returns (Batch memory batch) {
        Fixture memory fixture = load(name);
        batch = fixture.batch;
        attest(batch, fixture.batchId);
    }

    function keyOf(string memory name) internal view returns (VerifyingKey memory key) {
        string memory json = vm.readFile(string.concat("test/fixtures/", name, ".json"));
        string memory file = string.concat("test/fixtures/", vm.parseJsonString(json, ".key"), ".json");
        return abi.decode(vm.parseJsonBytes(vm.readFile(file), ".key"), (VerifyingKey));
    }

    /// @dev The fixtures' terms with a verifier that believes everything and calls every batch by one name.
    function stubTerms(bytes32 answer) internal returns (TaskTerms memory with) {
        with = terms();
        with.verifier = address(new StubVerifier(answer));
    }

    /// @dev The batch of a fixture for a task with other terms, signed and attested anew. Its proof does not hold
    /// there.
    function redirected(string memory name, uint256 taskId) internal view returns (Batch memory batch) {
        batch = load(name).batch;
        batch.taskId = taskId;
        resignAll(batch);
        attest(batch, batchIdOf(batch));
    }

    /// @dev The statement that the market would hand to the verifier.
    function statementOf(Batch memory batch) internal view returns (Statement memory statement) {
        TaskView memory task = market.task(batch.taskId);
        statement.domain = domain();
        statement.taskId = batch.taskId;
        statement.termsHash = task.termsHash;
        statement.round = batch.round;
        statement.modelDigest = MODEL;
        statement.bound = task.terms.bound;
        statement.dimension = task.terms.dimension;
        statement.owners = new OwnerCommitment[](batch.owners.length);
        for (uint256 i = 0; i < batch.owners.length; ++i) {
            OwnerEntry memory entry = batch.owners[i];
            uint256 index = indexOf(batch, i);
            uint256 owner = index << 160 | uint160(market.ownerAt(batch.taskId, index));
            statement.owners[i] = OwnerCommitment(owner, entry.cx, entry.cy);
        }
    }

    /// @dev A batch's identifier, written anew.
    function batchIdOf(Batch memory batch) internal view returns (bytes32) {
        Statement memory s = statementOf(batch);
        bytes32 keyHash = IVerifier(market.task(batch.taskId).terms.verifier).policyKeyHash();
        bytes memory head = abi.encode(s.domain, s.taskId, s.termsHash, s.round, s.modelDigest, keyHash);
        bytes32 context = keccak256(
            bytes.concat(keccak256("gradroll/v1/context"), head, abi.encode(s.bound, s.dimension, s.owners.length))
        );
        bytes memory owners;
        for (uint256 i = 0; i < s.owners.length; ++i) {
            owners = bytes.concat(owners, abi.encode(s.owners[i]));
        }
        Proof memory p = batch.proof;
        bytes memory opening = abi.encode(p.mask, p.signSeed, p.projectionsDigest, p.gram, p.knowledge);
        return keccak256(bytes.concat(keccak256("gradroll/v1/rho"), context, keccak256(owners), opening));
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

    /// @dev Signs the entry's submission anew, for the round, the task and its terms as they are.
    function resign(Batch memory batch, uint256 slot) internal view {
        resign(batch, slot, market.task(batch.taskId).termsHash, MODEL);
    }

    /// @dev Signs the entry's submission anew.
    function resign(Batch memory batch, uint256 slot, bytes32 termsHash, bytes32 model) internal view {
        OwnerEntry memory entry = batch.owners[slot];
        bytes32 digest = submissionDigest(batch, slot, termsHash, model);
        (entry.r, entry.vs) = signCompact(ownerKey(indexOf(batch, slot)), digest);
    }

    /// @dev What the owner in a slot signs.
    function submissionDigest(Batch memory batch, uint256 slot, bytes32 termsHash, bytes32 model)
        internal
        view
        returns (bytes32)
    {
        OwnerEntry memory entry = batch.owners[slot];
        bytes memory members = abi.encode(batch.taskId, termsHash, batch.round, model, entry.cx, entry.cy);
        bytes32 structHash = keccak256(bytes.concat(TypedData.SUBMISSION_TYPE, members));
        return TypedData.digest(domain(), structHash);
    }

    function resignAll(Batch memory batch) internal view {
        for (uint256 slot = 0; slot < batch.owners.length; ++slot) {
            resign(batch, slot);
        }
    }

    /// @dev Attestations of the batch by members 0..QUORUM-1.
    function attest(Batch memory batch, bytes32 batchId) internal view {
        attest(batch, attestedOf(batch, batchId), QUORUM);
    }

    /// @dev Attestations of whatever by members 0..count-1.
    function attest(Batch memory batch, TypedData.Attested memory content, uint256 count) internal view {
        batch.attestations = new Attestation[](count);
        for (uint8 member = 0; member < count; ++member) {
            batch.attestations[member] = attestBy(proverKey(member), member, content);
        }
    }

    function attestBy(uint256 key, uint8 member, TypedData.Attested memory content)
        internal
        view
        returns (Attestation memory)
    {
        (bytes32 r, bytes32 vs) = signCompact(key, TypedData.attestation(domain(), content));
        return Attestation(member, r, vs);
    }

    /// @dev What provers attest of a batch.
    function attestedOf(Batch memory batch, bytes32 batchId) internal view returns (TypedData.Attested memory) {
        TaskView memory task = market.task(batch.taskId);
        return TypedData.Attested({
            batchId: batchId,
            verifierCode: task.terms.verifier.codehash,
            committeeId: task.terms.committeeId,
            taskId: batch.taskId,
            termsHash: task.termsHash,
            round: batch.round,
            modelDigest: MODEL,
            owners: batch.owners.length,
            sumX: batch.proof.sum[0],
            sumY: batch.proof.sum[1],
            squareNorm: batch.proof.squareNorm
        });
    }

    function domain() internal view returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)"
                ),
                keccak256("gradroll"),
                keccak256("1"),
                block.chainid,
                address(market),
                market.deployment()
            )
        );
    }

    function decimal(uint256 value) internal pure returns (string memory) {
        if (value < 10) return string(abi.encodePacked(bytes1(uint8(48 + value))));
        return string(abi.encodePacked(decimal(value / 10), bytes1(uint8(48 + value % 10))));
    }
}
