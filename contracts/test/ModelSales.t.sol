// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BN254} from "../src/libraries/BN254.sol";
import {Funds} from "../src/libraries/Funds.sol";
import {IModelRegistry} from "../src/models/interfaces/IModelRegistry.sol";
import {IAccounts} from "../src/interfaces/IAccounts.sol";
import {IModelAccounts} from "../src/models/interfaces/IModelAccounts.sol";
import {IModelSales} from "../src/models/interfaces/IModelSales.sol";
import {ListingTerms, Parent, Royalty} from "../src/models/types/Listings.sol";
import {Offer, Sale, SaleStatus} from "../src/models/types/Sales.sol";
import {SaleScene} from "./support/SaleScene.sol";
import {Wallet} from "./support/Recipients.sol";

/// @title Sales of models in ether: what they pay, and what they refuse
contract ModelSalesTest is SaleScene {
    address private constant ETHER = address(0);
    uint256 private constant KEY = 0xC0FFEE;

    function setUp() external {
        stageSales();
        listed(LISTING, ETHER);
    }

    function test_reveal_paysTheSellerAndFreesTheBond() external {
        Offer memory offer = offerOf(LISTING, KEY);
        bytes32 sale = lock(offer, ETHER);
        isTrue(sale == keccak256(abi.encode(seller, offer.keyX, offer.keyY)), "identifier");
        isTrue(sales.statusOf(sale) == SaleStatus.Open, "open");
        _bond(2 * BOND, BOND);
        vm.warp(offer.deadline);
        vm.prank(address(0xAB0D)); // whoever sends it
        sales.reveal(saleOf(offer, ETHER), KEY);
        isTrue(sales.statusOf(sale) == SaleStatus.Over, "over");
        equal(owedTo(seller, ETHER), PRICE, "the price");
        _bond(3 * BOND, 0);
        sales.collect(ETHER, seller, seller);
        equal(seller.balance, PRICE, "collected");
        equal(address(sales).balance, 3 * BOND, "the bond is left");
        vm.prank(seller);
        sales.withdrawBond(LISTING, 3 * BOND, address(0xF00));
        equal(address(0xF00).balance, 3 * BOND, "taken back");
    }

    function test_refund_givesPriceAndBondToTheBuyer() external {
        Offer memory offer = offerOf(LISTING, KEY);
        bytes32 sale = lock(offer, ETHER);
        Sale memory terms = saleOf(offer, ETHER);
        vm.warp(offer.deadline);
        vm.expectRevert(abi.encodeWithSelector(IModelSales.RefundTooEarly.selector, offer.deadline));
        sales.refund(terms);
        vm.warp(offer.deadline + 1);
        sales.refund(terms);
        equal(owedTo(BUYER, ETHER), PRICE + BOND, "price and bond");
        _bond(2 * BOND, 0);
        isTrue(sales.statusOf(sale) == SaleStatus.Over, "over");
        _notOpen(terms, sale);
    }

    /// @dev In the mempool a late key would be public, and the price back with the buyer.
    function test_attack_lateReveal() external {
        Offer memory offer = offerOf(LISTING, KEY);
        lock(offer, ETHER);
        Sale memory terms = saleOf(offer, ETHER);
        vm.warp(offer.deadline + 1);
        vm.expectRevert(abi.encodeWithSelector(IModelSales.RevealTooLate.selector, offer.deadline));
        sales.reveal(terms, KEY);
    }

    function test_attack_moneyTwice() external {
        Offer memory offer = offerOf(LISTING, KEY);
        bytes32 sale = lock(offer, ETHER);
        Sale memory terms = saleOf(offer, ETHER);
        sales.reveal(terms, KEY);
        vm.warp(offer.deadline + 1);
        _notOpen(terms, sale);
    }

    function test_attack_otherKeys() external {
        Offer memory offer = offerOf(LISTING, KEY);
        lock(offer, ETHER);
        Sale memory terms = saleOf(offer, ETHER);
        uint256[5] memory keys = [uint256(0), KEY + 1, BN254.R - KEY, BN254.R + KEY, BN254.R];
        for (uint256 i = 0; i < keys.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IModelAccounts.KeyMismatch.selector, keys[i]));
            sales.reveal(terms, keys[i]);
        }
    }

    function testFuzz_reveal_anyKey(uint256 key) external {
        key = 1 + key % (BN254.R - 1);
        Offer memory offer = offerOf(LISTING, key);
        lock(offer, ETHER);
        sales.reveal(saleOf(offer, ETHER), key);
        equal(owedTo(seller, ETHER), PRICE, "paid");
    }

    /// @dev Points that nobody has a key for: infinity, off the curve, and those that are not canonical.
    function test_attack_pointsWithoutAKey() external {
        Offer memory offer = offerOf(LISTING, KEY);
        uint256[2][4] memory points = [
            [uint256(0), uint256(0)],
            [uint256(1), uint256(3)],
            [offer.keyX + BN254.P, offer.keyY],
            [offer.keyX, offer.keyY + BN254.P]
        ];
        for (uint256 i = 0; i < points.length; ++i) {
            (offer.keyX, offer.keyY) = (points[i][0], points[i][1]);
            _refused(offer, abi.encodeWithSelector(IModelAccounts.KeyPointInvalid.selector, offer.keyX, offer.keyY));
        }
    }

    /// @dev Everything in a sale that is handed in is what was locked: who is paid, what, in which token, how long.
    function test_attack_otherTermsThanLocked() external {
        Offer memory offer = offerOf(LISTING, KEY);
        lock(offer, ETHER);
        for (uint256 which = 0; which < 11; ++which) {
            Sale memory terms = saleOf(offer, ETHER);
            if (which == 0) terms.offer.listing = PARENT;
            if (which == 1) terms.offer.buyer = address(1);
            if (which == 2) terms.offer.keyX ^= 1;
            if (which == 3) terms.offer.keyY ^= 1;
            if (which == 4) terms.offer.offer = 0;
            if (which == 5) terms.offer.price += 1;
            if (which == 6) terms.offer.deadline += 1;
            if (which == 7) terms.seller = address(2);
            if (which == 8) terms.token = address(3);
            if (which == 9) terms.bond += 1;
            if (which == 10) terms.royalties = _royaltyTo(address(4));
            bytes32 sale = sales.saleId(terms.seller, terms.offer.keyX, terms.offer.keyY);
            _notOpen(terms, sale);
        }
    }

    /// @dev A signature is for one listing, buyer, key, row, price, time, contract and chain.
    function test_attack_signatureForSomethingElse() external {
        listed(keccak256("another"), ETHER);
        bytes memory signature = signOffer(offerOf(LISTING, KEY), SELLER_KEY);
        bytes memory refusal = abi.encodeWithSelector(IModelAccounts.NotSigned.selector, seller);
        for (uint256 which = 0; which < 5; ++which) {
            Offer memory offer = offerOf(LISTING, KEY);
            if (which == 0) offer.listing = keccak256("another");
            if (which == 1) offer.buyer = address(this);
            if (which == 2) (offer.keyX, offer.keyY) = pointOf(KEY + 1);
            if (which == 3) offer.offer = 0;
            if (which == 4) offer.deadline += 1;
            _refusedWith(offer, signature, refusal);
        }
        vm.chainId(CHAIN_ID + 1);
        _refusedWith(offerOf(LISTING, KEY), signature, refusal);
        vm.chainId(CHAIN_ID);
        sales = IModelSales(create(creationOf("ModelSales", abi.encode(models))));
        _refusedWith(offerOf(LISTING, KEY), signature, refusal);
        _refusedWith(offerOf(LISTING, KEY), signOffer(offerOf(LISTING, KEY), SELLER_KEY + 1), refusal);
        _refusedWith(offerOf(LISTING, KEY), "", refusal);
    }

    function test_attack_anotherLocks() external {
        Offer memory offer = offerOf(LISTING, KEY);
        bytes memory signature = signOffer(offer, SELLER_KEY);
        vm.deal(address(this), PRICE);
        vm.expectRevert(abi.encodeWithSelector(IModelSales.NotBuyer.selector, address(this), BUYER));
        sales.lock{value: PRICE}(offer, signature);
    }

    /// @dev The seller's other offers do not fail by a stranger who locks its key under a listing of its own.
    function test_keyIsUsedOnce_bySeller() external {
        Offer memory offer = offerOf(LISTING, KEY);
        bytes32 sale = lock(offer, ETHER);
        _refused(offer, abi.encodeWithSelector(IModelSales.KeyUsed.selector, sale));
        sales.reveal(saleOf(offer, ETHER), KEY);
        offer.deadline += 1;
        _refused(offer, abi.encodeWithSelector(IModelSales.KeyUsed.selector, sale));
        models.put(PARENT, vm.addr(PARENT_KEY), listingTerms(ETHER));
        models.prove(PARENT, 1);
        giveBond(PARENT, ETHER, BOND);
        offer.listing = PARENT;
        bytes memory signature = signOffer(offer, PARENT_KEY);
        vm.deal(BUYER, PRICE);
        vm.prank(BUYER);
        isTrue(sales.lock{value: PRICE}(offer, signature) != sale, "another seller's");
    }

    function test_lock_priceAndMoneyAreTheListings() external {
        Offer memory offer = offerOf(LISTING, KEY);
        offer.price = PRICE - 1;
        _refused(offer, abi.encodeWithSelector(IModelSales.PriceDiffers.selector, PRICE - 1, PRICE));
        offer.price = PRICE;
        bytes memory signature = signOffer(offer, SELLER_KEY);
        vm.deal(BUYER, PRICE);
        vm.expectRevert(abi.encodeWithSelector(Funds.EtherMismatch.selector, PRICE - 1, PRICE));
        vm.prank(BUYER);
        sales.lock{value: PRICE - 1}(offer, signature);
        // What costs more by now is not sold for the old price, though the seller signed that.
        ListingTerms memory with = listingTerms(ETHER);
        with.base = PRICE + 1;
        models.put(LISTING, seller, with);
        _refused(offer, abi.encodeWithSelector(IModelSales.PriceDiffers.selector, PRICE, PRICE + 1));
    }

    function test_lock_deadline() external {
        Offer memory offer = offerOf(LISTING, KEY);
        (uint256 least, uint256 most) = (START + REVEAL_WINDOW, START + 30 days);
        uint256[2] memory wrong = [least - 1, most + 1];
        for (uint256 i = 0; i < 2; ++i) {
            offer.deadline = wrong[i];
            _refused(
                offer, abi.encodeWithSelector(IModelSales.DeadlineOutOfRange.selector, offer.deadline, least, most)
            );
        }
        offer.deadline = least;
        lock(offer, ETHER);
        offer = offerOf(LISTING, KEY + 1);
        offer.deadline = most;
        lock(offer, ETHER);
    }

    function test_lock_unlistedOrUnproven() external {
        models.put(PARENT, seller, listingTerms(ETHER));
        giveBond(PARENT, ETHER, BOND);
        _refused(offerOf(PARENT, KEY), abi.encodeWithSelector(IModelRegistry.NotFullyProven.selector, PARENT));
        Offer memory open = offerOf(LISTING, KEY);
        lock(open, ETHER);
        models.close(LISTING);
        _refused(offerOf(LISTING, KEY + 1), abi.encodeWithSelector(IModelRegistry.ListingClosed.selector, LISTING));
        sales.reveal(saleOf(open, ETHER), KEY);
        equal(owedTo(seller, ETHER), PRICE, "open sales go on");
    }

    /// @dev A bond stakes one sale at a time, and what is staked does not leave.
    function test_bond_coversSoManySales() external {
        for (uint256 i = 0; i < 3; ++i) {
            lock(offerOf(LISTING, KEY + i), ETHER);
        }
        _bond(0, 3 * BOND);
        _refused(offerOf(LISTING, KEY + 3), abi.encodeWithSelector(IModelSales.BondTooLow.selector, LISTING, 0, BOND));
        vm.prank(seller);
        vm.expectRevert(abi.encodeWithSelector(IModelSales.BondTooLow.selector, LISTING, 0, 1));
        sales.withdrawBond(LISTING, 1, seller);
    }

    function test_bond_isTheSellers() external {
        vm.expectRevert(abi.encodeWithSelector(IModelSales.NotTheSeller.selector, LISTING, address(this)));
        sales.withdrawBond(LISTING, BOND, address(this));
        vm.startPrank(seller);
        vm.expectRevert(IAccounts.RecipientInvalid.selector);
        sales.withdrawBond(LISTING, BOND, address(0));
        vm.expectRevert(abi.encodeWithSelector(IModelSales.BondAmountInvalid.selector, 0));
        sales.withdrawBond(LISTING, 0, seller);
        vm.expectRevert(abi.encodeWithSelector(IModelSales.BondAmountInvalid.selector, 0));
        sales.depositBond(LISTING, 0);
        uint256 much = uint256(type(uint128).max) - 3 * BOND + 1;
        vm.deal(seller, much);
        vm.expectRevert(abi.encodeWithSelector(IModelSales.BondAmountInvalid.selector, much));
        sales.depositBond{value: much}(LISTING, much);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.ListingUnknown.selector, PARENT));
        sales.depositBond{value: 1}(PARENT, 1);
        vm.expectRevert(abi.encodeWithSelector(Funds.EtherMismatch.selector, 1, 2));
        sales.depositBond{value: 1}(LISTING, 2);
    }

    function test_bond_none() external {
        ListingTerms memory with = listingTerms(ETHER);
        with.bond = 0;
        models.put(PARENT, seller, with);
        models.prove(PARENT, 1);
        Offer memory offer = offerOf(PARENT, KEY);
        lock(offer, ETHER);
        Sale memory terms = saleOf(offer, ETHER);
        terms.bond = 0;
        vm.warp(offer.deadline + 1);
        sales.refund(terms);
        equal(owedTo(BUYER, ETHER), PRICE, "the price alone");
    }

    function test_royalties_goToParentsAndTheRestToTheSeller() external {
        address parent = vm.addr(PARENT_KEY);
        models.put(PARENT, parent, listingTerms(ETHER));
        ListingTerms memory with = listingTerms(ETHER);
        (with.base, with.parents) = (PRICE + 1, new Parent[](2));
        with.parents[0] = Parent(PARENT, 3333);
        with.parents[1] = Parent(LISTING, 1); // its seller is the same
        bytes32 child = keccak256("child");
        models.put(child, seller, with);
        models.prove(child, 1);
        giveBond(child, ETHER, BOND);
        Offer memory offer = offerOf(child, KEY);
        offer.price = PRICE + 1;
        lock(offer, ETHER);
        Sale memory terms = saleOf(offer, ETHER);
        terms.royalties = models.quote(child).royalties;
        sales.reveal(terms, KEY);
        equal(owedTo(parent, ETHER), 3.333 ether, "rounded down");
        equal(owedTo(seller, ETHER), PRICE + 1 - 3.333 ether, "nothing is lost");
    }

    function test_lock_byAContractsSignature() external {
        address wallet = address(new Wallet(vm.addr(SELLER_KEY)));
        models.put(PARENT, wallet, listingTerms(ETHER));
        models.prove(PARENT, 1);
        giveBond(PARENT, ETHER, BOND);
        Offer memory offer = offerOf(PARENT, KEY);
        lock(offer, ETHER);
        Sale memory terms = saleOf(offer, ETHER);
        terms.seller = wallet;
        sales.reveal(terms, KEY);
        equal(owedTo(wallet, ETHER), PRICE, "paid");
    }

    function test_collect_elsewhereByTheAccountOnly() external {
        Offer memory offer = offerOf(LISTING, KEY);
        lock(offer, ETHER);
        sales.reveal(saleOf(offer, ETHER), KEY);
        vm.expectRevert(IAccounts.RecipientInvalid.selector);
        sales.collect(ETHER, seller, address(this));
        vm.expectRevert(IAccounts.RecipientInvalid.selector);
        sales.collect(ETHER, address(0), address(0));
        vm.prank(seller);
        sales.collect(ETHER, seller, address(0xF00));
        equal(address(0xF00).balance, PRICE, "elsewhere");
        vm.expectRevert(abi.encodeWithSelector(IAccounts.NothingOwed.selector, ETHER, seller));
        sales.collect(ETHER, seller, seller);
    }

    function test_domain() external view {
        (bytes1 fields, string memory name,, uint256 chainId, address where, bytes32 salt,) = sales.eip712Domain();
        isTrue(fields == 0x1f && keccak256(bytes(name)) == keccak256("gradroll"), "fields and name");
        isTrue(chainId == CHAIN_ID && where == address(sales) && salt == sales.deployment(), "chain, address, salt");
        Offer memory offer = offerOf(LISTING, KEY);
        equal(sales.offerDigest(offer), offerDigestOf(offer), "digest");
    }

    function _bond(uint256 free, uint256 staked) private view {
        (uint256 isFree, uint256 isStaked) = sales.bondOf(LISTING);
        equal(isFree, free, "free");
        equal(isStaked, staked, "staked");
    }

    /// @dev The seller signs, and the buyer has the money; still it is refused.
    function _refused(Offer memory offer, bytes memory refusal) private {
        _refusedWith(offer, signOffer(offer, SELLER_KEY), refusal);
    }

    function _refusedWith(Offer memory offer, bytes memory signature, bytes memory refusal) private {
        vm.deal(offer.buyer, offer.price);
        vm.expectRevert(refusal);
        vm.prank(offer.buyer);
        sales.lock{value: offer.price}(offer, signature);
    }

    function _notOpen(Sale memory terms, bytes32 sale) private {
        vm.expectRevert(abi.encodeWithSelector(IModelSales.SaleNotOpen.selector, sale));
        sales.reveal(terms, KEY);
        vm.expectRevert(abi.encodeWithSelector(IModelSales.SaleNotOpen.selector, sale));
        sales.refund(terms);
    }

    function _royaltyTo(address account) private pure returns (Royalty[] memory royalties) {
        royalties = new Royalty[](1);
        royalties[0] = Royalty(account, 1);
    }
}
