"""Every setting of every role: kind, range, unit, default and reason.  docs/settings.md is made from this file."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Interval

from circuits.errors import ConfigError
from circuits.terms import MAX_DIMENSION
from commons.runtime.passphrases import Passphrase
from commons.settings.accountplaces import Account, KeyFile
from commons.settings.artifactsettings import ArtifactSettings
from commons.settings.datasettings import DataMarketSettings
from commons.settings.heldsettings import HeldSettings
from commons.settings.hosts import is_loopback
from commons.settings.modelsettings import ModelMarketSettings
from commons.settings.section import Section
from commons.settings.signersettings import SignerSettings
from commons.settings.tracesettings import TelemetrySettings
from commons.settings.values import (
    Address,
    Confirmations,
    Endpoint,
    File,
    Identifier,
    Listen,
    LogFormat,
    LogUrl,
    NodeUrl,
    NodeUrls,
    Switch,
    Text,
    TlsFiles,
    Unit,
    split_address,
    tls_files,
)
from commons.settings.watchdogsettings import WatchdogSettings

_LARGEST = 2**63 - 1


class ChainSettings(Section):
    """The node, the chain and the market; how patient transactions are."""

    url: NodeUrls
    """JSON-RPC of an Ethereum node.  Use your own: one that lies can cost pay and, at a prover, privacy.  Of several
    nodes the first that works is asked, and transactions go to all; a comma inside a URL is written %2C."""
    chain_id: Annotated[int, Interval(ge=1, le=_LARGEST)]
    """The chain that the node must be on; another one is refused at start."""
    market: Address
    """The market contract."""
    from_block: Annotated[int, Interval(ge=0, le=_LARGEST)] = 0
    """No event is searched before it; the market's deployment is a good choice, as nodes limit searches."""
    timeout: Annotated[float, Interval(ge=1, le=600), Unit("seconds")] = 30.0
    """How long the node has for one answer, from the connection to the last byte."""
    absent_after: Annotated[float, Interval(ge=1, le=31_536_000), Unit("seconds")] = 900.0
    """Most nodes of `url` must say the same before something is done that cannot be undone; of two, both.  One of two
    that has answered nothing for so long is left out then, and the other alone decides.  With three or more it is of no
    effect: one of them may be silent or lie as long as it likes."""
    tip: Annotated[int, Interval(ge=0, le=10**15), Unit("wei")] = 10**9
    """Priority fee of a transaction a unit of gas; a quarter more each time it is sent again."""
    max_fee: Annotated[int, Interval(ge=1, le=10**15), Unit("wei")] = 500 * 10**9
    """Most that is bid for a unit of gas, tip and base fee together.  While the chain asks more, transactions wait."""
    resend: Annotated[float, Interval(ge=0.1, le=86_400), Unit("seconds")] = 45.0
    """After this time without a receipt a transaction is sent again for higher fees: some blocks."""
    give_up: Annotated[float, Interval(ge=1, le=86_400), Unit("seconds")] = 600.0
    """After this time a transaction is reported as not mined; it may be mined later."""
    confirmations: Confirmations = 1
    """Blocks that must vouch for a transaction, its own among them, before a command reports it; one that a
    reorganisation takes back before is sent again.  Coordinator and provers have settings of their own for this."""
    outbox: File | None = None
    """Where commands remember transactions that are under way, so that one that is run again pays for nothing twice; by
    default beside the account's key file.  Name a place where the key's directory cannot be written."""
    receipt_poll: Annotated[float, Interval(ge=0.01, le=60), Unit("seconds")] = 0.25
    """Time between looks for a receipt; less than a block's time is of use on development chains only."""


class KeySettings(Section):
    """Public parameters on disk."""

    srs: File
    """The reference string's file, as the market's operator publishes it; compare its hash."""
    directory: File
    """Keys of policies and of the model market's size classes, and the commitment keys derived from the string."""


