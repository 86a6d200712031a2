"""The leak meter on single schedules: nothing but the sum is what it finds, and it finds each attack that ever worked.

Every attack is played twice: with the rule that stops it, and with that rule taken out, where the meter must jump.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256

import pytest

import native
from circuits.hashing import challenge, keccak, tag, typed_digest, words
from circuits.policies.norm import NORM
from circuits.policies.spec import OwnerWires, PolicySpec
from circuits.r1cs import ConstraintSystem
from circuits.statement import DEALING_TYPE, Committee, Context, SubmissionHeader
from commons.protocol.messages import Message, Step
from commons.sharing.prss import PrssKeys, Purpose
from commons.sharing.reconstruct import open_vector
from native import FrArray
from provers.party import excluding, masking, releasing
from provers.party.ledger import AttemptStarted, Combined, Entry, LedgerState, Locked
from provers.party.memory import Projected
from tests.privacy.leakmeter.adversary import ATTEMPT, TRUTH, Coordinator, Lie
from tests.privacy.leakmeter.allowed import excess, sum_rows
from tests.privacy.leakmeter.linear import span
from tests.privacy.leakmeter.schedules import Coverage, Plan, Trial, check_sealed, enumerate_stops, random_schedule
from tests.privacy.leakmeter.stage import Shape, Stage
from tests.privacy.leakmeter.toy import DIMENSION, SLACK_BITS, toy
from tests.privacy.leakmeter.world import World
from tests.support.tiers import deepened

ALL = (0, 1, 2)
THREE, FOUR, SEVEN = Shape(), Shape(4, 1), Shape(7, 2, frozenset({0, 4}))
EQUIVOCATION = Lie(spread=1, entry=1)
Attack = Callable[[Coordinator], None]


def jump(shape: Shape, attack: Attack) -> int:
    """Dimensions that leak beyond what may leak, after an attack on fresh provers and owners."""
    with toy() as made:
        adversary = Coordinator(World(Stage(made, shape)))
        attack(adversary)
        return excess(adversary.world, adversary.world.accepted)


def begin(adversary: Coordinator, kept: Sequence[int] = ALL, lie: Lie = TRUTH) -> bytes:
    """An attempt by all provers, in a cohort of all owners."""
    cohort = adversary.open_cohort(range(adversary.world.stage.shape.owners))
    return adversary.propose(cohort, kept, range(adversary.world.stage.shape.size), lie)


def run(adversary: Coordinator, session: bytes, until: Step = Step.RELEASE, of: Sequence[int] | None = None) -> None:
    """Ask everybody for every step of an attempt; the last one only of some, if they are named."""
    for step in ATTEMPT[: ATTEMPT.index(until) + 1]:
        if step is until and of is not None:
            for prover in of:
                adversary.ask(session, step, prover)
        else:
            adversary.ask_all(session, step)


# --- nothing but the sum ------------------------------------------------------------------------------------------


def a_product_with_the_norm(cs: ConstraintSystem, owner: OwnerWires) -> None:
    """True for the stage's gradients and for empty slots."""
    cs.enforce(owner.norm, owner.slack[0] + owner.slack[1] - 1, 0)


def further() -> PolicySpec:
    """A policy that adds a constraint; made anew, as what is compiled at toy size must not be kept."""
    return PolicySpec("further", "Neither of two bits, or both.", a_product_with_the_norm)


@pytest.mark.parametrize("policy", [lambda: NORM, further], ids=["norm", "further"])
@pytest.mark.parametrize("shape", [THREE, FOUR, SEVEN], ids=["3-1", "4-1", "7-2"])
def test_an_honest_batch_leaks_its_sum_and_two_tests_of_validity(
    shape: Shape, policy: Callable[[], PolicySpec]
) -> None:
    tests: Mapping[Step, int] = {Step.VALIDATE: 3, Step.CONFIRM: 3, Step.COMBINE: 3, Step.PROVE: 4, Step.ATTEST: 4}
    with toy(policy()) as made:
        adversary = Coordinator(World(Stage(made, shape)))
        world, session = adversary.world, begin(adversary)
        for step in ATTEMPT[:-1]:
            assert adversary.ask_all(session, step)
            assert len(world.leak()) == tests.get(step, 0)
            assert excess(world, ()) == 0
        assert adversary.ask_all(session, Step.RELEASE)
        assert world.accepted == (ALL,)
        assert (excess(world, ()), excess(world, world.accepted)) == (DIMENSION, 0)
        found = span(world.leak())
        assert all(found.contains(row) for row in sum_rows(world.stage, ALL))


