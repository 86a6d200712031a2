"""Writes the vectors of this folder with the project's code; see README.md."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

import native
from circuits import payload as payloads
from circuits.foreignjson import parse_json
from circuits.hashing import challenge, keccak, tag, words
from circuits.policies.norm import NORM
from circuits.statement import BatchProof, Committee, Context, Membership, SubmissionHeader, domain_size, sign_seed
from circuits.terms import CommitteeTerms, MarketId, NewTask, Pay, Windows
from circuits.transcript import (
    FinalInputs,
    context_state,
    knowledge_weight,
    opening_weight,
    owners_hash,
    projections_digest,
    sum_weight,
    sumcheck_challenges,
    v_state,
    zeta_state,
)
from commons.protocol import sealedreplies
from commons.protocol.bodies import (
    CombineBody,
    ConfirmBody,
    MaskBody,
    SignatureBody,
    scalars_to_bytes,
    vector_digest,
)
from commons.protocol.bundle import AuditBundle
from commons.protocol.consents import ClaimOrder, registration_digest
from commons.protocol.gradedbodies import GradedCombineBody, checked_bits
from commons.protocol.hidingschemes import LINEAR, HidingScheme, Layer
from commons.protocol.keypackages import CommitteeReference, encode_keys, keys_digest, package_digest
from commons.protocol.ledgerheads import head_digest
from commons.protocol.manifests import BodyEntry, Manifest, PartEntry
from commons.protocol.memberships import Replacement, Rotation, registry_domain
from commons.protocol.messages import Message, Proposal, Step, StepReply, StepRequest, message_digest
from commons.protocol.modelmanifests import Block, ModelManifest
from commons.protocol.noisebits import check_challenge, combination_challenge, opened_check, squares_digest
from commons.protocol.receipts import availability_digest, receipt_digest
from commons.protocol.rules import probe_rho
from commons.protocol.sealedreplies import SealedShare
from commons.protocol.sealedsums import sealed_pieces
from commons.protocol.sumlabels import SumLabel
from commons.protocol.trainingdecisions import Decision, DecisionKind
from commons.protocol.trainingrules import Adam, Dyadic, ScheduleStep, TrainingRule
from commons.sharing import replicated
from commons.sharing import sealedbodies as bodies
from commons.sharing import sealing as hpke
from commons.sharing.prss import Purpose
from commons.sharing.reconstruct import open_vector
from commons.sharing.sharepayloads import (
    INTEGER_FORM,
    decode_payload,
    encode_dense,
    encode_seed,
    exempt_provers,
    payload_digest,
)
from coordinator.machine import Completed, advance, begin
from native import FrArray
from provers.joining import agreement
from provers.party.ledger import GradedSet, Member, Selection, joined_cohort, owner_key, round_key
from provers.party.masking import validity_challenge
from provers.party.steps import members_of
from tests.support.gradedattempt import GradedAttempt
from tests.support.gradednetwork import graded_with
from tests.support.network import BOUND, Network, network_with, shared_keys
from tests.support.parts import task_terms
from tests.support.plain_batch import seed_of

HERE = Path(__file__).parent
Fields = dict[str, Any]
DIMENSIONS = (1, 2, 3, 512, 513, 576, 577, 768, 769, 1024, 61_470, 270_896, 1 << 20, 1 << 28)
OWNERS = 2


def vector(inputs: Fields, outputs: Fields) -> Fields:
    """One file."""
    return {"inputs": inputs, "outputs": outputs}


def scalar(value: int) -> str:
    """A scalar's 32 bytes."""
    return value.to_bytes(32, "big").hex()


def ints(values: FrArray) -> str:
    """Scalars, 32 bytes each."""
    return scalars_to_bytes(values).hex()


# --- one honest batch -------------------------------------------------------------------------------------------


