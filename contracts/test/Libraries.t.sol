// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BN254} from "../src/libraries/BN254.sol";
import {CompressedPoint} from "../src/libraries/CompressedPoint.sol";
import {Signatures} from "../src/libraries/Signatures.sol";
import {IVerifier} from "../src/interfaces/IVerifier.sol";
import {Proof} from "../src/types/Proofs.sol";
import {SumCheck} from "../src/libraries/SumCheck.sol";
import {Scene} from "./support/Scene.sol";

/// @dev Calls libraries that take calldata.
contract LibraryCaller {
    function scalars(Proof calldata proof, uint256 dimension, uint256 zeta, uint256 v, uint256 u, uint256 k2)
        external
        pure
        returns (SumCheck.Scalars memory)
    {
        return SumCheck.scalars(proof, dimension, zeta, v, u, k2);
    }
}

/// @title Libraries against plain references
contract LibrariesTest is Scene {
    LibraryCaller private _caller = new LibraryCaller();

    function testFuzz_compress_roundTrip(uint256 scalar) external view {
        (uint256 x, uint256 y) = _multiple(scalar);
        (uint256 x2, uint256 y2) = CompressedPoint.decompress(CompressedPoint.compress(x, y));
        equal(x2, x, "x");
        equal(y2, y, "y");
        if (y != 0) {
            (x2, y2) = CompressedPoint.decompress(CompressedPoint.compress(x, BN254.P - y));
            equal(y2, BN254.P - y, "negative y");
        }
    }

    function test_compress_infinity() external view {
        (uint256 x, uint256 y) = CompressedPoint.decompress(CompressedPoint.compress(0, 0));
        equal(x + y, 0, "infinity");
    }

    function testFuzz_recover_lowS(bytes32 digest, uint256 key) external view {
        key = key % (1 << 250) + 1;
        (bytes32 r, bytes32 vs) = signCompact(key, digest);
        equal(Signatures.recover(digest, r, vs), vm.addr(key), "signer");
    }

    /// @dev Against the precompile, which takes high s. Half of the inputs have an s of the few above n/2 that fit.
    function testFuzz_recover_reference(bytes32 digest, bytes32 r, uint256 s, bool odd, bool high) external view {
        uint256 half = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;
        s = high ? half + 1 + s % ((1 << 255) - half - 1) : half - s % half;
        address expected = ecrecover(digest, odd ? 28 : 27, r, bytes32(s));
        bytes32 vs = bytes32(s | (odd ? 1 << 255 : 0));
        equal(Signatures.recover(digest, r, vs), high ? address(0) : expected, "signer");
    }

    function testFuzz_recover_otherParity(bytes32 digest, uint256 key) external view {
        key = key % (1 << 250) + 1;
        (bytes32 r, bytes32 vs) = signCompact(key, digest);
        isTrue(Signatures.recover(digest, r, vs ^ bytes32(uint256(1 << 255))) != vm.addr(key), "either v is taken");
    }

    function test_recover_nonsense() external view {
        equal(Signatures.recover(0, 0, 0), address(0), "zeros");
        bytes32 highest = 0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff;
        equal(Signatures.recover(keccak256("x"), bytes32(uint256(1)), highest), address(0), "high s");
    }

    function test_rootOfUnity_orders() external view {
        for (uint256 odd = 1; odd <= 9; odd *= 3) {
            for (uint256 log = 1; log <= 28; ++log) {
                uint256 size = odd << log;
                uint256 root = BN254.rootOfUnity(odd, log);
                equal(root, BN254.power(5, (BN254.R - 1) / size, BN254.R), "5^((r-1)/n)");
                equal(BN254.power(root, size / 2, BN254.R), BN254.R - 1, "half order");
                if (odd == 1) continue;
                equal(BN254.power(root, size / 3, BN254.R) == 1 ? 1 : 0, 0, "a third of the order");
            }
        }
    }

    function testFuzz_domain_isTheLeastThatHoldsTheModel(uint256 dimension) external pure {
        dimension = dimension % ((1 << 28) - 513) + 513;
        (uint256 odd, uint256 log) = SumCheck.domain(dimension);
        uint256 size = odd << log;
        equal(dimension <= size ? 1 : 0, 1, "holds the model");
        for (uint256 other = 1; other <= 9; other *= 3) {
            uint256 exponent = 0;
            while (other << exponent < dimension) ++exponent;
            equal(size <= other << exponent ? 1 : 0, 1, "no smaller one");
        }
    }

    function test_domain_examples() external pure {
        uint256[2][8] memory examples = [
            [uint256(1), 2],
            [uint256(512), 512],
            [uint256(513), 576],
            [uint256(650), 768],
            [uint256(769), 1024],
            [uint256(61_470), 65_536],
            [uint256(270_896), 294_912],
            [uint256(1 << 28), 1 << 28]
        ];
        for (uint256 i = 0; i < examples.length; ++i) {
            (uint256 odd, uint256 log) = SumCheck.domain(examples[i][0]);
            equal(odd << log, examples[i][1], "size");
        }
    }

    /// @dev The coefficient of G1 with Q(zeta) computed by an inversion, and the weight with zeta^n computed by a power.
    function testFuzz_scalars_reference(uint256[6] memory seeds, uint32 dimension) external view {
        uint256 r = BN254.R;
        dimension = dimension % (1 << 28) + 1;
        for (uint256 i = 0; i < 6; ++i) {
            seeds[i] %= r;
        }
        (uint256 zeta, uint256 v, uint256 u, uint256 k2) = (seeds[0], seeds[1], seeds[2], seeds[3]);
        Proof memory proof;
        (proof.aZeta, proof.sZeta, proof.sOmegaZeta, proof.squareNorm) = (seeds[4], seeds[5], seeds[4] ^ 1, k2 / 2);
        proof.sOmegaZeta %= r;
        (uint256 odd, uint256 log) = SumCheck.domain(dimension);
        uint256 size = odd << log;
        uint256 vanishing = addmod(BN254.power(zeta, size, r), r - 1, r);
        vm.assume(vanishing != 0);
        SumCheck.Scalars memory out = _caller.scalars(proof, dimension, zeta, v, u, k2);
        equal(out.weight, mulmod(k2, mulmod(size, vanishing, r), r), "weight");
        uint256 q = addmod(proof.sOmegaZeta, 2 * r - proof.sZeta - mulmod(proof.aZeta, proof.aZeta, r), r);
        q = addmod(q, mulmod(proof.squareNorm, BN254.power(size, r - 2, r), r), r);
        q = mulmod(q, BN254.power(vanishing, r - 2, r), r);
        uint256 value = addmod(proof.aZeta, mulmod(v, proof.sZeta, r), r);
        value = addmod(value, mulmod(mulmod(v, v, r), q, r), r);
        value = addmod(value, mulmod(u, proof.sOmegaZeta, r), r);
        equal(out.one % r, (r - mulmod(out.weight, value, r)) % r, "coefficient of G1");
    }

    function test_scalars_openingPointInDomain() external {
        Proof memory proof;
        uint256[4] memory dimensions = [uint256(2), 650, 1 << 20, 1 << 28];
        for (uint256 i = 0; i < 4; ++i) {
            (uint256 odd, uint256 log) = SumCheck.domain(dimensions[i]);
            uint256 root = BN254.rootOfUnity(odd, log);
            vm.expectRevert(IVerifier.OpeningPointInDomain.selector);
            _caller.scalars(proof, dimensions[i], 1, 2, 3, 4);
            vm.expectRevert(IVerifier.OpeningPointInDomain.selector);
            _caller.scalars(proof, dimensions[i], root, 2, 3, 4);
            vm.expectRevert(IVerifier.OpeningPointInDomain.selector);
            _caller.scalars(proof, dimensions[i], mulmod(root, root, BN254.R), 2, 3, 4);
        }
    }

    function _multiple(uint256 scalar) private view returns (uint256 x, uint256 y) {
        (bool ok, bytes memory out) = address(7).staticcall(abi.encode(uint256(1), uint256(2), scalar));
        isTrue(ok, "ecMul");
        return abi.decode(out, (uint256, uint256));
    }
}
