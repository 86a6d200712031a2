"""A contributor at the real contracts: commit once whatever breaks, show nothing before it is final, be attested."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from eth_utils.address import to_checksum_address

from circuits.errors import ClosedError, InvalidInputError, NotReadyError, RuleViolationError, UnknownError
from commons.artifacts.localstore import LocalStore
from commons.chain.dataaccount import DataAccount
from commons.chain.datafacts import BundleRecord, BundleStage, CampaignRecord
from commons.chain.juryview import pool_of
from commons.chain.outbox import Outbox
from commons.samples.samplebundles import SampleBundle
from gradroll.datamarket.bundlefetching import BundleLibrary
from gradroll.datamarket.contributor import Contributor
from gradroll.datamarket.datastate import DataState
from tests.datamarket.datastage import CONTRIBUTOR, HOUR, OTHER, OWNER, SCHEMA, DataStage, bundle_of, sample

BUNDLE = bundle_of(sample(1, 10, 20, 30), sample(2, 40, 50, 60))


class StoppedError(Exception):
    """The process ends here."""


def contributor(stage: DataStage, state: DataState, depth: int = 2, outbox: Outbox | None = None) -> Contributor:
    return Contributor(stage.account(CONTRIBUTOR, outbox), state, depth)


class Members:
    """The committee of the stage, which signs what it is shown."""

    def __init__(self, stage: DataStage) -> None:
        self._stage = stage

    def of_bundle(self, campaign: CampaignRecord, bundle: BundleRecord, file: Path) -> list[tuple[int, bytes]]:
        assert file.read_bytes() == BUNDLE.encode()
        assert bundle.campaign == campaign.campaign
        return self._stage.receipts(bundle.number)


def test_the_way_of_a_bundle_from_commitment_to_pay(stage: DataStage, state: DataState, tmp_path: Path) -> None:
    own, campaign = contributor(stage, state), stage.campaign()
    number = own.commit(campaign, BUNDLE)
    assert own.commit(campaign, BUNDLE) == number, "the same again is the same"
    store = LocalStore(tmp_path / "store")
    for early in (
        lambda: own.open(number), lambda: own.publish(number, store), lambda: own.attest(number, Members(stage))
    ):  # fmt: skip
        with pytest.raises(NotReadyError):
            early()
    stage.pass_time(1, 2)
    assert own.open(number).stage is BundleStage.OPENED
    assert own.open(number).root == BUNDLE.tree().root
    root = own.publish(number, store)
    assert root.digest == BUNDLE.content_digest
    assert own.attest(number, Members(stage)).stage is BundleStage.REVIEW
    stage.pass_time(2 * HOUR + 1)
    terms, account = stage.terms(), stage.account(CONTRIBUTOR)
    told: list[str] = []
    assert stage.settler(CONTRIBUTOR).settle(campaign, told.append) == 2
    assert told == [f"settle bundle {number}", "close an epoch"]
    assert account.collect(terms.token) == 2 * (terms.reward + terms.deposit)
    assert stage.settler(CONTRIBUTOR).due(campaign) == []


def test_a_commitment_that_may_still_be_undone_is_not_opened(stage: DataStage, state: DataState) -> None:
    """Its content would be public, and another's commitment to it could come before in the branch that stays."""
    campaign = stage.campaign()
    careful = contributor(stage, state, depth=6)
    number = careful.commit(campaign, BUNDLE)
    stage.pass_time(1, 3)
    with pytest.raises(NotReadyError, match="the commitment is not final"):
        careful.open(number)
    assert stage.data.bundle(number).opened == 0
    stage.pass_time(1, 2)
    assert careful.open(number).stage is BundleStage.OPENED


