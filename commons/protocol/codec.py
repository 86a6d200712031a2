"""Values of frozen dataclasses as JSON objects, by their field's types: each value has one form, no other is read.

Bytes are lowercase hexadecimal, tuples are arrays, a point of G1 is its 64 bytes.  An object has exactly the fields of
its class.  What cannot be read back is not written either: it would make a log that only grows unreadable for good.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Any, Generic, TypeVar, get_args, get_origin, get_type_hints

from cattrs import BaseValidationError, Converter, transform_error
from cattrs.cols import homogenous_tuple_structure_factory, iterable_unstructure_factory
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn
from cattrs.strategies import configure_tagged_union

from native import G1, g1_check

T = TypeVar("T")
S = TypeVar("S")


class RecordError(ValueError):
    """A record that is not the form of a value, or a value that has no form."""


class Codec(Generic[T]):
    """Both directions for one dataclass, or for a union of them that their ``kind`` tells apart; so in its fields."""

    def __init__(self, form: Any) -> None:
        """Args:
        form: a dataclass, or a union of dataclasses with a class variable ``kind`` each.
        """
        self._form = form
        self._converter = _converter()
        for union in _unions(form):
            configure_tagged_union(union, self._converter, tag_generator=_kind, tag_name="kind")

    def encode(self, value: T) -> dict[str, Any]:
        """The record of a value.  Raises RecordError for a field that its type does not allow."""
        try:
            record: dict[str, Any] = self._converter.unstructure(value, unstructure_as=self._form)
        except KeyError as error:
            raise RecordError(f"{type(value).__name__} is of no known kind") from error
        return record

    def decode(self, record: Mapping[str, Any]) -> T:
        """Inverse of ``encode``.  Raises RecordError, which says where, for anything but what ``encode`` gives."""
        try:
            value: T = self._converter.structure(record, self._form)
        except BaseValidationError as error:
            raise RecordError("; ".join(transform_error(error, format_exception=_reason))) from error
        except (KeyError, TypeError, AttributeError) as error:
            raise RecordError("it is of no known kind") from error
        return value


def _unions(form: Any) -> list[Any]:
    """All unions of dataclasses in a form, also in its fields."""
    if is_dataclass(form):
        parts = get_type_hints(form)
        return [union for field in fields(form) for union in _unions(parts[field.name])]
    own = [form] if isinstance(form, UnionType) and all(map(is_dataclass, get_args(form))) else []
    return own + [union for part in get_args(form) for union in _unions(part)]


def _kind(part: Any) -> str:
    return str(part.kind)


def _converter() -> Converter:
    converter = Converter(forbid_extra_keys=True)
    for scalar in (bool, int, str):
        converter.register_structure_hook(scalar, _exactly(scalar))
        converter.register_unstructure_hook(scalar, _exactly(scalar))
    converter.register_structure_hook(bytes, _from_hex)
    converter.register_unstructure_hook(bytes, _to_hex)
    converter.register_structure_hook(G1, lambda text, _: _point(_from_hex(text)))
    converter.register_unstructure_hook(G1, lambda point: _to_hex(_point(point)))
    converter.register_structure_hook_factory(_is_tuple, _read_tuple)
    converter.register_unstructure_hook_factory(_is_tuple, _write_tuple)
    converter.register_structure_hook_factory(is_dataclass, _read_object)
    converter.register_unstructure_hook_factory(is_dataclass, _write_object)
    return converter


def _require(value: Any, kind: type[S]) -> S:
    """The value, if it is of a type and of no other; a bool is no int here, and a list no tuple."""
    if type(value) is not kind:  # the value itself may be a secret
        raise RecordError(f"{kind.__name__} expected, not {type(value).__name__}")
    return value


def _exactly(kind: type[S]) -> Callable[..., S]:
    return lambda value, _=None: _require(value, kind)


def _from_hex(text: Any, _: object = None) -> bytes:
    try:
        value = bytes.fromhex(_require(text, str))
    except ValueError:
        raise RecordError("hexadecimal bytes expected") from None
    if value.hex() != text:
        raise RecordError("lowercase hexadecimal without spaces expected")
    return value


def _to_hex(value: Any) -> str:
    return _require(value, bytes).hex()


def _point(value: bytes) -> G1:
    try:
        g1_check(value)
    except ValueError as error:
        raise RecordError(str(error)) from error
    return G1(value)


def _is_tuple(form: Any) -> bool:
    return get_origin(form) is tuple


def _read_tuple(form: Any, converter: Converter) -> Callable[[Any, Any], Any]:
    read = homogenous_tuple_structure_factory(form, converter)
    return lambda items, _: read(_require(items, list), form)


def _write_tuple(form: Any, converter: Converter) -> Callable[[Any], Any]:
    write = iterable_unstructure_factory(form, converter, unstructure_to=list)
    return lambda items: write(_require(items, tuple))


def _read_object(form: Any, converter: Converter) -> Callable[[Any, Any], Any]:
    names = frozenset(field.name for field in fields(form))
    read = make_dict_structure_fn(form, converter)

    def structure(record: Any, _: object) -> Any:
        if not names <= _require(record, dict).keys():  # a default is for whoever makes a value, not for a log
            raise RecordError(f"without {', '.join(sorted(names - record.keys()))}")
        return read(record, form)

    return structure


def _write_object(form: Any, converter: Converter) -> Callable[[Any], Any]:
    write = make_dict_unstructure_fn(form, converter)
    return lambda value: write(_require(value, form))


def _reason(error: BaseException, _: object) -> str:
    return str(error)
