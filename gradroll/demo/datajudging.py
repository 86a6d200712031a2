"""The demo's reviews and cases: copies are proven, wrong labels are seen, and what is contested comes before juries."""

from __future__ import annotations

from dataclasses import dataclass, field

from circuits.errors import ChainError
from circuits.terms import ETHER
from commons.artifacts.localstore import LocalStore
from commons.chain.juryfacts import CaseStage, Verdict
from commons.runtime.stages import stage
from commons.samples.contributions import Ground, Outcome
from gradroll.console import Console
from gradroll.datamarket.datarevealing import reveal_due
from gradroll.demo.datacampaign import COPYING, GUESSING, HONESTS, TAKING, WRONG, Campaign
from gradroll.demo.datadigits import CLASSES, labelled
from gradroll.demo.dataplay import DEPTH, Person

PROVING, LOOKING, ACCUSING = "who proves copies", "who looks at samples", "who challenges a good sample"
JURORS = tuple(f"juror {at}" for at in range(5))
SLOTS = 3
"""Of each juror: 3n + 1 are needed for a jury with its appeal, and n more for another case at the same time."""
_ANCHORED = 10
"""Blocks after which a jury can be drawn."""


@dataclass
class Judging:
    """What was challenged.

    Attributes:
        copies: places in the copier's bundle.
        bad: places of bad labels by the bundle's contributor.
        cases: numbers of the cases: of the sample that who labels wrongly contests, and of the good one.
    """

    copies: list[int] = field(default_factory=list)
    bad: dict[str, list[int]] = field(default_factory=dict)
    cases: tuple[int, int] = (0, 0)


def join_jury(campaign: Campaign, console: Console) -> None:
    """People stake slots in the pool that decides this campaign's cases."""
    for number, name in enumerate(JURORS):
        juror = campaign.play.person(name, f"juror-{number}")
        juror.roles.juror.join(campaign.name, SLOTS)
        campaign.money.joined(name, SLOTS)
    console.line(f"  {len(JURORS)} jurors stake {len(JURORS) * SLOTS} slots, of which chance draws each jury")


def review(campaign: Campaign, console: Console) -> Judging:
    """Three people fetch all bundles of the provers, and stake on what they find; all is opened when review is over."""
    console.heading("review")
    made, play = Judging(), campaign.play
    proving, looking, accusing = (
        play.person(name, f"reviewer-{number}") for number, name in enumerate((PROVING, LOOKING, ACCUSING))
    )
    with stage("reviewers fetch all bundles of the provers"):
        for who in (proving, looking):
            _fetch(campaign, who)
    _prove_copies(campaign, proving, made)
    _look(campaign, looking, made)
    _accuse(campaign, accusing)
    play.pass_time(campaign.terms.review_window)
    with stage("challenges are opened"):
        for who in (proving, looking, accusing):
            _open_all(who)
    play.pass_time(campaign.terms.reveal_window)
    console.line(f"  {len(made.copies)} samples of {COPYING} are copies: proven to the contract, which compares them")
    for name, places in made.bad.items():
        console.line(f"  {len(places)} labels of {name} are wrong, by somebody who looks; with a correction each")
    console.line(f"  a good sample of {HONESTS[0]} is challenged, too")
    return made


def _fetch(campaign: Campaign, who: Person) -> None:
    library, play = who.roles.reviewer.library, campaign.play
    library.add_initial(campaign.name, campaign.stock.initial)
    for name, (number, _) in campaign.bundles.items():
        if name != TAKING:
            library.fetch(number, LocalStore(play.work / "store"), holders=play.witnesses)


def _prove_copies(campaign: Campaign, who: Person, made: Judging) -> None:
    for number, _ in campaign.bundles.values():
        if not campaign.play.view.bundle(number).opened:
            continue
        for copy in who.roles.reviewer.review(number).copies:
            original = (copy.bundle, copy.original)
            who.roles.reviewer.challenge(number, copy.index, Ground.DUPLICATE, original=original)
            made.copies.append(copy.index)
    campaign.money.staked(who.name, len(made.copies))


def _look(campaign: Campaign, who: Person, made: Judging) -> None:
    for name in (*HONESTS, WRONG, GUESSING):
        number, _ = campaign.bundles[name]
        for index, sample in enumerate(who.roles.reviewer.library.get(number).samples):
            seen = campaign.stock.seen(sample)
            if seen != sample:
                who.roles.reviewer.challenge(number, index, Ground.JUDGED, correction=seen)
                made.bad.setdefault(name, []).append(index)
    campaign.money.staked(who.name, sum(map(len, made.bad.values())))


def _accuse(campaign: Campaign, who: Person) -> None:
    number, bundle = campaign.bundles[HONESTS[0]]
    lie = labelled(bundle.samples[0], (bundle.samples[0][1] + 1) % CLASSES)
    who.roles.reviewer.challenge(number, 0, Ground.JUDGED, correction=lie)
    campaign.money.staked(who.name, 1)


def _open_all(who: Person) -> None:
    failed = reveal_due(who.roles).failed
    if failed:
        raise failed[0][1]


