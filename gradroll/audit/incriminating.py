"""Which certificates of a round hold evidence, and which are kept where there is no room for all.

Whoever attests anything can make as many certificates as it likes.  So none is forgotten behind others while evidence
is looked for, and what is not evidence is kept from one member after the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, zip_longest

from circuits.terms import TaskTerms
from commons.protocol.bundle import Certificate
from commons.protocol.certified import Attesters
from commons.protocol.evidence import Evidence
from commons.protocol.witness import Witness


@dataclass(frozen=True, slots=True)
class Incriminating:
    """A piece of evidence, and the one or two certificates that it was found in."""

    evidence: Evidence
    certificates: tuple[Certificate, ...]


def incriminating(
    certificates: Iterable[Certificate], attesters: Attesters, terms: TaskTerms
) -> dict[bytes, Incriminating]:
    """Evidence in certificates of one round, one piece for each culprit, by its address; however many there are."""
    found: dict[bytes, Incriminating] = {}
    firsts: dict[tuple[int, bytes], Certificate] = {}  # by member and owner: the first set that has both
    for certificate in certificates:
        members = attesters.valid(certificate)
        for group in ((certificate,), *((other, certificate) for other in _meeting(certificate, members, firsts))):
            for evidence in _evidence(group, attesters, terms):
                found.setdefault(evidence.culprit(), Incriminating(evidence, group))
    return found


def kept(
    certificates: Sequence[Certificate], attesters: Attesters, terms: TaskTerms, most: int
) -> tuple[Certificate, ...]:
    """So many of a round's certificates at most, each once: those with evidence first, then of each member in turn."""
    accusing = [one for piece in incriminating(certificates, attesters, terms).values() for one in piece.certificates]
    by_member: list[list[Certificate]] = [[] for _ in attesters.committee.members]
    for certificate in certificates:
        for member in attesters.valid(certificate):
            by_member[member].append(certificate)
    in_turn = (one for each in zip_longest(*by_member) for one in each if one is not None)
    once = {id(one): one for one in chain(accusing, in_turn)}
    return tuple(islice(once.values(), most))


def _meeting(
    certificate: Certificate, members: Iterable[int], firsts: dict[tuple[int, bytes], Certificate]
) -> Iterator[Certificate]:
    """Of each member one batch that it attested before, of another set with an owner of this one, if there is any."""
    owners = _owner_set(certificate)
    for member in members:
        before = [firsts.setdefault((member, header.owner), certificate) for header in certificate.statement.owners]
        yield from islice((one for one in before if one is not certificate and _owner_set(one) != owners), 1)


def _evidence(group: Iterable[Certificate], attesters: Attesters, terms: TaskTerms) -> list[Evidence]:
    witness = Witness()
    return [evidence for one in group for evidence in witness.certificate(one, attesters, terms)]


def _owner_set(certificate: Certificate) -> tuple[tuple[bytes, object], ...]:
    return tuple((header.owner, header.commitment) for header in certificate.statement.rows)