class Run:
    """One honest batch of two owners by four provers: every reply, by step and prover."""

    def __init__(self) -> None:
        self.network: Network = network_with(OWNERS)
        self.replies: dict[Step, dict[int, StepReply]] = {}
        network = self.network
        transition = begin(network.resources, network.cohort, attempt_number=1, reachable=range(network.provers))
        while transition.outcome is None:
            step = next(iter(transition.requests.values())).step
            replies = {p: network.deliver(p, r) for p, r in transition.requests.items()}
            self.replies[step] = {p: reply for p, reply in replies.items() if isinstance(reply, StepReply)}
            assert self.replies[step] == replies
            transition = advance(network.resources, transition.state, replies)
        assert isinstance(transition.outcome, Completed)
        self.done = transition.outcome
        self.bundle: AuditBundle = transition.outcome.bundle

    def body(self, step: Step, prover: int = 0) -> bytes:
        """What a prover sent in a step."""
        return self.replies[step][prover].message.body

    @property
    def session(self) -> bytes:
        """The attempt's."""
        return self.replies[Step.MASK][0].message.session


@cache
def run() -> Run:
    """The batch behind several files."""
    return Run()


def context_fields(context: Context) -> Fields:
    """A context."""
    return {
        "chainId": context.market.chain_id,
        "market": context.market.address.hex(),
        "deployment": context.market.deployment.hex(),
        "taskId": context.task_id,
        "termsHash": context.terms_hash.hex(),
        "round": context.round,
        "modelDigest": context.model_digest.hex(),
        "policyKeyHash": context.policy_key_hash.hex(),
        "bound": context.bound,
        "dimension": context.dimension,
    }


def header_fields(header: SubmissionHeader) -> Fields:
    """A header with its signatures."""
    return {
        "owner": header.owner.hex(),
        "index": header.owner_index,
        "commitment": header.commitment.hex(),
        "shareDigests": [digest.hex() for digest in header.share_digests],
        "signature": header.signature.hex(),
        "dealingSignature": header.dealing_signature.hex(),
    }


def key_fields(keys: Mapping[tuple[int, ...], bytes]) -> dict[str, str]:
    """Keys by the bit mask of their set."""
    return {str(sum(1 << p for p in members)): key.hex() for members, key in keys.items()}


# --- the files ---------------------------------------------------------------------------------------------------


def domains() -> Fields:
    """Sizes of evaluation domains, and their roots of unity."""
    sizes = [domain_size(d) for d in DIMENSIONS]
    return vector(
        {"dimensions": list(DIMENSIONS)},
        {"sizes": sizes, "roots": [scalar(native.root_of_unity(n)) for n in sizes]},
    )


TERM_NAMES = (
    "committeeId", "verifier", "coordinator", "dimension", "fractionBits", "bound", "minOwners", "capacity", "rounds",
    "submitWindow", "settleWindow", "permissioned", "inlinePayload", "token", "basePay", "bonusPay",
    "coordinatorBatchFee", "coordinatorGradientFee", "proverBatchFee", "proverGradientFee", "deposit", "lapseRounds",
    "claimWindow", "exitDelay", "availabilityWindow", "step", "dither", "referenceData",
    "manifest", "sumKey",
)  # fmt: skip


def named(names: Sequence[str], values: Sequence[bytes | int]) -> Fields:
    """Values by name, byte strings as hexadecimal."""
    shown = [value.hex() if isinstance(value, bytes) else value for value in values]
    return dict(zip(names, shown, strict=True))


