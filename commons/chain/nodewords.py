"""What nodes say when they do not take a transaction or a question, in lower case; each kind has words of its own."""

from __future__ import annotations

KNOWN = ("already known", "alreadyknown", "known transaction", "already imported")
"""It has the transaction."""
STALE = (
    "nonce too low", "nonce is too low", "invalid nonce", "transaction nonce: expected", "oldnonce",
    "replacement transaction underpriced", "replacementnotallowed",
)  # fmt: skip
"""A transaction with this nonce was mined, or waits to be mined, perhaps for more."""
NOT_TAKEN = ("insufficient funds", "insufficientfunds", "intrinsic gas")
"""It surely does not have it.  After another refusal, or behind a gateway, it may."""
BUSY = (
    "rate limit", "ratelimit", "too many requests", "request limit", "requests per second", "compute units",
    "daily request", "capacity exceeded",
)  # fmt: skip
"""It was asked more often than it wants to be; a smaller question is one more."""


def says(text: str, words: tuple[str, ...]) -> bool:
    """Whether a node's answer means one of these."""
    lower = text.lower()
    return any(word in lower for word in words)
