"""Tasks with a model manifest: whose it is, how owners quantise by it, and how the model owner reads sums by it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest

import native
from circuits.arrays import FloatArray
from circuits.errors import GradientError, InvalidInputError, UnknownError
from circuits.grading import Grades
from commons.chain.writer import ChainWriter
from commons.protocol.blockscales import BlockScales
from commons.protocol.modelmanifests import Block, ModelManifest
from commons.storage.accounts import SigningKey
from commons.storage.modelfiles import encode_model
from commons.storage.submissions import SubmissionStore
from commons.wire import handing
from commons.wire.resuming import gradient_digest
from gradroll.data_owner.owner import DataOwner
from gradroll.model_owner.buyer import ModelOwner, RoundAggregate
from gradroll.model_owner.plan import TaskPlan
from gradroll.model_owner.referencedealing import quantized_reference
from gradroll.model_owner.referencegradient import GradedSum
from tests.gradroll.fakes import (
    DIMENSION,
    GRADED,
    MARKET,
    FakeChain,
    FakeCoordinator,
    FakeParameters,
    FakeProvers,
    GradedChain,
    terms,
)
from tests.gradroll.test_model_owner import KEYS, accepted, expected, proven

MANIFEST = ModelManifest((Block("loud", 4, 3), Block("quiet", DIMENSION - 4, 18)), DIMENSION)
SCALES = BlockScales(MANIFEST.blocks)
OTHER = replace(MANIFEST, blocks=(MANIFEST.blocks[0], Block("quiet", DIMENSION - 4, 19)))
TERMS, GRADED_TERMS = terms(manifest=MANIFEST.digest), replace(GRADED, manifest=MANIFEST.digest)
GRADIENT = np.r_[1000.0, -2000, 500, 1, np.linspace(-1, 1, DIMENSION - 4)]
A_QUARTER = SCALES.quantize(GRADIENT, TERMS.bound).squared_norm // 4
"""A bound to which this gradient is halved."""


def published(*manifests: ModelManifest) -> FakeCoordinator:
    coordinator = FakeCoordinator()
    for each in manifests:
        coordinator.put_manifest(each, 0, None)
    return coordinator


class Owners:
    """A data owner of a task with a manifest."""

    def __init__(self, state: Path) -> None:
        self.account, self.state = SigningKey.generate(), state
        self.chain = GradedChain(KEYS, {self.account.address: 3}, graded=TERMS)
        self.coordinator = published(MANIFEST)

    def owner(self, manifest: ModelManifest | None = None) -> DataOwner:
        return DataOwner(
            self.chain.writer(self.account), self.coordinator.client, FakeParameters().parameters, self.state,
            patience=0.0, manifest=manifest,
        )  # fmt: skip


@pytest.fixture
def owners(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Owners:
    monkeypatch.setattr(handing, "ProverClient", FakeProvers(KEYS).client)
    return Owners(tmp_path)


def test_what_is_handed_in_is_rounded_by_the_scales_of_the_published_manifest(owners: Owners) -> None:
    done = owners.owner().submit(0, GRADIENT)
    wanted = SCALES.quantize(GRADIENT, TERMS.bound)
    assert wanted.values.tolist()[:4] == [8000, -16000, 4000, 8]
    saved = SubmissionStore(owners.state, MARKET).load(0, 0, owners.account.address)
    assert saved is not None
    assert saved.gradient_digest == gradient_digest(wanted)
    assert (done.scale, done.max_error) == (1.0, wanted.max_error)


def test_a_manifest_at_hand_needs_no_coordinator(owners: Owners) -> None:
    owners.coordinator.blobs.clear()
    with pytest.raises(UnknownError, match=r"does not serve the model manifest .* name a file that holds it"):
        owners.owner().quantized(0, GRADIENT)
    assert np.array_equal(
        owners.owner(MANIFEST).quantized(0, GRADIENT).values, SCALES.quantize(GRADIENT, TERMS.bound).values
    )


def test_a_manifest_that_the_terms_do_not_name_is_refused(owners: Owners) -> None:
    with pytest.raises(InvalidInputError, match="the task's terms name 0x"):
        owners.owner(OTHER).submit(0, GRADIENT)
    owners.chain.graded = terms()
    with pytest.raises(InvalidInputError, match="the task's terms name none"):
        owners.owner(MANIFEST).submit(0, GRADIENT)
    owners.owner().submit(0, GRADIENT)


def test_a_manifest_of_another_dimension_is_refused_though_the_terms_name_it(owners: Owners) -> None:
    short = ModelManifest((Block("short", 3, 1),), 3)
    owners.coordinator.put_manifest(short, 0, None)
    owners.chain.graded = terms(manifest=short.digest)
    with pytest.raises(InvalidInputError, match="3 coordinates"):
        owners.owner().quantized(0, GRADIENT)


def test_terms_that_name_what_is_no_manifest_are_refused(owners: Owners) -> None:
    model = owners.coordinator.put_model(encode_model(GRADIENT), 0, None)
    owners.chain.graded = terms(manifest=model)
    with pytest.raises(InvalidInputError, match="no published model manifest"):
        owners.owner().quantized(0, GRADIENT)


def test_clipping_is_told_before_anything_is_sent(owners: Owners) -> None:
    told: list[str] = []
    owners.chain.graded = replace(TERMS, bound=A_QUARTER)

    def warn(text: str) -> None:
        assert not owners.coordinator.headers
        told.append(text)

    done = owners.owner().submit(0, GRADIENT, warn=warn)
    assert done.scale < 1
    (text,) = told
    assert f"shrunk by the factor {done.scale:.6g}" in text


def test_a_gradient_that_must_not_be_clipped_is_refused_and_not_sent(owners: Owners) -> None:
    owners.chain.graded = replace(TERMS, bound=A_QUARTER)
    with pytest.raises(GradientError, match=r"would be shrunk by the factor 0\.5.* nothing was sent"):
        owners.owner().submit(0, GRADIENT, clip=False)
    assert not owners.coordinator.headers
    assert not list(owners.state.glob("*.json"))
    assert owners.owner().submit(0, GRADIENT / 2.001, clip=False).scale == 1.0


def test_a_task_that_grades_brings_all_to_its_bound_and_that_is_no_clipping(owners: Owners) -> None:
    owners.chain.graded = replace(GRADED_TERMS, bound=10**6)
    done = owners.owner().quantized(0, GRADIENT, clip=False, warn=pytest.fail)
    assert done.scale < 1
    assert 0.99e6 < done.squared_norm <= 10**6


def test_the_model_is_as_long_as_the_manifest_says(owners: Owners) -> None:
    model = np.linspace(0, 1, DIMENSION)
    owners.chain.model_digest = owners.coordinator.put_model(encode_model(model), 0, None)
    assert np.array_equal(owners.owner().fetch_model(0), model)


def buyer(chain: FakeChain, coordinator: FakeCoordinator, manifest: ModelManifest | None = None) -> ModelOwner:
    writer = cast(ChainWriter, None)
    return ModelOwner(chain.view, writer, coordinator.client, FakeParameters().parameters, manifest=manifest)


def test_a_sum_is_read_by_the_scales_of_its_blocks() -> None:
    chain, coordinator = GradedChain(KEYS, graded=TERMS), published(MANIFEST)
    chain.batches = (accepted(published=(proven("batch").payload,)),)
    chain.aggregate = native.g1_linear_combination([each.record.commitment for each in chain.batches], [1])
    read = buyer(chain, coordinator).read_aggregate(0, 0)
    assert np.array_equal(read.quantized, expected("batch"))
    assert np.array_equal(read.total[:4], np.ldexp(expected("batch")[:4].astype(float), -3))
    assert np.array_equal(read.total[4:], np.ldexp(expected("batch")[4:].astype(float), -18))
    (published_sum,) = buyer(chain, coordinator).published_sums(0, 1)
    assert np.array_equal(published_sum, read.total)


def test_a_sum_of_blocks_without_their_manifest_is_not_read_by_other_scales() -> None:
    chain = GradedChain(KEYS, graded=TERMS, batches=(accepted(published=(proven("batch").payload,)),))
    chain.aggregate = native.g1_linear_combination([each.record.commitment for each in chain.batches], [1])
    with pytest.raises(UnknownError, match="model manifest"):
        buyer(chain, published(OTHER)).read_aggregate(0, 0)
    with pytest.raises(InvalidInputError):
        buyer(chain, published(MANIFEST), OTHER).read_aggregate(0, 0)


def integers(vector: FloatArray) -> FloatArray:
    """A reference as it is dealt, at length 1."""
    values = quantized_reference(vector, GRADED_TERMS, MANIFEST).values.astype(float)
    unit: FloatArray = values / np.linalg.norm(values)
    return unit


def test_who_repeats_a_sum_has_no_part_in_a_reference_as_it_is_dealt() -> None:
    """Grades compare integers: what is taken out in the gradient's units would still be there in them."""
    chain, coordinator = GradedChain(KEYS, graded=replace(GRADED_TERMS, permissioned=False)), published(MANIFEST)
    chain.batches = (accepted(published=(proven("batch").payload,)),)
    chain.aggregate = native.g1_linear_combination([each.record.commitment for each in chain.batches], [1])
    made = buyer(chain, coordinator).reference(0, GRADIENT)
    assert made.removed == 1
    repeated = expected("batch") / np.linalg.norm(expected("batch"))
    assert abs(integers(made.values) @ repeated) < 1e-3
    assert abs(integers(GRADIENT) @ repeated) > 0.01


