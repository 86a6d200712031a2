"""Configuration of a prover node, validated when it is built; errors name the key."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from circuits.errors import ConfigError
from circuits.statement import MAX_DIMENSION
from commons.settings.values import TlsFiles, require_range, split_address, tls_files


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """How one prover runs.

    Attributes:
        listen: ``host:port`` to bind; port 0 takes any free one.
        state_dir: ledger and shares; one process at a time.
        keystore_dir: see ``provers.joining.keystore.Keystore``.
        rpc_url: JSON-RPC of an Ethereum node.
        chain_id: the chain that it must be on.
        market: the market contract's 20-byte address.
        committee_id: the committee that this prover is a member of.
        from_block: where searches for events begin.
        confirmations: blocks that must vouch for a batch's acceptance before its sum is released, its own among them.
        second_rpc_url: another node that must agree, empty for none.
        retention_days: how long shares of sums and audit bundles are served.
        srs: the reference string's file.
        keys_dir: policy keys, and derived commitment keys.
        allow_insecure: take development setups.
        max_workers: calls worked on at a time.
        max_dimension: largest model taken.
        max_store_bytes: most bytes of shares on disk.
        clock_skew: seconds by which clocks may differ from the chain's.
        tls_certificate, tls_key: PEM files; without them the node listens in the clear (shares are sealed anyway).
    """

    listen: str
    state_dir: Path
    keystore_dir: Path
    rpc_url: str
    chain_id: int
    market: bytes
    committee_id: int
    srs: Path
    keys_dir: Path
    from_block: int = 0
    confirmations: int = 12
    second_rpc_url: str = ""
    retention_days: int = 90
    allow_insecure: bool = False
    max_workers: int = 8
    max_dimension: int = 1 << 26
    max_store_bytes: int = 1 << 40
    clock_skew: int = 30
    tls_certificate: Path | None = None
    tls_key: Path | None = None

    def __post_init__(self) -> None:
        split_address(self.listen, "listen")
        for key, url in (("rpc_url", self.rpc_url), ("second_rpc_url", self.second_rpc_url or self.rpc_url)):
            if not url.startswith(("http://", "https://")):
                raise ConfigError(f"{key} is no http:// or https:// address")
        if len(self.market) != 20:
            raise ConfigError(f"market has {len(self.market)} bytes, an address has 20")
        require_range("chain_id", self.chain_id, 1, 2**63 - 1)
        require_range("committee_id", self.committee_id, 0, 2**63 - 1)
        require_range("from_block", self.from_block, 0, 2**63 - 1)
        require_range("confirmations", self.confirmations, 1, 10_000)
        require_range("retention_days", self.retention_days, 1, 36_500)
        require_range("max_workers", self.max_workers, 2, 256)
        require_range("max_dimension", self.max_dimension, 1, MAX_DIMENSION)
        require_range("max_store_bytes", self.max_store_bytes, 1 << 20, 1 << 60)
        require_range("clock_skew", self.clock_skew, 0, 3600)
        tls_files(self.tls_certificate, self.tls_key)

    @property
    def tls(self) -> TlsFiles | None:
        """The TLS files, None to listen in the clear."""
        return tls_files(self.tls_certificate, self.tls_key)
