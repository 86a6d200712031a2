"""A graded batch by hand: every step of an attempt, with the provers' own code, and whatever a coordinator relays.

What stands between the steps is open to a test: messages are kept by step and prover, and each prover may be shown
others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

import native
from circuits import sumcheck
from circuits.policies.gram import triangle
from circuits.statement import TAIL, BatchProof, BatchStatement, Graded, GrothProof, sign_seed
from circuits.transcript import projections_digest, values_state
from circuits.verify import sum_of_commitments
from commons.protocol.bodies import CoinBody, ConfirmBody, ProveBody, scalars_to_bytes
from commons.protocol.bundle import AuditBundle, Certificate
from commons.protocol.gradedbodies import (
    GradedMaskBody,
    GradedProjectBody,
    GradedValidateBody,
    OpenBody,
)
from commons.protocol.messages import Message, Proposal, Step, StepReply, StepRequest
from commons.protocol.replies import Failure
from commons.protocol.rules import opened_numbers
from commons.sharing.reconstruct import open_g1, open_g2, open_scalar, open_vector
from native import FrArray
from provers.party.memory import Validated
from tests.support.gradednetwork import GradedNetwork

Relay = Callable[[int, tuple[Message, ...]], tuple[Message, ...]]
"""What a prover is shown in place of the others' messages."""


