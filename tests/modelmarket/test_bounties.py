"""A bounty on hidden data from the commitment to the opened model, and its other ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from circuits.accuracy.inference import count_right
from circuits.accuracy.sizeclasses import MAX_CHUNKS
from circuits.errors import (
    ClosedError,
    ContractError,
    InvalidInputError,
    NotReadyError,
    RuleViolationError,
    SignatureError,
    UnknownError,
)
from circuits.terms import ETHER
from commons.chain.modelfacts import BountyStage, EntryStatus
from commons.chain.outbox import Outbox
from commons.protocol.bountydraws import TESTS, TRAINING, HiddenGroup, draw_entropy, drawn_groups, stage_seed
from gradroll.modelmarket.bountybook import BountyBook
from gradroll.modelmarket.bountyowner import BountyOwner
from gradroll.modelmarket.entrant import Entrant
from gradroll.modelmarket.witnesses import StandingOffer
from native import g1_generator
from tests.modelmarket.bountyarena import (
    BOND,
    COMPENSATION,
    FIRST,
    OWNER,
    PRIZE,
    WINDOW,
    Arena,
    bounty_arena,
)
from tests.modelmarket.modelstage import SIZE, toy_group, toy_model


@pytest.fixture(scope="module")
def arena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    with bounty_arena(tmp_path_factory.mktemp("bounties")) as made:
        yield made


def test_the_best_model_is_sold_and_every_unit_is_accounted_for(arena: Arena, tmp_path: Path) -> None:
    models = arena.stage.models
    bounty, tests = arena.selling()
    record = models.bounty(bounty)
    entries = models.entries(bounty)
    assert entries[0].correct > entries[1].correct and record.stage is BountyStage.SELLING
    request = arena.owner.request(bounty)
    offer = arena.entrants[0].offer_to_owner(bounty, request, tmp_path / "row")
    with pytest.raises(NotReadyError, match="no entry of this account wins"):
        arena.entrants[1].offer_to_owner(bounty, request, tmp_path / "other")
    with pytest.raises(SignatureError):
        arena.owner.take(bounty, replace(offer, offer=bytes(32)), tmp_path / "row")
    arena.owner.take(bounty, offer, tmp_path / "row")
    with pytest.raises(ClosedError, match="late key is public"):
        arena.entrants[0].reveal_won(bounty, 2 * WINDOW)
    arena.entrants[0].reveal_won(bounty, 60)
    bought = arena.owner.open_model(bounty, tests)
    assert np.array_equal(bought.weights, toy_model(1))
    places = models.places
    accounts: tuple[Entrant | BountyOwner, ...] = (*arena.entrants, arena.owner)
    owed = [models.owed(places.bounties, ETHER, one.address) for one in accounts]
    assert owed == [PRIZE + BOND, BOND, 3 * COMPENSATION]


def test_chance_draws_what_python_computes(arena: Arena) -> None:
    models = arena.stage.models
    bounty = arena.opened()
    anchor = models.bounty(bounty).anchor
    with pytest.raises(NotReadyError, match="decides the draw"):
        arena.owner.draw(bounty)
    drawn = arena.stage.draw(arena.owner, bounty)
    block = models.chain.rpc.block_hash(anchor)
    assert block is not None and drawn.anchor_hash == block
    seed = stage_seed(arena.seed_of(bounty), TRAINING)
    assert drawn.training == drawn_groups(draw_entropy(bounty, TRAINING, seed, block), range(5), 1)
    with pytest.raises(NotReadyError, match="vouched for by 2 blocks"):
        arena.owner.show(bounty, arena.read, arena.witnesses)
    arena.stage.pass_time(1, 2)
    shown = arena.owner.show(bounty, arena.read, arena.witnesses)
    assert models.shown_groups(bounty, TRAINING) == shown
    assert models.shown_groups(bounty, TESTS) == {}


def test_no_seed_is_shown_before_the_hash_is_final(arena: Arena) -> None:
    """A builder that knew the seed, and could still change the block, would choose the draw."""
    models, bounty = arena.stage.models, arena.opened()
    arena.stage.pass_time(1, 4)
    for _ in range(2):
        with pytest.raises(NotReadyError, match="seed is shown only then"):
            arena.owner.draw(bounty)
        record = models.bounty(bounty)
        assert record.stage is BountyStage.OPENED and any(record.anchor_hash)
    arena.stage.pass_time(1, 1)
    assert arena.owner.draw(bounty).stage is BountyStage.TRAINING_DRAWN


def test_an_owner_that_waits_draws_with_the_hash_that_an_entrant_pinned(arena: Arena) -> None:
    bounty = arena.opened()
    with pytest.raises(NotReadyError, match="decides the draw"):
        arena.entrants[0].pin(bounty)
    arena.stage.pass_time(1, 4)
    pinned = arena.entrants[0].pin(bounty)
    assert any(pinned.anchor_hash)
    arena.stage.pass_time(1, 300)
    assert arena.owner.draw(bounty).anchor_hash == pinned.anchor_hash == arena.entrants[0].pin(bounty).anchor_hash


def test_a_forgotten_hash_is_another_blocks(arena: Arena) -> None:
    """Nobody pinned: the seed stays hidden, and a later block takes the place."""
    models, bounty = arena.stage.models, arena.opened()
    before = models.bounty(bounty).anchor
    arena.stage.pass_time(1, 300)
    with pytest.raises(NotReadyError):
        arena.owner.draw(bounty)
    record = models.bounty(bounty)
    assert record.anchor > before + 256 and record.stage is BountyStage.OPENED and not any(record.anchor_hash)
    assert arena.stage.draw(arena.owner, bounty).stage is BountyStage.TRAINING_DRAWN


def test_an_owner_that_keeps_the_seed_of_the_tests_pays_every_entrant(arena: Arena) -> None:
    """It has seen the hash, and does not like what it would draw."""
    models, bounty = arena.stage.models, arena.entering()
    arena.stage.pass_time(WINDOW + 1)
    with pytest.raises(NotReadyError, match="decides the draw"):
        arena.entrants[0].pin(bounty)
    arena.stage.pass_time(1, 4)
    assert arena.entrants[1].pin(bounty).stage is BountyStage.CLOSED
    with pytest.raises(NotReadyError, match="window is open"):
        arena.owner.settle(bounty)
    before = [models.owed(models.places.bounties, ETHER, one.address) for one in arena.entrants]
    arena.stage.pass_time(WINDOW + 1)
    with pytest.raises(ClosedError, match="window for the draw ended"):
        arena.owner.draw(bounty)
    assert arena.owner.settle(bounty).stage is BountyStage.WITHHELD
    after = [models.owed(models.places.bounties, ETHER, one.address) for one in arena.entrants]
    assert [late - early for early, late in zip(before, after, strict=True)] == [BOND + COMPENSATION] * 2


def test_seeds_are_of_one_bounty_and_of_one_state_directory(arena: Arena) -> None:
    bounty = arena.opened()
    terms = arena.stage.models.bounty(bounty).terms
    assert arena.owner.commit_seeds(terms.commitment, arena.count) == terms.seed_commitment
    assert arena.owner.commit_seeds(terms.commitment, 10**6) != terms.seed_commitment
    with pytest.raises(ContractError, match="another bounty of this account"):
        arena.owner.open(terms, 10**6)
    with pytest.raises(UnknownError, match="nobody else can draw"):
        arena.owner.open(replace(terms, seed_commitment=bytes(32)))


def test_seeds_that_a_rehearsal_showed_are_not_those_of_the_market(arena: Arena, tmp_path: Path) -> None:
    """A contract cannot know what another one saw: a builder that did would choose the draw."""
    book, groups, owner = BountyBook(tmp_path), bytes(32), arena.owner.address
    rehearsal, market = (bytes([number]) * 32 for number in (1, 2))
    first = book.seed_for(groups, rehearsal + owner, 0)
    assert book.seed_for(groups, rehearsal + owner, 0) == first
    assert len({first, book.seed_for(groups, market + owner, 0), book.seed_for(groups, market + bytes(20), 0)}) == 3
    bounty = arena.opened()
    terms = arena.stage.models.bounty(bounty).terms
    scope = arena.stage.models.bounties_deployment + owner
    kept = BountyBook(arena.stage.directory / "owner")
    assert kept.seed_for(terms.commitment, scope, arena.count) == terms.seed_commitment


def test_a_threshold_that_tests_may_not_reach_is_refused(arena: Arena) -> None:
    """Two groups of twelve samples are drawn."""
    with pytest.raises(InvalidInputError, match="24 samples, of which nobody answers 25 right"):
        arena.opened(threshold=25)
    assert arena.stage.models.bounty(arena.opened(threshold=24)).terms.threshold == 24


def test_other_data_than_were_committed_to_are_not_shown(arena: Arena) -> None:
    bounty = arena.opened()
    arena.stage.draw(arena.owner, bounty)
    arena.stage.pass_time(1, 2)
    easy = toy_group(arena.stage.parameters(), toy_model(), 12, 77)
    with pytest.raises(InvalidInputError, match="not those that were committed to"):
        arena.owner.show(bounty, lambda path: easy, arena.witnesses)


def test_members_sign_no_data_beyond_the_bound(arena: Arena) -> None:
    bounty = arena.opened(feature_bound=3)
    arena.stage.draw(arena.owner, bounty)
    arena.stage.pass_time(1, 2)
    with pytest.raises(InvalidInputError, match="none is beyond 3"):
        arena.owner.show(bounty, arena.read, arena.witnesses)


def test_who_withholds_the_tests_pays_every_entrant(arena: Arena) -> None:
    models = arena.stage.models
    bounty = arena.entering()
    arena.stage.pass_time(WINDOW + 1, 4)
    with pytest.raises(NotReadyError):
        arena.owner.draw(bounty)
    arena.stage.draw(arena.owner, bounty)
    with pytest.raises(NotReadyError, match="window is open"):
        arena.owner.settle(bounty)
    before = [models.owed(models.places.bounties, ETHER, one.address) for one in arena.entrants]
    arena.stage.pass_time(WINDOW + 1)
    assert arena.owner.settle(bounty).stage is BountyStage.WITHHELD
    after = [models.owed(models.places.bounties, ETHER, one.address) for one in arena.entrants]
    assert [late - early for early, late in zip(before, after, strict=True)] == [BOND + COMPENSATION] * 2


def test_a_quorum_stands_in_for_an_owner_that_locks_nothing(arena: Arena, tmp_path: Path) -> None:
    models = arena.stage.models
    bounty, _ = arena.selling()
    arena.entrants[0].stand_in(bounty, arena.witnesses, tmp_path / "row")
    locked = models.offer_locked(bounty)
    assert locked is not None and locked.by_receipts
    arena.entrants[0].reveal_won(bounty, 60)
    assert models.bounty(bounty).stage is BountyStage.SOLD


def test_a_winner_without_an_offer_is_passed_over(arena: Arena) -> None:
    bounty, _ = arena.selling()
    arena.stage.pass_time(WINDOW + 1)
    record = arena.owner.settle(bounty)
    entries = arena.stage.models.entries(bounty)
    assert entries[0].status is EntryStatus.FORFEITED
    assert record.stage in (BountyStage.SELLING, BountyStage.UNSOLD)


def test_a_listing_on_another_set_is_not_entered(arena: Arena) -> None:
    bounty = arena.entering()
    other = arena.opened()
    arena.stage.draw(arena.owner, other)
    arena.stage.pass_time(1, 2)
    arena.owner.show(other, arena.read, arena.witnesses)
    with pytest.raises(RuleViolationError, match="on another set"):
        arena.entrants[0].enter(other, arena.listings[0])
    assert arena.stage.models.bounty(bounty).entries == 2


def test_a_bounty_is_opened_once_though_the_command_is_interrupted(
    arena: Arena, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under fresh salts the terms would be others, and the prize be paid in twice."""
    parameters, state = arena.stage.parameters(), arena.stage.state("interrupted")

    def interrupted(*given: object) -> None:
        raise KeyboardInterrupt

    sent = Outbox(tmp_path / "outbox")
    chain = arena.stage.writer(OWNER, sent)
    monkeypatch.setattr(chain, "_made", interrupted)
    before = arena.stage.models.bounties(chain.address)
    with pytest.raises(KeyboardInterrupt):
        arena.open_by(BountyOwner(chain, parameters, state, 2))
    sent.close()
    again = arena.stage.writer(OWNER, Outbox(tmp_path / "outbox"))
    bounty = arena.open_by(BountyOwner(again, parameters, state, 2))
    assert arena.stage.models.bounties(chain.address) == [*before, bounty]


