"""What a transaction of the data market does that is mined twice: the table in docs/operations.md."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from circuits.errors import ContractError
from commons.chain.dataaccount import NO_SAMPLE, ChallengeOpening, ProvenSample
from commons.chain.juryfacts import Verdict, vote_commitment
from commons.chain.juryview import pool_of
from commons.samples.contributions import Ground, Outcome, bundle_commitment, challenge_commitment
from tests.commons.test_sent_twice import tables
from tests.datamarket.datastage import (
    CONTRIBUTOR,
    HOUR,
    OTHER,
    OWNER,
    REVIEWER,
    SCHEMA,
    DataStage,
    bundle_of,
    sample,
)

BUNDLE = bundle_of(sample(1, 10, 20, 30), sample(2, 40, 50, 60), sample(3, 250, 0, 0), sample(1, 10, 20, 31))
ROOT, DIGEST = BUNDLE.tree().root, BUNDLE.content_digest
SALT = b"\x09" * 32


@pytest.fixture
def stage(own_stage: DataStage) -> DataStage:
    return own_stage


def refused(name: str, act: Callable[[], object], which: int = 0) -> None:
    """The first time it is done, the second time it is refused as the table says."""
    act()
    with pytest.raises(ContractError) as caught:
        act()
    assert caught.value.error == re.findall(r"`([A-Z]\w+)`", tables()[2][name])[which]


def shown(index: int) -> ProvenSample:
    return ProvenSample(BUNDLE.samples[index], BUNDLE.tree().proof(index))


def challenged(stage: DataStage, campaign: bytes, bundle: int, index: int, ground: Ground) -> ChallengeOpening:
    who = stage.account(REVIEWER)
    made = challenge_commitment(campaign, bundle, ROOT, index, ground, bytes(32), who.address, SALT)
    return ChallengeOpening(who.commit_challenge(campaign, made), bundle, index, SALT)


def reviewed(stage: DataStage, campaign: bytes) -> int:
    """A bundle of the contributor's under review."""
    who = stage.account(CONTRIBUTOR)
    number = who.commit_bundle(campaign, 4, bundle_commitment(campaign, ROOT, DIGEST, 4, who.address, SALT))
    stage.pass_time(1, 2)
    refused("openBundle", lambda: who.open_bundle(number, ROOT, DIGEST, SALT))
    receipts = stage.receipts(number)
    refused("attest", lambda: who.attest_bundle(number, receipts))
    return number


def test_a_campaign_and_its_bundles(stage: DataStage) -> None:
    owner, who = stage.account(OWNER), stage.account(CONTRIBUTOR)
    campaign = stage.campaign()
    given = (stage.terms().words, (0, 3, 1, 4, 0, 0, 2, b"\x64"), 0, 100_000)
    with pytest.raises(ContractError) as caught:
        owner._campaigns("open", *given, value=100_000, gas=10**6)
    assert caught.value.error == "CampaignExists"
    assert [owner.fund_campaign(campaign, 500) and owner.data.campaign(campaign).free for _ in range(2)] == [
        100_500, 101_000
    ]  # fmt: skip
    commitment = bundle_commitment(campaign, ROOT, bytes(32), 4, who.address, SALT)
    refused("commit", lambda: who.commit_bundle(campaign, 4, commitment))
    (first,) = who.data.committed_bundles(campaign, who.address, commitment)
    refused("close", lambda: owner.close_campaign(campaign))
    stage.pass_time(HOUR + 1, 2)
    refused("voidBundle", lambda: who.void_bundle(first))
    refused("withdraw", lambda: owner.withdraw_campaign(campaign))


