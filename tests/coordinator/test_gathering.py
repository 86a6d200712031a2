"""Who is proven together: nobody is left behind who need not be, and few provers' shares put few owners at risk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import combinations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commons.protocol.messages import Step
from coordinator.gathering import Drawn, Needs, draw, draw_early, group_size, reserve
from tests.support.faults import silent
from tests.support.network import Network, Result, network_with

EVERYBODY = frozenset(range(4))
NEEDS = Needs(quorum=3, threshold=1, capacity=8, least=3)


def held(**groups: tuple[int, frozenset[int]]) -> dict[bytes, frozenset[int]]:
    """Submissions by name: how many of each group, and who holds them."""
    return {f"{name}{nth}".encode(): provers for name, (count, provers) in groups.items() for nth in range(count)}


def kinds(chosen: tuple[bytes, ...]) -> dict[str, int]:
    return dict(Counter(submission.decode().rstrip("0123456789") for submission in chosen))


def cohorts(
    waiting: Mapping[bytes, frozenset[int]], needs: Needs = NEEDS, *, cautious: bool = False, seed: int = 0
) -> list[dict[str, int]]:
    """All cohorts of those that wait, in their order."""
    found = draw(waiting, EVERYBODY, needs, Random(seed).shuffle, cautious=cautious)
    return [kinds(group) for group in all_of(found)]


def all_of(drawn: Drawn) -> tuple[tuple[bytes, ...], ...]:
    return (*drawn.groups, *drawn.mixed)


WITHOUT_3, WITHOUT_0 = EVERYBODY - {3}, EVERYBODY - {0}


def test_all_that_everybody_holds_are_taken_in_even_parts() -> None:
    assert cohorts(held(full=(17, EVERYBODY))) == [{"full": 6}, {"full": 6}, {"full": 5}]
    assert cohorts(held(full=(8, EVERYBODY))) == [{"full": 8}]
    assert cohorts(held(full=(2, EVERYBODY))) == []


def test_those_that_few_hold_come_last_with_a_minimum_of_others_for_company() -> None:
    assert cohorts(held(few=(1, WITHOUT_3), full=(13, EVERYBODY))) == [{"full": 5}, {"full": 5}, {"full": 3, "few": 1}]
    assert cohorts(held(few=(4, WITHOUT_3), full=(11, EVERYBODY))) == [{"full": 8}, {"full": 3, "few": 4}]
    found = cohorts(held(few=(6, WITHOUT_3), full=(12, EVERYBODY)))
    assert found == [{"full": 6}, {"full": 3, "few": 3}, {"full": 3, "few": 3}], "each batch has its part of both"


def test_company_is_most_of_a_batch_but_no_more_than_a_quarter_of_the_main_part() -> None:
    assert cohorts(held(few=(1, WITHOUT_3), full=(20, EVERYBODY)))[-1] == {"full": 5, "few": 1}
    assert cohorts(held(few=(1, WITHOUT_3), full=(100, EVERYBODY)))[-1] == {"full": 7, "few": 1}
    assert {"full": 6, "few": 2} in cohorts(held(few=(11, WITHOUT_3), full=(60, EVERYBODY))), "or there are too many"


def test_one_group_leaves_company_to_the_others() -> None:
    few = {f"few{nth}": (8, EVERYBODY - {nth}) for nth in EVERYBODY}
    found = cohorts(held(**few, full=(40, EVERYBODY)))
    assert sum(sum(cohort.values()) for cohort in found) == 72
    assert all(cohort["full"] >= NEEDS.least for cohort in found)


def test_nor_is_less_left_of_the_main_part_than_a_batch_has_as_company() -> None:
    """Three of them by themselves would be fewer than beside any of the others."""
    few = {f"few{nth}": (1, EVERYBODY - {nth}) for nth in EVERYBODY}
    for seed in range(10):
        found = cohorts(held(**few, full=(23, EVERYBODY)), seed=seed)
        assert sum(cohort["full"] for cohort in found) == 23
        assert min(cohort["full"] for cohort in found) >= 4


def test_no_groups_turn_is_first_by_its_size() -> None:
    """Attack: the first one that fails leaves the others without company."""
    waiting = held(many=(4, WITHOUT_0), one=(1, WITHOUT_3), full=(40, EVERYBODY))
    firsts = {next(iter(set(cohort) - {"full"}), "") for cohort in _first_mixed(waiting)}
    assert firsts == {"many", "one"}


def test_whose_company_does_not_suffice_is_drawn() -> None:
    waiting = held(many=(2, WITHOUT_0), one=(1, WITHOUT_3), full=(5, EVERYBODY))
    served = {tuple(sorted(set().union(*cohorts(waiting, seed=seed)))) for seed in range(20)}
    assert served == {("full", "many"), ("full", "one")}


def _first_mixed(waiting: Mapping[bytes, frozenset[int]]) -> Iterator[dict[str, int]]:
    for seed in range(20):
        yield kinds(draw(waiting, EVERYBODY, NEEDS, Random(seed).shuffle, cautious=False).mixed[0])


def test_an_owner_that_more_provers_hold_pushes_nobody_out() -> None:
    """Attack: of seven provers all but one hold a stranger's shares, and all but another two those of the others."""
    seven = frozenset(range(7))
    waiting = held(strange=(3, seven - {0}), others=(20, seven - {1, 2}))
    found = draw(waiting, seven, Needs(5, 2, 8, 3), Random(0).shuffle, cautious=False)
    assert sum(kinds(group).get("others", 0) for group in found.groups) == 20


