"""COIN and PROJECT: fix the sign matrix once for each submission, and open projections that show every entry is small.

An owner's masks hide its gradient in one projection only, so a submission is projected with one sign matrix in its
life: the cohort that it is first proposed in decides, with the shared keys that give the coin, and the ledger remembers
both.  No one knows the coin before the cohort is fixed, so an owner cannot choose a gradient for the matrix.

Corruption bound: the coin is unpredictable and the projections reveal nothing but smallness against t provers.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

import native
from circuits.errors import SignatureError, WireError
from circuits.statement import (
    Committee,
    Context,
    SubmissionHeader,
    sign_seed,
)
from commons.protocol.bodies import MOST_SEEN, CoinBody
from commons.protocol.keypackages import keys_digest
from commons.protocol.ledgerheads import MOST_LOST, LedgerHead, head_digest
from commons.protocol.messages import Cohort, Step, StepRequest
from commons.protocol.relay import take
from commons.protocol.rules import checked_values
from commons.protocol.signing import require_owner, signs
from commons.sharing.prss import Purpose
from commons.sharing.reconstruct import open_scalar
from provers.party import ledger, noising
from provers.party.environment import Environment
from provers.party.memory import Joined, Party, Projected
from provers.party.steps import RestoredError, StepResult, check_context, members_of, references_of, require_continuity


def coin(party: Party, env: Environment, request: StepRequest) -> StepResult:
    """COIN: check every header, bind the submissions to this cohort, toss."""
    cohort = request.cohort
    if cohort is None or cohort.cohort_id != request.session:
        raise WireError("COIN comes with its cohort")
    check_context(env, cohort.context)
    _check_reference(env, cohort)
    indices = tuple(header.owner_index for header in cohort.owners)
    env.require_eligible(cohort.context, indices)
    owners = env.owners_at(cohort.context.task_id, indices)
    for header, owner in zip(cohort.owners, owners, strict=True):
        if owner != header.owner:
            raise SignatureError(f"0x{header.owner.hex()} is not owner {header.owner_index} of this task")
    for header, digest in zip(cohort.headers, cohort.digests, strict=True):
        _check_header(party, header, cohort.context)
        env.shares(digest)
    require_continuity(env, cohort.context)
    named = ledger.joined_cohort(request.session, party.reference, keys_digest(party.keys.keys))
    joined = ledger.CohortJoined(named, members_of(cohort.context, cohort.headers))
    env.ledger.check(joined)
    share = party.keys.random(request.session, Purpose.COIN, 1)
    news = () if env.ledger.has(joined) else (joined,)
    head = _own_head(party, env, cohort.context, news)
    body = CoinBody(native.to_ints(share)[0], party.nonce, head, _seen(party, env)).encode()
    # Asked again it stays where it is: who repeats COIN must not undo a projection.
    known = party.cohorts.get(request.session, Joined(cohort))
    return StepResult(party.with_cohort(request.session, known), body, news)


def _own_head(party: Party, env: Environment, context: Context, news: tuple[ledger.CohortJoined, ...]) -> LedgerHead:
    """The head of this prover's ledger with its news, as it will be when the message leaves."""
    count, digest = env.ledger.count, env.ledger.heads[env.ledger.count]
    for entry in news:
        count, digest = env.ledger.head_after(entry)
    signed = head_digest(context.market.domain, party.committee.committee_id, party.index, count, digest)
    return LedgerHead(count, digest, env.sign(signed))


def _seen(party: Party, env: Environment) -> tuple[tuple[int, LedgerHead], ...]:
    """The highest head of each peer's ledger, with each key that it has had: first those of the present members.

    One that was replaced may have signed as high a count as it liked, and must not stand before its successor.
    """
    members = party.committee.members
    known = [(p, raw) for (p, signer), raw in env.ledger.peers.items() if signer in members]
    known += [(p, raw) for (p, signer), raw in reversed(env.ledger.peers.items()) if signer not in members]
    return tuple((p, LedgerHead.decode(raw)) for p, raw in sorted(set(known[:MOST_SEEN])))


