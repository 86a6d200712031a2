"""Arguments of the contracts' functions, from domain values; signatures come from the checked-in artifacts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import contracts
from circuits.accuracy.proofparts import AccuracyProof, RoundingProof
from circuits.errors import InvalidInputError
from circuits.grading import encode_values
from circuits.groth16 import VerifyingKey
from circuits.statement import REFERENCE_INDEX, BatchProof, BatchStatement, Graded, SubmissionHeader
from commons.chain.abicoding import call_data, encoded
from commons.chain.rpc import ErrorTable
from commons.protocol.references import Opening

Tuple = tuple[Any, ...]

REGISTRY, MARKET, FACTORY, VERIFIER = "CommitteeRegistry", "Market", "VerifierFactory", "RollupVerifier"
GRADED_VERIFIER = "ReferenceVerifier"
MODELS, SALES, BOUNTIES = "ModelRegistry", "ModelSales", "ModelBounties"
CAMPAIGNS, JURY = "DataCampaigns", "Jury"
PERCEPTRON, PERCEPTRONS = "PerceptronModel", "PerceptronFactory"
IMPROVEMENT, VERSIONS = "ImprovementPay", "ModelVersions"
ACCURACY_VERIFIER, ROUNDING_VERIFIER = "AccuracyVerifier", "RoundingVerifier"


@dataclass(frozen=True, slots=True)
class Permit:
    """An EIP-2612 permit: lets the market take an amount of a token without an allowance.

    Attributes:
        deadline: chain time, seconds since 1970, until which it holds; 0: there is no permit.
        signature: 65 bytes r, s, v.
    """

    deadline: int = 0
    signature: bytes = bytes(65)

    @property
    def words(self) -> Tuple:
        """The contracts' ``Permit``."""
        return (self.deadline, self.signature[64], self.signature[:32], self.signature[32:64])


NO_PERMIT = Permit()


def type_of(item: Mapping[str, Any]) -> str:
    """An ABI parameter's type with its components spelled out."""
    kind = str(item["type"])
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(type_of(part) for part in item['components'])}){kind[5:]}"


@cache
def signatures(contract: str, kind: str) -> Mapping[str, str]:
    """Signatures of a contract's functions, errors or events by name."""
    return {
        item["name"]: f"{item['name']}({','.join(type_of(part) for part in item['inputs'])})"
        for item in contracts.load(contract).abi
        if item["type"] == kind
    }


def call(contract: str, function: str, *arguments: Any) -> bytes:
    """Calldata of a function.  Raises InvalidInputError for an argument that its type does not hold."""
    return call_data(signatures(contract, "function")[function], arguments)


def deployment(contract: str, *arguments: Any, libraries: Mapping[str, bytes] | None = None) -> bytes:
    """Creation code with encoded constructor arguments.

    Args:
        libraries: addresses of the libraries that the contract is linked to.
    """
    artifact = contracts.load(contract)
    inputs: Sequence[Mapping[str, Any]] = next(
        (item["inputs"] for item in artifact.abi if item["type"] == "constructor"), []
    )
    return artifact.linked(libraries) + encoded(contract, [type_of(item) for item in inputs], arguments)


def point(raw: bytes) -> tuple[int, ...]:
    """Coordinates of a point: two for G1, four (EIP-197 order) for G2."""
    return tuple(int.from_bytes(raw[at : at + 32], "big") for at in range(0, len(raw), 32))


def compact(signature: bytes) -> tuple[bytes, bytes]:
    """EIP-2098 form (r, vs) of a 65-byte signature."""
    if len(signature) != 65 or signature[64] not in (27, 28):
        raise InvalidInputError("a signature has 65 bytes and ends in 27 or 28")
    parity = (signature[64] - 27) << 7
    return signature[:32], bytes((signature[32] | parity,)) + signature[33:64]


def owner_entry(header: SubmissionHeader) -> Tuple:
    """The contracts' ``OwnerEntry``."""
    return (*point(header.commitment), *compact(header.signature))


def signed(attestations: Iterable[tuple[int, bytes]]) -> list[Tuple]:
    """The contracts' ``Attestation[]``, from members with their 65-byte signatures."""
    return [(member, *compact(signature)) for member, signature in sorted(attestations)]


def packed(indices: Sequence[int]) -> bytes:
    """Registration indices, two big-endian bytes each."""
    return b"".join(index.to_bytes(2, "big") for index in indices)


def proof_tuple(proof: BatchProof) -> Tuple:
    """The contracts' ``Proof``."""
    groth, sumcheck = proof.groth, proof.sumcheck
    return (
        point(proof.mask_commitment), point(proof.gram), point(proof.knowledge),
        point(groth.a), point(groth.b), point(groth.c), proof.square_norm,
        point(sumcheck.s), point(sumcheck.q), sumcheck.a_zeta, sumcheck.s_zeta, sumcheck.s_omega_zeta,
        point(sumcheck.w1), point(sumcheck.w2), point(proof.commitment_sum),
        proof.sign_seed, proof.projections_digest,
    )  # fmt: skip


def batch_tuple(
    statement: BatchStatement, proof: BatchProof, attestations: Sequence[tuple[int, bytes]], payee: bytes
) -> Tuple:
    """The contracts' ``Batch``; ``payee`` is a 20-byte address."""
    context = statement.context
    owners = [owner_entry(header) for header in statement.owners]
    indices = packed([header.owner_index for header in statement.owners])
    return (context.task_id, context.round, payee, indices, owners, proof_tuple(proof), signed(attestations))


def reference_tuples(opening: Opening) -> list[Tuple]:
    """The contracts' ``Reference[]``."""
    return [(*point(copy.commitment), copy.shares_root) for copy in opening.copies]


def graded_arguments(graded: Graded, opening: Opening) -> tuple[Tuple, bytes]:
    """The contracts' ``ReferenceOpening`` and the opened numbers, for a batch of a round that was opened so."""
    reference = graded.reference
    copy = reference.owner_index - REFERENCE_INDEX
    return (opening.model_digest, reference_tuples(opening), copy, reference.owner), encode_values(graded.values)


def accuracy_tuple(proof: AccuracyProof) -> Tuple:
    """The contracts' ``AccuracyProof``."""
    chunks = [
        (
            point(chunk.block), point(chunk.knowledge), chunk.data_value, chunk.correct,
            point(chunk.groth.a), point(chunk.groth.b), point(chunk.groth.c),
        )
        for chunk in proof.chunks
    ]  # fmt: skip
    return chunks, proof.model_value, point(proof.opening)


def rounding_tuple(proof: RoundingProof) -> Tuple:
    """The contracts' ``RoundingProof``."""
    groth = proof.groth
    return (
        point(proof.block), point(proof.knowledge), proof.error_value, point(proof.opening),
        point(groth.a), point(groth.b), point(groth.c),
    )  # fmt: skip


def key_tuple(key: VerifyingKey) -> Tuple:
    """The contracts' ``VerifyingKey``."""
    return (
        key.circuit, key.capacity, point(key.alpha), point(key.beta), point(key.gamma),
        point(key.delta), point(key.sigma), point(key.tau), [point(base) for base in key.inputs],
    )  # fmt: skip


def contract_errors() -> ErrorTable:
    """Every custom error of the contracts and of the libraries that they are linked to."""
    names = {name for contract in contracts.NAMES for name in (contract, *contracts.load(contract).links)}
    return ErrorTable(signature for name in sorted(names) for signature in signatures(name, "error").values())
