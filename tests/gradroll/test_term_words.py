"""Terms in words: what is escrowed, what an owner earns at least, what it risks; in the token's own units."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from circuits.statement import Committee
from circuits.terms import DAY, CommitteeTerms, Grading, Pay, TaskTerms, Windows
from commons.chain.facts import CommitteeRecord
from commons.runtime.amounts import ETH, Currency
from gradroll.commands.committee import bond_in_words
from gradroll.commands.gradingwords import grading_in_words
from gradroll.commands.termwords import (
    full_batches_in_words,
    machine_terms,
    offer_in_words,
    reserve_in_words,
    terms_in_words,
)
from gradroll.data_owner.offer import Offer
from tests.gradroll.fakes import POLICY, task_record, terms

ETHER = 10**18
FINNEY = 10**15
COMMITTEE = Committee(0xC0, 1, tuple(bytes([p + 1]) * 20 for p in range(4)))
PAY = Pay(
    bonus=FINNEY, coordinator_batch=5 * FINNEY, coordinator_gradient=FINNEY // 10, prover_batch=FINNEY // 2,
    prover_gradient=FINNEY // 100, deposit=4 * FINNEY,
)  # fmt: skip
WINDOWS = Windows(submit=DAY, settle=2 * DAY)


def own(**changes: object) -> TaskTerms:
    return terms(**({"pay": PAY, "windows": WINDOWS, "committee_id": 0xC0} | changes))


def offer(*, levelled: bool = False, ready: bool = True, **changes: object) -> Offer:
    record = task_record(
        terms=own(**changes), balance=40 * FINNEY, rounds_opened=4, owners=5, active_owners=3, provers=COMMITTEE.size
    )
    return Offer(record, CommitteeRecord(COMMITTEE, ("",) * 4, (b"",) * 4, ready), POLICY, levelled)


def words(text: list[str]) -> str:
    return "\n".join(text)


def test_a_round_sets_aside_pay_and_fees_for_all_seats() -> None:
    """As Pay.sol reckons: 4 gradients of 1.14, two batches of 7, in thousandths of an ether."""
    assert own().pay.reserve(4, 4, 2) == 18 * FINNEY + 56 * FINNEY // 100
    assert reserve_in_words(own(), 4, 4, ETH) == (
        "0.01856 ETH (4 gradients at 0.00114 ETH and up to 2 batches at 0.007 ETH, pay and fees)"
    )
    assert reserve_in_words(own(pay=Pay(bonus=FINNEY)), 4, 4, ETH) == "0.004 ETH (4 gradients at 0.001 ETH)"


def test_full_batches_cost_less_than_the_smallest() -> None:
    """4 gradients of 1.14 and batches of 7."""
    assert full_batches_in_words(own(), 4, 64, ETH) == "0.01156 ETH in 1 full batch of up to 64"
    assert full_batches_in_words(own(), 4, 3, ETH) == "0.01856 ETH in 2 full batches of up to 3"


@pytest.mark.parametrize(
    ("levelled", "how"),
    [(True, "paid for each, by its level"), (False, "and so is anything within the norm, useful or")],
)
def test_nobody_is_told_that_many_accounts_earn_nothing(levelled: bool, how: str) -> None:
    """Copies are paid as often as they come; only permission stops that."""
    copies = "who registers many accounts and hands in one gradient with all is paid for each"
    said = words(terms_in_words(own(), COMMITTEE, ETH, levelled=levelled))
    assert copies in said
    assert how in said
    for other in (own(permissioned=True), own(pay=Pay(coordinator_batch=1))):
        assert copies not in words(terms_in_words(other, COMMITTEE, ETH, levelled=levelled))


def test_every_term_is_told() -> None:
    said = words(terms_in_words(own(lapse_rounds=10), COMMITTEE, ETH, levelled=False))
    for part in (
        "10 coordinates, norm at most 16, in multiples of 2^-16; sums are served by the provers",
        "owners: anybody, up to 4 at a time, 2 or more in a batch; who is in no batch of 10 rounds in a row loses",
        "pay in ETH: 0.001 ETH for every accepted gradient",
        "of whoever relays: 0.005 ETH a batch and 0.0001 ETH a gradient",
        "each of the 4 provers that attests a batch and serves its sum: 0.0005 ETH a batch and 0.00001 ETH a gradient",
        "an owner pays: a deposit of 0.004 ETH, paid back 7 d after the owner has resigned and its last round was to ",
        "rounds: up to 9; 1 d to submit, 2 d more to settle; pay is kept for its owner 180 d",
        "committee 0x00000000000000c0 of 4, of whom 1 may collude",
    ):
        assert part in said
    said = words(terms_in_words(own(permissioned=True, inline_payload=True, pay=Pay()), COMMITTEE, ETH, levelled=False))
    for part in ("owners that the model owner admits", "published on the chain", "nothing for a gradient", "fees: none",
                 "an owner pays: no deposit"):  # fmt: skip
        assert part in said


def test_amounts_are_of_the_token_whose_address_is_named() -> None:
    """Anybody calls a token what they like."""
    coin = Currency("USDC", 6, b"\x07" * 20)
    said = words(terms_in_words(own(pay=Pay(coin.token, bonus=2_500_000)), COMMITTEE, coin, levelled=False))
    assert "pay in USDC (token 0x0707070707070707070707070707070707070707): 2.5 USDC for every" in said


def test_levels_divide_the_bonus_and_leave_the_base() -> None:
    pay = replace(PAY, base=2 * FINNEY, bonus=3 * FINNEY)
    said = words(terms_in_words(own(pay=pay, permissioned=True), COMMITTEE, ETH, levelled=True))
    assert "0.002 ETH for every accepted gradient, and on top 0.003 ETH a gradient on average, divided by level" in said
    assert "0.005 ETH for every accepted gradient" in words(
        terms_in_words(own(pay=pay), COMMITTEE, ETH, levelled=False)
    )


GRADING = Grading(4, 8, b"\x66" * 32)


def test_how_gradients_are_graded_is_told_and_what_that_shows() -> None:
    graded = own(grading=GRADING, bound=1 << 34)
    said = words(terms_in_words(graded, COMMITTEE, ETH, levelled=True))
    for part in (
        "1 from 0.25 on, 2 from 0.5 on, 3 from 0.75 on, by chance from up to 0.125 below that",
        "where fewer than 2 owners of a batch have a level, they count once less",
        f"of data with the digest 0x{'66' * 32}; nobody proves that it is",
    ):
        assert part in said
    said = words(offer_in_words(offer(levelled=True, grading=GRADING, bound=1 << 34), ETH))
    assert "you show: in each round everybody learns one number about your gradient" in said
    assert "you risk: the model owner chooses what counts in a sum" in said
    assert "or more owners that count alike, unless more than" in said
    assert "under noise 0.125 wide" in said
    assert "4.09 bits about your data on average at most, 20 in 5 rounds" in said, "log2(17), and five rounds are left"
    assert machine_terms(graded)["grading"] == {
        "step": 4, "dither": 8, "reference_data": f"0x{'66' * 32}", "bits_a_round": pytest.approx(math.log2(17)),
    }  # fmt: skip


def test_with_coarse_steps_no_level_is_told_that_no_cosine_has() -> None:
    said = words(grading_in_words(own(grading=Grading(1, 1, bytes(32)), bound=1 << 30)))
    assert "1 from 1 on, by chance" in said
    assert "2 from" not in said


def test_who_reads_sums_and_what_the_model_is() -> None:
    task = own(manifest=b"\x55" * 32, sum_key=b"\x66" * 32)
    said = words(terms_in_words(task, COMMITTEE, ETH, levelled=False))
    assert "sums are for the model owner alone" in said
    assert f"sums: private, sealed to the model owner's key 0x{'66' * 32}" in said
    assert f"model: as the manifest with the digest 0x{'55' * 32} says" in said
    assert (machine_terms(task)["manifest"], machine_terms(task)["sum_key"]) == (f"0x{'55' * 32}", f"0x{'66' * 32}")


def test_without_a_key_and_a_manifest_neither_is_shown() -> None:
    said = words(terms_in_words(own(), COMMITTEE, ETH, levelled=False))
    assert "sums are served by the provers" in said
    assert "manifest" not in said and "private" not in said
    assert machine_terms(own())["manifest"] is None and machine_terms(own())["sum_key"] is None


def test_where_nothing_is_graded_nothing_is_said_of_it() -> None:
    said = words([*terms_in_words(own(), COMMITTEE, ETH, levelled=False), *offer_in_words(offer(), ETH)])
    assert "grade" not in said
    assert "you show" not in said and "count alike" not in said and "chooses what counts" not in said
    assert machine_terms(own())["grading"] is None


def test_an_owner_sees_its_floor_before_it_registers() -> None:
    """Whoever else takes part, a gradient of level l earns base + bonus l / 3."""
    pay = replace(PAY, base=2 * FINNEY, bonus=3 * FINNEY)
    levels = offer(levelled=True, pay=pay, permissioned=True)
    assert [levels.floor(level) for level in range(4)] == [2 * FINNEY, 3 * FINNEY, 4 * FINNEY, 5 * FINNEY]
    said = words(offer_in_words(levels, ETH))
    assert "at least 0.002 ETH at level 0, 0.003 ETH at level 1, 0.004 ETH at level 2, 0.005 ETH at level 3" in said
    assert "it can be claimed when the round's settle deadline has passed" in said
    assert offer(pay=pay).floor(0) == 5 * FINNEY, "without levels everybody has the same"


def test_an_owner_sees_what_it_risks_and_how_long_it_has() -> None:
    said = words(offer_in_words(offer(), ETH))
    for part in (
        "you earn: 0.001 ETH for every accepted gradient, from the escrow; it can be claimed as soon as a batch is",
        "you pay: a deposit of 0.004 ETH, paid back 7 d after the owner has resigned and its last round was to be "
        "settled, once its pay is claimed; gas for registering and claiming",
        "you risk: the deposit is locked until you have left, and lost if 3 of the 4 provers sign, until 7 d after a "
        "round, that what you handed in for it was badly dealt",
        "while at most 1 of them are corrupt, nobody says so without honest ones",
        "you risk: a gradient that gets into no accepted batch earns nothing",
        "you risk: pay that is not claimed within 180 d of its round goes back to the model owner",
        "you have 1 d to submit from the opening of a round; batches are accepted 2 d longer",
        "places: 1 of 4 are free; rounds: up to 5 more, which the model owner need not open",
        "its free escrow of 0.04 ETH pays for 2 of them",
        "your gradient hides in the sum of its batch, of 2 or more owners, unless more than 1 of the 4 provers of "
        "committee 0x00000000000000c0 collude; the committee is complete",
        "has the code of this release",
    ):
        assert part in said
    assert "the committee is NOT complete" in words(offer_in_words(offer(ready=False), ETH))
    free = words(offer_in_words(offer(pay=Pay(bonus=FINNEY)), ETH))
    assert "you pay: no deposit; gas" in free
    assert "lost" not in free, "there is none to be lost"
    lapsing = words(offer_in_words(offer(lapse_rounds=10), ETH))
    assert "your place is free again if you are in no batch of 10 rounds in a row" in lapsing


@pytest.mark.parametrize(("pay", "rounds"), [(Pay(), 5), (Pay(bonus=FINNEY), 5), (Pay(bonus=10 * FINNEY), 1)])
def test_the_rounds_in_escrow_are_no_more_than_may_be_opened(pay: Pay, rounds: int) -> None:
    assert offer(pay=pay).rounds_in_escrow == rounds


def test_who_deposits_nothing_is_told_of_no_deposit_that_it_could_lose() -> None:
    said = words(offer_in_words(offer(pay=replace(PAY, deposit=0)), ETH))
    assert "you risk: when a quorum of the provers signs that you dealt bad shares, you are out of the task" in said
    assert "the deposit is" not in said


def test_a_member_sees_what_costs_it_the_bond() -> None:
    said = bond_in_words(CommitteeTerms(1, bond=FINNEY, change_delay=DAY, unbonding_delay=3 * DAY), ETH)
    assert said == (
        "each member bonds 0.001 ETH, and has it back 3 d after it left; it loses the bond and its key's word for "
        "signatures that no honest prover makes, by any key that it ever had (two messages for one step, two sets of "
        "owners that meet, a wrong sum, too few owners); a change of a member takes 1 d"
    )
    assert bond_in_words(CommitteeTerms(1), ETH).startswith("its members bond nothing; a key counts no more for")
