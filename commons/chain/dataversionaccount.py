"""Transactions at versions of models."""

from __future__ import annotations

from circuits.errors import ContractError, UnknownError
from commons.chain import calldata
from commons.chain.calldata import VERSIONS
from commons.chain.dataversionview import VersionTerms, VersionView
from commons.chain.writer import ChainWriter

_REGISTER, _ROUND = 900_000, 30_000


class VersionAccount:
    """One account's transactions at versions of models.

    Every method waits and raises as those of ``ChainAccount`` do, whose object sends them.

    Attributes:
        versions: as nodes show them.
        chain: the account.
    """

    def __init__(self, chain: ChainWriter, versions: VersionView) -> None:
        self.chain, self.versions = chain, versions

    @property
    def address(self) -> bytes:
        """The account's 20-byte address."""
        return self.chain.address

    def register(self, terms: VersionTerms) -> bytes:
        """Register a version, unless this account did; returns its identifier."""
        version = terms.version_id(self.versions.deployment, self.address)
        try:
            self.versions.version(version)
        except UnknownError:
            gas = _REGISTER + _ROUND * sum(count for _, _, count in terms.rounds)
            data = calldata.call(VERSIONS, "register", terms.words)
            try:
                self.chain.send(self.versions.place, data, gas=gas)
            except ContractError as error:
                if error.error != "VersionExists":  # another process of this account was quicker
                    raise
        return version