def test_other_groups_get_salts_of_their_own(arena: Arena) -> None:
    owner = BountyOwner(arena.owner.account, arena.stage.parameters(), arena.stage.state("salted"), 2)
    groups = list(arena.data.items())
    first = owner.commit(groups)
    assert owner.commit(groups) == first
    assert len({first, owner.commit(groups[::-1]), owner.commit(groups[1:])}) == 3


def test_what_is_secret_of_an_offer_or_a_group_is_in_no_message(tmp_path: Path) -> None:
    offer = StandingOffer(bytes(32), g1_generator, bytes(32), 987654321, b"", tmp_path)
    group = HiddenGroup(b"\x07" * 32, bytes(32), bytes(32), 3)
    assert "987654321" not in repr(offer)
    assert "x07" not in repr(group)


def test_a_bounty_whose_winner_could_not_reveal_is_not_entered(arena: Arena) -> None:
    """Its owner would lock in the last moment, and get the bond for the key that never leaves."""
    bounty = arena.opened(key_window=3600)
    arena.show_training(bounty)
    entrant = arena.entrants[0]
    listing = entrant.list_model(entrant.commit(toy_model(1), SIZE), arena.stage.terms(arena.set_of(bounty)))
    with pytest.raises(RuleViolationError, match=r"models\.reveal_margin"):
        entrant.enter(bounty, listing)
    assert entrant.enter(bounty, listing, 1800) == 0


