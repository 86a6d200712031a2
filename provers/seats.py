"""A prover's seats in its committee: one for the present members, one for each former list of them that still works.

A round keeps the members, and with them the keys, that it was opened with.  So a prover works for rounds of several
lists at once: each of its seats has the shared keys, the signing key and the sealing key of its list.  Ledger, shares
and the lock of all steps are one for all of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from circuits.errors import UnknownError
from circuits.statement import Committee, Membership
from commons.chain.facts import CommitteeRecord
from commons.chain.ports import MarketReader
from commons.protocol.bundle import named_round
from commons.protocol.keypackages import CommitteeReference
from commons.protocol.messages import Cohort, Step, StepReply, StepRequest
from commons.protocol.streamheads import StepHead
from provers.formers import Formers
from provers.intake import ShareIntake
from provers.joining.keysetup import KeySetup
from provers.joining.keystore import Keystore
from provers.node_environment import NodeEnvironment
from provers.runner import Runner


@dataclass(frozen=True, slots=True)
class Seat:
    """What a prover works with as a member of one list of members.

    Attributes:
        reference: digest that names the list (``CommitteeReference.digest``).
    """

    membership: Membership
    reference: bytes
    keystore: Keystore
    environment: NodeEnvironment
    setup: KeySetup
    intake: ShareIntake
    runner: Runner


class Seats:
    """The present seat, and former ones that are not over.  Thread-safe."""

    def __init__(self, chain: MarketReader, present: Seat, former: Sequence[Seat] = ()) -> None:
        self._chain = chain
        self.present = present
        self._lock = threading.Lock()
        self._former = tuple(former)

    @property
    def former(self) -> tuple[Seat, ...]:
        """Those of former lists of members, the latest first."""
        with self._lock:
            return self._former

    @property
    def all(self) -> tuple[Seat, ...]:
        """The present one first."""
        return (self.present, *self.former)

    def leave(self, seat: Seat) -> None:
        """Work for a former one no more."""
        with self._lock:
            self._former = tuple(one for one in self._former if one is not seat)

    def of_reference(self, reference: bytes) -> Seat | None:
        """The seat that a digest names; the present one where none is named."""
        if not reference:
            return self.present
        return next((seat for seat in self.all if seat.reference == reference), None)

    def of_round(self, task_id: int, number: int) -> Seat:
        """The seat with which a round was opened; the present one, which refuses it, where there is none."""
        former = self.former
        if not former:
            return self.present
        committee = self._chain.committee_of_round(task_id, number)
        return next((seat for seat in former if seat.membership.committee == committee), self.present)

    def of_session(self, known: Callable[[Runner], object]) -> Seat:
        """The seat whose steps know a session; the present one, which refuses it, where none does.

        Args:
            known: raises UnknownError where they do not.
        """
        for seat in self.former:
            with suppress(UnknownError):
                known(seat.runner)
                return seat
        return self.present

    def task_of(self, head: StepHead) -> int:
        """The task that a step is about, from its head alone.  Raises UnknownError for a session nobody knows."""
        return self.of_session(lambda runner: runner.task_of(head)).runner.task_of(head)

    def cohort(self, session: bytes) -> Cohort:
        """The cohort that a session is about.  Raises UnknownError."""
        return self.of_session(lambda runner: runner.cohort(session)).runner.cohort(session)

    def run(self, request: StepRequest) -> StepReply:
        """Run a step with the seat that it is for."""
        return self._of_step(request).runner.run(request)

    def _of_step(self, request: StepRequest) -> Seat:
        if request.step is Step.RELEASE:
            named = named_round(request.payload)  # whether its keys are set up or gone: a sum needs none
            return self.present if named is None else self.of_round(*named)
        if request.step is Step.COIN:
            cohort = request.cohort
            return self.present if cohort is None else self.of_round(cohort.context.task_id, cohort.context.round)
        return self.of_session(lambda runner: runner.require_known(request))


def former_memberships(
    formers: Formers, present: Membership, keystores: Sequence[Keystore], reference: Callable[[Committee], bytes]
) -> list[tuple[Membership, Keystore]]:
    """Lists of members with whom this prover was started before, and whose keys are here; the latest first."""
    found: list[tuple[Membership, Keystore]] = []
    for one in reversed(formers.known):
        if one == present or one.committee.committee_id != present.committee.committee_id:
            continue
        signer = one.committee.members[one.index]
        keys = next((keystore for keystore in keystores if keystore.address == signer), None)
        if keys is not None and not keys.has_forgotten(reference(one.committee)):
            found.append((one, keys))
    return found


def record_of(reader: MarketReader, committee: Committee) -> CommitteeRecord | None:
    """What a node shows of a list of members, the latest if there were several alike; None of one it does not know."""
    number = committee.committee_id
    record = reader.committee_record(number)
    for epoch in range(record.epoch - 1, -1, -1):
        if record.committee == committee:
            break
        record = reader.committee_record(number, epoch)
    return record if record.committee == committee else None


def reference_of(chain: MarketReader, committee: Committee) -> CommitteeReference:
    """What names a committee's list of members at this chain's registry."""
    return CommitteeReference(chain.chain_id, chain.registry, committee)