def test_a_commitment_that_a_reorganisation_took_is_not_opened(
    stage: DataStage, state: DataState, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, campaign = contributor(stage, state), stage.campaign()
    number = own.commit(campaign, BUNDLE)
    stage.pass_time(1, 4)
    monkeypatch.setattr(own._data, "committed_bundles", lambda *asked: [])  # the branch of most nodes has it not
    with pytest.raises(NotReadyError):
        own.open(number)
    assert stage.data.bundle(number).opened == 0


def test_one_node_alone_cannot_have_a_bundle_shown(
    stage: DataStage, state: DataState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, store = contributor(stage, state), LocalStore(tmp_path / "store")
    number = own.commit(stage.campaign(), BUNDLE)
    lie = replace(stage.data.bundle(number), stage=BundleStage.OPENED, opened=9, root=BUNDLE.tree().root)
    monkeypatch.setattr(own._data, "bundle", lambda at: lie)
    monkeypatch.setattr(own._data.chain, "most", lambda ask: None)
    witnesses = Members(stage)
    monkeypatch.setattr(witnesses, "of_bundle", lambda *asked: pytest.fail("it was shown"))
    for showing in (lambda: own.publish(number, store), lambda: own.attest(number, witnesses)):
        with pytest.raises(NotReadyError):
            showing()
    assert not any(path.is_file() for path in (tmp_path / "store").rglob("*"))


def test_an_interruption_before_or_after_anything_pays_once(
    stage: DataStage, state: DataState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = stage.campaign()

    def before(self: DataAccount, *given: object) -> int:
        raise StoppedError

    sending = DataAccount.commit_bundle

    def after(self: DataAccount, *given: object) -> int:
        sending(self, *given)  # type: ignore[arg-type]
        raise StoppedError

    salts = set()
    for breaking in (before, after):
        with monkeypatch.context() as patched, Outbox(tmp_path / "outbox") as outbox:
            patched.setattr(DataAccount, "commit_bundle", breaking)
            with pytest.raises(StoppedError):
                contributor(stage, state, outbox=outbox).commit(campaign, BUNDLE)
        (kept,) = state.contributions.all()
        salts.add(kept.salt)
    number = contributor(stage, state).commit(campaign, BUNDLE)
    assert len(salts) == 1
    assert stage.data.bundles(campaign) == [number]
    stage.pass_time(1, 2)
    assert contributor(stage, state).open(number).stage is BundleStage.OPENED


def test_the_same_samples_are_committed_to_anew_where_that_is_said(stage: DataStage, state: DataState) -> None:
    own, campaign = contributor(stage, state), stage.campaign()
    first = own.commit(campaign, BUNDLE)
    stage.pass_time(HOUR + 1, 2)
    with pytest.raises(ClosedError, match="had to be opened by"):
        own.open(first)
    stage.settler().settle(campaign)
    assert stage.data.bundle(first).stage is BundleStage.VOID
    assert own.commit(campaign, BUNDLE) == first
    assert own.commit(campaign, BUNDLE, turn=1) > first


def test_two_accounts_with_one_state_directory_commit_each_to_what_it_can_open(
    stage: DataStage, state: DataState
) -> None:
    """A commitment of another account's opens for nobody else: its deposits would be burnt."""
    campaign, others = stage.campaign(), Contributor(stage.account(OTHER), state, 2)
    numbers = [own.commit(campaign, BUNDLE) for own in (contributor(stage, state), others)]
    stage.pass_time(1, 2)
    assert others.pending() == numbers[1:]
    assert others.open(numbers[1]).stage is BundleStage.OPENED


def test_samples_in_the_chain_need_no_committee(stage: DataStage, state: DataState) -> None:
    own, campaign = contributor(stage, state), stage.campaign(stage.terms(max_bundle=300, max_samples=300))
    number = own.commit(campaign, BUNDLE, inline=True)
    stage.pass_time(1, 2)
    assert own.open(number).stage is BundleStage.REVIEW
    assert stage.data.inline_samples(number) == BUNDLE.samples
    large = bundle_of(*(sample(index % 4, index, 2 * index % 100, 90 - index) for index in range(50)))
    with pytest.raises(InvalidInputError, match="at most 1024 bytes"):
        own.check(campaign, SampleBundle(SCHEMA.digest, large.samples * 5), inline=True)


def test_anybody_hands_a_credit_out_to_whom_it_is_owed(stage: DataStage, state: DataState) -> None:
    own, other = contributor(stage, state), stage.account(OTHER)
    number = own.commit(stage.campaign(), BUNDLE, inline=True)
    stage.pass_time(1, 2)
    own.open(number)  # gives the fee of the receipts back, which it takes none of
    terms, eth = stage.terms(), stage.data.chain.rpc.web3.eth
    owed, place = stage.data.owed(terms.token, own.address), to_checksum_address(own.address)
    before = eth.get_balance(place)
    assert owed >= terms.receipt_fee
    assert other.hand_out(terms.token, own.address) == owed
    assert eth.get_balance(place) == before + owed
    assert other.hand_out(terms.token, own.address) == 0


@pytest.mark.parametrize(
    ("bundle", "why"),
    [
        (SampleBundle(b"\x01" * 32, BUNDLE.samples), "another schema"),
        (bundle_of(sample(1, 10, 20, 101)), "does not fit the schema"),
        (bundle_of(sample(1, 10, 20, 30), sample(2, 10, 21, 31)), "sample 1 is a copy of sample 0, at distance 2"),
        (bundle_of(*(sample(1, 3 * each % 100, each, 50) for each in range(51))), "at most 50 samples"),
    ],
)
def test_nothing_is_paid_for_a_bundle_that_can_be_proven_bad(
    stage: DataStage, state: DataState, bundle: SampleBundle, why: str
) -> None:
    own, campaign = contributor(stage, state), stage.campaign()
    with pytest.raises(InvalidInputError, match=why):
        own.commit(campaign, bundle)
    assert stage.data.bundles(campaign) == []


def test_who_commits_is_told_of_initial_data_and_juries_that_are_missing_and_copies_nothing_of_them(
    stage: DataStage, state: DataState
) -> None:
    initial = bundle_of(sample(0, 90, 90, 90), sample(1, 10, 21, 31))
    named = {"initial_root": initial.tree().root, "initial_digest": initial.content_digest, "initial_count": 2}
    terms = stage.terms(juror_stake=4001, **named)  # a pool of its own
    own, campaign = contributor(stage, state), stage.campaign(terms)
    assert [re.search("initial data|has 0 slots.*takes 10", each) is not None for each in own.doubts(campaign)] == [
        True, True
    ]  # fmt: skip
    BundleLibrary(stage.data, state.directory).add_initial(campaign, initial)
    with pytest.raises(InvalidInputError, match="sample 0 is a copy of sample 1 of the initial data, at distance 2"):
        own.commit(campaign, BUNDLE)
    for account, slots in ((1, 5), (2, 5)):
        stage.juror(account).join(pool_of(terms), slots)
    assert own.doubts(campaign) == []
    assert contributor(stage, state).doubts(stage.campaign(stage.owner_decides())) == []


def test_a_lost_state_directory_and_anothers_bundle(stage: DataStage, state: DataState, tmp_path: Path) -> None:
    own, campaign = contributor(stage, state), stage.campaign()
    number = own.commit(campaign, BUNDLE)
    stage.pass_time(1, 2)
    other = DataState(tmp_path / "other")
    with pytest.raises(UnknownError, match="nobody else has it"):
        contributor(stage, other).open(number)
    other.close()
    with pytest.raises(RuleViolationError, match="another account's"):
        Contributor(stage.account(OWNER), state, 1).open(number)