def test_a_model_that_hostile_tests_would_make_unprovable_is_not_entered(arena: Arena) -> None:
    """Within the bound of the terms an owner chooses tests on which entrants lose their bonds."""
    bounty = arena.opened(feature_bound=32_767)
    arena.show_training(bounty)
    entrant = arena.entrants[0]
    listing = entrant.list_model(entrant.commit(toy_model(1), SIZE), arena.stage.terms(arena.set_of(bounty)))
    with pytest.raises(RuleViolationError, match="cannot be proven"):
        entrant.enter(bounty, listing)
    assert entrant.enter(bounty, listing, unprovable=True) == 0


def test_a_threshold_that_no_tests_can_reach_is_told_before_the_deposit(arena: Arena) -> None:
    """A hostile owner's client refuses nothing, and the contract knows no class."""
    terms, owner = arena.stage.models.bounty(arena.opened()).terms, arena.owner
    most = terms.test_groups * MAX_CHUNKS * SIZE.samples
    entrant = arena.entrants[0]
    for nonce, threshold in enumerate((most + 1, most), 10**6):
        seeds = owner.commit_seeds(terms.commitment, nonce)
        hostile = replace(terms, threshold=threshold, seed_commitment=seeds)
        bounty = owner.account.open_bounty(hostile)
        arena.show_training(bounty)
        listing = entrant.list_model(entrant.commit(toy_model(1), SIZE), arena.stage.terms(arena.set_of(bounty)))
        before = arena.stage.balance(FIRST)
        if threshold > most:
            with pytest.raises(RuleViolationError, match="nobody can win"):
                entrant.enter(bounty, listing)
            assert arena.stage.balance(FIRST) == before
        else:
            assert entrant.enter(bounty, listing) == 0


def test_a_model_below_the_threshold_on_training_data_is_told_before_the_deposit(arena: Arena) -> None:
    bounty, entrant = arena.opened(threshold=12), arena.entrants[0]
    arena.show_training(bounty)
    training = [group for group in arena.data.values() if group.hash in arena.shown_hashes(bounty)]
    features, labels = training[0].features.astype(np.int64), training[0].labels.astype(np.int64)
    worst = min(range(50, 80), key=lambda name: count_right(SIZE, features, labels, toy_model(name)))
    good, poor = (
        entrant.list_model(entrant.commit(toy_model(name), SIZE), arena.stage.terms(arena.set_of(bounty)))
        for name in (1, worst)
    )
    before = arena.stage.balance(FIRST)
    with pytest.raises(RuleViolationError, match="a winner needs 12"):
        entrant.enter(bounty, poor, measured_on=training)
    assert arena.stage.balance(FIRST) == before
    assert entrant.enter(bounty, good, measured_on=training) == 0
    assert entrant.enter(bounty, poor) == 1
