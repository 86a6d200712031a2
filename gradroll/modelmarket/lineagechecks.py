"""What is checked of a listing's lineage before anybody relies on it: the registry takes more than means anything.

It takes the proof of any rounding key of its factory, and any start.  Whoever made a key proves any lineage under it.
Whoever chooses the start freely chooses the model with it: with 2^12 C_M and a small row, of a foreign C_M as well.
"""

from __future__ import annotations

from dataclasses import dataclass

import native
from circuits.accuracy.inference import Int64Array
from circuits.errors import ContractError, KeyMismatchError
from circuits.statement import TAIL
from commons.chain.modelfacts import LineageStatement
from commons.chain.modelview import ModelView
from gradroll.modelmarket.listingchecks import CheckedListing
from gradroll.modelmarket.modelparameters import ModelParameters


@dataclass(frozen=True, slots=True)
class CheckedLineage:
    """A lineage that the registry has, and why it shows less than it says.

    Attributes:
        faults: in words; none where the model is the start and the rounds' sums, rounded.
    """

    statement: LineageStatement
    faults: tuple[str, ...]


def check_lineage(
    models: ModelView, parameters: ModelParameters, seen: CheckedListing, start: Int64Array | None = None
) -> CheckedLineage | None:
    """A listing's lineage, checked; None where none was proven.

    Args:
        start: int64[d], the public integers that training is said to have begun with.

    Raises:
        ChainError: the node does not show the statement, or is the trouble.
        UnknownError: there is no such task.
    """
    kept, statement = models.lineage(seen.record.listing), models.lineage_statement(seen.record.listing)
    if kept is None or statement is None:
        return None
    faults = [
        *_of_verifier(models, parameters, kept.verifier, seen.size.weights),
        *_of_task(models, parameters, statement.task, seen.size.weights),
    ]
    if not any(statement.coefficients):
        faults.append("no round has a part in it: all its coefficients are 0")
    faults += _of_start(parameters, statement, seen.size.weights, start)
    return CheckedLineage(statement, tuple(faults))


def _of_verifier(models: ModelView, parameters: ModelParameters, verifier: bytes, dimension: int) -> list[str]:
    try:
        parameters.require_rounding(models.verifier(verifier), dimension)
    except (ContractError, KeyMismatchError):
        return ["it was proven under a key that no file here has: whoever made that key could prove any"]
    return []


def _of_task(models: ModelView, parameters: ModelParameters, task: int, dimension: int) -> list[str]:
    faults = []
    if models.chain.terms(task).dimension != dimension:
        faults.append("the task's sums have another length than the model, so they do not add up to one")
    if models.chain.tau(task) != parameters.srs.tau:
        faults.append("the task's sums are under another reference string than the model, so they do not add up to one")
    return faults


def _of_start(
    parameters: ModelParameters, statement: LineageStatement, dimension: int, start: Int64Array | None
) -> list[str]:
    if start is None:
        return [
            "its start was not computed again: whoever chose that freely chose the model with it; name the public "
            "integers that it is said to begin with (--start)"
        ]
    if start.shape == (dimension,):
        began = parameters.commitment_key(dimension).commit_small(start, native.zeros(TAIL))
        if began == statement.start:
            return []
    return ["it does not begin with the integers that were given"]
