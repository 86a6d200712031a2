"""What a campaign's owner writes down about its samples, and the contract's schema that follows from it.

docs/data-market.md, section "Schemas".  A table or a text is described in JSON Schema (2020-12), with keywords that a
contract can hold a sample to, and no others: so there are no references to fetch, no patterns to run and no depth.  An
array or an image is described by its type and shape.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

from circuits.errors import InvalidInputError
from commons.samples.canonicalsamples import array_sample, features_of, label_of, text_of, text_sample
from commons.samples.exactjson import exact_json
from commons.samples.sampleschemas import MAX_CLASSES, MAX_WIDTH, SampleSchema
from commons.samples.schemacolumns import Column, column_of

__all__ = ["DIALECT", "MAX_DOCUMENT", "SchemaDocument", "parse_document"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MAX_DOCUMENT = 1 << 18
"""Bytes of a document."""
_NOTES = {"title", "description"}
_OBJECT = {"type", "properties", "required", "additionalProperties", "x-label"}
_SIZES = {"uint8": 1, "uint16": 2}
_DIMENSIONS = 4


@dataclass(frozen=True, slots=True)
class SchemaDocument:
    """A document that was read.

    Attributes:
        encoded: its bytes.
        content: their JSON.
        schema: what the contract has of it.
        label: the column of the label; of arrays, the number of the class.
        columns: features of a table, in the order of their names.
        text: name of the property of a text.
        shape: of an array.
    """

    encoded: bytes = field(repr=False)
    content: Mapping[str, Any] = field(repr=False)
    schema: SampleSchema
    label: Column
    columns: tuple[Column, ...] = ()
    text: str = ""
    shape: tuple[int, ...] = ()

    @property
    def digest(self) -> bytes:
        """32 bytes, SHA-256 of the document: ``manifest`` of a campaign's terms."""
        return hashlib.sha256(self.encoded).digest()

    def sample(self, record: Any) -> bytes:
        """The sample of a record.

        Args:
            record: of a table or text, an object of its properties; of an array, its ``label`` and ``values``, nested
                as its shape is.

        Raises:
            InvalidInputError: it has other properties, or a value that is out of range or between two steps.
        """
        wanted = {self.label.name, *(column.name for column in self.columns), *filter(None, [self.text])}
        wanted |= {_VALUES} if self.shape else set()
        if not isinstance(record, Mapping) or record.keys() != wanted:
            raise InvalidInputError(
                f"a record has exactly these properties: {', '.join(map(ascii, sorted(wanted))):.200}"
            )
        label = self.label.steps(record[self.label.name])
        if self.text:
            return text_sample(self.schema, label, _string(record[self.text]))
        if self.shape:
            return array_sample(self.schema, label, _flat(record[_VALUES], self.shape))
        return array_sample(self.schema, label, [column.steps(record[column.name]) for column in self.columns])

    def record(self, sample: bytes) -> dict[str, Any]:
        """The record of a sample that fits the schema, as ``sample`` takes it; an array's values are flat."""
        made = {self.label.name: self.label.value(label_of(sample))}
        if self.text:
            return made | {self.text: text_of(sample)}
        features = features_of(self.schema, sample)
        if self.shape:
            return made | {_VALUES: list(features)}
        return made | {c.name: c.value(steps) for c, steps in zip(self.columns, features, strict=True)}


_LABEL, _VALUES = "label", "values"


def parse_document(data: bytes) -> SchemaDocument:
    """The document of these bytes.

    Raises:
        InvalidInputError: they are none, or describe samples that a contract could not check.
    """
    content = exact_json(data, "a schema", MAX_DOCUMENT)
    if not isinstance(content, Mapping):
        raise InvalidInputError("a schema is a JSON object")
    for name in _NOTES & content.keys():
        _string(content[name])
    if "array" in content:
        return _array(data, content)
    if content.get("$schema", DIALECT) != DIALECT:
        raise InvalidInputError(f"a schema is of JSON Schema's dialect {DIALECT}")
    return _object(data, content)