class UnlockSettings(Section):
    """Where the passphrase of encrypted key files is; one place, or none where they are not encrypted."""

    passphrase_file: File | None = None
    """File with the passphrase in its first line, which only its owner may read; a file in memory that a service
    manager fills is best (`LoadCredentialEncrypted` of systemd)."""
    passphrase_env: Text | None = None
    """Name of an environment variable with the passphrase.  Whoever may look at the process's beginnings in /proc sees
    it there, so prefer the others."""
    passphrase_fd: Annotated[int, Interval(ge=0, le=1 << 16), Unit("descriptor")] | None = None
    """Number of a file descriptor from which the passphrase is read: a pipe of whoever starts the process, for
    instance; 0 is standard input."""

    @property
    def passphrase(self) -> Passphrase:
        """The place.  Raises ConfigError for several."""
        places = (self.passphrase_file, self.passphrase_env, self.passphrase_fd)
        if sum(place is not None for place in places) > 1:
            raise ConfigError("unlock names several places of a passphrase; keep one of them")
        return Passphrase(*places)


class Server(Section):
    """What prover and coordinator have in common: where they listen and whom they wait for."""

    listen: Listen
    """Address to bind; port 0 takes any free one."""
    endpoint: Endpoint | None = None
    """Where others reach it.  At a loopback address without grpcs:// it listens in the clear, for this machine only;
    otherwise over TLS."""
    max_workers: Annotated[int, Interval(ge=2, le=256), Unit("calls")] = 16
    """Calls of each kind at a time: uploads, steps, downloads, and so on; those of one kind take no places of another.
    One address has half of them at most."""
    clock_skew: Annotated[int, Interval(ge=0, le=3600), Unit("seconds")] = 30
    """Time after a submit deadline in which submissions still get in, as clocks and nodes differ."""
    insecure_clock_offset: Annotated[float, Interval(ge=-31_536_000, le=31_536_000), Unit("seconds")] = 0.0
    """How far this process's clock is ahead of the machine's, negative for behind: to try out what a machine does whose
    clock was set wrong.  In development mode only."""
    idle_timeout: Annotated[float, Interval(ge=1, le=3600), Unit("seconds")] = 60.0
    """A caller that sends nothing for so long, or takes nothing of an answer, loses its call, and frees the thread that
    waits for it; one that is slow does not."""
    first_message_timeout: Annotated[float, Interval(ge=0.1, le=600), Unit("seconds")] = 10.0
    """A caller that has not sent its first message after so long loses its call: until then nobody knows who it is."""
    least_rate: Annotated[float, Interval(ge=1, le=1 << 30), Unit("bytes a second")] = 1024.0
    """A caller that sends or takes less in the long run loses its call, once it has been waited for `idle_timeout`
    longer than this rate allows.  A line of 1 KiB/s for each call is fast enough by default, and none that is slower
    could move 64 KiB in the default `idle_timeout` anyway."""
    max_connections: Annotated[int, Interval(ge=16, le=1 << 20), Unit("connections")] = 4096
    """Connections at a time; further ones are closed at once.  Each takes a descriptor, and the process leaves some of
    those that it may have for its own files: with a lower limit of the system there are fewer connections, and a
    warning at start says so.  One address can take all of them: limit those of each address in the firewall."""
    connection_age: Annotated[float, Interval(ge=1, le=86_400), Unit("seconds")] = 3600.0
    """A connection takes no new calls after so long, and is closed when its last call has ended; clients open another
    by themselves."""
    stop_grace: Annotated[float, Interval(ge=0, le=600), Unit("seconds")] = 10.0
    """Time that calls under way have to end when the process is told to stop."""
    tls_certificate: File | None = None
    """PEM file of the certificate chain, of an authority that clients know; without it the server makes itself a key,
    which clients know by the pin in the endpoint."""
    tls_key: File | None = None
    """PEM file of the certificate's private key."""

    @property
    def tls(self) -> TlsFiles | None:
        """The files of a certificate that somebody else issued, None for none.  Raises ConfigError for one alone."""
        return tls_files(self.tls_certificate, self.tls_key)


