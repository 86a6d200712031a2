"""`gradroll demo --data`: a campaign for labelled digits, who gains by it, and the models that come of it."""

from __future__ import annotations

import json
import shutil

from circuits.atomicfile import storing
from circuits.policies.norm import NORM
from commons.runtime.stages import stage
from gradroll.console import Console
from gradroll.demo.datacampaign import bring_bundles, open_campaign
from gradroll.demo.datadigits import Stock
from gradroll.demo.datajudging import collect_all, join_jury, judge, leave_jury, review
from gradroll.demo.datalearning import (
    accuracies,
    close_campaign,
    network_of,
    prove_network,
    recompute_epochs,
    train_in_contract,
)
from gradroll.demo.dataplay import DataPlay
from gradroll.demo.developers import SIZE, load_images
from gradroll.demo.laps import Laps
from gradroll.demo.run import Extent, Options, prepare_market, start_servers
from gradroll.setup.local_data import add_data
from gradroll.setup.local_models import LocalModels, add_models
from gradroll.setup.modelkeygen import cached_development_model_keys
from gradroll.setup.processes import Processes


def run_data_demo(options: Options, console: Console) -> int:
    """Run everything; returns 0.  Raises where something is not as it should be."""
    laps = Laps()
    console.heading("gradroll demo --data: a campaign for labelled digits, and the models that come of it")
    console.line(
        "DEVELOPMENT MODE: keys and parameters come from seeds that everybody knows. This shows how it works; it "
        "protects nothing.",
        "yellow",
    )
    cached_development_model_keys(options.parameters, SIZE)
    work = options.out / "data"
    shutil.rmtree(work, ignore_errors=True)
    stock = Stock.of(load_images())
    with Processes(work / "logs") as fleet:
        market, _ = prepare_market(options, Extent(SIZE.weights, NORM.name, 16), fleet, work, console)
        with stage("deploying the markets of models and of data"):
            models = add_models(market, SIZE)
            data = add_data(market, models)
        start_servers(market, fleet, console)
        with DataPlay.prepare(data, work, fleet.require_alive) as play:
            laps.end("start")
            report = _play(play, models, stock, laps, console)
    laps.end("stop")
    report |= {"seconds": laps.total, "parts": laps.seconds}
    path = options.out / "data.json"
    with storing(f"cannot write {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    console.line(f"{path}; {report['seconds']} s")
    return 0


def _play(
    play: DataPlay, models: LocalModels, stock: Stock, laps: Laps, console: Console
) -> dict[str, object]:  # fmt: skip
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
    _manifests, samples = recompute_epochs(campaign, console)
    laps.end("epochs")
    right = train_in_contract(campaign, samples, console)
    laps.end("contract's model")
    network = network_of(campaign, samples)
    _, listing, proven = prove_network(campaign, models, network, console)
    laps.end("network")
    table = accuracies(campaign, samples)
    balances = play.books.close(console)
    laps.end("balances")
    return {"contract": right, "network": proven, "listing": listing.hex(), "table": table, "balances": balances}
