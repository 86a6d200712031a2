"""Private sums: provers seal their shares to the task's key, and what others make of that.

The coordinator, up to t provers and everybody else who asks see sealed shares alone; who has the secret opens them,
whatever t provers and the coordinator do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from itertools import combinations

import numpy as np
import pytest

import native
from circuits import payload
from circuits.errors import InvalidInputError, RuleViolationError, UnavailableError, WireError
from commons.protocol import release, sealedreplies
from commons.protocol.bodies import DigestBody, vector_digest
from commons.protocol.messages import StepReply, StepRequest
from commons.protocol.release import SumAsked
from commons.protocol.replies import Failure, ProverNamed
from commons.protocol.sealedsums import open_sum, opener, seal_sum
from commons.protocol.sumlabels import SumLabel, sealed_bytes
from commons.sharing.sealing import generate, public_key
from coordinator.machine import Completed
from provers.party.vouching import attest_availability
from tests.commons.test_sealedsums import SMALL_ORDER
from tests.support.network import Fault, Network, network_with

SECRET = bytes(range(1, 33))
OWNERS = 3
Sealer = Callable[[Network, StepReply], bytes]


def private(**options: object) -> tuple[Network, Completed]:
    """A network with an accepted batch of a task whose sums are private."""
    network = network_with(OWNERS, **{"sum_key": public_key(SECRET), **options})
    done = network.run().completed
    network.accept(done)
    return network, done


@pytest.fixture(scope="module")
def accepted() -> tuple[Network, Completed]:
    return private()


def scalars(network: Network) -> int:
    return network.dimension + 129


def replies_of(
    network: Network, done: Completed, faults: Mapping[int, Sequence[Fault]] | None = None
) -> dict[int, StepReply | Failure]:
    requests = release.requests(done.bundle.certificate, range(network.provers))
    return {p: network.answer(p, r, faults or {}) for p, r in requests.items()}


def opened(
    network: Network, done: Completed, replies: Mapping[int, StepReply | Failure], secret: bytes = SECRET
) -> release.Opened:
    asked = SumAsked.of(done.bundle.certificate)
    opens = opener(secret, asked.context, asked.batch_id)
    return release.opened(network.committee, network.setup.commitment, asked, replies, opens=opens)


def check(network: Network, found: release.Opened, *named: int) -> None:
    """It is the sum of all gradients, and these provers are named."""
    values = payload.decode(found.payload, network.dimension).values
    assert np.array_equal(values, np.sum([plan.gradient for plan in network.plans], axis=0))
    assert [v.prover for v in found.verdicts if isinstance(v, ProverNamed)] == list(named)


def sealing(seal: Sealer) -> Fault:
    """A prover that sends something else in its share's place, and signs it."""

    def fault(network: Network, prover: int, request: StepRequest, reply: StepReply) -> StepReply:
        raw = seal(network, reply)
        message = network.resign(prover, reply.message, DigestBody(sha256(raw).digest()).encode())
        return StepReply(message, raw=raw)

    return fault


def label(network: Network, done: Completed, prover: int, key: bytes = b"") -> SumLabel:
    return SumLabel.of(network.context, done.batch_id, prover, key or network.sum_key)


def test_provers_send_sealed_shares_alone_and_who_has_the_secret_opens_them(
    accepted: tuple[Network, Completed],
) -> None:
    network, done = accepted
    replies = replies_of(network, done)
    for prover, reply in replies.items():
        assert isinstance(reply, StepReply)
        assert reply.vector is None
        assert len(reply.raw) == sealed_bytes(scalars(network))
        share = open_sum(SECRET, reply.raw, label(network, done, prover), scalars(network))
        assert share.tobytes() not in reply.raw
        assert vector_digest(share) not in reply.message.body, "a share's digest would tell whether a guess is right"
    check(network, opened(network, done, replies))


def test_without_the_secret_there_is_no_sum_for_anybody(accepted: tuple[Network, Completed]) -> None:
    network, done = accepted
    with pytest.raises(UnavailableError, match="does not open"):
        opened(network, done, replies_of(network, done), secret=generate())
    with pytest.raises(UnavailableError, match="no vector"):
        network.open_sum(done.bundle.certificate)


def other_batch(network: Network, reply: StepReply) -> bytes:
    return seal_sum(_some(network), SumLabel.of(network.context, b"\x55" * 32, reply.message.sender, network.sum_key))


def other_round(network: Network, reply: StepReply) -> bytes:
    context = replace(network.context, round=1)
    return seal_sum(_some(network), SumLabel.of(context, reply.message.session, reply.message.sender, network.sum_key))


def other_task(network: Network, reply: StepReply) -> bytes:
    context = replace(network.context, task_id=8)
    return seal_sum(_some(network), SumLabel.of(context, reply.message.session, reply.message.sender, network.sum_key))


def other_key(network: Network, reply: StepReply) -> bytes:
    key = public_key(generate())
    return seal_sum(_some(network), SumLabel.of(network.context, reply.message.session, reply.message.sender, key))


