// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IMarket} from "../src/interfaces/IMarket.sol";
import {Funds} from "../src/libraries/Funds.sol";
import {Permit, TaskTerms} from "../src/types/Types.sol";
import {Scene} from "./support/Scene.sol";
import {
    BombToken,
    FalseToken,
    FeeToken,
    GasBurningToken,
    LyingToken,
    PermitToken,
    SilentToken,
    Token
} from "./support/Tokens.sol";

/// @title Tasks that pay in tokens, well-behaved and others
contract MarketTokensTest is Scene {
    uint128 private constant DEPOSIT = 3 ether;
    uint256 private constant OWNERS = 6;
    bytes private constant EVERYBODY = hex"000000010002000300040005";

    uint256 private _task;
    Token private _token;

    function setUp() external {
        deploy("norm_3");
    }

    /// @dev Fund, deposit, round, claim, exit, withdraw.
    function test_token_wholeLife() external {
        _wholeLife(address(new Token()));
    }

    /// @dev The same with one that returns nothing, as some of the oldest do.
    function test_token_thatReturnsNothing() external {
        _wholeLife(address(new SilentToken()));
    }

    function test_token_etherIsRefused() external {
        _stage(address(new Token()));
        vm.deal(address(this), 1);
        vm.expectRevert(abi.encodeWithSelector(Funds.EtherMismatch.selector, 1, 0));
        market.fund{value: 1}(_task, 1, noPermit());
        address owner = ownerAddress(9);
        vm.deal(owner, 1);
        _admit(owner);
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(Funds.EtherMismatch.selector, 1, 0));
        market.register{value: 1}(_task, owner, "", noPermit());
    }

    /// @dev Money of a task in one token is nobody's in another, nor in ether.
    function test_token_tasksDoNotMix() external {
        _stage(address(new Token()));
        _round();
        uint256 first = _task;
        Token other = new Token();
        _stage(address(other));
        _round();
        market.claim(_task, 1, hex"0000");
        equal(other.balanceOf(ownerAddress(0)), PAY, "in the other token");
        equal(_balance(first), 100 ether - 6 * PAY, "free balance of the first");
        vm.prank(modelOwner);
        vm.expectRevert(abi.encodeWithSelector(IMarket.InsufficientEscrow.selector, 95 ether, 94 ether));
        market.withdraw(_task, 95 ether, modelOwner);
    }

    function test_fund_withoutAllowance() external {
        _stage(address(new Token()));
        _token.mint(address(this), 5);
        vm.expectRevert();
        market.fund(_task, 5, noPermit());
        equal(_token.balanceOf(address(this)), 5, "nothing was taken");
    }

    function test_fund_withPermit() external {
        PermitToken token = new PermitToken();
        _stage(address(token));
        (address funder, Permit memory permit) = _permit(token, 5 ether);
        vm.prank(funder);
        market.fund(_task, 5 ether, permit);
        equal(_balance(_task), 105 ether, "balance");
    }

    /// @dev Who sees a permit may use it first; it is an allowance for the market, whoever hands it in.
    function test_fund_permitFrontRun() external {
        PermitToken token = new PermitToken();
        _stage(address(token));
        (address funder, Permit memory permit) = _permit(token, 5 ether);
        vm.prank(address(0xBAD));
        token.permit(funder, MARKET, 5 ether, permit.deadline, permit.v, permit.r, permit.s);
        vm.prank(funder);
        market.fund(_task, 5 ether, permit);
        equal(_balance(_task), 105 ether, "balance");
    }

    function test_fund_permitOfAnother() external {
        PermitToken token = new PermitToken();
        _stage(address(token));
        (, Permit memory permit) = _permit(token, 5 ether);
        token.mint(address(0xBAD), 5 ether);
        vm.prank(address(0xBAD));
        vm.expectRevert();
        market.fund(_task, 5 ether, permit);
    }

    function test_register_withPermit() external {
        PermitToken token = new PermitToken();
        _stage(address(token));
        (address owner, Permit memory permit) = _permit(token, DEPOSIT);
        _admit(owner);
        vm.prank(owner);
        market.register(_task, owner, "", permit);
        equal(token.balanceOf(owner), 5 ether - DEPOSIT, "the deposit was taken");
    }

    /// @dev A token that keeps part of a transfer would leave the market short of what it owes.
    function test_token_feeOnTransfer() external {
        _refusedTokens(address(new FeeToken()));
    }

    /// @dev A token that moves nothing and says that it did.
    function test_token_liar() external {
        _refusedTokens(address(new LyingToken()));
    }

    function test_token_thatSaysFalse() external {
        FalseToken token = new FalseToken();
        _stage(address(token));
        _round();
        token.refuse(true);
        vm.expectRevert(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, token));
        market.fund(_task, 1, noPermit());
        vm.prank(modelOwner);
        vm.expectRevert(abi.encodeWithSelector(Funds.TransferFailed.selector, modelOwner, 1));
        market.withdraw(_task, 1, modelOwner);
        market.claim(_task, 1, hex"0001");
        address owner = ownerAddress(1);
        equal(market.owed(address(token), owner), PAY, "credited");
        vm.expectRevert(abi.encodeWithSelector(Funds.TransferFailed.selector, owner, PAY));
        market.collect(address(token), owner, owner);
        token.refuse(false);
        market.collect(address(token), owner, owner);
        equal(token.balanceOf(owner), PAY, "collected");
    }

    /// @dev Without code there is no task in it; and nothing is paid in with one that has lost its code since.
    function test_token_withoutCode() external {
        TaskTerms memory t = stubTerms();
        t.token = address(0x70C0);
        vm.prank(modelOwner);
        vm.expectRevert(abi.encodeWithSelector(IMarket.TermsInvalid.selector, "token"));
        market.createTask(t, 0);
        vm.etch(t.token, address(new Token()).code);
        _task = createTask(t);
        vm.etch(t.token, "");
        vm.expectRevert();
        market.fund(_task, 1, noPermit());
        Permit memory permit = Permit(type(uint256).max, 27, 0, 0);
        vm.expectRevert();
        market.fund(_task, 1, permit);
    }

    /// @dev A token that fails for one account with a megabyte of data, or by burning all gas: the others are paid.
    function test_claim_tokenDislikesOne() external {
        _disliked(address(new BombToken()));
        _disliked(address(new GasBurningToken()));
    }

    function _disliked(address token) private {
        _stage(token);
        _round();
        address owner = ownerAddress(2);
        BombToken(token).dislike(owner);
        uint256 before = gasleft();
        market.claim(_task, 1, EVERYBODY);
        uint256 used = before - gasleft();
        isTrue(used < 700_000, string.concat("it cost ", decimal(used)));
        equal(market.owed(token, owner), PAY, "credited");
        equal(_token.balanceOf(owner), 0, "not paid");
        equal(_token.balanceOf(ownerAddress(5)), PAY, "the last");
        vm.prank(owner);
        market.collect(token, owner, address(0xF00));
        equal(_token.balanceOf(address(0xF00)), PAY, "collected elsewhere");
    }

    function _refusedTokens(address token) private {
        TaskTerms memory t = stubTerms();
        (t.token, t.deposit) = (token, DEPOSIT);
        _task = createTask(t);
        Token(token).mint(address(this), 10 ether);
        Token(token).approve(MARKET, type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(Funds.AmountNotReceived.selector, token, 1 ether));
        market.fund(_task, 1 ether, noPermit());
        _admit(address(this));
        vm.expectRevert(abi.encodeWithSelector(Funds.AmountNotReceived.selector, token, DEPOSIT));
        market.register(_task, address(this), "", noPermit());
    }

    function _wholeLife(address token) private {
        _stage(token);
        uint256 free = 100 ether;
        equal(_balance(_task), free, "funded");
        equal(_token.balanceOf(MARKET), free + OWNERS * DEPOSIT, "with the deposits");
        _round();
        equal(market.claim(_task, 1, EVERYBODY), 6 * PAY, "claimed");
        close(_task, 0);
        market.finalizeRound(_task, 0);
        elapse(8 days);
        for (uint256 index = 0; index < OWNERS; ++index) {
            address owner = ownerAddress(index);
            vm.prank(owner);
            market.resign(_task, index);
            elapse(EXIT_WAIT);
            market.exit(_task, index);
            equal(_token.balanceOf(owner), PAY + DEPOSIT, "pay and deposit");
        }
        vm.prank(modelOwner);
        market.withdraw(_task, free - 6 * PAY, modelOwner);
        equal(_token.balanceOf(modelOwner), free - 6 * PAY, "withdrawn");
        equal(_token.balanceOf(MARKET), 0, "nothing is left");
    }

    /// @dev A task in a token, with owners that have paid their deposits, funded.
    function _stage(address token) private {
        _token = Token(token);
        TaskTerms memory t = stubTerms();
        (t.token, t.deposit) = (token, DEPOSIT);
        _task = createTask(t);
        for (uint256 index = 0; index < OWNERS; ++index) {
            _token.mint(ownerAddress(index), DEPOSIT);
            _approve(ownerAddress(index), DEPOSIT);
        }
        enrol(_task, 0, OWNERS);
        _token.mint(address(this), 100 ether);
        _approve(address(this), 100 ether);
        market.fund(_task, 100 ether, noPermit());
    }

    /// @dev With the interface of a token that returns nothing, which fits others as well.
    function _approve(address owner, uint256 amount) private {
        vm.prank(owner);
        SilentToken(address(_token)).approve(MARKET, amount);
    }

    /// @dev A round in which everybody is accepted.
    function _round() private {
        openRound(_task, OWNERS);
        accept(_task, 0, 0, OWNERS);
    }

    function _admit(address signer) private {
        address[] memory signers = new address[](1);
        signers[0] = signer;
        vm.prank(modelOwner);
        market.admit(_task, signers);
    }

    function _balance(uint256 taskId) private view returns (uint256) {
        return market.task(taskId).balance;
    }

    /// @dev Somebody with five tokens who signed an allowance.
    function _permit(PermitToken token, uint256 amount) private returns (address owner, Permit memory permit) {
        uint256 key = 4711;
        owner = vm.addr(key);
        token.mint(owner, 5 ether);
        permit.deadline = vm.getBlockTimestamp() + 1 hours;
        bytes32 kind = keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes32 structHash = keccak256(abi.encode(kind, owner, MARKET, amount, token.nonces(owner), permit.deadline));
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), structHash));
        (permit.v, permit.r, permit.s) = vm.sign(key, digest);
    }
}