@given(st.integers(0, 2**32), st.integers(0, 3), st.integers(6, 60))
def test_no_small_part_of_the_main_part_is_left_by_itself(seed: int, kinds_of_few: int, full: int) -> None:
    few = {f"few{nth}": (1, EVERYBODY - {nth}) for nth in range(kinds_of_few)}
    found = cohorts(held(**few, full=(full, EVERYBODY)), seed=seed)
    assert sum(cohort["full"] for cohort in found) == full
    assert min(cohort["full"] for cohort in found) >= NEEDS.least


@pytest.mark.parametrize("others", [5, 20, 48, 200])
@pytest.mark.parametrize("strange", range(1, 6))
def test_strangers_do_not_have_one_owner_alone_among_them(strange: int, others: int) -> None:
    """Attack: accounts keep a share from a prover.  The sum of their batch less their own was one owner's gradient."""
    for seed in range(10):
        found = cohorts(held(strange=(strange, WITHOUT_3), full=(others, EVERYBODY)), seed=seed)
        assert sum(cohort.get("full", 0) for cohort in found) == others
        assert min(cohort.get("full", 0) for cohort in found) >= 2
        assert others < 6 or min(cohort.get("full", 0) for cohort in found) >= NEEDS.least


def test_a_prover_that_refuses_an_honest_owners_share_does_not_keep_it_out() -> None:
    """The owner has the receipts of all others; alone it is no batch."""
    assert cohorts(held(refused=(1, WITHOUT_0), full=(6, EVERYBODY)))[-1] == {"full": 3, "refused": 1}


def test_groups_that_different_provers_hold_get_company_each() -> None:
    found = cohorts(held(one=(1, WITHOUT_3), other=(2, WITHOUT_0), full=(11, EVERYBODY)))
    assert found[0] == {"full": 5}
    assert {"full": 3, "other": 2} in found
    assert {"full": 3, "one": 1} in found


@pytest.mark.parametrize(("full", "risked"), [(10, 3), (20, 5), (100, 7)])
def test_one_corrupt_owner_and_one_liar_cost_no_more_than_its_company(full: int, risked: int) -> None:
    """Attack: its shares go to a quorum with the liar in it, and the cohort that it is in is stopped by the liar.  In
    however many cohorts the round has, it draws company once; once a cohort has failed for good, none.
    """
    attack = held(corrupt=(1, WITHOUT_3), full=(full, EVERYBODY))
    found = cohorts(attack)
    at_risk = [cohort for cohort in found if "corrupt" in cohort]
    assert at_risk == [{"full": risked, "corrupt": 1}]
    assert sum(cohort.get("full", 0) for cohort in found) == full
    careful = cohorts(attack, cautious=True)
    assert sum(cohort["full"] for cohort in careful) == full
    assert not any("corrupt" in cohort for cohort in careful)


def test_nobody_is_left_behind_for_a_prover_to_spare() -> None:
    """Too few for two batches go together: the last would wait for a batch that never comes."""
    assert cohorts(held(few=(1, WITHOUT_3), full=(4, EVERYBODY))) == [{"full": 4, "few": 1}]


def test_what_has_failed_once_is_not_risked_again() -> None:
    assert cohorts(held(few=(1, WITHOUT_3), full=(4, EVERYBODY)), cautious=True) == [{"full": 4}]
    assert cohorts(held(few=(4, WITHOUT_3), full=(4, EVERYBODY)), cautious=True) == [{"full": 4}]


def test_what_is_left_of_a_draw_has_no_other_half() -> None:
    """Chance has said who of the main part is among them, and others may outnumber them: these are not to be risked."""
    waiting = held(few=(9, WITHOUT_3), full=(4, EVERYBODY))
    found = draw(waiting, EVERYBODY, NEEDS, Random(0).shuffle, cautious=True, again=True)
    assert [kinds(group) for group in all_of(found)] == [{"full": 4}]
    company = draw(waiting, EVERYBODY, NEEDS, Random(0).shuffle, cautious=False, again=True)
    assert [kinds(group).get("full", 0) for group in all_of(company)] == [2, 2]
    first = draw(waiting, EVERYBODY, NEEDS, Random(0).shuffle, cautious=True)
    assert sum(map(len, all_of(first))) == 13


