"""Provers sign the exclusion of an owner that cheats, and of nobody else, whatever coordinator and t provers show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import native
from circuits.errors import RuleViolationError, SignatureError, UnknownError, WireError
from commons.protocol.bodies import ProjectBody, SignatureBody, ValidateBody
from commons.protocol.messages import Message, Step, StepReply, StepRequest
from commons.protocol.receipts import exclusion_digest
from commons.protocol.replies import Failure
from commons.protocol.signing import sign_digest, signs
from coordinator.machine import OwnerRejected, OwnerSetAside
from tests.simulation.test_cheating_owners import CHEATS, IDS, Cheat, network_of, off, too_long
from tests.support.network import Fault, Network, OwnerPlan
from tests.support.tiers import deepened

CHEATER, HONEST = 1, 2
SHOWN = [(code, cheat) for code, cheat in CHEATS if code not in ("commitment", "signature")]
SHOWN_IDS = [name for (code, _), name in zip(CHEATS, IDS, strict=True) if code not in ("commitment", "signature")]


class Recording(Network):
    """A network that keeps what was said, by step and session."""

    said: dict[tuple[Step, bytes], dict[int, StepReply]]

    def answer(self, prover: int, request: StepRequest, faults: Mapping[int, Sequence[Fault]]) -> StepReply | Failure:
        reply = super().answer(prover, request, faults)
        if isinstance(reply, StepReply):
            kept = self.__dict__.setdefault("said", {})
            kept.setdefault((request.step, request.session), {})[prover] = reply
        return reply

    def messages(self, step: Step) -> list[Message]:
        """Of the first session of a step, by prover."""
        replies = next(replies for (at, _), replies in self.said.items() if at is step)
        return [replies[p].message for p in sorted(replies)]


def played(cheats: Sequence[tuple[int, Cheat]], faults: Any = None, **options: Any) -> tuple[Recording, list[Any]]:
    """A network after a batch, and the verdicts."""
    plain = network_of(cheats, **options)
    plain.__class__ = Recording
    assert isinstance(plain, Recording)
    return plain, list(plain.run(faults).verdicts)


def ask(network: Network, prover: int, request: StepRequest) -> StepReply | Failure:
    authorization = sign_digest(network.coordinator_key, request.asked)
    return network.deliver(prover, replace(request, authorization=authorization))


def signed(network: Network, prover: int, request: StepRequest, owner: int) -> bool:
    """Whether a prover signs that an owner is excluded."""
    reply = ask(network, prover, request)
    if not isinstance(reply, StepReply):
        return False
    header = network.headers[owner]
    digest = exclusion_digest(network.context, header.owner, network.submission(owner))
    return signs(network.committee.members[prover], digest, SignatureBody.decode(reply.message.body).signature)


def refusal(network: Network, request: StepRequest) -> set[str]:
    """Codes with which all provers refuse."""
    replies = [ask(network, p, request) for p in range(network.provers)]
    assert all(isinstance(reply, Failure) for reply in replies)
    return {reply.code for reply in replies if isinstance(reply, Failure)}


def projections(network: Recording, *provers: int, owner: int, payload: bytes = b"") -> StepRequest:
    messages = network.messages(Step.PROJECT)
    relayed = tuple(messages[p] for p in provers)
    return StepRequest(Step.EXCLUDE, messages[0].session, relayed=relayed, payload=payload, owner=owner)


@pytest.mark.parametrize(("provers", "threshold"), deepened([(4, 1), (7, 2)], fast=[(4, 1)]))
@pytest.mark.parametrize(("code", "cheat"), SHOWN, ids=SHOWN_IDS)
def test_every_prover_signs_the_exclusion_of_an_owner_that_is_rejected(
    code: str, cheat: Cheat, provers: int, threshold: int
) -> None:
    network, verdicts = played([(CHEATER, cheat)], provers=provers, threshold=threshold)
    (verdict,) = verdicts
    assert isinstance(verdict, OwnerRejected)
    assert (verdict.code, verdict.submission) == (code, network.submission(CHEATER))
    assert verdict.evidence is not None
    assert all(signed(network, p, verdict.evidence, CHEATER) for p in range(provers))
    assert ask(network, 0, verdict.evidence) == ask(network, 0, verdict.evidence)


@pytest.mark.parametrize(("code", "cheat"), SHOWN, ids=SHOWN_IDS)
def test_the_same_messages_exclude_no_other_owner(code: str, cheat: Cheat) -> None:
    network, ((verdict),) = played([(CHEATER, cheat)])
    for owner in (0, HONEST, 3):
        assert refusal(network, replace(verdict.evidence, owner=owner)) == {RuleViolationError.code}
    assert refusal(network, replace(verdict.evidence, owner=4)) <= {WireError.code}


def shifted(network: Recording, prover: int, owner: int) -> Message:
    """A corrupt prover's projections, with another value for an owner, signed again."""
    message = network.messages(Step.PROJECT)[prover]
    body = ProjectBody.decode(message.body, len(network.headers))
    shares = body.shares.copy()
    shares[owner, 0] = native.add(shares[owner, [0]], native.from_ints([1]))[0]
    return network.resign(prover, message, ProjectBody(shares).encode())


