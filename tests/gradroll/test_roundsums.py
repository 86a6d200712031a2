"""Sums of rounds: what leaves 64 bits is refused, in either direction, and not wrapped."""

from __future__ import annotations

import numpy as np
import pytest

from circuits.errors import InvalidInputError
from gradroll.model_owner.roundsums import added

MOST, LEAST = 2**63 - 1, -(2**63)


@pytest.mark.parametrize(
    ("left", "right"), [(MOST, 1), (1, MOST), (LEAST, -1), (-1, LEAST), (MOST, MOST), (LEAST, LEAST)]
)
def test_what_leaves_64_bits_is_refused(left: int, right: int) -> None:
    with pytest.raises(InvalidInputError, match="leaves 64 bits"):
        added(np.array([0, left]), np.array([0, right]))


@pytest.mark.parametrize(
    ("left", "right"), [(MOST, 0), (MOST - 1, 1), (LEAST, 0), (LEAST, MOST), (0, 0), (-5, 5), (3, 4)]
)
def test_what_fits_is_added(left: int, right: int) -> None:
    assert added(np.array([left]), np.array([right])).tolist() == [left + right]
