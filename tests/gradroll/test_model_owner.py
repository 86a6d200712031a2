"""The model owner: only an aggregate that opens the commitments on the chain is returned."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, cast

import numpy as np
import pytest

import gradroll.model_owner.from_provers
import native
from circuits.arrays import FloatArray
from circuits.errors import InvalidInputError, NotReadyError, ProofError, UnavailableError
from circuits.grading import Grades
from circuits.payload import Aggregate, encode
from circuits.quantize import IntArray
from circuits.verify import sum_of_commitments
from commons.chain.facts import AcceptedBatch, RecordedBatch, RoundRecord
from commons.chain.writer import ChainWriter
from commons.protocol.release import Opened
from commons.storage.accounts import SigningKey
from commons.storage.modelfiles import decode_model, encode_model
from gradroll.model_owner.buyer import ModelOwner, RoundAggregate
from gradroll.model_owner.from_provers import ProverReader
from gradroll.model_owner.plan import quantised_bound
from gradroll.model_owner.referencegradient import GradedSum, Update
from tests.gradroll.fakes import (
    DIMENSION,
    GRADED,
    FakeChain,
    FakeCoordinator,
    FakeParameters,
    FakeProvers,
    GradedChain,
    terms,
)
from tests.support.plain_batch import PlainBatch, build_batch, development_setup, random_gradients, seed_of

KEYS = tuple(SigningKey.from_secret(seed_of("prover", p)) for p in range(4))


@cache
def proven(seed: str) -> PlainBatch:
    gradients = random_gradients(3, DIMENSION, 1 << 40, seed=len(seed))
    return build_batch(development_setup("norm", 4, DIMENSION), gradients, seed=seed)


def accepted(index: int = 0, seed: str = "batch", published: tuple[bytes, ...] = ()) -> AcceptedBatch:
    batch = proven(seed)
    owners = tuple(header.owner for header in batch.statement.owners)
    record = RecordedBatch(index, batch.batch_id, sum_of_commitments(batch.statement), (0, 1, 2))
    return AcceptedBatch(0, 0, record, owners, 1000, published)


def world(*batches: AcceptedBatch) -> tuple[ModelOwner, FakeChain, FakeCoordinator]:
    chain, coordinator = FakeChain(KEYS), FakeCoordinator()
    chain.batches = batches
    if batches:
        commitments = [batch.record.commitment for batch in batches]
        chain.aggregate = native.g1_linear_combination(commitments, [1] * len(commitments))
    owner = ModelOwner(chain.view, cast(ChainWriter, None), coordinator.client, FakeParameters().parameters)
    return owner, chain, coordinator


@pytest.fixture(autouse=True)
def _no_prover_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradroll.model_owner.from_provers, "ProverClient", FakeProvers(KEYS).client)


def expected(*seeds: str) -> IntArray:
    total: IntArray = np.sum([gradient for seed in seeds for gradient in proven(seed).gradients], axis=0)
    return total


def forged(part: str) -> bytes:
    """An aggregate of the right form that opens another commitment."""
    honest = proven("batch").aggregate
    values, tail = honest.values.copy(), honest.tail.copy()
    if part == "values":
        values[3] += 1
    else:
        tail[5] = native.from_ints([native.to_ints(tail[5:6])[0] + 1])[0]
    return encode(Aggregate(values, tail))


def test_a_published_aggregate_is_read_from_the_chain_alone() -> None:
    owner, _, coordinator = world(accepted(published=(proven("batch").payload,)))
    read = owner.read_aggregate(0, 0)
    assert np.array_equal(read.quantized, expected("batch"))
    assert np.array_equal(read.total, expected("batch") / 2**16)
    assert np.array_equal(read.mean, read.total / 3)
    assert len(read.owners) == 3
    assert not coordinator.asked


def test_junk_that_anybody_published_is_passed_over() -> None:
    """The market takes any bytes as an aggregate; only those that open the commitment are one."""
    honest = proven("batch").payload
    junk = (b"", b"junk", honest[:-1], honest + b"\0", forged("values"), forged("tail"), proven("other").payload)
    owner, _, coordinator = world(accepted(published=(*junk, honest)))
    assert np.array_equal(owner.read_aggregate(0, 0).quantized, expected("batch"))
    assert not coordinator.asked
    owner, _, coordinator = world(accepted(published=junk))
    coordinator.payloads[proven("batch").batch_id] = honest
    assert np.array_equal(owner.read_aggregate(0, 0).quantized, expected("batch"))


def test_two_batches_of_a_round_are_added() -> None:
    owner, _, coordinator = world(accepted(0), accepted(1, "other"))
    for seed in ("batch", "other"):
        coordinator.payloads[proven(seed).batch_id] = proven(seed).payload
    read = owner.read_aggregate(0, 0)
    assert np.array_equal(read.quantized, expected("batch", "other"))
    assert len(read.owners) == 6


@dataclass
class Rounds(GradedChain):
    """A task with batches in some of its rounds."""

    rounds: dict[int, tuple[AcceptedBatch, ...]] = field(default_factory=dict)

    def accepted(self, task_id: int, number: int) -> tuple[AcceptedBatch, ...]:
        return self.rounds.get(number, ())

    def round(self, task_id: int, number: int) -> RoundRecord:
        commitments = [batch.record.commitment for batch in self.accepted(task_id, number)]
        total = native.g1_linear_combination(commitments, [1] * len(commitments)) if commitments else self.aggregate
        return replace(super().round(task_id, number), aggregate=total)


def task_with(served: tuple[str, ...], **chain: Any) -> ModelOwner:
    """The model owner of a task of four rounds, the first and the third of which have batches."""
    coordinator = FakeCoordinator()
    coordinator.payloads = {proven(seed).batch_id: proven(seed).payload for seed in served}
    rounds = {0: (accepted(0, "old"),), 2: (accepted(0), accepted(1, "another"))}
    view = Rounds(KEYS, opened=4, rounds=rounds, **chain).view
    return ModelOwner(view, cast(ChainWriter, None), coordinator.client, FakeParameters().parameters)


def test_published_sums_are_those_of_the_newest_batches() -> None:
    owner = task_with(("old", "batch", "another"))
    newest, all_of_them = owner.published_sums(0, 1), owner.published_sums(0, 3)
    assert len(newest) == 2, "of a round all sums are taken: who repeats one chooses which"
    for each, seed in zip(newest, ("batch", "another"), strict=True):
        assert np.array_equal(each, expected(seed) / 2**16)
    assert np.array_equal(all_of_them[2], expected("old") / 2**16)
    assert owner.published_sums(0, 0) == ()
    assert len(owner.published_sums(0, 9)) == 3


def test_a_sum_that_cannot_be_had_is_not_left_out_of_what_is_taken_out() -> None:
    owner = task_with(("old", "batch"))
    with pytest.raises(UnavailableError, match=r"nobody serves the sum .* of round 2 .* \(--past-sums 0\)"):
        owner.reference(0, np.ones(DIMENSION))
    owner = task_with(("batch", "another"))
    with pytest.raises(UnavailableError, match=r"of round 0 .* the 2 newer ones alone \(--past-sums 2\)"):
        owner.reference(0, np.ones(DIMENSION))
    assert owner.reference(0, np.linspace(1, 2, DIMENSION), least=2).removed == 2


def test_a_reference_is_without_what_the_task_published_where_anybody_may_repeat_it() -> None:
    served, own = ("old", "batch", "another"), np.linspace(1, 2, DIMENSION)
    reference = task_with(served).reference(0, own)
    assert reference.removed == 3
    for seed in served:
        published = expected(seed) / np.linalg.norm(expected(seed))
        assert abs(reference.values @ published) < 1e-12
    assert task_with(served).reference(0, own, least=0).removed == 0


def test_a_reference_for_owners_that_were_admitted_is_the_own_gradient() -> None:
    own = np.linspace(1, 2, DIMENSION)
    owner = task_with((), graded=terms(permissioned=True))
    assert np.allclose(owner.reference(0, own).values, own / np.linalg.norm(own))
    with pytest.raises(UnavailableError):
        owner.reference(0, own, least=1)


@pytest.mark.parametrize("size", [1e-306, 1.0, 1e306])
def test_a_batch_that_points_away_leads_nowhere_whatever_length_the_own_gradient_has(size: float) -> None:
    """Products of huge coordinates are infinite, and their sum is no number."""
    owner, judged = task_with(()), Grades((3, 1), (3, 1), fallback=False)
    own, toward, away = np.zeros((3, DIMENSION))
    own[:2], toward[:2], away[:2] = (3, -4), (3e3, 1e3), (3e3, 3e3)

    def update(*sums: FloatArray) -> Update:
        graded = tuple(GradedSum(each, judged) for each in sums)
        return owner.update(0, RoundAggregate(np.zeros(DIMENSION, np.int64), sums[0], (), graded), size * own)

    assert np.allclose(update(toward).values, toward / 4)
    assert np.allclose(update(away, toward).values, toward / 4)
    alone, norm = update(away), GRADED.bound**0.5 / 2**GRADED.fraction_bits
    assert not alone.judged
    assert np.allclose(alone.values, norm * own / 5)


def test_bytes_that_are_no_aggregate_are_not_used() -> None:
    owner, _, coordinator = world(accepted(published=(b"wrong",)))
    coordinator.payloads[proven("batch").batch_id] = b"wrong too"
    with pytest.raises(UnavailableError, match="nobody serves the sum of batch"):
        owner.read_aggregate(0, 0)
    coordinator.payloads[proven("batch").batch_id] = proven("batch").payload
    assert np.array_equal(owner.read_aggregate(0, 0).quantized, expected("batch"))


@pytest.mark.parametrize("part", ["values", "tail"])
def test_a_sum_that_does_not_open_the_commitment_is_refused(part: str) -> None:
    owner, _, coordinator = world(accepted())
    coordinator.payloads[proven("batch").batch_id] = forged(part)
    with pytest.raises(UnavailableError, match=r"does not open the commitment on the chain.*cannot be reached"):
        owner.read_aggregate(0, 0)


def test_the_provers_are_asked_last_and_their_sum_is_checked_too(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [Opened(forged("values"), ()), Opened(proven("batch").payload, ())]
    monkeypatch.setattr(ProverReader, "aggregate", lambda *_: answers.pop(0))
    owner, _, coordinator = world(accepted())
    with pytest.raises(UnavailableError, match=r"no such batch.*does not open"):
        owner.read_aggregate(0, 0)
    assert np.array_equal(owner.read_aggregate(0, 0).quantized, expected("batch"))
    assert coordinator.asked == [proven("batch").batch_id] * 2


def test_a_reader_may_ask_the_provers_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    owner, _, coordinator = world(accepted(published=(proven("batch").payload,)))
    coordinator.payloads[proven("batch").batch_id] = proven("batch").payload
    with pytest.raises(UnavailableError, match=r"needs 3 attestations.*prover 3"):
        owner.read_aggregate(0, 0, from_provers=True)
    monkeypatch.setattr(ProverReader, "aggregate", lambda *_: Opened(proven("batch").payload, ()))
    assert np.array_equal(owner.read_aggregate(0, 0, from_provers=True).quantized, expected("batch"))
    assert not coordinator.asked


def test_batches_that_do_not_add_up_to_the_rounds_commitment_are_refused() -> None:
    owner, chain, _ = world(accepted(published=(proven("batch").payload,)))
    chain.aggregate = native.g1_generator
    with pytest.raises(ProofError, match="add up"):
        owner.read_aggregate(0, 0)


@pytest.mark.parametrize("question", ["accepted", "round"])
def test_a_batch_that_is_accepted_between_two_questions_is_no_inconsistency(
    question: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = accepted(published=(proven("batch").payload,)), accepted(1, "other", published=(proven("other").payload,))
    owner, chain, _ = world(both[0])
    answer = getattr(FakeChain, question)

    def meanwhile(*asked: object) -> object:
        said = answer(*asked)
        chain.batches = both
        chain.aggregate = native.g1_linear_combination([batch.record.commitment for batch in both], [1, 1])
        return said

    monkeypatch.setattr(FakeChain, question, meanwhile)
    assert set(owner.read_aggregate(0, 0).owners) <= {owner for batch in both for owner in batch.owners}


def test_a_round_without_a_batch_says_until_when_one_may_come() -> None:
    owner, _, _ = world()
    with pytest.raises(NotReadyError, match="1970-01-12 13:48:40 UTC"):
        owner.read_aggregate(0, 0)


@pytest.mark.parametrize(
    ("norm", "bits", "bound"), [(1.0, 16, 1 << 32), (4.0, 16, 1 << 36), (0.5, 0, None), (1e30, 16, None)]
)
def test_the_bound_follows_from_norm_and_fraction_bits(norm: float, bits: int, bound: int | None) -> None:
    if bound is not None:
        assert quantised_bound(norm, bits) == bound
        return
    with pytest.raises(InvalidInputError, match="fraction bits"):
        quantised_bound(norm, bits)


@pytest.mark.parametrize("norm", [0.0, -1.0, float("nan"), float("inf")])
def test_a_norm_that_is_none_is_refused(norm: float) -> None:
    with pytest.raises(InvalidInputError, match="positive"):
        quantised_bound(norm, 16)


def test_models_travel_whole_and_nothing_in_them_runs() -> None:
    model = np.linspace(-1, 1, DIMENSION)
    assert np.array_equal(decode_model(encode_model(model), DIMENSION), model)
    whole = encode_model(model)
    huge = whole.replace(f"({DIMENSION},), ".encode(), b"(1<<50,)"[:8])  # a stranger's header is never parsed
    for bad in (
        b"", b"\x93NUMPY", whole[:-1], whole + b"\0", encode_model(model[:5]), huge, b"PK\x03\x04",
        whole[:10] + b"{'descr': " + b"(" * 4000, np.lib.format.MAGIC_PREFIX + b"\x01\x00" + b"-" * 9000,
    ):  # fmt: skip
        with pytest.raises(InvalidInputError, match="model"):
            decode_model(bad, DIMENSION)
