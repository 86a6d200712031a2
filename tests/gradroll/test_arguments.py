"""Arguments are checked where they are typed: addresses, endpoints, numbers and amounts."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from circuits.errors import ConfigError, InvalidInputError
from circuits.hashing import keccak
from circuits.terms import Grading
from commons.runtime.amounts import ETH, Currency
from commons.runtime.identifiers import Prefix
from gradroll.cli import main
from gradroll.commands.options import (
    address,
    amount,
    data_digest,
    endpoint,
    identifier,
    node_url,
    signature,
    whole,
    whole_identifier,
)
from gradroll.commands.taskcreate import grading

EIP_55 = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
"""An example of EIP-55."""


@pytest.mark.parametrize("text", [EIP_55, EIP_55.lower(), EIP_55[2:].upper(), EIP_55[2:]])
def test_addresses(text: str) -> None:
    assert address(text) == bytes.fromhex(EIP_55[2:])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (EIP_55.replace("A", "a", 1), r"checksum .*\(EIP-55\); type it again, or use lower case"),
        ("0x12", "is no address"),
        (EIP_55[:-1] + " ", "is no address"),
        (EIP_55[:-1] + "g", "is no address"),
    ],
)
def test_what_is_no_address_is_refused_without_a_guess(text: str, reason: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=reason) as refused:
        address(text)
    assert EIP_55 not in str(refused.value)


def test_data_is_named_by_its_file_or_its_digest(tmp_path: Path) -> None:
    file = tmp_path / "data.csv"
    file.write_bytes(b"data")
    assert data_digest(str(file)) == keccak(b"data")
    assert data_digest(f"0x{keccak(b'data').hex()}") == keccak(b"data")
    for text in (f"0x{keccak(b'data').hex()}0", str(tmp_path), str(tmp_path / "none")):
        with pytest.raises(argparse.ArgumentTypeError, match=r"is no digest .* and cannot be read as a file"):
            data_digest(text)


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({}, (4, 4)), ({"step": 2}, (2, 4)), ({"step": 8}, (8, 8)), ({"dither": 16}, (4, 16)), ({"dither": 2}, (2, 2)),
        ({"step": 3, "dither": 5}, (3, 5)),
    ],
)  # fmt: skip
def test_grades_that_are_not_named(given: dict[str, int], rule: tuple[int, int]) -> None:
    arguments = argparse.Namespace(**{"reference_data": bytes(32), "step": None, "dither": None, **given})
    assert grading(arguments) == Grading(*rule, bytes(32))


def test_a_step_without_data_grades_nothing() -> None:
    with pytest.raises(ConfigError, match="--reference-data"):
        grading(argparse.Namespace(reference_data=None, step=None, dither=4))
    assert grading(argparse.Namespace(reference_data=None, step=None, dither=None)) is None


@pytest.mark.parametrize(
    ("text", "wei"),
    [
        ("0", 0), ("1000", 1000), ("1000 wei", 1000), ("5gwei", 5 * 10**9), ("0.06 ether", 6 * 10**16),
        ("0.06ETH", 6 * 10**16), ("0.000000000000000001ether", 1), ("1.500000001gwei", 1_500_000_001),
        (str(2**128 - 1), 2**128 - 1),
    ],
)  # fmt: skip
def test_amounts_are_read_exactly(text: str, wei: int) -> None:
    assert amount(0)(text).of(ETH) == wei


@pytest.mark.parametrize(
    "text",
    [
        "-1", "1.5", "1.5wei", "0.0000000000000000001ether", "1.0000000001gwei", str(2**128), "1e18", "1_000", "",
        ".5ether", "nan", "9" * 5000, "0.0600000000000000000001ether", "1 bit coin", f"0.{'0' * 40}1USDC",
    ],
)  # fmt: skip
def test_amounts_that_are_not_exact_are_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=r"whole number of the smallest unit \(wei\) from 0 to 2"):
        amount(0)(text)


def test_nothing_is_no_payment() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="from 1 to"):
        amount(1)("0")
    with pytest.raises(InvalidInputError, match="from 1 to"):
        amount(1)("0USDC").of(USDC)


USDC = Currency("USDC", 6, b"\x07" * 20)


@pytest.mark.parametrize(("text", "units"), [("2.5USDC", 2_500_000), ("0.000001 usdc", 1), ("7", 7)])
def test_amounts_of_a_token_are_in_its_units(text: str, units: int) -> None:
    assert amount(0)(text).of(USDC) == units


@pytest.mark.parametrize(
    ("text", "coin", "said"),
    [
        ("1ether", USDC, "1ether is of another money: this is paid in USDC .token 0x0707"),
        ("5gwei", USDC, "of another money"),
        ("1USDC", ETH, "1USDC is of another money: this is paid in ETH"),
        ("0.0000001USDC", USDC, "is no amount"),
        (f"{2**128}USDC", USDC, "is no amount"),
    ],
)
def test_an_amount_of_another_money_is_refused(text: str, coin: Currency, said: str) -> None:
    """A number that was meant for ether is another amount in a token of six decimals."""
    with pytest.raises(InvalidInputError, match=said):
        amount(0)(text).of(coin)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("0x00000000000000c0", 0xC0),
        ("0xABCDef0123456789", 0xABCDEF0123456789),
        ("192", 192),
        ("0x3fA9", Prefix("3fa9")),
    ],
)
def test_tasks_are_named_by_all_or_the_first_of_their_digits(text: str, named: int | Prefix) -> None:
    assert identifier(text) == named


@pytest.mark.parametrize("text", ["", "0x", "0x123", "zero", "3fa9", "-1", str(2**64), "0x" + "1" * 17, "1.5"])
def test_what_names_no_task_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is no identifier"):
        identifier(text)


def test_where_money_hangs_on_it_an_identifier_is_whole() -> None:
    assert whole_identifier("0x00000000000000c0") == 0xC0
    with pytest.raises(argparse.ArgumentTypeError, match="only the beginning"):
        whole_identifier("0x3fa9")


def test_signatures() -> None:
    assert signature("0x" + "1b" * 65) == b"\x1b" * 65
    for text in ("0x", "1b" * 64, "1g" * 65):
        with pytest.raises(argparse.ArgumentTypeError, match="is no signature"):
            signature(text)


@pytest.mark.parametrize("text", ["0", "8", "-1", "x", "1.0", "9" * 5000])
def test_numbers_have_two_bounds(text: str) -> None:
    assert [whole(1, 7)("1"), whole(1, 7)("7")] == [1, 7]
    with pytest.raises(argparse.ArgumentTypeError, match="is no whole number from 1 to 7") as refused:
        whole(1, 7)(text)
    assert len(str(refused.value)) < 200


def test_urls_of_nodes_are_checked_and_not_shown() -> None:
    assert node_url("http://user:hunter2@node:8545/v3?key=secret")
    for text in ("ftp://user:hunter2@node", "node:8545", "http://", "http://hunter2:port", "http://a b"):
        with pytest.raises(argparse.ArgumentTypeError) as refused:
            node_url(text)
        assert str(refused.value) == "the node's URL must be an http:// or https:// address"


def test_endpoints() -> None:
    assert endpoint("grpcs://prover0.example.org:7101")
    with pytest.raises(argparse.ArgumentTypeError, match="brackets"):
        endpoint("::1:7101")
    with pytest.raises(argparse.ArgumentTypeError, match="is not grpcs://host:port"):
        endpoint("http://x/y z")


CREATE = ["task", "create", "--committee", "0", "--verifier", EIP_55, "--relay", EIP_55, "--dimension", "3", "--norm",
          "4", "--reward", "1"]  # fmt: skip


@pytest.mark.parametrize(
    "arguments",
    [
        [*CREATE, "--submit-window", str(2**32)],
        [*CREATE, "--rounds", str(2**20)],
        [*CREATE, "--capacity", "70000"],
        [*CREATE, "--reward", str(2**128)],
        [*CREATE, "--prover-batch-fee", "-1"],
        [*CREATE, "--lapse-rounds", "65"],
        [*CREATE, "--committee", "0xc0c0"],
        ["claim", "0", "--owner", "70000"],
        ["claim", "0", "--owner", "everybody"],
        ["owner", "lapse", "0"],
        ["chain", "deploy", "--chain", "http://n", "--account", "a", "--out", "o", "--minimum-window", "3599"],
        ["task", "status", str(2**64)],
        ["chain", "deploy", "--chain", "http://n", "--chain-id", "-5", "--account", "a", "--out", "o"],
        ["chain", "fund", EIP_55, "--chain", "n:8545"],
        ["setup", "local", "--chain", "n:8545", "--directory", "d"],
        ["demo", "--chain", "n:8545"],
        ["audit", "0", "--coordinator", "http://h:1"],
        ["committee", "create", "--threshold", "256", "--member", EIP_55, "--account", "a"],
    ],
    ids=lambda arguments: " ".join(arguments[-2:]),
)
def test_values_that_no_contract_takes_are_usage_errors(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
