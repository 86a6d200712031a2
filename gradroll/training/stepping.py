"""One step of a training: the next model from the one before, by the rule."""

from __future__ import annotations

from typing import Protocol


class ScaledBlock(Protocol):
    """Neighbouring coordinates of a gradient with one scale: a block of a model manifest."""

    @property
    def length(self) -> int:
        """Coordinates."""

    @property
    def fraction_bits(self) -> int:
        """A coordinate x is handed in as round(x * 2^fraction_bits)."""
