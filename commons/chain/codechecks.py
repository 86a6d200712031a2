"""Whether the code at an address is this release's, with what its constructor fixed in it."""

from __future__ import annotations

from collections.abc import Collection

import contracts
from circuits.errors import ContractError
from commons.chain.rpc import Rpc
from commons.runtime.amounts import checksum

_PUSH32 = 0x7F
_WORD = 32
_BEGIN = b"\xfe\x60\x80"
"""INVALID behind the constructor, and what the compiler begins code with: the first of them is where it begins.

Other code may be a part of it, and do something else: the length has to be right, too."""


def is_code_of(contract: str, code: bytes, words: Collection[bytes]) -> bool:
    """Whether code is what a contract's constructor returns, whose immutable values are among these words.

    The creation code ends with the code that it returns, in which each immutable value is 32 zero bytes behind PUSH32.
    Which of the words stands where is not told, so fix what matters by asking the contract, too.

    Args:
        contract: name of an artifact without libraries.
        words: 32 bytes each.
    """
    made = contracts.load(contract).unlinked
    template, at = made[made.index(_BEGIN) + 1 :], 0
    if len(code) != len(template):
        return False
    while at < len(code):
        if template[at] == code[at] and not _is_place(template, at):
            at += 1
            continue
        if code[at] != _PUSH32 or not _is_place(template, at):
            return False
        value = code[at + 1 : at + 1 + _WORD]
        if value != bytes(_WORD) and value not in words:
            return False
        at += 1 + _WORD
    return True


def require_code(rpc: Rpc, contract: str, place: bytes, words: Collection[bytes], name: str) -> None:
    """Raise ContractError unless this release's contract is at an address (20 bytes).

    Args:
        words: as of ``is_code_of``.
        name: the setting that names the address.
    """
    if not is_code_of(contract, rpc.code(place), words):
        raise ContractError(
            f"{checksum(place)} is not this release's {contract}, so nobody knows what it does; name the one that was "
            f"deployed with the campaigns ({name}), or use the release that the others use"
        )


def _is_place(template: bytes, at: int) -> bool:
    """Whether an immutable value belongs there."""
    return template[at] == _PUSH32 and template[at + 1 : at + 1 + _WORD] == bytes(_WORD)
