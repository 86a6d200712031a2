"""Settings translated into the configurations of the two servers."""

from __future__ import annotations

from commons.settings.loading import ChainSettings, CoordinatorSettings, KeySettings, ProverSettings, Settings
from coordinator.config import CoordinatorConfig
from provers.config import NodeConfig


def node_config(settings: Settings) -> NodeConfig:
    """The prover of [chain], [keys] and [prover].  Raises ConfigError."""
    chain, keys = settings.section(ChainSettings), settings.section(KeySettings)
    own = settings.section(ProverSettings)
    return NodeConfig(
        listen=own.listen,
        state_dir=own.state,
        keystore_dir=own.keystore,
        rpc_url=chain.url,
        chain_id=chain.chain_id,
        market=chain.market,
        committee_id=own.committee,
        from_block=chain.from_block,
        confirmations=own.confirmations,
        second_rpc_url=own.second_node,
        retention_days=own.retention_days,
        srs=keys.srs,
        keys_dir=keys.directory,
        allow_insecure=settings.development,
        max_workers=own.max_workers,
        max_dimension=own.max_dimension,
        max_store_bytes=own.max_store_bytes,
        clock_skew=own.clock_skew,
        tls_certificate=own.tls_certificate,
        tls_key=own.tls_key,
    )


def coordinator_config(settings: Settings) -> CoordinatorConfig:
    """The coordinator of [chain], [keys] and [coordinator].  Raises ConfigError."""
    chain, keys = settings.section(ChainSettings), settings.section(KeySettings)
    own = settings.section(CoordinatorSettings)
    return CoordinatorConfig(
        listen=own.listen,
        log_url=own.log,
        keystore=own.account,
        rpc_url=chain.url,
        chain_id=chain.chain_id,
        market=chain.market,
        srs=keys.srs,
        keys_dir=keys.directory,
        state_dir=own.state,
        allow_insecure=settings.development,
        step_timeout=own.step_timeout,
        poll_interval=own.poll_interval,
        parallel_rounds=own.parallel_rounds,
        max_model_bytes=own.max_model_bytes,
        max_store_bytes=own.max_store_bytes,
        clock_skew=own.clock_skew,
        from_block=chain.from_block,
        tls_certificate=own.tls_certificate,
        tls_key=own.tls_key,
        prover_roots=own.prover_roots,
    )
