"""Writes vectors of samples, of what is committed to, and of what a contract trains; see README.md."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from circuits.hashing import domain_separator, keccak
from commons.samples.canonicalsamples import array_sample, fits
from commons.samples.contributions import (
    ALL_SAMPLES,
    EMPTY_LOG,
    BundleReceipt,
    Decision,
    Ground,
    Outcome,
    bundle_commitment,
    challenge_commitment,
)
from commons.samples.hiddentests import HiddenTests, commit_to_tests
from commons.samples.improvements import Improvement, ImprovementTable, improvement_leaf
from commons.samples.merkletrees import MerkleTree, sample_leaf
from commons.samples.perceptrons import Perceptron
from commons.samples.samplebundles import SampleBundle
from commons.samples.sampledistances import distance
from commons.samples.sampleschemas import SampleSchema

HERE = Path(__file__).parent
SCHEMAS = (
    SampleSchema.array(10, [16], 64, 1, tau=3),
    SampleSchema.array(2, [255, 1000, 0, 65535], 4, 2, tau=100),
    SampleSchema.array(0xFFFF, [65535], 2047, 2),
    SampleSchema.array(1, [7], 1, 1),
    SampleSchema.text(3, 1, 40, tau=2),
    SampleSchema.text(2, 5, 4094),
)
_DIGITS, _TABLE, _WIDE, _ONE, _TEXT, _LONG = range(len(SCHEMAS))


def _label(value: int) -> bytes:
    return value.to_bytes(2, "big")


def _texts() -> Iterator[tuple[int, bytes]]:
    """Texts of a schema of 1 to 40 bytes, well formed and not."""
    bodies: list[bytes] = [text.encode() for text in (
        "a", "a b", "two words", "x" * 40, "x" * 41, "", " a", "a ", "a  b", " ", "a\tb", "a\nb",
        "a\0b", "a\x7fb", "a\x1fb", "\x80", "\x7e", "é", "e\u0301", "\u00a0", "\u07ff", "\u0800", "\ud7ff", "\ue000",
        "\uffff", "\U00010000", "\U0010ffff", "日本 語", "😀 😀",
    )]  # fmt: skip
    bodies += [bytes.fromhex(text) for text in (
        "c080", "c1bf", "c2", "c27f", "c2c0", "e08080", "e09fbf", "e0a080", "e0a0", "eda080", "edbfbf", "ed9fbf",
        "ee8080", "f0808080", "f08fbfbf", "f0908080", "f09080", "f48fbfbf", "f4908080", "f5808080", "ff", "fe", "80",
        "bf", "61c3", "c320", "e28220", "f09f9820",
    )]  # fmt: skip
    yield from ((_TEXT, _label(number % 3) + body) for number, body in enumerate(bodies))
    yield from ((_TEXT, bad) for bad in (_label(3) + b"a", _label(0x0100) + b"a", b"", b"\0", b"\0\0"))
    yield from ((_LONG, _label(1) + b"ab " * 1364 + tail) for tail in (b"cd", b"cde", b"\xc3\xa9", b"\xc3"))
    yield from ((_LONG, _label(1) + body) for body in (b"four", b"fives", b"\xc3\xa9\xc3\xa9", b"\xc3\xa9\xc3\xa9."))


def _arrays() -> Iterator[tuple[int, bytes]]:
    """Arrays with features in and out of range, and of other lengths."""
    good = bytes(range(17)) + bytes(47)
    for label in (0, 9, 10, 256):
        yield _DIGITS, _label(label) + good
    yield from (
        (_DIGITS, _label(1) + body) for body in (good[:-1], good + b"\0", good[:-1] + b"\x11", b"\x11" + good[1:])
    )
    for features in ((255, 1000, 0, 65535), (256, 0, 0, 0), (0, 1001, 0, 0), (0, 0, 1, 0), (0, 0, 0, 0)):
        yield _TABLE, _label(1) + b"".join(each.to_bytes(2, "big") for each in features)
    yield _TABLE, _label(2) + bytes(8)
    yield _TABLE, _label(1) + bytes(4)
    yield _WIDE, _label(0xFFFE) + b"\xff" * 4094
    yield _WIDE, _label(0xFFFF) + bytes(4094)
    yield _WIDE, _label(0) + bytes(4095)
    yield from ((_ONE, _label(0) + body) for body in (b"\7", b"\x08", b"", b"\0\0"))


def schemas() -> dict[str, object]:
    """Each schema and its hash."""
    return {
        "encoded": [_hex(schema.encoded) for schema in SCHEMAS],
        "digest": [_hex(schema.digest) for schema in SCHEMAS],
        "kind": [int(schema.kind) for schema in SCHEMAS],
        "tau": [schema.tau for schema in SCHEMAS],
    }


def samples() -> dict[str, object]:
    """Samples and whether they fit."""
    rows = [*_arrays(), *_texts()]
    return {
        "schema": [schema for schema, _ in rows],
        "sample": [_hex(sample) for _, sample in rows],
        "fits": [fits(SCHEMAS[schema], sample) for schema, sample in rows],
    }


def _pairs() -> Iterator[tuple[int, bytes, bytes]]:
    """Pairs that fit: equal, near, far, and as far as can be."""
    body = bytes(range(16)) + bytes(48)
    near = body[:-2] + b"\1\2"
    yield from (
        (_DIGITS, _label(1) + body, _label(label) + other) for label, other in ((1, body), (2, body), (1, near))
    )
    yield _DIGITS, _label(3) + bytes(64), _label(4) + b"\x10" * 64
    yield _TABLE, _label(0) + bytes(8), _label(0) + bytes.fromhex("00ff03e80000ffff")
    yield _TABLE, _label(0) + bytes.fromhex("0001000200000003"), _label(0) + bytes.fromhex("0003000100000100")
    yield _WIDE, _label(0) + bytes(4094), _label(9) + b"\xff" * 4094
    for one, other in (
        ("a b c", "a b c"), ("a b c", "c b a"), ("a a b", "a b b"), ("a b", "a b c"), ("ab", "a b"), ("A", "a"),
        ("a a a a", "a"), ("é b", "e\u0301 b"), ("one two three", "four five six"),
        ("x", "x x x x x x x x x x x x x x x x x x"),
    ):  # fmt: skip
        yield _TEXT, _label(0) + one.encode(), _label(2) + other.encode()


def distances() -> dict[str, object]:
    """Distances of pairs."""
    rows = list(_pairs())
    return {
        "schema": [schema for schema, _, _ in rows],
        "first": [_hex(one) for _, one, _ in rows],
        "second": [_hex(other) for _, _, other in rows],
        "distance": [distance(SCHEMAS[schema], one, other) for schema, one, other in rows],
    }


TREE = tuple(_label(number % 10) + keccak(bytes((number,))) * 2 for number in range(20))
"""Samples of the first schema's layout; a tree takes any."""


