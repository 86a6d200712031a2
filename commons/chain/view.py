"""Read-only view of the contracts: tasks, rounds, owners, committees, accepted batches.

The functions it calls are named by their signatures, which a test compares with the contracts' ABI; only the code of
verifiers is compared with an artifact.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from eth_utils.address import to_canonical_address, to_checksum_address

from circuits.errors import ChainError, UnknownError
from circuits.statement import Committee, Context, Policy
from circuits.terms import CommitteeTerms, MarketId, TaskTerms
from commons.chain import decoding
from commons.chain.blockwatch import BlockWatch
from commons.chain.contractevents import Events
from commons.chain.deploymentwatch import DeploymentWatch
from commons.chain.depth import HEAD, BlockHead
from commons.chain.facts import (
    ROSTER_SIZE,
    AcceptedBatch,
    Claimable,
    CommitteeRecord,
    ExcludedOwner,
    HeldFees,
    MemberRecord,
    PostedSubmission,
    RecordedBatch,
    TaskRecord,
)
from commons.chain.heldfees import read_held_fees
from commons.chain.nodememo import NodeMemo
from commons.chain.openings import read_opening
from commons.chain.rosterreader import RosterReader
from commons.chain.rpc import ErrorTable, Rpc
from commons.chain.tokens import Tokens
from commons.chain.verifiers import Verifier, read_verifier
from commons.protocol.references import Opening
from commons.settings.sections import ChainSettings
from commons.settings.values import Depth
from native import G2

UNKNOWN = (
    "TaskUnknown(uint256)", "RoundUnknown(uint256,uint256)", "OwnerUnknown(uint256,uint256)",
    "CommitteeUnknown(uint256)", "EpochUnknown(uint256,uint256)",
    "SetUnknown(bytes32)", "ListingUnknown(bytes32)", "BountyUnknown(bytes32)", "EntryUnknown(uint256)",
    "CampaignUnknown(bytes32)", "BundleUnknown(uint256)", "ChallengeUnknown(uint256)", "CaseUnknown(uint256)",
    "SlotUnknown(uint256)", "SeatUnknown(uint256,uint256,uint256)",
)  # fmt: skip
_ROSTER_AGE = 60.0
"""Seconds for which it serves that a task has indices left."""


class Opened(NamedTuple):
    """What a round was opened with.

    Attributes:
        model_digest: Keccak-256 of the model.
        epoch: of the committee.
    """

    model_digest: bytes
    epoch: int


class ChainView(RosterReader):
    """The market and what belongs to it, seen through one node or several.  Thread-safe; keeps what never changes.

    Every method raises ChainError while the node shows another deployment of the market than at the start.

    Attributes:
        events: the market's.
        registry_events: the committee registry's.
    """

    def __init__(
        self, url: str, market: bytes, *, expected_chain_id: int | None = None, timeout: float = 30.0,
        from_block: int = 0, absent_after: float = 900.0,
    ) -> None:  # fmt: skip
        """Connect.

        Args:
            from_block: where searches for events begin; the market's deployment is a good choice.
            absent_after: as of ``Rpc``.

        Raises:
            ChainError: unreachable, another chain than expected, or no market at the address.
        """
        self.rpc = Rpc(url, ErrorTable(UNKNOWN), timeout=timeout, absent_after=absent_after, chain=expected_chain_id)
        self.chain_id = self.rpc.chain_id
        self.market = market
        deployment = self._read_deployment()
        if deployment is None:
            raise ChainError(
                f"there is no such contract at {to_checksum_address(market)} on chain {self.chain_id}; check the "
                "address"
            )
        self.market_id = MarketId(self.chain_id, market, deployment)
        self._terms = NodeMemo[int, TaskTerms](self.rpc)
        self._verifiers = NodeMemo[bytes, Verifier](self.rpc)
        self._levels = NodeMemo[bytes, bool](self.rpc)
        self._rosters = NodeMemo[int, bool](self.rpc, seconds=_ROSTER_AGE)
        self._signers = NodeMemo[tuple[int, int], bytes](self.rpc)
        self._opened = NodeMemo[tuple[int, int], Opened](self.rpc)
        self._openings = NodeMemo[bytes, Opening](self.rpc)
        self._committees = NodeMemo[tuple[int, int], Committee](self.rpc)
        self._committee_terms = NodeMemo[int, CommitteeTerms](self.rpc)
        self._fixed = NodeMemo[str, Any](self.rpc)
        self.tokens = Tokens(self.rpc)
        self._blocks = BlockWatch(self.rpc, self._forget)
        self._watch = DeploymentWatch(deployment, self._looked_at_deployment, self._forget)
        self.registry = to_canonical_address(self._market("registry()", [], ["address"])[0])
        self.events = Events(self.rpc, market, self._watch.look, from_block)
        self.registry_events = Events(self.rpc, self.registry, self._watch.look, from_block)

    @classmethod
    def of(cls, chain: ChainSettings, url: str | None = None) -> ChainView:
        """The market of [chain], on the chain that the settings say; ``url``: through another node.

        Raises ChainError as the constructor.
        """
        return cls(
            url or chain.url, chain.market,
            expected_chain_id=chain.chain_id, timeout=chain.timeout, from_block=chain.from_block,
            absent_after=chain.absent_after,
        )  # fmt: skip

    def now(self) -> int:
        """The chain's time, seconds since 1970: that of the latest block.

        Deadlines are the chain's, and a machine's clock may jump: it has no say.
        """
        return self.block(HEAD).timestamp

    def block(self, depth: Depth) -> BlockHead:
        """The latest block that so many vouch for, itself among them; the first one of a chain that is shorter."""
        self._watch.look()
        return self.rpc.block(depth)

    @property
    def factory(self) -> bytes:
        """Address of the factory, whose verifiers alone the market takes."""
        return to_canonical_address(self._constant("factory()", "address"))

    @property
    def guardian(self) -> bytes:
        """Who may pause the acceptance of batches; zeros for nobody."""
        return to_canonical_address(self._constant("guardian()", "address"))

    @property
    def minimum_window(self) -> int:
        """Shortest submit and settle window of a task, seconds."""
        return int(self._constant("minimumWindow()", "uint32"))

    def task(self, task_id: int) -> TaskRecord:
        """Terms and state of a task.  Raises UnknownError."""
        raw, creator, owner, pending, coordinator, *counts, stated, changes = self._market(
            "task(uint256)", [task_id], [decoding.TASK]
        )[0]
        terms = decoding.terms(raw, self.market_id, task_id, to_canonical_address(creator))
        if terms.terms_hash != stated:
            self._watch.look_now()
            raise ChainError("the market hashes a task's terms in another way than this release; update it")
        offered = to_canonical_address(pending)
        return TaskRecord(
            terms, to_canonical_address(owner), offered if any(offered) else None, to_canonical_address(coordinator),
            *(*counts, changes),
        )  # fmt: skip

    def coordinator(self, task_id: int) -> bytes:
        """Signing address of a task's coordinator at present.  Raises UnknownError."""
        return self.task(task_id).coordinator

    def terms(self, task_id: int) -> TaskTerms:
        """Terms of a task.  Raises UnknownError."""
        return self._terms.get(task_id, lambda: self.task(task_id).terms)

    def policy(self, task_id: int) -> Policy:
        """Policy of a task.  Raises UnknownError, and ContractError as ``policy_of``."""
        return self.policy_of(self.terms(task_id).verifier)

    def policy_of(self, verifier: bytes) -> Policy:
        """Policy of a verifier contract, whose address vouches for its key.

        Raises:
            ContractError: it is not a contract of this release.
        """
        return self._verifier(verifier).policy

    def tau(self, task_id: int) -> G2:
        """[tau]_2 of the reference string that a task's verifier is for.  Raises as ``policy``."""
        return self.tau_of(self.terms(task_id).verifier)

    def tau_of(self, verifier: bytes) -> G2:
        """[tau]_2 of the reference string that a verifier contract is for.  Raises as ``policy_of``."""
        return self._verifier(verifier).tau

    def is_levelled(self, verifier: bytes) -> bool:
        """Whether a verifier contract gives each gradient a level, by which bonuses are divided."""
        return bool(self._levels.get(verifier, lambda: self.call(verifier, "levelled()", [], ["bool"])[0]))

    def task_count(self) -> int:
        """How many tasks were created."""
        return int(self._market("taskCount()", [], ["uint256"])[0])

    def task_ids(self, first: int = 0, last: int | None = None) -> tuple[int, ...]:
        """Identifiers of the tasks in the order of creation, from position ``first`` up to, without, ``last``."""
        count = self.task_count()
        end = count if last is None else min(last, count)
        return tuple(int(self._market("taskAt(uint256)", [at], ["uint256"])[0]) for at in range(first, end))

    def context(self, task_id: int, number: int) -> Context:
        """The context of a round.  Raises UnknownError."""
        digest = self._opened_with(task_id, number).model_digest
        return Context.of(self.terms(task_id), number, digest, self.policy(task_id))

    def opening(self, task_id: int, number: int) -> Opening:
        """What a round of a task that grades was opened with.  Raises UnknownError."""
        digest = self._opened_with(task_id, number).model_digest
        return self._openings.get(digest, lambda: read_opening(self.events, task_id, number, digest))

    def opened_at(self, task_id: int, number: int) -> int:
        """When a round was opened, from its event, which no pause of the market moves.  Raises UnknownError."""
        deadlines = self.events.read(decoding.opened, decoding.ROUND_OPENED, task_id, number)
        if not deadlines:
            raise UnknownError(f"the node shows no event of the opening of round {number}; does it keep old events?")
        return deadlines[0] - self.terms(task_id).windows.submit

    def owner_at(self, task_id: int, index: int) -> bytes:
        """Address of the signer with a registration index.  Raises UnknownError.

        It is kept, until blocks are replaced: only when a task has given out all indices, those of owners that left are
        given out again.
        """
        if self._rosters.get(task_id, lambda: self.task(task_id).owners == ROSTER_SIZE):
            return self.owner(task_id, index).signer
        return self._signers.get((task_id, index), lambda: self.owner(task_id, index).signer)

    def owner_index(self, task_id: int, signer: bytes) -> int | None:
        """Registration index of a signer, also of one that has left; None for one that was never registered."""
        registered, index, _ = self._enrolment(task_id, signer)
        return index if registered else None

    def admitted(self, task_id: int, signer: bytes) -> bool:
        """Whether a signer may be registered: admitted by the model owner, or the task is open."""
        return bool(self._enrolment(task_id, signer)[2])

    def compacted(self, task_id: int, chunk: int) -> int:
        """How many owners of a chunk of the roster are in its copy in code."""
        return int(self._market("compacted(uint256,uint256)", [task_id, chunk], ["uint256"])[0])

    def claimable(self, task_id: int, index: int, through: int) -> Claimable:
        """What a claim of all rounds before ``through`` would pay an owner now.  Raises UnknownError."""
        amount, following = self._market(
            "claimable(uint256,uint256,uint256)", [task_id, index, through], ["uint256", "uint256"]
        )
        return Claimable(amount, following)

    def owed(self, token: bytes, account: bytes) -> int:
        """What an account can collect of a token: fees, and payments that it did not take."""
        return int(self._market("owed(address,address)", [token, account], ["uint256"])[0])

    def committee(self, committee_id: int, epoch: int | None = None) -> Committee:
        """Threshold and members of a committee in an epoch, the present one if none is named.  Raises UnknownError."""
        key = (committee_id, self._epoch(committee_id) if epoch is None else epoch)
        return self._committees.get(key, lambda: self.committee_record(*key).committee)

    def committee_of_round(self, task_id: int, number: int) -> Committee:
        """The members whose attestations count in a round: those of the epoch in which it was opened."""
        return self.committee(self.terms(task_id).committee_id, self._opened_with(task_id, number).epoch)

    def committee_record(self, committee_id: int, epoch: int | None = None) -> CommitteeRecord:
        """A committee with the endpoints and keys of an epoch's members, of the present ones if none is named.

        Raises UnknownError.
        """
        known = self._epoch(committee_id) if epoch is None else epoch
        place = "committeeAtEpoch(uint256,uint256)", [committee_id, known]
        return decoding.committee(committee_id, known, self.call(self.registry, *place, decoding.COMMITTEE))

    def committee_terms(self, committee_id: int) -> CommitteeTerms:
        """The terms of a committee, which never change.  Raises UnknownError."""
        ask = ("terms(uint256)", [committee_id], [decoding.COMMITTEE_TERMS])
        known, read = self._committee_terms, decoding.committee_terms
        return known.get(committee_id, lambda: read(self.call(self.registry, *ask)[0]))

    def member(self, committee_id: int, index: int) -> MemberRecord:
        """The member at an index of a committee, at present, and the change that waits for it.  Raises UnknownError."""
        raw = self.call(self.registry, "membership(uint256,uint256)", [committee_id, index], [decoding.MEMBER])[0]
        return cast(MemberRecord, self.rpc.guarded(lambda: decoding.member(raw)))

    def revoked(self, committee_id: int) -> frozenset[bytes]:
        """Keys of a committee's members, of all epochs, that were revoked: their attestations count nowhere."""
        return frozenset(self.registry_events.read(decoding.revoked_key, decoding.KEY_REVOKED, committee_id))

    def accepted(self, task_id: int, number: int) -> tuple[AcceptedBatch, ...]:
        """All accepted batches of a round, in order, from the events."""
        terms = self.terms(task_id)
        told = self.events.find(decoding.AGGREGATE_PUBLISHED, task_id, number) if terms.inline_payload else []
        published = self.rpc.guarded(lambda: decoding.published(told))
        batches = self.events.read(decoding.accepted, decoding.BATCH_ACCEPTED, task_id, number)
        return tuple(
            AcceptedBatch(
                task_id, number, record, tuple(self.owner_at(task_id, i) for i in record.indices),
                terms.pay.flat, tuple(published.get(record.batch_index, ())),
            )
            for record in sorted(batches, key=lambda record: record.batch_index)
        )  # fmt: skip

    def accepted_ids(self, task_id: int, number: int, last: int | None = None) -> frozenset[bytes]:
        """Identifiers of all batches of a round that were accepted up to a block, or at all, from the events."""
        batches = self.events.read(decoding.accepted, decoding.BATCH_ACCEPTED, task_id, number, last=last)
        return frozenset(record.batch_id for record in batches)

    def posted(self, task_id: int, number: int) -> tuple[PostedSubmission, ...]:
        """Submissions that owners posted in a round, in order, from the events."""
        told = [
            (log, self.owner_at(task_id, decoding.poster(log)))
            for log in self.events.find(decoding.SUBMISSION_POSTED, task_id, number)
        ]
        return tuple(self.rpc.guarded(lambda: [decoding.posted(log, (task_id, number), who) for log, who in told]))

    def recorded(self, task_id: int, number: int, batch_id: bytes, depth: Depth) -> RecordedBatch | None:
        """An accepted batch by its identifier, if so many blocks vouch for it, its own among them.

        Raises ChainError also where its event is of another block than the same node's chain has there.
        """
        place = decoding.BATCH_ACCEPTED, task_id, number, batch_id
        return self.events.first(decoding.accepted, *place, depth=depth)

    def posted_since(self, block: int) -> tuple[set[tuple[int, int]], int]:
        """Tasks and rounds in which anybody posted a submission in a block or later, and the number of the last block.

        Args:
            block: 0 for all that there are.
        """
        last = self.rpc.head().number
        return set(self.events.read(decoding.round_of, decoding.SUBMISSION_POSTED, first=block, last=last)), last

    def accepted_between(self, first: int, last: int) -> frozenset[tuple[int, int]]:
        """Tasks and rounds of which batches were accepted in these blocks, both among them."""
        return frozenset(self.events.read(decoding.round_of, decoding.BATCH_ACCEPTED, first=first, last=last))

    def excluded(self, task_id: int, number: int | None = None) -> tuple[ExcludedOwner, ...]:
        """Owners that a quorum excluded for a dealing in a round, or in any, in order, from the events."""
        return tuple(self.events.read(decoding.excluded, decoding.OWNER_EXCLUDED, task_id, number))

    def held_fees(self, task_id: int, number: int, batch: int | None = None) -> Mapping[int, HeldFees]:
        """Fees that the market holds for a round, or one batch of it, as its events said last.

        Raises:
            ChainError: the events do not say what the market holds; some are missing, or it changed meanwhile.
        """
        batches = range(self.round(task_id, number).batches) if batch is None else (batch,)
        return read_held_fees(self._market, self.events, task_id, number, batches, batch)

    def _verifier(self, verifier: bytes) -> Verifier:
        return self._verifiers.get(verifier, lambda: read_verifier(self.call, self.rpc.code, verifier))

    def _read_deployment(self) -> bytes | None:
        if not self.rpc.code(self.market):
            return None
        return bytes(self.rpc.call(self.market, "deployment()", [], ["bytes32"])[0])

    def _looked_at_deployment(self) -> bytes | None:
        self._blocks.look()
        return self._read_deployment()

    def _forget(self) -> None:
        for memo in (self._terms, self._verifiers, self._levels, self._rosters, self._signers, self._opened,
                     self._committees, self._committee_terms, self._fixed):  # fmt: skip
            memo.forget()
        self.tokens.forget()

    def _opened_with(self, task_id: int, number: int) -> Opened:
        """It stays, until a look shows that blocks were replaced: it is asked for again and again for one share.

        Raises UnknownError.
        """

        def ask() -> Opened:
            record = self.round(task_id, number)
            return Opened(record.model_digest, record.epoch)

        return self._opened.get((task_id, number), ask)

    def _constant(self, signature: str, kind: str) -> Any:
        return self._fixed.get(signature, lambda: self._market(signature, [], [kind])[0])

    def _enrolment(self, task_id: int, signer: bytes) -> tuple[Any, ...]:
        return self._market("ownerIndex(uint256,address)", [task_id, signer], ["bool", "uint256", "bool"])

    def _epoch(self, committee_id: int) -> int:
        kinds = ["uint256", "uint256", "uint256", "bool"]
        return int(self.call(self.registry, "shape(uint256)", [committee_id], kinds)[2])