def _news_of_peers(
    party: Party, env: Environment, context: Context, coins: Mapping[int, CoinBody]
) -> tuple[ledger.Entry, ...]:
    """What the others say of their own ledgers, and of this one.

    Raises:
        RestoredError: a head of this ledger is shown that it does not have.
    """
    known, members = env.ledger.peers, party.committee.members
    highest = {of: LedgerHead.decode(raw) for of, raw in known.items()}
    for sender, coin in coins.items():
        for prover, shown in ((sender, coin.head), *coin.seen):
            if prover == party.index:
                if env.ledger.lacks(shown.count, shown.digest) and _is_own(party, env, context, shown):
                    raise RestoredError(ledger.Restored(env.now(), min(shown.count, MOST_LOST)))
                continue
            if not _is_signed(party.committee, context, prover, shown):
                continue
            of = prover, members[prover]
            if of not in highest or shown.count > highest[of].count:
                highest[of] = shown
    news = ((of, highest[of].encode()) for of in sorted(highest))
    return tuple(ledger.HeadSeen(*of, raw) for of, raw in news if known.get(of) != raw)


def _is_signed(committee: Committee, context: Context, prover: int, shown: LedgerHead) -> bool:
    digest = head_digest(context.market.domain, committee.committee_id, prover, shown.count, shown.digest)
    return prover < committee.size and signs(committee.members[prover], digest, shown.signature)


def _is_own(party: Party, env: Environment, context: Context, shown: LedgerHead) -> bool:
    """Whether this prover signed a head, with whichever key of an open round: it has one ledger for rounds of them all.

    What a key signs that was given up says nothing: whoever stole it would silence this prover as often as it likes.
    """
    digest = head_digest(context.market.domain, party.committee.committee_id, party.index, shown.count, shown.digest)
    signer = next((one for one in env.signers if signs(one, digest, shown.signature)), None)
    return signer is not None and not env.is_revoked(signer)


def _check_reference(env: Environment, cohort: Cohort) -> None:
    """A cohort is graded if its task is, against a copy of the reference with which its round was opened."""
    graded = env.terms(cohort.context.task_id).grading_rule is not None
    if graded != (cohort.reference is not None):
        raise WireError(f"the owners of this task are {'' if graded else 'not '}graded against a reference")
    if cohort.reference is not None:
        opening = references_of(env, cohort.context)
        opening.require_copy(cohort.reference)
        for header in cohort.owners:
            opening.require_no_copy(header)


def _check_header(party: Party, header: SubmissionHeader, context: Context) -> None:
    if len(header.share_digests) != party.committee.size:
        raise WireError("a header names one share digest for each prover of the committee")
    require_owner(header, context)


def project(party: Party, env: Environment, request: StepRequest) -> StepResult:
    """PROJECT: open the coin, expand the sign matrix, send shares of all projections and dealing checks."""
    cohort = party.cohort(request.session).cohort
    senders = {m.sender for m in request.relayed}
    if len(senders) < party.committee.quorum or not senders <= set(range(party.committee.size)):
        raise WireError(f"the coin needs the shares of {party.committee.quorum} provers")
    coins = take(party.committee, request.relayed, request.session, Step.COIN, senders, CoinBody.decode)
    threshold = party.committee.threshold
    opened = open_scalar({p: b.share for p, b in coins.items()}, threshold, threshold, "coin")
    news = _news_of_peers(party, env, cohort.context, coins)
    require_continuity(env, cohort.context)
    env.ledger.require_live(*_keys(cohort))
    seed = sign_seed(request.session, opened)
    own = np.stack(checked_values([env.shares(d) for d in cohort.digests], seed))
    state = Projected(cohort, opened, seed, own)
    return StepResult(party.with_cohort(request.session, state), noising.projected(party, cohort, own).encode(), news)


def _keys(cohort: Cohort) -> tuple[list[bytes], tuple[bytes, ...]]:
    return [ledger.header_key(cohort.context, h) for h in cohort.headers], cohort.digests