@pytest.mark.parametrize("lie", [TRUTH, Lie(base=1, entry=1), Lie(base=1, entry=4), EQUIVOCATION], ids=str)
def test_every_stop_of_one_attempt(lie: Lie) -> None:
    coverage = Coverage()

    def end(adversary: Coordinator, schedule: str) -> None:
        coverage.note(adversary)
        check_sealed(adversary, schedule)

    with toy() as made:
        adversary = Coordinator(World(Stage(made, THREE)))
        enumerate_stops(adversary, adversary.open_cohort(ALL), [Trial(ALL, lie)], end)
    assert len(coverage.subsets) >= 10


@pytest.mark.parametrize("shape", deepened([FOUR, SEVEN], fast=[FOUR]), ids=["4-1", "7-2"])
def test_schedules_at_random(shape: Shape) -> None:
    for seed in range(4):
        with toy(further() if seed == 3 else NORM) as made:
            check_sealed(random_schedule(Stage(made, shape), Plan(), seed), f"{shape}, seed {seed}")


# --- the attacks, with and without the rule that stops them ---------------------------------------------------


def unchecked(*rules: type[Entry]) -> Callable[[LedgerState, Entry], None]:
    """A ledger's check that lets entries of some kinds pass."""
    check = LedgerState.check
    return lambda self, entry: None if isinstance(entry, rules) else check(self, entry)


def two_sets(adversary: Coordinator) -> None:
    """Everybody is attested, then everybody but the victim; each sum is asked of another prover."""
    first, second, *_ = adversary.world.stage.shape.honest
    for kept, prover in ((ALL, first), ((0, 1), second)):
        session = begin(adversary, kept)
        run(adversary, session, of=[prover])


def two_sets_of_few(adversary: Coordinator) -> None:
    """The same, but for each set only one honest prover attests, and releases."""
    first, second, *_ = adversary.world.stage.shape.honest
    for kept, prover in ((ALL, first), ((0, 1), second)):
        session = begin(adversary, kept)
        run(adversary, session, Step.ATTEST, of=[prover])
        adversary.ask(session, Step.RELEASE, prover)


def test_two_sums_need_provers_that_sign_two_sets_that_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    assert jump(THREE, two_sets) == 0
    monkeypatch.setattr(LedgerState, "check", unchecked(Locked))
    assert jump(THREE, two_sets) == DIMENSION


def test_two_sums_need_releases_below_a_quorum(monkeypatch: pytest.MonkeyPatch) -> None:
    assert jump(THREE, two_sets_of_few) == 0
    monkeypatch.setattr(releasing, "_require_quorum", lambda *_: None)
    monkeypatch.setattr(Coordinator, "quorum", 1)
    assert jump(THREE, two_sets_of_few) == DIMENSION


def equivocate(adversary: Coordinator) -> None:
    """Corrupt provers sign other masked products for each honest prover."""
    run(adversary, begin(adversary, lie=EQUIVOCATION), Step.VALIDATE)


def test_two_challenges_in_one_validity_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """chi from the broadcasts that a prover saw: shares of one residual under two challenges."""
    assert jump(THREE, equivocate) == 0
    seen = [b""]

    def broadcasts(messages: Sequence[Message], before: bytes = bytes(32)) -> bytes:
        seen[0] = keccak(before + b"".join(m.digest for m in sorted(messages, key=lambda m: m.sender)))
        return seen[0]

    monkeypatch.setattr(masking, "broadcast_hash", broadcasts)
    monkeypatch.setattr(masking, "validity_challenge", lambda *_: challenge(keccak(words(tag("validity"), seen[0]))))
    assert jump(THREE, lambda adversary: run(adversary, begin(adversary))) == 0
    assert jump(THREE, equivocate) == 3


