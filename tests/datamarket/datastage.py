"""A data market on the embedded chain: real contracts, a committee whose keys are here, accounts with ether."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from web3.types import RPCEndpoint

from circuits.terms import ETHER
from commons.chain.dataaccount import DataAccount
from commons.chain.datadeploying import deploy_data
from commons.chain.datafacts import CampaignTerms
from commons.chain.dataview import DataView
from commons.chain.deploying import MarketRules, deploy_contracts
from commons.chain.devchain import DevChain
from commons.chain.juryaccount import JuryAccount
from commons.chain.juryfacts import PoolTerms
from commons.chain.juryview import pool_of
from commons.chain.outbox import Outbox
from commons.chain.patience import Patience
from commons.chain.view import ChainView
from commons.chain.writer import ChainWriter
from commons.samples.campaigneconomics import Arbiter
from commons.samples.contributions import Ground, bundle_commitment
from commons.samples.samplebundles import SampleBundle
from commons.samples.sampleschemas import SampleSchema
from commons.storage.accounts import SigningKey
from gradroll.datamarket.bundlefetching import BundleLibrary
from gradroll.datamarket.caseopener import CaseOpener
from gradroll.datamarket.datastate import DataState
from gradroll.datamarket.duties import Settler
from gradroll.datamarket.reviewer import Reviewer

HOUR = 3600
PATIENCE = Patience(poll=0.01)
SCHEMA = SampleSchema.array(4, [100], 3, 1, tau=2)
SALT = b"\x09" * 32
OWNER, CONTRIBUTOR, REVIEWER, OTHER = 0, 5, 6, 7
"""Accounts of the stage by what they do; 1 to 4 are the committee's members."""


def sample(label: int, *features: int) -> bytes:
    """A sample of the stage's schema, whether it fits or not."""
    return label.to_bytes(2, "big") + bytes(features)


def bundle_of(*samples: bytes) -> SampleBundle:
    """A bundle of the stage's schema."""
    return SampleBundle(SCHEMA.digest, samples)


