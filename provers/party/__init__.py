"""The party's steps as pure functions: a state and a request in, a state, ledger entries and a signed reply out."""

from provers.party.dispatch import Outcome, handle, known_cohort
from provers.party.environment import Acceptance, Environment
from provers.party.memory import Party
from provers.party.steps import RestoredError

__all__ = ["Acceptance", "Environment", "Outcome", "Party", "RestoredError", "handle", "known_cohort"]
