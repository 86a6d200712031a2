"""Vectors of samples: the code gives what they say, and so do the libraries of others."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak

from commons.samples.merkletrees import verify_proof
from tests.vectors.v1.samples import generate


def kept(name: str) -> dict[str, Any]:
    """What the file says."""
    found: dict[str, Any] = json.loads((generate.HERE / f"{name}.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("name", sorted(generate.FILES))
def test_the_code_gives_the_vector(name: str) -> None:
    assert generate.FILES[name]() == kept(name)


def test_schemas_are_encoded_as_the_contracts_struct() -> None:
    for schema, encoded in zip(generate.SCHEMAS, kept("schemas")["encoded"], strict=True):
        values = (schema.kind, schema.width, schema.size, schema.classes, schema.least, schema.most, schema.tau,
                  schema.maxima)  # fmt: skip
        assert encode(["(uint8,uint16,uint8,uint32,uint16,uint16,uint32,bytes)"], [values]).hex() == encoded[2:]


def test_the_vectors_have_samples_that_fit_and_others_of_each_schema() -> None:
    rows = kept("samples")
    counted = Counter(zip(rows["schema"], rows["fits"], strict=True))
    assert set(counted) == {(schema, fits) for schema in range(len(generate.SCHEMAS)) for fits in (True, False)}


def test_leaves_are_those_of_openzeppelin() -> None:
    """``keccak256(bytes.concat(keccak256(abi.encode(index, hash))))``."""
    rows = kept("trees")
    for index, (sample, leaf) in enumerate(zip(rows["samples"], rows["leaves"], strict=True)):
        inner = keccak(encode(["uint256", "bytes32"], [index, keccak(bytes.fromhex(sample[2:]))]))
        assert keccak(inner).hex() == leaf[2:]


def test_proofs_lead_from_leaves_to_roots_and_from_nowhere_else() -> None:
    rows = kept("trees")
    roots, leaves = ([bytes.fromhex(each[2:]) for each in rows[name]] for name in ("roots", "leaves"))
    for count, index, joined in zip(rows["count"], rows["index"], rows["proofs"], strict=True):
        raw = bytes.fromhex(joined[2:])
        proof = [raw[at : at + 32] for at in range(0, len(raw), 32)]
        assert verify_proof(roots[count - 1], leaves[index], proof)
        for other in range(len(leaves)):
            assert verify_proof(roots[count - 1], leaves[other], proof) == (other == index)
        assert not proof or not verify_proof(roots[count - 1], leaves[index], proof[:-1])
        assert not verify_proof(roots[count - 1], leaves[index], [*proof, bytes(32)])
