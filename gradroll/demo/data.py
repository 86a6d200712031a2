"""`gradroll demo --data`: a campaign for labelled digits, who gains by it, and the models that come of it."""

from __future__ import annotations

from collections.abc import Sequence

from circuits.errors import ProofError
from circuits.policies.norm import NORM
from commons.runtime.stages import stage
from gradroll.console import Console
from gradroll.demo.datacampaign import CHEATERS, HONESTS, Campaign, bring_bundles, open_campaign
from gradroll.demo.datadigits import GROUP, Stock
from gradroll.demo.dataimproving import pay_improvement
from gradroll.demo.datajudging import (
    ACCUSING,
    JURORS,
    LOOKING,
    PROVING,
    collect_all,
    join_jury,
    judge,
    leave_jury,
    review,
)
from gradroll.demo.datalearning import (
    ACCEPTED,
    INITIAL_DATA,
    SHOWN,
    close_campaign,
    data_sets,
    recompute_epochs,
    replay,
    score_in_contract,
    train_in_contract,
)
from gradroll.demo.datalineage import commit_versions, trace
from gradroll.demo.datamoney import require_fair
from gradroll.demo.datanetwork import Network, commit_network, network_of, network_right, prove_network
from gradroll.demo.dataplay import DataPlay
from gradroll.demo.developers import SIZE, load_images
from gradroll.demo.laps import Laps
from gradroll.demo.marketdemos import begin, write_report
from gradroll.demo.run import Extent, Options, prepare_market, start_servers
from gradroll.setup.local_data import add_data
from gradroll.setup.local_models import add_models
from gradroll.setup.processes import Processes


def run_data_demo(options: Options, console: Console) -> int:
    """Run everything; returns 0.  Raises where something is not as it should be."""
    laps = Laps()
    work = begin(
        "data", "gradroll demo --data: a campaign for labelled digits, and the models that come of it", options, console
    )
    stock = Stock.of(load_images())
    with Processes(work / "logs") as fleet:
        market, _ = prepare_market(options, Extent(SIZE.weights, NORM.name, 16), fleet, work, console)
        with stage("deploying the markets of models and of data"):
            models = add_models(market, SIZE)
            data = add_data(market, models)
        start_servers(market, fleet, console)
        with DataPlay.prepare(data, models, work, fleet.require_alive) as play:
            laps.end("start")
            report = _play(play, stock, laps, console)
    laps.end("stop")
    write_report(options.out / "data.json", report, laps, console)
    return 0


def _play(play: DataPlay, stock: Stock, laps: Laps, console: Console) -> dict[str, object]:
    """All of it, on a market that runs; returns what is to be reported."""
    campaign = open_campaign(play, stock, console)
    join_jury(campaign, console)
    laps.end("opening")
    bring_bundles(campaign, console)
    laps.end("bundles")
    judging = review(campaign, console)
    laps.end("review")
    judge(campaign, judging, console)
    laps.end("cases")
    leave_jury(campaign, judging)
    close_campaign(campaign)
    collect_all(campaign)
    laps.end("pay")
    console.heading("models")
    manifests, samples = recompute_epochs(campaign, console)
    laps.end("epochs")
    trained = train_in_contract(campaign, samples, console)
    laps.end("contract's model")
    network = commit_network(campaign, samples)
    committed = commit_versions(campaign, network)
    console.line("  a network outside is trained on the same samples, and committed to before any test is shown")
    play.pass_time(1)  # several blocks may have one time
    shown_at = play.view.chain.now()
    contract = score_in_contract(campaign, trained, console)
    laps.end("tests")
    listing, proven = prove_network(campaign, network, console)
    laps.end("network")
    console.heading("pay for improvement")
    improvement = pay_improvement(campaign, console)
    laps.end("improvement")
    console.heading("lineage")
    lineage = trace(campaign, network, committed, listing, shown_at, manifests, console)
    lineage.tell(console)
    laps.end("lineage")
    accuracy = _accuracies(campaign, network, samples, console)
    if (accuracy[ACCEPTED]["contract"], accuracy[ACCEPTED]["network"]) != (contract, proven):
        raise ProofError("the models have other right answers here than in the contract, and than were proven")
    laps.end("accuracy")
    balances = play.books.close(console)
    drawn = [name for name in JURORS if play.books.net(name)]
    require_fair(play.books, (*HONESTS, PROVING, LOOKING, *drawn), (*CHEATERS, ACCUSING))
    laps.end("balances")
    return {
        "contract": contract, "network": proven, "accuracy": accuracy, "improvement": improvement,
        "lineage": lineage.report, "balances": balances,
    }  # fmt: skip


def _accuracies(
    campaign: Campaign, network: Network, samples: Sequence[bytes], console: Console
) -> dict[str, dict[str, int]]:
    """Right answers on the shown group of both models, by what they are trained on; shown as a table."""
    console.heading(f"right answers on the {GROUP} tests that were shown")
    console.line(f"  {'trained on':<22}{'samples':>9}{'contract':>10}{'network':>9}")
    shown, made = list(campaign.stock.groups[SHOWN].samples), dict[str, dict[str, int]]()
    trained = {INITIAL_DATA: network.start_weights, ACCEPTED: network.weights}
    for what, content in data_sets(campaign, samples).items():
        weights = trained[what] if what in trained else network_of(campaign, content)
        made[what] = row = {
            "samples": len(content), "contract": replay(campaign, content).right(shown),
            "network": network_right(campaign, weights),
        }  # fmt: skip
        console.line(f"  {what:<22}{row['samples']:>9}{row['contract']:>10}{row['network']:>9}")
    return made
