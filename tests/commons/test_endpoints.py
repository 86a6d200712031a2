"""Endpoints have one written form, and in the clear there is none beyond this machine."""

from __future__ import annotations

import base64
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commons.settings.hosts import HintError
from commons.settings.pins import MAX_ENDPOINT, parse_endpoint, parse_pin, with_pin, written_pin

ROOT = Path(__file__).resolve().parents[2]
PIN = bytes(range(32))
WRITTEN = written_pin(PIN)
_DIGITS = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"


@given(st.binary(min_size=32, max_size=32))
def test_a_pin_is_read_as_it_is_written(pin: bytes) -> None:
    assert parse_pin(written_pin(pin)) == pin
    assert written_pin(pin) == "sha256-" + base64.urlsafe_b64encode(pin).decode().rstrip("=")


def test_of_all_last_characters_one_is_a_pins() -> None:
    """The last one has six bits, of which the hash fills four."""
    taken = []
    for last in _DIGITS:
        try:
            taken.append(parse_pin(WRITTEN[:-1] + last))
        except HintError:
            continue
    assert len(taken) == len(set(taken)) == 16


@pytest.mark.parametrize(
    "text",
    [
        "", "sha256-", WRITTEN[:-1], f"{WRITTEN}A", f"{WRITTEN}=", WRITTEN.upper(), f"SHA256-{WRITTEN[7:]}",
        f"sha512-{WRITTEN[7:]}", f"{WRITTEN},{WRITTEN}", f"{WRITTEN}#{WRITTEN}", f" {WRITTEN}", f"{WRITTEN}\n",
        WRITTEN[7:], f"sha256/{WRITTEN[7:]}", f"sha256-{'+' * 43}", f"sha256-{'é' * 43}",
    ],
)  # fmt: skip
def test_a_malformed_pin_is_refused(text: str) -> None:
    with pytest.raises(HintError, match="behind # stands one pin"):
        parse_pin(text)
    with pytest.raises(ValueError, match=r"^"):
        parse_endpoint(f"grpcs://prover0.example.org:7101#{text}")


def test_an_endpoint_in_parts() -> None:
    place = parse_endpoint(with_pin("grpcs://[2001:db8::1]:7101", PIN))
    assert (place.host, place.port, place.secure, place.pin) == ("2001:db8::1", 7101, True, PIN)
    assert place.target == "[2001:db8::1]:7101"
    assert parse_endpoint("grpcs://prover0.example.org:1").pin is None


@pytest.mark.parametrize(
    "text", ["127.0.0.1:1", "127.255.255.254:1", "grpc://localhost:1", "LOCALHOST:1", "[::1]:1", "grpc://[::1]:1"]
)
def test_in_the_clear_is_for_this_machine(text: str) -> None:
    assert not parse_endpoint(text).secure


@pytest.mark.parametrize(
    "text",
    [
        "prover0:1", "grpc://prover0.example.org:1", "10.0.0.1:1", "0.0.0.0:1", "[::]:1", "[fe80::1]:1",
        "[::ffff:127.0.0.1]:1", "128.0.0.1:1", "localhost.example.org:1", "127.0.0.1.example.org:1",
    ],
)  # fmt: skip
def test_in_the_clear_is_for_no_other_machine(text: str) -> None:
    with pytest.raises(HintError, match="nothing is sent to another machine in the clear"):
        parse_endpoint(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "grpcs://", "grpcs://h", "grpcs://h:0", "grpcs://h:65536", "GRPCS://h:1", "https://h:1", "grpcs://h:1/x",
        "grpcs://user@h:1", "grpcs://grpcs://h:1", "grpcs:// h:1", "127.1:1", "2130706433:1", "grpcs://h:1#", "unix:/x",
    ],
)  # fmt: skip
def test_what_is_no_endpoint_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^"):
        parse_endpoint(text)


def test_a_pin_without_tls_is_refused_and_not_left_out() -> None:
    for text in (f"127.0.0.1:1#{WRITTEN}", f"grpc://127.0.0.1:1#{WRITTEN}"):
        with pytest.raises(HintError, match="there is none without TLS"):
            parse_endpoint(text)


def test_what_the_registry_does_not_take_is_no_endpoint() -> None:
    contract = (ROOT / "contracts" / "src" / "CommitteeRegistry.sol").read_text(encoding="utf-8")
    assert f"MAX_ENDPOINT_BYTES = {MAX_ENDPOINT};" in contract
    host = ".".join(["a" * 50] * 4)[:191]
    assert parse_endpoint(with_pin(f"grpcs://{host}:65535", PIN)).host == host
    with pytest.raises(HintError, match="longer than 256 bytes"):
        parse_endpoint(with_pin(f"grpcs://{host}b:65535", PIN))
