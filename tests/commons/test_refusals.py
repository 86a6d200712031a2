"""Every refusal of a contract is told in words that a person can act on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from eth_abi.abi import encode

import contracts
from circuits.hashing import keccak
from commons.chain import refusals
from commons.chain.abicoding import argument_types, selector
from commons.chain.calldata import contract_errors, signatures
from commons.runtime.amounts import checksum, utc
from gradroll.cli import build_parser

ERRORS = sorted({text for name in contracts.NAMES for text in signatures(name, "error").values()})
ADDRESS = bytes.fromhex("5aaeb6053f3e94c9b9a09f33669435e7ef1beaed")
SAMPLES = {
    "uint256": 1_795_646_401,
    "int256": -(1 << 130),
    "uint8": 24,
    "address": ADDRESS,
    "string": "minOwners",
    "bytes32": b"\x07" * 32,
    "bytes4": selector("OrderStale()"),
}


def told(signature: str, *values: object) -> str:
    data = selector(signature) + encode(argument_types(signature), values)
    return str(contract_errors().explain(data))


def test_what_a_strangers_contract_says_steers_no_terminal_and_forges_no_log_line() -> None:
    said = told("Error(string)", "\x1b[2Jno\nevent=batch-accepted")
    assert said.isprintable()
    assert "event=batch-accepted" in said


def test_there_is_a_sentence_for_each_and_none_for_others() -> None:
    assert len(ERRORS) > 100
    names = {signature.partition("(")[0] for signature in ERRORS}
    told_apart = {key for key in refusals._SENTENCES if "(" in key}
    assert names | told_apart | {"Error", "Panic"} == refusals._SENTENCES.keys()
    assert told_apart < set(ERRORS)
    assert all(key.partition("(")[0] in refusals._SENTENCES for key in told_apart)


@pytest.mark.parametrize("signature", ERRORS)
def test_it_says_cause_and_cure_with_values_as_people_read_them(signature: str) -> None:
    name, types = signature.partition("(")[0], argument_types(signature)
    text = told(signature, *(SAMPLES[kind] for kind in types))
    assert text.endswith(f" [{name}]")
    assert re.search(r"[;,:] ", text), "what to do about it"
    assert not re.search(r"\(\d+(, |\))|0x[0-9a-f]{40}\b|[{}]|%", text), "values stand in the sentence"
    assert name not in text.removesuffix(f"[{name}]")
    if "address" in types:
        assert "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed" in text
    for command in re.findall(r"gradroll ([a-z]+ [a-z]+)", text):
        with pytest.raises(SystemExit) as stopped:
            build_parser().parse_args([*command.split(), "--help"])
        assert stopped.value.code == 0


def test_amounts_are_not_said_to_be_ether_and_identifiers_and_times_are_readable() -> None:
    """An error does not say which token its task pays in."""
    escrow = told("InsufficientEscrow(uint256,uint256)", 6 * 10**16, 1)
    assert "60000000000000000 of its token's smallest units (0.06 ETH if that is ether)" in escrow
    assert told("RoundClosed(uint256,uint256)", 0x3FA9, 3).startswith("round 3 of task 0x0000000000003fa9 takes no")
    assert "good until 2026-11-25 22:40:01 UTC" in told("ReplacementExpired(uint256)", 1_795_646_401)
    assert "because its owner was paid meanwhile;" in told("NoOrderCarriedOut(bytes4)", selector("OrderStale()"))


def test_a_term_is_told_with_its_limits(repository: Path) -> None:
    source = repository / "contracts" / "src" / "libraries" / "Terms.sol"
    assert "2 to the verifier's capacity" in told("TermsInvalid(string)", "minOwners")
    assert "'another'" in told("TermsInvalid(string)", "another")
    known = set(re.findall(r'"(\w+)"\s*\);', source.read_text(encoding="utf-8")))
    assert known == refusals._TERMS.keys()


@pytest.mark.parametrize("value", [0, 2**32, 2**255, 2**256 - 1])
@pytest.mark.parametrize("signature", ERRORS)
def test_no_value_is_too_strange(signature: str, value: int) -> None:
    """A task's verifier is its model owner's contract: it may use our errors, with any values."""
    word = value.to_bytes(32, "big")
    strange = {
        "uint256": value, "uint8": value % 256, "address": word[12:], "string": "{0.__class__}" * 99, "bytes32": word,
        "bytes4": word[:4], "int256": value - 2**255,
    }  # fmt: skip
    assert len(told(signature, *(strange[kind] for kind in argument_types(signature)))) < 500


def test_data_that_is_no_error_of_ours_is_told() -> None:
    errors = contract_errors()
    assert "unknown data 0x01020304" in str(errors.explain(b"\1\2\3\4" + bytes(1000)))
    assert "without a reason" in str(errors.explain(b""))
    cut = errors.explain(selector("TaskUnknown(uint256)"))
    assert str(cut).endswith("cannot be read [TaskUnknown]")
    assert cut.error == "TaskUnknown"
    assert str(errors.explain(keccak(b"Panic(uint256)")[:4] + (0x11).to_bytes(32, "big"))).startswith(
        "the contract failed with code 0x11"
    )
    assert told("Error(string)", "{0}, said it") == "the contract refused and says: '{0}, said it' [Error]"


def test_the_forms_of_values() -> None:
    assert utc(0) == "1970-01-01 00:00:00 UTC"
    assert utc(2**300) == f"second {2**300} after 1970"
    assert checksum(ADDRESS) == checksum("0x" + ADDRESS.hex()) == "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
