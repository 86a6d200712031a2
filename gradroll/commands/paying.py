"""What commands that pay have in common: the cost is told before, the hash at once, and nothing is paid twice."""

from __future__ import annotations

import argparse
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from circuits.errors import StorageError
from commons.runtime.amounts import ether, ether_at_most

if TYPE_CHECKING:
    from commons.chain.quotes import Quote
    from commons.settings.loading import Settings
    from gradroll.console import Console
    from gradroll.session import Session, Teller


@contextmanager
def paying_session(arguments: argparse.Namespace, chosen: Settings) -> Generator[Session]:
    """A session whose transactions are told on the command's console, and remembered until the outcome is told, too.

    Tell it inside the block, and nothing after it: a command that dies in between would be paid for again.
    """
    from gradroll.session import Session

    with Session(chosen, teller(arguments.console)) as session:
        yield session
        end_told(arguments.console)


def end_told(console: Console) -> None:
    """Tell what programs read of the outcome.  Raises StorageError when something could not be told."""
    console.end()
    if console.lost is not None:
        raise StorageError(
            f"what was done could not all be told: standard output: {console.lost.strerror}; free some space, or "
            "send it elsewhere"
        )


def teller(console: Console) -> Teller:
    """Tells of transactions on a console."""
    from gradroll.session import Teller

    sent: list[bytes] = []

    def announce(quote: Quote) -> None:
        value = f"{ether(quote.value)} and " if quote.value else ""
        fee = f"up to {ether_at_most(quote.fee)} in fees, more if it has to be sent again"
        console.note(f"costs {value}{fee} ({quote.gas:,} gas)")

    def on_sent(transaction: bytes) -> None:
        sent.append(transaction)
        console.note(f"sent transaction 0x{transaction.hex()}")
        console.result(transactions=sent)

    def on_earlier(transaction: bytes) -> None:
        console.warn(
            f"an earlier run, which was interrupted, has sent transaction 0x{transaction.hex()} for this, so nothing "
            "is sent again; if you mean it a second time, run the command once more"
        )

    return Teller(announce, on_sent, on_earlier)