def test_a_sum_that_points_away_is_told_by_its_integers_and_the_own_gradient_is_brought_to_the_bound() -> None:
    owner, judged = buyer(GradedChain(KEYS, graded=GRADED_TERMS), published(MANIFEST)), Grades((3, 1), (3, 1), False)
    own, away = np.zeros((2, DIMENSION))
    own[0], own[4] = 8, 1
    away[0], away[4] = 16, -1  # points the same way in its own units; in integers the quiet block decides

    def update(total: FloatArray) -> tuple[bool, FloatArray]:
        aggregate = RoundAggregate(np.zeros(DIMENSION, np.int64), total, (), (GradedSum(total, judged),))
        done = owner.update(0, aggregate, own)
        return done.judged, done.values

    assert own @ away > 0
    followed, values = update(away)
    assert not followed
    assert SCALES.quantize(values, (1 << 62) - 1).squared_norm == pytest.approx(GRADED_TERMS.bound, rel=1e-3)
    assert values[0] == pytest.approx(8 * values[4])
    followed, values = update(own * 4)
    assert followed
    assert np.allclose(values, own)


def test_a_reference_is_dealt_by_blocks_and_not_without_the_manifest() -> None:
    done = quantized_reference(GRADIENT, GRADED_TERMS, MANIFEST)
    assert np.array_equal(done.values, SCALES.quantize(GRADIENT, GRADED_TERMS.bound, stretch=True).values)
    with pytest.raises(InvalidInputError):
        quantized_reference(GRADIENT, GRADED_TERMS)


