"""One prover's side of setting up the committee's shared keys: deal, accept, confirm; each may be repeated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from circuits.errors import BlamedProversError, ClosedError, InvalidInputError, NotReadyError
from circuits.statement import Committee
from commons.protocol.keypackages import (
    CommitteeReference,
    KeyConfirmation,
    KeyPackage,
    decode_keys,
    encode_keys,
    package_digest,
)
from commons.protocol.signing import require_signer
from commons.sharing import sealing
from commons.sharing.prss import KeySet, PrssKeys
from provers.joining import agreement
from provers.joining.keystore import Keystore, SharedKeys


class KeySetup:
    """Shared keys of one committee at one member."""

    def __init__(self, keystore: Keystore, reference: CommitteeReference, committee: Committee, index: int) -> None:
        self._keystore = keystore
        self._reference = reference
        self._committee = committee
        self._index = index

    @property
    def reference(self) -> bytes:
        """Digest that names the list of members."""
        return self._reference.digest

    @property
    def keys(self) -> PrssKeys:
        """The confirmed keys.  Raises NotReadyError before that."""
        shared = self._keystore.load_shared(self._reference.digest)
        if shared is None or not shared.confirmed:
            raise NotReadyError(
                "the committee's shared keys are not set up yet; the coordinator does it once all members run"
            )
        return PrssKeys(self._index, self._committee, shared.keys)

    @property
    def ready(self) -> bool:
        """Whether the keys are confirmed."""
        shared = self._keystore.load_shared(self._reference.digest)
        return shared is not None and shared.confirmed

    def deal(self, hpke_keys: Sequence[bytes]) -> tuple[KeyPackage, ...]:
        """Seal the keys that this prover leads to the other members' registered keys, and to no others ever.

        Raises:
            ClosedError: they were sealed to other keys before; a node that names keys of its own for a moment would
                otherwise learn what this prover deals.
        """
        if not self._keystore.fix_recipients(self._reference.digest, hpke_keys):
            raise ClosedError(
                "these keys were dealt to other public keys of the members already; if a member has replaced its key "
                "since, register another committee"
            )
        dealt = self._dealt()
        return tuple(
            self._package(recipient, hpke_keys[recipient], given)
            for recipient in range(self._committee.size)
            if recipient != self._index and (given := {s: k for s, k in dealt.items() if recipient in s})
        )

    def accept(self, packages: Sequence[KeyPackage]) -> KeyConfirmation:
        """Take the dealers' keys and state, signed, which keys this member holds.

        Raises:
            SignatureError: a package is not its dealer's.
            BlamedProversError: a dealer sealed what is no set of keys, or left one out.
            ClosedError: this member gave its word for other keys already.
        """
        dealt: dict[int, Mapping[KeySet, bytes]] = {self._index: self._dealt()}
        for package in packages:
            dealt[package.dealer] = self._open(package)
        keys = agreement.accept(self._index, self._committee, dealt)
        before = self._keystore.load_shared(self._reference.digest)
        if before is None:
            self._keystore.save_shared(self._reference.digest, SharedKeys(keys.keys, confirmed=False))
        elif dict(before.keys) != dict(keys.keys):
            # Its word for the first keys is out: with words for several, members could confirm different ones.
            raise ClosedError("this member gave its word for other keys already; other keys need another committee")
        hashes = agreement.commitments(keys)
        digest = agreement.confirmation_digest(self._reference.digest, hashes)
        return KeyConfirmation(self._index, hashes, self._keystore.sign(digest))

    def confirm(self, confirmations: Sequence[KeyConfirmation]) -> None:
        """Compare all members' signed hashes and take the keys into use.

        Raises:
            SignatureError: a confirmation is not its member's.
            BlamedProversError: members of a set hold different keys.
            InvalidInputError: a member's confirmation is missing.
        """
        shared = self._keystore.load_shared(self._reference.digest)
        if shared is None:
            raise NotReadyError("no keys were accepted here yet; accept them first")
        others: dict[int, Mapping[KeySet, bytes]] = {}
        for word in confirmations:
            self._check_member(word.member)
            digest = agreement.confirmation_digest(self._reference.digest, word.hashes)
            require_signer(
                digest, word.signature, self._committee.members[word.member], f"confirmation of prover {word.member}"
            )
            others[word.member] = word.hashes
        missing = set(range(self._committee.size)) - others.keys()
        if missing:
            raise InvalidInputError(f"the confirmations of provers {sorted(missing)} are missing")
        own = agreement.commitments(PrssKeys(self._index, self._committee, shared.keys))
        agreement.compare(own, others)
        if not shared.confirmed:
            self._keystore.save_shared(self._reference.digest, SharedKeys(shared.keys, confirmed=True))

    def _dealt(self) -> dict[KeySet, bytes]:
        entropy = self._keystore.dealing_entropy(self._reference.digest)
        return agreement.deal(self._index, self._committee, entropy)

    def _package(self, recipient: int, public: bytes, keys: Mapping[KeySet, bytes]) -> KeyPackage:
        info = sealing.keys_info(self._reference.digest, self._index, recipient)
        sealed = sealing.seal(public, encode_keys(keys), info)
        digest = package_digest(self._reference, self._index, recipient, sealed)
        return KeyPackage(self._index, recipient, sealed, self._keystore.sign(digest))

    def _open(self, package: KeyPackage) -> Mapping[KeySet, bytes]:
        self._check_member(package.dealer)
        if package.recipient != self._index or package.dealer == self._index:
            raise InvalidInputError(f"a key package is for prover {package.recipient}, this is prover {self._index}")
        signer = self._committee.members[package.dealer]
        require_signer(
            package.digest(self._reference), package.signature, signer, f"key package of prover {package.dealer}"
        )
        info = sealing.keys_info(self._reference.digest, package.dealer, self._index)
        try:
            return decode_keys(sealing.unseal(self._keystore.hpke_secret, package.sealed, info, "a key package"))
        except InvalidInputError as error:
            raise BlamedProversError((package.dealer,), f"prover {package.dealer} dealt no keys: {error}") from error

    def _check_member(self, index: int) -> None:
        if index >= self._committee.size:
            raise InvalidInputError(f"there is no prover {index} in a committee of {self._committee.size}")
