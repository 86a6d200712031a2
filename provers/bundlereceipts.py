"""A member's receipts for bundles: it signs what it has checked and holds, and for what its own nodes show.

Nothing of a request is believed.  Before most nodes show the opening of a bundle, deep enough, nothing of it is taken
in: until then it is its contributor's secret, and anybody could send anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from itertools import islice
from typing import IO, BinaryIO

from circuits.errors import ClosedError, InvalidInputError, ProofError, WireError
from circuits.terms import DAY
from commons.samples.bundlechecks import require_fitting
from commons.samples.merkletrees import MerkleTree, sample_leaf
from commons.samples.samplebundles import largest_bundle, read_samples
from commons.samples.sampleschemas import SampleSchema
from commons.wire.bundlewire import BundleHead
from provers.bundlechain import BundleChain, End, OpenedBundle
from provers.checkturns import CheckTurns
from provers.heldbundles import BundleFiles, HeldBundle
from provers.knownfaults import KnownFaults

_MIB = 1 << 20
_BATCH = 4096
"""Samples that are in memory at a time."""


class BundleReceipts:
    """What one member says of the bundles of its committee's campaigns.  Thread-safe.

    Args:
        sign: with the member's present key.
        kept: seconds for which a bundle is kept after the last window over it.
        price: wei that a campaign pays for receipts, at least, for each MiB that is begun.
    """

    def __init__(
        self, chain: BundleChain, files: BundleFiles, sign: Callable[[bytes], bytes], kept: int, price: int = 0
    ) -> None:
        self._chain, self._files, self._sign, self._kept, self._price = chain, files, sign, kept, price
        self._turns = CheckTurns()
        """One check at a time: it takes all of a core, for many samples."""
        self._faults = KnownFaults()

    def hold(self, head: BundleHead, read: Callable[[], Iterator[bytes]]) -> None:
        """Take in a bundle that was opened, if it is what the chain has.

        Args:
            read: the file's chunks; called once they are let in.

        Raises:
            NotReadyError, RuleViolationError, UnknownError, ChainError: as ``BundleChain.opened``.
            ClosedError: the campaign pays less than this prover's price.
            ProofError, InvalidInputError: it is another file, or not as its root, its count or the schema has it.
            WireError: no bundle of so many samples has that length.
            StorageError: there is no room.
        """
        opened = self._chain.opened(head.bundle, head.content_digest, shown=True)
        name = opened.receipt.digest(self._chain.domain)
        if self._files.holds(name):
            return  # sent again: its answer was lost, or others send it too
        self._faults.require_none(name)
        _require_length(head.length, opened)
        self._require_paid(head.length, opened)
        owners = b"".join(dict.fromkeys((opened.contributor, opened.owner)))
        held = HeldBundle(head.bundle, head.content_digest, bytes(32), head.length)
        self._files.put(name, owners, held, read, lambda file: self._check(name, opened, file))

    def attest(self, bundle: int, content_digest: bytes) -> bytes:
        """The receipt for a bundle that is here, 65 bytes.

        Raises:
            NotReadyError, RuleViolationError, UnknownError, ChainError: as ``BundleChain.opened``; UnknownError also
                where the bundle is not here.
        """
        signed = self._chain.opened(bundle, content_digest).receipt.digest(self._chain.domain)
        self._files.bundle(signed)
        return self._sign(signed)

    def file(self, content_digest: bytes) -> AbstractContextManager[tuple[BinaryIO, HeldBundle]]:
        """A bundle's file; anybody may have it.  Raises as ``BundleFiles.file``."""
        return self._files.file(content_digest)

    def tidy(self, now: int) -> None:
        """Delete bundles that are over for long enough; as ``HeldFiles.tidy``."""
        self._files.tidy(now, self._kept_after)

    @property
    def files(self) -> BundleFiles:
        """What is kept."""
        return self._files

    def _kept_after(self, name: bytes) -> int | None:
        """Seconds for which what is over is kept; None for a bundle that is not."""
        told = self._files.told(name)
        end = End.VOID if told is None else self._chain.ended(told.number, name)
        if end is None:
            return None
        return min(self._kept, DAY) if end is End.VOID else self._kept

    def _require_paid(self, length: int, opened: OpenedBundle) -> None:
        """Deposits go back to who fills disks with bundles of its own campaigns; the fee does not."""
        wanted = self._price * -(-length // _MIB)
        if opened.fee < wanted:
            raise ClosedError(
                f"this prover takes bundles of so many bytes where a campaign pays {wanted} wei for their receipts, "
                f"and this one pays {opened.fee}; make smaller bundles, ask for a higher --receipt-fee, or its "
                "operator (prover.bundle_fee)"
            )

    def _check(self, name: bytes, opened: OpenedBundle, file: IO[bytes]) -> None:
        with self._turns.turn(), self._faults.noted(name):
            require_opened(opened, file)


def _require_length(length: int, opened: OpenedBundle) -> None:
    schema, count = opened.schema, opened.receipt.count
    most = largest_bundle(count, schema.longest)
    if length > most:
        raise WireError(f"{count} samples of the schema have {most} bytes at most, not {length}")


def require_opened(opened: OpenedBundle, file: IO[bytes]) -> None:
    """Of a file with the SHA-256 that was committed to: raise ProofError or InvalidInputError unless all else fits."""
    said = opened.receipt
    schema_digest, samples = read_samples(file)
    leaves = list(_fitting_leaves(opened.schema, samples))
    if schema_digest != said.schema_digest or len(leaves) != said.count:
        raise ProofError(
            f"the file has {len(leaves)} samples of schema 0x{schema_digest.hex()}, and bundle {said.bundle} was "
            f"opened as {said.count} of 0x{said.schema_digest.hex()}; no receipt is signed"
        )
    if MerkleTree(leaves).root != said.root:
        raise ProofError(
            f"the samples of bundle {said.bundle} do not give the root that it was opened with: no challenge against "
            "them could be proven, so no receipt is signed"
        )


def _fitting_leaves(schema: SampleSchema, samples: Iterator[bytes]) -> Iterator[bytes]:
    at = 0
    while batch := list(islice(samples, _BATCH)):
        try:
            require_fitting(schema, batch)
        except InvalidInputError as error:
            raise InvalidInputError(f"after the first {at} samples: {error}" if at else str(error)) from None
        yield from (sample_leaf(at + place, sample) for place, sample in enumerate(batch))
        at += len(batch)
