"""No node alone has a stake sent twice or in vain, hides what is due, or sends a juror to another committee's pool."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from circuits.errors import ChainError, InvalidInputError, NotReadyError
from commons.chain import datadecoding
from commons.chain.dataaccount import DataAccount
from commons.chain.juryfacts import CaseStage, Verdict
from commons.chain.nodeagreement import NoAgreementError
from commons.samples.contributions import Ground
from gradroll.datamarket.contributor import Contributor
from gradroll.datamarket.datastate import DataState
from gradroll.datamarket.juror import Juror
from gradroll.datamarket.reviewer import Reviewer
from tests.datamarket.datastage import CONTRIBUTOR, HOUR, OTHER, REVIEWER, DataStage, bundle_of, sample
from tests.datamarket.lyingnodes import lying, three_nodes

BUNDLE = bundle_of(sample(1, 10, 20, 30), sample(2, 40, 50, 60))


@pytest.fixture
def stage(own_stage: DataStage) -> DataStage:
    return own_stage


def test_a_stake_that_one_node_hides_is_not_sent_again(
    stage: DataStage, state: DataState, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = stage.campaign()
    number = stage.reviewed(stage.account(CONTRIBUTOR), campaign, BUNDLE)
    own = Reviewer(stage.account(REVIEWER), state)
    made = own.challenge(number, 0, Ground.JUDGED)
    three_nodes(monkeypatch, own._data)
    lying(monkeypatch, own._data, "committed_challenges", lambda _: [])
    assert own.challenge(number, 0, Ground.JUDGED) == made
    lies = iter(([], [made + 1], [made]))
    monkeypatch.setattr(own._data, "committed_challenges", lambda *_: next(lies))
    with pytest.raises(NoAgreementError):
        own.challenge(number, 0, Ground.JUDGED)
    assert stage.data.challenges(campaign) == [made]


def test_what_is_due_is_not_hidden_by_one_node_nor_held_up_by_nodes_that_differ(
    stage: DataStage, state: DataState, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = stage.campaign()
    number = stage.reviewed(stage.account(CONTRIBUTOR), campaign, BUNDLE)
    own, contributor = Reviewer(stage.account(REVIEWER), state), Contributor(stage.account(REVIEWER), state, 1)
    made = own.challenge(number, 0, Ground.JUDGED)
    bundle = contributor.commit(campaign, bundle_of(sample(0, 70, 80, 90)))
    for data, name in ((own._data, "committed_challenges"), (contributor._data, "committed_bundles")):
        three_nodes(monkeypatch, data)
        lying(monkeypatch, data, name, lambda _: [])
    assert (own.pending(), contributor.pending()) == ([made], [bundle])

    def differ(ask: Any) -> Any:
        raise NoAgreementError("each says something else")

    monkeypatch.setattr(own._data.chain, "most", differ)
    assert own.pending() == [made]


def test_no_stake_is_sent_on_an_original_that_one_node_invents(
    stage: DataStage, state: DataState, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = stage.campaign()
    earlier = stage.reviewed(stage.account(CONTRIBUTOR), campaign, BUNDLE)
    stage.pass_time(HOUR // 2 + 60)
    later = stage.reviewed(stage.account(OTHER), campaign, bundle_of(sample(3, 10, 20, 30)))
    own = Reviewer(stage.account(REVIEWER), state)
    own.library.add(earlier, BUNDLE)
    own.library.add(later, bundle_of(sample(3, 10, 20, 30)))
    three_nodes(monkeypatch, own._data)
    true = own._data.bundle
    lies = iter([0] * 2)

    def told(number: int) -> Any:
        record = true(number)
        return replace(record, shown=0) if number == earlier and next(lies, None) is not None else record

    monkeypatch.setattr(own._data, "bundle", told)
    with pytest.raises(InvalidInputError, match="no original"):  # two of three say that it never came under review
        own.challenge(later, 0, Ground.DUPLICATE, original=(earlier, 0))
    lies = iter([0])
    own.challenge(later, 0, Ground.DUPLICATE, original=(earlier, 0))


def test_terms_are_the_ones_that_the_identifier_names(
    stage: DataStage, state: DataState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else one node has a juror stake in the pool of a committee that shows its cases' samples to nobody."""
    campaign = stage.campaign()
    true = datadecoding.campaign_terms

    def fails(what: str) -> None:
        juror, who = Juror(stage.account(1), state), Contributor(stage.account(CONTRIBUTOR), state, 1)
        with pytest.raises(ChainError, match=what):
            juror.join(campaign, 1)
        with pytest.raises(ChainError, match=what):
            who.commit(campaign, BUNDLE)

    with monkeypatch.context() as patched:
        patched.setattr(datadecoding, "campaign_terms", lambda raw: replace(true(raw), committee_id=7))
        fails("other terms of the campaign than its identifier names")
    with monkeypatch.context() as patched:
        opened = datadecoding.opened
        patched.setattr(
            datadecoding, "opened", lambda log: (opened(log)[0], replace(opened(log)[1], deposit=1), opened(log)[2])
        )
        fails("other terms")
    assert stage.data.terms(campaign) == stage.terms()
    assert Juror(stage.account(1), state).join(campaign, 1)


def test_an_appeal_is_against_a_verdict_that_most_nodes_show(
    stage: DataStage, state: DataState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = stage.campaign()
    number = stage.reviewed(stage.account(CONTRIBUTOR), campaign, BUNDLE)
    juror = Juror(stage.account(1), state)
    juror.join(campaign, 4)
    own = Reviewer(stage.account(REVIEWER), state)
    own.challenge(number, 0, Ground.JUDGED)
    stage.pass_time(HOUR + 1)
    own.open(own.pending()[0])
    stage.pass_time(2 * HOUR + 1)
    stage.settler().settle(campaign)
    opener = stage.opener(CONTRIBUTOR)
    with pytest.raises(NotReadyError, match="no verdict about sample 0"):
        opener.appealable(number, 0)
    stage.pass_time(1, 10)
    stage.settler().settle(campaign)
    case = stage.data.dispute(number, 0).case
    juror.vote(case, Verdict.GOOD)
    stage.pass_time(HOUR + 1)
    juror.reveal(case)
    stage.pass_time(HOUR + 1)
    with monkeypatch.context() as patched:
        three_nodes(patched, opener._data)
        lying(patched, opener._data.jury, "case", lambda record: replace(record, stage=CaseStage.APPEALABLE))
        with pytest.raises(NotReadyError):
            opener.appealable(number, 0)
    stage.settler().settle(campaign)
    first = opener.appealable(number, 0)
    assert (first.verdict, first.good) == (Verdict.GOOD, 3)


def test_a_damaged_file_of_an_own_bundle_is_written_anew_before_it_is_committed_to(
    stage: DataStage, state: DataState, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = state.contributions.file_by_root(BUNDLE.tree().root)
    path.parent.mkdir(parents=True)
    path.write_bytes(BUNDLE.encode()[:-1] + b"\xff")
    found = []
    sending = DataAccount.commit_bundle

    def noted(self: DataAccount, *given: Any) -> int:
        found.append(path.read_bytes())
        return sending(self, *given)

    monkeypatch.setattr(DataAccount, "commit_bundle", noted)
    Contributor(stage.account(CONTRIBUTOR), state, 1).commit(stage.campaign(), BUNDLE)
    assert found == [BUNDLE.encode()]
