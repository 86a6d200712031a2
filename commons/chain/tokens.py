"""ERC-20 tokens, as they describe themselves.

Anybody makes a token, so nothing of what one says is believed further than its own users go: texts are short and
printable, and where it says nonsense the amounts are shown in its smallest unit.  A token that lies hurts who takes it.
"""

from __future__ import annotations

import re
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from circuits.errors import ContractError
from circuits.hashing import contract_domain, typed_message
from circuits.terms import ETHER
from commons.chain.rpc import Rpc
from commons.runtime.amounts import ETH, Currency, checksum
from commons.runtime.memo import Memo

_SYMBOL = re.compile(r"[A-Za-z0-9.$+_-]{1,12}")
_TAKEN = frozenset(("ETH", "ETHER", "WEI", "GWEI"))
"""What no token is called here: it would be read as the chain's own money."""
_MOST_DECIMALS = 36
_WORD = 32
_PERMIT_TYPE = "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"


class Tokens:
    """Tokens seen through one node.  Thread-safe; keeps what a token calls itself."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc
        self._currencies = Memo[bytes, Currency](together=True)

    def forget(self) -> None:
        """Ask every token anew."""
        self._currencies.forget()

    def currency(self, token: bytes) -> Currency:
        """How amounts of a token are shown; of ether, for 20 zeros.  Raises ChainError when the node is the trouble."""
        return ETH if token == ETHER else self._currencies.get(token, lambda: self._read(token))

    def balance(self, token: bytes, account: bytes) -> int:
        """What an account has of a token.

        Raises:
            ChainError: the node is the trouble, or there is no token at the address.
            ContractError: the token refuses to say.
        """
        return int(self._rpc.call(token, "balanceOf(address)", [account], ["uint256"])[0])

    def allowance(self, token: bytes, account: bytes, spender: bytes) -> int:
        """What a contract may take of an account's tokens.  Raises as ``balance``."""
        return int(self._rpc.call(token, "allowance(address,address)", [account, spender], ["uint256"])[0])

    def is_token(self, token: bytes) -> bool:
        """Whether an address answers like an ERC-20, as the contracts ask: it has code, balances and allowances.

        What has no allowances, such as an ERC-721, is none.  Raises ChainError when the node is the trouble.
        """
        if not self._rpc.code(token):
            return False
        try:
            answers = (
                self._rpc.answer(token, "balanceOf(address)", [token]),
                self._rpc.answer(token, "allowance(address,address)", [token, token]),
            )
        except ContractError:
            return False
        return all(len(answer) >= _WORD for answer in answers)

    def permit_message(self, token: bytes, account: bytes, spender: bytes, amount: int, deadline: int) -> bytes | None:
        """What an account signs the Keccak-256 hash of, to let a contract take an amount until a time (EIP-2612).

        None if that is to be approved.

        The token's EIP-712 domain is computed and compared with what it says: a token that names the domain of another
        one would have the account sign away that one's money.
        """
        answers = [self._asked(token, view) for view in ("DOMAIN_SEPARATOR()", "name()", "version()")]
        domain, name, version = answers[0], _decoded("bytes", answers[1]), _decoded("bytes", answers[2]) or b"1"
        nonce = _decoded("uint256", self._asked(token, "nonces(address)", account))
        if name is None or nonce is None:
            return None
        if domain != contract_domain(name, version, self._rpc.chain_id, token):
            return None
        return typed_message(domain, _PERMIT_TYPE, (account, spender, amount, nonce, deadline))

    def _read(self, token: bytes) -> Currency:
        return Currency(self._symbol(token), self._decimals(token), token)

    def _symbol(self, token: bytes) -> str:
        """What a token calls itself; its address where that is nothing that people would read."""
        answer = self._asked(token, "symbol()")
        # Some of the oldest tokens answer 32 bytes.
        raw = answer if len(answer) == 32 else _decoded("bytes", answer) or b""
        symbol = raw.rstrip(b"\0").decode("ascii", "replace")
        plain = _SYMBOL.fullmatch(symbol) and symbol.upper() not in _TAKEN
        return symbol if plain else checksum(token)

    def _decimals(self, token: bytes) -> int:
        decimals = _decoded("uint256", self._asked(token, "decimals()"))
        return decimals if decimals is not None and decimals <= _MOST_DECIMALS else 0

    def _asked(self, token: bytes, signature: str, *arguments: bytes) -> bytes:
        """What a token answers; nothing where it refuses."""
        try:
            return self._rpc.answer(token, signature, arguments)
        except ContractError:
            return b""


def _decoded(kind: str, answer: bytes) -> Any:
    try:
        return decode([kind], answer)[0]
    except (DecodingError, ValueError, OverflowError):
        return None
