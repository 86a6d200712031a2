"""Scales chosen by samples: the whole fits the bound, and small coordinates of quiet blocks survive loud ones."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.arrays import FloatArray
from circuits.errors import InvalidInputError
from circuits.terms import MAX_BOUND
from commons.protocol.blockscales import BlockScales
from commons.protocol.modelmanifests import Block, ModelManifest
from gradroll.cli import main
from gradroll.model_owner.scalechoice import ScaleChoice, choose_scales

PARTS = (
    ("gradient.0", 23520, 6.0, 1.7), ("gradient.1", 2430, 40.0, 1.6), ("gradient.2", 600, 2500.0, 1.7),
    ("sigma.0.0", 23520, 11.0, 1.7), ("sigma.0.1", 2430, 90.0, 1.6), ("sigma.0.2", 600, 6000.0, 1.7),
    ("beta.0", 23520, 25.0, 1.6), ("beta.1", 2430, 500.0, 1.6),
)  # fmt: skip
"""Blocks of a hidden model's vector: names, lengths, medians and spreads (of the logarithm) of their coordinates."""
BLOCKS = tuple(Block(name, length, 0) for name, length, _, _ in PARTS)


def vector(seed: int, loudest: float) -> FloatArray:
    """Three terms of three layers, as those that were measured: coordinates near 14, one that is huge, a few tiny."""
    rng = np.random.default_rng(seed)
    parts = [rng.choice((-1, 1), n) * np.exp(rng.normal(np.log(m), s, n)) for _, n, m, s in PARTS]
    whole = np.concatenate(parts)
    whole[rng.integers(0, 23520, 8)] *= 2.0**-12
    whole[23520 + 2430] = loudest
    return whole


SAMPLES = [vector(seed, loudest) for seed, loudest in enumerate((1.2e6, 6e6, 1.8e7))]


def off(choice: ScaleChoice) -> float:
    """Share of all coordinates that are off by more than a hundredth."""
    return sum(each.off * each.coordinates for each in choice.losses) / sum(each.coordinates for each in choice.losses)


def test_blocks_save_the_small_coordinates_that_one_scale_loses() -> None:
    for each in SAMPLES:
        assert 1.3e6 < np.linalg.norm(each) < 1.9e7
        assert 12 < np.median(np.abs(each)) < 17
        assert np.any(np.abs(each) < 1e-3)
    one, many = choose_scales([Block("all", len(SAMPLES[0]), 0)], SAMPLES), choose_scales(BLOCKS, SAMPLES)
    assert 0.05 < off(one) < 0.06
    assert off(many) < 0.0001
    assert one.losses[0].median > 80 * max(each.median for each in many.losses)
    assert one.bound <= MAX_BOUND
    assert many.bound <= MAX_BOUND
    assert not one.clipped
    assert not many.clipped


def test_the_page_has_these_figures() -> None:
    one, many = choose_scales([Block("all", len(SAMPLES[0]), 0)], SAMPLES), choose_scales(BLOCKS, SAMPLES)
    bits = sorted(block.fraction_bits for block in many.blocks)
    median = max(loss.median for loss in many.losses)
    page = (Path(__file__).resolve().parents[2] / "docs" / "scales.md").read_text(encoding="utf-8")
    single = f"| one scale, {one.blocks[0].fraction_bits} fraction bits | {100 * off(one):.1f}% |"
    assert f"{single} {one.losses[0].median * 1e4:.0f} 10^-4 |" in page
    several = f"| a scale for each layer and term, {bits[0]} to {bits[-1]} bits | {100 * off(many):.3f}% |"
    assert f"{several} {median * 1e6:.0f} 10^-6 at most, by block |" in page


