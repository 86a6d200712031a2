"""Schema documents: what follows from them, records read by them, and everything that is refused."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import Any

import pytest

from circuits.errors import InvalidInputError
from commons.samples.canonicalsamples import features_of, label_of
from commons.samples.exactjson import exact_json
from commons.samples.recordvalidation import RecordReader
from commons.samples.sampleschemas import SampleSchema
from commons.samples.schemadocuments import SchemaDocument, parse_document
from tests.samples.documents import ARRAY, FLOWER, TABLE, TEXT, changed, encoded


def document(value: Any) -> SchemaDocument:
    """What is read of a document."""
    return parse_document(encoded(value))


def test_a_table_is_columns_in_the_order_of_their_names() -> None:
    found = document(TABLE)
    assert [column.name for column in found.columns] == ["petal length", "petals", "wild"]
    assert found.schema == SampleSchema.array(3, [75, 303, 1], 3, 2, tau=2)
    assert found.digest == hashlib.sha256(encoded(TABLE)).digest()


def test_texts_and_arrays_have_the_schema_that_the_contract_checks() -> None:
    assert document(TEXT).schema == SampleSchema.text(2, 3, 30)
    assert document(ARRAY).schema == SampleSchema.array(4, [16], 6, 1, tau=1)
    assert document({"array": {"dtype": "uint16", "shape": [5], "classes": 2}}).schema.limits == (65535,) * 5


def test_a_record_of_a_table_is_read_and_written_back() -> None:
    found = document(TABLE)
    sample = RecordReader(found).read(encoded(FLOWER))
    assert (label_of(sample), features_of(found.schema, sample)) == (2, (2, 8, 1))
    assert found.record(sample) == {**FLOWER, "petal length": Decimal("0.7")}


@pytest.mark.parametrize("tenths", range(5, 81))
def test_decimals_are_steps_without_an_error_of_floats(tenths: int) -> None:
    """0.3 / 0.1 is no whole number in floats, and the library refuses it there."""
    found = document(TABLE)
    record = encoded({**FLOWER, "petal length": tenths / 10})
    assert features_of(found.schema, RecordReader(found).read(record))[0] == tenths - 5


def test_whole_numbers_may_be_written_with_a_point() -> None:
    found = document(TABLE)
    record = encoded(FLOWER).replace(b'"petals": 5', b'"petals": 5.0')
    assert RecordReader(found).read(record) == RecordReader(found).read(encoded(FLOWER))


def test_a_text_is_read_and_written_back() -> None:
    found = document(TEXT)
    record = {"said": "Café au lait", "mood": True}
    sample = RecordReader(found).read(encoded({"said": " Cafe\u0301  au lait", "mood": True}))
    assert found.record(sample) == record


def test_an_array_is_nested_as_its_shape_or_flat() -> None:
    found = document(ARRAY)
    reader = RecordReader(found)
    nested = reader.read(encoded({"label": 3, "values": [[1, 2, 3], [4, 5, 16]]}))
    assert nested == reader.read(encoded({"label": 3, "values": [1, 2, 3, 4, 5, 16]})) == b"\0\3\1\2\3\4\5\x10"
    assert found.record(nested) == {"label": 3, "values": [1, 2, 3, 4, 5, 16]}


@pytest.mark.parametrize(
    ("base", "record"),
    [
        (TABLE, {**FLOWER, "petal length": 0.75}),
        (TABLE, {**FLOWER, "petal length": 0.4}),
        (TABLE, {**FLOWER, "petal length": 8.1}),
        (TABLE, {**FLOWER, "petal length": "0.7"}),
        (TABLE, {**FLOWER, "petals": 301}),
        (TABLE, {**FLOWER, "petals": 1.5}),
        (TABLE, {**FLOWER, "petals": True}),
        (TABLE, {**FLOWER, "petals": None}),
        (TABLE, {**FLOWER, "wild": 1}),
        (TABLE, {**FLOWER, "species": "rose"}),
        (TABLE, {**FLOWER, "species": 0}),
        (TABLE, {**FLOWER, "more": 0}),
        (TABLE, {key: value for key, value in FLOWER.items() if key != "wild"}),
        (TABLE, []),
        (TEXT, {"said": "ab", "mood": True}),
        (TEXT, {"said": "x" * 31, "mood": True}),
        (TEXT, {"said": "é" * 16, "mood": True}),
        (TEXT, {"said": "a\x00bc", "mood": True}),
        (TEXT, {"said": "     ", "mood": True}),
        (TEXT, {"said": 12345, "mood": True}),
        (ARRAY, {"label": 4, "values": [0] * 6}),
        (ARRAY, {"label": True, "values": [0] * 6}),
        (ARRAY, {"label": 0, "values": [17] * 6}),
        (ARRAY, {"label": 0, "values": [-1] * 6}),
        (ARRAY, {"label": 0, "values": [0.5] * 6}),
        (ARRAY, {"label": 0, "values": [0] * 5}),
        (ARRAY, {"label": 0, "values": [[0, 0], [0, 0], [0, 0]]}),
        (ARRAY, {"label": 0, "values": 0}),
        (ARRAY, {"label": 0}),
    ],
)
def test_a_record_that_does_not_fit_is_refused(base: dict[str, Any], record: Any) -> None:
    reader = RecordReader(document(base))
    with pytest.raises(InvalidInputError):
        reader.read(encoded(record))


NUMBER = "properties/petal length/"


@pytest.mark.parametrize(
    ("base", "path", "value"),
    [
        (TABLE, "$schema", "http://json-schema.org/draft-07/schema#"),
        (TABLE, "$ref", "https://example.org/schema.json"),
        (TABLE, "$ref", "file:///etc/passwd"),
        (TABLE, "$id", "file:///tmp/"),
        (TABLE, "$defs", {}),
        (TABLE, "$dynamicRef", "#a"),
        (TABLE, "allOf", [{}]),
        (TABLE, "patternProperties", {"(a+)+$": {}}),
        (TABLE, "properties/petals/$ref", "#/properties/wild"),
        (TABLE, "properties/petals", {"$ref": "#/properties/wild"}),
        (TABLE, "properties/petals/pattern", "(a+)+$"),
        (TABLE, "properties/petals", True),
        (TABLE, "properties/petals/minimum", None),
        (TABLE, "properties/petals/minimum", True),
        (TABLE, "properties/petals/minimum", "0"),
        (TABLE, "properties/petals/minimum", 301),
        (TABLE, "properties/petals/maximum", 70000),
        (TABLE, "properties/petals/multipleOf", 0.5),
        (TABLE, NUMBER + "multipleOf", None),
        (TABLE, NUMBER + "multipleOf", 0),
        (TABLE, NUMBER + "multipleOf", -0.1),
        (TABLE, NUMBER + "multipleOf", 0.0001),
        (TABLE, NUMBER + "minimum", 0.55),
        (TABLE, "properties/species/enum", []),
        (TABLE, "properties/species/enum", ["a", "a"]),
        (TABLE, "properties/species/enum", ["a", 1]),
        (TABLE, "properties/species/enum", [True, False]),
        (TABLE, "properties/species/enum", [[1], [2]]),
        (TABLE, "properties/species/enum", list(range(65537))),
        (TABLE, "properties/species", {"type": "integer", "minimum": 0, "maximum": 65535}),
        (TABLE, "properties/wild/type", ["boolean", "null"]),
        (TABLE, "properties", {"species": {"type": "boolean"}}),
        (TABLE, "properties", []),
        (TABLE, "required", ["species"]),
        (TABLE, "required", "species"),
        (TABLE, "required", [1, 2, 3, 4]),
        (TABLE, "required", None),
        (TABLE, "additionalProperties", True),
        (TABLE, "additionalProperties", None),
        (TABLE, "type", "array"),
        (TABLE, "x-label", "nothing"),
        (TABLE, "x-label", ["species"]),
        (TABLE, "x-tau", -1),
        (TABLE, "x-tau", 1.5),
        (TABLE, "title", 1),
        (TEXT, "properties/said/pattern", "(a+)+$"),
        (TEXT, "properties/said/format", "regex"),
        (TEXT, "properties/said/maxLength", None),
        (TEXT, "properties/said/maxLength", 4095),
        (TEXT, "properties/said/minLength", 0),
        (TEXT, "properties/said/minLength", 31),
        (TEXT, "properties/mood", {"type": "string", "maxLength": 3}),
        (ARRAY, "array/dtype", "float32"),
        (ARRAY, "array/dtype", ["uint8"]),
        (ARRAY, "array/shape", []),
        (ARRAY, "array/shape", [2, 0]),
        (ARRAY, "array/shape", [2047, 2047]),
        (ARRAY, "array/shape", [1, 1, 1, 1, 1]),
        (ARRAY, "array/shape", [True]),
        (ARRAY, "array/shape", 6),
        (ARRAY, "array/maximum", 256),
        (ARRAY, "array/classes", 0),
        (ARRAY, "array/classes", 1.5),
        (ARRAY, "array/order", "C"),
        (ARRAY, "type", "object"),
        (ARRAY, "array", []),
    ],
)
def test_a_schema_that_a_contract_could_not_check_is_refused(base: dict[str, Any], path: str, value: Any) -> None:
    document(base)
    with pytest.raises(InvalidInputError):
        document(changed(base, path, value))


@pytest.mark.parametrize(
    "data",
    [
        b"", b"[]", b"1", b"null", b"{", b"\xff", b"\xef\xbb\xbf{}", b'{"array": 1, "array": 2}', b'{"a": NaN}',
        b'{"a": Infinity}', b'{"a": -Infinity}', b'{"a": 1e999999999}', b'{"a": 1e-999999999}', b"1" * 5000,
        b'{"a": 0.' + b"1" * 5000 + b"}", b"[" * 100_000, b'{"a":' * 100_000, b" " * (1 << 18) + b"{}",
        b'{"a":"\\ud800"}',
    ],
    ids=lambda data: data[:16].decode("latin-1").encode("unicode_escape").decode(),
)  # fmt: skip
def test_json_that_is_none_or_too_much_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInputError, match="a schema"):
        parse_document(data)


def test_numbers_are_as_they_stand_there() -> None:
    assert exact_json(b"[0.1, 1e2, 123456789012345, -0.000000000001]", "x", 99) == [
        Decimal("0.1"), Decimal(100), 123456789012345, Decimal("-0.000000000001")
    ]  # fmt: skip
    for token in (b"1234567890123456", b"1e15", b"1e-13", b"0.0000000000001"):
        with pytest.raises(InvalidInputError, match="x has a number"):
            exact_json(token, "x", 99)
    with pytest.raises(InvalidInputError, match="same name twice"):
        exact_json(b'[{"a": 1, "b": {"c": 1, "c": 1}}]', "x", 99)


def test_long_names_and_values_do_not_come_back_whole_in_messages() -> None:
    name = "n" * 100_000
    for value in (
        changed(TABLE, "properties/petals", {"type": name}),
        changed(TABLE, "properties", {name: {"type": "null"}, "species": {"type": "boolean"}}),
    ):
        with pytest.raises(InvalidInputError) as caught:
            document(value)
        assert len(str(caught.value)) < 500
    reader = RecordReader(document(TABLE))
    for record in ({**FLOWER, "species": name}, {**FLOWER, name: 1}, name):
        with pytest.raises(InvalidInputError) as caught:
            reader.read(encoded(record))
        assert len(str(caught.value)) < 500
