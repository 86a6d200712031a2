"""Tokens say what they like of themselves; amounts stay readable, and nobody signs what another token asks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import pytest
from eth_abi.abi import encode
from eth_account.messages import _hash_eip191_message, encode_typed_data

from circuits.errors import ChainError, ContractError
from circuits.hashing import keccak, words
from circuits.terms import ETHER
from commons.chain.rpc import Rpc
from commons.chain.tokens import Tokens
from commons.runtime.amounts import ETH, Currency, checksum

TOKEN, OWNER, SPENDER = bytes(19) + b"\x07", b"\x01" * 20, b"\x02" * 20
NAME = "Test Dollar"


class Token:
    """A node with one token; answers by function, None for one that reverts."""

    chain_id = 31337

    def __init__(self, **answers: bytes | None) -> None:
        self.answers = answers

    def code(self, to: bytes) -> bytes:
        return b"\x60" if to == TOKEN else b""

    def answer(self, to: bytes, signature: str, arguments: Sequence[object]) -> bytes:
        assert to == TOKEN
        given = self.answers.get(signature.partition("(")[0], b"")
        if given is None:
            raise ContractError("refused")
        return given


def seen(**answers: bytes | None) -> Tokens:
    return Tokens(cast(Rpc, Token(**answers)))


def text(value: str) -> bytes:
    return encode(["string"], [value])


def number(value: int) -> bytes:
    return value.to_bytes(32, "big")


def test_a_token_is_shown_with_its_symbol_and_decimals() -> None:
    currency = seen(symbol=text("USDC"), decimals=number(6)).currency(TOKEN)
    assert currency == Currency("USDC", 6, TOKEN)
    assert currency.shown(1_250_000) == "1.25 USDC"
    assert str(currency) == f"USDC (token {checksum(TOKEN)})"
    old = seen(symbol=b"MKR".ljust(32, b"\0"), decimals=number(18)).currency(TOKEN)
    assert old.shown(5 * 10**17) == "0.5 MKR"


def test_ether_asks_nobody() -> None:
    assert Tokens(cast(Rpc, None)).currency(ETHER) is ETH
    assert (str(ETH), ETH.shown(1), ETH.shown(-(10**18))) == ("ETH", "0.000000000000000001 ETH", "-1 ETH")


@pytest.mark.parametrize(
    "symbol",
    [
        None, b"", b"\x01", text(""), text("ETH"), text("ether"), text("Wei"), text("US DC"), text("A" * 13),
        text("\x1b[2J"), text("USDС"), text("USD\u202e"), encode(["bytes"], [b"\xff\xfe"]), b"\xff" * 96,
    ],
)  # fmt: skip
def test_a_symbol_that_is_none_is_replaced_by_the_address(symbol: bytes | None) -> None:
    """Above all by one that would be read as ether: a task's pay would look a trillion times dearer."""
    currency = seen(symbol=symbol, decimals=number(6)).currency(TOKEN)
    assert currency.symbol == checksum(TOKEN)
    assert str(currency) == f"token {checksum(TOKEN)}"


@pytest.mark.parametrize("decimals", [None, b"", b"\x06", number(37), number(2**256 - 1)])
def test_decimals_that_are_none_leave_the_smallest_unit(decimals: bytes | None) -> None:
    assert seen(symbol=text("ODD"), decimals=decimals).currency(TOKEN).shown(12) == "12 ODD"


def test_a_node_that_is_silent_is_asked_again() -> None:
    node = Token(symbol=text("USDC"), decimals=number(6))
    tokens = Tokens(cast(Rpc, node))
    away = pytest.MonkeyPatch()

    def silent(*given: object) -> bytes:
        raise ChainError("the node cannot be reached")

    with away.context() as patched:
        patched.setattr(node, "answer", silent)
        with pytest.raises(ChainError, match="cannot be reached"):
            tokens.currency(TOKEN)
    assert tokens.currency(TOKEN).symbol == "USDC"


def test_what_answers_like_a_token_is_one() -> None:
    tokens = seen(balanceOf=number(0), allowance=number(0) + b"and more")
    assert tokens.is_token(TOKEN)
    assert not tokens.is_token(OWNER), "an account without code"


@pytest.mark.parametrize("missing", ["balanceOf", "allowance"])
@pytest.mark.parametrize("answer", [None, b"", bytes(31)])
def test_what_has_no_balances_or_allowances_is_no_token(missing: str, answer: bytes | None) -> None:
    """An ERC-721 has no allowances: the number of one would pass for an amount."""
    assert not seen(**{"balanceOf": number(0), "allowance": number(0), missing: answer}).is_token(TOKEN)


def domain(name: str = NAME, version: str = "1", chain_id: int = 31337, token: bytes = TOKEN) -> bytes:
    kind = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
    return keccak(words(kind, keccak(name.encode()), keccak(version.encode()), chain_id, token))


@pytest.mark.parametrize("version", ["", "1", "2"])
def test_a_permit_is_typed_data_of_the_token(version: str) -> None:
    asked = {"version": text(version)} if version else {}
    tokens = seen(DOMAIN_SEPARATOR=domain(version=version or "1"), name=text(NAME), nonces=number(3), **asked)
    types = {
        "Permit": [
            {"name": member, "type": kind}
            for kind, member in (
                ("address", "owner"), ("address", "spender"), ("uint256", "value"), ("uint256", "nonce"),
                ("uint256", "deadline"),
            )
        ]
    }  # fmt: skip
    where = {"name": NAME, "version": version or "1", "chainId": 31337, "verifyingContract": "0x" + TOKEN.hex()}
    message = {"owner": "0x" + OWNER.hex(), "spender": "0x" + SPENDER.hex(), "value": 9, "nonce": 3, "deadline": 10}
    expected = _hash_eip191_message(encode_typed_data(where, types, message))
    signed = tokens.permit_message(TOKEN, OWNER, SPENDER, 9, 10)
    assert signed is not None and keccak(signed) == expected


@pytest.mark.parametrize(
    "other",
    [
        {"DOMAIN_SEPARATOR": domain(token=bytes(19) + b"\x08")},
        {"DOMAIN_SEPARATOR": domain(chain_id=1)},
        {"DOMAIN_SEPARATOR": None},
        {"name": None},
        {"nonces": None},
        {"version": text("2")},
    ],
)
def test_a_token_that_names_anothers_domain_gets_no_permit(other: dict[str, bytes | None]) -> None:
    """What is signed under another token's domain is worth money there."""
    answers: dict[str, bytes | None] = {"DOMAIN_SEPARATOR": domain(), "name": text(NAME), "nonces": number(0)}
    assert seen(**answers).permit_message(TOKEN, OWNER, SPENDER, 9, 10) is not None
    assert seen(**(answers | other)).permit_message(TOKEN, OWNER, SPENDER, 9, 10) is None
