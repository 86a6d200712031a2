"""References and updates of graded tasks whose vectors have blocks.

Grades compare integers, so what is taken out of a reference, and which way a sum points, is a matter of the vectors as
they are in those units (``BlockScales.to_units``): a sum without a part in the integers earns no level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from circuits.arrays import FloatArray
from commons.protocol.blockscales import BlockScales
from gradroll.model_owner.referencegradient import (
    GradedSum,
    Reference,
    Update,
    guarded_update,
    reference_gradient,
)


def reference_by_blocks(scales: BlockScales, own: FloatArray, sums: Sequence[FloatArray], *, least: int) -> Reference:
    """As ``reference_gradient``; all vectors, also the reference, are in the gradient's units.

    Raises:
        InvalidInputError, GradientError: as of ``reference_gradient``.
    """
    made = reference_gradient(scales.to_units(own), [scales.to_units(each) for each in sums], least=least)
    return replace(made, values=scales.from_units(made.values))


def update_by_blocks(scales: BlockScales, own: FloatArray, batches: Sequence[GradedSum], bound: int) -> Update:
    """As ``guarded_update``; all vectors, also the update, are in the gradient's units.

    Args:
        bound: of the task, to which owners bring their integers.

    Raises:
        InvalidInputError, GradientError: as of ``guarded_update``.
    """
    units = scales.to_units(own)
    units = units / (np.max(np.abs(units)) or 1.0)  # its direction counts; huge products would leave float64
    judged = [replace(batch, total=scales.to_units(batch.total)) for batch in batches]
    update = guarded_update(units, judged, bound**0.5 / 2**scales.fraction_bits)
    return replace(update, values=scales.from_units(update.values))