def market() -> Fields:
    """Deployment, domains, identifiers, terms hash, what committees sign."""
    address, parent, creator, nonce = seed_of("market")[:20], seed_of("parent"), seed_of("model owner")[:20], 6
    place = MarketId(31337, address, keccak(words(tag("gradroll/v1/deployment"), 31337, address, parent)))
    new = NewTask(
        committee_id=3, verifier=seed_of("verifier")[:20], coordinator=seed_of("coordinator")[:20], dimension=650,
        fraction_bits=16, bound=1 << 40, min_owners=2, capacity=640, rounds=10, windows=Windows(3601, 3602),
        permissioned=True, pay=Pay(seed_of("token")[:20], 10**18, 11, 12, 13, 14, 15, 16), lapse_rounds=17,
        manifest=seed_of("manifest"), sum_key=seed_of("sum key"),
    )  # fmt: skip
    task = new.identifier(place.deployment, creator, nonce)
    terms = task_terms(new, market=place, task_id=task, creator=creator)
    registry, wanted = seed_of("registry")[:20], CommitteeTerms(1, seed_of("bond token")[:20], 18, 19, 20)
    signers, before = [seed_of("member", p)[:20] for p in range(4)], seed_of("block before the committee")
    committee = wanted.committee_id(31337, registry, creator, 21, before, signers)
    rotation = Rotation(committee, 2, seed_of("new member")[:20], seed_of("controller")[:20])
    replacement = Replacement(committee, 2, 22, rotation.signer, rotation.controller, 23)
    domain = registry_domain(31337, registry)
    inputs = {
        "chainId": 31337,
        "market": address.hex(),
        "parentHash": parent.hex(),
        "creator": creator.hex(),
        "nonce": nonce,
        "terms": named(TERM_NAMES, new.words),
        "committee": {
            "registry": registry.hex(),
            "creator": creator.hex(),
            "nonce": 21,
            "parentHash": before.hex(),
            **named(("threshold", "bondToken", "bond", "changeDelay", "unbondingDelay"), wanted.words),
            "signers": [signer.hex() for signer in signers],
        },
        "change": {
            "index": rotation.index,
            "nonce": replacement.nonce,
            "signer": rotation.signer.hex(),
            "controller": rotation.controller.hex(),
            "deadline": replacement.deadline,
        },
    }
    outputs = {
        "deployment": place.deployment.hex(),
        "domain": place.domain.hex(),
        "taskId": f"{task:016x}",
        "termsHash": terms.terms_hash.hex(),
        "committeeId": f"{committee:016x}",
        "registryDomain": domain.hex(),
        "membership": rotation.digest(domain).hex(),
        "replacement": replacement.digest(domain).hex(),
    }
    return vector(inputs, outputs)


def signed() -> Fields:
    """Digests of everything that is signed as typed data."""
    made, network = run().bundle, run().network
    context, header, account = network.context, made.statement.owners[0], seed_of("account")[:20]
    attested = made.certificate.attested(network.policy.verifier_code, network.terms.committee_id)
    order = ClaimOrder(context.task_id, 8, 9, 10, seed_of("recipient")[:20], 11, 12)
    posted = seed_of("posted")
    inputs = {
        "context": context_fields(context),
        "header": header_fields(header),
        "attested": {
            "batchId": attested.batch_id.hex(),
            "verifierCode": attested.verifier_code.hex(),
            "committeeId": attested.committee_id,
            "owners": attested.owners,
            "sum": attested.commitment_sum.hex(),
            "squareNorm": scalar(attested.square_norm),
            "payee": attested.payee.hex(),
        },
        "availability": {"challenge": 13, "posted": posted.hex()},
        "account": account.hex(),
        "claim": named(("index", "from", "through", "recipient", "maxTip", "deadline"), order.words[1:]),
    }
    dealing = header.digest(context)
    outputs = {
        "submission": header.submission_digest(context).hex(),
        "sharesRoot": header.shares_root.hex(),
        "dealing": dealing.hex(),
        "receipt": receipt_digest(context.market, dealing).hex(),
        "attestation": attested.digest(context).hex(),
        "availability": availability_digest(context.market, attested.batch_id, 13, posted).hex(),
        "registration": registration_digest(context.market, context.task_id, context.terms_hash, account).hex(),
        "claim": order.digest(context.market).hex(),
    }
    return vector(inputs, outputs)


def manifests() -> Fields:
    """Model manifests: of two blocks; with a training rule; of a hidden model."""
    blocks = (Block("dense.weight", 6, 20), Block("dense.bias", 2, 31))
    rule = TrainingRule(Adam(), Dyadic(3, 5), 12, decay=Dyadic(1, 9), schedule=(ScheduleStep(4, Dyadic(1, 1)),))
    scheme = HidingScheme((3,), (Layer(LINEAR, 4), Layer(LINEAR, 2)), (0, 0), (0.75, -1.1))
    hidden = tuple(Block(name, length, 5 + n) for n, (name, length) in enumerate(scheme.blocks()))
    made = {
        "blocks": ModelManifest(blocks, 8), "training": ModelManifest(blocks, 8, rule),
        "hiding": ModelManifest(hidden, scheme.model_length, hiding=scheme),
    }  # fmt: skip
    outputs = {name: {"json": each.encoded.decode(), "digest": each.digest.hex()} for name, each in made.items()}
    return vector({name: parse_json(each.encoded) for name, each in made.items()}, outputs)


