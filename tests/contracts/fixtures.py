"""Generates what the forge tests read: real keys, real batches, transcript vectors.

Batches come without attestations: those bind the verifier's code, and the forge tests sign them themselves.

    python -m tests.contracts.fixtures [name ...]

Everything is derived from seeds, so the files do not change unless the protocol does. The market of the fixtures
stands at `MARKET_ADDRESS` on chain 31337; it and the committee were created in a block whose parent has `PARENT_HASH`;
its task has `TERMS`, as contracts/test/support/Scene.sol sets them up. Graded batches are of a task with
`GRADED_TERMS`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from unittest.mock import patch

from circuits import groth16, transcript
from circuits.grading import encode_values
from circuits.hashing import keccak, tag, words
from circuits.statement import BatchStatement, Graded
from circuits.terms import CommitteeTerms, Grading, MarketId, NewTask, Pay, TaskTerms, Windows
from circuits.verify import sum_of_commitments
from commons.protocol.references import Opening
from tests.contracts.encoding import encode_batch, encode_key, encode_proof, encode_statement
from tests.support.graded_batch import Judge, graded_batch, gradient_at, reference_copies
from tests.support.parts import task_terms
from tests.support.plain_batch import (
    Circumstances,
    PlainBatch,
    Setup,
    address_of,
    build_batch,
    development_setup,
    random_gradients,
    seed_of,
)

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "contracts" / "test" / "fixtures"
VECTORS = ROOT / "tests" / "vectors" / "v1" / "transcript"
CHAIN_ID = 31337
MARKET_ADDRESS = bytes.fromhex("6d61726b6574000000000000000000000000aaaa")
PARENT_HASH = keccak(b"parent")
MARKET = MarketId(
    CHAIN_ID, MARKET_ADDRESS, keccak(words(tag("gradroll/v1/deployment"), CHAIN_ID, MARKET_ADDRESS, PARENT_HASH))
)
BOUND = 1 << 40
DIMENSION = 10
MODEL_DIGEST = keccak(b"model")
MODEL_OWNER = bytes.fromhex("00000000000000000000000000000000000a11ce")
REGISTRY_ADDRESS = bytes.fromhex("7265676973747279000000000000000000000002")
PROVERS, THRESHOLD, DELAY = 4, 1, 86_400


def prover_key(index: int) -> bytes:
    """Signing key of a member of the fixtures' committee."""
    return seed_of("fixture prover", index)


def committee_id() -> int:
    """What the registry calls the fixtures' committee: no bond, both delays a day, nonce 0."""
    signers = [address_of(prover_key(index)) for index in range(PROVERS)]
    terms = CommitteeTerms(THRESHOLD, change_delay=DELAY, unbonding_delay=DELAY)
    return terms.committee_id(CHAIN_ID, REGISTRY_ADDRESS, MODEL_OWNER, 0, PARENT_HASH, signers)


NEW = NewTask(
    committee_id=committee_id(), verifier=bytes.fromhex("7665726966696572000000000000000000000001"),
    coordinator=bytes.fromhex("00000000000000000000000000000000000000c0"), dimension=DIMENSION, fraction_bits=16,
    bound=BOUND, min_owners=2, capacity=2048, rounds=256, windows=Windows(3600, 3600, availability=3600),
    permissioned=True, pay=Pay(base=10**18), lapse_rounds=3,
)  # fmt: skip
MODEL_OWNER_KEY = seed_of("fixture model owner")
"""Signs the references of graded rounds."""


def _created(new: NewTask, nonce: int) -> TaskTerms:
    task = new.identifier(MARKET.deployment, MODEL_OWNER, nonce)
    return task_terms(new, market=MARKET, task_id=task, creator=MODEL_OWNER)


TERMS = _created(NEW, 0)
GRADED_TERMS = _created(replace(NEW, bound=1 << 32, grading=Grading(4, 4, keccak(b"reference data"))), 1)
"""Of a task that grades: the model owner's second one."""


