"""A committee whose members give receipts for bundles over gRPC, beside a data market, and who asks them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commons.chain.datafacts import CampaignTerms
from commons.samples.contributions import bundle_commitment
from commons.samples.samplebundles import SampleBundle
from commons.wire.bundlewire import BundleHead
from commons.wire.prover_client import ProverClient
from gradroll.datamarket.committeereceipts import CommitteeReceipts
from provers.bundlechain import BundleChain
from provers.bundlereceipts import BundleReceipts
from provers.heldbundles import BundleFiles
from tests.datamarket.datastage import CONTRIBUTOR, DataStage, bundle_of, data_stage, sample
from tests.support.memberserver import MemberServer

KEPT, DEEP = 1000, 3
MEMBERS = 4
BUNDLE = bundle_of(sample(1, 10, 20, 30), sample(2, 40, 50, 60))


class Member(MemberServer):
    """A member that gives receipts for bundles."""

    def begin(self, town: BundleTown, account: int, room: int = 1 << 20, **other: int) -> BundleReceipts:
        """Serve receipts, anew after a restart."""
        made = town.receipts(self.directory, account, room, **other)
        self.servicer._bundles = made
        return made


@dataclass
class BundleTown:
    """A data market with a committee of servers."""

    stage: DataStage
    members: tuple[Member, ...] = ()
    salts: int = 0

    def chain(self, committee: int | None = None) -> BundleChain:
        """What a member believes, through a connection of its own."""
        return BundleChain([self.stage.view()], committee or self.stage.committee, DEEP)

    def receipts(
        self, directory: Path, account: int = 1, room: int = 1 << 20, committee: int | None = None, price: int = 0
    ) -> BundleReceipts:
        """A member's part, without a server."""
        files = BundleFiles(directory, room)
        return BundleReceipts(self.chain(committee), files, self.stage.accounts[account].sign, KEPT, price)

    def client(self, member: int = 0) -> ProverClient:
        return ProverClient(self.members[member].endpoint)

    def witnesses(self, **changes: Any) -> CommitteeReceipts:
        return CommitteeReceipts(self.stage.data, **{"pause": 0.0, **changes})

    def committed(
        self, bundle: SampleBundle = BUNDLE, who: int = CONTRIBUTOR, terms: CampaignTerms | None = None, **said: Any
    ) -> tuple[int, tuple[bytes, bytes, bytes]]:
        """Number of a bundle that can be opened, and what opens it; ``said`` is what its contributor says of it."""
        campaign, contributor = self.stage.campaign(terms), self.stage.account(who)
        root, digest = said.get("root", bundle.tree().root), said.get("digest", bundle.content_digest)
        count = said.get("count", len(bundle.samples))
        self.salts += 1
        salt = self.salts.to_bytes(32, "big")
        commitment = bundle_commitment(campaign, root, digest, count, contributor.address, salt)
        number = contributor.commit_bundle(campaign, count, commitment)
        self.stage.pass_time(1, 2)
        return number, (root, digest, salt)

    def opened(
        self, bundle: SampleBundle = BUNDLE, who: int = CONTRIBUTOR, terms: CampaignTerms | None = None, **said: Any
    ) -> BundleHead:
        """An opened bundle, deep enough, as its contributor sends it."""
        number, opening = self.committed(bundle, who, terms, **said)
        self.stage.account(who).open_bundle(number, *opening)
        self.stage.pass_time(1, DEEP)
        return BundleHead(number, opening[1], len(bundle.encode()))


@contextmanager
def bundle_town(directory: Path) -> Iterator[BundleTown]:
    """A committee of four servers on a data market."""
    with data_stage(directory) as stage:
        town = BundleTown(stage)
        try:
            for at in range(1, MEMBERS + 1):
                member = Member(directory / f"member-{at}")
                town.members += (member,)
                member.begin(town, at)
                stage.account(at).chain.set_endpoint(stage.committee, member.endpoint)
            yield town
        finally:
            for member in town.members:
                member.stop()