@dataclass(eq=False)
class GradedAttempt:
    """One attempt over a graded network's cohort.

    Attributes:
        active: the provers of the attempt.
        kept: places in the cohort.
        said: messages by step and prover.
        refused: the last step's refusals.
        vectors: what came beside COMBINE.
    """

    network: GradedNetwork
    number: int = 1
    active: Sequence[int] = ()
    kept: Sequence[int] = ()
    said: dict[Step, dict[int, Message]] = field(default_factory=dict)
    refused: dict[int, Failure] = field(default_factory=dict)
    vectors: dict[int, FrArray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.active = self.active or tuple(range(self.network.provers))
        self.cohort = self.network.cohort
        self.kept = self.kept or tuple(range(len(self.cohort.headers)))
        self.t = self.network.committee.threshold

    # --- asking --------------------------------------------------------------------------------------------------

    def request(self, step: Step, *, payload: bytes = b"", before: Step | None = None) -> StepRequest:
        """A step's request with all messages of the step before it."""
        session = self.cohort.cohort_id if step in (Step.COIN, Step.PROJECT) else self.proposal.digest
        relayed = () if before is None else tuple(self.said[before].values())
        return StepRequest(
            step, session,
            cohort=self.cohort if step is Step.COIN else None,
            proposal=self.proposal if step is Step.MASK else None,
            relayed=relayed, payload=payload,
        )  # fmt: skip

    def deliver(self, prover: int, request: StepRequest) -> StepReply | Failure:
        """One prover's answer to a request that the coordinator signs."""
        return self.network.deliver(prover, self.network.authorized(request))

    def ask(
        self, step: Step, before: Step | None, *, payload: bytes = b"", relay: Relay | None = None,
        provers: Sequence[int] | None = None,
    ) -> None:  # fmt: skip
        """Ask the provers, each with what it is shown; what they say and refuse is kept."""
        request = self.request(step, payload=payload, before=before)
        self.refused = {}
        said = self.said.setdefault(step, {})
        for prover in self.active if provers is None else provers:
            shown = request.relayed if relay is None else relay(prover, request.relayed)
            reply = self.deliver(prover, with_relayed(request, shown))
            if isinstance(reply, Failure):
                self.refused[prover] = reply
                continue
            said[prover] = reply.message
            if step is Step.COMBINE and reply.vector is not None:
                self.vectors[prover] = reply.vector

    def rewritten(self, step: Step, prover: int, change: Callable[[bytes], bytes]) -> Message:
        """A prover's message of a step with another body, as a corrupt prover would sign it."""
        message = self.said[step][prover]
        return self.network.resign(prover, message, change(message.body))

    def lie(self, step: Step, prover: int, change: Callable[[bytes], bytes]) -> None:
        """Everybody gets another message of a prover."""
        self.said[step][prover] = self.rewritten(step, prover, change)

    # --- steps ---------------------------------------------------------------------------------------------------

    @property
    def proposal(self) -> Proposal:
        """What is attempted; each prover's nonce is that of its coin."""
        coins = self.said[Step.COIN]
        nonces = tuple(CoinBody.decode(coins[p].body).nonce for p in self.active)
        return Proposal(self.cohort.cohort_id, self.number, tuple(self.kept), tuple(self.active), nonces)

    def begin(self) -> None:
        """COIN and PROJECT."""
        everybody = range(self.network.provers)
        self.ask(Step.COIN, None, provers=everybody)
        self.ask(Step.PROJECT, Step.COIN, provers=everybody)
        self.require_no_refusal()

    def mask(self, relay: Relay | None = None) -> None:
        """MASK: with the PROJECT messages of the active provers."""
        chosen = {p: self.said[Step.PROJECT][p] for p in self.active}
        self.said[Step.PROJECT] = chosen
        self.ask(Step.MASK, Step.PROJECT, relay=relay)

    def through(self, last: Step) -> None:
        """Honest steps from MASK to one of COMBINE, LOCK, OPEN, PROVE."""
        self.mask()
        self.require_no_refusal()
        self.onward(Step.VALIDATE, last)

    def onward(self, first: Step, last: Step) -> None:
        """Honest steps from one behind MASK to another."""
        order = (Step.MASK, Step.VALIDATE, Step.CONFIRM, Step.COMBINE, Step.LOCK, Step.OPEN, Step.PROVE)
        for step in order[order.index(first) : order.index(last) + 1]:
            payload = self.row_payload if step is Step.LOCK else b""
            self.ask(step, order[order.index(step) - 1], payload=payload)
            self.require_no_refusal()

    def require_no_refusal(self) -> None:
        """Nobody refused the last step."""
        assert not self.refused, self.refused

    # --- what comes out ------------------------------------------------------------------------------------------

    @property
    def row(self) -> FrArray:
        """The combined row, opened."""
        return open_vector(self.vectors, self.t, self.t, "row")

    @property
    def row_payload(self) -> bytes:
        """The same, as LOCK carries it."""
        return scalars_to_bytes(self.row)

    @property
    def values(self) -> tuple[int, ...]:
        """The opened numbers."""
        owners = len(self.kept) - 1
        shares = {p: OpenBody.decode(m.body, owners).values for p, m in self.said[Step.OPEN].items()}
        context = self.cohort.context
        return opened_numbers(open_vector(shares, self.t, self.t, "numbers"), self.network.rule, context.bound)

    @property
    def statement(self) -> BatchStatement:
        """What the batch states."""
        reference, *owners = (self.cohort.headers[i] for i in self.kept)
        return BatchStatement(self.cohort.context, tuple(owners), Graded(reference, self.network.rule, self.values))

    def bundle(self, statement: BatchStatement | None = None) -> AuditBundle:
        """The finished batch, without attestations; with another statement one that lies."""
        statement = statement or self.statement
        assert statement.graded is not None
        coin = open_scalar(
            {p: CoinBody.decode(m.body).share for p, m in self.said[Step.COIN].items()}, self.t, self.t, "coin"
        )  # fmt: skip
        masks = {p: GradedMaskBody.decode(m.body, len(self.kept)) for p, m in self.said[Step.MASK].items()}
        tests = {p: GradedValidateBody.decode(m.body, len(self.kept)) for p, m in self.said[Step.VALIDATE].items()}
        projections = (
            open_vector({p: b.projections for p, b in masks.items()}, self.t, self.t, "z0"), *self._projections()
        )  # fmt: skip
        state = ConfirmBody.decode(next(iter(self.said[Step.CONFIRM].values())).body).state
        batch_id = values_state(state, statement.graded.rule, statement.graded.values)
        row = self.row
        values, tail = np.ascontiguousarray(row[:-TAIL]), np.ascontiguousarray(row[-TAIL:])
        square_norm = native.inner(values, values)
        proof = BatchProof(
            open_g1({p: b.commitment for p, b in masks.items()}, self.t, self.t, "C_0"),
            open_g1({p: b.gram for p, b in tests.items()}, self.t, self.t, "D"),
            open_g1({p: b.knowledge for p, b in tests.items()}, self.t, self.t, "KP"),
            self._groth(), square_norm,
            sumcheck.prove(self.network.setup.srs, values, tail, square_norm, batch_id),
            sum_of_commitments(statement), sign_seed(self.cohort.cohort_id, coin), projections_digest(projections),
        )  # fmt: skip
        certificate = Certificate(statement, self.network.payee, self.cohort.digests, coin, proof, ())
        assert certificate.rho_state == state
        return AuditBundle(certificate, projections, row)

    def _projections(self) -> list[FrArray]:
        count = len(self.cohort.headers)
        shares = {
            p: GradedProjectBody.decode(m.body, count).shares.reshape(-1, 4)
            for p, m in self.said[Step.PROJECT].items()
        }  # fmt: skip
        opened = open_vector(shares, self.t, self.t, "projections").reshape(count, -1, 4)
        return [np.ascontiguousarray(opened[i][:-1]) for i in self.kept]

    def _groth(self) -> GrothProof:
        parts = {p: ProveBody.decode(m.body) for p, m in self.said[Step.PROVE].items()}
        return GrothProof(
            open_g1({p: b.a for p, b in parts.items()}, self.t, self.t, "A"),
            open_g2({p: b.b for p, b in parts.items()}, self.t, self.t, "B"),
            open_g1({p: b.c for p, b in parts.items()}, 2 * self.t, self.t, "C"),
        )

    def gram(self) -> list[int]:
        """The inner products of rows 0.., opened from what the provers hold behind VALIDATE; for tests alone."""
        shares = {p: _gram_of(self.network.parties[p].attempts[self.proposal.digest]) for p in self.active}
        opened = native.to_ints(open_vector(shares, self.t, self.t, "inner products"))
        assert len(opened) == triangle(len(self.kept) + 1)
        return opened


def with_relayed(request: StepRequest, relayed: tuple[Message, ...]) -> StepRequest:
    """The request with other messages."""
    return StepRequest(
        request.step, request.session, request.cohort, request.proposal, b"", relayed, request.payload, request.owner
    )  # fmt: skip


def shown_instead(victim: int, message: Message) -> Relay:
    """One prover is shown another message of somebody than the others are."""

    def relay(prover: int, relayed: tuple[Message, ...]) -> tuple[Message, ...]:
        if prover != victim:
            return relayed
        return tuple(message if m.sender == message.sender else m for m in relayed)

    return relay


def _gram_of(state: object) -> FrArray:
    while not isinstance(state, Validated):
        below = ("locked", "combined", "confirmed", "validated")
        state = next(getattr(state, name) for name in below if hasattr(state, name))
    return state.gram
