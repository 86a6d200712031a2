"""Setting up the committee's shared keys: deal, accept, confirm.

The first member of each set of N - t provers draws the set's key and seals it to the others; every member signs a hash
of each key it holds, and the hashes are compared before any key is used.  A dealer that hands out different keys is
seen by all, and named.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from hashlib import sha256

from circuits.errors import BlamedProversError, InvalidInputError
from circuits.hashing import keccak, tag, words
from circuits.statement import Committee
from commons.sharing.prss import KeySet, PrssKeys, key_sets


def deal(index: int, committee: Committee, entropy: bytes) -> dict[KeySet, bytes]:
    """Keys of the sets that this prover leads, from 32 bytes of operating-system entropy."""
    if len(entropy) != 32:
        raise InvalidInputError("dealing needs 32 bytes of entropy")
    led = (s for s in key_sets(committee) if s[0] == index)
    return {s: hmac.digest(entropy, words(tag("gradroll/v1/deal"), _bitmap(s)), sha256) for s in led}


def accept(index: int, committee: Committee, dealt: Mapping[int, Mapping[KeySet, bytes]]) -> PrssKeys:
    """Put this prover's keys together from what each dealer gave it.

    Args:
        dealt: by dealer, the keys it gave (its own included).

    Raises:
        BlamedProversError: a dealer left a key out.
    """
    keys: dict[KeySet, bytes] = {}
    for members in key_sets(committee):
        if index not in members:
            continue
        key = dealt.get(members[0], {}).get(members)
        if key is None or len(key) != 32:
            raise BlamedProversError((members[0],), f"prover {members[0]} dealt no key for the set {members}")
        keys[members] = key
    return PrssKeys(index, committee, keys)


def commitments(keys: PrssKeys) -> dict[KeySet, bytes]:
    """Hash of each key held; keys are uniform, so the hash hides them."""
    return {s: keccak(words(tag("gradroll/v1/key"), _bitmap(s), k)) for s, k in keys.keys.items()}


def confirmation_digest(committee_address: bytes, own: Mapping[KeySet, bytes]) -> bytes:
    """What a member signs: the committee and the hashes of all keys it holds."""
    body = b"".join(words(_bitmap(s), own[s]) for s in sorted(own))
    return keccak(words(tag("gradroll/v1/key-confirmation"), committee_address) + body)


def compare(own: Mapping[KeySet, bytes], others: Mapping[int, Mapping[KeySet, bytes]]) -> None:
    """Check that every member of a set holds the same key.

    Raises:
        BlamedProversError: members of a set hold different keys; its dealer is named (a member that lies about its
            hash blames an honest dealer, so the dealer's sealed messages decide: setup starts again without either).
    """
    for members, digest in own.items():
        for member in members:
            if member in others and others[member].get(members) != digest:
                raise BlamedProversError(
                    (members[0],),
                    f"provers of the set {members} hold different keys from prover {members[0]}",
                )


def _bitmap(members: KeySet) -> int:
    return sum(1 << p for p in members)
