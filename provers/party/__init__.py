"""The party's steps as pure functions: a state and a request in, a state, ledger entries and a signed reply out."""

from commons.sharing.sharevector import ShareVector
from provers.party.cohort import RestoredError
from provers.party.environment import Acceptance, Environment
from provers.party.party import Outcome, handle
from provers.party.state import Party

__all__ = ["Acceptance", "Environment", "Outcome", "Party", "RestoredError", "ShareVector", "handle"]
