"""The ABI codec against eth_abi, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import decode as their_decode
from eth_abi.abi import encode as their_encode
from hypothesis import given, settings
from hypothesis import strategies as st

import contracts
from coordinator.calldata import type_of
from provers.abi import AbiError, argument_types, decode, encode
from provers.chain import ROUND, TASK

_LEAVES: dict[str, st.SearchStrategy[Any]] = {
    "uint8": st.integers(0, 255),
    "uint256": st.integers(0, (1 << 256) - 1),
    "int64": st.integers(-(1 << 63), (1 << 63) - 1),
    "bool": st.booleans(),
    "address": st.binary(min_size=20, max_size=20),
    "bytes4": st.binary(min_size=4, max_size=4),
    "bytes32": st.binary(min_size=32, max_size=32),
    "bytes": st.binary(max_size=70),
    "string": st.text(max_size=40),
}


@st.composite
def typed(draw: st.DrawFn, depth: int = 3) -> tuple[str, Any]:
    """A type and a value of it."""
    kind = draw(st.sampled_from(["leaf", "leaf", "tuple", "fixed", "array"])) if depth else "leaf"
    if kind == "leaf":
        name = draw(st.sampled_from(sorted(_LEAVES)))
        return name, draw(_LEAVES[name])
    if kind == "tuple":
        parts = draw(st.lists(typed(depth - 1), min_size=1, max_size=3))
        return f"({','.join(name for name, _ in parts)})", tuple(value for _, value in parts)
    name, value = draw(typed(depth - 1))
    count = draw(st.integers(1 if kind == "fixed" else 0, 3))
    return f"{name}[{count if kind == 'fixed' else ''}]", (value,) * count


def plain(value: Any) -> Any:
    """Their addresses are text, ours bytes."""
    if isinstance(value, tuple):
        return tuple(map(plain, value))
    return bytes.fromhex(value[2:]) if isinstance(value, str) and value.startswith("0x") and len(value) == 42 else value


@settings(max_examples=300, deadline=None)
@given(st.lists(typed(), max_size=4))
def test_it_agrees_with_eth_abi(pairs: list[tuple[str, Any]]) -> None:
    types, values = [name for name, _ in pairs], tuple(value for _, value in pairs)
    encoded = encode(types, values)
    assert encoded == their_encode(types, values)
    assert decode(types, encoded) == values
    assert plain(their_decode(types, encoded)) == values


def test_it_knows_every_type_of_the_contracts() -> None:
    seen = {TASK, ROUND}
    for name in contracts.NAMES:
        for item in contracts.load(name).abi:
            seen |= {type_of(part) for key in ("inputs", "outputs") for part in item.get(key, [])}
    for each in seen:
        with pytest.raises(AbiError, match=r"cut off|are not|no value"):
            decode([each], b"")
        assert argument_types(f"f({each},{each})") == [each, each]


@pytest.mark.parametrize(
    "name", ["uint7", "uint264", "uint08", "bytes33", "bytes0", "fixed", "uint8[0]", "()", "int[x]"]
)
def test_other_types_are_refused(name: str) -> None:
    with pytest.raises(AbiError, match="no type"):
        encode([name], [0])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("uint8", 256), ("uint8", -1), ("uint8", True), ("uint8", "1"), ("int8", 128), ("bool", 1),
        ("address", b"1"), ("address", "0x" + "00" * 20), ("bytes4", b"123"), ("bytes", "text"),
        ("string", b"raw"), ("uint8[2]", (1,)), ("(uint8,bool)", (1,)), ("uint8[]", 5),
    ],
)  # fmt: skip
def test_values_that_do_not_fit_are_refused(name: str, value: Any) -> None:
    with pytest.raises(AbiError):
        encode([name], [value])
    with pytest.raises(AbiError):
        encode([name, name], [value])


def word(value: int) -> bytes:
    return value.to_bytes(32, "big")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("uint8", word(256)), ("bool", word(2)), ("address", word(1 << 160)), ("bytes4", word(1)),
        ("int8", word(128)), ("uint256", word(0)[1:]), ("bytes", word(32)), ("bytes", word(1 << 255)),
        ("bytes", word(32) + word(33) + word(0)), ("bytes", word(32) + word(1) + word(1)),
        ("string", word(32) + word(1) + b"\xff".ljust(32, b"\0")), ("uint8[]", word(32) + word(1 << 60)),
        ("bytes[]", word(32) + word(1 << 60)), ("uint8[]", word(32) + word(2) + word(0)),
    ],
)  # fmt: skip
def test_data_that_no_encoder_writes_is_refused(name: str, data: bytes) -> None:
    with pytest.raises(AbiError):
        decode([name], data)


@settings(max_examples=300, deadline=None)
@given(st.lists(typed(), min_size=1, max_size=3), st.binary(max_size=320))
def test_any_bytes_decode_or_are_refused(pairs: list[tuple[str, Any]], data: bytes) -> None:
    try:
        decode([name for name, _ in pairs], data)
    except AbiError:
        return
