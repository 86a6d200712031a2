"""A model market for development: everybody's settings name it, and where the keys of its verifiers are."""

from __future__ import annotations

from pathlib import Path

from circuits.policies.norm import NORM
from commons.chain.devchain import DevChain
from commons.settings.loading import load
from commons.settings.modelsettings import ModelMarketSettings
from commons.settings.sections import ChainSettings, KeySettings, ProverSettings
from gradroll.setup.local_market import LocalMarket, MarketPlan, prepare
from gradroll.setup.local_models import add_models
from tests.support.accuracymodels import TOY

PROVERS = 3


def test_provers_and_users_are_told_of_the_models(tmp_path: Path) -> None:
    chain = DevChain()
    places = tuple(f"127.0.0.1:{7101 + p}" for p in range(PROVERS))
    plan = MarketPlan(tmp_path, chain.start(), places, 1, 3, NORM.name, 2)
    market = prepare(plan, lambda _: None)
    before = [market.prover_settings(p).read_bytes() for p in range(PROVERS)]
    made = add_models(market, TOY)
    _require_added(market, before)
    for path in (*map(market.prover_settings, range(PROVERS)), tmp_path / "models.toml"):
        settings = load(path, environment={})
        named = settings.section(ModelMarketSettings, "registry", "sales", "bounties")
        assert (named.registry, named.sales, named.bounties) == (
            made.places.registry, made.places.sales, made.places.bounties
        )  # fmt: skip
        assert settings.section(ChainSettings).market == market.market
        keys = settings.section(KeySettings)
        assert keys.srs.is_file()
        names = {file.name for file in keys.directory.glob("*.verifying")}
        assert {f"{TOY.policy}-16.verifying", f"rounding-{TOY.weights}-1.verifying"} <= names
    mine = tmp_path / "mine.toml"
    mine.write_text((tmp_path / "models.toml").read_text() + 'account = "mine.key"\nstate = "mine"\n')
    assert load(mine, environment={}).section(ModelMarketSettings).state == tmp_path / "mine"
    chain.stop()


def _require_added(market: LocalMarket, before: list[bytes]) -> None:
    """Nothing of a prover's settings has changed but that the models' are beside it."""
    for p, settings in enumerate(before):
        after = market.prover_settings(p).read_bytes()
        assert after.startswith(settings)
        assert after[len(settings) :].strip().startswith(b"[models]")
        assert load(market.prover_settings(p), environment={}).section(ProverSettings).committee == market.committee