def proposal_fields(proposal: Proposal) -> Fields:
    """A proposal but for its cohort."""
    return {
        "attempt": proposal.attempt,
        "kept": list(proposal.kept),
        "active": list(proposal.active),
        "probe": proposal.probe,
        "nonces": [nonce.hex() for nonce in proposal.nonces],
    }


def message_fields(message: Message) -> Fields:
    """A message but for its signature."""
    return {
        "session": message.session.hex(),
        "step": int(message.step),
        "sender": message.sender,
        "body": message.body.hex(),
    }


def sessions() -> Fields:
    """Sessions, challenges of provers, digests of messages."""
    cohort, coin = run().network.cohort, run().bundle.certificate.coin
    nonces = tuple(party.nonce for party in run().network.parties)
    attempt = Proposal(cohort.cohort_id, 1, (0, 1), (0, 1, 2, 3), nonces)
    probe = Proposal(cohort.cohort_id, 9, (1,), (0, 1, 3), (nonces[0], nonces[1], nonces[3]), probe=True)
    assert attempt.digest == run().session
    seed, commitment, body = sign_seed(cohort.cohort_id, coin), run().bundle.proof.mask_commitment, b"a body"
    relayed = tuple(Message(attempt.digest, Step.PROVE, p, bytes([p]), b"") for p in (0, 3))
    request = StepRequest(Step.ATTEST, attempt.digest, relayed=relayed, payload=b"a bundle", owner=1)
    inputs = {
        "context": context_fields(cohort.context),
        "headers": [header_fields(h) for h in cohort.headers],
        "coin": scalar(coin),
        "proposal": proposal_fields(attempt),
        "probe": proposal_fields(probe),
        "maskCommitment": commitment.hex(),
        "message": {"step": int(Step.VALIDATE), "sender": 2, "body": body.hex()},
        "request": {
            "step": int(request.step),
            "owner": request.owner,
            "relayed": [message_fields(message) for message in relayed],
            "payload": request.payload.hex(),
        },
    }
    outputs = {
        "cohort": cohort.cohort_id.hex(),
        "seed": seed.hex(),
        "psi": scalar(challenge(keccak(words(tag("gradroll/v1/dealing"), seed)))),
        "proposal": attempt.digest.hex(),
        "probe": probe.digest.hex(),
        "chi": scalar(validity_challenge(seed, attempt.digest)),
        "probeRho": scalar(probe_rho(probe.digest, owners_hash(cohort.headers[1:]), commitment)),
        "authorization": request.asked.hex(),
        "message": message_digest(attempt.digest, Step.VALIDATE, 2, body).hex(),
    }
    return vector(inputs, outputs)


def ledger() -> Fields:
    """Keys of the ledger, and the digest of its head."""
    context, headers = run().network.context, run().network.headers
    members = [
        Member(owner_key(context, h.owner), keccak(h.commitment), h.digest(context)) for h in headers
    ]  # the lock is by the first, the cohort by both, the sum over the third
    head, shared = seed_of("head"), run().network.parties[0].keys.keys
    keyed = run().network.reference, keys_digest(shared)
    inputs = {
        "deployment": context.market.deployment.hex(),
        "taskId": context.task_id,
        "round": context.round,
        "owners": [h.owner.hex() for h in headers],
        "dealings": [m.submission.hex() for m in members],
        "domain": context.market.domain.hex(),
        "committeeId": run().network.terms.committee_id,
        "head": {"prover": 2, "count": 17, "digest": head.hex()},
        "cohort": run().network.cohort.cohort_id.hex(),
        "committee": run().network.reference.hex(),
        "keys": key_fields(shared),
    }
    outputs = {
        "ownerKeys": [m.owner.hex() for m in members],
        "roundKey": round_key(context).hex(),
        "selection": Selection.plain(members).digest.hex(),
        "joined": joined_cohort(run().network.cohort.cohort_id, *keyed).hex(),
        "head": head_digest(context.market.domain, run().network.terms.committee_id, 2, 17, head).hex(),
    }
    return vector(inputs, outputs)


