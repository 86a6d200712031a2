"""Provers as their operators start them, with the contract of campaigns in their settings: receipts for a bundle.

They are killed (SIGKILL) with it on their disks, started again, and go on.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from circuits.errors import GradrollError, NotReadyError, UnavailableError
from commons.chain.datadeploying import deploy_data
from commons.chain.datafacts import BundleStage
from commons.chain.dataview import DataView
from commons.chain.view import ChainView
from commons.wire.bundlewire import BundleHead
from commons.wire.prover_client import ProverClient
from gradroll.setup.freeports import free_ports
from tests.datamarket.datastage import CONTRIBUTOR, HOUR, PATIENCE, DataStage
from tests.provers.bundletown import BUNDLE, BundleTown
from tests.support.deployment import Deployment, Process
from tests.support.metricpages import metric
from tests.support.waiting import wait_for

FILE = BUNDLE.encode()


def town_of(deployment: Deployment, directory: Path) -> BundleTown:
    """A data market beside a deployment of the gradient market, with its committee."""
    accounts, market = deployment.dev.accounts, deployment.view.market
    place = deploy_data(deployment.url, accounts[0], deployment.view.registry, 60, 2 * HOUR, patience=PATIENCE)
    view = DataView(ChainView(deployment.url, market), place)
    return BundleTown(
        DataStage(deployment.url, directory, view, deployment.committee_id, tuple(accounts), deployment.dev)
    )


def client_of(deployment: Deployment, prover: int) -> ProverClient:
    return ProverClient(f"127.0.0.1:{deployment.ports[prover]}")


def answers(deployment: Deployment, prover: int) -> bool:
    with client_of(deployment, prover) as client, suppress(GradrollError):
        client.status()
        return True
    return False


def test_provers_that_are_killed_serve_a_bundle_that_they_signed_for(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path, dimension=12_000)
    provers = list[Process]()
    try:
        town, pages = town_of(deployment, tmp_path), free_ports(4)
        data, place = town.stage.data, "0x" + town.stage.data.place.hex()
        settings = [
            deployment.prover_settings(p).changed({"data.campaigns": place, "metrics.listen": f"127.0.0.1:{pages[p]}"})
            for p in range(4)
        ]
        provers += [Process(each) for each in settings]
        for number in range(4):
            wait_for(partial(answers, deployment, number))
        number, opening = town.committed()
        head = BundleHead(number, opening[1], len(FILE))
        with client_of(deployment, 0) as client, pytest.raises(NotReadyError):
            client.hold_bundle(head, FILE)
        town.stage.account(CONTRIBUTOR).open_bundle(number, *opening)
        town.stage.pass_time(1, 4)
        with client_of(deployment, 0) as client:
            client.hold_bundle(head, FILE)
            receipt = client.attest_bundle(number, head.content_digest)
        assert metric(pages[0], "bundle_receipts_total", kind="attested") == 1
        assert metric(pages[0], "bundle_refusals_total", code="not-ready") == 1
        assert metric(pages[0], "bundles_kept") == metric(pages[0], "bundle_files") == 1
        assert len(FILE) < metric(pages[0], "bundle_used_bytes") < metric(pages[0], "bundle_promised_bytes")
        for prover in provers[:2]:
            prover.kill()
        record = data.bundle(number)
        ask = partial(town.witnesses(pause=0.1).of_bundle, data.campaign(record.campaign), record)
        path = tmp_path / "own.bundle"
        path.write_bytes(FILE)
        with pytest.raises(UnavailableError, match="2 of 3 members"):
            ask(path)
        provers[0] = Process(settings[0])
        wait_for(lambda: answers(deployment, 0))
        with client_of(deployment, 0) as client:  # nothing is sent again
            assert client.attest_bundle(number, head.content_digest) == receipt
            assert client.bundle(head.content_digest, len(FILE)) == FILE
        town.stage.account(CONTRIBUTOR).attest_bundle(number, ask(path))
        assert data.bundle(number).stage is BundleStage.REVIEW
        provers[1] = Process(settings[1])
        wait_for(lambda: answers(deployment, 1))
        assert all(prover.stop() == 0 for prover in provers)
    finally:
        for prover in provers:
            prover.kill()
        deployment.close()
