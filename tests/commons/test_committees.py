"""Committees through the chain client: members, what they publish, their keys, bonds and replacements."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from eth_abi.abi import encode
from web3 import Web3

from circuits.errors import ContractError, InvalidInputError, UnknownError
from circuits.terms import CommitteeTerms, Windows
from commons.chain.abicoding import selector
from commons.chain.devchain import DevChain
from commons.chain.facts import MemberRecord, PendingMember
from commons.chain.outbox import Outbox
from commons.chain.view import ChainView
from commons.chain.writer import ChainWriter
from commons.protocol.memberships import Replacement, Rotation, registry_domain
from commons.storage.accounts import SigningKey
from commons.wire.channel import open_channel
from tests.commons.test_chain import DIMENSION, PAYEE, REWARD, World, deployed, proven, terms
from tests.support.plain_batch import attest, development_setup

DELAY, UNBONDING, BOND = 1000, 2000, 7 * 10**15
KEY, NOBODY = b"\x09" * 32, bytes(20)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    dev = DevChain()
    yield deployed(dev.start(), dev.accounts)
    dev.stop()


def members(world: World) -> list[bytes]:
    return [chain.address for chain in world.chains[1:5]]


def created(world: World, bond: int = 0) -> int:
    return world.chain.create_committee(1, members(world), bond=bond, change_delay=DELAY, unbonding_delay=UNBONDING)


def joined(world: World, bond: int = 0, controller: bytes | None = None) -> int:
    committee = created(world, bond)
    for index, chain in enumerate(world.chains[1:5]):
        chain.join(committee, f"127.0.0.1:{7000 + index}", bytes([1 + index]) * 32, controller=controller)
    return committee


def digest_domain(world: World) -> bytes:
    return registry_domain(world.chain_id, world.chain.view.registry)


def test_a_committee_is_read_back(world: World) -> None:
    view, committee = world.chain.view, joined(world)
    record = view.committee_record(committee)
    assert record.ready
    assert (record.epoch, record.committee.threshold) == (0, 1)
    assert record.committee.members == tuple(members(world))
    assert record.endpoints[2] == "127.0.0.1:7002"
    assert view.committee_terms(committee) == CommitteeTerms(1, NOBODY, 0, DELAY, UNBONDING)
    assert view.member(committee, 1) == MemberRecord(
        1, world.chains[2].address, world.chains[2].address, "127.0.0.1:7001", b"\x02" * 32, 0, True, False, 0, None,
        0, None,
    )  # fmt: skip
    for unknown in (view.committee_terms, view.committee_record, view.committee):
        with pytest.raises(UnknownError, match="CommitteeUnknown"):
            unknown(5)


def test_committees_are_named_by_what_they_are(world: World) -> None:
    wanted = CommitteeTerms(1, NOBODY, 3, DELAY, UNBONDING)
    place = world.chain_id, world.chain.view.registry, world.chain.address
    eth, numbers = world.chain.view.rpc.web3.eth, []
    for _ in range(2):
        numbers.append(created(world, 3))
        said = eth.get_logs({"address": Web3.to_checksum_address(place[1]), "fromBlock": 0})[-1]
        parent = bytes(eth.get_block(said["blockNumber"])["parentHash"])
        # 1 where the node tries the second in the block that has the first
        assert numbers[-1] in [wanted.committee_id(*place, nonce, parent, members(world)) for nonce in (0, 1)]
    assert numbers[0] != numbers[1]


def test_an_interrupted_creation_is_gone_on_with(world: World, tmp_path: Path) -> None:
    def create(*, told: bool) -> int:
        with Outbox(tmp_path / "outbox") as outbox:
            chain = ChainWriter(world.chain.view, world.keys[0], outbox=outbox)
            number = chain.create_committee(1, members(world)[::-1])
            if told:
                outbox.clear()
        return number

    first = create(told=False)
    assert create(told=True) == first
    assert create(told=True) != first


@pytest.mark.parametrize(("provers", "threshold"), [(3, 1), (4, 1), (7, 1), (7, 2), (9, 2)])
def test_contract_and_provers_agree_on_the_quorum(world: World, provers: int, threshold: int) -> None:
    """Fewer signatures than provers hold for a quorum would let two sets that meet both be accepted."""
    view = world.chain.view
    committee = world.chain.create_committee(threshold, [bytes([p + 1]) * 20 for p in range(provers)])
    stated = view.rpc.call(view.registry, "quorum(uint256)", [committee], ["uint256"])[0]
    assert stated == view.committee(committee).quorum


def test_a_members_address_that_is_no_text_hides_nobody_elses(world: World) -> None:
    committee, broken = created(world), world.chains[4]
    for index, chain in enumerate(world.chains[1:5]):
        chain.join(committee, f"prover-{index}:1", bytes([1 + index]) * 32)
    data = selector("setEndpoint(uint256,string)") + encode(["uint256", "bytes"], [committee, b"\xff\xfe"])
    broken._sender.send(world.chain.view.registry, data, gas=1_000_000)
    record = world.chain.view.committee_record(committee)
    assert record.endpoints[:3] == ("prover-0:1", "prover-1:1", "prover-2:1")
    assert record.endpoints[3] == world.chain.view.member(committee, 3).endpoint == "\ufffd\ufffd"
    with pytest.raises(InvalidInputError):
        open_channel(record.endpoints[3])


def test_a_members_address_steers_no_terminal(world: World) -> None:
    committee = created(world)
    world.chains[1].join(committee, "\x1b[2Jprover:1\n", KEY)
    assert world.chain.view.committee_record(committee).endpoints[0] == " [2Jprover:1 "


def test_an_interrupted_join_is_not_taken_for_a_later_one(world: World, tmp_path: Path) -> None:
    """It joins, is interrupted before it can tell, joins elsewhere, and goes back."""
    member, (here, there), number = world.chains[1], ("here:1", "there:1"), created(world)

    def join(endpoint: str, *, told: bool = True) -> None:
        with Outbox(tmp_path / "outbox") as outbox:
            ChainWriter(member.view, world.keys[1], outbox=outbox).join(number, endpoint, KEY)
            if told:
                outbox.clear()

    join(here, told=False)
    join(there)
    join(here)
    assert world.chain.view.committee_record(number).endpoints[0] == here


def test_a_bond_is_paid_once_and_comes_back_to_the_controller(world: World) -> None:
    cold = world.chains[8]
    committee = created(world, BOND)
    world.chains[1].join(committee, "here:1", KEY, controller=cold.address)
    world.chains[1].join(committee, "there:1", KEY)  # a correction, without another bond
    view, registry = world.chain.view, world.chain.view.registry
    member = view.member(committee, 0)
    assert (member.bond, member.controller, member.endpoint) == (BOND, cold.address, "there:1")
    assert view.balance(registry) == BOND
    with pytest.raises(ContractError, match="NotController"):
        world.chains[1].retire(committee, member.membership)
    cold.retire(committee, member.membership)
    with pytest.raises(ContractError, match="BondLocked"):
        cold.withdraw_bond(committee, member.membership)
    world.advance(2 * UNBONDING)
    elsewhere = SigningKey.generate().address
    cold.withdraw_bond(committee, member.membership, elsewhere)
    assert (view.balance(elsewhere), view.member(committee, 0).bond) == (BOND, 0)


def test_a_key_rotates_after_its_delay_and_epochs_keep_their_members(world: World) -> None:
    view, committee, new = world.chain.view, joined(world), SigningKey.generate()
    before = view.committee(committee)
    member = world.chains[3]
    rotation = Rotation(committee, 2, new.address, member.address)
    signature = new.sign(rotation.digest(digest_domain(world)))
    with pytest.raises(ContractError, match="NotController"):
        world.chains[1].rotate(rotation, KEY, signature)
    member.rotate(rotation, KEY, signature)
    pending = view.member(committee, 2).pending
    assert isinstance(pending, PendingMember)
    assert (pending.signer, pending.hpke_key, pending.joined) == (new.address, KEY, True)
    with pytest.raises(ContractError, match="ChangeNotDue"):
        world.chain.apply_change(committee, 2)
    world.advance(2 * DELAY)
    world.chain.apply_change(committee, 2)
    record = view.committee_record(committee)
    assert (record.epoch, record.ready, record.hpke_keys[2]) == (1, True, KEY)
    assert record.committee.members[2] == new.address
    assert view.committee(committee) == view.committee(committee, 1) == record.committee
    assert view.committee(committee, 0) == ChainView(world.url, world.market).committee(committee, 0) == before
    with pytest.raises(UnknownError, match="EpochUnknown"):
        view.committee(committee, 2)


def test_a_rotation_is_taken_back(world: World) -> None:
    committee, new = joined(world), SigningKey.generate()
    rotation = Rotation(committee, 0, new.address, world.chains[1].address)
    world.chains[1].rotate(rotation, KEY, new.sign(rotation.digest(digest_domain(world))))
    world.chains[1].cancel_change(committee, 0)
    assert world.chain.view.member(committee, 0).pending is None


def test_a_stolen_key_is_revoked_at_once(world: World) -> None:
    committee, cold = joined(world), world.chains[2]
    cold.revoke_key(committee, cold.address)
    assert world.chain.view.member(committee, 1).revoked
    assert not world.chain.view.committee_record(committee).ready


def test_a_member_that_revokes_its_key_after_it_attested_stops_no_batch(world: World) -> None:
    """Where nobody is paid for attesting, a quorum's signatures are sent: not its own, which counts no more."""
    chain, committee = world.chain, joined(world)
    verifier = chain.deploy_verifier(world.factory, development_setup("norm", 16, DIMENSION).verifying)
    task = chain.create_task(terms(world, committee, verifier))
    number, batch, attestations = proven(world, task)
    first = world.chains[1]
    first.revoke_key(committee, first.address)
    assert chain.view.revoked(committee) == {first.address}
    with pytest.raises(ContractError, match="TooFewAttestations"):
        chain.accept_batch(batch.statement, batch.proof, attestations, PAYEE)
    everybody = [*attestations, (1, attest(batch, world.keys[2].secret_bytes()))]
    chain.accept_batch(batch.statement, batch.proof, everybody, PAYEE)
    assert len(chain.view.accepted(task, number)) == 1