def test_before_submissions_end_only_whole_batches_are_made_and_as_many_stay_as_are_to_be_kept() -> None:
    def early(waiting: Mapping[bytes, frozenset[int]], kept: int = 3) -> dict[str, int]:
        return kinds(draw_early(waiting, EVERYBODY, NEEDS, kept, Random(0).shuffle))

    assert early(held(full=(10, EVERYBODY))) == {}
    assert early(held(full=(11, EVERYBODY))) == {"full": 8}
    assert early(held(few=(5, WITHOUT_3), full=(10, EVERYBODY))) == {}
    assert early(held(full=(27, EVERYBODY)), 20) == {}
    assert early(held(full=(28, EVERYBODY)), 20) == {"full": 8}


def test_half_the_seats_are_kept_and_never_fewer_than_a_batch_needs() -> None:
    assert [reserve(seats, 3) for seats in (0, 5, 6, 7, 100)] == [3, 3, 3, 4, 50]


def test_provers_that_are_away_do_not_count() -> None:
    waiting = held(few=(2, WITHOUT_3), full=(2, EVERYBODY))
    found = draw(waiting, WITHOUT_3, NEEDS, Random(0).shuffle, cautious=False)
    assert [kinds(group) for group in all_of(found)] == [{"few": 2, "full": 2}]
    assert draw(waiting, frozenset({1, 2}), NEEDS, Random(0).shuffle, cautious=False) == Drawn()


def test_those_that_fewer_than_a_quorum_hold_wait_and_get_no_company() -> None:
    """A prover that is away can come back; the others do not wait for it."""
    found = draw(
        held(lost=(1, frozenset({0, 1})), full=(4, EVERYBODY)), EVERYBODY, NEEDS, Random(0).shuffle, cautious=False
    )
    assert [kinds(group) for group in all_of(found)] == [{"full": 4}]
    assert found.apart == ()


def test_those_that_get_no_company_are_told_apart() -> None:
    found = draw(held(few=(4, WITHOUT_3), full=(4, EVERYBODY)), EVERYBODY, NEEDS, Random(0).shuffle, cautious=True)
    assert kinds(found.apart) == {"few": 4}


def test_the_main_part_is_of_those_that_many_provers_hold_where_fewer_hold_half() -> None:
    """Attack: a prover refuses the shares of all but one owner and of strangers, which would be alone with it."""
    for group in _draws(held(strange=(7, EVERYBODY), victim=(1, EVERYBODY), refused=(40, WITHOUT_3))):
        assert len(group) == 8
        assert kinds(group).get("refused", 0) >= 1


def _draws(waiting: Mapping[bytes, frozenset[int]]) -> Iterator[tuple[bytes, ...]]:
    for seed in range(50):
        yield from all_of(draw(waiting, EVERYBODY, NEEDS, Random(seed).shuffle, cautious=False))


def test_company_is_not_of_the_few_that_a_prover_has_let_be_company() -> None:
    """Attack: a prover refuses most owners' shares, so that some few can be with hardly anybody but strangers."""
    waiting = held(strange=(7, EVERYBODY), victim=(1, EVERYBODY), refused=(40, WITHOUT_3), few=(2, WITHOUT_0))
    assert not any(kinds(group).get("few") for group in _draws(waiting))


COMMITTEES = st.sampled_from([(4, 1), (5, 1), (7, 2), (10, 3)])