def test_the_model_owner_publishes_what_is_at_hand_or_published_already() -> None:
    chain, coordinator = GradedChain(KEYS, graded=TERMS), published()
    with pytest.raises(UnknownError):
        buyer(chain, coordinator).publish_manifest(0)
    assert buyer(chain, coordinator, MANIFEST).publish_manifest(0) == MANIFEST
    assert coordinator.get_manifest(MANIFEST.digest) == MANIFEST
    assert buyer(chain, coordinator).publish_manifest(0) == MANIFEST
    chain.graded = terms()
    assert buyer(chain, coordinator).publish_manifest(0) is None
    with pytest.raises(InvalidInputError):
        buyer(chain, coordinator, MANIFEST).publish_manifest(0)


def plan(**changes: object) -> TaskPlan:
    usual = {"dimension": DIMENSION, "norm": 1.0, "pay": TERMS.pay, "min_owners": 2, "manifest": MANIFEST}
    return TaskPlan(1, bytes(20), bytes(20), **(usual | changes))  # type: ignore[arg-type]


def test_terms_of_a_plan_bind_its_manifest_and_have_the_bits_of_its_finest_block() -> None:
    made = plan().terms()
    assert (made.manifest, made.fraction_bits, made.bound) == (MANIFEST.digest, 18, 1 << 36)
    exact = plan(norm=None, bound=(1 << 62) - 1).terms()
    assert exact.bound == (1 << 62) - 1
    assert plan(manifest=None).terms().fraction_bits == 16


@pytest.mark.parametrize(
    "changes",
    [{"norm": None}, {"bound": 5}, {"dimension": DIMENSION + 1}, {"norm": 1e15}],
    ids=["neither norm nor bound", "both", "another dimension", "a norm beyond the bound"],
)
def test_a_plan_that_does_not_go_with_its_manifest_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError):
        plan(**changes).terms()
