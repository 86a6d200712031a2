"""Seats of former members, and when their keys are destroyed: not before most nodes say that nothing needs them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from circuits.errors import NotReadyError, StorageError, UnknownError
from circuits.statement import Committee, Membership
from circuits.terms import TaskTerms
from commons.chain.facts import CommitteeRecord
from commons.protocol import release
from commons.protocol.bundle import Certificate
from commons.protocol.keypackages import CommitteeReference
from commons.settings.sections import ProverSettings
from commons.sharing.sealing import generate, public_key
from provers import prover_start
from provers.joining.keyring import Keyring
from provers.joining.keystore import Keystore, SharedKeys
from provers.prover import Prover, own_membership
from provers.store import Store
from tests.provers.test_prover import DAY, OWN, Clock, Node
from tests.provers.test_retention import pass_time
from tests.simulation.world.chain import ModelChain, chain_of
from tests.simulation.world.clock import START
from tests.support.network import Network, network_with
from tests.support.parameters import DevelopmentParameters

HOUR = 3600
STRANGER = 1 << 128
"""First of the tasks of other committees."""


@dataclass
class Later(Node):
    """A node that shows a committee whose member 2 has rotated its keys since round 0 was opened."""

    epochs: tuple[Committee, ...] = ()
    back: bool = False
    strangers: int = 0
    slow: float = 0.0
    looked_at: int = 0
    forgets_events: bool = False

    def opened_at(self, task_id: int, number: int) -> int:
        if self.forgets_events:
            raise UnknownError("the node shows no event of the opening")
        return super().opened_at(task_id, number)

    def task_ids(self, first: int = 0, last: int | None = None) -> tuple[int, ...]:
        """``strangers``: tasks of other committees that were made before; ``slow``: seconds until it answers."""
        own = super().task_ids()
        if last is not None:
            self.looked_at += 1
            self.chain.clock.advance(self.slow)
        return (*range(STRANGER, STRANGER + self.strangers), *own)[first:last]

    def terms(self, task_id: int) -> TaskTerms:
        own = super().terms(self.chain.terms.task_id)
        return replace(own, committee_id=own.committee_id + 1) if task_id >= STRANGER else own

    def committee_record(self, committee_id: int, epoch: int | None = None) -> CommitteeRecord:
        """``back``: the change was taken back."""
        number = (0 if self.back else len(self.epochs) - 1) if epoch is None else epoch
        return CommitteeRecord(self.epochs[number], self.chain.endpoints, self.hpke_keys or (), True, number)


class World:
    """A prover that was started with its new keys, and has worked with its old ones."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.old = Keystore.create(directory / "keys")
        self.new = Keyring.load(directory / "keys").make_next()
        network = Network()
        self.network = network
        members = list(network.committee.members)
        members[OWN] = self.old.address
        network.committee = replace(network.committee, members=tuple(members))
        members[OWN] = self.new.address
        self.epochs: tuple[Committee, ...] = (network.committee, replace(network.committee, members=tuple(members)))
        self.chain: ModelChain = chain_of(network)
        self.chain.opened[0] = self.chain.opened[0]._replace(settle=START + 2 * DAY)
        self.clock = Clock(self.chain.clock)
        self.hpke_keys = tuple(public_key(generate()) for _ in members)
        self.node: Later = self.another()
        self.reference = self.digest(self.epochs[0])
        self.old.save_shared(self.reference, SharedKeys({(0, 1, 2): b"\x07" * 32}, confirmed=True))
        self.readers: list[Node] = [self.node]
        store = self.open()
        store.formers.remember(Membership(self.epochs[0], OWN))
        self.prover = self.start(store)

    def another(self, *, count: int = 1, lying: int = 0) -> Later:
        """Another node."""
        return Later(self.chain, count=count, lying=lying, hpke_keys=self.hpke_keys, epochs=self.epochs)

    def digest(self, committee: Committee) -> bytes:
        return CommitteeReference(self.node.chain_id, self.node.registry, committee).digest

    def open(self) -> Store:
        return Store(self.directory / "state", max_bytes=1 << 24, clock=self.clock)

    @property
    def settings(self) -> ProverSettings:
        return ProverSettings(
            listen="127.0.0.1:1", endpoint="127.0.0.1:1", keystore=self.directory / "keys",
            state=self.directory / "state", committee=self.epochs[0].committee_id,
        )  # fmt: skip

    def start(self, store: Store) -> Prover:
        settings = self.settings
        ring = Keyring.load(self.directory / "keys")
        keys = ring.seated(self.readers[0].committee(settings.committee))
        membership = own_membership(self.readers, settings.committee, keys.address)
        return Prover(
            settings, membership, keys, self.readers, store, DevelopmentParameters(self.network.setup), self.clock,
            ring.before(keys),
        )  # fmt: skip

    def restart(self, *readers: Node) -> None:
        self.prover.close()
        self.readers = list(readers) or self.readers
        self.prover = self.start(self.open())

    def retire(self, ahead: int = 0) -> None:
        """Look, an hour after the last time."""
        pass_time(self, HOUR)  # type: ignore[arg-type]
        self.prover.retire(int(self.clock.time()) + ahead)

    def until(self, before: int) -> None:
        """Let time pass until some seconds before round 0 takes nothing any more."""
        pass_time(self, self.chain.opened[0].settle + 30 - int(self.clock.time()) - before)  # type: ignore[arg-type]

    @property
    def kept(self) -> bool:
        """Whether the old keys are here, all of them or none."""
        old = Keystore.load(self.directory / "keys")
        assert old.opens_shares != old.has_forgotten(self.reference)
        assert old.opens_shares == bool(self.prover.seats.former)
        return old.opens_shares


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.prover.close()


