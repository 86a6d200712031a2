// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AccountSignatures} from "../libraries/AccountSignatures.sol";
import {Funds} from "../libraries/Funds.sol";
import {ModelAccounts} from "./ModelAccounts.sol";
import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {IModelSales} from "./interfaces/IModelSales.sol";
import {Offerings} from "./libraries/Offerings.sol";
import {SwapKeys} from "./libraries/SwapKeys.sol";
import {ListingView, Quote, Royalty} from "./types/Listings.sol";
import {Offer, Sale, SaleStatus} from "./types/Sales.sol";

/// @title Sales of listed models
/// @notice See `IModelSales`. Invariant, for each token: the contract holds the bonds of all listings, free and staked, the prices
/// of all open sales, and all credits.
contract ModelSales is IModelSales, ModelAccounts {
    /// @dev Bond of a listing, in one word that is empty only when nothing is held.
    struct Bond {
        uint128 free;
        uint128 staked;
    }

    uint256 private constant MAX_DEADLINE = 30 days;
    uint256 private constant SHARES = 10_000;
    /// @dev Stands for the hash of a sale that is over.
    bytes32 private constant OVER = bytes32(uint256(1));

    /// @dev Hash of each open sale. A seller's K' has one, for good: under a key that was revealed before, nobody has to
    /// wait for the seller any more.
    mapping(bytes32 sale => bytes32) private _sales;
    mapping(bytes32 listing => Bond) private _bonds;

    constructor(IModelRegistry models_) ModelAccounts(models_) {}

    /// @inheritdoc IModelSales
    function depositBond(bytes32 listing, uint256 amount) external payable nonReentrant {
        address token = models.listing(listing).terms.token;
        Bond storage bond = _bonds[listing];
        uint256 free = bond.free + amount;
        if (amount == 0 || free + bond.staked > type(uint128).max) revert BondAmountInvalid(amount);
        bond.free = uint128(free);
        emit BondDeposited(listing, msg.sender, amount, free);
        Funds.take(token, amount);
    }

    /// @inheritdoc IModelSales
    function withdrawBond(bytes32 listing, uint256 amount, address to) external nonReentrant {
        ListingView memory listed = models.listing(listing);
        if (msg.sender != listed.seller) revert NotTheSeller(listing, msg.sender);
        if (to == address(0)) revert RecipientInvalid();
        if (amount == 0) revert BondAmountInvalid(amount);
        Bond storage bond = _bonds[listing];
        uint256 free = bond.free;
        if (amount > free) revert BondTooLow(listing, free, amount);
        bond.free = uint128(free - amount);
        emit BondWithdrawn(listing, to, amount, free - amount);
        Funds.pay(listed.terms.token, to, amount);
    }

    /// @inheritdoc IModelSales
    function lock(Offer calldata offer, bytes calldata signature) external payable nonReentrant returns (bytes32 sale) {
        if (msg.sender != offer.buyer) revert NotBuyer(msg.sender, offer.buyer);
        Quote memory quote = models.quote(offer.listing);
        if (offer.price != quote.price) revert PriceDiffers(offer.price, quote.price);
        (uint256 least, uint256 most) = (block.timestamp + quote.revealWindow, block.timestamp + MAX_DEADLINE);
        if (offer.deadline < least || offer.deadline > most) revert DeadlineOutOfRange(offer.deadline, least, most);
        SwapKeys.requirePoint(offer.keyX, offer.keyY);
        if (!AccountSignatures.isSigned(quote.seller, offerDigest(offer), signature)) revert NotSigned(quote.seller);
        sale = saleId(quote.seller, offer.keyX, offer.keyY);
        if (_sales[sale] != 0) revert KeyUsed(sale);
        _stake(offer.listing, quote.bond);
        Sale memory terms = Sale(offer, quote.seller, quote.token, quote.bond, quote.royalties);
        _sales[sale] = keccak256(abi.encode(terms));
        emit Locked(sale, offer.listing, msg.sender, terms);
        Funds.take(quote.token, offer.price);
    }

    /// @inheritdoc IModelSales
    function reveal(Sale calldata terms, uint256 key) external nonReentrant {
        bytes32 sale = _finish(terms);
        Offer calldata offer = terms.offer;
        if (block.timestamp > offer.deadline) revert RevealTooLate(offer.deadline);
        SwapKeys.requireKey(key, offer.keyX, offer.keyY);
        _release(offer.listing, terms.bond, true);
        emit Revealed(sale, key);
        uint256 rest = offer.price;
        for (uint256 i = 0; i < terms.royalties.length; ++i) {
            Royalty calldata royalty = terms.royalties[i];
            uint256 share = offer.price * royalty.share / SHARES;
            rest -= share;
            _credit(terms.token, royalty.recipient, share);
        }
        _credit(terms.token, terms.seller, rest);
    }

    /// @inheritdoc IModelSales
    function refund(Sale calldata terms) external nonReentrant {
        bytes32 sale = _finish(terms);
        Offer calldata offer = terms.offer;
        if (block.timestamp <= offer.deadline) revert RefundTooEarly(offer.deadline);
        _release(offer.listing, terms.bond, false);
        emit Refunded(sale, offer.price, terms.bond);
        _credit(terms.token, offer.buyer, offer.price + terms.bond);
    }

    /// @inheritdoc IModelSales
    function bondOf(bytes32 listing) external view returns (uint256 free, uint256 staked) {
        Bond storage bond = _bonds[listing];
        return (bond.free, bond.staked);
    }

    /// @inheritdoc IModelSales
    function statusOf(bytes32 sale) external view returns (SaleStatus) {
        bytes32 held = _sales[sale];
        return held == 0 ? SaleStatus.Unknown : held == OVER ? SaleStatus.Over : SaleStatus.Open;
    }

    /// @inheritdoc IModelSales
    function offerDigest(Offer calldata offer) public view returns (bytes32) {
        return _digest(Offerings.ofOffer(offer));
    }

    /// @inheritdoc IModelSales
    function saleId(address seller, uint256 keyX, uint256 keyY) public pure returns (bytes32) {
        return keccak256(abi.encode(seller, keyX, keyY));
    }

    /// @dev Requires that a sale is open, and writes down that it is over.
    function _finish(Sale calldata terms) private returns (bytes32 sale) {
        sale = saleId(terms.seller, terms.offer.keyX, terms.offer.keyY);
        if (_sales[sale] != keccak256(abi.encode(terms))) revert SaleNotOpen(sale);
        _sales[sale] = OVER;
    }

    function _stake(bytes32 listing, uint128 amount) private {
        if (amount == 0) return;
        Bond storage bond = _bonds[listing];
        uint128 free = bond.free;
        if (free < amount) revert BondTooLow(listing, free, amount);
        (bond.free, bond.staked) = (free - amount, bond.staked + amount);
    }

    /// @dev Takes a stake off, which is free again or leaves the listing.
    function _release(bytes32 listing, uint256 amount, bool kept) private {
        if (amount == 0) return;
        Bond storage bond = _bonds[listing];
        bond.staked -= uint128(amount);
        if (kept) bond.free += uint128(amount);
    }
}