class ProverSettings(Server, HeldSettings):
    """A prover of one committee."""

    endpoint: Endpoint
    """What the registry announces: grpcs://host:port, behind which `gradroll prover join` puts the pin of the server's
    own key unless an authority vouches for it (`tls_certificate`); or, on one machine, a loopback address."""
    keystore: File
    """Directory of the signing key, the sealing key, the shared keys and the server's own key for TLS."""
    state: File
    """Directory of ledger, shares, sums and bundles; one process at a time, never an old copy."""
    committee: Identifier
    """The committee that this prover is a member of."""
    confirmations: Confirmations = 12
    """Blocks that must vouch for a batch's acceptance, its own among them, before its sum is released.  Set it to the
    depth at which your chain does not reorganise, or to what the chain itself calls "finalized" or "safe"; a
    development chain takes 1."""
    second_node: NodeUrl | None = None
    """Another node, by another operator, that must show the same deployment, the same acceptance before a release, and
    that a round is over before anything of it is deleted."""
    retention_days: Annotated[int, Interval(ge=1, le=36_500), Unit("days")] = 90
    """How long shares of sums, certificates and audit bundles are served: for so long after the round's settle
    deadline, and after it was last worked on, and never less than the fees of its batches may take.  Then all of the
    round is deleted, in the ledger too, and every step about it refused for good."""
    former_keys_days: Annotated[int, Interval(ge=1, le=36_500), Unit("days")] = 90
    """After members or keys have changed, the former keys last until rounds that were opened with them are over, but
    for no more than so many days after a round was opened: anybody can open one that takes years.  Not below what the
    rounds of your tasks take."""
    max_dimension: Annotated[int, Interval(ge=1, le=MAX_DIMENSION), Unit("coordinates")] = 1 << 26
    """Largest model whose shares are taken; what a share takes on disk and in memory grows with it."""
    max_store_bytes: Annotated[int, Interval(ge=1 << 20, le=1 << 60), Unit("bytes")] = 1 << 40
    """Most bytes of owners' shares, and of the sums and batches that come of them, on disk.  Shares take nine tenths at
    most; of one task there is at most four times what it leaves free, so that no task keeps the others out."""
    submissions_per_owner: Annotated[int, Interval(ge=1, le=64), Unit("submissions")] = 4
    """Submissions of one owner in one round whose shares are kept; an owner that repeats a failed one needs two."""
    tidy_interval: Annotated[float, Interval(ge=0.05, le=86_400), Unit("seconds")] = 600.0
    """Time between deletions of what is no longer needed; what is deleted cannot leak."""
    kept_replies: Annotated[int, Interval(ge=8, le=4096), Unit("replies")] = 64
    """Replies kept in memory for a coordinator that did not get them; a batch has one for each of its steps."""


