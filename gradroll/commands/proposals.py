"""Proposals of a prover for its controller: the next keys, in a file that travels between their machines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from circuits.errors import InvalidInputError, SignatureError
from commons.protocol.codec import Codec
from commons.protocol.memberships import Rotation, proposal_digest, registry_domain
from commons.protocol.signing import require_signer
from commons.storage.recordfiles import no_record, read_record, write_record

if TYPE_CHECKING:
    from commons.chain.view import ChainView
    from provers.joining.keystore import Keystore

VERSION = 1
_WHAT = "proposal of other keys"
_AGAIN = "have it written again (gradroll prover rotate-keys)"


@dataclass(frozen=True, slots=True)
class Proposal:
    """Keys that a member wants to have.

    Attributes:
        hpke_key: 32 bytes, X25519.
        possession: 65 bytes by the new signer over ``wanted``, for the registry.
        word: 65 bytes by the present signer over both: a file that somebody exchanged has not got it.
    """

    wanted: Rotation
    hpke_key: bytes
    possession: bytes
    word: bytes
    version: int = VERSION


_CODEC: Codec[Proposal] = Codec(Proposal)


def write_proposal(path: Path, domain: bytes, wanted: Rotation, new: Keystore, present: Keystore) -> None:
    """Write a proposal, in an earlier one's place.  Raises StorageError.

    Args:
        domain: of the registry.
    """
    word = present.sign(proposal_digest(domain, wanted, new.hpke_public))
    write_record(path, _CODEC, Proposal(wanted, new.hpke_public, new.sign(wanted.digest(domain)), word))


def load_proposal(path: Path, view: ChainView, committee_id: int, index: int) -> Proposal:
    """Read a proposal that is the word of the member that sits at an index.

    Raises:
        UnknownError: there is no such file.
        InvalidInputError: it is no proposal, or for another place.
        SignatureError: the present member has not signed it, or the new key's owner has not.
    """
    proposal = read_record(path, _CODEC, _WHAT, cure=_AGAIN)
    wanted = proposal.wanted
    lengths = [len(part) for part in (wanted.signer, wanted.controller, proposal.hpke_key)]
    signatures = [len(part) for part in (proposal.possession, proposal.word)]
    if (proposal.version, lengths, signatures) != (VERSION, [20, 20, 32], [65, 65]):
        raise no_record(path, _WHAT, _AGAIN)
    if (wanted.committee_id, wanted.index) != (committee_id, index):
        raise InvalidInputError(f"{path} is for another committee or index; name the one that it was written for")
    domain, member = registry_domain(view.chain_id, view.registry), view.member(committee_id, index)
    if wanted.controller != member.controller:
        raise InvalidInputError(f"{path} names another controller than the member has; have it written again")
    try:
        require_signer(proposal_digest(domain, wanted, proposal.hpke_key), proposal.word, member.signer, "the proposal")
        require_signer(wanted.digest(domain), proposal.possession, wanted.signer, "the new key's word")
    except SignatureError as error:
        raise SignatureError(
            f"{path}: {error}; somebody changed it, or the member has other keys by now: send nothing, and have it "
            "written again (gradroll prover rotate-keys)"
        ) from error
    return proposal
