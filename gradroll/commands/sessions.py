"""Connections and roles built from settings; what commands have in common."""

from __future__ import annotations

from pathlib import Path

from commons.chain.transactions import Patience
from commons.chain.view import ChainView
from commons.chain.writer import ChainWriter
from commons.settings.loading import Settings
from commons.settings.sections import ChainSettings, KeySettings, ModelOwnerSettings, OwnerSettings
from commons.storage.accounts import SigningKey, load_account
from commons.storage.parameters import PublicParameters
from commons.wire.coordinator_client import CoordinatorClient
from commons.wire.tls import read_roots
from gradroll.audit.auditor import Auditor
from gradroll.data_owner.owner import DataOwner
from gradroll.model_owner.buyer import ModelOwner


def chain_view(settings: Settings) -> ChainView:
    """The market of [chain], on the chain that the settings say."""
    return ChainView.of(settings.section(ChainSettings))


def chain_writer(settings: Settings, account: SigningKey) -> ChainWriter:
    """Transactions of an account to the market of [chain]."""
    return ChainWriter(chain_view(settings), account, Patience.of(settings.section(ChainSettings)))


def parameters(settings: Settings) -> PublicParameters:
    """The public parameters of [keys]."""
    keys = settings.section(KeySettings)
    return PublicParameters(keys.srs, keys.directory, allow_insecure=settings.development)


def data_owner(settings: Settings) -> DataOwner:
    """The owner of [owner]."""
    own = settings.section(OwnerSettings)
    account, roots = load_account(own.account), read_roots(own.tls_roots, "owner.tls_roots")
    coordinator = CoordinatorClient(own.coordinator, stall=own.stall_timeout, tls_roots=roots)
    return DataOwner(
        chain_view(settings), coordinator, account, parameters(settings), own.state,
        stall=own.stall_timeout, tls_roots=roots, patience=own.patience,
    )  # fmt: skip


def owner_chain(settings: Settings) -> ChainWriter:
    """Transactions from the account of [owner]."""
    return chain_writer(settings, load_account(settings.section(OwnerSettings).account))


def model_owner(settings: Settings) -> ModelOwner:
    """The model owner of [model_owner]."""
    own = settings.section(ModelOwnerSettings)
    chain, roots = chain_writer(settings, load_account(own.account)), _roots(own)
    coordinator = CoordinatorClient(own.coordinator, stall=own.stall_timeout, tls_roots=roots)
    return ModelOwner(chain.view, chain, coordinator, parameters(settings), stall=own.stall_timeout, tls_roots=roots)


def auditor(settings: Settings, coordinator: str, tls_roots: Path | None) -> Auditor:
    """An auditor that fetches bundles from a coordinator's endpoint, and trusts these certificates."""
    roots = read_roots(tls_roots, "--tls-roots")
    return Auditor(chain_view(settings), CoordinatorClient(coordinator, tls_roots=roots), parameters(settings), roots)


def task_report(settings: Settings, task_id: int) -> list[str]:
    """What a task's coordinator says of its rounds, as lines to read."""
    own = settings.section(ModelOwnerSettings)
    with CoordinatorClient(own.coordinator, tls_roots=_roots(own)) as client:
        status = client.task_status(task_id)
    lines = [f"  rejected for {cause}: {count}" for cause, count in sorted(status.rejections.items())]
    for each in status.rounds:
        progress = f"{each.pending} pending, {each.attempts} attempts {each.trouble}".rstrip()
        lines.append(f"  coordinator, round {each.round}: {progress}")
        lines += [f"    prover {named.prover} in {named.step}: {named.reason}" for named in each.named]
    return lines


def _roots(own: ModelOwnerSettings) -> bytes | None:
    return read_roots(own.tls_roots, "model_owner.tls_roots")