def garbage(network: Network, reply: StepReply) -> bytes:
    return bytes(len(reply.raw))


def too_short(network: Network, reply: StepReply) -> bytes:
    return reply.raw[:-1]


def another_share(network: Network, reply: StepReply) -> bytes:
    own = SumLabel.of(network.context, reply.message.session, reply.message.sender, network.sum_key)
    return seal_sum(_some(network), own)


def _some(network: Network) -> native.FrArray:
    return native.expand(b"\x66" * 32, scalars(network))


@pytest.mark.parametrize("seal", [other_batch, other_round, other_task, other_key, garbage, too_short, another_share])
@pytest.mark.parametrize("absent", [False, True])
def test_who_seals_another_share_is_named_and_the_sum_is_found(
    accepted: tuple[Network, Completed], seal: Sealer, absent: bool
) -> None:
    """Also with a quorum's shares alone, where decoding locates nobody: the commitment on the chain says which fit."""
    network, done = accepted
    replies = replies_of(network, done, {2: [sealing(seal)]})
    if absent:
        del replies[0]
    check(network, opened(network, done, replies), 2)


@pytest.mark.parametrize("seal", [garbage, another_share])
def test_up_to_t_of_seven_may_lie(seal: Sealer) -> None:
    network, done = private(threshold=2, provers=7)
    for liars in ((0, 1), (3, 6)):
        replies = replies_of(network, done, {p: [sealing(seal)] for p in liars})
        check(network, opened(network, done, replies), *liars)
        honest = [p for p in replies if p not in liars]
        quorum = {p: replies[p] for p in (*liars, *honest[:3])}
        check(network, opened(network, done, quorum), *liars)


def test_anothers_sealed_share_in_ones_own_name_is_refused(accepted: tuple[Network, Completed]) -> None:
    network, done = accepted
    replies = replies_of(network, done)
    taken = replies[1]
    assert isinstance(taken, StepReply)
    replies |= replies_of(network, done, {2: [sealing(lambda _, __: taken.raw)]}) | {1: taken}
    check(network, opened(network, done, replies), 2)


def test_a_share_that_is_not_sealed_counts_for_nothing(accepted: tuple[Network, Completed]) -> None:
    """A prover may lay its own share open; nobody takes it from there, so that it is never the usual way."""
    network, done = accepted

    def plain(network: Network, prover: int, request: StepRequest, reply: StepReply) -> StepReply:
        share = open_sum(SECRET, reply.raw, label(network, done, prover), scalars(network))
        message = network.resign(prover, reply.message, DigestBody(vector_digest(share)).encode())
        return StepReply(message, vector=share)

    replies = replies_of(network, done, {2: [plain]})
    check(network, opened(network, done, replies), 2)
    gathered = release.gathered(network.committee, SumAsked.of(done.bundle.certificate), replies)
    assert [share.prover for share in sealedreplies.decode(gathered.payload, scalars(network))] == [0, 1, 3]


# --- the coordinator ---------------------------------------------------------------------------------------------


def served(network: Network, done: Completed, shares: Sequence[sealedreplies.SealedShare]) -> release.Opened:
    """What a reader makes of shares that a coordinator serves."""
    return opened(network, done, {share.prover: share.reply(done.batch_id) for share in shares})


def kept(network: Network, done: Completed) -> list[sealedreplies.SealedShare]:
    """What the coordinator gathered, as it is served."""
    found = release.gathered(network.committee, SumAsked.of(done.bundle.certificate), replies_of(network, done))
    return list(sealedreplies.decode(found.payload, scalars(network)))


def test_what_the_coordinator_gathers_the_reader_opens(accepted: tuple[Network, Completed]) -> None:
    network, done = accepted
    shares = kept(network, done)
    assert [share.prover for share in shares] == [0, 1, 2, 3]
    check(network, served(network, done, shares))


def test_a_coordinator_that_drops_shares_can_keep_the_sum_back_and_no_more(
    accepted: tuple[Network, Completed],
) -> None:
    network, done = accepted
    shares = kept(network, done)
    for left in combinations(shares, 2):
        check(network, served(network, done, left))
    with pytest.raises(UnavailableError, match="needs the shares of 2 provers"):
        served(network, done, shares[:1])


def test_a_coordinator_that_swaps_or_changes_shares_is_not_believed(accepted: tuple[Network, Completed]) -> None:
    """No prover's signature is on that, so it is held against none for sure."""
    network, done = accepted
    shares = kept(network, done)
    swapped = [replace(shares[0], sealed=shares[1].sealed), replace(shares[1], sealed=shares[0].sealed), *shares[2:]]
    renamed = [replace(shares[1], prover=0), replace(shares[0], prover=1), *shares[2:]]
    for lying in (swapped, renamed):
        found = served(network, done, lying)
        check(network, found, 0, 1)
        assert not any(v.proven for v in found.verdicts if isinstance(v, ProverNamed))