def reveal_what_a_disk_damaged(adversary: Coordinator) -> None:
    """One bit of an honest prover's expanded share is wrong, so its projections miss those of the others."""
    stage = adversary.world.stage
    adversary.world.damage(1, stage.submissions[0].header.digest(stage.context))
    adversary.reveal(adversary.open_cohort(ALL), 0, 1)


def test_a_share_is_revealed_for_what_its_owner_sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert jump(FOUR, reveal_what_a_disk_damaged) == 0

    def sent(committee: Committee, projected: Projected, holder: int, raw: bytes) -> FrArray:
        digests = [h.share_digests[holder] for h in projected.cohort.headers]
        own: FrArray = projected.own[digests.index(sha256(raw).digest())]
        return own

    monkeypatch.setattr(excluding, "_dealt_values", sent)
    assert jump(FOUR, reveal_what_a_disk_damaged) == DIMENSION + SLACK_BITS


def compute_with_what_a_disk_damaged(adversary: Coordinator) -> None:
    """The corrupt prover's projections make the damaged share look like one of a dealing that is only shifted.

    With the least number of provers taking part, t + 1 of them honest, any t + 1 shares lie on a polynomial.
    """
    stage = adversary.world.stage
    adversary.world.damage(2, stage.submissions[0].header.digest(stage.context))
    session = adversary.propose(adversary.open_cohort(ALL), ALL, (0, 2, 3))
    run(adversary, session, Step.VALIDATE)


def test_a_damaged_share_is_as_good_as_a_corrupt_prover_to_the_adversary() -> None:
    """The residual opens 2 d g_j for a share off by d: why the store holds every share to its digest before use."""
    assert jump(replace(FOUR, corrupt=frozenset()), compute_with_what_a_disk_damaged) == 0
    assert jump(FOUR, compute_with_what_a_disk_damaged) == 1


def two_dealings(adversary: Coordinator) -> None:
    """An owner dealt one commitment twice; each dealing enters a cohort of its own."""
    adversary.open_cohort(ALL)
    adversary.open_cohort((3, 1, 2))


def two_cohorts(adversary: Coordinator) -> None:
    """One dealing in two cohorts: another sign matrix for other owners."""
    adversary.open_cohort(ALL)
    adversary.open_cohort((0, 1))


@pytest.mark.parametrize(
    ("shape", "attack", "owners"),
    [(replace(FOUR, dealt_again=(0,)), two_dealings, 3), (FOUR, two_cohorts, 2)],
    ids=["two dealings", "one dealing"],
)
def test_one_commitment_under_two_sign_matrices(
    monkeypatch: pytest.MonkeyPatch, shape: Shape, attack: Attack, owners: int
) -> None:
    assert jump(shape, attack) == 0
    monkeypatch.setattr(LedgerState, "_check_member", lambda *_: None)
    assert owners <= jump(shape, attack) <= owners * (DIMENSION + 1)  # projections, and the dealing check


def copy_a_submission(adversary: Coordinator) -> None:
    """A corrupt owner signs an honest one's submission as its own, and enters it into another cohort."""
    adversary.open_cohort(ALL)
    adversary.open_cohort((3,))


def test_a_dealing_is_its_owners(monkeypatch: pytest.MonkeyPatch) -> None:
    shape = replace(FOUR, copied=(1,))

    def digest(self: SubmissionHeader, context: Context) -> bytes:
        return typed_digest(context.market.domain, DEALING_TYPE, (self.submission_digest(context), self.shares_root))

    assert jump(shape, copy_a_submission) == 0
    monkeypatch.setattr(SubmissionHeader, "digest", digest)
    assert jump(shape, copy_a_submission) >= DIMENSION


def disjoint_quorums(adversary: Coordinator) -> None:
    """Two cohorts of the same submissions, by provers that have only the corrupt one in common."""
    adversary.open_cohort(ALL, (0, 1, 2))
    adversary.open_cohort((0, 1), (0, 3, 4))


def test_any_two_quorums_share_an_honest_prover(monkeypatch: pytest.MonkeyPatch) -> None:
    assert jump(Shape(5, 1), disjoint_quorums) == 0
    monkeypatch.setattr(Committee, "quorum", property(lambda self: 2 * self.threshold + 1))
    assert jump(Shape(5, 1), disjoint_quorums) >= 2


