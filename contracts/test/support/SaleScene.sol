// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IModelSales} from "../../src/models/interfaces/IModelSales.sol";
import {ListingTerms, Royalty} from "../../src/models/types/Listings.sol";
import {Offer, Sale} from "../../src/models/types/Sales.sol";
import {ModelsDouble} from "./ModelsDouble.sol";
import {Stage} from "./Stage.sol";
import {SilentToken, Token} from "./Tokens.sol";

/// @title Sellers, buyers, and a contract of sales over listings of any price
/// @dev Typed data is written anew here, and so is the curve: keys are checked against the precompile by the contract.
abstract contract SaleScene is Stage {
    uint128 internal constant PRICE = 10 ether;
    uint128 internal constant BOND = 3 ether;
    uint32 internal constant REVEAL_WINDOW = 2 hours;
    uint256 internal constant SELLER_KEY = 0x5E11E4;
    uint256 internal constant PARENT_KEY = 0x9A4E47;
    address internal constant BUYER = address(0xB0B);
    bytes32 internal constant LISTING = keccak256("listing");
    bytes32 internal constant PARENT = keccak256("parent listing");

    ModelsDouble internal models;
    IModelSales internal sales;
    address internal seller = vm.addr(SELLER_KEY);

    function stageSales() internal {
        vm.chainId(CHAIN_ID);
        vm.warp(START);
        mine(PARENT_HASH);
        models = new ModelsDouble();
        sales = IModelSales(create(creationOf("ModelSales", abi.encode(models))));
    }

    /// @dev A listing that is proven, with a bond for three sales.
    function listed(bytes32 listing, address token) internal {
        models.put(listing, seller, listingTerms(token));
        models.prove(listing, 90);
        giveBond(listing, token, 3 * BOND);
    }

    function listingTerms(address token) internal pure returns (ListingTerms memory with) {
        (with.token, with.base, with.bond, with.revealWindow) = (token, PRICE, BOND, REVEAL_WINDOW);
    }

    function giveBond(bytes32 listing, address token, uint256 amount) internal {
        fundAccount(seller, token, amount);
        vm.prank(seller);
        sales.depositBond{value: token == address(0) ? amount : 0}(listing, amount);
    }

    /// @dev Gives an account ether, or tokens of which it approves as many.
    function fundAccount(address account, address token, uint256 amount) internal {
        if (token == address(0)) {
            vm.deal(account, account.balance + amount);
            return;
        }
        Token(token).mint(account, amount);
        vm.prank(account);
        SilentToken(token).approve(spender(), amount);
    }

    /// @dev Whom tokens are approved to.
    function spender() internal view virtual returns (address) {
        return address(sales);
    }

    function offerOf(bytes32 listing, uint256 key) internal view returns (Offer memory offer) {
        (uint256 x, uint256 y) = pointOf(key);
        uint256 deadline = vm.getBlockTimestamp() + 1 days;
        return Offer(listing, BUYER, x, y, keccak256(abi.encode("sealed", key)), PRICE, deadline);
    }

    function signOffer(Offer memory offer, uint256 key) internal view returns (bytes memory) {
        return sign(key, offerDigestOf(offer));
    }

    /// @dev What the terms of a listing without parents make of an offer.
    function saleOf(Offer memory offer, address token) internal view returns (Sale memory) {
        return Sale(offer, seller, token, BOND, new Royalty[](0));
    }

    /// @dev The buyer locks what the seller signed.
    function lock(Offer memory offer, address token) internal returns (bytes32) {
        bytes memory signature = signOffer(offer, SELLER_KEY);
        fundAccount(offer.buyer, token, offer.price);
        vm.prank(offer.buyer);
        return sales.lock{value: token == address(0) ? offer.price : 0}(offer, signature);
    }

    /// @dev k'G.
    function pointOf(uint256 key) internal view returns (uint256 x, uint256 y) {
        (bool ok, bytes memory out) = address(7).staticcall(abi.encode(1, 2, key));
        isTrue(ok, "the curve");
        return abi.decode(out, (uint256, uint256));
    }

    function offerDigestOf(Offer memory offer) internal view returns (bytes32) {
        bytes32 kind = keccak256(
            "Offer(bytes32 listing,address buyer,uint256 keyX,uint256 keyY,bytes32 offer,uint256 price,uint256 deadline)"
        );
        return typedFor(address(sales), abi.encode(kind, offer));
    }

    /// @dev EIP-712 under the domain of a contract of this block, written anew.
    function typedFor(address where, bytes memory encoded) internal view returns (bytes32) {
        bytes32 deployment =
            keccak256(abi.encode(keccak256("gradroll/v1/deployment"), block.chainid, where, PARENT_HASH));
        bytes32 kind = keccak256(
            "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)"
        );
        bytes32 separator =
            keccak256(abi.encode(kind, keccak256("gradroll"), keccak256("1"), block.chainid, where, deployment));
        return keccak256(abi.encodePacked(hex"1901", separator, keccak256(encoded)));
    }

    function owedTo(address account, address token) internal view returns (uint256) {
        return sales.owed(token, account);
    }
}