def test_what_is_told_of_a_block_is_what_happens_to_it() -> None:
    sample = np.array([1000, 3, 0.001, 0, 0.5, 0.25, 1e-9])
    made = choose_scales([Block("a", 4, 0), Block("b", 3, 0)], [sample], most=10**8)
    scales = BlockScales(made.blocks)
    back = scales.dequantize(scales.quantize(sample, made.bound).values)
    errors = np.abs(back - sample)[sample != 0] / sample[sample != 0]
    first, second = made.losses
    assert (first.coordinates, second.coordinates) == (3, 3)
    assert first.off == np.mean(errors[:3] > 0.01)
    assert second.off == np.mean(errors[3:] > 0.01)
    assert first.largest == pytest.approx(max(errors[:3]))
    assert second.median == pytest.approx(np.median(errors[3:]))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 6), st.floats(-8, 6)), min_size=1, max_size=6),
    st.integers(0, 2**32 - 1),
    st.floats(1.0, 4.0),
    st.booleans(),
)
def test_samples_fit_and_so_does_one_as_much_longer_as_was_asked_for(
    parts: list[tuple[int, float]], seed: int, headroom: float, graded: bool
) -> None:
    rng = np.random.default_rng(seed)
    blocks = [Block(f"b{n}", length, 0) for n, (length, _) in enumerate(parts)]
    size = np.concatenate([np.full(length, 10**e) for length, e in parts])
    samples = [size * (rng.normal(size=len(size)) + 1e-3) for _ in range(2)]
    made = choose_scales(blocks, samples, headroom=headroom, graded=graded, most=1 << 34 if graded else MAX_BOUND)
    assert 1 <= made.bound <= (1 << 34 if graded else MAX_BOUND)
    longest = max(samples, key=lambda each: BlockScales(made.blocks).quantize(each, MAX_BOUND).squared_norm)
    again = BlockScales(made.blocks).quantize(longest * headroom * (1 - 2.0**-20), made.bound, stretch=graded)
    assert again.squared_norm <= made.bound
    assert graded or again.scale == 1.0
    assert graded or not made.clipped


def test_a_block_that_is_zero_in_all_samples_is_named_and_gets_the_coarsest_scale() -> None:
    made = choose_scales([Block("a", 2, 0), Block("b", 2, 0), Block("c", 1, 0)], [[1, 2, 0, 0, 1e5]])
    assert made.unseen == ("b",)
    assert made.blocks[1].fraction_bits == min(block.fraction_bits for block in made.blocks)
    assert made.losses[1].coordinates == 0


def test_headroom_below_one_clips_and_says_so() -> None:
    made = choose_scales([Block("a", 2, 0)], [[3e4, 4e4], [3.0, 4.0]], headroom=0.5, most=10**12)
    assert made.clipped == 1
    assert made.factors[0] == pytest.approx(0.5, rel=0.01)
    assert made.factors[1] == 1.0


def test_a_loud_block_in_whole_numbers_leaves_the_others_what_is_left() -> None:
    made = choose_scales([Block("loud", 1, 0), Block("quiet", 999, 0)], [np.r_[1.5e9, np.full(999, 1e-3)]], headroom=1)
    assert made.blocks[0].fraction_bits == 0
    assert made.blocks[1].fraction_bits > 30
    with pytest.raises(InvalidInputError, match=r"block loud has a norm .* multiply it by a small power of two"):
        choose_scales([Block("loud", 1, 0), Block("quiet", 999, 0)], [np.r_[3e9, np.full(999, 1e-3)]], headroom=1)


@pytest.mark.parametrize(
    ("samples", "changes"),
    [
        ([], {}), ([[0.0, 0.0]], {}), ([[1.0, 2.0], [0.0, 0.0]], {}), ([[1.0]], {}), ([[1.0, np.nan]], {}),
        ([[1.0, 2.0]], {"headroom": 0.0}), ([[1.0, 2.0]], {"headroom": np.nan}), ([[1.0, 2.0]], {"headroom": 1e9}),
        ([[1.0, 2.0]], {"most": 0}), ([[1.0, 2.0]], {"most": MAX_BOUND + 1}), ([[1e200, 2.0]], {}),
    ],
)  # fmt: skip
def test_what_says_nothing_about_scales_is_refused(samples: list[list[float]], changes: dict[str, float]) -> None:
    with pytest.raises(InvalidInputError):
        choose_scales([Block("a", 2, 0)], samples, **changes)  # type: ignore[arg-type]


