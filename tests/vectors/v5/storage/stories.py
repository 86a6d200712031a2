"""What the stored logs of the latest versions tell: every kind of event, and every kind of ledger entry."""

from __future__ import annotations

from functools import cache, partial

import native
from circuits.statement import REFERENCE_INDEX, Context, SubmissionHeader
from commons.protocol.ledgerheads import LedgerHead, head_digest
from commons.storage.submissions import SavedSubmission
from coordinator import events
from provers.party import ledger
from tests.support.plain_batch import MARKET, address_of, seed_of, sign

ROUND = (7, 1)
CONTEXT = Context(MARKET, *ROUND[:1], seed_of("terms"), ROUND[1], seed_of("model"), seed_of("key"), 1 << 40, 10)
BATCH, TRANSACTION = seed_of("batch"), seed_of("transaction")


@cache
def header(index: int) -> SubmissionHeader:
    """An owner's header, with both signatures."""
    key = seed_of("an owner's key", index)
    digests = tuple(seed_of("share", index, prover) for prover in range(4))
    commitment = native.g1_mul(native.g1_generator, index + 2)
    unsigned = SubmissionHeader(*ROUND, address_of(key), index, commitment, digests)
    return unsigned.signed(CONTEXT, partial(sign, key))


def submission(index: int) -> bytes:
    """Its identifier."""
    return header(index).digest(CONTEXT)


def story() -> tuple[events.Event, ...]:
    """One round: a batch that was paid and read, one that the chain refused, submissions that came to nothing."""
    first, second, third, fourth, fifth = (submission(index) for index in range(5))
    refused, closed = seed_of("another batch"), "a cohort of one is too small"
    return (
        events.MarketNamed(MARKET.chain_id, MARKET.address, MARKET.deployment),
        *(events.HeaderAccepted(submission(i), header(i), (0, 1, 3)) for i in range(6)),
        events.ShareDelivered(first, 2),
        events.HeaderRefused(ROUND[0], "bad-signature", seed_of("a forged header"), ROUND[1]),
        events.HeaderRefused(ROUND[0], "closed", seed_of("a late header"), ROUND[1]),
        events.GroupsDrawn(*ROUND, ((first, second, third, fifth),), ((fourth,),), (submission(5),)),
        events.CohortBegun(*ROUND, (first, second, third, fifth)),
        events.AttemptUsed(*ROUND, 1),
        events.ProverBlamed(*ROUND, 2, "MASK", "a wrong share: “it does not fit”", True),
        events.CohortFailed(*ROUND, "deadbeef", False, 1_700_000_000),
        events.AttemptUsed(*ROUND, 2),
        events.OwnerDropped(third, "validity: norm above the bound", True),
        events.SetLocking(*ROUND, (first, second)),
        events.ExclusionSigned(*ROUND, 2, third, (0, 1, 3), tuple(seed_of("half", p) * 2 + b"\x1b" for p in range(3))),
        events.ExclusionSigned(*ROUND, 4, fifth, (0, 1, 3), tuple(seed_of("half", p) * 2 + b"\x1b" for p in range(3))),
        events.ExclusionEnded(*ROUND, 4),
        events.OwnerDropped(fifth, "unattributed: nobody can say who is at fault", False),
        events.BatchProven(*ROUND, BATCH, (first, second), seed_of("bundle")),
        events.TransactionSent(BATCH, TRANSACTION),
        events.BatchSettled(BATCH, True, ""),
        events.SumOpened(BATCH, seed_of("sum")),
        events.SumPublished(BATCH, seed_of("publication")),
        events.CohortBegun(*ROUND, (fourth,)),
        events.CohortFailed(*ROUND, closed, True, 1_700_000_060),
        events.BatchProven(*ROUND, refused, (), seed_of("another bundle")),
        events.BatchSettled(refused, False, "RoundClosed"),
        *graded(),
        events.RoundClosed(*ROUND, "too few owners: 1 of the 2 that a batch needs"),
        events.FeesEnded(*ROUND),
        events.RoundsForgotten(ROUND[0], ROUND[1] - 1, ("closed", "validity"), (2, 1)),
    )


def graded() -> tuple[events.Event, ...]:
    """A batch that was graded against a copy of a reference; one of its owners has no weight."""
    copy, owner, batch = header(REFERENCE_INDEX), submission(5), seed_of("a graded batch")
    reference = copy.digest(CONTEXT)
    return (
        events.HeaderAccepted(reference, copy, (0, 1, 2, 3)),
        events.OrderDrawn(*ROUND, (owner,)),
        events.CohortBegun(*ROUND, (reference, owner)),
        events.BatchProven(*ROUND, batch, (owner,), seed_of("a graded bundle")),
        events.BatchGraded(batch, reference, (-(1 << 40),), (0,), (0,)),
        events.BatchSettled(batch, True, ""),
    )


def member(index: int) -> ledger.Member:
    """An owner's submission as a prover's ledger has it."""
    owner = ledger.owner_key(CONTEXT, header(index).owner)
    return ledger.Member(owner, seed_of("commitment", index), submission(index))


def entries() -> tuple[ledger.Entry, ...]:
    """One round of a prover whose ledger was once restored from a copy."""
    proposal, chosen = seed_of("proposal"), ledger.Selection.plain(member(i) for i in range(2))
    head = LedgerHead(9, seed_of("head"), bytes(65))
    digest = head_digest(MARKET.domain, 0, 3, head.count, head.digest)
    signed = LedgerHead(head.count, head.digest, sign(seed_of("a prover's key"), digest))
    return (
        ledger.CohortJoined(seed_of("cohort"), tuple(member(i) for i in range(3))),
        ledger.PeerSeen(3, signed.encode()),
        ledger.HeadSeen(3, address_of(seed_of("a prover's key")), signed.encode()),
        ledger.AttemptStarted(ledger.round_key(CONTEXT), 1, seed_of("proposal that failed")),
        ledger.AttemptStarted(ledger.round_key(CONTEXT), 2, proposal),
        ledger.Combined(proposal),
        ledger.GradedLocked(ledger.GradedSet.of((member(2), member(0), member(1)))),
        ledger.Locked(chosen),
        ledger.Released(chosen),
        ledger.Restored(1_700_000_000, 12),
        ledger.CohortJoined(seed_of("a later cohort"), (member(3),)),
        ledger.RoundsClosed(ROUND[0] + 1, 4),
    )


def earlier() -> tuple[ledger.Entry, ...]:
    """The round before that one, of which a prover keeps no record any more."""
    return (ledger.CohortJoined(seed_of("an earlier cohort"), (member(4),)), ledger.Combined(seed_of("earlier")))


def saved() -> SavedSubmission:
    """A submission that has two of its receipts, and took the place of one that expired."""
    receipts = {0: sign(seed_of("receipt", 0), bytes(32)), 3: sign(seed_of("receipt", 3), bytes(32))}
    seeds, earlier = seed_of("seed", 0) + seed_of("seed", 1), (seed_of("an expired submission"),)
    parts = tuple(seed_of("a sealed part", prover) for prover in range(4))
    return SavedSubmission(header(0), seed_of("gradient"), seeds, receipts, earlier, seed_of("an upload's key"), parts)