def trees() -> dict[str, object]:
    """Leaves, the roots of trees of 1 to 20 of them, and proofs."""
    leaves = [sample_leaf(index, sample) for index, sample in enumerate(TREE)]
    grown = [MerkleTree(leaves[:count]) for count in range(1, len(leaves) + 1)]
    shown = [(count, index) for count in (1, 2, 3, 7, 8, 20) for index in range(count)]
    return {
        "samples": [_hex(sample) for sample in TREE],
        "leaves": [_hex(leaf) for leaf in leaves],
        "roots": [_hex(tree.root) for tree in grown],
        "count": [count for count, _ in shown],
        "index": [index for _, index in shown],
        "proofs": [_hex(b"".join(grown[count - 1].proof(index))) for count, index in shown],
    }


TRAINED = (
    (SampleSchema.array(10, [16], 64, 1), 16, 0),
    (SampleSchema.array(10, [16], 64, 1), 16, 5000),
    (SampleSchema.array(3, [65535, 40, 9], 3, 2), 32, 0),
    (SampleSchema.array(2, [65535], 1, 2), 16, 2**32 - 1),
)
"""Perceptrons: schema, bits of a weight, margin.  The last one's weights come to the ends of their width."""
ROWS = 24
"""Samples that each is trained on; as many are predicted."""


def _drawn(schema: SampleSchema, seed: bytes) -> bytes:
    """A sample that fits."""
    words = (keccak(seed + number.to_bytes(4, "big")) for number in range(schema.width + 1))
    label, *features = (int.from_bytes(word, "big") for word in words)
    values = [value % (most + 1) for value, most in zip(features, schema.limits, strict=True)]
    return array_sample(schema, label % schema.classes, values)


def perceptrons() -> dict[str, object]:
    """Weights after each training, as rows of a class one after the other, and predictions."""
    columns: dict[str, list[object]] = {"encoded": [], "bits": [], "margin": [], "changed": []}
    found: dict[str, object] = {**columns}
    for number, (schema, bits, margin) in enumerate(TRAINED):
        samples = [_drawn(schema, bytes((number, row))) for row in range(2 * ROWS)]
        model = Perceptron(schema, bits, margin)
        changed = model.train(samples[:ROWS])
        for name, value in (
            ("encoded", _hex(schema.encoded)),
            ("bits", bits),
            ("margin", margin),
            ("changed", changed),
        ):
            columns[name].append(value)
        found[f"samples{number}"] = [_hex(sample) for sample in samples]
        found[f"weights{number}"] = model.weights.flatten().tolist()
        found[f"predicted{number}"] = model.predict(samples[ROWS:])
        found[f"right{number}"] = model.right(samples[ROWS:])
    return found


