// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../src/interfaces/ICommitteeRegistry.sol";
import {IMarket} from "../src/interfaces/IMarket.sol";
import {IVerifierFactory} from "../src/interfaces/IVerifierFactory.sol";
import {TaskTerms, TaskView} from "../src/types/Types.sol";
import {Delegating} from "./support/Lookalikes.sol";
import {Scene} from "./support/Scene.sol";
import {LevellingVerifier} from "./support/StubVerifier.sol";
import {Collectible, Points, SilentToken} from "./support/Tokens.sol";

/// @title Tasks: what they are called, and which terms the market takes
contract TasksTest is Scene {
    function setUp() external {
        deploy("norm_3");
    }

    function test_deployment_value() external {
        bytes32 tag = keccak256("gradroll/v1/deployment");
        bytes32 first = keccak256(abi.encode(tag, CHAIN_ID, MARKET, PARENT_HASH));
        equal(market.deployment(), first, "deployment");
        deployMarket(MARKET, keccak256("another parent"));
        isTrue(market.deployment() != first, "another block");
        deployMarket(address(0xBEEF), PARENT_HASH);
        isTrue(market.deployment() != first, "another address");
        vm.chainId(1);
        deployMarket(MARKET, PARENT_HASH);
        equal(market.deployment(), keccak256(abi.encode(tag, 1, MARKET, PARENT_HASH)), "another chain");
        vm.chainId(CHAIN_ID);
        isTrue(market.deployment() != first, "fixed when it was created");
    }

    /// @dev ERC-5267: a wallet builds the domain of everything that is signed from this.
    function test_eip712Domain_isTheDomain() external view {
        (bytes1 fields, string memory name, string memory version, uint256 chain, address where, bytes32 salt,) =
            market.eip712Domain();
        isTrue(fields == 0x1f, "all five fields");
        bytes32 kind = keccak256(
            "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)"
        );
        bytes memory members = abi.encode(keccak256(bytes(name)), keccak256(bytes(version)), chain, where, salt);
        equal(keccak256(bytes.concat(kind, members)), domain(), "domain");
    }

    function test_views_surroundings() external view {
        equal(address(market.registry()), REGISTRY, "registry");
        equal(address(market.factory()), address(approving), "factory");
        equal(market.guardian(), GUARDIAN, "guardian");
        equal(market.minimumWindow(), WINDOW, "minimum window");
    }

    function test_createTask_terms() external {
        TaskTerms memory given = terms();
        uint256 taskId = taskIdOf(modelOwner, 0, given);
        vm.expectEmit(true, true, true, true, MARKET);
        emit IMarket.TaskCreated(taskId, modelOwner, given);
        equal(createTask(given), taskId, "task id");
        TaskView memory state = market.task(taskId);
        equal(keccak256(abi.encode(state.terms)), keccak256(abi.encode(given)), "terms");
        equal(state.creator, modelOwner, "creator");
        equal(state.modelOwner, modelOwner, "model owner");
        equal(state.coordinator, given.coordinator, "coordinator");
        equal(state.pendingOwner, address(0), "offered to nobody");
        equal(state.provers, PROVERS, "provers");
        equal(state.balance + state.reserved + state.roundsOpened + state.ownerCount + state.activeOwners, 0, "fresh");
    }

    function test_createTask_listed() external {
        uint256 first = createTask(terms());
        uint256 second = createTask(terms());
        equal(market.taskCount(), 2, "count");
        equal(market.taskAt(0), first, "first");
        equal(market.taskAt(1), second, "second");
        vm.expectRevert(abi.encodeWithSelector(IMarket.TaskUnknown.selector, 2));
        market.taskAt(2);
        vm.expectRevert(abi.encodeWithSelector(IMarket.TaskUnknown.selector, first ^ second));
        market.task(first ^ second);
    }

    function test_createTask_sameTwice() external {
        TaskTerms memory given = terms();
        uint256 taskId = createTask(given);
        vm.prank(modelOwner);
        vm.expectRevert(abi.encodeWithSelector(IMarket.TaskExists.selector, taskId));
        market.createTask(given, 0);
        isTrue(createTask(given) != taskId, "another nonce");
    }

    /// @dev Who sees a task coming and sends the same terms with the same nonce first gets a task of its own.
    function test_createTask_idIsNotTakenByFrontRunner() external {
        TaskTerms memory given = terms();
        uint256 taskId = taskIdOf(modelOwner, 0, given);
        uint256 copy = market.createTask(given, 0);
        equal(copy, taskIdOf(address(this), 0, given), "the front-runner's");
        isTrue(copy != taskId, "another");
        equal(createTask(given), taskId, "the creator's");
        equal(market.task(taskId).modelOwner, modelOwner, "whose it is");
    }

    function test_createTask_termsHash() external {
        TaskTerms memory given = terms();
        uint256 first = createTask(given);
        uint256 second = createTask(given);
        uint256 third = market.createTask(given, 0);
        equal(market.task(first).termsHash, _termsHash(first, modelOwner, given), "of the task");
        equal(market.task(second).termsHash, _termsHash(second, modelOwner, given), "of the same terms again");
        equal(market.task(third).termsHash, _termsHash(third, address(this), given), "of another creator");
        deployMarket(address(0xBEEF), PARENT_HASH);
        uint256 other = createTask(given);
        equal(market.task(other).termsHash, _termsHash(other, modelOwner, given), "of another deployment");
    }

    /// @dev Every term is in the hash and in the identifier, but for the committee, whose number nobody chooses.
    function test_createTask_hashOfEveryTerm() external {
        TaskTerms memory given = _anyTerms();
        uint256 words = abi.encode(given).length / 32;
        equal(words, 30, "terms");
        bytes memory levelling = address(new LevellingVerifier()).code;
        bytes memory token = address(new SilentToken()).code;
        for (uint256 word = 1; word < words; ++word) {
            bytes memory encoded = abi.encode(given);
            encoded[32 * word + 31] ^= 0x01;
            TaskTerms memory other = abi.decode(encoded, (TaskTerms));
            vm.etch(other.verifier, levelling);
            vm.etch(other.token, token);
            approving.approve(other.verifier);
            uint256 taskId = market.createTask(other, 0);
            equal(taskId, taskIdOf(address(this), 0, other), "identifier");
            equal(market.task(taskId).termsHash, _termsHash(taskId, address(this), other), "terms' hash");
        }
        equal(market.taskCount(), words - 1, "all different");
    }

    /// @dev Grades go with a verifier that gives levels, and with no other.
    function test_createTask_gradingInvalid() external {
        TaskTerms memory t = terms();
        t.step = 1;
        _invalid(t, "step");
        (t.step, t.dither) = (0, 1);
        _invalid(t, "dither");
        (t.dither, t.referenceData) = (0, bytes32(uint256(1)));
        _invalid(t, "referenceData");
        t = gradedTerms(address(new LevellingVerifier()));
        uint8[2][6] memory refused = [[0, 0], [0, 8], [4, 0], [9, 8], [1, 65], [65, 65]];
        for (uint256 i = 0; i < refused.length; ++i) {
            (t.step, t.dither) = (refused[i][0], refused[i][1]);
            _invalid(t, "step");
        }
        (t.step, t.dither, t.bound) = (1, 1, 1 << 32);
        market.createTask(t, 0);
        ++t.bound;
        _invalid(t, "bound");
        (t.step, t.dither, t.bound) = (64, 64, 1 << 38);
        market.createTask(t, 0);
        ++t.bound;
        _invalid(t, "bound");
    }

    /// @dev What is sealed to a key is not published on the chain.
    function test_createTask_sumKeyWithInlinePayload() external {
        TaskTerms memory t = terms();
        (t.manifest, t.sumKey, t.inlinePayload) = (keccak256("manifest"), bytes32(uint256(1)), true);
        _invalid(t, "sumKey");
        t.sumKey = bytes32(uint256(1) << 255);
        _invalid(t, "sumKey");
        t.inlinePayload = false;
        TaskTerms memory kept = market.task(createTask(t)).terms;
        equal(kept.manifest, keccak256("manifest"), "manifest");
        equal(kept.sumKey, bytes32(uint256(1) << 255), "key");
        (t.sumKey, t.inlinePayload) = (0, true);
        createTask(t);
    }

    /// @dev The reference takes one of the circuit's slots.
    function test_createTask_minOwnersBesideAReference() external {
        TaskTerms memory t = gradedTerms(address(new LevellingVerifier()));
        (t.minOwners, t.capacity) = (119, 200);
        equal(market.task(market.createTask(t, 0)).terms.minOwners, 119, "all slots but one");
        t.minOwners = 120;
        _invalid(t, "minOwners");
        t = stubTerms();
        (t.minOwners, t.capacity) = (120, 200);
        equal(market.task(market.createTask(t, 0)).terms.minOwners, 120, "all slots");
    }

    function test_createTask_termsInvalid() external {
        TaskTerms memory t = terms();
        t.coordinator = address(0);
        _invalid(t, "coordinator");
        t = terms();
        t.dimension = 0;
        _invalid(t, "dimension");
        t.dimension = (1 << 28) + 1;
        _invalid(t, "dimension");
        t = terms();
        t.fractionBits = 63;
        _invalid(t, "fractionBits");
        t = terms();
        t.bound = 0;
        _invalid(t, "bound");
        t.bound = 1 << 62;
        _invalid(t, "bound");
        t = terms();
        t.minOwners = 1;
        _invalid(t, "minOwners");
        t.minOwners = 17; // more than the circuit takes
        _invalid(t, "minOwners");
        t = terms();
        t.capacity = 1;
        _invalid(t, "capacity");
        t = terms();
        t.rounds = 0;
        _invalid(t, "rounds");
        t.rounds = 1 << 20;
        _invalid(t, "rounds");
        t = terms();
        t.lapseRounds = 65;
        _invalid(t, "lapseRounds");
    }

    /// @dev Who registers k accounts earns k-fold: without permission only a bonus for what gradients are worth is paid.
    function test_createTask_basePayOfOpenTask() external {
        TaskTerms memory t = terms();
        t.permissioned = false;
        _invalid(t, "basePay");
        (t.basePay, t.bonusPay) = (0, PAY);
        createTask(t);
    }

    /// @dev A round of one second is over before anybody can take part in it.
    function test_createTask_windowsBelowTheMinimum() external {
        TaskTerms memory t = terms();
        t.submitWindow = 1;
        _invalid(t, "submitWindow");
        t.submitWindow = WINDOW - 1;
        _invalid(t, "submitWindow");
        t = terms();
        t.settleWindow = WINDOW - 1;
        _invalid(t, "settleWindow");
        t = terms();
        t.availabilityWindow = WINDOW - 1;
        _invalid(t, "availabilityWindow");
        t = terms();
        t.claimWindow = 180 days - 1;
        _invalid(t, "claimWindow");
        t = terms();
        t.exitDelay = t.settleWindow - 1;
        _invalid(t, "exitDelay");
    }

    function test_createTask_windowsOfAges() external {
        uint32 ages = 3650 days + 1;
        string[5] memory names = ["submitWindow", "settleWindow", "claimWindow", "exitDelay", "availabilityWindow"];
        for (uint256 i = 0; i < names.length; ++i) {
            TaskTerms memory t = terms();
            if (i == 0) t.submitWindow = ages;
            if (i == 1) t.settleWindow = ages;
            if (i == 2) t.claimWindow = ages;
            if (i == 3) t.exitDelay = ages;
            if (i == 4) t.availabilityWindow = ages;
            _invalid(t, names[i]);
        }
    }

    /// @dev What a round of all seats may cost fits in 128 bits, whichever amount is large.
    function test_createTask_amountsBeyondWhatARoundCanPay() external {
        for (uint256 i = 0; i < 6; ++i) {
            TaskTerms memory t = terms();
            uint128 most = type(uint128).max / t.capacity;
            if (i == 0) t.basePay = most + 1;
            if (i == 1) t.bonusPay = most - PAY + 1;
            if (i == 2) t.coordinatorGradientFee = most - PAY + 1;
            if (i == 3) t.coordinatorBatchFee = 2 * (most - PAY) + 2;
            if (i == 4) t.proverGradientFee = type(uint128).max / 4;
            if (i == 5) t.proverBatchFee = type(uint128).max;
            _invalid(t, "amounts");
        }
    }

    /// @dev With N = 2t + 1 every prover is needed, and could hold a paid round to ransom.
    function test_createTask_committeeThatEveryProverCanStop() external {
        TaskTerms memory t = terms();
        t.committeeId = createCommittee(1, 3);
        _invalid(t, "committeeId");
        t.basePay = 0;
        createTask(t);
        t.proverBatchFee = 1;
        _invalid(t, "committeeId");
    }

    /// @dev Nobody can create a committee afterwards under the number that a task names.
    function test_createTask_committeeThatDoesNotExist() external {
        TaskTerms memory t = terms();
        t.committeeId = committee ^ 1;
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.CommitteeUnknown.selector, t.committeeId));
        market.createTask(t, 0);
    }

    /// @dev What is no ERC-20 holds nobody's deposit and no pay: an account, a precompile that answers anything, a contract
    /// without balances or with those alone, an ERC-721, whose number 1 would pass for an amount of 1.
    function test_createTask_tokenThatIsNone() external {
        TaskTerms memory t = terms();
        Collectible collectible = new Collectible();
        collectible.mint(address(this), 1);
        address[6] memory none =
            [address(0x1234), address(2), address(4), REGISTRY, address(new Points()), address(collectible)];
        for (uint256 i = 0; i < none.length; ++i) {
            t.token = none[i];
            _invalid(t, "token");
        }
        t.token = address(new SilentToken());
        createTask(t);
    }

    /// @dev The worst attack on the market before: a verifier with a switch refuses the honest batch, or takes any.
    function test_createTask_verifierNotOfTheFactory() external {
        bytes[] memory families = new bytes[](1);
        families[0] = creationOf("RollupVerifier", "");
        IVerifierFactory factory = IVerifierFactory(create(creationOf("VerifierFactory", abi.encode(families))));
        address made = factory.create(0, abi.encode(keyOf("norm_3")));
        deployTo(address(0xBEEF), creationOf("Market", abi.encode(registry, factory, WINDOW, GUARDIAN)));
        market = IMarket(address(0xBEEF));
        TaskTerms memory t = terms();
        address[4] memory others = [VERIFIER, address(new Delegating(made)), address(0x1234), address(0)];
        for (uint256 i = 0; i < others.length; ++i) {
            t.verifier = others[i];
            _invalid(t, "verifier");
        }
        t.verifier = made;
        createTask(t);
    }

    /// @dev The hash, written anew.
    function _termsHash(uint256 taskId, address creator, TaskTerms memory t) private view returns (bytes32) {
        bytes memory head = abi.encode(keccak256("gradroll/v1/terms"), market.deployment(), taskId, creator);
        return keccak256(bytes.concat(head, abi.encode(t)));
    }

    /// @dev Terms of which each can have another lowest bit.
    function _anyTerms() private view returns (TaskTerms memory t) {
        t = terms();
        (t.basePay, t.bonusPay, t.token) = (0, PAY, address(0x70C0));
        // of which each can be one more or less
        (t.step, t.dither, t.referenceData, t.bound) = (4, 8, keccak256("data"), 1 << 32);
        t.manifest = keccak256("manifest"); // no key: one allows no inline payload
    }

    function _invalid(TaskTerms memory t, string memory term) private {
        vm.expectRevert(abi.encodeWithSelector(IMarket.TermsInvalid.selector, term));
        market.createTask(t, 0);
    }
}