@given(COMMITTEES, st.data())
def test_a_cohort_fits_and_its_provers_hold_all_of_it(committee: tuple[int, int], data: st.DataObject) -> None:
    size, threshold = committee
    quorum = max(2 * threshold + 1, (size + threshold) // 2 + 1)
    needs = Needs(quorum, threshold, data.draw(st.integers(2, 9)), data.draw(st.integers(2, 4)))
    if needs.capacity < needs.least:
        return
    provers = st.frozensets(st.integers(0, size - 1), min_size=data.draw(st.sampled_from([0, quorum, quorum + 1])))
    listed = data.draw(st.lists(provers, max_size=24))
    waiting = {bytes([nth]): one for nth, one in enumerate(listed)}
    ready, shuffle = data.draw(provers), Random(data.draw(st.integers(0, 9))).shuffle
    found = draw(waiting, ready, needs, shuffle, cautious=data.draw(st.booleans()))
    early = draw_early(waiting, ready, needs, data.draw(st.integers(0, 9)), shuffle)
    for chosen in (*all_of(found), *([early] if early else [])):
        assert needs.least <= len(chosen) <= needs.capacity
        assert len(ready.intersection(*(waiting[s] for s in chosen))) >= quorum
    able = [s for s in waiting if len(waiting[s] & ready) >= quorum]
    assert sorted([*found.apart, *(s for group in all_of(found) for s in group)]) == sorted(able)


@given(st.integers(3, 40), st.integers(0, 6))
def test_all_that_everybody_holds_get_in_whoever_else_waits(full: int, few: int) -> None:
    """And with them those that few hold, unless there are too few of both."""
    found = cohorts(held(few=(few, WITHOUT_3), full=(full, EVERYBODY)))
    assert sum(cohort.get("full", 0) for cohort in found) == full
    assert sum(cohort.get("few", 0) for cohort in found) == few or full + few < 2 * NEEDS.least


@given(st.integers(2, 256), st.integers(2, 64), st.integers(2, 64))
def test_groups_fit_and_are_not_too_small(waiting: int, capacity: int, least: int) -> None:
    if least > min(capacity, waiting):
        return
    size = group_size(waiting, capacity, least)
    assert least <= size <= capacity
    rest = waiting - size
    if capacity >= 2 * least and rest:
        assert rest >= least


def proven(network: Network, receipts: Mapping[int, frozenset[bytes]], *faulty: int) -> Result:
    """The next cohort of a network, as its provers prove it; those at fault vanish when it is to be signed."""
    holders = {s: frozenset(p for p, of in receipts.items() if s in of) for s in network.cohort.digests}
    needs = Needs(network.committee.quorum, network.committee.threshold, network.capacity, network.least_owners)
    chosen = all_of(draw(holders, EVERYBODY, needs, list.reverse, cautious=False))[0]
    able = frozenset(p for p in EVERYBODY if receipts[p].issuperset(chosen))
    digests = network.cohort.digests
    network.headers = [h for h, digest in zip(network.headers, digests, strict=True) if digest in chosen]
    return network.run({p: [silent(Step.ATTEST)] for p in faulty}, reachable=able)


def test_an_owner_that_leaves_a_prover_out_does_not_take_the_spare_prover_from_the_others() -> None:
    """It and a prover that vanishes after the set is signed could end the round for everybody."""
    network = network_with(5)
    everything = frozenset(network.submission(i) for i in range(5))
    del network.memories[0].payloads[network.submission(4)]
    receipts = {0: everything - {network.submission(4)}, 1: everything, 2: everything, 3: everything}
    result = proven(network, receipts, 3)
    network.check(result, [0, 1])
    assert not [v for v in result.verdicts if v.__class__.__name__.startswith("Owner")]


def test_a_prover_without_all_shares_is_not_asked_where_too_few_owners_would_be_left() -> None:
    network = network_with(2)
    everything = frozenset(network.submission(i) for i in range(2))
    del network.memories[2].payloads[network.submission(1)]
    receipts = {0: everything, 1: everything, 2: everything - {network.submission(1)}, 3: everything}
    result = proven(network, receipts)
    network.check(result, range(2))
    assert not result.verdicts


@pytest.mark.parametrize("few", [WITHOUT_3, WITHOUT_0])
def test_three_owners_of_whom_a_prover_lacks_one_are_proven_together(few: frozenset[int]) -> None:
    network = network_with(3)
    everything = frozenset(network.submission(i) for i in range(3))
    receipts = {p: everything if p in few else everything - {network.submission(2)} for p in EVERYBODY}
    result = proven(network, receipts)
    network.check(result, range(3))
    assert not result.verdicts


def test_owners_of_every_kind_that_there_is_among_many_provers_are_gathered_from() -> None:
    """Attack: strangers leave out each set of provers in turn; only so many of them are looked at, the largest."""
    many = frozenset(range(13))
    missing = [set(gone) for count in range(1, 5) for gone in combinations(range(13), count)]
    waiting = held(full=(4000, many), same=(9, many - {0}))
    waiting |= {f"strange{nth}".encode(): many - gone for nth, gone in enumerate(missing)}
    found = draw(waiting, many, Needs(9, 4, 64, 3), Random(0).shuffle, cautious=False)
    assert len(found.mixed) < 100
    assert kinds(found.apart).keys() == {"strange"}


def test_ten_thousands_of_submissions_are_gathered_from() -> None:
    waiting = held(few=(500, WITHOUT_3), full=(65_000, EVERYBODY))
    found = draw(waiting, EVERYBODY, Needs(3, 1, 120, 3), Random(0).shuffle, cautious=False)
    assert {len(group) for group in all_of(found)} <= {*range(100, 121)}
    assert sum(map(len, all_of(found))) == 65_500