@dataclass(frozen=True)
class Recipe:
    """One batch: policy, capacity of its circuit, the owners' registration indices.

    Attributes:
        cosines: in a graded batch, each gradient's with the reference, in thousandths.
        copy, copies: there, against which copy of the reference it is graded, and with how many the round is opened.
    """

    policy: str
    capacity: int
    indices: tuple[int, ...]
    other_gamma: bool = False
    cosines: tuple[int, ...] = ()
    copy: int = 1
    copies: int = 3

    @property
    def key_name(self) -> str:
        """Name of the verifying key's fixture."""
        suffix = "_other_gamma" if self.other_gamma else ""
        return f"key_{self.policy.replace('-', '_')}_{self.capacity}{suffix}"

    def setup(self) -> Setup:
        """The keys; with `other_gamma` those of a setup whose gamma is not 1: the contract verifies one more pair."""
        if not self.other_gamma:
            return development_setup(self.policy, self.capacity, DIMENSION)
        with patch.object(groth16, "_GAMMA", 7):
            return development_setup.__wrapped__(self.policy, self.capacity, DIMENSION)


RECIPES = {
    "norm_1": Recipe("norm", 16, (0,)),
    "norm_3": Recipe("norm", 16, (0, 1, 2)),
    "norm_3_next": Recipe("norm", 16, (3, 4, 5)),
    "norm_3_overlapping": Recipe("norm", 16, (2, 3, 4)),
    "norm_3_sparse": Recipe("norm", 16, (7, 255, 256)),
    "norm_3_chunks": Recipe("norm", 16, (1022, 1023, 1024)),
    "norm_3_other_gamma": Recipe("norm", 16, (0, 1, 2), other_gamma=True),
    "norm_16": Recipe("norm", 16, tuple(range(16))),
    "gas_8": Recipe("norm", 64, tuple(range(8))),
    "gas_32": Recipe("norm", 64, tuple(range(32))),
    "gas_64": Recipe("norm", 64, tuple(range(64))),
    "reference_1": Recipe("reference", 16, (0,), cosines=(-900,), copy=0, copies=1),
    "reference_6": Recipe("reference", 16, (0, 1, 2, 7, 255, 256), cosines=(960, 300, -700, 550, 920, 520)),
    "reference_6_next": Recipe("reference", 16, tuple(range(8, 14)), cosines=(0, 999, 100, 999, 999, -999), copy=2),
    "reference_3_fallback": Recipe("reference", 16, (3, 4, 5), cosines=(-500, 980, -300), copy=0),
    "reference_6_other_gamma": Recipe(
        "reference", 16, (0, 1, 2, 3, 4, 5), other_gamma=True, cosines=(960, 300, -700, 550, 920, 520)
    ),
    "reference_15": Recipe("reference", 16, tuple(range(15)), cosines=tuple(range(-400, 1001, 100))),
    "gas_reference_32": Recipe("reference", 64, tuple(range(32)), cosines=tuple(range(-550, 1001, 50))),
}

VECTOR_NAMES = ("norm_1", "norm_3", "norm_3_sparse", "reference_1", "reference_6")
"""Recipes whose transcript is a shared vector."""


def owner_key(index: int) -> bytes:
    """Private key of the owner with a registration index."""
    return seed_of("fixture owner", index)


def build(name: str, recipe: Recipe) -> PlainBatch:
    """The batch of a recipe."""
    if recipe.cosines:
        return _build_graded(name, recipe)
    at = Circumstances(
        MARKET, TERMS.task_id, TERMS.terms_hash, 0, MODEL_DIGEST, TERMS.bound, TERMS.committee_id,
        payee=TERMS.coordinator,
    )  # fmt: skip
    return build_batch(
        recipe.setup(),
        random_gradients(len(recipe.indices), DIMENSION, BOUND, seed=len(name)),
        at=at,
        seed=name,
        indices=recipe.indices,
        owner_keys=[owner_key(index) for index in recipe.indices],
    )


def _build_graded(name: str, recipe: Recipe) -> PlainBatch:
    setup, terms = recipe.setup(), GRADED_TERMS
    assert terms.grading_rule is not None
    judge = Judge(gradient_at(1000, DIMENSION, terms.bound), terms.grading_rule, recipe.copy, MODEL_OWNER_KEY)
    at = Circumstances(
        MARKET, terms.task_id, terms.terms_hash, 0, opening(name, recipe).digest, terms.bound, terms.committee_id,
        payee=terms.coordinator,
    )  # fmt: skip
    return graded_batch(
        setup,
        [gradient_at(cosine, DIMENSION, terms.bound) for cosine in recipe.cosines],
        judge,
        at=at,
        seed=name,
        indices=recipe.indices,
        owner_keys=[owner_key(index) for index in recipe.indices],
    )


def opening(name: str, recipe: Recipe) -> Opening:
    """With what the round of a graded batch is opened."""
    reference = gradient_at(1000, DIMENSION, GRADED_TERMS.bound)
    return Opening(MODEL_DIGEST, reference_copies(recipe.setup().commitment, reference, recipe.copies, name))


