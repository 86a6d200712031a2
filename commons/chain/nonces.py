"""The nonces of one account: the next one, who else uses them, and what to say of what is in the way."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Literal

from eth_utils.address import to_checksum_address

from circuits.errors import ChainError
from circuits.hashing import keccak
from commons.chain.nodeagreement import NoAgreementError
from commons.chain.outbox import Entry, Outbox
from commons.chain.patience import Patience
from commons.chain.pauses import growing
from commons.chain.receiptwatch import Receipts
from commons.chain.rpc import Rpc
from commons.settings.values import Depth
from commons.storage import accountlock

_log = logging.getLogger(__name__)


class Nonces:
    """The nonces of one account; the arguments are those of its ``Sender``, which uses it in one thread at a time."""

    def __init__(self, rpc: Rpc, address: bytes, patience: Patience, receipts: Receipts, outbox: Outbox | None) -> None:
        self._rpc, self._account, self._address, self._patience = rpc, address, to_checksum_address(address), patience
        self._receipts, self._outbox = receipts, outbox
        self._identity: bytes | None = None

    def next(self, block: Literal["latest", "pending"] | int = "latest") -> int:
        """The first nonce that nothing has used, up to a block.  Raises ChainError."""
        return self._rpc.next_nonce(self._account, block)

    def fresh(self, deadline: float) -> int:
        """The nonce of a transaction that is begun with: of one node, unless most say that one before it is free.

        What is sent too far ahead is dropped by nodes and sent again under another nonce, and whoever kept its bytes
        could have it mined as well, months later.

        Raises:
            ChainError: most nodes say so until the deadline, on the monotonic clock.
        """
        pauses = growing(self._patience.poll, self._patience.resend)
        while self._is_contested(free := self.next()):
            if time.monotonic() >= deadline:
                raise ChainError(
                    f"one node says that the next transaction of account {self._address} has nonce {free}, and most "
                    "nodes of chain.url say that one before it is free: look at each of them; nothing was sent"
                )
            self._receipts.pause(next(pauses))
        return free

    def _is_contested(self, free: int) -> bool:
        try:
            return bool(self._rpc.most(lambda: self.next() < free or None))
        except NoAgreementError:  # too few answer: what is in time for a deadline is not held up by that
            return False

    @contextmanager
    def alone(self, deadline: float) -> Generator[None]:
        """Keep off other processes of this user that send with the account, from whatever key file.

        Raises:
            ChainError: one of them has a transaction under way until the deadline, on the monotonic clock.
        """
        if self._outbox is None:
            yield
            return
        if self._identity is None:
            self._identity = self._account_on_chain()

        def wait() -> None:
            self._receipts.pause(self._patience.poll)
            if time.monotonic() >= deadline:
                raise ChainError(
                    f"another process of this machine is sending transactions of account {self._address}; wait until "
                    "it has ended, or give each process an account of its own"
                )

        with accountlock.alone(self._identity, wait):
            yield

    def tidy(self) -> None:
        """In a process that runs on, forget what most nodes have had deep enough, so that the outbox stays small."""
        outbox = self._outbox
        standing = None if outbox is None else outbox.standing
        if outbox is None or standing is None or outbox.is_empty:
            return
        with suppress(ChainError):  # a node that knows no accounts at that depth; it is tried again
            used = self._used(standing)
            if self._rpc.most(lambda: self._used(standing) >= used or None):
                outbox.drop_before(used)

    def _used(self, depth: Depth) -> int:
        """Nonces below this were used that deep.  Raises ChainError."""
        return self.next(self._rpc.block(depth).number)

    def await_strangers(self, deadline: float) -> None:
        """Let pending transactions be mined that were not sent from here, for ours would replace the first of them.

        One that is not mined in time is replaced nevertheless: it may be stuck for ever, and who lost the outbox that
        knew it pays once in this way.
        """
        if self._outbox is None:
            return
        until, told = min(deadline, time.monotonic() + self._patience.resend), False
        for pause in growing(self._patience.poll, self._patience.resend):
            mined, pending = self.next(), self.next("pending")
            if pending <= mined or self._outbox.has(mined):
                return
            if not told:
                _log.warning(
                    "event=account-has-pending-transactions address=%s first_nonce=%d count=%d "
                    "advice='wait until they are mined, or cancel them with the program that sent them'",
                    self._address, mined, pending - mined,
                )  # fmt: skip
                told = True
            if time.monotonic() >= until:
                _log.warning("event=pending-transaction-replaced address=%s nonce=%d", self._address, mined)
                return
            self._receipts.pause(pause)

    def require_lost(self, entry: Entry) -> None:
        """Raise ChainError unless most nodes know nothing of what was sent before; else it may still be mined.

        One that a node has may wait behind a nonce that nobody has used.
        """
        self.require_synced(entry)
        if self._rpc.most(lambda: self._is_unknown(entry) or None):
            return
        free = self.next()
        if free < entry.nonce:
            raise self.missing(entry, free)
        raise ChainError(
            f"{_named(entry)}, and the node shows no receipt of it yet; run the command again, it pays once"
        )

    def _is_unknown(self, entry: Entry) -> bool:
        self.require_synced(entry)
        return not any(map(self._receipts.knows, reversed(entry.hashes)))

    def require_synced(self, entry: Entry) -> None:
        """Raise ChainError where the node is catching up, so that it cannot know what became of what was sent."""
        if self._rpc.guarded(lambda: bool(self._rpc.web3.eth.syncing)):
            raise ChainError(
                f"{_named(entry)}, and the node is still catching up with the chain, so it cannot say what became of "
                "it; run the command again when it has"
            )

    def missing(self, entry: Entry, free: int) -> ChainError:
        """What to say of a nonce that nobody has used, while one behind it waits."""
        return ChainError(
            f"{_named(entry)} under nonce {entry.nonce}, and the account's transaction under nonce {free} is missing "
            "before it, and was not mined in time either: run the command again, it goes on with both and pays once"
        )

    def in_the_way(self, nonce: int) -> ChainError:
        """What to say when a nonce could not be had until the deadline."""
        if self.next() > nonce:
            return ChainError(
                f"other transactions of account {self._address} took one nonce after the other, the last one {nonce}; "
                "give the account to one process"
            )
        return ChainError(
            f"a transaction of account {self._address} that this process did not send waits under nonce {nonce}, and "
            "offers too much to be replaced: wait until it is mined, or cancel it with the program that sent it"
        )

    def _account_on_chain(self) -> bytes:
        """Digest of the address, the chain's id and its first block: development chains share ids and keys.

        A node that does not show the first block any more is taken for one of the only chain with this id.
        """
        first = b""
        with suppress(ChainError):
            first = self._rpc.block_hash(0) or b""
        return keccak(self._rpc.chain_id.to_bytes(32, "big") + self._address.encode("ascii") + first)


def _named(entry: Entry) -> str:
    who = "this process" if entry.here else "an earlier run"
    return f"{who} sent the transaction 0x{entry.hashes[-1].hex()}"