def training() -> Fields:
    """Digests of what a model owner decides of a training."""
    place = MarketId(31337, seed_of("market")[:20], seed_of("deployment"))
    context = Context(place, 7, seed_of("terms"), 8, seed_of("model"), seed_of("policy key"), BOUND, 5)
    about, metric = (context.task_id, context.terms_hash, context.round, context.model_digest), -1_234_567
    decisions = {"metric": Decision(*about, DecisionKind.METRIC, metric), "stop": Decision(*about, DecisionKind.STOP)}
    outputs = {name: decision.digest(context.market).hex() for name, decision in decisions.items()}
    return vector({"context": context_fields(context), "metric": metric}, outputs)


def prss() -> Fields:
    """Shared random values and zeros of a committee of seven."""
    parties, session, count = shared_keys(2, 7), seed_of("session"), 3
    inputs = {
        "provers": 7,
        "keys": [key_fields(party.keys) for party in parties],
        "session": session.hex(),
        "purpose": int(Purpose.PRODUCT_MASK),
        "count": count,
    }
    outputs = {
        "random": [ints(party.random(session, Purpose.PRODUCT_MASK, count)) for party in parties],
        "zero": [ints(party.zero(session, Purpose.PRODUCT_MASK, count)) for party in parties],
    }
    return vector(inputs, outputs)


def keys() -> Fields:
    """What is signed while the committee's keys are set up."""
    party, sealed = shared_keys(1, 4)[0], b"a sealed package"
    reference = CommitteeReference(31337, seed_of("registry")[:20], party.committee)
    hashes = agreement.commitments(party)
    inputs = {
        "chainId": reference.chain_id,
        "registry": reference.registry.hex(),
        "committeeId": party.committee.committee_id,
        "threshold": party.committee.threshold,
        "members": [member.hex() for member in party.committee.members],
        "dealer": 0,
        "recipient": 2,
        "sealed": sealed.hex(),
        "keys": key_fields(party.keys),
    }
    outputs = {
        "committee": reference.digest.hex(),
        "plaintext": encode_keys(party.keys).hex(),
        "package": package_digest(reference, 0, 2, sealed).hex(),
        "hashes": key_fields(hashes),
        "confirmation": agreement.confirmation_digest(reference.digest, hashes).hex(),
        "info": hpke.keys_info(reference.digest, 0, 2).hex(),
    }
    return vector(inputs, outputs)


def sealing() -> Fields:
    """Labels of parts, and a body with what its owner signs of the upload."""
    domain, submission, key = run().network.context.market.domain, seed_of("a dealing"), seed_of("an upload's key")
    plaintext = bytes(i % 251 for i in range(bodies.PIECE + 5))
    label = bodies.BodyLabel(domain, submission, 0, bodies.chunk_count(len(plaintext)))
    body = bodies.SealedBody(bodies.body_key(key, 0), memoryview(plaintext), label)
    parts = [seed_of("a sealed part", p) + bytes(17) for p in range(4)]
    entries = [PartEntry(hashlib.sha256(part).digest(), None if p == 2 else 0) for p, part in enumerate(parts)]
    manifest = Manifest(tuple(entries), (BodyEntry(body.root, body.count),))
    context = run().network.context
    inputs = {
        "domain": domain.hex(),
        "submission": submission.hex(),
        "uploadKey": key.hex(),
        "bodyBytes": len(plaintext),
        "parts": [part.hex() for part in parts],
        "without": 2,
    }
    outputs = {
        "key": bodies.body_key(key, 0).hex(),
        "data": [label.data(i).hex() for i in range(label.chunks)],
        "infos": [
            hpke.PartLabel(domain, submission, p, e.body, manifest.chunks_for(p)).info.hex()
            for p, e in enumerate(entries)
        ],
        "chunks": [keccak(body.chunk(i).sealed).hex() for i in range(body.count)],
        "rests": [body.chunk(i).rest.hex() for i in range(body.count)],
        "root": body.root.hex(),
        "upload": manifest.digest(context, submission).hex(),
    }
    return vector(inputs, outputs)