def batch_fixture(batch: PlainBatch, recipe: Recipe, name: str) -> dict[str, object]:
    """A batch as the forge tests read it; a graded one has its rule and the round's opening beside it."""
    encoded = encode_batch(batch.statement, batch.proof, (), batch.at.payee)
    graded = batch.statement.graded
    extra = {} if graded is None else _graded_fixture(graded, batch.at.bound) | _opening_fixture(opening(name, recipe))
    return extra | {
        "key": recipe.key_name,
        "batch": _hex(encoded),
        "batchId": _hex(batch.batch_id),
        "commitment": _hex(sum_of_commitments(batch.statement)),
        "ownerKeys": [_hex(key) for key in batch.owner_keys],
    }


def _graded_fixture(graded: Graded, bound: int) -> dict[str, object]:
    rule, reference, made = graded.rule, graded.reference, graded.grades
    return {
        "bound": bound,
        "step": rule.step,
        "dither": rule.dither,
        "minOwners": rule.min_owners,
        "values": _hex(encode_values(graded.values)),
        "levels": list(made.levels),
        "weights": list(made.weights),
        "referenceOwner": _hex(reference.owner),
        "referenceIndex": reference.owner_index,
        "referenceCommitment": _hex(reference.commitment),
        "referenceSharesRoot": _hex(reference.shares_root),
    }


def _opening_fixture(opened: Opening) -> dict[str, object]:
    return {
        "modelDigest": _hex(opened.model_digest),
        "references": _hex(b"".join(words(*copy) for copy in opened.copies)),
        "opening": _hex(opened.digest),
    }


def key_fixture(setup: Setup) -> dict[str, object]:
    """A verifying key as the forge tests read it."""
    key = setup.verifying
    return {"policy": key.policy, "key": _hex(encode_key(key)), "keyHash": _hex(key.key_hash)}


def transcript_vector(batch: PlainBatch) -> dict[str, object]:
    """Every state of a batch's transcript, with the statement and proof that give it."""
    proof, statement = batch.proof, batch.statement
    inputs = transcript.RhoInputs(
        proof.mask_commitment, proof.sign_seed, proof.projections_digest, proof.gram, proof.knowledge
    )
    s1, batch_id = transcript.states(statement, inputs)
    check = proof.sumcheck
    s3 = transcript.zeta_state(batch_id, proof.square_norm, check.s, check.q)
    s4 = transcript.v_state(s3, check.a_zeta, check.s_zeta, check.s_omega_zeta)
    s5 = transcript.u_state(s4, check.w1, check.w2, transcript.FinalInputs(proof.groth, proof.commitment_sum))
    challenges = {name: f"0x{value:064x}" for name, value in asdict(batch.challenges).items()}
    graded = statement.graded
    extra: dict[str, object] = {}
    if graded is not None:
        extra = {"batchId": _hex(batch_id), "grading": _graded_fixture(graded, batch.at.bound)}
    return extra | {
        "domain": _hex(statement.context.market.domain),
        "keyHash": _hex(statement.context.policy_key_hash),
        "statement": _hex(encode_statement(statement)),
        "proof": _hex(encode_proof(proof)),
        "states": {
            "context": _hex(transcript.context_state(statement.context, len(statement.rows))),
            "owners": _hex(transcript.owners_hash(statement.rows)),
            "rho": _hex(s1),
            "zeta": _hex(s3),
            "v": _hex(s4),
            "u": _hex(s5),
        },
        "challenges": challenges,
        "submissions": _submissions(statement),
        "verifierCode": _hex(batch.at.verifier_code),
        "attestation": _hex(batch.attested.digest(statement.context)),
    }


def _submissions(statement: BatchStatement) -> list[str]:
    return [_hex(owner.submission_digest(statement.context)) for owner in statement.owners]


def _hex(raw: bytes) -> str:
    return f"0x{raw.hex()}"


def _write(path: Path, value: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1) + "\n")


def main(names: Sequence[str]) -> None:
    """Write the named fixtures, or all."""
    for name in names or RECIPES:
        recipe = RECIPES[name]
        batch = build(name, recipe)
        _write(FIXTURES / f"{name}.json", batch_fixture(batch, recipe, name))
        _write(FIXTURES / f"{recipe.key_name}.json", key_fixture(batch.setup))
        if name in VECTOR_NAMES:
            _write(VECTORS / f"{name}.json", transcript_vector(batch))


if __name__ == "__main__":
    main(sys.argv[1:])
