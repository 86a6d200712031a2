// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Offer, Sale, SaleStatus} from "../types/Sales.sol";
import {IModelAccounts} from "./IModelAccounts.sol";

/// @title Sales of listed models: money for a key, both or neither
/// @notice Off the chain the seller seals the weights under k = k' + x, where x is known to the buyer and the seller alone. The buyer
/// checks the sealed row and locks the price under K' = k'G; the seller reveals k' and has the price; without k' in time the
/// buyer has the price back, and the seller's bond.
/// @dev A seller reveals only once the lock is final, and long before the deadline: a key in a branch or a mempool that does not
/// come to be is public all the same. Deadlines are block time.
interface IModelSales is IModelAccounts {
    /// @notice Only the buyer that the seller named may lock.
    error NotBuyer(address caller, address buyer);
    /// @notice The offer is for another price than the listing's. Ask the seller for a new one.
    error PriceDiffers(uint256 offered, uint256 price);
    /// @notice The deadline is sooner than the listing's `revealWindow` from now, or later than 30 days.
    error DeadlineOutOfRange(uint256 deadline, uint256 least, uint256 most);
    /// @notice The seller locked this K' before. It makes a new key for each offer.
    error KeyUsed(bytes32 sale);
    /// @notice The free bond of the listing is less. The seller deposits more, or asks for less.
    error BondTooLow(bytes32 listing, uint256 free, uint256 needed);
    /// @notice A bond is 1 to 2^128 - 1 units, all deposits of a listing together.
    error BondAmountInvalid(uint256 amount);
    /// @notice Only the listing's seller takes its bond back.
    error NotTheSeller(bytes32 listing, address caller);
    /// @notice No such sale is open: it was never locked, is over, or is not what was handed in.
    error SaleNotOpen(bytes32 sale);
    /// @notice The deadline is over: the key is not taken any more, and is to be kept secret.
    error RevealTooLate(uint256 deadline);
    /// @notice The seller may still reveal.
    error RefundTooEarly(uint256 deadline);

    /// @notice A bond was deposited.
    /// @param free What is free for further sales now.
    event BondDeposited(bytes32 indexed listing, address indexed from, uint256 amount, uint256 free);
    /// @notice A bond was taken back.
    event BondWithdrawn(bytes32 indexed listing, address indexed to, uint256 amount, uint256 free);
    /// @notice A buyer locked the price.
    /// @param sale Identifier: keccak256(abi.encode(seller, K'x, K'y)).
    event Locked(bytes32 indexed sale, bytes32 indexed listing, address indexed buyer, Sale terms);
    /// @notice The seller revealed the key: the price is its, less the royalties.
    event Revealed(bytes32 indexed sale, uint256 key);
    /// @notice The seller did not: price and bond are the buyer's.
    event Refunded(bytes32 indexed sale, uint256 price, uint256 bond);

    /// @notice Adds to the bond of a listing; anybody may. It becomes the seller's.
    /// @param amount In the listing's token; exactly this ether, or tokens that the caller approved.
    /// @dev Errors: `BondAmountInvalid`, `IModelRegistry.ListingUnknown`, those of `Funds.take`.
    function depositBond(bytes32 listing, uint256 amount) external payable;

    /// @notice The seller takes back what no open sale needs.
    /// @param to Who is paid, with all gas.
    /// @dev Errors: `NotTheSeller`, `RecipientInvalid`, `BondAmountInvalid`, `BondTooLow`, `Funds.TransferFailed`.
    function withdrawBond(bytes32 listing, uint256 amount, address to) external;

    /// @notice The buyer locks the price under a key: exactly this ether, or tokens that it approved.
    /// @param offer What the seller signed (EIP-712 `Offer`).
    /// @param signature The seller's: 65 bytes, or what its contract takes (ERC-1271).
    /// @return sale Identifier.
    /// @dev Errors: `NotBuyer`, `PriceDiffers`, `DeadlineOutOfRange`, `KeyPointInvalid`, `NotSigned`, `KeyUsed`, `BondTooLow`,
    /// `IModelRegistry.ListingUnknown`, `ListingClosed` and `NotFullyProven`, those of `Funds.take`.
    function lock(Offer calldata offer, bytes calldata signature) external payable returns (bytes32 sale);

    /// @notice Reveals the key until the deadline: credits the seller and the declared parents, and frees the bond. Anybody may
    /// send it; it pays the same.
    /// @param terms The sale as `Locked` showed it.
    /// @param key k', 1 to r - 1.
    /// @dev Errors: `SaleNotOpen`, `RevealTooLate`, `KeyMismatch`.
    function reveal(Sale calldata terms, uint256 key) external;

    /// @notice After the deadline: credits the buyer with price and bond. Anybody may send it.
    /// @dev Errors: `SaleNotOpen`, `RefundTooEarly`.
    function refund(Sale calldata terms) external;

    /// @notice The bond of a listing: what is free, and what open sales stake.
    function bondOf(bytes32 listing) external view returns (uint256 free, uint256 staked);

    /// @notice Identifier of the sale of a seller under K'.
    function saleId(address seller, uint256 keyX, uint256 keyY) external pure returns (bytes32);

    /// @notice How far a sale is.
    function statusOf(bytes32 sale) external view returns (SaleStatus);

    /// @notice Digest that the seller signs.
    function offerDigest(Offer calldata offer) external view returns (bytes32);
}
