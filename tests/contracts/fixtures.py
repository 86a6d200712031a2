"""Generates what the forge tests read: real keys, real batches, transcript vectors.

Batches come without attestations: those bind the verifier's code, and the forge tests sign them themselves.

    python -m tests.contracts.fixtures [name ...]

Everything is derived from seeds, so the files do not change unless the protocol does. The market of the fixtures
stands at `MARKET_ADDRESS` on chain 31337; it and the committee were created in a block whose parent has `PARENT_HASH`;
its task has `TERMS`, as contracts/test/support/Scene.sol sets them up.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from unittest.mock import patch

from circuits import groth16, transcript
from circuits.hashing import keccak, tag, words
from circuits.statement import BatchStatement
from circuits.terms import CommitteeTerms, MarketId, NewTask, Pay, Windows
from circuits.verify import sum_of_commitments
from tests.contracts.encoding import encode_batch, encode_key, encode_proof, encode_statement
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
TERMS = task_terms(NEW, market=MARKET, task_id=NEW.identifier(MARKET.deployment, MODEL_OWNER, 0), creator=MODEL_OWNER)


@dataclass(frozen=True)
class Recipe:
    """One batch: policy, capacity of its circuit, the owners' registration indices."""

    policy: str
    capacity: int
    indices: tuple[int, ...]
    other_gamma: bool = False

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
}

VECTOR_NAMES = ("norm_1", "norm_3", "norm_3_sparse")
"""Recipes whose transcript is a shared vector."""


def owner_key(index: int) -> bytes:
    """Private key of the owner with a registration index."""
    return seed_of("fixture owner", index)


def build(name: str, recipe: Recipe) -> PlainBatch:
    """The batch of a recipe."""
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


def batch_fixture(batch: PlainBatch, recipe: Recipe) -> dict[str, object]:
    """A batch as the forge tests read it."""
    encoded = encode_batch(batch.statement, batch.proof, (), batch.at.payee)
    return {
        "key": recipe.key_name,
        "batch": _hex(encoded),
        "batchId": _hex(batch.batch_id),
        "commitment": _hex(sum_of_commitments(batch.statement)),
        "ownerKeys": [_hex(key) for key in batch.owner_keys],
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
    s1 = transcript.rho_state(statement.context, statement.owners, inputs)
    check = proof.sumcheck
    s3 = transcript.zeta_state(s1, proof.square_norm, check.s, check.q)
    s4 = transcript.v_state(s3, check.a_zeta, check.s_zeta, check.s_omega_zeta)
    s5 = transcript.u_state(s4, check.w1, check.w2, transcript.FinalInputs(proof.groth, proof.commitment_sum))
    challenges = {name: f"0x{value:064x}" for name, value in asdict(batch.challenges).items()}
    return {
        "domain": _hex(statement.context.market.domain),
        "keyHash": _hex(statement.context.policy_key_hash),
        "statement": _hex(encode_statement(statement)),
        "proof": _hex(encode_proof(proof)),
        "states": {
            "context": _hex(transcript.context_state(statement.context, statement.size)),
            "owners": _hex(transcript.owners_hash(statement.owners)),
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
        _write(FIXTURES / f"{name}.json", batch_fixture(batch, recipe))
        _write(FIXTURES / f"{recipe.key_name}.json", key_fixture(batch.setup))
        if name in VECTOR_NAMES:
            _write(VECTORS / f"{name}.json", transcript_vector(batch))


if __name__ == "__main__":
    main(sys.argv[1:])
