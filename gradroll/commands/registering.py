"""Registering a data owner: what it will earn and what it risks comes first, then a question, then the deposit."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from commons.runtime.amounts import checksum
from commons.runtime.identifiers import shown
from gradroll.commands.confirming import can_be_asked, confirmed
from gradroll.commands.gradingwords import grading_in_words
from gradroll.commands.termwords import offer_in_words

if TYPE_CHECKING:
    from gradroll.data_owner.offer import Offer
    from gradroll.data_owner.owner import DataOwner
    from gradroll.session import Session


def registered_first(session: Session, owner: DataOwner, arguments: argparse.Namespace, task: int) -> bool:
    """Register before submitting, where that is missing and wanted; False when it was declined.

    A command at a terminal asks even without --register; elsewhere the submission says what is missing.
    """
    index = session.view.owner_index(task, owner.address)
    if index is None and (arguments.register or can_be_asked(arguments)):
        owner.require_open(task, arguments.round)  # nothing is paid for a round that takes no gradient any more
        return register(session, arguments, task, owner.address) is not None
    if index is not None and arguments.register:
        _tell_index(arguments, task, owner.address, index)
    return True


def register(
    session: Session, arguments: argparse.Namespace, task: int, signer: bytes, consent: bytes = b""
) -> int | None:
    """Tell the offer, ask, and register; returns the registration index, None when it was declined.

    Args:
        signer: the key to be registered; the account of the settings pays for it.
        consent: that key's, where it is another one than the account's.

    Raises:
        ClosedError: no place is free.
        ContractError: the task admits owners, and this one is not admitted.
    """
    from commons.settings.sections import OwnerSettings
    from gradroll.commands.paying import teller
    from gradroll.data_owner.offer import LEVELS
    from gradroll.session import Session

    offer = session.participant.offer(task)
    _require_place(session, offer, signer)
    coin = session.view.tokens.currency(offer.task.terms.pay.token)
    arguments.console.line(f"task {shown(task)} for a data owner:")
    for line in (*grading_in_words(offer.task.terms), *offer_in_words(offer, coin)):
        arguments.console.line(f"  {line}")
    if not confirmed(arguments, f"register {checksum(signer)} for task {shown(task)}?"):
        return None
    with Session(session.settings, teller(arguments.console)) as paying:
        account = session.settings.section(OwnerSettings, "account").account
        index = paying.writer(account).register(task, signer, consent)
    _tell_index(arguments, task, signer, index)
    arguments.console.result(
        deposit=str(offer.task.terms.pay.deposit), floors=[str(offer.floor(level)) for level in LEVELS]
    )
    return index


def _require_place(session: Session, offer: Offer, signer: bytes) -> None:
    from circuits.errors import ClosedError, ContractError

    task = offer.task.terms.task_id
    if not session.view.admitted(task, signer):
        raise ContractError(
            f"task {shown(task)} takes only owners that its model owner admits, and {checksum(signer)} is not; ask for "
            "that (gradroll task admit) [NotAdmitted]",
            "NotAdmitted",
        )
    if not offer.free_places:
        raise ClosedError(
            f"task {shown(task)} holds {offer.task.active_owners} owners and no more; wait until one leaves"
        )


def _tell_index(arguments: argparse.Namespace, task: int, signer: bytes, index: int) -> None:
    arguments.console.line(f"{checksum(signer)} is owner {index} of task {shown(task)}")
    arguments.console.result(index=index)
