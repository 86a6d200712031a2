"""What a bounty's owner committed to, kept secret until it is drawn: salted groups with files, and seeds of draws."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path

from circuits.errors import KeyFileError, UnknownError
from commons.protocol.bountydraws import HiddenGroup, commitment, seed_commitment
from commons.storage.secretfiles import hexadecimal, read_secret_file, write_secret_file
from commons.storage.unlock import LOCKED, Unlock

_KIND, _SEED_KIND = "bounty-groups", "bounty-seed"


@dataclass(frozen=True, slots=True)
class KeptGroup:
    """A group that was committed to.

    Attributes:
        hidden: what shows it on the chain, with its salt.
        file: where its data are.
    """

    hidden: HiddenGroup = field(repr=False)
    file: Path


class BountyBook:
    """The committed groups in a state directory that this process has locked, mode 0600.

    Args:
        unlock: opens files that are encrypted.
        encrypting: encrypts what is written; without it nothing is.
    """

    def __init__(self, directory: Path, unlock: Unlock = LOCKED, encrypting: Unlock | None = None) -> None:
        self._directory, self._unlock, self._encrypting = directory / "bounties", unlock, encrypting
        self._seeds = directory / "bounty-seeds"

    def add(self, groups: tuple[KeptGroup, ...]) -> bytes:
        """Write groups down, durably, before anybody is told the commitment to them; returns that, 32 bytes."""
        made = commitment([group.hidden.leaf for group in groups])
        listed = [
            {
                "samples": group.hidden.samples, "salt": group.hidden.salt.hex(),
                "hash": group.hidden.group_hash.hex(), "digest": group.hidden.file_digest.hex(),
                "file": str(group.file),
            }
            for group in groups
        ]  # fmt: skip
        path = self._path(made)
        write_secret_file(path, _KIND, {"groups": listed}, replace=False, unlock=self._encrypting)
        return made

    def again(self, groups: tuple[KeptGroup, ...]) -> bytes | None:
        """The commitment to these groups of these files, whatever their salts, if one was made here before.

        Raises:
            KeyFileError: a file is damaged, readable by others, or locked.
        """
        for path in sorted(self._directory.glob("*.json")):
            named = hexadecimal(path, path.stem)
            if _unsalted(self.find(named)) == _unsalted(groups):
                return named
        return None

    def seed_for(self, named: bytes, scope: bytes, nonce: int) -> bytes:
        """The commitment to the seeds of the bounty on these groups with a nonce, 32 bytes; fresh seeds the first time.

        A contract refuses seeds that it has seen of an account, and knows nothing of those that were shown elsewhere.

        Args:
            scope: the deployment of the contract of bounties, and the owner's address.

        Raises:
            KeyFileError: the file is damaged, readable by others, or locked.
        """
        path = self._seeds / f"{named.hex()}-{scope.hex()}-{nonce}.json"
        if not path.exists():
            fresh = {"seed": secrets.token_bytes(32).hex()}
            write_secret_file(path, _SEED_KIND, fresh, replace=False, unlock=self._encrypting)
        return seed_commitment(self._seed(path))

    def find_seed(self, named: bytes, committed: bytes) -> bytes:
        """s0 behind a commitment to seeds, 32 bytes.

        Args:
            named: the commitment to the groups.

        Raises:
            UnknownError: it is not here.
            KeyFileError: a file is damaged, readable by others, or locked.
        """
        for path in sorted(self._seeds.glob(f"{named.hex()}-*.json")):
            seed = self._seed(path)
            if seed_commitment(seed) == committed:
                return seed
        raise UnknownError(
            f"the seeds behind 0x{committed.hex()[:16]}.. are not in {self._seeds}: nobody else can draw; name the "
            "state directory with which the bounty was opened (models.state)"
        )

    def find(self, named: bytes) -> tuple[KeptGroup, ...]:
        """The groups behind a commitment.

        Raises:
            UnknownError: they are not here.
            KeyFileError: the file is damaged, readable by others, or locked.
        """
        path = self._path(named)
        if not path.exists():
            raise UnknownError(
                f"the groups behind 0x{named.hex()[:16]}.. are not in {self._directory}: nobody else can show them; "
                "name the state directory in which they were committed to (models.state)"
            )
        listed = read_secret_file(path, _KIND, self._unlock).get("groups")
        if not isinstance(listed, list):
            raise KeyFileError(f"{path}: the groups are damaged; put a copy of the file back")
        groups = tuple(self._group(path, raw) for raw in listed)
        if _commitment(path, groups) != named:
            raise KeyFileError(f"{path}: the groups are not those that were committed to; put a copy of the file back")
        return groups

    def _seed(self, path: Path) -> bytes:
        return hexadecimal(path, read_secret_file(path, _SEED_KIND, self._unlock).get("seed"))

    def _group(self, path: Path, raw: object) -> KeptGroup:
        if not isinstance(raw, dict) or type(raw.get("samples")) is not int:
            raise KeyFileError(f"{path}: the groups are damaged; put a copy of the file back")
        salt, group_hash, digest = (hexadecimal(path, raw.get(name)) for name in ("salt", "hash", "digest"))
        return KeptGroup(HiddenGroup(salt, group_hash, digest, raw["samples"]), Path(str(raw.get("file"))))

    def _path(self, named: bytes) -> Path:
        return self._directory / f"{named.hex()}.json"


def _commitment(path: Path, groups: tuple[KeptGroup, ...]) -> bytes:
    try:
        return commitment([group.hidden.leaf for group in groups])
    except ValueError as error:
        raise KeyFileError(f"{path}: {error}; put a copy of the file back") from error


def _unsalted(groups: tuple[KeptGroup, ...]) -> list[tuple[int, bytes, bytes, Path]]:
    hidden = [(each.hidden, each.file) for each in groups]
    return [(group.samples, group.group_hash, group.file_digest, file) for group, file in hidden]