def shares(size: int, threshold: int, *, in_integers: bool) -> Fields:
    """All payloads of one dealing."""
    committee = Committee(1, threshold, tuple(seed_of("member", p)[:20] for p in range(size)))
    dimension = 6
    values = native.from_int64(np.array([3, -1, 0, 1 << 30, -(1 << 30), 7]))
    rest, commitment = native.expand(seed_of("rest"), 192), native.g1_mul(native.g1_generator, 5)
    exempt = exempt_provers(commitment, committee)
    if in_integers:
        seeds = [seed_of("mask", c) for c in range(replicated.seed_count(committee))]
        made = [bytes((INTEGER_FORM,)) + b for b in replicated.deal(values, rest, committee, exempt, seeds)]
    else:
        made = _in_scalars(np.concatenate((values, rest)), committee, exempt)
    held = [decode_payload(raw, dimension, Membership(committee, p)) for p, raw in enumerate(made)]
    inputs = {
        "dimension": dimension,
        "provers": size,
        "threshold": threshold,
        "commitment": commitment.hex(),
        "payloads": [raw.hex() for raw in made],
    }
    outputs = {
        "digests": [payload_digest(raw).hex() for raw in made],
        "shares": [keccak(scalars_to_bytes(share)).hex() for share in held],
        "vector": ints(np.concatenate((values, rest))),
        "exempt": list(exempt),
    }
    return vector(inputs, outputs)


def _in_scalars(secret: FrArray, committee: Committee, exempt: Sequence[int]) -> list[bytes]:
    seeds = {p: seed_of("seed", p) for p in exempt}
    fixed = [(p + 1, native.expand(seed, len(secret))) for p, seed in seeds.items()]
    others = [p for p in range(committee.size) if p not in seeds]
    solved = dict(zip(others, native.shamir_share_seeded(secret, fixed, [p + 1 for p in others]), strict=True))
    return [encode_seed(seeds[p]) if p in seeds else encode_dense(solved[p]) for p in range(committee.size)]


def steps() -> Fields:
    """What prover 0 sends in the honest batch."""
    batch, network, me = run(), run().network, 0
    session, cohort, party = batch.session, network.cohort, network.parties[me]
    mask = MaskBody.decode(batch.body(Step.MASK), OWNERS)
    network.accept(batch.done)
    released = network.deliver(me, release_request(batch))
    combined = batch.replies[Step.COMBINE][me]
    assert isinstance(released, StepReply)
    assert combined.vector is not None
    assert CombineBody.decode(combined.message.body).digest == vector_digest(combined.vector)
    everybody = range(network.provers)
    inputs = {
        "dimension": network.dimension,
        "provers": network.provers,
        "threshold": network.threshold,
        "prover": me,
        "bound": BOUND,
        "keys": key_fields(party.keys.keys),
        "payloads": [network.memories[me].payloads[d].hex() for d in cohort.digests],
        "cohort": cohort.cohort_id.hex(),
        "coin": scalar(batch.bundle.certificate.coin),
        "session": session.hex(),
        "maskBodies": [batch.body(Step.MASK, p).hex() for p in everybody],
        "validateBodies": [batch.body(Step.VALIDATE, p).hex() for p in everybody],
        "batchId": batch.done.batch_id.hex(),
    }
    outputs = {
        "coinShare": batch.body(Step.COIN)[:32].hex(),
        "project": keccak(batch.body(Step.PROJECT)).hex(),
        "maskScalars": keccak(scalars_to_bytes(np.concatenate((mask.projections, mask.products)))).hex(),
        "residuals": batch.body(Step.VALIDATE)[: 32 * OWNERS].hex(),
        "confirm": batch.body(Step.CONFIRM).hex(),
        "combine": batch.body(Step.COMBINE).hex(),
        "release": released.message.body.hex(),
        "gramBlinder": ints(party.keys.random(session, Purpose.GRAM_BLINDER, 1)),
        "proofBlinders": ints(party.keys.random(session, Purpose.PROOF_BLINDERS, 2)),
        "proofZero": ints(party.keys.zero(session, Purpose.PROOF_ZERO, 1)),
    }
    assert SignatureBody.decode(batch.body(Step.ATTEST)).signature == batch.bundle.certificate.attestations[me][1]
    return vector(inputs, outputs)


def release_request(batch: Run) -> Any:
    """RELEASE with the batch's certificate."""
    from commons.protocol import release  # noqa: PLC0415

    return release.requests(batch.bundle.certificate, [0])[0]


