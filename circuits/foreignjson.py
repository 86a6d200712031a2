"""JSON that somebody else may have written: a file, or a node's answer.

The standard library's parser recurses, and trusts Python's recursion limit to stop it.  Libraries lift that limit for
the whole process (py-ecc to 100,000), after which some kilobytes of brackets end the process by a stack overflow.  This
parser has a limit of its own.
"""

from __future__ import annotations

from typing import Any

from pydantic_core import from_json


def parse_json(text: bytes | str) -> Any:
    """The value of a JSON text (RFC 8259), nested at most some two hundred deep.

    Raises:
        ValueError: it is none, is nested deeper, or holds NaN or Infinity by name.  The message does not quote the
            text.  A number too large for a float is an infinity, so whoever takes floats has to refuse that.
    """
    return from_json(text, allow_inf_nan=False, cache_strings=False)
