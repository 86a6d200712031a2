"""Vectors of samples: the code gives what they say, and so do the libraries of others."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_account.messages import encode_typed_data
from eth_hash.auto import keccak

from commons.samples.contributions import (
    BundleReceipt,
    Decision,
    Ground,
    Outcome,
    bundle_commitment,
    challenge_commitment,
)
from commons.samples.hiddentests import HiddenTests, commit_to_tests
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


def test_commitments_are_encoded_as_solidity_does() -> None:
    rows = {name: bytes.fromhex(value[2:]) for name, value in kept("contributions").items() if isinstance(value, str)}
    sender = "0x" + rows["sender"].hex()
    kinds = ["bytes32", "bytes32", "bytes32", "bytes32", "uint256", "address", "bytes32"]
    head = (keccak(b"gradroll/v1/data-bundle"), rows["campaign"], rows["root"], rows["content"])
    assert keccak(encode(kinds, [*head, 40, sender, rows["salt"]])) == rows["bundle7of40"]
    kinds = ["bytes32", "bytes32", "uint256", "bytes32", "uint256", "uint8", "bytes32", "address", "bytes32"]
    for name, ground, correction in (("judged7at3", 0, rows["corrected"]), ("duplicate7at3", 2, bytes(32))):
        values = (keccak(b"gradroll/v1/data-challenge"), rows["campaign"], 7, rows["root"], 3, ground, correction)
        assert keccak(encode(kinds, [*values, sender, rows["salt"]])) == rows[name]


def test_a_receipt_is_what_eip_712_says() -> None:
    rows = {name: bytes.fromhex(value[2:]) for name, value in kept("contributions").items() if isinstance(value, str)}
    fields = ("campaign", "bundle", "root", "contentDigest", "count", "schemaHash")
    values = (rows["campaign"], 7, rows["root"], rows["content"], 40, rows["schema"])
    kinds = ("bytes32", "uint256", "bytes32", "bytes32", "uint256", "bytes32")
    types = {"BundleReceipt": [{"name": n, "type": kind} for n, kind in zip(fields, kinds, strict=True)]}
    domain = {"name": "gradroll", "version": "1", "chainId": 31337, "salt": rows["salt"],
              "verifyingContract": "0x" + (bytes(12) + keccak(b"contract")[:8]).hex()}  # fmt: skip
    signed = encode_typed_data(domain, types, dict(zip(fields, values, strict=True)))
    assert keccak(b"\x19" + signed.version + signed.header + signed.body) == rows["receipt7of40"]


def test_words_of_another_length_are_refused() -> None:
    """Lengths that would fit into words in more ways than one."""
    word, address = bytes(32), bytes(20)
    for at in range(5):
        parts: list[Any] = [word, word, word, address, word]
        parts[at] = bytes(19) if at != 3 else word
        with pytest.raises(ValueError, match="belong"):
            bundle_commitment(parts[0], parts[1], parts[2], 1, parts[3], parts[4])
        with pytest.raises(ValueError, match="belong"):
            challenge_commitment(parts[0], 1, parts[1], 1, Ground.JUDGED, parts[2], parts[3], parts[4])
    with pytest.raises(ValueError, match="belong"):
        BundleReceipt(word, 1, word, word, 1, address).digest(word)
    with pytest.raises(ValueError, match="belong"):
        Decision(1, 1, Outcome.BAD, 1, address).after(word)


def test_hidden_groups_and_pay_are_encoded_as_solidity_does() -> None:
    rows = {name: [bytes.fromhex(each[2:]) for each in kept("hidden")[name]] for name in ("salt", "root", "content")}
    leaves = [
        keccak(encode(["bytes32", "bytes32", "bytes32", "bytes32", "uint256"],
                      [keccak(b"gradroll/v1/data-test-group"), *group]))
        for group in zip(*rows.values(), kept("hidden")["count"], strict=True)
    ]  # fmt: skip
    assert ["0x" + leaf.hex() for leaf in leaves] == kept("hidden")["leaves"]
    assert "0x" + keccak(b"".join(leaves)).hex() == kept("hidden")["commitment"]
    paid = kept("improvements")
    for bundle, amount, leaf in zip(paid["bundle"], paid["amount"], paid["leaves"], strict=True):
        assert keccak(keccak(encode(["uint256", "uint256"], [int(bundle), int(amount)]))).hex() == leaf[2:]


def test_groups_that_cannot_be_committed_to_are_refused() -> None:
    word = bytes(32)
    wrong = ((b"", word, word, 1), (word, bytes(20), word, 1), (word, word, bytes(64), 1), (word, word, word, 0),
             (word, word, word, 65537))  # fmt: skip
    for parts in wrong:
        group = HiddenTests(*parts)
        with pytest.raises(ValueError, match="a group has"):
            _ = group.leaf
    for leaves in ([], [word] * 65, [word, bytes(64)]):
        with pytest.raises(ValueError, match="1 to 64 groups"):
            commit_to_tests(leaves)


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