def policy() -> Fields:
    """A circuit's digest and the hash of a verifying key of it."""
    key = run().network.setup.verifying
    inputs = {"capacity": key.capacity, "inputs": [point.hex() for point in key.inputs]}
    inputs |= {name: getattr(key, name).hex() for name in ("alpha", "beta", "gamma", "delta", "sigma", "tau")}
    circuit = NORM.circuit(key.capacity).circuit.digest
    return vector(inputs, {"circuit": circuit.hex(), "keyHash": key.key_hash.hex()})


def proof_fields(proof: BatchProof) -> Fields:
    """A proof."""
    check = proof.sumcheck
    return {
        "mask": proof.mask_commitment.hex(),
        "gram": proof.gram.hex(),
        "knowledge": proof.knowledge.hex(),
        "a": proof.groth.a.hex(),
        "b": proof.groth.b.hex(),
        "c": proof.groth.c.hex(),
        "squareNorm": scalar(proof.square_norm),
        "s": check.s.hex(),
        "j": check.q.hex(),
        "aZeta": scalar(check.a_zeta),
        "sZeta": scalar(check.s_zeta),
        "sOmegaZeta": scalar(check.s_omega_zeta),
        "w1": check.w1.hex(),
        "w2": check.w2.hex(),
        "sum": proof.commitment_sum.hex(),
        "seed": proof.sign_seed.hex(),
        "projectionsDigest": proof.projections_digest.hex(),
    }


def batch() -> Fields:
    """Transcript, certificate and bundle of the honest batch."""
    bundle, certificate = run().bundle, run().bundle.certificate
    statement, proof, check = bundle.statement, bundle.proof, bundle.proof.sumcheck
    context = statement.context
    inputs = {
        "context": context_fields(context),
        "headers": [header_fields(h) for h in statement.owners],
        "payee": certificate.payee.hex(),
        "cohort": [digest.hex() for digest in certificate.cohort],
        "coin": scalar(certificate.coin),
        "proof": proof_fields(proof),
        "attestations": [[prover, signature.hex()] for prover, signature in certificate.attestations],
        "projections": [ints(z) for z in bundle.projections],
        "row": ints(bundle.row),
    }
    final = FinalInputs(proof.groth, proof.commitment_sum)
    challenges = sumcheck_challenges(certificate.batch_id, proof.square_norm, check, final)
    zeta = zeta_state(certificate.batch_id, proof.square_norm, check.s, check.q)
    u = challenges.state
    weights = (knowledge_weight(u), opening_weight(u), sum_weight(u))
    drawn = (challenge(certificate.batch_id), challenges.zeta, challenges.v, challenges.u, *weights)
    outputs = {
        "projectionsDigest": projections_digest(bundle.projections).hex(),
        "owners": owners_hash(statement.owners).hex(),
        "context": context_state(context, statement.size).hex(),
        "batchId": certificate.batch_id.hex(),
        "states": {
            "zeta": zeta.hex(),
            "v": v_state(zeta, check.a_zeta, check.s_zeta, check.s_omega_zeta).hex(),
            "u": u.hex(),
        },
        "challenges": [scalar(value) for value in drawn],
        "seed": proof.sign_seed.hex(),
        "certificate": keccak(certificate.encode()).hex(),
        "bundle": keccak(bundle.encode()).hex(),
    }
    return vector(inputs, outputs)


