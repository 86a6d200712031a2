"""What the tables of a settings file have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """One table of a settings file."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    def __repr__(self) -> str:
        """Without values: addresses of nodes may hold passwords."""
        return f"{type(self).__name__}(..)"

    __str__ = __repr__
