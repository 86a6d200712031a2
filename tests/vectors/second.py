"""A second implementation of docs/protocol.md, written from that page alone: it imports nothing of the project.

Slow and short on purpose.  Each function takes the inputs of one vector file and gives its outputs, both as they stand
in the JSON: byte strings and scalars as hexadecimal, counts and indices as numbers.  Numbers in comments are sections.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from itertools import combinations
from math import comb
from typing import Any, Literal

from eth_hash.auto import keccak

R = 21888242871839275222246405745257275088548364400416034343698204186575808495617
ROWS, BITS, NOISE = 128, 62, 40
ROOT = "gradroll/v1"
Fields = dict[str, Any]


# --- 2.1 numbers, points, hashes ---------------------------------------------------------------------------------


def word(value: int | bytes) -> bytes:
    return value.to_bytes(32, "big") if isinstance(value, int) else value.rjust(32, b"\0")


def W(*values: int | bytes) -> bytes:  # noqa: N802
    return b"".join(word(v) for v in values)


def tag(name: str) -> bytes:
    return keccak(name.encode())


def tagged(name: str, *values: int | bytes) -> bytes:
    return keccak(W(tag(f"{ROOT}/{name}"), *values))


def raw(text: str) -> bytes:
    return bytes.fromhex(text)


def number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def scalars(data: bytes) -> list[int]:
    return [number(data[at : at + 32]) for at in range(0, len(data), 32)]


def packed(values: Iterable[int], order: Literal["big", "little"] = "big") -> bytes:
    return b"".join((v % R).to_bytes(32, order) for v in values)


def _quarter(s: list[int], a: int, b: int, c: int, d: int) -> None:
    for x, y, z, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        s[x] = (s[x] + s[y]) & 0xFFFFFFFF
        mixed = s[z] ^ s[x]
        s[z] = (mixed << turn | mixed >> (32 - turn)) & 0xFFFFFFFF


def chacha(key: bytes, nonce: bytes, counter: int) -> bytes:
    """One block of 64 bytes (RFC 8439)."""
    data = b"expand 32-byte k" + key + counter.to_bytes(4, "little") + nonce
    start = [int.from_bytes(data[at : at + 4], "little") for at in range(0, 64, 4)]
    s = list(start)
    for _ in range(10):
        for column in range(4):
            _quarter(s, column, column + 4, column + 8, column + 12)
        for i in range(4):
            _quarter(s, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return b"".join(((a + b) & 0xFFFFFFFF).to_bytes(4, "little") for a, b in zip(s, start, strict=True))


def stream(key: bytes, nonce: bytes, size: int) -> bytes:
    return b"".join(chacha(key, nonce, i) for i in range(-(-size // 64)))[:size]


def expand(seed: bytes, count: int, start: int = 0) -> list[int]:
    return [int.from_bytes(chacha(seed, bytes(12), start + i), "little") % R for i in range(count)]


def bounded(seed: bytes, bits: int, count: int) -> list[int]:
    data = stream(seed, b"gr/bounded\0\0", 16 * count)
    return [int.from_bytes(data[16 * i : 16 * i + 16], "little") % 2**bits for i in range(count)]


# --- 2.2 sizes and domains ---------------------------------------------------------------------------------------


def domain_size(d: int) -> int:
    power = 2
    while power < d:
        power *= 2
    if power <= 512:
        return power
    forms = (factor << a for factor in (1, 3, 9) for a in range(40))
    return min(size for size in forms if size >= d)


def domains(given: Fields) -> Fields:
    sizes = [domain_size(d) for d in given["dimensions"]]
    return {"sizes": sizes, "roots": [packed([pow(5, (R - 1) // n, R)]).hex() for n in sizes]}


def lagrange_at(xs: Sequence[int], at: int) -> list[int]:
    """Weights that take values at xs to the value at ``at``."""
    out = []
    for x in xs:
        top = bottom = 1
        for other in xs:
            if other != x:
                top, bottom = top * (at - other) % R, bottom * (x - other) % R
        out.append(top * pow(bottom, -1, R) % R)
    return out


# --- 2.3 market, task and round ----------------------------------------------------------------------------------

TYPES = {
    "submission": "Submission(uint256 taskId,bytes32 termsHash,uint256 round,bytes32 modelDigest,"
    "uint256 commitmentX,uint256 commitmentY)",
    "dealing": "Dealing(address owner,bytes32 submission,bytes32 sharesRoot)",
    "reference": "Reference(address owner,bytes32 submission,bytes32 sharesRoot,uint256 number)",
    "receipt": "Receipt(bytes32 submission)",
    "attestation": "Attestation(bytes32 batchId,bytes32 verifierCode,uint256 committeeId,uint256 taskId,"
    "bytes32 termsHash,uint256 round,bytes32 modelDigest,uint256 owners,uint256 sumX,uint256 sumY,"
    "uint256 squareNorm,address payee)",
    "availability": "Availability(bytes32 batchId,uint256 challenge,bytes32 posted)",
    "registration": "Registration(uint256 taskId,bytes32 termsHash,address account)",
    "claim": "Claim(uint256 taskId,uint256 index,uint256 from,uint256 through,address recipient,uint256 maxTip,"
    "uint256 deadline)",
    "decision": "TrainingDecision(uint256 taskId,bytes32 termsHash,uint256 round,bytes32 modelDigest,uint256 kind,"
    "int256 value)",
    "membership": "Membership(uint256 committeeId,uint256 index,address signer,address controller)",
    "replacement": "Replacement(uint256 committeeId,uint256 index,uint256 nonce,address signer,address controller,"
    "uint256 deadline)",
}
REGISTRY_DOMAIN = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
TERMS = (
    "committeeId", "verifier", "coordinator", "dimension", "fractionBits", "bound", "minOwners", "capacity", "rounds",
    "submitWindow", "settleWindow", "permissioned", "inlinePayload", "token", "basePay", "bonusPay",
    "coordinatorBatchFee", "coordinatorGradientFee", "proverBatchFee", "proverGradientFee", "deposit", "lapseRounds",
    "claimWindow", "exitDelay", "availabilityWindow", "step", "dither", "referenceData",
    "manifest", "sumKey",
)  # fmt: skip
COMMITTEE_TERMS = ("threshold", "bondToken", "bond", "changeDelay", "unbondingDelay")
DOMAIN = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)"


def domain_of(chain_id: int, market: bytes, deployment: bytes) -> bytes:
    return keccak(W(keccak(DOMAIN.encode()), keccak(b"gradroll"), keccak(b"1"), chain_id, market, deployment))


def typed(domain: bytes, kind: str, fields: bytes) -> bytes:
    return keccak(b"\x19\x01" + domain + keccak(keccak(TYPES[kind].encode()) + fields))


def listed(given: Fields, names: Sequence[str]) -> list[int | bytes]:
    """Values by name: byte strings are hexadecimal."""
    return [raw(given[name]) if isinstance(given[name], str) else int(given[name]) for name in names]


def market(given: Fields) -> Fields:
    address, creator, terms = raw(given["market"]), raw(given["creator"]), listed(given["terms"], TERMS)
    deployment = tagged("deployment", given["chainId"], address, raw(given["parentHash"]))
    task = tagged("task", deployment, creator, given["nonce"], keccak(W(*terms)))[-8:]
    committee, signers = given["committee"], [raw(signer) for signer in given["committee"]["signers"]]
    registry = raw(committee["registry"])
    head = (given["chainId"], registry, raw(committee["creator"]), committee["nonce"], raw(committee["parentHash"]))
    number_of = tagged("committee-id", *head, *listed(committee, COMMITTEE_TERMS), 384, len(signers), *signers)[-8:]
    kind = keccak(REGISTRY_DOMAIN.encode())
    registry_domain = keccak(W(kind, keccak(b"gradroll registry"), keccak(b"1"), given["chainId"], registry))
    change = given["change"]
    index, nonce, signer, controller, deadline = listed(change, ("index", "nonce", "signer", "controller", "deadline"))
    place = (number(number_of), index)
    return {
        "deployment": deployment.hex(),
        "domain": domain_of(given["chainId"], address, deployment).hex(),
        "taskId": task.hex(),
        "termsHash": tagged("terms", deployment, number(task), creator, *terms).hex(),
        "committeeId": number_of.hex(),
        "registryDomain": registry_domain.hex(),
        "membership": typed(registry_domain, "membership", W(*place, signer, controller)).hex(),
        "replacement": typed(registry_domain, "replacement", W(*place, nonce, signer, controller, deadline)).hex(),
    }


def submission_of(context: Fields, header: Fields) -> tuple[bytes, bytes, bytes]:
    """Digest of the submission, shares root, digest of the dealing."""
    domain = domain_in(context)
    where = W(context["taskId"], raw(context["termsHash"]), context["round"], raw(context["modelDigest"]))
    submission = typed(domain, "submission", where + raw(header["commitment"]))
    root = keccak(b"".join(map(raw, header["shareDigests"])))
    dealt, copy = W(raw(header["owner"]), submission, root), header["index"] - 2**16
    if copy < 0:
        return submission, root, typed(domain, "dealing", dealt)
    return submission, root, typed(domain, "reference", dealt + W(copy))


def domain_in(context: Fields) -> bytes:
    return domain_of(context["chainId"], raw(context["market"]), raw(context["deployment"]))


def signed(given: Fields) -> Fields:
    context, batch = given["context"], given["attested"]
    submission, root, dealing = submission_of(context, given["header"])
    domain = domain_in(context)
    attested = W(
        raw(batch["batchId"]), raw(batch["verifierCode"]), batch["committeeId"], context["taskId"],
        raw(context["termsHash"]), context["round"], raw(context["modelDigest"]), batch["owners"],
    ) + raw(batch["sum"]) + W(raw(batch["squareNorm"]), raw(batch["payee"]))  # fmt: skip
    served, claim = given["availability"], given["claim"]
    order = listed(claim, ("index", "from", "through", "recipient", "maxTip", "deadline"))
    return {
        "submission": submission.hex(),
        "sharesRoot": root.hex(),
        "dealing": dealing.hex(),
        "receipt": typed(domain, "receipt", dealing).hex(),
        "attestation": typed(domain, "attestation", attested).hex(),
        "availability": typed(
            domain, "availability", W(raw(batch["batchId"]), served["challenge"], raw(served["posted"]))
        ).hex(),
        "registration": typed(
            domain, "registration", W(context["taskId"], raw(context["termsHash"]), raw(given["account"]))
        ).hex(),
        "claim": typed(domain, "claim", W(context["taskId"], *order)).hex(),
    }


# --- 3.1 model manifests --------------------------------------------------------------------------------------------


def canonical(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f'"{key}":{canonical(value[key])}' for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)


def manifests(given: Fields) -> Fields:
    written = {name: canonical(value) for name, value in given.items()}
    head = tag("gradroll/v1/model-manifest")
    return {name: {"json": text, "digest": keccak(head + text.encode("ascii")).hex()} for name, text in written.items()}


# --- 2.4 sessions, 2.5 the ledger, 5 and 6 challenges ---------------------------------------------------------------


def bit_set(indices: Iterable[int]) -> int:
    return sum(1 << i for i in indices)


def proposal_of(cohort: bytes, given: Fields) -> bytes:
    head = (cohort, given["attempt"], bit_set(given["kept"]), bit_set(given["active"]), int(given["probe"]))
    return tagged("proposal", *head, *map(raw, given["nonces"]))


def cohort_of(context: Fields, dealings: Iterable[bytes]) -> bytes:
    head = W(tag("gradroll/v1/cohort"), domain_in(context), context["taskId"], context["round"])
    return keccak(head + b"".join(dealings))


def message_of(session: bytes, step: int, sender: int, body: bytes) -> bytes:
    return tagged("message", session, step, sender, keccak(body))


def authorization(session: bytes, request: Fields) -> bytes:
    relayed = [message_of(raw(m["session"]), m["step"], m["sender"], raw(m["body"])) for m in request["relayed"]]
    payload_hash = sha256(raw(request["payload"])).digest()
    return tagged("authorize", session, request["step"], request["owner"], keccak(b"".join(relayed)), payload_hash)


def challenge(state: bytes) -> int:
    return number(state) % R


def owners_hash(owners: Iterable[Fields]) -> bytes:
    return keccak(b"".join(W(o["index"] * 2**160 + number(raw(o["owner"]))) + raw(o["commitment"]) for o in owners))


def sessions(given: Fields) -> Fields:
    context, message = given["context"], given["message"]
    cohort = cohort_of(context, [submission_of(context, h)[2] for h in given["headers"]])
    seed = tagged("signs", cohort, number(raw(given["coin"])))
    attempt, probe = (proposal_of(cohort, given[name]) for name in ("proposal", "probe"))
    group = [given["headers"][i] for i in given["probe"]["kept"]]
    rho = keccak(W(tag("gradroll/v1/probe"), probe, owners_hash(group)) + raw(given["maskCommitment"]))
    return {
        "cohort": cohort.hex(),
        "seed": seed.hex(),
        "psi": packed([challenge(tagged("dealing", seed))]).hex(),
        "proposal": attempt.hex(),
        "probe": probe.hex(),
        "chi": packed([challenge(tagged("validity", seed, attempt))]).hex(),
        "probeRho": packed([challenge(rho)]).hex(),
        "authorization": authorization(attempt, given["request"]).hex(),
        "message": message_of(attempt, message["step"], message["sender"], raw(message["body"])).hex(),
    }


def ledger(given: Fields) -> Fields:
    where = (raw(given["deployment"]), given["taskId"], given["round"])
    keys = [tagged("owner", *where, raw(owner)) for owner in given["owners"]]
    head = W(tag("gradroll/v1/selection"), len(keys), *[1] * len(keys))
    shown = given["head"]
    masks = sorted(map(int, given["keys"]))
    shared = W(tag("gradroll/v1/shared-keys")) + b"".join(
        m.to_bytes(4, "big") + raw(given["keys"][str(m)]) for m in masks
    )
    return {
        "ownerKeys": [key.hex() for key in keys],
        "roundKey": tagged("round", *where).hex(),
        "selection": keccak(head + b"".join(keys) + b"".join(map(raw, given["dealings"]))).hex(),
        "joined": tagged("joined", raw(given["cohort"]), raw(given["committee"]), keccak(shared)).hex(),
        "head": tagged(
            "ledger-head",
            raw(given["domain"]),
            given["committeeId"],
            shown["prover"],
            shown["count"],
            raw(shown["digest"]),
        ).hex(),
    }


def training(given: Fields) -> Fields:
    context = given["context"]
    where = (context["taskId"], raw(context["termsHash"]), context["round"], raw(context["modelDigest"]))
    kinds = {"metric": (1, given["metric"] % 2**256), "stop": (2, 0)}
    domain = domain_in(context)
    return {name: typed(domain, "decision", W(*where, *what)).hex() for name, what in kinds.items()}


# --- 2.6 randomness that provers share, 2.7 sealing -----------------------------------------------------------------


def vanishing(provers: Iterable[int], x: int) -> int:
    """The polynomial that is 1 at zero and 0 at some provers, at x."""
    out = 1
    for p in provers:
        out = out * (p + 1 - x) % R * pow(p + 1, -1, R) % R
    return out


class Shared:
    """One prover's keys, by set."""

    def __init__(self, size: int, prover: int, keys: dict[str, str]) -> None:
        self.x = prover + 1
        self.size = size
        self.keys = {tuple(p for p in range(size) if int(mask) >> p & 1): raw(key) for mask, key in keys.items()}

    def _terms(self, session: bytes, purpose: int) -> Iterable[tuple[int, bytes]]:
        for members, key in self.keys.items():
            seed = hmac.digest(key, W(tag("gradroll/v1/prss"), session, purpose), sha256)
            yield vanishing([p for p in range(self.size) if p not in members], self.x), seed

    def random(self, session: bytes, purpose: int, count: int) -> list[int]:
        out = [0] * count
        for weight, seed in self._terms(session, purpose):
            out = [(a + weight * b) % R for a, b in zip(out, expand(seed, count), strict=True)]
        return out

    def zero(self, session: bytes, purpose: int, count: int) -> list[int]:
        out = [0] * count
        degree = self.size - len(next(iter(self.keys)))
        for weight, seed in self._terms(session, purpose):
            for power in range(1, degree + 1):
                factor = weight * pow(self.x, power, R) % R
                values = expand(seed, count, (power - 1) * count)
                out = [(a + factor * b) % R for a, b in zip(out, values, strict=True)]
        return out


