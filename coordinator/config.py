"""Configuration of the coordinator, validated when it is built; errors name the key."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from circuits.errors import ConfigError
from commons.settings.values import TlsFiles, require_range, split_address, tls_files

_LOGS = ("sqlite://", "redis://", "rediss://")


@dataclass(frozen=True, slots=True)
class CoordinatorConfig:
    """How a coordinator runs.

    Attributes:
        listen: ``host:port`` to bind; port 0 takes any free one.
        log_url: ``sqlite:///path`` or ``redis://host:port/db``.
        keystore: key file of the account that tasks name as their coordinator; it pays for transactions.
        state_dir: models, payloads and audit bundles; one process at a time.
        rpc_url: JSON-RPC of an Ethereum node.
        chain_id: the chain that it must be on.
        market: the market contract's 20-byte address.
        srs: the reference string's file.
        keys_dir: policy keys, and derived commitment keys.
        allow_insecure: take development setups.
        step_timeout: seconds that a prover has for one step.
        poll_interval: seconds between looks at a round.
        parallel_rounds: rounds worked on at a time.
        max_workers: calls answered at a time.
        max_model_bytes: largest model taken.
        max_store_bytes: most bytes of models, payloads and bundles.
        clock_skew: seconds after the submit deadline in which headers still get in.
        from_block: where searches for events begin.
        tls_certificate, tls_key: PEM files; without them it listens in the clear.
        prover_roots: PEM certificates to trust for ``grpcs://`` provers instead of the system's.
    """

    listen: str
    log_url: str
    keystore: Path
    rpc_url: str
    chain_id: int
    market: bytes
    srs: Path
    keys_dir: Path
    state_dir: Path
    allow_insecure: bool = False
    step_timeout: float = 120.0
    poll_interval: float = 1.0
    parallel_rounds: int = 4
    max_workers: int = 16
    max_model_bytes: int = 1 << 30
    max_store_bytes: int = 1 << 38
    clock_skew: int = 30
    from_block: int = 0
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    prover_roots: Path | None = None

    def __post_init__(self) -> None:
        split_address(self.listen, "listen")
        if not self.log_url.startswith(_LOGS):
            raise ConfigError(f"log_url: {self.log_url!r} is neither sqlite:// nor redis://")
        if not self.rpc_url.startswith(("http://", "https://")):
            raise ConfigError(f"rpc_url: {self.rpc_url!r} is no http:// or https:// address")
        if len(self.market) != 20:
            raise ConfigError(f"market has {len(self.market)} bytes, an address has 20")
        require_range("chain_id", self.chain_id, 1, 2**63 - 1)
        require_range("step_timeout", self.step_timeout, 1, 86_400)
        require_range("poll_interval", self.poll_interval, 0.05, 3600)
        require_range("parallel_rounds", self.parallel_rounds, 1, 64)
        require_range("max_workers", self.max_workers, 2, 256)
        require_range("max_model_bytes", self.max_model_bytes, 1 << 10, 1 << 40)
        require_range("max_store_bytes", self.max_store_bytes, 1 << 20, 1 << 60)
        require_range("clock_skew", self.clock_skew, 0, 3600)
        require_range("from_block", self.from_block, 0, 2**63 - 1)
        tls_files(self.tls_certificate, self.tls_key)

    @property
    def tls(self) -> TlsFiles | None:
        """The TLS files, None to listen in the clear."""
        return tls_files(self.tls_certificate, self.tls_key)
