"""Samples as the real contracts read them and as Python does, over many that are nearly right: the same verdicts."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import pytest

from circuits.errors import ContractError
from commons.chain.dataaccount import ChallengeOpening, ProvenSample
from commons.samples.canonicalsamples import fits
from commons.samples.contributions import Ground, bundle_commitment, challenge_commitment
from commons.samples.merkletrees import MerkleTree, merkle_root, sample_leaf
from commons.samples.sampledistances import distance
from commons.samples.sampleschemas import SampleSchema
from tests.datamarket.datastage import CONTRIBUTOR, HOUR, OWNER, REVIEWER, SALT, DataStage, sample
from tests.support.tiers import deepened, many

TEXTS, ARRAYS = SampleSchema.text(4, 2, 12), SampleSchema.array(300, [255, 256, 0], 3, 2)
PIECES = [
    "a", "b", " ", "\u00e9", "\u0085", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\uffff", "\U00010000", "\U0010ffff",
]  # fmt: skip
WRONG = [
    "00", "1f", "7f", "80", "bf", "c080", "c1bf", "c2", "c220", "e08080", "e09fbf", "e0a0", "eda080", "edbfbf",
    "efbf", "f0808080", "f08fbfbf", "f0909080"[:6], "f4908080", "f5808080", "ff",
]  # fmt: skip


def texts(chance: random.Random) -> Iterator[bytes]:
    """Each piece between two letters and at both ends, then at random."""
    for piece in [*(each.encode() for each in PIECES), *map(bytes.fromhex, WRONG)]:
        body = {0: piece + b"aa", 1: b"a" + piece + b"a", 2: b"aa" + piece}[chance.randrange(3)]
        yield b"\0\1" + body
        yield b"\0\1" + b"a" + piece
    for _ in range(many(40, 400)):
        body = "".join(chance.choices(PIECES, k=chance.randint(0, 6))).encode()
        yield bytes((0, chance.choice((0, 3, 4)))) + body
    yield from (b"", b"\0", b"\0\1", b"\1\0aa", b"\0\1" + b"a" * 12, b"\0\1" + b"a" * 13)


def arrays(chance: random.Random) -> Iterator[bytes]:
    for _ in range(many(30, 300)):
        values = (chance.choice((0, 299, 300)), chance.choice((0, 255, 256)), chance.choice((0, 256, 257)), 0)
        made = b"".join(each.to_bytes(2, "big") for each in values)
        yield chance.choice((made, made, made, made[:-1], made + b"\0", made[:-1] + b"\1"))


def opens(stage: DataStage, campaign: bytes, schema: SampleSchema, samples: Sequence[Sequence[bytes]]) -> list[bool]:
    """For each bundle, whether the contract takes its samples in, whose root is always as it is computed here."""
    who, numbers = stage.account(CONTRIBUTOR), []
    for each in samples:
        made = bundle_commitment(campaign, merkle_root(each), bytes(32), len(each), who.address, SALT)
        numbers.append(who.commit_bundle(campaign, len(each), made))
    stage.pass_time(1, 2)
    taken = []
    for number, each in zip(numbers, samples, strict=True):
        try:
            who.open_inline(number, each, SALT, schema)
        except ContractError as error:
            assert error.error == "SampleMisfit"
        taken.append(stage.data.bundle(number).opened != 0)
    return taken


@pytest.mark.parametrize("kind", deepened(["texts", "arrays"], ["arrays"]))
def test_the_contract_takes_just_the_samples_that_fit(stage: DataStage, kind: str) -> None:
    schema, made = (TEXTS, texts) if kind == "texts" else (ARRAYS, arrays)
    samples = list(dict.fromkeys(made(random.Random(7))))
    terms = stage.terms(schema_hash=schema.digest, max_samples=1000)
    campaign = stage.account(OWNER).open_campaign(terms, schema, 10**6)
    expected = [fits(schema, each) for each in samples]
    assert {True, False} == set(expected)
    assert opens(stage, campaign, schema, [[each] for each in samples]) == expected
    good = [each for each, taken in zip(samples, expected, strict=True) if taken]
    trees = [good[:count] for count in range(2, min(len(good), 10))]  # of one each: above
    assert all(opens(stage, campaign, schema, trees)), "trees of all shapes have the root that is computed here"


@pytest.mark.parametrize("kind", deepened(["texts", "arrays"], ["arrays"]))
def test_distances_are_those_of_the_contract(stage: DataStage, kind: str) -> None:
    """A proof of a copy that is none is refused with the distance that the contract has."""
    chance = random.Random(11)
    if kind == "texts":
        schema = SampleSchema.text(4, 1, 60)
        words = ["a", "b", "ab", "ba", "\u00e9", "\u0085"]
        made = {" ".join(chance.choices(words, k=chance.randint(1, 9))).encode() for _ in range(40)}
        samples = [b"\0\1" + each for each in sorted(made)]
    else:
        schema = SampleSchema.array(4, [65535], 3, 2)
        samples = [sample(1, *chance.randbytes(6)) for _ in range(40)]
    samples.append(b"\0\1z z z" if kind == "texts" else sample(1, *b"\xff\xff\0\0\xff\xff"))
    last, campaign = len(samples) - 1, stage.account(OWNER).open_campaign(
        stage.terms(schema_hash=schema.digest, max_samples=500), schema, 10**6
    )  # fmt: skip
    assert opens(stage, campaign, schema, [samples]) == [True]
    number, root = stage.data.bundles(campaign)[0], merkle_root(samples)
    who, tree = stage.account(REVIEWER), MerkleTree([sample_leaf(at, each) for at, each in enumerate(samples)])
    staked = challenge_commitment(campaign, number, root, last, Ground.DUPLICATE, bytes(32), who.address, SALT)
    opening = ChallengeOpening(who.commit_challenge(campaign, staked), number, last, SALT)
    stage.pass_time(HOUR + 1)
    shown = [ProvenSample(each, tree.proof(at)) for at, each in enumerate(samples)]
    for at in range(last):
        with pytest.raises(ContractError) as caught:
            who.prove_duplicate(opening, shown[last], (number, at), shown[at], schema)
        assert caught.value.error == "NotNear"
        assert f"at distance {distance(schema, samples[last], samples[at])}, and" in str(caught.value)
