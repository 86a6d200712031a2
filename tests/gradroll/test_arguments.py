"""Arguments are checked where they are typed: addresses, endpoints, numbers and amounts."""

from __future__ import annotations

import argparse

import pytest

from gradroll.cli import main
from gradroll.commands.options import address, endpoint, node_url, wei, whole

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


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0", 0), ("1000", 1000), ("1000 wei", 1000), ("5gwei", 5 * 10**9), ("0.06 ether", 6 * 10**16),
        ("0.06ETH", 6 * 10**16), ("0.000000000000000001ether", 1), ("1.500000001gwei", 1_500_000_001),
        (str(2**128 - 1), 2**128 - 1),
    ],
)  # fmt: skip
def test_amounts_are_read_exactly(text: str, amount: int) -> None:
    assert wei(0)(text) == amount


@pytest.mark.parametrize(
    "text",
    [
        "-1", "1.5", "1.5wei", "0.0000000000000000001ether", "1.0000000001gwei", str(2**128), "1e18", "1_000", "",
        "1 bitcoin", ".5ether", "nan", "9" * 5000, "0.0600000000000000000ether",
    ],
)  # fmt: skip
def test_amounts_that_are_not_exact_are_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="whole number of wei from 0 to 2"):
        wei(0)(text)


def test_nothing_is_no_payment() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="from 1 to"):
        wei(1)("0")


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
    with pytest.raises(argparse.ArgumentTypeError, match="is not host:port, grpc://"):
        endpoint("http://x/y z")


CREATE = ["task", "create", "--committee", "0", "--verifier", EIP_55, "--relay", EIP_55, "--dimension", "3", "--norm",
          "4", "--reward", "1"]  # fmt: skip


@pytest.mark.parametrize(
    "arguments",
    [
        [*CREATE, "--submit-window", str(2**32)],
        [*CREATE, "--rounds", str(2**32)],
        [*CREATE, "--max-owners", "70000"],
        [*CREATE, "--reward", str(2**128)],
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
