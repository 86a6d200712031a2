"""The dispatcher: one request in, one signed reply and the ledger entries that must be durable before it leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from circuits.errors import WireError
from commons.protocol.bundle import AuditBundle, named_round
from commons.protocol.messages import Cohort, Message, Step, StepReply, StepRequest, message_digest
from commons.protocol.signing import require_signer
from commons.protocol.streamheads import StepHead
from provers.party import excluding, locking, masking, probing, projecting, proving, releasing
from provers.party.environment import Environment
from provers.party.ledger import Entry
from provers.party.memory import Party
from provers.party.steps import StepResult

_STEPS: Mapping[Step, Callable[[Party, Environment, StepRequest], StepResult]] = {
    Step.COIN: projecting.coin,
    Step.PROJECT: projecting.project,
    Step.MASK: masking.mask,
    Step.VALIDATE: masking.validate,
    Step.CONFIRM: masking.confirm,
    Step.COMBINE: masking.combine,
    Step.LOCK: locking.lock,
    Step.OPEN: locking.open_numbers,
    Step.PROVE: proving.prove,
    Step.ATTEST: proving.attest,
    Step.RELEASE: releasing.release,
    Step.PROBE_MASK: probing.probe_mask,
    Step.PROBE_COMBINE: probing.probe_combine,
    Step.REVEAL: probing.reveal,
    Step.EXCLUDE: excluding.exclude,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What handling a request leads to.

    Attributes:
        party: the party after the step.
        entries: ledger entries; make them durable, then adopt ``party``, then send ``reply``.
        about: task and number of the round that they are about.
        reply: the signed answer.
        attested: the batch that it attests, for whoever asks this prover for it; None for other steps.
    """

    party: Party
    entries: tuple[Entry, ...]
    about: tuple[int, int]
    reply: StepReply
    attested: AuditBundle | None = None


def handle(party: Party, request: StepRequest, env: Environment) -> Outcome:
    """Run one step.  On any GradrollError nothing has changed."""
    about = _round_of(party, request)
    env.ledger.require_open(*about)
    if request.step is not Step.RELEASE:
        _require_authorized(party, env, request)
    result = _STEPS[request.step](party, env, request)
    digest = message_digest(request.session, request.step, party.index, result.body)
    message = Message(request.session, request.step, party.index, result.body, env.sign(digest))
    return Outcome(result.party, result.entries, about, StepReply(message, result.vector, result.raw), result.attested)


def _round_of(party: Party, request: StepRequest) -> tuple[int, int]:
    """Task and number of the round that a request is about."""
    if request.step is Step.RELEASE:
        named = named_round(request.payload)
        if named is None:
            raise WireError("RELEASE comes with a certificate, and this is none, or one of another version")
        return named
    context = _cohort_of(party, request).context
    return context.task_id, context.round


def _require_authorized(party: Party, env: Environment, request: StepRequest) -> None:
    """Refuse a step that the task's coordinator has not signed: strangers burn no attempts and move no prover on.

    Nor does one that the model owner has replaced.
    """
    coordinator = env.coordinator(_cohort_of(party, request).context.task_id)
    require_signer(request.asked, request.authorization, coordinator, "the request")


def _cohort_of(party: Party, request: StepRequest) -> Cohort:
    if request.step is not Step.COIN:
        return known_cohort(party, request)
    if request.cohort is None:
        raise WireError("COIN comes with its cohort")
    return request.cohort


def known_cohort(party: Party, asked: StepRequest | StepHead) -> Cohort:
    """The cohort that a step is about, of which this party knows, from the step's head alone.

    Raises:
        UnknownError: it knows none, as of COIN and RELEASE.
        WireError: a proposal is missing.
    """
    match asked.step:
        case Step.PROJECT | Step.REVEAL:
            return party.cohort(asked.session).cohort
        case Step.EXCLUDE if asked.session in party.cohorts:
            return party.cohort(asked.session).cohort
        case Step.MASK | Step.PROBE_MASK:
            if asked.proposal is None:
                raise WireError(f"{asked.step.name} comes with its proposal")
            return party.cohort(asked.proposal.cohort_id).cohort
        case _:
            return party.any_attempt(asked.session).cohort
