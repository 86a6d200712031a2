// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IVerifier} from "../src/interfaces/IVerifier.sol";
import {IVerifierFactory} from "../src/interfaces/IVerifierFactory.sol";
import {PolicyKey} from "../src/libraries/PolicyKey.sol";
import {VerifyingKey} from "../src/types/Proofs.sol";
import {Delegating, Keyless} from "./support/Lookalikes.sol";
import {Scene} from "./support/Scene.sol";
import {StubVerifier} from "./support/StubVerifier.sol";

/// @title Who is a verifier, and where it is
contract VerifierFactoryTest is Scene {
    bytes4 private constant FAILED_DEPLOYMENT = bytes4(keccak256("FailedDeployment()"));
    IVerifierFactory private _factory;
    bytes private _code;

    function setUp() external {
        _code = creationOf("RollupVerifier", "");
        _factory = _newFactory(_families(_code));
    }

    function createFactory(bytes[] memory codes) external returns (IVerifierFactory) {
        return _newFactory(codes);
    }

    function test_constructor_families() external {
        bytes[] memory codes = new bytes[](2);
        (codes[0], codes[1]) = (_code, new bytes(24_575));
        IVerifierFactory factory = _newFactory(codes);
        equal(factory.familyCount(), 2, "families");
        for (uint256 i = 0; i < 2; ++i) {
            (address pointer, bytes32 codeHash) = factory.familyCode(i);
            equal(codeHash, keccak256(codes[i]), "hash of the creation code");
            equal(keccak256(pointer.code), keccak256(bytes.concat(hex"00", codes[i])), "code as data, behind a STOP");
        }
    }

    function test_constructor_codeOfOtherLength() external {
        bytes[] memory codes = new bytes[](2);
        codes[0] = _code;
        for (uint256 length = 0; length <= 24_576; length += 24_576) {
            codes[1] = new bytes(length);
            vm.expectRevert(abi.encodeWithSelector(IVerifierFactory.FamilyCodeInvalid.selector, 1, length));
            this.createFactory(codes);
        }
    }

    function test_create_realKeys() external {
        string[3] memory names = ["norm_3", "norm_3_other_gamma", "gas_8"];
        for (uint256 i = 0; i < names.length; ++i) {
            VerifyingKey memory key = keyOf(names[i]);
            address expected = _addressOf(address(_factory), _code, abi.encode(key));
            isTrue(!_factory.isVerifier(expected), "a verifier before it was made");
            vm.expectEmit(true, true, true, true, address(_factory));
            emit IVerifierFactory.VerifierCreated(0, expected, PolicyKey.hash(key));
            vm.prank(address(uint160(i + 1)));
            address created = _factory.create(0, abi.encode(key));
            equal(created, expected, "address by CREATE2");
            isTrue(_factory.isVerifier(created), "a verifier that was made");
            equal(_factory.familyOf(created), 0, "family");
            equal(IVerifier(created).policyKeyHash(), PolicyKey.hash(key), "policy key hash");
            equal(keccak256(abi.encode(IVerifier(created).key())), keccak256(abi.encode(key)), "key");
            equal(IVerifier(created).factory(), address(_factory), "factory");
        }
    }

    /// @dev What a client does that trusts neither factory nor node: code of its release, the rest as the verifier says.
    function test_create_addressFromTheVerifiersOwnWord() external {
        IVerifier created = IVerifier(_factory.create(0, abi.encode(keyOf("norm_3"))));
        equal(_addressOf(created.factory(), _code, abi.encode(created.key())), address(created), "address");
    }

    function test_create_proves() external {
        stage("norm_3", 16);
        Fixture memory fixture = load("norm_3");
        IVerifier created = IVerifier(_factory.create(0, abi.encode(keyOf("norm_3"))));
        (bytes32 batchId, uint256 levels) = created.verify(statementOf(fixture.batch), fixture.batch.proof);
        equal(batchId, fixture.batchId, "batch id");
        equal(levels, 0, "levels");
        isTrue(!created.levelled(), "the family has no levels");
    }

    /// @dev Keys of one family mean nothing to the other, and each verifier says what it is.
    function test_create_ofBothFamilies() external {
        bytes[] memory codes = new bytes[](2);
        (codes[0], codes[1]) = (_code, creationOf("ReferenceVerifier", ""));
        IVerifierFactory factory = _newFactory(codes);
        (bytes memory norm, bytes memory graded) = (abi.encode(keyOf("norm_3")), abi.encode(keyOf("reference_6")));
        IVerifier created = IVerifier(factory.create(1, graded));
        equal(_addressOf(address(factory), codes[1], graded), address(created), "address");
        equal(factory.familyOf(address(created)), 1, "family");
        isTrue(created.levelled(), "the family gives levels");
        equal(created.policyKeyHash(), PolicyKey.hash(keyOf("reference_6")), "policy key hash");
        equal(keccak256(abi.encode(created.key())), keccak256(graded), "key");
        equal(factory.familyOf(factory.create(0, norm)), 0, "family");
        vm.expectRevert(PolicyKey.KeyInvalid.selector);
        factory.create(0, graded);
        vm.expectRevert(PolicyKey.KeyInvalid.selector);
        factory.create(1, norm);
    }

    function test_create_sameKeyTwice() external {
        bytes memory key = abi.encode(keyOf("norm_3"));
        address created = _factory.create(0, key);
        vm.expectRevert(abi.encodeWithSelector(IVerifierFactory.VerifierExists.selector, created));
        _factory.create(0, key);
        isTrue(_factory.isVerifier(created), "the first one stays");
    }

    /// @dev The same code listed as two families makes the same verifier: its family is the first that was asked.
    function test_create_sameCodeInTwoFamilies() external {
        bytes[] memory codes = new bytes[](2);
        (codes[0], codes[1]) = (_code, _code);
        IVerifierFactory factory = _newFactory(codes);
        bytes memory key = abi.encode(keyOf("norm_3"));
        address created = factory.create(1, key);
        equal(factory.familyOf(created), 1, "family");
        vm.expectRevert(abi.encodeWithSelector(IVerifierFactory.VerifierExists.selector, created));
        factory.create(0, key);
    }

    function test_create_familyUnknown() external {
        uint256[2] memory unknown = [uint256(1), type(uint256).max];
        for (uint256 i = 0; i < unknown.length; ++i) {
            bytes memory refusal = abi.encodeWithSelector(IVerifierFactory.FamilyUnknown.selector, unknown[i]);
            vm.expectRevert(refusal);
            _factory.create(unknown[i], abi.encode(keyOf("norm_3")));
            vm.expectRevert(refusal);
            _factory.familyCode(unknown[i]);
        }
    }

    function test_create_degenerateKeys() external {
        VerifyingKey memory key = keyOf("norm_3");
        key.capacity = 121;
        _invalid(key);
        key = keyOf("norm_3");
        key.alpha = [uint256(0), 0];
        _invalid(key);
        key = keyOf("norm_3");
        ++key.inputs[2][1];
        _invalid(key);
        key = keyOf("norm_3");
        key.delta = key.gamma;
        _invalid(key);
        key = keyOf("norm_3");
        key.sigma = key.tau;
        _invalid(key);
        key = keyOf("norm_3");
        key.inputs = new uint256[2][](3);
        _invalid(key);
    }

    /// @dev Each would be another address, with the same code, for one key.
    function test_create_keyNotCanonical() external {
        bytes memory key = abi.encode(keyOf("norm_3"));
        _notCanonical(bytes.concat(key, hex"00"));
        _notCanonical(bytes.concat(key, key));
        bytes memory shifted = bytes.concat(bytes32(uint256(0x40)), bytes32(0));
        for (uint256 i = 0x20; i < key.length; ++i) {
            shifted = bytes.concat(shifted, key[i]);
        }
        _notCanonical(shifted);
    }

    function test_create_noKeyAtAll() external {
        bytes memory key = abi.encode(keyOf("norm_3"));
        for (uint256 length = 0; length < key.length; length += 31) {
            bytes memory cut = new bytes(length);
            for (uint256 i = 0; i < length; ++i) {
                cut[i] = key[i];
            }
            vm.expectRevert(FAILED_DEPLOYMENT);
            _factory.create(0, cut);
        }
    }

    /// @dev A family whose code is no verifier makes nothing that counts as one.
    function test_create_familyWithoutKey() external {
        IVerifierFactory factory = _newFactory(_families(type(Keyless).creationCode));
        bytes memory key = abi.encode(keyOf("norm_3"));
        address expected = _addressOf(address(factory), type(Keyless).creationCode, key);
        vm.expectRevert();
        factory.create(0, key);
        isTrue(!factory.isVerifier(expected) && expected.code.length == 0, "it was made");
    }

    /// @dev With little gas a sound key is made or not, but never called bad, nor half made.
    function test_create_starved() external {
        bytes memory key = abi.encode(keyOf("norm_3"));
        address expected = _addressOf(address(_factory), _code, key);
        for (uint256 gasGiven = 50_000; gasGiven < 3_000_000; gasGiven += 9_973) {
            uint256 state = vm.snapshotState();
            try _factory.create{gas: gasGiven}(0, key) returns (address created) {
                isTrue(created == expected && _factory.isVerifier(expected), "it is elsewhere");
            } catch (bytes memory refusal) {
                isTrue(
                    refusal.length == 0 || bytes4(refusal) != PolicyKey.KeyInvalid.selector, "the key was called bad"
                );
                isTrue(!_factory.isVerifier(expected), "a verifier that was not made");
            }
            vm.revertToState(state);
        }
    }

    function test_isVerifier_lookalikes() external {
        bytes memory key = abi.encode(keyOf("norm_3"));
        address created = _factory.create(0, key);
        IVerifierFactory other = _newFactory(_families(_code));
        address[7] memory lookalikes = [
            create(bytes.concat(_code, key)), // the same code and key, made by somebody else
            other.create(0, key),
            address(new Delegating(created)), // answers as the verifier does
            address(new StubVerifier("stub")),
            address(0),
            address(this),
            address(_factory)
        ];
        for (uint256 i = 0; i < lookalikes.length; ++i) {
            _unknown(lookalikes[i]);
        }
        (address pointer,) = _factory.familyCode(0);
        _unknown(pointer);
    }

    function testFuzz_isVerifier_anybody(address anybody) external {
        address created = _factory.create(0, abi.encode(keyOf("norm_3")));
        vm.assume(anybody != created);
        _unknown(anybody);
    }

    function _newFactory(bytes[] memory codes) private returns (IVerifierFactory) {
        return IVerifierFactory(create(creationOf("VerifierFactory", abi.encode(codes))));
    }

    function _families(bytes memory code) private pure returns (bytes[] memory codes) {
        codes = new bytes[](1);
        codes[0] = code;
    }

    /// @dev EIP-1014, written anew.
    function _addressOf(address factory, bytes memory code, bytes memory key) private pure returns (address) {
        bytes32 creation = keccak256(bytes.concat(code, key));
        return address(uint160(uint256(keccak256(abi.encodePacked(hex"ff", factory, bytes32(0), creation)))));
    }

    function _invalid(VerifyingKey memory key) private {
        _refused(abi.encode(key), PolicyKey.KeyInvalid.selector);
    }

    function _notCanonical(bytes memory key) private {
        _refused(key, IVerifierFactory.KeyNotCanonical.selector);
    }

    function _refused(bytes memory key, bytes4 refusal) private {
        address expected = _addressOf(address(_factory), _code, key);
        vm.expectRevert(refusal);
        _factory.create(0, key);
        isTrue(!_factory.isVerifier(expected) && expected.code.length == 0, "it was made");
    }

    function _unknown(address lookalike) private {
        isTrue(!_factory.isVerifier(lookalike), "a lookalike counts as a verifier");
        vm.expectRevert(abi.encodeWithSelector(IVerifierFactory.VerifierUnknown.selector, lookalike));
        _factory.familyOf(lookalike);
    }
}
