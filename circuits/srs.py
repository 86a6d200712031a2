"""The structured reference string: powers of a secret tau in G1, and [tau]_2.

Rows of a batch are committed under it (`commitment`) and the sum-check is opened under it (`sumcheck`).
Production imports the powers from a public ceremony (`ptau`); development derives tau from a seed, and the
file and every key derived from it say so.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import native
from circuits import container
from circuits.errors import InsecureSetupError, KeyFileError, KeyMismatchError
from circuits.srscheck import check_string, check_tau
from circuits.statement import ROWS
from native import G1, G2, FrArray, G1Bases

INSECURE = "insecure-development"
KIND = "srs"
_SEED_BYTES = 32


def powers_needed(domain: int) -> int:
    """Powers of tau for a domain of n points: the sum-check's quotient has degree n + 2k."""
    return domain + 2 * ROWS + 1


def largest_domain(powers: G1Bases) -> int:
    """The size of the largest evaluation domain that powers suffice for; below 1 when for none."""
    return len(powers) - powers_needed(0)


@dataclass(frozen=True, eq=False)
class Srs:
    """Powers [tau^0]_1 .. [tau^(len-1)]_1, and [tau]_2.

    Attributes:
        origin: `ptau:<sha256 of the ceremony file>` or `insecure-development`.
    """

    origin: str
    powers: G1Bases
    tau: G2

    @property
    def insecure(self) -> bool:
        """Whether tau is known to anyone who reads the sources."""
        return self.origin == INSECURE

    def require(self, domain: int) -> None:
        """Raises `KeyMismatchError` when the string is too short for a domain of that size."""
        needed = powers_needed(domain)
        if len(self.powers) < needed:
            raise KeyMismatchError(
                f"the SRS has {len(self.powers)} powers, a domain of {domain} needs {needed}; "
                "get a longer one, or import it (gradroll setup srs)"
            )

    def commit(self, coefficients: FrArray) -> G1:
        """[p(tau)]_1 for coefficients, shape (length, 4), lowest degree first."""
        if len(coefficients) > len(self.powers):
            raise KeyMismatchError(f"a polynomial of {len(coefficients)} coefficients does not fit the SRS")
        return self.powers.msm(coefficients)

    def save(self, path: Path) -> None:
        """Writes the string to a file (see `container`)."""
        fields: dict[str, container.Field] = {"origin": self.origin, "powers": len(self.powers)}
        container.write(path, KIND, fields, {"tau": self.tau, "powers": self.powers.to_raw()})


def load(path: Path, *, allow_insecure: bool = False) -> Srs:
    """Maps an SRS file and checks that it is what it says (`check_string`); points are used where they are (see
    `container`).

    Raises:
        KeyFileError: unreadable, corrupt, not the powers of the tau in [tau]_2, or that tau lies in a domain.
        KeyMismatchError: another kind of file or another version.
        InsecureSetupError: a development string, and `allow_insecure` is not set.
    """
    file = _read(path, allow_insecure)
    tau = _tau(file)
    section = file.section("powers")
    try:
        powers = G1Bases.map(section)
    except ValueError as error:
        raise KeyFileError(f"{path}: {error}") from error
    if len(powers) != file.number("powers"):
        raise KeyFileError(f"{path}: {len(powers)} powers, the header says {file.number('powers')}")
    check_string(path, powers, tau, largest_domain(powers))
    native.release(section)
    return Srs(file.text("origin"), powers, tau)


def load_tau(path: Path, *, allow_insecure: bool = False) -> G2:
    """[tau]_2 of an SRS file, by which keys are told apart and checked, without the powers; raises like `load`.

    Whether tau lies in a domain is not looked at here: a commitment key shows it (`srscheck`).
    """
    return _tau(_read(path, allow_insecure))


def _read(path: Path, allow_insecure: bool) -> container.Container:
    file = container.read(path, KIND)
    if file.text("origin") == INSECURE and not allow_insecure:
        raise InsecureSetupError(
            f"{path} is a development SRS; import a ceremony file, or pass --development to try things out"
        )
    return file


def _tau(file: container.Container) -> G2:
    tau = G2(bytes(file.section("tau")))
    try:
        native.g2_check(tau)
    except ValueError as error:
        raise KeyFileError(f"{file.path}: {error}") from error
    check_tau(file.path, tau)
    return tau


def unsafe_development_srs(seed: bytes, domain: int) -> Srs:
    """A string whose tau everybody with the seed knows: commitments bind nobody who has it. Development only.

    Args:
        seed: 32 bytes.
        domain: size n of the evaluation domain.
    """
    tau = unsafe_development_tau(seed)
    powers = native.powers_of_tau_unsafe(tau, powers_needed(domain))
    return Srs(INSECURE, powers, native.g2_mul(native.g2_generator, tau))


def unsafe_development_tau(seed: bytes) -> int:
    """The secret of `unsafe_development_srs`; with it anyone opens a commitment to anything.

    Raises:
        KeyMismatchError: the seed does not have 32 bytes.
    """
    if len(seed) != _SEED_BYTES:
        raise KeyMismatchError(f"a development seed has {_SEED_BYTES} bytes")
    wide = hashlib.blake2b(seed, digest_size=64, person=b"srs/tau").digest()
    return 2 + int.from_bytes(wide, "big") % (native.R - 2)