def test_former_keys_last_until_no_round_that_was_opened_with_them_takes_anything_and_no_longer(world: World) -> None:
    secret = world.old.hpke_secret.hex().encode()
    world.until(2 * HOUR)
    world.retire()
    assert world.kept
    world.retire()
    world.retire()
    assert not world.kept
    files = [path.read_bytes() for path in (world.directory / "keys").rglob("*.json")]
    assert not any(secret in raw or (b"07" * 32) in raw for raw in files)
    assert world.new.opens_shares
    world.restart()
    assert not world.prover.seats.former, "what was destroyed is no seat any more"
    assert Keyring.load(world.directory / "keys").newest.opens_shares


def test_a_pause_of_the_market_keeps_them(world: World) -> None:
    world.chain.pause()
    world.until(0)
    pass_time(world, DAY)  # type: ignore[arg-type]
    world.retire()
    assert world.kept
    world.chain.resume()
    pass_time(world, 5 * DAY)  # type: ignore[arg-type]
    world.retire()
    assert not world.kept


@pytest.mark.parametrize("second", [False, True])
def test_a_lying_node_of_three_destroys_nothing(world: World, second: bool) -> None:
    """Round 0 was over long ago, it says: shares of its owners would be sealed to what is nowhere."""
    liar = world.another(count=3)
    world.restart(*((world.another(), liar) if second else (liar,)))
    liar.lying = 10_000
    world.retire()
    assert world.kept
    world.until(-2 * HOUR)
    world.retire()
    assert not world.kept, "nor keeps it anything"


def test_of_two_nodes_neither_alone_has_anything_destroyed(world: World) -> None:
    liar = world.another()
    for readers in ((world.node, liar), (liar, world.node)):
        world.restart(*readers)
        liar.lying = 10_000
        world.retire()
        assert world.kept
        liar.lying = 0