def deal_off_the_polynomial(shares: list[FrArray]) -> None:
    """A dishonest owner's shares: other values for one prover."""
    shares[1] = native.add(shares[1], native.from_ints(range(1, len(shares[1]) + 1)))


def test_a_dealing_off_the_polynomial_reads_redundant_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    shape = replace(FOUR, bent=((2, deal_off_the_polynomial),))

    def attack(adversary: Coordinator) -> None:
        run(adversary, begin(adversary), Step.MASK)

    def trusting(shares: Mapping[int, FrArray], degree: int, liars: int, what: str) -> FrArray:
        few = sorted(shares)[-degree - 1 :] if what == "projections" else shares
        return open_vector({p: shares[p] for p in few}, degree, liars, what)

    assert jump(shape, attack) == 0
    monkeypatch.setattr(masking, "open_vector", trusting)
    assert jump(shape, attack) >= 2


def spend_a_mask_twice(adversary: Coordinator) -> None:
    """The same session from MASK to COMBINE, then again with another masked product and so another challenge."""
    session = begin(adversary)
    run(adversary, session, Step.COMBINE)
    adversary.lies[session] = Lie(base=1, entry=1)
    run(adversary, session, Step.COMBINE)


def combine_from_memory(adversary: Coordinator) -> None:
    """The provers get an old memory back, but not an old ledger, and go on from there under another challenge."""
    world, session = adversary.world, begin(adversary)
    run(adversary, session, Step.MASK)
    memory = dict(world.parties)
    run(adversary, session, Step.COMBINE)
    world.parties = memory
    adversary.lies[session] = Lie(base=1, entry=1)
    for step in (Step.VALIDATE, Step.CONFIRM, Step.COMBINE):
        adversary.ask_all(session, step)


def repeat_after_a_loss(adversary: Coordinator) -> None:
    """Every prover loses memory and ledger, and is led through the session that it was in."""
    world, session = adversary.world, begin(adversary)
    run(adversary, session, Step.COMBINE)
    for prover in world.parties:
        world.restart(prover)
        world.ledgers[prover] = type(world.ledgers[prover])()
    adversary.open_cohort(ALL)
    adversary.lies[session] = Lie(base=1, entry=1)
    run(adversary, session, Step.COMBINE)


@pytest.mark.parametrize(
    ("attack", "rules"),
    [(spend_a_mask_twice, (AttemptStarted, Combined)), (combine_from_memory, (Combined,))],
    ids=["a spent attempt", "an old memory"],
)
def test_a_mask_is_spent_once(monkeypatch: pytest.MonkeyPatch, attack: Attack, rules: tuple[type[Entry], ...]) -> None:
    assert jump(THREE, attack) == 0
    monkeypatch.setattr(LedgerState, "check", unchecked(*rules))
    assert jump(THREE, attack) >= DIMENSION


def test_a_session_names_what_its_provers_drew_at_their_start(monkeypatch: pytest.MonkeyPatch) -> None:
    assert jump(THREE, repeat_after_a_loss) == 0
    monkeypatch.setattr(World, "nonce", lambda self, prover: bytes([prover] * 32))
    assert jump(THREE, repeat_after_a_loss) >= DIMENSION


@pytest.mark.parametrize(
    ("purpose", "until"),
    [
        (Purpose.PRODUCT_ZERO, Step.MASK),
        (Purpose.RESIDUAL_ZERO, Step.VALIDATE),
        (Purpose.PROOF_ZERO, Step.PROVE),
    ],
    ids=lambda value: value.name,
)
@pytest.mark.parametrize("shape", [THREE, FOUR], ids=["3-1", "4-1"])
def test_shares_of_degree_2t_carry_a_share_of_zero(
    monkeypatch: pytest.MonkeyPatch, shape: Shape, purpose: Purpose, until: Step
) -> None:
    zero = PrssKeys.zero

    def attack(adversary: Coordinator) -> None:
        run(adversary, begin(adversary), until)

    def bare(self: PrssKeys, session: bytes, wanted: Purpose, count: int) -> FrArray:
        return native.zeros(count) if wanted is purpose else zero(self, session, wanted, count)

    assert jump(shape, attack) == 0
    monkeypatch.setattr(PrssKeys, "zero", bare)
    assert jump(shape, attack) >= 1