def test_challenges_with_and_without_proof_and_a_jury(stage: DataStage) -> None:
    campaign = stage.campaign()
    terms = stage.data.campaign(campaign).terms
    who, reviewer, owner = stage.account(CONTRIBUTOR), stage.account(REVIEWER), stage.account(OWNER)
    jurors = [stage.juror(each) for each in (1, 2, 3, 4)]
    for juror, slots in zip(jurors, (3, 3, 3, 1), strict=True):
        juror.join(pool_of(terms), slots)
    assert jurors[3].join(pool_of(terms), 1) and len(stage.data.jury.slots(jurors[3].address)) == 2
    refused("resign", lambda: jurors[3].resign(11))
    number = reviewed(stage, campaign)
    judged, again = (challenged(stage, campaign, number, 0, Ground.JUDGED) for _ in range(2))
    assert judged.challenge < again.challenge
    schema = challenged(stage, campaign, number, 2, Ground.SCHEMA)
    copy = challenged(stage, campaign, number, 3, Ground.DUPLICATE)
    unopened = challenged(stage, campaign, number, 1, Ground.JUDGED)
    stage.pass_time(HOUR + 1)
    refused("revealJudged", lambda: reviewer.reveal_judged(judged, b"", SCHEMA))
    reviewer.reveal_judged(again, b"", SCHEMA)
    refused("proveSchema", lambda: reviewer.prove_schema(schema, shown(2), SCHEMA))
    refused("proveDuplicate", lambda: reviewer.prove_duplicate(copy, shown(3), (number, 0), shown(0), SCHEMA))
    stage.pass_time(HOUR + 1)
    refused("settleBundle", lambda: who.settle_bundle(number))
    refused("settleSample", lambda: who.settle_sample(number, 2))
    refused("burnChallenge", lambda: who.burn_challenge(unopened.challenge))
    refused("closeEpoch", lambda: owner.close_epoch(campaign))
    stage.pass_time(HOUR + 1)
    refused("openCase", lambda: reviewer.open_case(number, 0, NO_SAMPLE, SCHEMA))
    _judge(stage, number, round_=0)
    refused("appeal", lambda: stage.account(OTHER).appeal(number, 0))
    _judge(stage, number, round_=1)
    who.settle_sample(number, 0)
    case = stage.data.dispute(number, 0).case
    refused("claimJurorFee", lambda: owner.claim_juror_fee(number, 0, 0, 0))
    refused("release", lambda: jurors[0].release_seat(case, 0, 0), 1)
    refused("release", lambda: reviewer.release_challenge(again.challenge))
    stage.pass_time(3 * HOUR)
    refused("withdraw", lambda: jurors[3].withdraw_slot(11), 1)
    assert reviewer.collect(terms.token) > 0
    assert reviewer.collect(terms.token) == 0


def _judge(stage: DataStage, number: int, round_: int) -> None:
    case, jury = stage.data.dispute(number, 0).case, stage.data.jury
    stage.pass_time(1, 10)
    refused("draw", lambda: stage.juror(OTHER).draw(case))
    record = jury.case(case)
    by_address = {stage.juror(each).address: stage.juror(each) for each in (1, 2, 3, 4)}
    seats = [(index, by_address[jury.seat(case, round_, index).juror]) for index in range(record.sitting.size)]
    for index, juror in seats:
        made = vote_commitment(jury.deployment, case, round_, index, juror.address, Verdict.BAD, SALT)
        if index == 0:
            refused("commitVote", lambda made=made, juror=juror: juror.commit_vote(case, round_, 0, made))  # type: ignore[misc]
        else:
            juror.commit_vote(case, round_, index, made)
    stage.pass_time(HOUR + 1)
    for index, juror in seats:
        if index == 0:
            refused("revealVote", lambda juror=juror: juror.reveal_vote(case, round_, 0, Verdict.BAD, SALT))  # type: ignore[misc]
        else:
            juror.reveal_vote(case, round_, index, Verdict.BAD, SALT)
    stage.pass_time(HOUR + 1)
    refused("close", lambda: stage.juror(OTHER).close_case(case), 1)


def test_what_an_owner_decides_and_a_contributor_concedes(stage: DataStage) -> None:
    campaign = stage.campaign(stage.owner_decides())
    who, reviewer, owner = stage.account(CONTRIBUTOR), stage.account(REVIEWER), stage.account(OWNER)
    number = reviewed(stage, campaign)
    openings = [challenged(stage, campaign, number, index, Ground.JUDGED) for index in (0, 1)]
    stage.pass_time(HOUR + 1)
    for opening in openings:
        reviewer.reveal_judged(opening, b"", SCHEMA)
    stage.pass_time(HOUR + 1)
    refused("concede", lambda: who.concede(number, 0))
    stage.pass_time(HOUR + 1)
    refused("ownerVerdict", lambda: owner.owner_verdict(number, 1, Outcome.BAD))
    other = bundle_of(sample(0, 1, 1, 1))
    commitment = bundle_commitment(campaign, other.tree().root, bytes(32), 1, who.address, SALT)
    inline = who.commit_bundle(campaign, 1, commitment)
    stage.pass_time(1, 2)
    refused("openInline", lambda: who.open_inline(inline, other.samples, SALT, SCHEMA))