@pytest.mark.parametrize("provers", [(0, 1, 3), (0, 1, 2, 3)])
def test_t_provers_and_the_coordinator_exclude_no_honest_owner_by_projections(provers: tuple[int, ...]) -> None:
    network, verdicts = played([])
    assert not verdicts
    lie = shifted(network, 3, HONEST)
    request = projections(network, *provers, owner=HONEST)
    altered = replace(request, relayed=tuple(lie if m.sender == 3 else m for m in request.relayed))
    payloads = [network.memories[p].share_payload(network.submission(HONEST)) for p in range(4)]
    for payload in (b"", *payloads):
        assert refusal(network, replace(altered, payload=payload)) == {RuleViolationError.code}
        assert refusal(network, replace(request, payload=payload)) == {RuleViolationError.code}
    stranger = network.memories[0].share_payload(network.submission(0))
    for payload in (stranger, payloads[0][:-1] + b"x", b"junk"):
        assert refusal(network, replace(request, payload=payload)) == {RuleViolationError.code}


def test_messages_that_nobody_signed_or_too_few_or_one_twice_exclude_nobody() -> None:
    network, ((verdict),) = played([(CHEATER, off(0, 0))])
    evidence = verdict.evidence
    forged = replace(evidence.relayed[0], signature=evidence.relayed[1].signature)
    assert refusal(network, replace(evidence, relayed=(forged, *evidence.relayed[1:]))) == {SignatureError.code}
    assert refusal(network, replace(evidence, relayed=evidence.relayed[:2])) == {RuleViolationError.code}
    twice = (*evidence.relayed[:2], evidence.relayed[1])
    assert refusal(network, replace(evidence, relayed=twice)) == {RuleViolationError.code}
    assert refusal(network, replace(evidence, relayed=(*evidence.relayed, evidence.relayed[1]))) == {WireError.code}
    nobody = replace(evidence.relayed[0], sender=9)
    assert refusal(network, replace(evidence, relayed=(nobody, *evidence.relayed[1:]))) == {RuleViolationError.code}


def test_a_prover_whose_value_is_off_excludes_the_owner_only_with_the_payload_that_the_owner_signed() -> None:
    """Without it, it may be the prover that lies."""
    network, ((verdict),) = played([(CHEATER, off(0, 0))])
    assert verdict.evidence.payload
    assert refusal(network, replace(verdict.evidence, payload=b"")) == {RuleViolationError.code}
    assert refusal(network, projections(network, 0, 1, 2, 3, owner=CHEATER)) == {RuleViolationError.code}


def test_a_payload_that_is_no_share_of_one_of_the_provers_it_was_signed_for_counts_for_the_other() -> None:
    """It names prover 1 as one without correction, and has a correction: prover 1 never took it in."""

    def tamper(payloads: list[bytes]) -> None:
        raw = bytearray(payloads[3])
        raw[5] ^= 1
        payloads[1] = payloads[3] = bytes(raw)

    network = network_of([(CHEATER, lambda gradient: OwnerPlan(gradient, tamper=tamper))], provers=5)
    del network.memories[1].payloads[network.submission(CHEATER)]
    (verdict,) = network.run().of(OwnerRejected)
    assert isinstance(verdict, OwnerRejected)
    assert verdict.evidence is not None
    assert all(signed(network, p, verdict.evidence, CHEATER) for p in (0, 2, 3, 4))


@pytest.mark.parametrize("name", ["too-long", "off-value"])
def test_an_owner_that_is_set_aside_is_not_excluded(name: str) -> None:
    cheat = dict(zip(IDS, (cheat for _, cheat in CHEATS), strict=True))[name]
    network, verdicts = played([(CHEATER, cheat)], provers=3, threshold=1)
    assert [type(verdict) for verdict in verdicts] == [OwnerSetAside]
    assert refusal(network, projections(network, 0, 1, 2, owner=CHEATER)) == {RuleViolationError.code}
    if name == "too-long":
        for (step, session), replies in network.said.items():
            if step is Step.VALIDATE:
                relayed = tuple(reply.message for reply in replies.values())
                request = StepRequest(Step.EXCLUDE, session, relayed=relayed, owner=CHEATER)
                assert not any(signed(network, p, request, CHEATER) for p in range(3))


def test_t_provers_and_the_coordinator_exclude_no_honest_owner_by_the_validity_test() -> None:
    network, ((verdict),) = played([(CHEATER, too_long)])
    evidence = verdict.evidence
    message = evidence.relayed[3]
    body = ValidateBody.decode(message.body, 4)
    one = native.from_ints([1])
    for owner in (0, HONEST):
        residuals = body.residuals.copy()
        residuals[owner] = native.add(residuals[[owner]], one)[0]
        lie = network.resign(3, message, replace(body, residuals=np.ascontiguousarray(residuals)).encode())
        for relayed in ((*evidence.relayed[:3], lie), (*evidence.relayed[:2], lie), evidence.relayed[:3]):
            assert refusal(network, replace(evidence, relayed=relayed, owner=owner)) == {RuleViolationError.code}


def test_only_the_tasks_coordinator_asks_and_only_for_what_this_prover_took_part_in() -> None:
    network, ((verdict),) = played([(CHEATER, off(0, 0))])
    evidence = verdict.evidence
    stranger = sign_digest(network.prover_keys[0], evidence.asked)
    for authorization in (b"", stranger):
        reply = network.deliver(1, replace(evidence, authorization=authorization))
        assert isinstance(reply, Failure)
        assert reply.code == SignatureError.code
    assert refusal(network, replace(evidence, session=bytes(32))) == {UnknownError.code}
    network.restart(2)
    reply = ask(network, 2, evidence)
    assert isinstance(reply, Failure)
    assert reply.code == UnknownError.code
