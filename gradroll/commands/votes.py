"""Votes of a committee's members, for another member or a task's coordinator: files for whoever hands them in."""

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
from commons.storage.recordfiles import no_record, read_record, write_record
from provers.joining.keyring import Keyring
from provers.prover import membership

VERSION = 2
_WHAT = "vote"
_USES = {
    Replacement: "another member, which gradroll committee replace takes",
    NewCoordinator: "a task's coordinator, which gradroll committee coordinator takes",
}
Wanted = Replacement | NewCoordinator
W = TypeVar("W", Replacement, NewCoordinator)


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


def sign_vote(path: Path, view: ChainView, wanted: Wanted, committee_id: int, ring: Keyring) -> int:
    """Write the vote of whoever has the keys; returns its index in the committee.

    Raises:
        InvalidInputError: it is no member now.
        StorageError: the file cannot be written.
    """
    committee = view.committee(committee_id)
    keys = ring.seated(committee)
    member = membership(committee, keys.address).index
    write_record(path, _CODEC, Vote(wanted, member, keys.sign(_digest(view, wanted))))
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
    if isinstance(wanted, Replacement):
        return wanted.digest(registry_domain(view.chain_id, view.registry))
    return wanted.digest(view.market_id)


def _load(path: Path) -> Vote:
    vote = read_record(path, _CODEC, _WHAT)
    wanted = vote.wanted
    addresses = (wanted.signer, wanted.controller) if isinstance(wanted, Replacement) else (wanted.coordinator,)
    if vote.version != VERSION or len(vote.signature) != 65 or any(len(address) != 20 for address in addresses):
        raise no_record(path, _WHAT)
    return vote
