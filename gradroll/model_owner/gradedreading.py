"""How the owners of an accepted batch were graded: from a certificate, which the chain's identifier vouches for.

The identifier is the hash of what was opened of each owner, so whoever serves the certificate need not be believed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from circuits.errors import GradrollError, UnavailableError
from circuits.grading import Grades
from circuits.statement import Context
from commons.chain.facts import AcceptedBatch
from commons.protocol.bundle import Certificate
from commons.wire.coordinator_client import CoordinatorClient
from gradroll.model_owner.from_provers import ProverReader

Source = Callable[[], Iterable[Certificate]]


def grades_of(batch: AcceptedBatch, context: Context, sources: Iterable[Source]) -> Grades:
    """Levels and weights of a batch's owners, in the batch's order.

    Args:
        context: of the batch's round, as the chain states it.

    Raises:
        UnavailableError: no source has a certificate of the very batch that the chain recorded.
    """
    reasons = []
    for source in sources:
        try:
            for certificate in source():
                graded = certificate.statement.graded
                if graded is not None and _is_recorded(certificate, batch, context):
                    return graded.grades
        except GradrollError as error:
            reasons.append(str(error))
        else:
            reasons.append("a certificate was served of another batch than the chain has")
    raise UnavailableError(
        f"nobody serves how the owners of batch 0x{batch.record.batch_id.hex()} were graded: {'; '.join(reasons)}"
    )


def sources(
    batch: AcceptedBatch, coordinator: CoordinatorClient | None, provers: ProverReader, dimension: int
) -> Iterator[Source]:
    """The coordinator, if one is named, then the provers."""
    if coordinator is not None:
        yield lambda: [coordinator.audit_bundle(batch.record.batch_id, dimension).certificate]
    yield partial(provers.certificates, batch)


def _is_recorded(certificate: Certificate, batch: AcceptedBatch, context: Context) -> bool:
    return certificate.statement.context == context and certificate.batch_id == batch.record.batch_id
