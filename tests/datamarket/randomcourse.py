"""A random course of a campaign: what anybody may try is tried, in time or not, and everything comes to an end."""

from __future__ import annotations

from random import Random

from benchmarks.datamarket.campaignrules import HELD, Target
from benchmarks.datamarket.juryrules import Verdict
from commons.samples.campaigneconomics import Arbiter
from commons.samples.canonicalsamples import fits
from tests.datamarket.datastage import SCHEMA, sample
from tests.datamarket.rulemirror import MEMBERS, WINDOWS, RuleMirror, Votes

FAMILIES, MOST_BUNDLES, CHALLENGERS = 7, 5, ("cat", "dan", "ann")
DUE = WINDOWS.review + WINDOWS.reveal
"""Steps from the beginning of a review to the window for answers."""
_LIFE = 4
"""Steps after which a bundle that was not opened is voided."""


def play(mirror: RuleMirror, random: Random, steps: int) -> None:
    """Hand in for so many steps, and go on until nothing is locked any more."""
    while mirror.step < steps or mirror.rules.money.of[HELD]:
        assert mirror.step < steps + 3 * DUE, "something stays locked"
        if mirror.step < steps and len(mirror.handed) < MOST_BUNDLES:
            _hand_in(mirror, random)
        _show(mirror, random, last=mirror.step >= steps)
        _challenge(mirror, random)
        _reveal(mirror, random)
        for target in _disputed(mirror):
            _end(mirror, random, target)
        for bundle in range(len(mirror.handed)):
            if random.random() < 0.8 and _age(mirror, bundle) >= DUE - 1 and not mirror.rules.bundles[bundle].over:
                mirror.settle_bundle(bundle)
        mirror.pass_steps()


def _age(mirror: RuleMirror, bundle: int) -> int:
    """Steps since its review began; -1 before."""
    opened = mirror.rules.bundles[bundle].opened
    return -1 if opened is None else mirror.step - opened


def _hand_in(mirror: RuleMirror, random: Random) -> None:
    for who in random.sample(("ann", "bob"), random.randint(0, 2)):
        samples = [
            sample(random.randrange(4), 10 * random.randrange(FAMILIES) + 5, 50, 50 + random.randrange(3))
            if random.random() < 0.85 else sample(random.randrange(4), 101, 0, 0)
            for _ in range(random.randint(1, 3))
        ]  # fmt: skip
        mirror.commit(who, *samples, inline=all(fits(SCHEMA, each) for each in samples) and random.random() < 0.4)


def _show(mirror: RuleMirror, random: Random, *, last: bool) -> None:
    for number, held in enumerate(mirror.rules.bundles):
        if held.over or held.opened is not None or mirror.step == held.made:
            continue
        if mirror.step - held.made >= _LIFE:
            mirror.void(number, shown=False)
        elif not last and random.random() < 0.1 and not mirror.handed[number].inline:
            mirror.void(number, shown=True)
        elif mirror.step - held.made < _LIFE and random.random() < 0.6:
            mirror.show(number, sorted(random.sample(MEMBERS, random.randint(3, 4))))


def _challenge(mirror: RuleMirror, random: Random) -> None:
    """Challenges of each kind, also when the review is over; also with originals that are none."""
    for number, given in enumerate(mirror.handed):
        late = _age(mirror, number) == WINDOWS.review and random.random() < 0.2
        if not late and not 0 <= _age(mirror, number) < WINDOWS.review:
            continue
        for index, mine in enumerate(given.bundle.samples):
            if random.random() > 0.4:
                continue
            who, target = random.choice(CHALLENGERS), (number, index)
            near = _near(mirror, target)
            if not fits(SCHEMA, mine) and random.random() < 0.5:
                mirror.challenge(who, target, schema=True)
            elif near and random.random() < 0.7:
                mirror.challenge(who, target, original=random.choice(near))
            else:
                correction = sample(random.randrange(4), 1, 2, 3) if random.random() < 0.5 else b""
                mirror.challenge(who, target, correction=correction)


def _near(mirror: RuleMirror, target: Target) -> list[tuple[int | None, int]]:
    """Everything of the sample's family, whether it is an original or not."""
    mine = mirror.handed[target[0]].bundle.samples[target[1]]
    family = mine[2]
    if not fits(SCHEMA, mine):
        return []
    initial: list[tuple[int | None, int]] = [(None, family // 10)] if family < 20 else []
    return initial + [
        (bundle, index)
        for bundle, given in enumerate(mirror.handed)
        for index, other in enumerate(given.bundle.samples)
        if other[2] == family and (bundle, index) != target
    ]


def _reveal(mirror: RuleMirror, random: Random) -> None:
    """Most are opened, some are not, some too early; what was not is burnt when it can be, or tried before."""
    for number, made in enumerate(mirror.planned):
        challenge = mirror.rules.challenges[number]
        age = _age(mirror, made.target[0])
        if challenge.over or challenge.target:
            continue
        if (age == WINDOWS.review and random.random() < 0.8) or (age < DUE and random.random() < 0.1):
            mirror.reveal(number)
        elif mirror.rules.burns_from(number) <= mirror.step or random.random() < 0.05:
            mirror.burn(number)


def _disputed(mirror: RuleMirror) -> list[Target]:
    """Samples that were challenged and are not decided."""
    return [
        (number, index)
        for number, held in enumerate(mirror.rules.bundles)
        for index in held.challenged
        if index not in held.outcomes
    ]


def _end(mirror: RuleMirror, random: Random, target: Target) -> None:
    age, arbiter = _age(mirror, target[0]), mirror.terms.arbiter
    if random.random() < 0.1 and age < DUE + WINDOWS.answer:
        mirror.settle(target)  # refused, but for proofs in time
    elif (age == DUE and random.random() < 0.4) or random.random() < 0.05:
        mirror.concede(target)
    elif mirror.rules.proof_of(target) is not None:
        if age >= DUE and random.random() < 0.7:
            mirror.settle(target)
    elif age == DUE + WINDOWS.answer and random.random() < 0.85:
        if arbiter is Arbiter.OWNER:
            mirror.say(target, random.choice(list(Verdict)))
        else:
            first, second = _votes(random, 3), _votes(random, 7)
            appellant = random.choice(("", "ann", "dan"))
            mirror.try_case(target, first, appellant=appellant, second=second if appellant else ())
    elif age > DUE + WINDOWS.answer:
        mirror.settle(target)


def _votes(random: Random, seats: int) -> Votes:
    return random.choices((*Verdict, None), (4, 2, 3, 1), k=seats)