def judge(campaign: Campaign, made: Judging, console: Console) -> None:
    """Contributors concede or contest; juries are drawn, one verdict is appealed against, and everything is settled."""
    console.heading("cases")
    play, contested = campaign.play, made.bad[WRONG][0]
    _settle(campaign)
    with stage("cheaters concede what nobody would believe them"):
        for name, places in made.bad.items():
            for index in places[1:] if name == WRONG else places:
                play.people[name].roles.contributor.concede(campaign.bundles[name][0], index)
    play.pass_time(campaign.terms.answer_window)
    _settle(campaign)
    subjects = ((campaign.bundles[WRONG][0], contested), (campaign.bundles[HONESTS[0]][0], 0))
    first, second = (play.view.dispute(*subject).case for subject in subjects)
    made.cases = (first, second)
    for _ in made.cases:  # the second is drawn once the first is
        play.mine(_ANCHORED)
        _settle(campaign)
    _vote(campaign, made.cases, console)
    play.people[WRONG].roles.account.appeal(*subjects[0])
    console.line(f"  case {first}: {WRONG} appeals, for a jury of {2 * campaign.terms.jurors + 1}")
    play.mine(_ANCHORED)
    _settle(campaign)
    _vote(campaign, (first,), console)
    play.pass_time(campaign.terms.appeal_window)
    _settle(campaign)
    _require(campaign, subjects[0], Outcome.CORRECTED)
    _require(campaign, subjects[1], Outcome.ACCEPTED)
    console.line("  the wrong label is corrected, and the good sample counts", "green")
    _pay(campaign, made)


def _require(campaign: Campaign, subject: tuple[int, int], outcome: Outcome) -> None:
    found = campaign.play.view.dispute(*subject).outcome
    if found is not outcome:
        raise ChainError(f"sample {subject[1]} of bundle {subject[0]} was decided {found.name} by jurors who look")


def _settle(campaign: Campaign) -> None:
    """The owner does what is due; anybody may."""
    campaign.owner.roles.settler.settle(campaign.name)


def _vote(campaign: Campaign, cases: tuple[int, ...], console: Console) -> None:
    """Whoever was drawn looks at the sample, votes, and reveals the vote; then votes are counted."""
    play, terms = campaign.play, campaign.terms
    jurors = [play.people[name] for name in JURORS]
    play.mine(DEPTH)  # for the draw
    for case in cases:
        seated = [who for who in jurors if _seats(campaign, who, case)]
        with stage(f"jurors of case {case} vote"):
            for who in seated:
                who.roles.juror.vote(case, _verdict(campaign, who, case))
    play.pass_time(terms.vote_window)
    for who in jurors:
        _open_all(who)
    play.pass_time(terms.vote_reveal_window)
    _settle(campaign)
    for case in cases:
        record = play.view.jury.case(case)
        if record.stage not in (CaseStage.APPEALABLE, CaseStage.ENDED):
            raise ChainError(f"case {case} has no verdict")
        console.line(f"  case {case}: {_told(campaign, case, record.round)}")


def _seats(campaign: Campaign, who: Person, case: int) -> int:
    """Seats of somebody in the present jury of a case."""
    jury = campaign.play.view.jury
    record = jury.case(case)
    return sum(round_ == record.round for round_, _ in jury.seats(record, who.address))


def _verdict(campaign: Campaign, who: Person, case: int) -> Verdict:
    """What a juror finds who gets the sample of the provers and looks at it, and at the correction in the chain."""
    play = campaign.play
    bundle, index = play.view.subject_of(case)
    held = who.roles.reviewer.library.fetch(bundle, LocalStore(play.work / "store"), holders=play.witnesses)
    seen = campaign.stock.seen(held.samples[index])
    if seen == held.samples[index]:
        return Verdict.GOOD
    corrections = [said for _, at, said in play.view.opened_challenges(bundle) if at == index]
    return Verdict.CORRECTED if seen in corrections else Verdict.BAD


def _told(campaign: Campaign, case: int, round_: int) -> str:
    size = 2 * campaign.terms.jurors + 1 if round_ else campaign.terms.jurors
    votes = [campaign.play.view.jury.seat(case, round_, at).vote.name.lower() for at in range(size)]
    return f"{size} seats, {', '.join(f'{votes.count(vote)} {vote}' for vote in sorted(set(votes)))}"


def _pay(campaign: Campaign, made: Judging) -> None:
    """Enter in the books what follows from all verdicts."""
    money, bad = campaign.money, {name: len(places) for name, places in made.bad.items()}
    for name in HONESTS:
        money.accepted(name, len(campaign.bundles[name][1].samples) - (name == HONESTS[0]))
    money.upheld(HONESTS[0], ACCUSING)
    for name, count in bad.items():
        money.accepted(name, len(campaign.bundles[name][1].samples) - count)
        money.conceded(name, LOOKING, count - (name == WRONG))
    money.contested(WRONG, LOOKING)
    money.unstaked(LOOKING, sum(bad.values()))
    money.proven_copies(COPYING, PROVING, len(made.copies))
    money.unstaked(PROVING, len(made.copies))
    money.never_opened(TAKING, len(campaign.bundles[TAKING][1].samples))
    for case, appeal in ((made.cases[0], False), (made.cases[0], True), (made.cases[1], False)):
        record = campaign.play.view.jury.case(case)
        seats = {
            name: sum(round_ == appeal for round_, _ in campaign.play.view.jury.seats(record, who.address))
            for name, who in campaign.play.people.items() if name in JURORS
        }  # fmt: skip
        money.jurors({name: count for name, count in seats.items() if count}, appeal=appeal)


def leave_jury(campaign: Campaign, made: Judging) -> None:
    """Jurors get their stakes back: seats are released, and slots left when the notice is over."""
    play, jurors = campaign.play, [campaign.play.people[name] for name in JURORS]
    for who in jurors:
        for case in made.cases:
            who.roles.juror.release(case)
        who.roles.juror.leave()
    play.pass_time(play.view.jury.notice)
    for who in jurors:
        who.roles.juror.withdraw()
        campaign.money.left(who.name, SLOTS)


def collect_all(campaign: Campaign) -> None:
    """Everybody has its credits paid out; what is burnt, and provers' fees, anybody hands out."""
    play = campaign.play
    for who in play.people.values():
        who.roles.juror.collect(ETHER)
    for address in play.others:
        campaign.owner.roles.account.hand_out(ETHER, address)
