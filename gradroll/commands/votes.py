"""Votes of a committee's members, for another member, a task's coordinator or a table of improvement: files for whoever
hands them in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from circuits.errors import InvalidInputError
from commons.chain.view import ChainView
from commons.protocol.codec import Codec
from commons.protocol.coordinators import NewCoordinator
from commons.protocol.memberships import Replacement, registry_domain
from commons.samples.improvementrules import SignedTable
from commons.storage.recordfiles import no_record, read_record, write_record
from provers.joining.keyring import Keyring
from provers.prover import membership

VERSION = 2
_WHAT = "vote"
_USES = {
    Replacement: "another member, which gradroll committee replace takes",
    NewCoordinator: "a task's coordinator, which gradroll committee coordinator takes",
    SignedTable: "a table of improvement, which gradroll data improve submit takes",
}
Wanted = Replacement | NewCoordinator | SignedTable
W = TypeVar("W", Replacement, NewCoordinator, SignedTable)


@dataclass(frozen=True, slots=True)
class Vote:
    """One member's vote.

    Attributes:
        member: index of who votes.
        signature: 65 bytes over ``wanted``.
    """

    wanted: Wanted
    member: int
    signature: bytes
    version: int = VERSION


_CODEC: Codec[Vote] = Codec(Vote)


def sign_vote(
    path: Path, view: ChainView, wanted: Wanted, committee_id: int, ring: Keyring, digest: bytes | None = None
) -> int:
    """Write the vote of whoever has the keys; returns its index in the committee.

    Args:
        digest: what is signed of a table, 32 bytes: under the domain of the contract that pays.

    Raises:
        InvalidInputError: it is no member now.
        StorageError: the file cannot be written.
    """
    committee = view.committee(committee_id)
    keys = ring.seated(committee)
    member = membership(committee, keys.address).index
    write_record(path, _CODEC, Vote(wanted, member, keys.sign(digest or _digest(view, wanted))))
    return member


def load_votes(paths: Sequence[Path], kind: type[W]) -> tuple[W, list[tuple[int, bytes]]]:
    """What all votes are for, and the voters with their signatures; the contracts check these.

    Raises:
        UnknownError: there is no such file.
        InvalidInputError: one is no vote, or for something else, or they are not for the same.
    """
    votes, wanted = [_load(path) for path in paths], list[W]()
    for path, vote in zip(paths, votes, strict=True):
        if not isinstance(vote.wanted, kind):
            raise InvalidInputError(f"{path} is a vote for {_USES[type(vote.wanted)]}; hand it in there")
        wanted.append(vote.wanted)
        if vote.wanted != wanted[0]:
            raise InvalidInputError(
                f"{path} and {paths[0]} are not for the same: who is named, for which place and until when; have one "
                "of them voted again"
            )
    return wanted[0], list({vote.member: (vote.member, vote.signature) for vote in votes}.values())


def _digest(view: ChainView, wanted: Wanted) -> bytes:
    """What a member signs: for the registry, or for the market."""
    if isinstance(wanted, SignedTable):
        raise InvalidInputError("a table is signed under the domain of the contract that pays")
    if isinstance(wanted, Replacement):
        return wanted.digest(registry_domain(view.chain_id, view.registry))
    return wanted.digest(view.market_id)


def _load(path: Path) -> Vote:
    vote = read_record(path, _CODEC, _WHAT)
    wanted = vote.wanted
    if vote.version != VERSION or len(vote.signature) != 65 or not _is_whole(wanted):
        raise no_record(path, _WHAT)
    return vote


def _is_whole(wanted: Wanted) -> bool:
    """Whether its addresses have 20 bytes, and its hashes 32."""
    if isinstance(wanted, SignedTable):
        return all(len(word) == 32 for word in (wanted.budget, wanted.rule, wanted.root))
    addresses = (wanted.signer, wanted.controller) if isinstance(wanted, Replacement) else (wanted.coordinator,)
    return all(len(address) == 20 for address in addresses)