class CoordinatorSettings(Server):
    """A coordinator: it relays batches and pays for their transactions."""

    log: LogUrl
    """The event log, from which everything is rebuilt after a restart.  Coordinators of one account that name the same
    one in Redis stand in for each other: one leads, the others stand by."""
    lease: Annotated[float, Interval(ge=1, le=3600), Unit("seconds")] = 15.0
    """With a log in Redis: after so long without a sign of the one that leads, another coordinator may lead.  One that
    cannot renew its lease gives up after 0.8 of it; a call to Redis has a tenth of it."""
    endpoint: Endpoint | None = None
    """What a coordinator that stands by tells its callers where this one is reached while it leads."""
    shared: File | None = None
    """Directory of models, sums, audit bundles and evidence, where several coordinators share a log in Redis: the same
    folder of a network file system for all of them.  By default they lie in `state`."""
    account: KeyFile
    """Key file of the account that tasks name as their coordinator."""
    confirmations: Confirmations = 12
    """Blocks that must vouch for what the chain says, before a batch counts as accepted or refused for good, or a round
    as over; until then the batch is sent again if a reorganisation takes it back.  Choose it as provers do."""
    payee: Address | None = None
    """Who is credited the coordinator's fees, the account's address if nobody is named; provers attest it with each
    batch, so that no relay can change it."""
    state: File
    """Directory of models, sums, audit bundles, transactions under way and the server's own key for TLS; one process at
    a time."""
    step_timeout: Annotated[float, Interval(ge=1, le=86_400), Unit("seconds")] = 120.0
    """Time that provers have for one step; a large model on slow machines needs more."""
    status_timeout: Annotated[float, Interval(ge=0.1, le=600), Unit("seconds")] = 10.0
    """Time that a prover has to say that it is there, and to be back when it breaks off in the middle of a step: longer
    than its restart takes."""
    poll_interval: Annotated[float, Interval(ge=0.05, le=3600), Unit("seconds")] = 1.0
    """Time between looks at the rounds."""
    longest_pause: Annotated[float, Interval(ge=0.1, le=86_400), Unit("seconds")] = 60.0
    """A round in trouble is tried again after a pause that doubles up to this."""
    round_age: Annotated[float, Interval(ge=0, le=3600), Unit("seconds")] = 30.0
    """A look at a round on the chain serves for so long: batches are mostly this coordinator's own."""
    release_patience: Annotated[int, Interval(ge=0, le=36_500), Unit("days")] = 30
    """Days after a round's settle deadline in which its sums are still asked for."""
    fee_interval: Annotated[float, Interval(ge=0.05, le=86_400), Unit("seconds")] = 60.0
    """A batch whose fees cannot be settled yet, for instance because a prover does not say that it serves the sum, is
    looked at again after so long."""
    posting_interval: Annotated[float, Interval(ge=0.05, le=3600), Unit("seconds")] = 30.0
    """Time between looks for submissions that owners post on the chain, because they are not taken here, at what
    provers have signed of owners that dealt badly, and for what those that are excluded posted in other rounds."""
    exclude_from: Annotated[int, Interval(ge=0, le=1 << 62)] = 4 * 10**15
    """Deposit, in the smallest unit of the task's token, from which an owner that dealt badly is excluded: half of it
    is the coordinator's if it sends that itself, for some 190,000 gas.  One that has posted its submission is excluded
    whatever its deposit is, for otherwise it costs a part of the fees."""
    parallel_rounds: Annotated[int, Interval(ge=1, le=64), Unit("rounds")] = 4
    """Rounds worked on at a time."""
    max_model_bytes: Annotated[int, Interval(ge=1 << 10, le=1 << 40), Unit("bytes")] = 1 << 30
    """Largest model taken."""
    max_store_bytes: Annotated[int, Interval(ge=1 << 20, le=1 << 60), Unit("bytes")] = 1 << 38
    """Most bytes of models, and most of sums and bundles, on disk; of one task at most four times what it leaves free,
    so that no task keeps the others out."""
    max_headers: Annotated[int, Interval(ge=1 << 10, le=1 << 30), Unit("headers")] = 1 << 20
    """Most headers in the log, of rounds that are not forgotten yet; of one task at most four times what it leaves
    free.  Each takes some 1.5 KB there, and until its round is closed as much memory.  As many more that were refused
    are counted there, by the same rule."""
    retention_days: Annotated[int, Interval(ge=1, le=36_500), Unit("days")] = 90
    """How long models, sums, bundles and statuses of a round are served after its settle deadline, but never less than
    `release_patience` or than the fees of its batches may take.  Then they are deleted, and their events with them."""
    tidy_interval: Annotated[float, Interval(ge=0.05, le=86_400), Unit("seconds")] = 600.0
    """Time between deletions of what is no longer needed, and between looks for accepted batches of rounds that the log
    lacks; the first is at the start."""
    max_upload_bytes: Annotated[int, Interval(ge=1 << 20, le=1 << 60), Unit("bytes")] = 1 << 37
    """Most bytes of owners' uploads on disk, which are deleted with their round.  A task has no more than is free for
    others, as anybody can make one that names this coordinator; an owner that finds no room uploads to the provers."""
    counted_refusals: Annotated[int, Interval(ge=0, le=10**6), Unit("refusals")] = 1000
    """Refused headers of a task, by each cause, that are in the log until their round is forgotten; further ones are
    not counted, and only appear in the process's log."""
    prover_roots: File | None = None
    """PEM certificates to trust instead of the system's, for provers whose endpoint has no pin."""


class OwnerSettings(Section):
    """A data owner."""

    account: Account
    """Key file; its address signs gradients, and is paid unless another account registered it.  One at an external
    signer signs no gradients, but may register a key that does, be paid, and carry out claims."""
    coordinator: Endpoint
    """Endpoint of the task's coordinator, as its operator publishes it: with the pin of its key, or with a name for
    which an authority vouches."""
    state: File
    """Directory of submissions under way; it holds their seeds until the coordinator has the header."""
    stall_timeout: Annotated[float, Interval(ge=1, le=86_400), Unit("seconds")] = 60.0
    """An upload or download on which nothing moves for so long is given up; one that moves takes as long as it needs.
    Raise it where a line takes longer for 64 KiB."""
    tls_roots: File | None = None
    """PEM certificates to trust instead of the system's, for servers whose endpoint has no pin."""
    patience: Annotated[float, Interval(ge=0, le=3600), Unit("seconds")] = 3.0
    """How long provers that do not answer are asked again before the header is handed in without them."""
    manifest: File | None = None
    """The task's model manifest, where it is at hand; otherwise the coordinator is asked for the one that the terms
    name."""


