"""A token for tests: six decimals, permits, and an allowance that changes only from zero, as some have."""

from __future__ import annotations

from pathlib import Path

from commons.chain.abicoding import call_data
from commons.chain.writer import ChainWriter

CREATION = bytes.fromhex((Path(__file__).parent / "token.hex").read_text(encoding="ascii"))


def deploy(chain: ChainWriter) -> bytes:
    """Address of a new token that nobody has."""
    return chain._sender.send(None, CREATION, gas=3_000_000).created


def mint(chain: ChainWriter, token: bytes, to: bytes, amount: int) -> None:
    """Give somebody some of it."""
    chain._sender.send(token, call_data("mint(address,uint256)", [to, amount]), gas=200_000)