def test_a_quorum_replaces_a_member_that_is_gone(world: World) -> None:
    view, committee, new = world.chain.view, joined(world), world.chains[7]
    replacement = Replacement(committee, 3, 0, new.address, NOBODY, view.now() + 10_000)
    digest = replacement.digest(digest_domain(world))
    signed = [(member, world.chains[1 + member].sign(digest)) for member in (2, 0, 1)]
    with pytest.raises(ContractError, match="TooFewAttestations"):
        world.chain.replace_member(replacement, signed[:2])
    world.chain.replace_member(replacement, signed)
    assert view.member(committee, 3).replacements == 1
    new.join(committee, "new:1", KEY)
    new.join(committee, "newer:1", KEY)
    world.advance(2 * DELAY)
    world.chain.apply_change(committee, 3)
    record = view.committee_record(committee)
    assert (record.committee.members[3], record.endpoints[3]) == (new.address, "newer:1")
    new.set_endpoint(committee, "newest:1")
    assert view.committee_record(committee).endpoints[3] == "newest:1"
    with pytest.raises(ContractError, match="AlreadyJoined"):
        new.join(committee, "newest:1", b"\x0a" * 32)


def test_a_round_keeps_the_members_that_it_was_opened_with(world: World) -> None:
    """Who attests cannot change under a round; the next one has the new members."""
    chain, view, committee, new = world.chain, world.chain.view, joined(world), SigningKey.generate()
    verifier = chain.deploy_verifier(world.factory, development_setup("norm", 16, DIMENSION).verifying)
    task = chain.create_task(terms(world, committee, verifier, windows=Windows(1, 1, exit=1)))
    for owner in world.chains[6:8]:
        owner.register(task)
    chain.fund(task, 4 * REWARD)
    chain.open_round(task, bytes(32))
    before, member = view.committee_of_round(task, 0), world.chains[1]
    rotation = Rotation(committee, 0, new.address, member.address)
    member.rotate(rotation, KEY, new.sign(rotation.digest(digest_domain(world))))
    world.advance(2 * DELAY)
    chain.apply_change(committee, 0)
    assert view.committee_of_round(task, 0) == before != view.committee(committee)
    chain.finalize_round(task, 0)
    chain.open_round(task, bytes(32))
    assert view.committee_of_round(task, 1) == view.committee(committee)
    assert view.committee_of_round(task, 0) == before