class ModelOwnerSettings(Section):
    """A model owner."""

    account: Account
    """Key file, or place at an external signer, of the account that pays for the task."""
    coordinator: Endpoint
    """Endpoint of a coordinator that serves models and sums, as its operator publishes it: with the pin of its key, or
    with a name for which an authority vouches."""
    stall_timeout: Annotated[float, Interval(ge=1, le=86_400), Unit("seconds")] = 60.0
    """An upload or download on which nothing moves for so long is given up; one that moves takes as long as it needs.
    Raise it where a line takes longer for 64 KiB."""
    tls_roots: File | None = None
    """PEM certificates to trust instead of the system's, for servers whose endpoint has no pin."""
    state: File | None = None
    """Directory of the references that are dealt to provers, with their seeds until they are handed in.  Needed where
    a task grades gradients."""
    sum_key: File | None = None
    """Key file with which private sums are read (`gradroll setup sum-key`).  Needed where a task has a key for sums."""
    manifest: File | None = None
    """The task's model manifest, where it is at hand; otherwise the coordinator is asked for the one that the terms
    name."""


class TaskDefaults(Section):
    """What `gradroll task create` takes where its options say nothing: terms that a market's operator publishes."""

    committee: Identifier | None = None
    """The committee that proves."""
    verifier: Address | None = None
    """The verifier contract of the policy."""
    relay: Address | None = None
    """The account of the coordinator."""
    gas_price: Annotated[int, Interval(ge=0, le=10**15), Unit("wei")] = 10 * 10**9
    """Gas may cost so much before nobody relays a batch any more: the fees of a task follow from it where they are not
    named.  It is part of no term; on a chain with cheap gas a market's operator lowers it."""


class MetricsSettings(Section):
    """What the operator of a prover or a coordinator is shown: `/metrics`, for Prometheus, and `/status`, which
    `gradroll prover status` and `gradroll coordinator status` ask for.
    """

    listen: Listen | None = None
    """Address to serve them on, without TLS and to anybody who reaches it; nothing is served if it is not set.  Give
    each process of a machine a port of its own; port 0 takes any free one, which the log names."""
    beyond_loopback: Switch = False
    """Let `metrics.listen` be an address that other machines reach, such as `0.0.0.0:9100` in a container.  Then only
    a firewall or the container's network decides who reads how busy this server is."""
    interval: Annotated[float, Interval(ge=0.05, le=3600), Unit("seconds")] = 15.0
    """Time between looks at the node's latest block, the account's balance, disk and certificate.  Nothing is looked
    at for metrics alone while `metrics.listen` is not set."""

    @property
    def place(self) -> str | None:
        """Where to listen, None for nowhere.  Raises ConfigError for an address beyond this machine's loopback."""
        if self.listen is None:
            return None
        host, _ = split_address(self.listen, "metrics.listen")
        if not self.beyond_loopback and not is_loopback(host):
            raise ConfigError(
                f"metrics.listen: {self.listen} is reached from other machines, and metrics are served in the clear to "
                "whoever asks; listen on 127.0.0.1, or set metrics.beyond_loopback if a firewall keeps others off"
            )
        return self.listen


class LogSettings(Section):
    """The log of a prover or a coordinator, on standard error."""

    format: LogFormat = "text"
    """`text` for people, or `json` for programs that collect logs: one object a line."""


SECTIONS: dict[str, type[Section]] = {
    "chain": ChainSettings,
    "keys": KeySettings,
    "unlock": UnlockSettings,
    "signer": SignerSettings,
    "prover": ProverSettings,
    "coordinator": CoordinatorSettings,
    "owner": OwnerSettings,
    "model_owner": ModelOwnerSettings,
    "task": TaskDefaults,
    "metrics": MetricsSettings,
    "log": LogSettings,
    "telemetry": TelemetrySettings,
    "watchdog": WatchdogSettings,
    "artifacts": ArtifactSettings,
    "models": ModelMarketSettings,
    "data": DataMarketSettings,
}