LOG = (
    Decision(7, ALL_SAMPLES, Outcome.ACCEPTED, 40, keccak(b"root 7")),
    Decision(7, 3, Outcome.BAD, 1, keccak(b"root 7")),
    Decision(9, 0, Outcome.VOID, 1, keccak(b"root 9")),
    Decision(9, 65535, Outcome.CORRECTED, 1, keccak(b"root 9"), keccak(b"corrected")),
)


def contributions() -> dict[str, object]:
    """Commitments, the digest of a receipt, and the hash of a log after each decision."""
    campaign, root, salt, content = (keccak(name) for name in (b"campaign", b"root", b"salt", b"content"))
    sender, domain = keccak(b"sender")[:20], domain_separator(31337, bytes(12) + keccak(b"contract")[:8], salt)
    schema, corrected, log = SCHEMAS[_DIGITS].digest, keccak(b"corrected"), [EMPTY_LOG]
    for decision in LOG:
        log.append(decision.after(log[-1]))
    receipt = BundleReceipt(campaign, 7, root, content, 40, schema)
    return {
        "campaign": _hex(campaign),
        "root": _hex(root),
        "salt": _hex(salt),
        "content": _hex(content),
        "sender": _hex(sender),
        "domain": _hex(domain),
        "schema": _hex(schema),
        "corrected": _hex(corrected),
        "bundle7of40": _hex(bundle_commitment(campaign, root, content, 40, sender, salt)),
        "judged7at3": _hex(challenge_commitment(campaign, 7, root, 3, Ground.JUDGED, corrected, sender, salt)),
        "duplicate7at3": _hex(challenge_commitment(campaign, 7, root, 3, Ground.DUPLICATE, bytes(32), sender, salt)),
        "receipt7of40": _hex(receipt.digest(domain)),
        "logBundle": [each.bundle for each in LOG],
        "logIndex": [each.index for each in LOG],
        "logOutcome": [int(each.outcome) for each in LOG],
        "logCount": [each.count for each in LOG],
        "logRoot": [_hex(each.root) for each in LOG],
        "logCorrection": [_hex(each.correction) for each in LOG],
        "logHash": [_hex(each) for each in log[1:]],
    }


def hidden() -> dict[str, object]:
    """Groups of hidden tests: leaves, and the commitment to all of them."""

    def word(name: bytes, number: int) -> bytes:
        return keccak(name + bytes((number,)))

    groups = [HiddenTests(word(b"salt", n), word(b"root", n), word(b"content", n), 100 + n) for n in range(5)]
    leaves = [group.leaf for group in groups]
    return {
        "salt": [_hex(group.salt) for group in groups],
        "root": [_hex(group.root) for group in groups],
        "content": [_hex(group.content_digest) for group in groups],
        "count": [group.count for group in groups],
        "leaves": [_hex(leaf) for leaf in leaves],
        "commitment": _hex(commit_to_tests(leaves)),
    }


IMPROVED = ((3, 10**18), (4, 1), (9, 7), (2**63, 2**128 - 1))
"""Bundle and amount."""


def improvements() -> dict[str, object]:
    """What bundles are paid, the leaves and the root."""
    table = ImprovementTable(0, 1, tuple(Improvement(bundle, 0, amount) for bundle, amount in IMPROVED))
    tree = table.tree()
    return {
        "bundle": [str(bundle) for bundle, _ in IMPROVED],
        "amount": [str(amount) for _, amount in IMPROVED],
        "leaves": [_hex(improvement_leaf(*row)) for row in IMPROVED],
        "root": _hex(table.root),
        "proofs": [_hex(b"".join(tree.proof(place))) for place in range(len(IMPROVED))],
    }


def bundles() -> dict[str, object]:
    """A bundle's file, its digest and its root."""
    bundle = SampleBundle(SCHEMAS[_DIGITS].digest, TREE)
    return {
        "schema": _hex(bundle.schema_digest),
        "samples": [_hex(sample) for sample in TREE],
        "file": _hex(bundle.encode()),
        "contentDigest": _hex(bundle.content_digest),
        "root": _hex(bundle.tree().root),
    }


FILES: dict[str, Callable[[], dict[str, object]]] = {
    "schemas": schemas,
    "samples": samples,
    "distances": distances,
    "trees": trees,
    "perceptrons": perceptrons,
    "contributions": contributions,
    "hidden": hidden,
    "improvements": improvements,
    "bundles": bundles,
}


def main() -> None:
    """Write all files."""
    for name, make in FILES.items():
        (HERE / f"{name}.json").write_text(json.dumps(make(), indent=1) + "\n", encoding="utf-8")


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


if __name__ == "__main__":
    main()