@pytest.fixture
def sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FloatArray:
    monkeypatch.chdir(tmp_path)
    values = np.array([1000.0, 3, 0.001, 0.5, 0.25, 1e-4])
    np.save("one.npy", values)
    np.save("two.npy", values / 3)
    return values


SCALES = ["scales", "--sample", "one.npy", "--sample", "two.npy"]


def test_the_command_writes_a_manifest_and_tells_programs_all(
    sample: FloatArray, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*SCALES, "--block", "a=3", "--block", "b.weight=3", "--out", "manifest.json", "--json"]
    assert main(words) == 0
    told = json.loads(capsys.readouterr().out)
    manifest = ModelManifest.decode(Path("manifest.json").read_bytes())
    made = choose_scales([Block("a", 3, 0), Block("b.weight", 3, 0)], [sample, sample / 3])
    assert manifest.blocks == made.blocks
    assert (told["bound"], told["digest"], told["clipped"]) == (str(made.bound), f"0x{manifest.digest.hex()}", 0)
    assert [each["off"] for each in told["blocks"]] == [loss.off for loss in made.losses]


def test_the_command_keeps_what_else_a_manifest_holds(sample: FloatArray, capsys: pytest.CaptureFixture[str]) -> None:
    given_one = ModelManifest((Block("a", 5, 1), Block("b", 1, 1)), 6)
    Path("given.json").write_bytes(given_one.encoded)
    assert main([*SCALES, "--manifest", "given.json", "--out", "new.json"]) == 0
    said = capsys.readouterr().out
    made = ModelManifest.decode(Path("new.json").read_bytes())
    assert replace(made, blocks=given_one.blocks) == given_one
    assert made.blocks != given_one.blocks
    for block in made.blocks:
        assert f"block {block.name}: {block.length} coordinates, {block.fraction_bits} bits; " in said
    assert "gradroll task create --manifest new.json --bound " in said


def test_the_command_warns_of_clipping_and_of_blocks_that_are_zero(
    sample: FloatArray, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save("one.npy", sample * [1, 1, 1, 0, 0, 0])
    np.save("two.npy", sample * [1, 1, 1, 0, 0, 0])
    assert main([*SCALES, "--block", "a=3", "--block", "b=3", "--headroom", "0.5"]) == 0
    said = capsys.readouterr()
    assert "block b is zero in all samples" in said.err
    assert "2 of 2 samples are clipped, by a factor down to 0.5" in said.err
    assert "block b: 3 coordinates" in said.out


def test_a_graded_task_has_a_smaller_bound_and_brings_all_to_it(
    sample: FloatArray, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*SCALES, "--block", "a=3", "--block", "b=3", "--graded", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["bound"], told["clipped"], told["warnings"]) == (str(1 << 34), 0, [])
    assert told["factors"][1] == pytest.approx(3 * told["factors"][0])


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["--block", "a=0"], 2), (["--block", "a"], 2), (["--block", "A=6"], 2), (["--block", "=6"], 2), ([], 2),
        (["--block", "a=5"], 3), (["--manifest", "absent.json"], 3), (["--manifest", "one.npy"], 3),
        (["--block", "a=3", "--block", "a=3"], 3),
    ],
)  # fmt: skip
def test_the_command_refuses_what_names_no_blocks(sample: FloatArray, words: list[str], status: int) -> None:
    if status == 2:
        with pytest.raises(SystemExit) as ended:
            main([*SCALES, *words])
        assert ended.value.code == 2
    else:
        assert main([*SCALES, *words]) == status
