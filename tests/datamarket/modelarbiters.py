"""Contracts that are named as arbiters: the perceptron of another campaign, and such as answer badly or not at all."""

from __future__ import annotations

from commons.chain import calldata
from commons.chain.datadecoding import schema_words
from commons.chain.dataview import DataView
from commons.chain.deploying import Deployer
from commons.samples.samplebundles import SampleBundle
from commons.samples.sampleschemas import SampleSchema
from tests.datamarket.datastage import OWNER, PATIENCE, DataStage

AGREES = "60205ff3"
"""Code of a model that says class 0 of everything."""
BROKEN = {
    "reverts": "5f5ffd",
    "burns its gas": "5b5f56",
    "answers no class": "7f" + "ff" * 32 + "5f5260205ff3",
    "answers 31 bytes": "601f5ff3",
    "answers much": "620f42405ff3",
    "ends its own life": "33ff",
}
"""Code of contracts, by what they do when they are asked."""


def deployed(stage: DataStage, code: str) -> bytes:
    """Address of a contract with this code."""
    head = bytes.fromhex(f"60{len(code) // 2:02x}8060095f395ff3")  # gives back what is behind its own 9 bytes
    deployer = Deployer.of(stage.url, stage.accounts[OWNER], patience=PATIENCE)
    return deployer.deploy("model", head + bytes.fromhex(code)).created


def perceptron(stage: DataStage, campaign: bytes, schema: SampleSchema, taught: SampleBundle) -> bytes:
    """Address of a model that changes no more, of a campaign that is closed here, trained on its only bundle."""
    words = schema_words(schema)
    deployer = Deployer.of(stage.url, stage.accounts[OWNER], patience=PATIENCE)
    model = deployer.linked("model", "PerceptronModel", stage.data.place, campaign, words, 32, 0).created
    shown = [(sample, list(taught.tree().proof(at))) for at, sample in enumerate(taught.samples)]
    data = calldata.call("PerceptronModel", "train", shown, words)
    stage.account(OWNER).chain.send(model, data, gas=5_000_000)
    stage.account(OWNER).close_campaign(campaign)
    return model


def prediction(data: DataView, model: bytes, sample: bytes) -> int:
    """What a model says of a sample."""
    return int(data.chain.call(model, "predict(bytes)", [sample], ["uint256"])[0])