@dataclass
class DataStage:
    """A deployed data market."""

    url: str
    directory: Path
    data: DataView
    committee: int
    accounts: tuple[SigningKey, ...]
    dev: DevChain

    @contextmanager
    def taken_back(self) -> Iterator[None]:
        """What is done in here stands in a branch that another one, as long and without it, replaces."""
        before = self.dev._tester.take_snapshot()
        yield
        length = self.data.chain.rpc.head().number
        self.dev._tester.revert_to_snapshot(before)
        self.dev._tester.mine_blocks(max(length - self.data.chain.rpc.head().number - 1, 0))

    def view(self, url: str = "") -> DataView:
        """The market through a connection of its own; ``url``: through other nodes."""
        chain = self.data.chain
        return DataView(ChainView(url or self.url, chain.market, expected_chain_id=chain.chain_id), self.data.place)

    def account(self, number: int, outbox: Outbox | None = None, url: str = "") -> DataAccount:
        """Transactions of an account; ``url``: through other nodes."""
        view = self.view(url)
        return DataAccount(ChainWriter(view.chain, self.accounts[number], PATIENCE, outbox=outbox), view)

    def juror(self, number: int) -> JuryAccount:
        """Transactions of an account at the jury."""
        account = self.account(number)
        return JuryAccount(account.chain, account.data)

    def settler(self, number: int = OTHER, library: BundleLibrary | None = None) -> Settler:
        """An account that does what is due; without a library it has no bundles."""
        account = self.account(number)
        return Settler(account, library or BundleLibrary(account.data, self.directory / "nothing"))

    def opener(self, number: int = OTHER) -> CaseOpener:
        """An account that opens cases; without bundles."""
        account = self.account(number)
        return CaseOpener(account, BundleLibrary(account.data, self.directory / "nothing"))

    def pass_time(self, seconds: int, blocks: int = 1) -> None:
        """Put the chain's clock forward, and make blocks."""
        provider = self.data.chain.rpc.web3.provider
        provider.make_request(RPCEndpoint("evm_increaseTime"), [seconds])
        for _ in range(blocks):
            provider.make_request(RPCEndpoint("evm_mine"), [])

    def terms(self, **changes: Any) -> CampaignTerms:
        """Terms of a campaign in ether, with a jury; ``changes`` are of them."""
        usual = CampaignTerms(
            ETHER, self.committee, Arbiter.JURY, bytes(20), SCHEMA.digest, b"\x05" * 32, bytes(32), bytes(32), 0,
            bytes(32), deposit=4000, reward=1000, correction=500, stake=2000, fee=420, receipt_fee=300,
            juror_stake=4000, jurors=3, burnt=5000, max_samples=100, max_bundle=50, open_delay=2, open_window=HOUR,
            receipt_window=HOUR, review_window=HOUR, reveal_window=HOUR, answer_window=HOUR, case_window=HOUR,
            vote_window=HOUR, vote_reveal_window=HOUR, appeal_window=HOUR, epoch_size=2, epoch_period=24 * HOUR,
        )  # fmt: skip
        return replace(usual, **changes)

    def owner_decides(self, **changes: Any) -> CampaignTerms:
        """Terms of a campaign whose owner is the arbiter."""
        no_jury = {"juror_stake": 0, "jurors": 0, "vote_window": 0, "vote_reveal_window": 0, "appeal_window": 0}
        return self.terms(arbiter=Arbiter.OWNER, **{**no_jury, **changes})

    def campaign(self, terms: CampaignTerms | None = None, escrow: int = 100_000) -> bytes:
        """A campaign of the owner's."""
        return self.account(OWNER).open_campaign(terms or self.terms(), SCHEMA, escrow)

    def reviewed(self, who: DataAccount, campaign: bytes, bundle: SampleBundle) -> int:
        """A bundle under review, whatever is in it."""
        root, digest, count = bundle.tree().root, bundle.content_digest, len(bundle.samples)
        commitment = bundle_commitment(campaign, root, digest, count, who.address, SALT)
        number = who.commit_bundle(campaign, count, commitment)
        self.pass_time(1, 2)
        who.open_bundle(number, root, digest, SALT)
        who.attest_bundle(number, self.receipts(number))
        return number

    def waiting_for_cases(self, directory: Path, bundle: SampleBundle, slots: Mapping[int, int]) -> int:
        """A bundle whose samples are all challenged, and wait for their cases; so many slots are each account's."""
        number = self.reviewed(self.account(CONTRIBUTOR), self.campaign(), bundle)
        for account, count in slots.items():
            self.juror(account).join(self.pool(), count)
        state = DataState(directory)
        own = Reviewer(self.account(REVIEWER), state)
        for index in range(len(bundle.samples)):
            own.challenge(number, index, Ground.JUDGED)
        self.pass_time(HOUR + 1)
        for challenge in own.pending():
            own.open(challenge)
        state.close()
        self.pass_time(2 * HOUR + 1)
        return number

    def inline(self, who: DataAccount, campaign: bytes, bundle: SampleBundle) -> int:
        """A bundle under review whose samples stand in the chain."""
        root, count = bundle.tree().root, len(bundle.samples)
        number = who.commit_bundle(
            campaign, count, bundle_commitment(campaign, root, bytes(32), count, who.address, SALT)
        )
        self.pass_time(1, 2)
        who.open_inline(number, bundle.samples, SALT, SCHEMA)
        return number

    def pool(self) -> PoolTerms:
        """Of the jurors of campaigns with the stage's terms."""
        return pool_of(self.terms())

    def receipts(self, number: int, members: Sequence[int] = (0, 1, 2)) -> list[tuple[int, bytes]]:
        """What members of the committee sign of a bundle."""
        digest = self.data.receipt(number).digest(self.data.market_id.domain)
        return [(member, self.accounts[1 + member].sign(digest)) for member in members]


@contextmanager
def data_stage(directory: Path) -> Iterator[DataStage]:
    """Deploy everything on a chain of this process."""
    dev = DevChain()
    url = dev.start()
    try:
        keys = dev.accounts
        made = deploy_contracts(url, keys[0], MarketRules(1, 1), patience=PATIENCE)
        place = deploy_data(url, keys[0], made.registry, 60, 2 * HOUR, patience=PATIENCE)
        view = ChainView(url, made.market, expected_chain_id=made.chain_id)
        operator, *others = (ChainWriter(view, key, PATIENCE) for key in keys[:5])
        committee = operator.create_committee(1, [one.address for one in others])
        for index, one in enumerate(others):
            one.join(committee, f"127.0.0.1:{7000 + index}", b"\x07" * 32)
        yield DataStage(url, directory, DataView(view, place), committee, keys, dev)
    finally:
        dev.stop()
