"""One run: owners, four provers, a coordinator and a chain, through everything that a schedule says, then in peace.

While things go wrong nothing wrong may come out (`invariants`); once they have stopped, the round comes to its end.
"""

from __future__ import annotations

import random
import secrets
import shutil
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Self

import numpy as np

from circuits.arrays import FloatArray
from circuits.errors import GradrollError
from circuits.quantize import Quantized, quantize
from circuits.statement import Committee, Policy, SubmissionHeader
from circuits.terms import NO_DIGEST, MarketId, Pay, TaskTerms, Windows
from commons.protocol.bundle import Certificate
from commons.protocol.certified import Attesters, combined
from commons.protocol.status import SubmissionState
from commons.settings.sections import CoordinatorSettings, ProverSettings
from commons.sharing.dealing import OwnerSeeds, share_gradient
from commons.sharing.sealedbodies import SealedChunk
from commons.sharing.sealing import public_key
from commons.storage.accounts import SigningKey
from commons.storage.eventlog import EventLog, SqliteLog
from commons.storage.parameters import PublicParameters
from commons.wire import sharestreams
from coordinator.coordinator import Coordinator, Equipment
from coordinator.journal import VERSIONS, Journal
from provers.joining.keystore import Keystore
from provers.prover import Prover, own_membership
from provers.store import Store
from tests.simulation.world.chain import ModelChain
from tests.simulation.world.clock import NodeClock, WorldClock
from tests.simulation.world.disk import CrashError, SimulatedDisk
from tests.simulation.world.network import InOrder, Line, Wire
from tests.simulation.world.nodes import Account, NodeView
from tests.simulation.world.participants import PROVERS, Owner, Signers
from tests.simulation.world.schedule import DISK, NETWORK, TURN, Lie, Schedule, Strike
from tests.support.faults import REWRITES, lie
from tests.support.network import Fault
from tests.support.parameters import DevelopmentParameters
from tests.support.plain_batch import Setup, development_setup, seed_of
from tests.support.uploads import sealed_upload

THRESHOLD, DIMENSION = 1, 5
BOUND, FRACTION_BITS = 1 << 40, 16
SUM_SECRET = seed_of("key for sums")
"""Of the key to which private sums are sealed."""
CONFIRMATIONS = 6
"""Above the deepest reorganisation of a schedule."""
NODES = 3
"""That each party asks."""
TROUBLED, PEACEFUL, NEXT_ROUND = 16, 40, 3
"""Turns in which things go wrong, most turns of peace in which the rounds must end, and the turn of a second round."""
PAY = Pay(bonus=1, coordinator_batch=500, coordinator_gradient=50, prover_batch=30, prover_gradient=3)
FEE_TURNS = 16
"""Most turns, an eighth of the availability window apart, in which all fees must be settled."""
MARKET = MarketId(31337, bytes(19) + b"\x42", b"\x43" * 32)


