"""The terms of tasks in words: what each side pays, earns and risks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from commons.runtime.amounts import checksum
from commons.runtime.identifiers import shown
from gradroll.commands.gradingwords import grading_in_words, machine_grading, shown_by_grading

if TYPE_CHECKING:
    from circuits.statement import Committee
    from circuits.terms import NewTask
    from commons.chain.facts import TaskRecord
    from commons.runtime.amounts import Currency
    from gradroll.data_owner.offer import Offer


def terms_in_words(terms: NewTask, committee: Committee, coin: Currency, *, levelled: bool) -> list[str]:
    """What a task asks for and pays, for whoever is about to create it or to take part."""
    windows = terms.windows
    who = "owners that the model owner admits" if terms.permissioned else "anybody"
    lapse = (
        f"; who is in no batch of {terms.lapse_rounds} rounds in a row loses its place" if terms.lapse_rounds else ""
    )
    return [
        f"gradients: {terms.dimension} coordinates, {_scale(terms)}; sums are {_sums(terms)}",
        *model_in_words(terms),
        f"owners: {who}, up to {terms.capacity} at a time, {terms.min_owners} or more in a batch{lapse}",
        f"pay in {coin}: {pay_in_words(terms, coin, levelled=levelled)}",
        *_of_open_tasks(terms, levelled=levelled),
        *grading_in_words(terms),
        *fees_in_words(terms, committee.size, coin),
        f"an owner pays: {_deposit(terms, coin)}",
        f"rounds: up to {terms.rounds}; {span(windows.submit)} to submit, {span(windows.settle)} more to settle; pay "
        f"is kept for its owner {span(windows.claim)}",
        f"provers: committee {shown(committee.committee_id)} of {committee.size}, of whom {committee.threshold} may "
        "collude",
        f"coordinator: {checksum(terms.coordinator)}; verifier: {checksum(terms.verifier)}",
    ]


def _scale(terms: NewTask) -> str:
    """How large a gradient may be, and to what it is rounded."""
    from circuits.terms import NO_DIGEST

    if terms.manifest == NO_DIGEST:
        return f"norm at most {norm(terms):.6g}, in multiples of 2^-{terms.fraction_bits}"
    return f"rounded block by block by scales in the manifest, squares of all integers up to {terms.bound} together"


def _sums(terms: NewTask) -> str:
    if terms.sums_private:
        return "for the model owner alone"
    return "published on the chain" if terms.inline_payload else "served by the provers"


def model_in_words(terms: NewTask) -> list[str]:
    """Which manifest says what the model is, and to which key sums are sealed; nothing where there is none."""
    from circuits.terms import NO_DIGEST

    lines = []
    if terms.manifest != NO_DIGEST:
        lines.append(f"model: as the manifest with the digest 0x{terms.manifest.hex()} says (gradroll task manifest)")
    if terms.sums_private:
        lines.append(f"sums: private, sealed to the model owner's key 0x{terms.sum_key.hex()}")
    return lines


def pay_in_words(terms: NewTask, coin: Currency, *, levelled: bool) -> str:
    """What a gradient earns."""
    pay = terms.pay
    if not pay.flat:
        return "nothing for a gradient"
    if not levelled or not pay.bonus:
        return f"{coin.shown(pay.flat)} for every accepted gradient"
    base = f"{coin.shown(pay.base)} for every accepted gradient, and on top " if pay.base else ""
    return f"{base}{coin.shown(pay.bonus)} a gradient on average, divided by level"


def _of_open_tasks(terms: NewTask, *, levelled: bool) -> list[str]:
    """What nothing but permission stops."""
    if terms.permissioned or not terms.pay.flat:
        return []
    how = "by its level" if levelled else "and so is anything within the norm, useful or not"
    return [f"open to anybody: who registers many accounts and hands in one gradient with all is paid for each, {how}"]


def fees_in_words(terms: NewTask, provers: int, coin: Currency) -> list[str]:
    """What coordinator and provers earn; a line each."""
    pay = terms.pay
    if not pay.fees:
        return ["fees: none; nobody is paid for proving and relaying"]
    return [
        "fee of the coordinator, after half of the settle window of whoever relays: "
        f"{coin.shown(pay.coordinator_batch)} a batch and {coin.shown(pay.coordinator_gradient)} a gradient",
        f"fee of each of the {provers} provers that attests a batch and serves its sum: "
        f"{coin.shown(pay.prover_batch)} a batch and {coin.shown(pay.prover_gradient)} a gradient",
    ]


def reserve_in_words(terms: NewTask, provers: int, seats: int, coin: Currency) -> str:
    """What a round of so many seats costs at most: opening it sets that aside of the escrow."""
    pay, batches = terms.pay, seats // terms.min_owners
    parts = f"{seats} gradients at {coin.shown(pay.per_gradient(provers))}"
    if pay.per_batch(provers):
        parts += f" and up to {batches} batches at {coin.shown(pay.per_batch(provers))}, pay and fees"
    return f"{coin.shown(pay.reserve(seats, provers, terms.min_owners))} ({parts})"


def full_batches_in_words(terms: NewTask, provers: int, largest: int, coin: Currency) -> str:
    """What a round costs in which all seats are taken, in the largest batches of the verifier.

    Args:
        largest: most owners of a batch.
    """
    pay, batches = terms.pay, -(-terms.capacity // largest)
    cost = terms.capacity * pay.per_gradient(provers) + batches * pay.per_batch(provers)
    return f"{coin.shown(cost)} in {batches} full batch{'es' * (batches != 1)} of up to {largest}"


def offer_in_words(offer: Offer, coin: Currency) -> list[str]:
    """What an owner of a task earns and risks, before it registers."""
    task, terms = offer.task, offer.task.terms
    return [
        f"you earn: {_earned(offer, coin)}, from the escrow; {_paid_when(offer)}",
        f"you pay: {_deposit(terms, coin)}; gas for registering and claiming",
        *(f"you risk: {risk}" for risk in _risks(terms, offer.committee.committee)),
        *(f"you show: {told}" for told in shown_by_grading(terms, offer.rounds_left)),
        f"you have {span(terms.windows.submit)} to submit from the opening of a round; batches are accepted "
        f"{span(terms.windows.settle)} longer",
        f"places: {offer.free_places} of {terms.capacity} are free; rounds: up to {offer.rounds_left} more, which the "
        f"model owner need not open; its free escrow of {coin.shown(task.balance)} pays for {offer.rounds_in_escrow} "
        "of them",
        *fees_in_words(terms, task.provers, coin),
        f"your gradient hides in the sum of its batch, of {terms.min_owners} or more owners"
        f"{'' if terms.grading is None else ' that count alike'}, unless more than "
        f"{offer.committee.committee.threshold} of the {task.provers} provers of committee {shown(terms.committee_id)} "
        f"collude; the committee is {'' if offer.committee.ready else 'NOT '}complete",
        f"verifier: {checksum(terms.verifier)} has the code of this release; the coordinator is "
        f"{checksum(task.coordinator)}, the model owner {checksum(task.model_owner)}",
    ]


_EXCLUDED = "when a quorum of the provers signs that you dealt bad shares, you are out of the task"


def _risks(terms: NewTask, committee: Committee) -> list[str]:
    """What an owner can lose."""
    risks = [
        "a gradient that gets into no accepted batch earns nothing, though it cost the work: where it is invalid or "
        "late, or too few owners or provers take part, or the coordinator leaves it out",
        f"pay that is not claimed within {span(terms.windows.claim)} of its round goes back to the model owner",
    ]
    risks.insert(0, _how_a_deposit_is_lost(terms, committee) if terms.pay.deposit else _EXCLUDED)
    if terms.lapse_rounds:
        risks.append(f"your place is free again if you are in no batch of {terms.lapse_rounds} rounds in a row")
    if terms.grading is not None:
        risks.append(
            "the model owner chooses what counts in a sum: a direction that fits you alone, and "
            f"{terms.min_owners - 1} of its own accounts in your batch, leave your gradient alone with theirs, without "
            "anybody's help"
        )
    return risks


def _how_a_deposit_is_lost(terms: NewTask, committee: Committee) -> str:
    """The one way there is: an exclusion."""
    return (
        f"the deposit is locked until you have left, and lost if {committee.quorum} of the {committee.size} provers "
        f"sign, until {span(terms.windows.exit)} after a round, that what you handed in for it was badly dealt; this "
        f"software deals well, and while at most {committee.threshold} of them are corrupt, nobody says so without "
        "honest ones"
    )


def _earned(offer: Offer, coin: Currency) -> str:
    words = pay_in_words(offer.task.terms, coin, levelled=offer.levelled)
    if not offer.levelled or not offer.task.terms.pay.flat:
        return words
    floors = ", ".join(f"{coin.shown(offer.floor(level))} at level {level}" for level in range(4))
    return f"{words}; whoever else takes part, at least {floors}"


def _paid_when(offer: Offer) -> str:
    if offer.levelled:
        return "it can be claimed when the round's settle deadline has passed"
    return "it can be claimed as soon as a batch is accepted"


def _deposit(terms: NewTask, coin: Currency) -> str:
    if not terms.pay.deposit:
        return "no deposit"
    back = f"paid back {span(terms.windows.exit)} after the owner has resigned and its last round was to be settled"
    return f"a deposit of {coin.shown(terms.pay.deposit)}, {back}, once its pay is claimed"


def norm(terms: NewTask) -> float:
    """The norm bound in the gradient's units."""
    return float(terms.bound**0.5 / 2**terms.fraction_bits)