def graded() -> Fields:
    """A graded attempt of two owners: noise, check of the bits, numbers, the locked set, the certificate."""
    attempt = GradedAttempt(graded_with([1000, -400]))
    attempt.begin()
    attempt.through(Step.PROVE)
    certificate, session, parties = attempt.bundle().certificate, attempt.proposal.digest, attempt.network.parties
    statement, cohort = certificate.statement, attempt.cohort
    confirm = ConfirmBody.decode(attempt.said[Step.CONFIRM][0].body)
    length, opened_of = checked_bits(len(statement.rows)), partial(open_vector, degree=1, liars=1, what="vector")
    drawn = opened_of({p: of.keys.random(cohort.cohort_id, Purpose.NOISE, 80) for p, of in enumerate(parties)})
    mask = opened_of({p: of.keys.random(session, Purpose.CHECK_MASK, length) for p, of in enumerate(parties)})
    memories = attempt.network.memories
    slack = [opened_of({p: m.shares(d).bits for p, m in enumerate(memories)}) for d in cohort.digests]
    norms = [sum(int(v) ** 2 for v in plan.gradient) for plan in (*attempt.network.copies, *attempt.network.plans)]
    context, rule = statement.context, attempt.network.rule
    inputs = {
        "context": context_fields(context),
        "rule": {"step": rule.step, "dither": rule.dither, "minOwners": rule.min_owners},
        "headers": [header_fields(h) for h in statement.rows],
        "payee": certificate.payee.hex(),
        "cohort": [digest.hex() for digest in certificate.cohort],
        "coin": scalar(certificate.coin),
        "proof": proof_fields(certificate.proof),
        "attestations": [],
        "session": session.hex(),
        "confirmed": confirm.broadcasts.hex(),
        "random": ints(drawn),
        "checkMask": ints(mask),
        "slackBits": [[int(bit) for bit in native.to_ints(bits)] for bits in slack],
        "norms": norms,
        "products": attempt.network.products(),
    }
    said = {p: GradedCombineBody.decode(m.body, len(statement.rows)) for p, m in attempt.said[Step.COMBINE].items()}
    check = opened_check(said, 1)
    squares = squares_digest(native.mul(drawn, drawn))
    members = members_of(context, statement.rows)
    outputs = {
        "squares": squares.hex(),
        "psi": scalar(check_challenge(certificate.proof.sign_seed, session, squares)),
        "lambda": scalar(combination_challenge(confirm.state, confirm.broadcasts)),
        "check": [scalar(value) for value in (check.product, check.not_bits, check.slack)],
        "combined": keccak(scalars_to_bytes(check.combined)).hex(),
        "numbers": list(attempt.values),
        "set": GradedSet.of(members).digest.hex(),
        "lock": attempt.said[Step.LOCK][0].body.hex(),
        "rho": certificate.rho_state.hex(),
        "batchId": certificate.batch_id.hex(),
        "certificate": keccak(certificate.encode()).hex(),
    }
    return vector(inputs, outputs)


def payload() -> Fields:
    """An encoded sum."""
    values = [5, -129, 200, 0, -1]
    masks = [(-1) ** i * (i << 100) for i in range(128)]
    blinder = native.expand(seed_of("blinder"), 1)
    tail = np.concatenate((blinder, native.from_ints([m % native.R for m in masks])))
    encoded = payloads.encode(payloads.Aggregate(np.array(values), tail))
    inputs = {"values": values, "blinder": ints(blinder), "masks": [str(m) for m in masks]}
    return vector(inputs, {"payload": encoded.hex()})


def sumshare() -> Fields:
    """A share of a private sum, and what a coordinator keeps of it; what HPKE seals is made up."""
    context = run().network.context
    key, content, prover = seed_of("key for sums"), seed_of("content key"), 2
    label = SumLabel.of(context, seed_of("batch"), prover, key)
    share = native.expand(seed_of("share of a sum"), 3)
    (piece,) = sealed_pieces(share, content, label)
    head, signature = bytes(range(80)), bytes(64) + b"\x1b"
    kept = SealedShare(prover, signature, head + piece)
    inputs = {
        "domain": label.domain.hex(), "taskId": label.task_id, "round": label.round, "batchId": label.batch_id.hex(),
        "prover": prover, "sumKey": key.hex(), "contentKey": content.hex(), "share": ints(share), "head": head.hex(),
        "signature": signature.hex(),
    }  # fmt: skip
    outputs = {
        "info": label.info.hex(), "piece": piece.hex(), "body": kept.reply(label.batch_id).message.body.hex(),
        "kept": sealedreplies.encode([kept]).hex(),
    }  # fmt: skip
    return vector(inputs, outputs)


FILES: dict[str, Callable[[], Fields]] = {
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
    "shares_4_1": lambda: shares(4, 1, in_integers=True),
    "shares_7_2": lambda: shares(7, 2, in_integers=True),
    "shares_4_1_scalars": lambda: shares(4, 1, in_integers=False),
    "steps": steps,
    "policy": policy,
    "batch": batch,
    "graded": graded,
    "payload": payload,
    "sumshare": sumshare,
}


def main() -> None:
    """Write every file."""
    for name, make in FILES.items():
        (HERE / f"{name}.json").write_text(json.dumps(make(), indent=1) + "\n")


if __name__ == "__main__":
    main()
