"""Schema documents and records that tests share."""

from __future__ import annotations

import json
from typing import Any

TABLE: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Flowers",
    "type": "object",
    "properties": {
        "species": {"enum": ["setosa", "versicolor", "virginica"]},
        "petal length": {"type": "number", "minimum": 0.5, "maximum": 8, "multipleOf": 0.1},
        "petals": {"type": "integer", "minimum": -3, "maximum": 300},
        "wild": {"type": "boolean", "description": "whether it grew by itself"},
    },
    "required": ["species", "petal length", "petals", "wild"],
    "additionalProperties": False,
    "x-label": "species",
    "x-tau": 2,
}
TEXT: dict[str, Any] = {
    "type": "object",
    "properties": {"mood": {"type": "boolean"}, "said": {"type": "string", "minLength": 3, "maxLength": 30}},
    "required": ["said", "mood"],
    "additionalProperties": False,
    "x-label": "mood",
}
ARRAY: dict[str, Any] = {"array": {"dtype": "uint8", "shape": [2, 3], "classes": 4, "maximum": 16, "tau": 1}}
FLOWER: dict[str, Any] = {"species": "virginica", "petal length": 0.7, "petals": 5, "wild": True}


def encoded(value: Any) -> bytes:
    """JSON of a value."""
    return json.dumps(value).encode()


def changed(document: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with one part set; ``path`` has slashes between names, and ``None`` as value takes the part away."""
    copy: dict[str, Any] = json.loads(json.dumps(document))
    *way, last = path.split("/")
    place = copy
    for name in way:
        place = place[name]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return copy
