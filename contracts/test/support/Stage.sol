// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../../src/interfaces/ICommitteeRegistry.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {IVerifier} from "../../src/interfaces/IVerifier.sol";
import {IVerifierFactory} from "../../src/interfaces/IVerifierFactory.sol";
import {CommitteeTerms} from "../../src/types/Committees.sol";
import {VerifyingKey} from "../../src/types/Proofs.sol";
import {Permit, Reference, ReferenceOpening, TaskTerms, TaskView} from "../../src/types/Types.sol";
import {Check} from "./Check.sol";
import {StubVerifier} from "./StubVerifier.sol";

/// @dev Answers for the factory that it made whatever it is told to: verifiers of the tests stand at fixed addresses, and
/// some are stubs. The real one has tests of its own.
contract ApprovingFactory {
    mapping(address verifier => bool) public isVerifier;

    function approve(address verifier) external {
        isVerifier[verifier] = true;
    }
}

/// @title A market with a task, its committee and its owners
/// @dev Everything as in tests/contracts/fixtures.py, so that the fixtures' signatures and proofs are valid. Contracts are
/// deployed from what forge compiled them to: no test has their code in its own, so that a change of one of them
/// recompiles that one and not every test.
abstract contract Stage is Check {
    uint32 internal constant EXIT_DELAY = 7 days;
    /// @dev After it an owner that leaves may exit, if its rounds are over: the hour of its announcement is rounded up.
    uint256 internal constant EXIT_WAIT = EXIT_DELAY + 1 hours + 1;
    address internal constant MARKET = address(bytes20(hex"6d61726b6574000000000000000000000000aaaa"));
    address internal constant VERIFIER = address(bytes20(hex"7665726966696572000000000000000000000001"));
    address internal constant REGISTRY = address(bytes20(hex"7265676973747279000000000000000000000002"));
    address internal constant GUARDIAN = address(0x6A4D);
    bytes32 internal constant PARENT_HASH = keccak256("parent");
    bytes32 internal constant MODEL = keccak256("model");
    uint256 internal constant CHAIN_ID = 31337;
    /// @dev Block time at which every test begins.
    uint256 internal constant START = 1_700_000_000;
    uint64 internal constant BOUND = 1 << 40;
    /// @dev Seats of a round unless a test says otherwise.
    uint256 internal constant SEATS = 64;
    uint128 internal constant PAY = 1 ether;
    uint32 internal constant WINDOW = 1 hours;
    uint32 internal constant MINIMUM_DELAY = 1 days;
    uint256 internal constant PROVERS = 4;
    uint256 internal constant QUORUM = 3;

    address internal modelOwner = address(0xA11CE);
    ICommitteeRegistry internal registry;
    ApprovingFactory internal approving;
    IMarket internal market;
    IVerifier internal verifier;
    uint64 internal committee;
    uint256 private _nonce;

    /// @dev Deploys everything for the key of a fixture, registers owners 0..count-1, funds the task and opens a round.
    function stage(string memory fixture, uint256 owners) internal returns (uint256 taskId) {
        deploy(fixture);
        return stageTask(terms(), owners);
    }

    /// @dev Creates a task, registers owners 0..count-1, funds it for a round and opens that.
    function stageTask(TaskTerms memory with, uint256 owners) internal returns (uint256 taskId) {
        taskId = createTask(with);
        enrol(taskId, 0, owners);
        uint256 seats = with.capacity < SEATS ? with.capacity : SEATS;
        seats = seats < owners ? owners : seats;
        fund(taskId, reserveOf(with, seats));
        openRound(taskId, seats);
    }

    function deploy(string memory fixture) internal {
        vm.chainId(CHAIN_ID);
        vm.warp(START);
        mine(PARENT_HASH);
        deployTo(REGISTRY, creationOf("CommitteeRegistry", abi.encode(MINIMUM_DELAY)));
        registry = ICommitteeRegistry(REGISTRY);
        committee = createCommittee(1, PROVERS);
        approving = new ApprovingFactory();
        deployMarket(MARKET, PARENT_HASH);
        deployVerifier(keyOf(fixture));
    }

    /// @dev A registry for itself, at any address.
    function deployRegistry() internal {
        registry = ICommitteeRegistry(create(creationOf("CommitteeRegistry", abi.encode(MINIMUM_DELAY))));
    }

    /// @dev Puts a market at an address of choice, in a block after that of a hash of choice.
    function deployMarket(address where, bytes32 parentHash) internal {
        mine(parentHash);
        deployTo(where, creationOf("Market", abi.encode(registry, approving, WINDOW, GUARDIAN)));
        market = IMarket(where);
    }

    /// @dev What follows is in a block after that of a hash of choice.
    function mine(bytes32 parentHash) internal {
        vm.roll(100);
        vm.setBlockhash(99, parentHash);
    }

    function deployVerifier(VerifyingKey memory key) internal {
        deployTo(VERIFIER, creationOf(family(), abi.encode(key)));
        verifier = IVerifier(VERIFIER);
        if (address(approving) != address(0)) approving.approve(VERIFIER);
    }

    /// @dev The contract that verifies for the fixtures' task.
    function family() internal pure virtual returns (string memory) {
        return "RollupVerifier";
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

    /// @dev A committee without bonds whose members have all joined.
    function createCommittee(uint8 threshold, uint256 size) internal returns (uint64 committeeId) {
        address[] memory members = new address[](size);
        for (uint256 i = 0; i < size; ++i) {
            members[i] = vm.addr(proverKey(i));
        }
        CommitteeTerms memory with = CommitteeTerms({
            threshold: threshold,
            bondToken: address(0),
            bond: 0,
            changeDelay: MINIMUM_DELAY,
            unbondingDelay: MINIMUM_DELAY
        });
        vm.prank(address(0xA11CE));
        committeeId = registry.createCommittee(with, members, 0);
        for (uint256 i = 0; i < size; ++i) {
            vm.prank(members[i]);
            registry.join(committeeId, "localhost:7001", keccak256(abi.encode(i)), payeeOf(i));
        }
    }

    /// @dev The terms of the fixtures' task.
    function terms() internal view returns (TaskTerms memory) {
        return TaskTerms({
            committeeId: committee,
            verifier: VERIFIER,
            coordinator: address(0xC0),
            dimension: 10,
            fractionBits: 16,
            bound: BOUND,
            minOwners: 2,
            capacity: 2048,
            rounds: 256,
            submitWindow: WINDOW,
            settleWindow: WINDOW,
            permissioned: true,
            inlinePayload: false,
            token: address(0),
            basePay: PAY,
            bonusPay: 0,
            coordinatorBatchFee: 0,
            coordinatorGradientFee: 0,
            proverBatchFee: 0,
            proverGradientFee: 0,
            deposit: 0,
            lapseRounds: 3,
            claimWindow: 180 days,
            exitDelay: EXIT_DELAY,
            availabilityWindow: WINDOW,
            step: 0,
            dither: 0,
            referenceData: 0,
            manifest: 0,
            sumKey: 0
        });
    }

    /// @dev The fixtures' terms with a verifier that believes everything.
    function stubTerms() internal returns (TaskTerms memory with) {
        return termsWith(address(new StubVerifier(0)));
    }

    /// @dev The fixtures' terms with another verifier, which the factory takes for its own.
    function termsWith(address other) internal returns (TaskTerms memory with) {
        with = terms();
        with.verifier = other;
        approving.approve(other);
    }

    /// @dev The same with a verifier that gives levels.
    function gradedTerms(address levelling) internal returns (TaskTerms memory with) {
        with = termsWith(levelling);
        (with.step, with.dither, with.referenceData) = (4, 8, keccak256("data"));
        with.bound = 1 << 32;
    }

    /// @dev Creates a task of the model owner, whose nonces ascend from 0.
    function createTask(TaskTerms memory with) internal returns (uint256) {
        vm.prank(modelOwner);
        return market.createTask(with, _nonce++);
    }

    /// @dev A task's identifier, written anew.
    function taskIdOf(address creator, uint256 nonce, TaskTerms memory with) internal view returns (uint256) {
        bytes32 hash = keccak256(abi.encode(with));
        bytes memory head = abi.encode(keccak256("gradroll/v1/task"), market.deployment(), creator, nonce);
        return uint256(keccak256(bytes.concat(head, hash))) % 2 ** 64;
    }

    /// @dev Admits owners first..end-1, who register themselves.
    function enrol(uint256 taskId, uint256 first, uint256 end) internal {
        for (uint256 i = first; i < end; ++i) {
            enrol(taskId, ownerAddress(i));
        }
    }

    /// @dev Admits a signer where that is needed, which registers itself.
    function enrol(uint256 taskId, address signer) internal returns (uint256 index) {
        TaskView memory state = market.task(taskId);
        if (state.terms.permissioned) {
            address[] memory signers = new address[](1);
            signers[0] = signer;
            vm.prank(state.modelOwner);
            market.admit(taskId, signers);
        }
        return register(taskId, signer, state.terms.token == address(0) ? state.terms.deposit : 0);
    }

    /// @dev A signer registers itself, with a deposit in ether.
    function register(uint256 taskId, address signer, uint256 value) internal returns (uint256 index) {
        vm.deal(signer, signer.balance + value);
        vm.prank(signer);
        return market.register{value: value}(taskId, signer, "", noPermit());
    }

    /// @dev What a round of so many seats reserves, written anew.
    function reserveOf(TaskTerms memory with, uint256 seats) internal pure returns (uint256) {
        uint256 gradient = uint256(with.basePay) + with.bonusPay + with.coordinatorGradientFee;
        uint256 batch = uint256(with.coordinatorBatchFee) + PROVERS * with.proverBatchFee;
        return seats * (gradient + PROVERS * with.proverGradientFee) + seats / with.minOwners * batch;
    }

    function fund(uint256 taskId, uint256 amount) internal {
        if (amount == 0) return;
        vm.deal(address(this), address(this).balance + amount);
        market.fund{value: amount}(taskId, amount, noPermit());
    }

    function openRound(uint256 taskId) internal returns (uint256) {
        return openRound(taskId, SEATS);
    }

    function openRound(uint256 taskId, uint256 seats) internal returns (uint256) {
        TaskView memory state = market.task(taskId);
        vm.prank(state.modelOwner);
        if (state.terms.step == 0) return market.openRound(taskId, MODEL, seats);
        return market.openReferencedRound(taskId, MODEL, seats, opening(0).references);
    }

    /// @dev What rounds of tasks with references are opened with: three copies, of which batches name one.
    function opening(uint256 copy) internal view virtual returns (ReferenceOpening memory out) {
        out.references = new Reference[](3);
        for (uint256 i = 0; i < 3; ++i) {
            out.references[i] = Reference(i + 1, i + 2, keccak256(abi.encode("shares", i)));
        }
        (out.modelDigest, out.copy, out.dealer) = (MODEL, copy, modelOwner);
    }

    /// @dev What stands as the model of a task's rounds, written anew.
    function modelOf(uint256 taskId) internal view returns (bytes32) {
        if (market.task(taskId).terms.step == 0) return MODEL;
        Reference[] memory copies = opening(0).references;
        bytes memory packed;
        for (uint256 i = 0; i < copies.length; ++i) {
            packed = bytes.concat(packed, abi.encode(copies[i]));
        }
        return keccak256(abi.encode(keccak256("gradroll/v1/referenced-model"), MODEL, keccak256(packed)));
    }

    /// @dev Lets the time of a round run out.
    function close(uint256 taskId, uint256 number) internal {
        uint256 deadline = market.round(taskId, number).settleDeadline;
        if (vm.getBlockTimestamp() <= deadline) vm.warp(deadline + 1);
    }

    /// @dev Read from the chain each time: the optimiser takes `block.timestamp` for the same throughout a function.
    function elapse(uint256 time) internal {
        vm.warp(vm.getBlockTimestamp() + time);
    }

    function noPermit() internal pure returns (Permit memory) {}

    function keyOf(string memory name) internal view returns (VerifyingKey memory key) {
        string memory json = vm.readFile(string.concat("test/fixtures/", name, ".json"));
        string memory file = string.concat("test/fixtures/", vm.parseJsonString(json, ".key"), ".json");
        return abi.decode(vm.parseJsonBytes(vm.readFile(file), ".key"), (VerifyingKey));
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

    /// @dev The controller of a prover, which is paid for it.
    function payeeOf(uint256 index) internal pure returns (address) {
        return address(uint160(0xC01D0000 + index));
    }

    function signCompact(uint256 key, bytes32 digest) internal pure returns (bytes32 r, bytes32 vs) {
        uint8 v;
        bytes32 s;
        (v, r, s) = vm.sign(key, digest);
        vs = bytes32(uint256(s) | uint256(v - 27) << 255);
    }

    /// @dev A signature of 65 bytes.
    function sign(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function decimal(uint256 value) internal pure returns (string memory) {
        if (value < 10) return string(abi.encodePacked(bytes1(uint8(48 + value))));
        return string(abi.encodePacked(decimal(value / 10), bytes1(uint8(48 + value % 10))));
    }
}
