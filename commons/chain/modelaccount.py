"""Transactions of the registry of models: sets, listings, proofs; and verifiers of its factory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from circuits.accuracy.proofparts import AccuracyProof, RoundingProof
from circuits.errors import ChainError, ContractError, KeyMismatchError, UnknownError
from circuits.groth16 import VerifyingKey
from commons.chain import calldata
from commons.chain.account import SMALL, Creation
from commons.chain.calldata import FACTORY, MODELS
from commons.chain.mined import Mined
from commons.chain.modeldecoding import coordinates
from commons.chain.modelfacts import LineageStatement, ListingTerms, set_id
from commons.chain.modelverifiers import MODEL_FAMILIES, model_family, model_verifier_address
from commons.chain.modelview import ModelView
from commons.chain.outbox import Outbox
from commons.chain.patience import Patience
from commons.chain.quotes import Announce
from commons.chain.variants import OnSent
from commons.chain.verifiers import encoded_key
from commons.chain.writer import ChainWriter
from commons.runtime.amounts import checksum
from commons.storage.accounts import Signer
from native import G1

_MAKE_VERIFIER = 6_000_000
_PROVE, _PROVE_CHUNK, _LINEAGE, _LINEAGE_ROUND = 700_000, 150_000, 900_000, 40_000


class ModelAccount(ChainWriter):
    """One account's transactions at both markets; see ``ChainAccount``.

    Attributes:
        models: the model market.
    """

    def __init__(
        self,
        models: ModelView,
        key: Signer,
        patience: Patience | None = None,
        stopping: threading.Event | None = None,
        *,
        outbox: Outbox | None = None,
        announce: Announce | None = None,
        on_sent: OnSent | None = None,
        on_earlier: OnSent | None = None,
    ) -> None:
        super().__init__(
            models.chain, key, patience, stopping,
            outbox=outbox, announce=announce, on_sent=on_sent, on_earlier=on_earlier,
        )  # fmt: skip
        self.models = models

    def deploy_model_verifier(self, key: VerifyingKey) -> bytes:
        """Have the models' factory make the verifier of a key, unless it is there; returns its address.

        Raises:
            KeyMismatchError: the factory's verifiers are of another release, or the key is of no class.
        """
        factory, address = self.models.factory, model_verifier_address(self.models.factory, key)
        code = self.view.rpc.code
        if not code(address):
            family = MODEL_FAMILIES.index(model_family(key))
            data = calldata.call(FACTORY, "create", family, encoded_key(key))
            try:
                self._sender.send(factory, data, gas=_MAKE_VERIFIER)
            except ContractError as error:
                if error.error != "VerifierExists":  # somebody else was quicker
                    raise
        if not code(address):
            raise KeyMismatchError(
                f"the factory {checksum(factory)} makes other verifiers than this release: there is none at "
                f"{checksum(address)}; deploy the contracts with this release, or use theirs"
            )
        return address

    def create_set(self, salt: bytes, groups: int, manifest: bytes) -> bytes:
        """Create a set without groups, unless this account has; returns its identifier.

        Args:
            salt: 32 bytes; with another one the same account has another set.
            manifest: 32 bytes, digest of the set's description; zeros for a hidden one.
        """
        named = set_id(self.models.deployment, self.address, salt, groups, manifest)
        if not known(self.models.set_of, named):
            self._models("createSet", salt, groups, manifest)
        return self._made(self.models.set_of, named, "set")

    def register_group(self, set_: bytes, group: int, group_hash: bytes) -> None:
        """Register a group of a set of this account, unless the very same is.

        Raises:
            ContractError: another one is.
        """
        if self.models.set_of(set_).hashes[group] != group_hash:
            self._models("registerGroup", set_, group, group_hash)

    def list_model(self, terms: ListingTerms, model: G1, nonce: int = 0) -> bytes:
        """List a model; returns the listing's identifier.

        Args:
            nonce: the first to try; a listing of the same model under the same terms gets the next that is free.  After
                an interruption the same call finds its own transaction again.
        """
        place = self.models.places.registry

        def named(at: int) -> bytes:
            return terms.listing_id(self.models.deployment, self.address, at, model)

        def data(at: int) -> bytes:
            return calldata.call(MODELS, "list", terms.words, coordinates(model), at)

        def exists(at: int) -> bool:
            return known(self.models.listing, named(at))

        _, used = self.create(Creation(place, data, "ListingExists", exists), nonce, SMALL)
        return self._made(self.models.listing, named(used), "listing")

    def unlist(self, listing: bytes) -> Mined:
        """Close a listing of this account for new sales, for good."""
        return self._models("unlist", listing)

    def prove(self, listing: bytes, group: int, samples: int, data: Sequence[G1], proof: AccuracyProof) -> Mined:
        """Have a group counted for a listing.

        Args:
            data: C_X of each chunk of the group.
        """
        gas = _PROVE + _PROVE_CHUNK * len(data)
        points = [coordinates(each) for each in data]
        return self._models("prove", listing, group, samples, points, calldata.accuracy_tuple(proof), gas=gas)

    def prove_lineage(
        self, listing: bytes, verifier: bytes, statement: LineageStatement, proof: RoundingProof
    ) -> Mined:
        """Show that a listing's model came out of rounds of the gradient market."""
        gas = _LINEAGE + _LINEAGE_ROUND * len(statement.coefficients)
        return self._models("proveLineage", listing, verifier, statement.words, calldata.rounding_tuple(proof), gas=gas)

    def _made(self, ask: Callable[[bytes], object], identifier: bytes, what: str) -> bytes:
        """The identifier of what was created.  Raises ChainError where the node does not show it."""
        if not known(ask, identifier):
            raise ChainError(
                f"the node does not show the {what} 0x{identifier.hex()} that was created: run the command again, it "
                "pays once, or use another node"
            )
        return identifier

    def _models(self, name: str, *arguments: object, gas: int = SMALL) -> Mined:
        data = calldata.call(MODELS, name, *arguments)
        return self._sender.send(self.models.places.registry, data, gas=gas)


def known(ask: Callable[[bytes], object], identifier: bytes) -> bool:
    """Whether the chain knows what has an identifier; asked by what reads it."""
    try:
        ask(identifier)
    except UnknownError:
        return False
    return True