def span(seconds: int) -> str:
    """A time span in its two largest units."""
    units = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
    parts = []
    for size, name in units:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or "0 s"


def machine_terms(terms: NewTask) -> dict[str, object]:
    """Terms for programs; amounts are text, of the token's smallest unit."""
    pay, windows = terms.pay, terms.windows
    return {
        "committee": shown(terms.committee_id), "verifier": checksum(terms.verifier), "dimension": terms.dimension,
        "norm": norm(terms), "min_owners": terms.min_owners, "capacity": terms.capacity, "rounds": terms.rounds,
        "permissioned": terms.permissioned, "token": checksum(pay.token), "base": str(pay.base),
        "bonus": str(pay.bonus), "deposit": str(pay.deposit), "coordinator_batch_fee": str(pay.coordinator_batch),
        "coordinator_gradient_fee": str(pay.coordinator_gradient), "prover_batch_fee": str(pay.prover_batch),
        "prover_gradient_fee": str(pay.prover_gradient), "submit_window": windows.submit,
        "settle_window": windows.settle, "claim_window": windows.claim, "exit_delay": windows.exit,
        "availability_window": windows.availability, "lapse_rounds": terms.lapse_rounds,
        "grading": machine_grading(terms), "bound": str(terms.bound), "manifest": _machine_digest(terms.manifest),
        "sum_key": _machine_digest(terms.sum_key),
    }  # fmt: skip


def _machine_digest(word: bytes) -> str | None:
    """A word for programs; None where it stands for nothing."""
    from circuits.terms import NO_DIGEST

    return None if word == NO_DIGEST else f"0x{word.hex()}"


def machine_task(record: TaskRecord) -> dict[str, object]:
    """A task for programs: its terms, and where it stands."""
    pending = record.pending_owner
    return {
        "task": shown(record.terms.task_id), "model_owner": checksum(record.model_owner),
        "offered_to": None if pending is None else checksum(pending), "coordinator": checksum(record.coordinator),
        **machine_terms(record.terms), "provers": record.provers, "owners": record.owners,
        "active_owners": record.active_owners, "rounds_opened": record.rounds_opened, "free": str(record.balance),
        "reserved": str(record.reserved),
    }  # fmt: skip
