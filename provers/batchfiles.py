"""The batches that a prover attested or was shown: certificates, and what was opened for them."""

from __future__ import annotations

from collections.abc import Collection, Set
from dataclasses import replace
from pathlib import Path

from circuits.atomicfile import storing
from circuits.errors import UnknownError
from commons.protocol.bundle import ROUND_NAMED, AuditBundle, Certificate, named_round
from commons.storage.files import Disk, write_durably
from provers.ledgerrows import RoundName

_CERTIFICATE, _OPENED = ".certificate", ".opened"


class BatchFiles:
    """A directory with at most two files a batch."""

    def __init__(self, directory: Path, disk: Disk) -> None:
        """Read of which round each batch is.  Raises StorageError."""
        self._directory, self._disk = directory, disk
        self._of_round = self._index()

    def put(self, bundle: AuditBundle) -> None:
        """Keep an attested batch: its certificate, and everything that was opened."""
        self.put_certificate(bundle.certificate)
        write_durably(self._opened(bundle.certificate.batch_id), bundle.encode_opened(), disk=self._disk)

    def put_certificate(self, certificate: Certificate) -> None:
        """Keep a certificate; of one that is here already only the attestations change, to the larger number.

        With them comes the payee, which nothing else binds: this prover may have been named another one.
        """
        path = self._certificate(certificate.batch_id)
        if path.exists():
            known = Certificate.decode(self.certificate(certificate.batch_id))
            if len(known.attestations) >= len(certificate.attestations):
                return
            certificate = replace(known, payee=certificate.payee).attested_by(certificate.attestations)
        write_durably(path, certificate.encode(), disk=self._disk)
        context = certificate.statement.context
        self._of_round.setdefault((context.task_id, context.round), set()).add(certificate.batch_id)

    def of_round(self, name: RoundName) -> list[bytes]:
        """Batches of a round whose certificate is here, in ascending order."""
        return sorted(self._of_round.get(name, ()))

    def rounds(self) -> Set[RoundName]:
        """Rounds of which there is a batch."""
        return set(self._of_round)

    def certificate(self, batch_id: bytes) -> bytes:
        """The certificate of a batch, encoded.  Raises UnknownError."""
        return self._read(self._certificate(batch_id), batch_id)

    def bundle(self, batch_id: bytes) -> bytes:
        """The audit bundle of a batch, encoded.  Raises UnknownError."""
        opened = self._read(self._opened(batch_id), batch_id)
        return self.certificate(batch_id) + opened

    def sizes(self) -> dict[int, int]:
        """Bytes of the batches of each task."""
        found: dict[int, int] = {}
        for (task_id, _), batches in self._of_round.items():
            found[task_id] = found.get(task_id, 0) + sum(map(self.size, batches))
        return found

    def size(self, batch_id: bytes) -> int:
        """Bytes of a batch."""
        with storing("cannot look at a batch"):
            there = [path for path in (self._certificate(batch_id), self._opened(batch_id)) if path.exists()]
            return sum(path.stat().st_size for path in there)

    def discard(self, names: Collection[RoundName]) -> int:
        """Delete the batches of rounds; how many there were."""
        leaving = [batch_id for name in names for batch_id in self.of_round(name)]
        with storing("cannot delete a batch"):
            for batch_id in leaving:  # the certificate last, for it says of which round the other one is
                for path in (self._opened(batch_id), self._certificate(batch_id)):
                    if path.exists():
                        self._disk.durably(path.unlink)
        for name in names:
            self._of_round.pop(name, None)
        return len(leaving)

    def discard_old(self, before: float, standing: Collection[RoundName]) -> int:
        """Delete files that were written before a time, seconds since 1970, but none of rounds that still stand."""
        kept = {batch_id.hex() for name in standing for batch_id in self._of_round.get(name, ())}
        with storing("cannot tidy the batches"):
            old = [p for p in self._directory.iterdir() if p.stem not in kept and p.stat().st_mtime < before]
            for path in old:
                self._disk.durably(path.unlink)
        if old:
            self._of_round = self._index()
        return len(old)

    def _index(self) -> dict[RoundName, set[bytes]]:
        """Batches by round, from how their certificates begin."""
        found: dict[RoundName, set[bytes]] = {}
        for path in self._directory.glob(f"*{_CERTIFICATE}"):
            with storing("cannot read a batch"), path.open("rb") as file:
                name = named_round(file.read(ROUND_NAMED))
            if name is not None:  # of this release
                found.setdefault(name, set()).add(bytes.fromhex(path.stem))
        return found

    def _certificate(self, batch_id: bytes) -> Path:
        return self._directory / f"{batch_id.hex()}{_CERTIFICATE}"

    def _opened(self, batch_id: bytes) -> Path:
        return self._directory / f"{batch_id.hex()}{_OPENED}"

    @staticmethod
    def _read(path: Path, batch_id: bytes) -> bytes:
        if not path.exists():
            raise UnknownError(
                f"this prover has nothing of batch 0x{batch_id.hex()}: it did not attest it, or has deleted it"
            )
        with storing("cannot read a batch"):
            return path.read_bytes()