def _array(data: bytes, content: Mapping[str, Any]) -> SchemaDocument:
    given = content["array"]
    if not content.keys() <= {"array", *_NOTES} or not isinstance(given, Mapping):
        raise InvalidInputError('a schema of arrays is {"array": ..}, with title and description at most')
    if not {"dtype", "shape", "classes"} <= given.keys() <= {"dtype", "shape", "classes", "maximum", "tau"}:
        raise InvalidInputError("an array has dtype, shape and classes, and may have maximum and tau")
    size, shape = _SIZES.get(str(given["dtype"]), 0), given["shape"]
    dimensions = isinstance(shape, list) and 1 <= len(shape) <= _DIMENSIONS
    if not size or not dimensions or any(type(each) is not int or not 1 <= each <= MAX_WIDTH for each in shape):
        raise InvalidInputError(f"an array is of uint8 or uint16, and has a shape of 1 to {_DIMENSIONS} dimensions")
    maximum = _whole(given.get("maximum", (1 << 8 * size) - 1))
    classes = _whole(given["classes"])
    schema = SampleSchema.array(classes, [maximum], prod(shape), size, _whole(given.get("tau", 0)))
    return SchemaDocument(data, content, schema, Column(_LABEL, classes - 1), shape=tuple(shape))


def _object(data: bytes, content: Mapping[str, Any]) -> SchemaDocument:
    properties, named = content.get("properties"), content.get("x-label")
    if not content.keys() >= _OBJECT or not content.keys() <= {*_OBJECT, *_NOTES, "$schema", "x-tau"}:
        raise InvalidInputError(
            "a schema of a table or text has type, properties, required, additionalProperties and x-label, and may "
            "have $schema, title, description and x-tau; other keywords are not taken: a contract could not check them"
        )
    if content["type"] != "object" or content["additionalProperties"] is not False:
        raise InvalidInputError('a record is of type "object", and additionalProperties is false')
    if not isinstance(properties, Mapping) or not 2 <= len(properties) <= MAX_WIDTH + 1 or not isinstance(named, str):
        raise InvalidInputError("a record has a label, which x-label names, and 1 to 2047 other properties")
    if named not in properties:
        raise InvalidInputError("x-label names the property that is the label")
    required = content["required"]
    texts_only = isinstance(required, list) and all(isinstance(name, str) for name in required)
    if not texts_only or sorted(required) != sorted(properties):
        raise InvalidInputError("required names every property once: a sample has all of them")
    label, tau = column_of(named, properties[named]), _whole(content.get("x-tau", 0))
    if label.most >= MAX_CLASSES:
        raise InvalidInputError(f"a label has at most {MAX_CLASSES} values")
    others = {name: properties[name] for name in sorted(properties) if name != named}
    texts = [name for name, each in others.items() if isinstance(each, Mapping) and each.get("type") == "string"]
    if texts:
        return _text(data, content, label, others, tau)
    columns = tuple(column_of(name, each) for name, each in others.items())
    maxima = [column.most for column in columns]
    size = 1 if max(maxima) < 1 << 8 else 2
    few = maxima[:1] if len(set(maxima)) == 1 else maxima
    return SchemaDocument(
        data, content, SampleSchema.array(label.most + 1, few, len(columns), size, tau), label, columns
    )


def _text(
    data: bytes, content: Mapping[str, Any], label: Column, others: Mapping[str, Any], tau: int
) -> SchemaDocument:
    (name, given), *more = others.items()
    if more or not {"type", "maxLength"} <= given.keys() <= {"type", "maxLength", "minLength", *_NOTES}:
        raise InvalidInputError(
            "a schema of texts has one property beside the label: a string with maxLength, and minLength at most; it "
            "counts bytes of UTF-8, as the contract does"
        )
    least, most = _whole(given.get("minLength", 1)), _whole(given["maxLength"])
    return SchemaDocument(data, content, SampleSchema.text(label.most + 1, least, most, tau), label, text=name)


def _flat(values: Any, shape: tuple[int, ...]) -> list[int]:
    """Values of a nested list of that shape, the last dimension first to move; a flat list is taken too."""
    if isinstance(values, list) and len(values) == prod(shape) and all(type(each) is int for each in values):
        return values
    if not shape:
        return [_whole(values)]
    if not isinstance(values, list) or len(values) != shape[0]:
        raise InvalidInputError(f"an array is nested as its shape is: {shape[0]} values belong there")
    return [number for each in values for number in _flat(each, shape[1:])]


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise InvalidInputError(f"a whole number belongs where {value!r:.80} is")
    return value


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidInputError(f"a text belongs where {value!r:.80} is")
    return value
