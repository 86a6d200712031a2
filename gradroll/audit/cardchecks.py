"""A model card held against the chain, field by field, and its models computed again: every lie is named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

from circuits.arrays import FloatArray
from circuits.errors import ProofError, SignatureError
from circuits.hashing import keccak
from circuits.terms import TaskTerms
from commons.protocol.trainingdecisions import Decision, SignedDecision
from commons.storage.modelfiles import encode_model
from gradroll.audit.cardfacts import CardFacts, final_model, in_effect, metric_missing, require_manifest
from gradroll.audit.modelcards import ModelCard
from gradroll.model_owner.lineage import ended_rounds


@dataclass(frozen=True, slots=True)
class Lie:
    """A field of a card that is not as the chain, or the rule, has it.

    Attributes:
        field: its name; of a round "rounds.3.weight".
        text: what is wrong.
    """

    field: str
    text: str


@dataclass(frozen=True, slots=True)
class CardVerdict:
    """What came of a card.

    Attributes:
        lies: all that were found; where one makes others meaningless these are not looked for.
        models: "recomputed"; "no rule": no rule says how models follow from each other; "private": only the model owner
            reads the sums from which they are computed; "" where a lie was in the way.
        later: rounds that the task has opened since.
        unsettled: whether the last rate of a plateau, and so the final model, rests on signed metrics alone: another
            card could have other ones, until a round is opened on the final model.
    """

    lies: tuple[Lie, ...]
    models: str
    later: int
    unsettled: bool = False


def check_card(
    card: ModelCard, facts: CardFacts, model: FloatArray | None = None, known: Sequence[SignedDecision] = ()
) -> CardVerdict:
    """Hold a card against the chain.

    Args:
        facts: of the card's task, from a node and files that whoever checks trusts.
        model: float64[d], what is said to be the final model.
        known: decisions that whoever checks has from elsewhere; one that contradicts the card shows that it lies.

    Raises:
        SignatureError: one of those is not the model owner's.
        UnknownError: the chain knows no such task.
        GradrollError: chain, sums or first model cannot be read, so nothing can be said.
    """
    lies = list(_of_place(card, facts))
    if lies:
        return CardVerdict(tuple(lies), "", 0)
    terms, ended = facts.view.terms(card.task), ended_rounds(facts.view, card.task)
    lies += [*_of_terms(card, facts, terms), *_of_rounds(card, facts, ended)]
    later = facts.view.task(card.task).rounds_opened - len(card.rounds)
    models = "" if lies else _models(card, facts)
    if models == "recomputed":
        lies += _of_models(card, facts, known)
    elif models:
        lies += _of_no_models(card)
    if model is not None and keccak(encode_model(model)) != card.final_model:
        lies.append(Lie("final_model", "the model in the file is another than the card's"))
    return CardVerdict(tuple(lies), models, later, models == "recomputed" and later == 0 and _metered(card))


def _metered(card: ModelCard) -> bool:
    """Whether a metric that is signed can make another final model."""
    return len(card.rounds) > 1 and card.training is not None and card.training.plateau is not None


def _models(card: ModelCard, facts: CardFacts) -> str:
    if card.training is None or not card.rounds:
        return "no rule"
    return "private" if facts.view.terms(card.task).sums_private else "recomputed"


def _of_no_models(card: ModelCard) -> Iterator[Lie]:
    """What a card may not state where nobody could check it."""
    if card.final_model:
        yield Lie("final_model", "there is no rule, or no public sum, from which anybody could compute it")
    if card.decisions:
        yield Lie("decisions", "there is no rule, or no public sum, by which anybody could tell what they are about")


def _of_place(card: ModelCard, facts: CardFacts) -> Iterator[Lie]:
    own = facts.view.market_id
    for name, stated, found in (
        ("chain_id", card.chain_id, own.chain_id),
        ("market", card.market, own.address),
        ("deployment", card.deployment, own.deployment),
    ):
        yield from _compared(name, stated, found)


def _of_terms(card: ModelCard, facts: CardFacts, terms: TaskTerms) -> Iterator[Lie]:
    yield from _compared("terms_hash", card.terms_hash, terms.terms_hash)
    try:
        require_manifest(card.manifest, terms)
    except ProofError as error:
        yield Lie("manifest", str(error))
    privacy = facts.privacy()
    for each in fields(privacy):
        yield from _compared(f"privacy.{each.name}", getattr(card.privacy, each.name), getattr(privacy, each.name))


def _of_rounds(card: ModelCard, facts: CardFacts, ended: int) -> Iterator[Lie]:
    if len(card.rounds) > ended:
        yield Lie("rounds", f"the card has {len(card.rounds)}, and {ended} of the task take no more batches")
    for stated in card.rounds[:ended]:
        found = facts.round(stated.number)
        for each in fields(found):
            name = f"rounds.{stated.number}.{each.name}"
            yield from _compared(name, getattr(stated, each.name), getattr(found, each.name))


def _of_models(card: ModelCard, facts: CardFacts, known: Sequence[SignedDecision]) -> Iterator[Lie]:
    lies = list(_of_signatures(card, facts))
    if lies or card.manifest is None:
        yield from lies
        return
    facts.require_decided(card.manifest, known)
    more = tuple(each for each in known if each not in card.decisions)
    replayed = facts.recomputed(card.manifest, (*card.decisions, *more), len(card.rounds))
    if replayed is None:
        return
    if replayed.deviation is not None:
        yield Lie("models", replayed.deviation.text)
        return
    yield from _of_effect(card, in_effect(card.manifest, replayed, len(card.rounds)))
    if (missing := metric_missing(replayed)) is not None:
        yield Lie("final_model", f"{missing}, so nobody can tell the final model")
    else:
        yield from _compared("final_model", card.final_model, final_model(replayed))


def _of_effect(card: ModelCard, found: Sequence[Decision]) -> Iterator[Lie]:
    """A decision that changes nothing would be read as the model owner's word about these models."""
    stated = [each.decision for each in card.decisions]
    if stated != [each for each in found if each in stated]:
        yield Lie("decisions", "some are of other models, are not asked for, are there twice, or are out of order")


def _of_signatures(card: ModelCard, facts: CardFacts) -> Iterator[Lie]:
    if card.manifest is None:
        return
    try:
        facts.require_decided(card.manifest, card.decisions)
    except SignatureError as error:
        yield Lie("decisions", str(error))


def _compared(name: str, stated: object, found: object) -> Iterator[Lie]:
    if stated != found:
        yield Lie(name, f"the card says {_shown(stated)}, the chain {_shown(found)}")


def _shown(value: object) -> str:
    if isinstance(value, bytes):
        return f"0x{value.hex()}"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_shown, value[:4]))}{', ..' if len(value) > 4 else ''}]"
    return str(value)
