"""Bringing a gradient into a task's bound, by the scales of its blocks; not without a word where it is clipped."""

from __future__ import annotations

from collections.abc import Callable

import numpy.typing as npt

from circuits.errors import GradientError
from circuits.quantize import Quantized
from circuits.terms import TaskTerms
from commons.protocol.blockscales import BlockScales
from commons.protocol.modelmanifests import ModelManifest


def fitted(
    terms: TaskTerms,
    manifest: ModelManifest | None,
    gradient: npt.ArrayLike,
    *,
    clip: bool,
    warn: Callable[[str], None],
) -> Quantized:
    """A gradient as it would be handed in.

    Args:
        manifest: the task's, if it has one.
        gradient: floats of shape (d,).
        clip: shrink it to the bound where it is beyond; a task that grades brings all gradients to it anyway.
        warn: told of clipping.

    Raises:
        GradientError: it is none of this task, or is beyond the bound and must not be clipped.
        InvalidInputError: the manifest is not the task's.
    """
    graded = terms.grading is not None
    done = BlockScales.of(terms, manifest).quantize(gradient, terms.bound, stretch=graded)
    if graded or not done.clipped:
        return done
    if not clip:
        raise GradientError(
            f"the gradient is beyond the task's norm bound and would be shrunk by the factor {done.scale:.6g}, so "
            "nothing was sent; shrink it yourself, or let it be clipped"
        )
    warn(f"the gradient is beyond the task's norm bound: it is shrunk by the factor {done.scale:.6g}")
    return done