def prss(given: Fields) -> Fields:
    session, count = raw(given["session"]), given["count"]
    parties = [Shared(given["provers"], p, keys) for p, keys in enumerate(given["keys"])]
    return {
        "random": [packed(p.random(session, given["purpose"], count)).hex() for p in parties],
        "zero": [packed(p.zero(session, given["purpose"], count)).hex() for p in parties],
    }


def keys(given: Fields) -> Fields:
    members_of = [raw(member) for member in given["members"]]
    registry = raw(given["registry"])
    committee = tagged("committee", given["chainId"], registry, given["committeeId"], given["threshold"], *members_of)
    held = {int(mask): raw(key) for mask, key in given["keys"].items()}
    hashes = {mask: tagged("key", mask, key) for mask, key in held.items()}
    members = {tuple(p for p in range(32) if mask >> p & 1): mask for mask in held}
    listed = b"".join(W(members[s], hashes[members[s]]) for s in sorted(members))
    return {
        "committee": committee.hex(),
        "plaintext": b"".join(mask.to_bytes(4, "big") + held[mask] for mask in sorted(held)).hex(),
        "package": tagged(
            "key-package", committee, given["dealer"], given["recipient"], keccak(raw(given["sealed"]))
        ).hex(),
        "hashes": {str(mask): digest.hex() for mask, digest in hashes.items()},
        "confirmation": keccak(W(tag("gradroll/v1/key-confirmation"), committee) + listed).hex(),
        "info": (b"gradroll/v1/keys" + W(committee, given["dealer"], given["recipient"])).hex(),
    }


