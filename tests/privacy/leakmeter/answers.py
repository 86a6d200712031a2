"""The real party, asked once for each different question.

The schedules of a tree put the same questions to provers in the same state thousands of times.  An answer depends on
the request, the session's state, the prover's start, its ledger and what the environment shows, and on nothing else
that a schedule changes.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from circuits.errors import GradrollError
from commons.protocol.messages import Step, StepReply, StepRequest
from provers.party import Environment, Party, handle
from provers.party.ledger import Entry
from provers.party.memory import AttemptState, CohortState


@dataclass(frozen=True, eq=False)
class Answer:
    """What a step did to a party: its new state of the session, if there is one."""

    entries: tuple[Entry, ...]
    reply: StepReply
    cohort: CohortState | None
    attempt: AttemptState | None

    def applied_to(self, party: Party, session: bytes) -> Party:
        """The party after the step."""
        if self.cohort is not None:
            return party.with_cohort(session, self.cohort)
        return party if self.attempt is None else party.with_attempt(session, self.attempt)


class Answers:
    """A memory of answers and refusals."""

    def __init__(self) -> None:
        self._known: dict[Hashable, Answer | GradrollError] = {}
        self._alive: list[tuple[object, ...]] = []  # states are known by their identity, so none may go

    def get(
        self, party: Party, request: StepRequest, env: Environment, surroundings: Hashable
    ) -> Answer | GradrollError:
        """The party's answer.

        Args:
            surroundings: what the environment shows, as far as it changes.
        """
        states = self._states(party, request)
        heads = tuple(env.ledger.heads.items()) if request.step in (Step.COIN, Step.PROJECT) else ()
        key = (party.index, party.nonce, request, *map(id, states), repr(env.ledger), heads, surroundings)
        if key not in self._known:
            self._alive.append(states)
            self._known[key] = self._ask(party, request, env)
        return self._known[key]

    @staticmethod
    def _states(party: Party, request: StepRequest) -> tuple[object, ...]:
        of_cohort = None if request.proposal is None else party.cohorts.get(request.proposal.cohort_id)
        return of_cohort, party.cohorts.get(request.session), party.attempts.get(request.session)

    @staticmethod
    def _ask(party: Party, request: StepRequest, env: Environment) -> Answer | GradrollError:
        try:
            outcome = handle(party, request, env)
        except GradrollError as error:
            return error
        cohort, attempt = (
            new if (new := after.get(request.session)) is not before.get(request.session) else None
            for before, after in ((party.cohorts, outcome.party.cohorts), (party.attempts, outcome.party.attempts))
        )
        return Answer(outcome.entries, outcome.reply, cohort, attempt)  # type: ignore[arg-type]