def test_a_coordinator_that_serves_shares_of_another_batch_serves_nothing(
    accepted: tuple[Network, Completed],
) -> None:
    network, done = accepted
    other, others = private(windows=replace(network.windows, submit=61))
    with pytest.raises(UnavailableError, match="message: "):
        served(network, done, kept(other, others))


def _twice(raw: bytes) -> bytes:
    size = (len(raw) - 3) // 4
    return raw[:2] + b"\x05" + raw[3 : 3 + size] + raw[3:]


def _reordered(raw: bytes) -> bytes:
    size = (len(raw) - 3) // 4
    return raw[:3] + raw[3 + size : 3 + 2 * size] + raw[3 : 3 + size] + raw[3 + 2 * size :]


@pytest.mark.parametrize("change", [
    _twice, _reordered, lambda raw: raw[:-1], lambda raw: raw + b"\0", lambda raw: raw[:2] + b"\x03" + raw[3:],
    lambda raw: raw[:2] + b"\0", lambda raw: raw[:2] + b"\x21" + raw[3:], lambda raw: b"\x01" + raw[1:],
    lambda raw: raw[:1] + b"\x02" + raw[2:], lambda raw: b"", lambda raw: raw[:3] + b"\x20" + raw[4:],
])  # fmt: skip
def test_a_list_of_shares_has_one_encoding(
    accepted: tuple[Network, Completed], change: Callable[[bytes], bytes]
) -> None:
    network, done = accepted
    asked = SumAsked.of(done.bundle.certificate)
    raw = release.gathered(network.committee, asked, replies_of(network, done)).payload
    assert len(raw) == sealedreplies.largest_list(scalars(network), 4)
    with pytest.raises(WireError):
        sealedreplies.decode(change(raw), scalars(network))
    with pytest.raises(WireError):
        payload.decode(raw, network.dimension)


def test_less_than_a_quorum_is_not_gathered(accepted: tuple[Network, Completed]) -> None:
    network, done = accepted
    replies = replies_of(network, done)
    asked = SumAsked.of(done.bundle.certificate)
    release.gathered(network.committee, asked, {p: replies[p] for p in (0, 1, 3)})
    with pytest.raises(UnavailableError, match="needs the sealed shares of 3 provers"):
        release.gathered(network.committee, asked, {p: replies[p] for p in (0, 1)})


# --- every other way to a share ----------------------------------------------------------------------------------


def test_a_node_that_hides_the_key_gets_no_plain_share_out_of_its_prover() -> None:
    """The batch's context binds the terms, and with them the key: a quorum attested it."""
    network, done = private()
    network.terms = replace(network.terms, sum_key=bytes(32))
    replies = replies_of(network, done)
    assert {r.code for r in replies.values() if isinstance(r, Failure)} == {WireError.code}
    assert not any(isinstance(r, StepReply) for r in replies.values())


def test_a_node_that_shows_its_own_key_gets_nothing_sealed_to_that() -> None:
    network, done = private()
    network.terms = replace(network.terms, sum_key=public_key(generate()))
    assert not any(isinstance(r, StepReply) for r in replies_of(network, done).values())


def test_the_key_is_read_from_terms_that_the_context_binds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node may answer one question so and the next one otherwise."""
    network, done = private()
    honest, other = network.terms, replace(network.terms, sum_key=bytes(32))
    request = release.request(done.bundle.certificate)
    for truthful in range(1, 12):
        asked = iter([honest] * truthful + [other] * 20)
        monkeypatch.setattr(network.memories[0], "terms", lambda _: next(asked))  # noqa: B023
        reply = network.deliver(0, request)
        assert not isinstance(reply, StepReply) or (reply.vector is None and reply.raw)


def test_a_share_that_was_changed_on_the_way_is_held_against_nobody(
    accepted: tuple[Network, Completed],
) -> None:
    network, done = accepted
    replies = replies_of(network, done)
    reply = replies[2]
    assert isinstance(reply, StepReply)
    changed = bytearray(reply.raw)
    changed[-1] ^= 1
    replies[2] = replace(reply, raw=bytes(changed))
    (verdict,) = opened(network, done, replies).verdicts
    assert isinstance(verdict, ProverNamed)
    assert (verdict.prover, verdict.proven) == (2, False)


@pytest.mark.parametrize("point", SMALL_ORDER[1:])
def test_to_a_key_that_anybody_opens_provers_release_nothing(point: str) -> None:
    """The contract takes any word for a key."""
    network, done = private(sum_key=bytes.fromhex(point))
    replies = replies_of(network, done)
    assert {r.code for r in replies.values() if isinstance(r, Failure)} == {InvalidInputError.code}
    assert len(replies) == network.provers


def test_a_prover_vouches_that_it_serves_its_sealed_share_and_for_nothing_that_is_posted() -> None:
    network, done = private()
    found = opened(network, done, replies_of(network, done))
    memory, certificate = network.memories[2], done.bundle.certificate
    memory.challenges[done.batch_id] = 0
    assert attest_availability(memory, memory.sign, certificate).challenge == 0
    with pytest.raises(RuleViolationError, match="private"):
        attest_availability(memory, memory.sign, certificate, found.payload)