def aead(key: bytes, nonce: bytes, plaintext: bytes, data: bytes) -> bytes:
    """ChaCha20-Poly1305 of RFC 8439."""
    blocks = b"".join(chacha(key, nonce, 1 + i) for i in range(-(-len(plaintext) // 64)))
    cipher = bytes(a ^ b for a, b in zip(plaintext, blocks, strict=False))
    padded = b"".join(part + bytes(-len(part) % 16) for part in (data, cipher))
    mac = padded + len(data).to_bytes(8, "little") + len(cipher).to_bytes(8, "little")
    once = chacha(key, nonce, 0)
    r, total = int.from_bytes(once[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF, 0
    for at in range(0, len(mac), 16):
        total = (total + int.from_bytes(mac[at : at + 16] + b"\1", "little")) * r % (2**130 - 5)
    return cipher + ((total + int.from_bytes(once[16:32], "little")) % 2**128).to_bytes(16, "little")


def sealing(given: Fields) -> Fields:
    """A part for each prover but one, which needs no body, and one body, whose byte i is i mod 251."""
    domain, submission, piece = raw(given["domain"]), raw(given["submission"]), 2**16 - 16
    text = bytes(i % 251 for i in range(given["bodyBytes"]))
    key = hmac.digest(raw(given["uploadKey"]), W(tag(f"{ROOT}/body-key"), 0), "sha256")
    count = -(-len(text) // piece)
    data = [b"gradroll/v1/body" + W(domain, submission, 0, i, count) for i in range(count)]
    cut = [text[i * piece : (i + 1) * piece] for i in range(count)]
    sealed = [aead(key, i.to_bytes(12, "big"), cut[i], data[i]) for i in range(count)]
    rests = [bytes(32)]
    for chunk in reversed(sealed):
        rests.insert(0, sha256(chunk + rests[0]).digest())
    needs = [0 if p == given["without"] else 1 for p in range(len(given["parts"]))]
    digests = [sha256(raw(part)).digest() for part in given["parts"]]
    listed = [word for pair in zip(digests, needs, strict=True) for word in pair]
    manifest = tagged("manifest", len(needs), *listed, 1, rests[0], count)
    upload = keccak(W(keccak(b"Upload(bytes32 submission,bytes32 manifest)"), submission, manifest))
    return {
        "key": key.hex(),
        "data": [each.hex() for each in data],
        "infos": [
            (b"gradroll/v1/part" + W(domain, submission, p, need, count if need else 0)).hex()
            for p, need in enumerate(needs)
        ],
        "chunks": [keccak(chunk).hex() for chunk in sealed],
        "rests": [rest.hex() for rest in rests[1:]],
        "root": rests[0].hex(),
        "upload": keccak(b"\x19\x01" + domain + upload).hex(),
    }


def sumshare(given: Fields) -> Fields:
    """A share of a private sum in one piece, and the list with it alone."""
    names = (raw(given["domain"]), given["taskId"], given["round"], raw(given["batchId"]), given["prover"])
    info = b"gradroll/v1/sum-share" + W(*names, raw(given["sumKey"]))
    share = raw(given["share"])
    text = b"".join(share[at : at + 32][::-1] for at in range(0, len(share), 32))
    piece = aead(raw(given["contentKey"]), bytes(12), text, info + W(0, 1))
    sealed = raw(given["head"]) + piece
    return {
        "info": info.hex(),
        "piece": piece.hex(),
        "body": sha256(sealed).digest().hex(),
        "kept": (b"\xff\x01\x01" + bytes((given["prover"],)) + raw(given["signature"]) + sealed).hex(),
    }


# --- 4 shares -----------------------------------------------------------------------------------------------------


def share_of(payload: bytes, d: int, size: int, threshold: int, prover: int) -> list[int]:
    """The share in a payload of any form, d + 192 elements."""
    form, body, total = payload[0], payload[1:], d + 192
    if form == 0:
        return expand(body, total)
    if form == 1:
        return [int.from_bytes(body[32 * i : 32 * i + 32], "little") for i in range(total)]
    x, exempt, body = prover + 1, list(body[:threshold]), body[threshold:]
    out = [0] * total
    bits = 103 - (comb(size, threshold) - 1).bit_length()
    for members in combinations(range(size), threshold):
        if prover in members:
            continue
        seed, body = body[:32], body[32:]
        masks = bounded(seed, bits, d) + expand(seed, 192)
        out = [(a - vanishing(members, x) * b) % R for a, b in zip(out, masks, strict=True)]
    if prover not in exempt:
        small = [int.from_bytes(body[13 * j : 13 * j + 13], "little") - 2**102 for j in range(d)]
        rest = [int.from_bytes(body[13 * d + 32 * i : 13 * d + 32 * i + 32], "little") for i in range(192)]
        out = [(a + vanishing(exempt, x) * b) % R for a, b in zip(out, small + rest, strict=True)]
    return out


def shares(given: Fields) -> Fields:
    d, size, threshold = given["dimension"], given["provers"], given["threshold"]
    held = [share_of(raw(p), d, size, threshold, prover) for prover, p in enumerate(given["payloads"])]
    weights = lagrange_at(range(1, threshold + 2), 0)
    opened = [sum(w * held[p][i] for p, w in enumerate(weights)) % R for i in range(d + 192)]
    first = number(keccak(raw(given["commitment"]))) % size
    return {
        "digests": [sha256(raw(p)).hexdigest() for p in given["payloads"]],
        "shares": [keccak(packed(share)).hex() for share in held],
        "vector": packed(opened).hex(),
        "exempt": [p for p in range(size) if (p - first) % size < threshold],
    }


# --- 5 and 6: one prover's steps ------------------------------------------------------------------------------------


def signs(seed: bytes, row: int, d: int) -> list[int]:
    data = stream(seed, b"gr/signs" + row.to_bytes(4, "little"), 64 * -(-d // 256))
    out = []
    for column in range(d):
        block, i = divmod(column, 256)
        low = data[64 * block + i // 8] >> i % 8 & 1
        high = data[64 * block + 32 + i // 8] >> i % 8 & 1
        out.append(low - high)
    return out


def dot(a: Sequence[int], b: Sequence[int]) -> int:
    return sum(x * y for x, y in zip(a, b, strict=True)) % R


def steps(given: Fields) -> Fields:
    """What prover ``given["prover"]`` sends in one attempt, but for points."""
    d, size, t = given["dimension"], given["provers"], given["threshold"]
    me, party = given["prover"], Shared(given["provers"], given["prover"], given["keys"])
    cohort, session = raw(given["cohort"]), raw(given["session"])
    seed = tagged("signs", cohort, number(raw(given["coin"])))
    matrix = [signs(seed, row, d) for row in range(ROWS)]
    vectors = [share_of(raw(p), d, size, t, me) for p in given["payloads"]]
    psi = challenge(tagged("dealing", seed))
    projected: list[int] = []
    for v in vectors:
        s, mu, bits, c = v[d], v[d + 1 : d + 129], v[d + 129 : d + 191], v[d + 191]
        projected += [(dot(row, v[:d]) + m) % R for row, m in zip(matrix, mu, strict=True)]
        projected.append((c + psi * s + sum(pow(psi, 2 + e, R) * bit for e, bit in enumerate(bits))) % R)
    mask = party.random(session, 2, d + 129)
    rows = [mask[:d], *(v[:d] for v in vectors)]
    pairs = [(i, j) for i in range(len(rows)) for j in range(i, len(rows))]
    x, zeros = party.random(session, 3, len(pairs)), party.zero(session, 4, len(pairs))
    masked = [(dot(rows[i], rows[j]) + x[k] + zeros[k]) % R for k, (i, j) in enumerate(pairs)]
    z_0 = [(dot(row, mask[:d]) + m) % R for row, m in zip(matrix, mask[d + 1 :], strict=True)]
    sent = {p: scalars(raw(body)[64 + 32 * ROWS :]) for p, body in enumerate(given["maskBodies"])}
    weights = lagrange_at([p + 1 for p in sent][: 2 * t + 1], 0)
    opened = [sum(w * sent[p][k] for p, w in enumerate(weights)) % R for k in range(len(pairs))]
    gram = dict(zip(pairs, ((o - own) % R for o, own in zip(opened, x, strict=True)), strict=True))
    chi = challenge(tagged("validity", seed, session))
    residuals = []
    for i, v in enumerate(vectors, start=1):
        bits = v[d + 129 : d + 191]
        slack = given["bound"] - gram[i, i] - sum(bit << e for e, bit in enumerate(bits))
        residuals.append(sum(pow(chi, e, R) * (b * b - b) for e, b in enumerate(bits)) + pow(chi, BITS, R) * slack)
    residuals = [(a + b) % R for a, b in zip(residuals, party.zero(session, 5, len(vectors)), strict=True)]
    seen = bytes(32)
    for step, name in ((3, "maskBodies"), (4, "validateBodies")):
        seen = keccak(seen + b"".join(message_of(session, step, p, raw(b)) for p, b in enumerate(given[name])))
    rho = [challenge(raw(given["batchId"]))]
    while len(rho) < len(rows):
        rho.append(rho[-1] ** 2 % R)
    combined = [dot(rho, column) for column in zip(mask, *(v[: d + 129] for v in vectors), strict=True)]
    norm = sum(rho[i] * rho[j] * (1 if i == j else 2) * gram[i, j] for i, j in pairs) % R
    total = [sum(column) % R for column in zip(*(v[: d + 129] for v in vectors), strict=True)]
    return {
        "coinShare": packed(party.random(cohort, 1, 1)).hex(),
        "project": keccak(packed(projected)).hex(),
        "maskScalars": keccak(packed([*z_0, *masked])).hex(),
        "residuals": packed(residuals).hex(),
        "confirm": given["batchId"] + seen.hex(),
        "combine": sha256(packed(combined, "little")).hexdigest() + packed([norm]).hex(),
        "release": sha256(packed(total, "little")).hexdigest(),
        "gramBlinder": packed(party.random(session, 6, 1)).hex(),
        "proofBlinders": packed(party.random(session, 7, 2)).hex(),
        "proofZero": packed(party.zero(session, 8, 1)).hex(),
    }


# --- 7 the circuit and its key ----------------------------------------------------------------------------------------

Combination = dict[int, int]


def circuit_digest(capacity: int, graded: bool = False) -> bytes:
    rows, known = capacity + 1, 7 if graded else 4
    pairs = [(i, j) for i in range(rows) for j in range(i, rows)]
    gram = {pair: known + k for k, pair in enumerate(pairs)}
    noise = {i: known + len(pairs) + i - 2 for i in range(2, rows)} if graded else {}
    blinder = known + len(pairs) + len(noise)
    wires = blinder + 1
    constraints: list[tuple[Combination, Combination, Combination]] = []

    def product(left: Combination, right: Combination) -> int:
        nonlocal wires
        constraints.append((left, right, {wires: 1}))
        wires += 1
        return wires - 1

    rho = [1]
    for _ in range(capacity):
        rho.append(product({rho[-1]: 1}, {rho[-1]: 1}))
    sums = []
    for i in range(rows):
        terms = [product({gram[i, j]: 1 if i == j else 2}, {rho[j]: 1}) for j in range(i, rows)]
        sums.append(dict.fromkeys(terms, 1))
    last = [product(sums[i], {rho[i]: 1}) for i in range(rows)]
    constraints.append((dict.fromkeys(last, 1), {0: 1}, {2: 1}))
    in_range = [(BITS, {3: 1, gram[i, i]: -1}) for i in range(1, rows)] + [(NOISE, {n: 1}) for n in noise.values()]
    for count, value in in_range:
        bits = list(range(wires, wires + count))
        wires += count
        constraints += [({b: 1}, {b: 1}, {b: 1}) for b in bits]
        constraints.append(({b: 1 << e for e, b in enumerate(bits)}, {0: 1}, value))
    summed: Combination = {}
    for i in reversed(noise):
        scaled = product({gram[1, i]: 1}, {4: 1})
        summed = {product({scaled: 1, noise[i]: 1, **summed}, {5: 1}): 1}
    if graded:
        constraints.append((summed, {0: 1}, {6: 1}))
    constraints.append(({blinder: 1}, {}, {}))
    head = W(tag("gradroll/v1/circuit"), len(constraints), wires, known, len(pairs) + len(noise) + 1)
    return keccak(head + b"".join(_matrix([c[side] for c in constraints]) for side in range(3)))


def _matrix(rows: list[Combination]) -> bytes:
    pointers, columns, coefficients = [0], b"", b""
    for row in rows:
        for wire in sorted(row):
            columns += wire.to_bytes(4, "little")
            coefficients += packed([row[wire]], "little")
        pointers.append(pointers[-1] + len(row))
    return W(pointers[-1]) + b"".join(p.to_bytes(4, "little") for p in pointers) + columns + coefficients


def policy(given: Fields) -> Fields:
    circuit = circuit_digest(given["capacity"])
    points = b"".join(raw(given[name]) for name in ("alpha", "beta", "gamma", "delta", "sigma", "tau"))
    head = W(tag("gradroll/v1/policy-key"), circuit, given["capacity"]) + points
    inputs = given["inputs"]
    return {
        "circuit": circuit.hex(),
        "keyHash": keccak(head + W(len(inputs)) + b"".join(map(raw, inputs))).hex(),
    }


# --- 9 transcript, 11 encodings ---------------------------------------------------------------------------------------

PROOF = (
    "mask", "gram", "knowledge", "a", "b", "c", "squareNorm", "s", "j", "aZeta", "sZeta", "sOmegaZeta", "w1", "w2",
    "sum", "seed", "projectionsDigest",
)  # fmt: skip
"""In the order of the certificate."""


def certificate_of(given: Fields) -> bytes:
    context, headers = given["context"], given["headers"]
    head = W(context["chainId"]) + raw(context["market"]) + raw(context["deployment"])
    head += W(context["taskId"], raw(context["termsHash"]), context["round"], raw(context["modelDigest"]))
    head += W(raw(context["policyKeyHash"]), context["bound"]) + raw(given["payee"])
    provers = len(headers[0]["shareDigests"])
    rule = given.get("rule")
    owners = len(headers) - (rule is not None)
    counts = (context["dimension"], len(given["cohort"]), owners, provers, len(given["attestations"]))
    out = (b"\x03" if rule is None else b"\x04") + head + b"".join(count.to_bytes(4, "big") for count in counts)
    if rule is not None:
        out += bytes([rule["step"], rule["dither"]]) + rule["minOwners"].to_bytes(4, "big")
    out += b"".join(map(raw, given["cohort"]))
    for h in headers:
        out += raw(h["owner"]) + h["index"].to_bytes(4, "big") + raw(h["commitment"])
        out += b"".join(map(raw, h["shareDigests"])) + raw(h["signature"]) + raw(h["dealingSignature"])
    out += b"".join(value.to_bytes(8, "big", signed=True) for value in given.get("values", ()))
    out += raw(given["coin"]) + b"".join(raw(given["proof"][name]) for name in PROOF)
    return out + b"".join(bytes([p]) + raw(signature) for p, signature in given["attestations"])


def batch(given: Fields) -> Fields:
    context, proof = given["context"], {name: raw(value) for name, value in given["proof"].items()}
    digest = keccak(b"".join(map(raw, given["projections"])))
    head = (domain_in(context), context["taskId"], raw(context["termsHash"]), context["round"])
    tail = (raw(context["modelDigest"]), raw(context["policyKeyHash"]), context["bound"], context["dimension"])
    first = tagged("context", *head, *tail, len(given["headers"]))
    owners = owners_hash(given["headers"])

    def absorb(name: str, state: bytes, *parts: bytes) -> bytes:
        return keccak(tag(f"{ROOT}/{name}") + state + b"".join(parts))

    opening = (owners, proof["mask"], proof["seed"], digest, proof["gram"], proof["knowledge"])
    rho = absorb("rho", first, *opening)
    zeta = absorb("zeta", rho, proof["squareNorm"], proof["s"], proof["j"])
    v = absorb("v", zeta, proof["aZeta"], proof["sZeta"], proof["sOmegaZeta"])
    u = absorb("u", v, *(proof[name] for name in ("w1", "w2", "sum", "a", "b", "c")))
    weights = [absorb(f"weight-{name}", u) for name in ("knowledge", "opening", "sum")]
    encoded = certificate_of(given)
    bundle = encoded + b"".join(map(raw, given["projections"])) + raw(given["row"])
    return {
        "projectionsDigest": digest.hex(),
        "owners": owners.hex(),
        "context": first.hex(),
        "batchId": rho.hex(),
        "states": {"zeta": zeta.hex(), "v": v.hex(), "u": u.hex()},
        "challenges": [packed([challenge(state)]).hex() for state in (rho, zeta, v, u, *weights)],
        "seed": tagged("signs", cohort_of(context, map(raw, given["cohort"])), number(raw(given["coin"]))).hex(),
        "certificate": keccak(encoded).hex(),
        "bundle": keccak(bundle).hex(),
    }


def graded(given: Fields) -> Fields:
    """The attempt of section 6 with a reference, and what comes of it."""
    context, rule, proof = given["context"], given["rule"], given["proof"]
    seed, session, random = raw(proof["seed"]), raw(given["session"]), scalars(raw(given["random"]))
    squares = keccak(W(tag("gradroll/v1/squares")) + packed(r * r for r in random))
    roots = [min(r, R - r) for r in random]
    noise_bits = [(r * pow(root, -1, R) + 1) * pow(2, -1, R) % R for r, root in zip(random, roots, strict=True)]
    noise = [sum(b << e for e, b in enumerate(noise_bits[at : at + 40])) for at in range(0, len(noise_bits), 40)]
    scale = (rule["dither"] << 40) // context["bound"]
    numbers = [scale * w + n for w, n in zip(given["products"], noise, strict=True)]
    digests = [submission_of(context, h)[2] for h in given["headers"]]
    names = (raw(context["deployment"]), context["taskId"], context["round"])
    keys = [tagged("owner", *names, raw(h["owner"])) for h in given["headers"][1:]]
    chosen = W(tag("gradroll/v1/graded-selection"), len(keys), digests[0]) + b"".join((*keys, *digests[1:]))
    where = (domain_in(context), context["taskId"], raw(context["termsHash"]), context["round"])
    model = (raw(context["modelDigest"]), raw(context["policyKeyHash"]), context["bound"], context["dimension"])
    first = tagged("context", *where, *model, len(given["headers"]))
    parts = [raw(proof[name]) for name in ("mask", "seed", "projectionsDigest", "gram", "knowledge")]
    rho = keccak(tag(f"{ROOT}/rho") + first + owners_hash(given["headers"]) + b"".join(parts))
    opened = keccak(b"".join(v.to_bytes(8, "big", signed=True) for v in numbers))
    psi = challenge(tagged("bit-check", seed, session, squares))
    combination = challenge(tagged("bit-combination", rho, raw(given["confirmed"])))
    bits = [bit for row in given["slackBits"] for bit in row] + noise_bits
    weights = [pow(psi, k, R) for k in range(len(bits))]
    mask = scalars(raw(given["checkMask"]))
    combined = [(m + combination * b) % R for m, b in zip(mask, bits, strict=True)]
    product = sum(w * c * c for w, c in zip(weights, combined, strict=True))
    not_bits = sum(w * (b * b - b) for w, b in zip(weights, bits, strict=True))
    slack = 0
    for i, (norm, row) in enumerate(zip(given["norms"], given["slackBits"], strict=True), start=1):
        slack += pow(combination, i, R) * (context["bound"] - norm - sum(b << e for e, b in enumerate(row)))
    return {
        "squares": squares.hex(),
        "psi": packed([psi]).hex(),
        "lambda": packed([combination]).hex(),
        "check": [packed([value]).hex() for value in (product, not_bits, slack)],
        "combined": keccak(packed(combined)).hex(),
        "numbers": numbers,
        "set": keccak(chosen).hex(),
        "lock": keccak(chosen).hex(),
        "rho": rho.hex(),
        "batchId": tagged("values", rho, rule["step"], rule["dither"], rule["minOwners"], opened).hex(),
        "certificate": keccak(certificate_of({**given, "values": numbers})).hex(),
    }


def payload(given: Fields) -> Fields:
    values, masks = given["values"], [int(m) for m in given["masks"]]
    width = next(b for b in range(1, 9) if all(-(2 ** (8 * b - 1)) <= v < 2 ** (8 * b - 1) for v in values))
    out = bytes([1, width]) + len(values).to_bytes(4, "big")
    out += b"".join(v.to_bytes(width, "big", signed=True) for v in values) + raw(given["blinder"])
    return {"payload": (out + b"".join(m.to_bytes(16, "big", signed=True) for m in masks)).hex()}


FILES: dict[str, Callable[[Fields], Fields]] = {
    "domains": domains,
    "market": market,
    "signed": signed,
    "manifests": manifests,
    "sessions": sessions,
    "ledger": ledger,
    "training": training,
    "prss": prss,
    "keys": keys,
    "sealing": sealing,
    "sumshare": sumshare,
    "shares": shares,
    "steps": steps,
    "policy": policy,
    "batch": batch,
    "graded": graded,
    "payload": payload,
}
"""By vector file: what gives its outputs."""
