"""Records of tables and texts against the owner's JSON Schema, by the ``jsonschema`` library, before they are samples.

The document was read before, so it has neither references nor patterns: the library fetches nothing and runs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from jsonschema.validators import extend

from circuits.errors import InvalidInputError
from commons.runtime.foreigntext import printable
from commons.samples.canonicalsamples import require_sample
from commons.samples.exactjson import exact_json
from commons.samples.schemadocuments import SchemaDocument

__all__ = ["MAX_RECORD", "RecordReader"]

MAX_RECORD = 1 << 18
"""Bytes of a record's JSON."""


def _is_integer(_: object, value: Any) -> bool:
    """JSON Schema's integer: 3.0 is one, too, and a truth value is none."""
    exact = isinstance(value, Decimal) and value == value.to_integral_value()
    return exact or (isinstance(value, int) and not isinstance(value, bool))


_Validator = extend(
    Draft202012Validator, type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer)
)


class RecordReader:
    """Reads records of one schema.

    Raises:
        InvalidInputError: the library does not take the schema.
    """

    def __init__(self, document: SchemaDocument) -> None:
        self._document = document
        self._validator: Any = None
        if not document.shape:
            try:
                _Validator.check_schema(document.content)
            except SchemaError as error:
                raise InvalidInputError(f"the schema is no JSON Schema: {printable(error.message, 200)}") from None
            self._validator = _Validator(document.content)

    def read(self, data: bytes) -> bytes:
        """The sample of a record's JSON.

        Raises:
            InvalidInputError: it does not fit the JSON Schema, or its sample does not fit the contract's.
        """
        record = exact_json(data, "a record", MAX_RECORD)
        for fault in self._faults(record):
            raise InvalidInputError(f"a record does not fit the schema: {fault}")
        sample = self._document.sample(record)
        require_sample(self._document.schema, sample)
        return sample

    def _faults(self, record: Any) -> Iterator[str]:
        if self._validator is not None:
            for error in self._validator.iter_errors(record):
                yield printable(f"{error.json_path:.80}: {error.message}", 300)