class World:
    """Everything of one run.  A context manager, for its directory."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.peace = False
        self.events: Counter[str] = Counter()
        self.seen_released: set[bytes] = set()  # sets whose release was looked at
        self.ends: dict[
            bytes, tuple[SubmissionState, int]
        ] = {}  # of submissions: what became of them, when it was seen
        self.watch: Callable[[str], object] = lambda site: None  # told of every opportunity for trouble
        self._seen: Counter[str] = Counter()
        self._strikes = {(s.site, s.at): s for s in schedule.strikes}
        shared = Path("/dev/shm")  # noqa: S108 - in memory where there is such a place: runs write a lot
        self.directory = Path(tempfile.mkdtemp(prefix="gradroll-world-", dir=shared if shared.is_dir() else None))
        self.clock = WorldClock()
        self.setup = self._setup()
        self.account = SigningKey.from_secret(seed_of("coordinator"))
        self.keystores = [Keystore.create(self.directory / f"prover-{p}" / "keys") for p in range(PROVERS)]
        self.chain = self._chain()
        self.wire = Wire(self.clock, self._running, partial(self._strike, NETWORK), self._prover_crashed)
        self.clocks = [NodeClock(self.clock) for _ in range(PROVERS)]
        self.own_clock = NodeClock(self.clock)
        self.nodes = [NodeView(self.chain, count=NODES) for _ in range(PROVERS + 1)]
        self.disks = [SimulatedDisk(partial(self._strike, DISK)) for _ in range(PROVERS)]
        self.own_disk = SimulatedDisk(partial(self._strike, DISK))
        self.provers: list[Prover | None] = [None] * PROVERS
        self.back = [0] * PROVERS  # turn at which a stopped prover comes back
        self.lines = [self._line(p) for p in range(PROVERS)]
        self.coordinator: Coordinator | None = None
        self.turn = 0
        self.headers: dict[bytes, SubmissionHeader] = {}  # of every submission, in the order of their dealing
        self.owners = self._owners()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for prover in range(PROVERS):
            self._stop_prover(prover)
        self._stop_coordinator()
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def liars(self) -> frozenset[int]:
        return frozenset(one.prover for one in self.schedule.lies)

    @property
    def committee(self) -> Committee:
        return self.chain.committee

    def run(self, check: Callable[[World], None]) -> None:
        """Trouble, then peace, looking at everything after each turn."""
        self._open_round()
        for _ in range(TROUBLED):
            self._turn()
            check(self)
        self._make_peace()
        for turn in range(PEACEFUL):
            if turn > 1 and self.ended:
                break
            if turn == PEACEFUL - 5 - CONFIRMATIONS:  # what has no result by now gets none before the round is over
                self.clock.advance(self.chain.terms.windows.submit + self.chain.terms.windows.settle)
            self._turn()
            check(self)
        self._settle_fees()
        check(self)

    def _settle_fees(self) -> None:
        """Time for which the model owner may ask for sums goes by, and more: there are hours between blocks now, and
        a node that lags by some of them would be away for days.
        """
        for node in self.nodes:
            node.behind = 0
        for _ in range(FEE_TURNS):
            if self.coordinator is not None:
                with self.coordinator.journal.reading() as state:
                    if not state.fees_open:
                        return
            self.clock.advance(self.chain.terms.windows.availability // 8)
            self._turn()

    @property
    def ended(self) -> bool:
        """Whether the coordinator has nothing left to do, and no owner either."""
        if self.coordinator is None or (not all(owner.entered for owner in self.owners) and not self._is_late()):
            return False
        with self.coordinator.journal.reading() as state:
            return not state.open_rounds() if len(state.rounds) == self.schedule.rounds else self._is_late()

    def _is_late(self) -> bool:
        return self.chain.head.time > self.chain.opened[-1].submit + 60

    def _turn(self) -> None:
        self._strike_turn()
        for prover in range(PROVERS):
            if self.provers[prover] is None and self.turn >= self.back[prover]:
                self._start_prover(prover)
        if self.coordinator is None:
            self._start_coordinator()
        if len(self.chain.opened) < self.schedule.rounds and self.turn == NEXT_ROUND:
            self._open_round()
        for owner in self.dealers:
            self._renew(owner)
            if not owner.entered and owner.round < len(self.chain.opened):
                self._submit(owner)
        if self.coordinator is not None:
            self._guarding(self.coordinator.turn)
        for running in self.provers:
            if running is not None and self.turn % 5 == 4:
                self._tidy(running)
        self.wire.deliver_late()
        self.chain.mine()
        self.turn += 1

    @property
    def dealers(self) -> list[Owner]:
        """Whoever has something to hand in."""
        return self.owners

    def _open_round(self) -> None:
        self.chain.open_round()

    def _tidy(self, prover: Prover) -> None:
        try:
            prover.tidy()
        except CrashError:
            self._prover_crashed(self.provers.index(prover))

    def _strike(self, site: str) -> tuple[str, int] | None:
        self.watch(site)
        at = self._seen[site]
        self._seen[site] += 1
        found = None if self.peace else self._strikes.get((site, at))
        if found is None:
            return None
        self.events[found.kind] += 1
        return found.kind, found.arg

    def _strike_turn(self) -> None:
        found = self._strike(TURN)
        if found is not None:
            self._befall(Strike(TURN, self.turn, *found))

    def _befall(self, strike: Strike) -> None:
        arg = strike.arg
        match strike.kind:
            case "restart-prover":
                self._stop_prover(arg % PROVERS)
            case "stop-prover":
                self._stop_prover(arg % PROVERS)
                self.back[arg % PROVERS] = self.turn + 4
            case "restart-coordinator":
                self._stop_coordinator()
            case "lose-shares":
                self._lose_shares(self.provers[arg % PROVERS])
            case "clock":
                (*self.clocks, self.own_clock)[abs(arg) % (PROVERS + 1)].skew = arg
            case "submit-again":
                self._submit_again(self.owners[arg % len(self.owners)])
            case "submit-another":
                self.owners[arg % len(self.owners)].insists = True
            case "relay":
                self._relay()
            case _:
                self._befall_chain(strike.kind, arg)

    def _befall_chain(self, kind: str, arg: int) -> None:
        match kind:
            case "reorganise":
                self.chain.reorganise(arg)
            case "lose-blocks":
                self.chain.reorganise(arg, forgetful=True)
            case "pause":
                self._guarding(self.chain.pause)
            case "node-down":
                for node in self.nodes if arg % 2 else (self.nodes[arg // 2 % len(self.nodes)],):
                    node.down = arg
            case "node-lies":
                self.nodes[-1].lying = arg
            case "node-hangs":
                for node in self.nodes if arg else self.nodes[-1:]:
                    node.hanging = True
            case "lag":
                for node in self.nodes:
                    node.behind = arg

    @staticmethod
    def _lose_shares(prover: Prover | None) -> None:
        if prover is not None:
            with prover.store._database.transaction() as connection:
                connection.execute("DELETE FROM shares")

    def _submit_again(self, owner: Owner) -> None:
        """The same header and receipts once more."""
        if owner.entered and self.coordinator is not None and owner.header is not None:
            header, receipts = owner.header, dict(owner.receipts)
            self._guarding(lambda: self._coordinator().admission.submit(header, receipts))

    def _relay(self) -> None:
        """A stranger hands in what provers have attested; nobody need have seen all signatures."""
        attesters = Attesters(self.committee, self.chain.policy.verifier_code)
        for number in range(len(self.chain.opened)):
            found = [one for line in self.lines for one in self._kept(line, number)]
            for form in combined(found, attesters):
                try:
                    Account(self.nodes[0]).accept_batch(form.statement, form.proof, form.attestations, form.payee)
                    self.events["relayed"] += 1
                except GradrollError:
                    self.events["not-relayed"] += 1

    def _kept(self, line: Line, number: int) -> list[Certificate]:
        """What a prover has of a round, if it answers."""
        try:
            return [line.certificate(batch_id) for batch_id in line.batches(self.chain.terms.task_id, number)]
        except GradrollError:
            return []

    def _coordinator(self) -> Coordinator:
        assert self.coordinator is not None
        return self.coordinator

    def _guarding(self, act: Callable[[], object]) -> None:
        """Work of the coordinator's process; it may die there."""
        try:
            act()
        except CrashError:
            self.events["coordinator-crashed"] += 1
            self._stop_coordinator()
        except GradrollError:
            self.events["coordinator-refused"] += 1

    def _make_peace(self) -> None:
        self.peace = True
        for node in self.nodes:
            node.down = node.lying = 0
            node.hanging = False
        for disk in (*self.disks, self.own_disk):
            disk.healthy = True
        for clock in (*self.clocks, self.own_clock):
            clock.skew = 0
        self.back = [0] * PROVERS
        if self.chain.pauses.is_paused(int(self.clock.now)):
            self.chain.resume()

    def _renew(self, owner: Owner) -> None:
        """What an owner's client does once its submission has expired: it begins a fresh one, while there is time."""
        if owner.header is None or not owner.entered or self.coordinator is None or not self.is_open(owner.round):
            return
        with self.coordinator.journal.reading() as state:
            status = state.status_of(owner.header.digest(self.chain.context(owner.round)))
        if status is not None and status.state is SubmissionState.EXPIRED:
            self.events["renewed"] += 1
            owner.lacked = not owner.is_everywhere
            owner.header, owner.upload, owner.receipts, owner.entered = None, None, {}, False
            owner.earlier += 1

    def is_open(self, number: int) -> bool:
        """Whether a round takes submissions."""
        return self.chain.head.time <= self.chain.opened[number].submit

    def _submit(self, owner: Owner) -> None:
        """Hand the shares to provers that have not confirmed them, and the header in when a quorum has."""
        try:
            if owner.header is None:
                self._deal(owner)
            header = owner.header
            assert header is not None
            if self._hands_on(owner):
                self._offer(owner, header)
            for prover in set(range(PROVERS)) - owner.receipts.keys():
                self._share(owner, header, prover)
            if len(owner.receipts) >= self.committee.quorum and self.coordinator is not None:
                self.coordinator.admission.submit(header, owner.receipts)
                owner.entered = True
                if owner.insists:
                    self._submit(replace(owner, header=None, upload=None, receipts={}, entered=False, insists=False))
        except CrashError:
            self.events["coordinator-crashed"] += 1
            self._stop_coordinator()
        except GradrollError as error:
            self.events[f"owner: {error.code}"] += 1

    def _hands_on(self, owner: Owner) -> bool:
        """Whether an owner has the coordinator hand its shares on: every second one, those that come first too."""
        return self.coordinator is not None and owner.index % 2 == 0

    def _offer(self, owner: Owner, header: SubmissionHeader) -> None:
        """Upload to the coordinator, and take the receipts that it has by then."""
        upload, submission = owner.upload, header.digest(self.chain.context(owner.round))
        assert upload is not None
        here: list[int] = []

        def sent() -> Iterator[SealedChunk]:
            yield from (upload.chunk(index) for index in range(here[0], upload.count))

        try:
            head = sharestreams.offer_from_wire(sharestreams.offer_to_wire(upload.head))
            for taken in self._coordinator().take(head, sent()):
                here.append(taken)
            owner.receipts |= self._coordinator().deliveries.status(submission).receipts
        except GradrollError as error:
            self.events[f"offer: {error.code}"] += 1

    def _share(self, owner: Owner, header: SubmissionHeader, prover: int) -> None:
        upload = owner.upload
        assert upload is not None
        try:
            owner.receipts[prover] = self.lines[prover].submit_shares(
                upload.head.share(prover), upload.body(prover), header.digest(self.chain.context(owner.round))
            )
        except GradrollError as error:
            self.events[f"share: {error.code}"] += 1

    def _deal(self, owner: Owner) -> None:
        seeds = OwnerSeeds.from_bytes(secrets.token_bytes(OwnerSeeds.length(self.committee)))
        sharing = share_gradient(owner.quantized, self.chain.terms.bound, self.setup.commitment, self.committee, seeds)
        header = SubmissionHeader(
            self.chain.terms.task_id, owner.round, owner.key.address, owner.index, sharing.commitment, sharing.digests
        )
        self._dealt(owner, header, sharing.payloads)

    def _dealt(self, owner: Owner, header: SubmissionHeader, payloads: tuple[bytes, ...]) -> None:
        context = self.chain.context(owner.round)
        owner.header = header.signed(context, owner.key.sign)
        owner.upload = sealed_upload(
            owner.header, context, payloads, self.committee, self.chain.hpke_keys, owner.key.sign
        )  # fmt: skip
        self.headers[owner.header.digest(context)] = owner.header

    def _running(self, prover: int) -> Prover | None:
        return self.provers[prover]

    def _prover_crashed(self, prover: int) -> None:
        self.events["prover-crashed"] += 1
        self._stop_prover(prover)

    def _stop_prover(self, prover: int) -> None:
        running, self.provers[prover] = self.provers[prover], None
        if running is not None:
            running.close()

    def _start_prover(self, prover: int) -> None:
        home = self.directory / f"prover-{prover}"
        settings = ProverSettings(
            listen="127.0.0.1:1", endpoint="127.0.0.1:1", keystore=home / "keys", state=home / "state",
            committee=self.committee.committee_id, confirmations=CONFIRMATIONS,
        )  # fmt: skip
        try:
            keystore = Keystore.load(home / "keys")
            membership = own_membership([self.nodes[prover]], self.committee.committee_id, keystore.address)
            with ExitStack() as undo:
                store = Store(home / "state", max_bytes=1 << 30, disk=self.disks[prover], clock=self.clocks[prover])
                undo.callback(store.close)  # a process that dies lets go of its files
                self.provers[prover] = Prover(
                    settings, membership, keystore, [self.nodes[prover]], store, self._parameters(), self.clocks[prover]
                )
                undo.pop_all()
        except CrashError:
            self.events["prover-crashed"] += 1
        except GradrollError as error:
            self.events[f"prover-start: {error.code}"] += 1

    def _stop_coordinator(self) -> None:
        running, self.coordinator = self.coordinator, None
        if running is not None:
            running.close()

    def _start_coordinator(self) -> None:
        home = self.directory / "coordinator"
        settings = CoordinatorSettings(
            listen="h:1",
            log="sqlite:///unused",
            account=home,
            state=home,
            poll_interval=1.0,
            longest_pause=30.0,
            confirmations=CONFIRMATIONS,
        )
        inline = InOrder()
        try:
            equipment = Equipment(
                settings, self.account, Account(self.nodes[-1], self.account.address),
                Journal(self._log(home)), home, self._parameters(),
                self._connect, self.own_clock, inline, inline, inline, inline, inline, threading.Event(), self.own_disk,
            )  # fmt: skip
            self.coordinator = Coordinator(equipment)
        except CrashError:
            self.events["coordinator-crashed"] += 1
        except GradrollError as error:
            self.events[f"coordinator-start: {error.code}"] += 1

    def _log(self, home: Path) -> EventLog:
        return SqliteLog(home / "events.sqlite", VERSIONS, self.own_disk)

    def _connect(self, endpoint: str) -> Line:
        return self.lines[int(endpoint.removeprefix("prover-").partition(":")[0])]

    def _parameters(self) -> PublicParameters:
        return DevelopmentParameters(self.setup)

    def _line(self, prover: int) -> Line:
        told = [one for one in self.schedule.lies if one.prover == prover]
        return Line(self.wire, prover, [self._lie(one) for one in told], Signers(PROVERS, self.keystores))

    def _lie(self, one: Lie) -> Fault:
        return lie(*REWRITES[one.name], one.times)

    def _setup(self) -> Setup:
        return development_setup("norm", self.schedule.capacity, DIMENSION)

    def _terms(self) -> TaskTerms:
        return TaskTerms(
            committee_id=1, verifier=bytes(20), coordinator=self.account.address, dimension=DIMENSION,
            fraction_bits=FRACTION_BITS, bound=BOUND, min_owners=self.schedule.least, capacity=self.schedule.owners,
            rounds=10, windows=Windows(3600, 86_400), pay=PAY, market=MARKET, task_id=7,
            creator=bytes(19) + b"\x41", sum_key=public_key(SUM_SECRET) if self.schedule.private else NO_DIGEST,
        )  # fmt: skip

    def _chain(self) -> ModelChain:
        committee = Committee(1, THRESHOLD, tuple(k.address for k in self.keystores))
        capacity = self.setup.proving.policy.capacity
        policy = Policy(capacity, self.setup.verifying.key_hash, seed_of("verifier's code"))
        return ModelChain(
            self.clock, self._terms(), policy, self.setup.verifying, committee, b"\x45" * 32,
            tuple(f"prover-{p}:1" for p in range(PROVERS)), tuple(k.hpke_public for k in self.keystores),
        )  # fmt: skip

    def _quantized(self, gradient: FloatArray) -> Quantized:
        return quantize(gradient, fraction_bits=FRACTION_BITS, bound=BOUND, dimension=DIMENSION)

    def _owners(self) -> list[Owner]:
        source = np.random.default_rng(self.schedule.seed)
        order = random.Random(self.schedule.seed)
        made = []
        for number in range(self.schedule.rounds):
            for index in range(self.schedule.owners):
                gradient = source.normal(0, 1, DIMENSION)
                quantized = self._quantized(gradient)
                made.append(Owner(index, number, SigningKey.from_secret(seed_of("owner", index)), quantized))
        self.chain.owners = {owner.index: owner.key.address for owner in made}
        order.shuffle(made)
        return made