def test_nodes_that_are_silent_destroy_nothing(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.until(-2 * HOUR)
    world.node.down = 1
    with caplog.at_level(logging.WARNING):
        world.retire()
    assert world.kept
    assert "event=keys-kept" in caplog.text
    world.retire()
    assert not world.kept


def test_keys_that_could_not_be_destroyed_are_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(keystore: Keystore, committee: bytes) -> None:
        raise StorageError("the disk is full")

    world.until(-2 * HOUR)
    with monkeypatch.context() as patch:
        patch.setattr(Keystore, "forget_shared", fail)
        with pytest.raises(StorageError, match="full"):
            world.retire()
    assert world.kept
    world.retire()
    assert not world.kept


def test_a_clock_far_ahead_destroys_nothing(world: World) -> None:
    world.retire(ahead=1000 * DAY)
    assert world.kept


def test_a_change_that_was_taken_back_destroys_nothing(world: World) -> None:
    """Rounds would be opened with the old keys again."""
    world.node.back = True
    world.until(-2 * HOUR)
    world.retire()
    assert world.kept


def test_members_that_may_still_come_are_no_former_ones(world: World) -> None:
    """A node showed a change too early once, or blocks were replaced: when it comes, all need its shared keys."""
    waiting = replace(world.epochs[1], members=(b"\x66" * 20, *world.epochs[1].members[1:]))
    world.epochs = (*world.epochs, waiting)
    world.restart(world.another())
    assert world.prover.membership.committee == waiting
    before, early = world.epochs[:2], world.digest(waiting)
    world.new.save_shared(early, SharedKeys({(0, 1, 2): b"\x09" * 32}, confirmed=True))
    world.epochs = before
    made_up = replace(before[0], members=(b"\x66" * 20, *before[0].members[1:]))
    world.prover.store.formers.remember(Membership(made_up, OWN))
    world.restart(world.another())
    world.until(-2 * HOUR)
    for _ in range(3):
        world.retire()
    assert keys_of(world) == (False, True), "what cannot come again is destroyed"
    assert world.old.has_forgotten(world.digest(made_up)), "with a replaced key, what never was in force"
    world.epochs = (*before, waiting)
    world.restart(world.another())
    assert world.prover.keys_ready
    world.epochs = (*world.epochs, replace(waiting, members=(b"\x67" * 20, *waiting.members[1:])))
    world.restart(world.another())
    for _ in range(3):
        world.retire()
    assert world.new.has_forgotten(early), "until it was, and is no more"


def test_a_change_that_is_not_deep_yet_destroys_nothing(world: World) -> None:
    """A reorganisation can take it back; a round of another task may be opened then that nobody knows of now."""
    world.chain.opened.clear()
    world.clock.sleep(HOUR)
    world.prover.retire(int(world.clock.time()))
    assert world.kept
    world.retire()
    assert not world.kept, "there is no round at all"


def test_keys_stay_while_a_prover_at_another_market_works_with_them(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Of two markets, or of an old chain that may come back: there the round may be open still."""
    other = replace(world.node.market_id, deployment=b"\x0d" * 32)
    world.old.servings.begin(world.reference, other)
    world.until(-2 * HOUR)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            world.retire()
    assert keys_of(world) == (True, False)
    assert f"deployment 0x{'0d' * 32}" in caplog.text
    world.restart()
    world.old.servings.end(world.reference, other)
    world.retire()
    world.retire()
    assert keys_of(world) == (False, True)


def test_a_sealing_key_stays_while_another_committee_shares_keys_under_it(world: World) -> None:
    """A release before this one left no file that says so, but the shared keys themselves."""
    other = b"\x0e" * 32
    world.old.save_shared(other, SharedKeys({(0, 1, 2): b"\x08" * 32}, confirmed=False))
    world.until(-2 * HOUR)
    world.retire()
    assert keys_of(world) == (True, True), "what this prover has left is gone all the same"
    world.old.forget_shared(other)
    world.retire()
    assert keys_of(world) == (False, True)


@pytest.mark.parametrize("lost", ["memberships.json", "."])
def test_a_prover_that_does_not_know_what_its_former_keys_were_for_keeps_them(
    world: World, lost: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Its state is another one, or a file of it was removed: the round may be open."""
    world.prover.close()
    path = world.directory / "state" / lost
    path.unlink() if path.is_file() else path.rename(world.directory / "lost")
    world.prover = world.start(world.open())
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            world.retire()
    assert keys_of(world) == (True, False)
    assert "event=keys-kept" in caplog.text and "rotate-keys --now" in caplog.text


def test_a_sealing_key_of_which_nothing_is_known_stays(world: World) -> None:
    """Neither the state nor the keystore says what it was for: shares may have been sealed to it all the same."""
    world.prover.close()
    (world.directory / "state").rename(world.directory / "lost")
    for path in (world.directory / "keys").glob("s*-*.json"):
        path.unlink()
    world.prover = world.start(world.open())
    for _ in range(3):
        world.retire()
    assert keys_of(world) == (True, False)


def test_a_round_that_takes_years_keeps_former_keys_for_no_longer_than_the_setting_says(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """A stranger opens it just before members change."""
    submit = START + world.chain.terms.windows.submit
    world.chain.opened[0] = world.chain.opened[0]._replace(submit=submit, settle=START + 7300 * DAY)
    pass_time(world, 89 * DAY)  # type: ignore[arg-type]
    with caplog.at_level(logging.WARNING):
        world.retire()
    assert world.kept
    assert "event=former-keys-kept" in caplog.text, "its operator is told which round keeps them"
    pass_time(world, DAY)  # type: ignore[arg-type]
    with caplog.at_level(logging.WARNING):
        world.retire()
        world.retire()
    assert not world.kept
    assert "event=former-keys-given-up" in caplog.text


@pytest.mark.parametrize("shows_events", [True, False])
def test_pauses_of_the_market_keep_former_keys_for_no_longer(world: World, shows_events: bool) -> None:
    """They move the deadlines of a round that takes submissions, but not when it was opened."""
    submit = START + world.chain.terms.windows.submit
    world.chain.opened[0] = world.chain.opened[0]._replace(submit=submit, settle=START + 7300 * DAY)
    world.chain.pause()
    pass_time(world, 6 * DAY)  # type: ignore[arg-type]
    world.chain.resume()
    assert world.node.round(world.chain.terms.task_id, 0).submit_deadline == submit + 6 * DAY
    world.node.forgets_events = not shows_events
    pass_time(world, 84 * DAY)  # type: ignore[arg-type]
    for _ in range(3):
        world.retire()
    assert world.kept != shows_events
    pass_time(world, 6 * DAY)  # type: ignore[arg-type]
    for _ in range(3):
        world.retire()
    assert not world.kept, "by its deadline, where a node keeps no old events"


def test_a_task_of_which_all_is_over_is_looked_at_once(world: World) -> None:
    """Strangers make as many as they like."""
    world.node.strangers = 50
    world.retire()
    assert world.node.looked_at == 50 + 1
    for _ in range(3):
        world.retire()
    assert world.kept
    assert world.node.looked_at == 50 + 4, "but for that whose round is open"


def test_a_look_at_many_tasks_is_broken_off_and_gone_on_with_at_once(world: World) -> None:
    """Its thread deletes shares as well."""
    world.until(-2 * HOUR)
    world.clock.sleep(HOUR)
    world.node.strangers, world.node.slow = 25, 2.0
    for looks in (10, 20, 26):
        world.prover.retire(int(world.clock.time()))
        assert world.node.looked_at == looks
    assert not world.kept


def test_a_prover_whose_rounds_outlast_former_keys_says_so_when_it_starts(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    own, task = world.settings, world.node.task(world.chain.terms.task_id)
    windows = replace(task.terms.windows, submit=20 * DAY, settle=70 * DAY)
    for needed in (90, 91):
        windows = replace(windows, settle=70 * DAY + needed - 90)
        caplog.clear()
        prover_start._warn_of_former_keys([replace(task, terms=replace(task.terms, windows=windows))], own)
        assert ("event=former-keys-short days=90 needed=91" in caplog.text) == (needed == 91)


def keys_of(world: World) -> tuple[bool, bool]:
    """Whether the old sealing key is here, and whether the former members' shared keys are not."""
    old = Keystore.load(world.directory / "keys")
    return old.opens_shares, old.has_forgotten(world.reference)


def test_a_prover_says_who_it_is_among_the_members_that_are_named(world: World) -> None:
    old, new = world.prover.status(world.reference), world.prover.status()
    assert (old.address, old.prover, old.keys_ready) == (world.old.address, OWN, True)
    assert (new.address, new.prover, new.keys_ready) == (world.new.address, OWN, False)
    assert world.prover.status(world.digest(world.epochs[1])) == new
    strangers = world.digest(replace(world.epochs[0], members=(b"\x66" * 20, *world.epochs[0].members[1:])))
    assert world.prover.status(strangers) == new
    for act in (
        lambda: world.prover.deal(1, strangers),
        lambda: world.prover.accept(1, (), strangers),
        lambda: world.prover.confirm(1, (), strangers),
    ):
        with pytest.raises(UnknownError, match="other members"):
            act()


def test_a_lying_node_of_three_has_no_shared_keys_dealt_to_strangers(world: World) -> None:
    """They are dealt to one list of public keys, for good: the node would learn them, and the members get none."""
    recipients = world.directory / "keys" / f"recipients-{world.reference.hex()}.json"
    strangers = tuple(public_key(generate()) for _ in world.hpke_keys)

    class Naming(Later):
        def committee_record(self, committee_id: int, epoch: int | None = None) -> CommitteeRecord:
            own = super().committee_record(committee_id, epoch)
            return replace(own, hpke_keys=strangers) if self.lies else own

    liar = Naming(world.chain, count=3, hpke_keys=world.hpke_keys, epochs=world.epochs)
    world.restart(liar)
    liar.lying = 10_000
    world.prover.deal(1, world.reference)
    assert strangers[0].hex() not in recipients.read_text()
    assert world.hpke_keys[0].hex() in recipients.read_text()


def test_shared_keys_of_members_whose_round_is_open_are_dealt_though_others_came_since(world: World) -> None:
    """A change right after a round was opened would leave it without, for good."""
    assert world.prover.deal(1, world.reference) == (), "the first member of each set deals; but it is no refusal"
    recipients = list((world.directory / "keys").glob("recipients-*.json"))
    assert [path.name for path in recipients] == [f"recipients-{world.reference.hex()}.json"]


def test_a_share_is_opened_with_the_key_of_its_round(world: World) -> None:
    assert world.prover.seats.of_round(world.chain.terms.task_id, 0).keystore.address == world.old.address
    world.until(-2 * HOUR)
    world.retire()
    assert world.prover.seats.of_round(world.chain.terms.task_id, 0) is world.prover.seats.present
    assert int(world.clock.time()) > START


def test_heads_are_a_provers_own_by_the_keys_of_seats_that_it_has_not_left(world: World) -> None:
    """Whoever has stolen the others would silence it for good."""
    environment = world.prover.seats.present.environment
    assert environment.signers == {world.old.address, world.new.address}
    world.until(-2 * HOUR)
    world.retire()
    assert environment.signers == {world.new.address}


def test_a_key_is_given_up_when_most_nodes_say_that_it_was_revoked(world: World) -> None:
    """A node that lies would hide that the ledger is an old copy."""
    world.restart(world.node, world.another())
    environment = world.prover.seats.present.environment
    assert not environment.is_revoked(world.old.address)
    world.chain.revoked = {world.old.address}
    assert environment.is_revoked(world.old.address)
    assert not environment.is_revoked(world.new.address)
    world.chain.revoked = set()
    with pytest.MonkeyPatch.context() as lie:
        lie.setattr(world.node, "revoked", lambda _: frozenset({world.old.address}))
        assert not environment.is_revoked(world.old.address)


def test_sums_are_given_though_the_shared_keys_of_no_list_of_members_are_here(world: World) -> None:
    """Whoever was absent when they were set up has its share of the sum as well.

    And one corrupt member that rotates, and then accepts no keys, keeps those of the new list from everybody.
    """
    certificate = certificate_of_others()
    request = release.requests(certificate, [OWN])[OWN]
    with pytest.raises(NotReadyError, match="the market has not accepted this batch yet"):  # all the rest holds
        world.prover.run(request)
    world.old.save_shared(world.reference, SharedKeys({(0, 1, 2): b"\x07" * 32}, confirmed=False))
    with pytest.raises(NotReadyError, match="the market has not accepted this batch yet"):
        world.prover.run(request)
    world.until(-2 * HOUR)
    world.retire()
    assert not world.prover.seats.former
    assert not world.prover.keys_ready
    with pytest.raises(NotReadyError, match="the market has not accepted this batch yet"):
        world.prover.run(request)


def certificate_of_others() -> Certificate:
    """Of a batch that the members who keep their keys have attested."""
    network = network_with(2)
    return network.run(reachable=set(range(4)) - {OWN}).completed.bundle.certificate
