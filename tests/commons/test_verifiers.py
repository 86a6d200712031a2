"""A verifier's address vouches for its code and key; lookalikes are refused, whatever they answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from eth_abi.abi import decode

import contracts
from circuits.errors import ChainError, ContractError, KeyMismatchError
from circuits.hashing import keccak
from circuits.statement import Policy
from commons.chain.calldata import FACTORY, VERIFIER, call, deployment, key_tuple
from commons.chain.devchain import DevChain
from commons.chain.verifiers import FAMILIES, creation_codes, encoded_key, verifier_address
from tests.commons.test_chain import DIMENSION, World, deployed
from tests.support.plain_batch import development_setup

KEY = development_setup("norm", 16, DIMENSION).verifying
SMALLER = development_setup("norm", 2, DIMENSION).verifying
CAPACITY_ONLY = bytes.fromhex("60003560e01c635cfc1a5114601457600080fd005b606460005260206000f3")
"""Code that answers ``capacity()`` with 100 and reverts otherwise."""
REFUSED = "is not this release's code with the key that it names.*; name one that the market's factory made"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    dev = DevChain()
    yield deployed(dev.start(), dev.accounts)
    dev.stop()


@pytest.fixture(scope="module")
def verifier(world: World) -> bytes:
    return world.chain.deploy_verifier(world.factory, KEY)


def create(world: World, creation: bytes) -> bytes:
    """Address of a contract that somebody deployed."""
    return world.chain._sender.send(None, creation, gas=9_000_000).created


def holding(runtime: bytes) -> bytes:
    """Creation code of a contract with this code."""
    return b"\x61" + len(runtime).to_bytes(2, "big") + bytes.fromhex("80600a3d393df3") + runtime


def forwarding(to: bytes) -> bytes:
    """Code of a proxy (EIP-1167): it answers all that the contract behind it does."""
    return bytes.fromhex("363d3d373d3d3d363d73") + to + bytes.fromhex("5af43d82803e903d91602b57fd5bf3")


def test_its_key_is_read_from_the_contract(world: World, verifier: bytes) -> None:
    view = world.chain.view
    code = keccak(view.rpc.code(verifier))
    assert view.policy_of(verifier) == Policy(KEY.capacity, KEY.key_hash, code)
    assert view.tau_of(verifier) == KEY.tau
    assert view.rpc.call(verifier, "policyKeyHash()", [], ["bytes32"]) == (KEY.key_hash,)
    assert view.rpc.call(world.factory, "isVerifier(address)", [verifier], ["bool"]) == (True,)
    assert view.rpc.call(world.factory, "familyCount()", [], ["uint256"]) == (len(FAMILIES),)


def test_the_factory_holds_the_code_of_this_release(world: World) -> None:
    view = world.chain.view
    for family, creation in enumerate(creation_codes()):
        pointer, code_hash = view.rpc.call(world.factory, "familyCode(uint256)", [family], ["address", "bytes32"])
        assert code_hash == keccak(creation)
        assert view.rpc.code(bytes.fromhex(pointer[2:])) == b"\0" + creation


def test_its_address_is_that_of_create2() -> None:
    """EIP-1014, written anew; factory and key alone decide."""
    factory = bytes(range(20))
    creation = contracts.load("RollupVerifier").linked() + encoded_key(KEY)
    assert verifier_address(factory, KEY) == keccak(b"\xff" + factory + bytes(32) + keccak(creation))[12:]
    addresses = {verifier_address(f, k) for f in (factory, bytes(20)) for k in (KEY, SMALLER)}
    assert len(addresses) == 4
    assert verifier_address(factory, replace(KEY, policy="", setup="", srs="")) == verifier_address(factory, KEY)


def test_an_encoded_key_is_what_the_constructor_takes() -> None:
    twists = ",".join(["uint256[4]"] * 5)
    (key,) = decode([f"(bytes32,uint256,uint256[2],{twists},uint256[2][])"], encoded_key(KEY))
    assert (key[0], key[1], len(key[8])) == (KEY.circuit, KEY.capacity, len(KEY.inputs))


def test_a_key_has_one_verifier_and_it_is_paid_for_once(
    world: World, verifier: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert verifier == verifier_address(world.factory, KEY)
    other = world.chains[3]
    monkeypatch.setattr(other._sender, "send", lambda *given, **more: pytest.fail("nothing is to be paid"))
    assert other.deploy_verifier(world.factory, KEY) == verifier


def test_who_was_slower_takes_the_verifier_that_is_there(
    world: World, verifier: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter((b"", b"made meanwhile"))
    monkeypatch.setattr(world.chains[3].view.rpc, "code", lambda address: next(answers))
    assert world.chains[3].deploy_verifier(world.factory, KEY) == verifier


@pytest.mark.parametrize("lookalike", ["of the right views", "proxy", "of the same code"])
def test_lookalikes_are_refused(world: World, verifier: bytes, lookalike: str) -> None:
    """A proxy could refuse the honest batch, or take an altered one: its creator would have the pay or the sum."""
    view = world.chain.view
    runtime = {"of the right views": CAPACITY_ONLY, "proxy": forwarding(verifier)}
    stranger = create(world, holding(runtime.get(lookalike) or view.rpc.code(verifier)))
    for asked in (view.policy_of, view.tau_of):
        with pytest.raises(ContractError, match=REFUSED):
            asked(stranger)


def test_who_deploys_the_same_code_in_another_way_is_refused(world: World) -> None:
    with pytest.raises(ContractError, match=REFUSED):
        world.chain.view.policy_of(create(world, deployment(VERIFIER, key_tuple(KEY))))


def test_an_account_is_no_verifier(world: World) -> None:
    with pytest.raises(ChainError, match="there is no such contract"):
        world.chain.view.policy_of(world.chain.address)


def test_another_factorys_verifier_is_as_good(world: World) -> None:
    """The market takes its own factory's only; for everybody else it is the code and the key that count."""
    factory = create(world, deployment(FACTORY, creation_codes()))
    assert world.chain.deploy_verifier(factory, SMALLER) != verifier_address(world.factory, SMALLER)
    assert world.chain.view.policy_of(verifier_address(factory, SMALLER)).key_hash == SMALLER.key_hash


def test_a_node_that_shows_another_key_is_found_out(
    world: World, verifier: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = world.chains[4].view
    asked = view.rpc.call

    def lying(to: bytes, signature: str, *rest: object) -> tuple[object, ...]:
        if signature == "key()":
            return (key_tuple(SMALLER),)
        return asked(to, signature, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(view.rpc, "call", lying)
    with pytest.raises(ContractError, match=REFUSED):
        view.tau_of(verifier)


def test_a_factory_of_another_release_is_told(world: World) -> None:
    older = contracts.load(VERIFIER).linked()[:-1] + b"\0"  # the end of a constant
    factory = create(world, deployment(FACTORY, [older]))
    with pytest.raises(KeyMismatchError, match="makes other verifiers than this release"):
        world.chain.deploy_verifier(factory, SMALLER)


def test_a_degenerate_key_is_refused_in_words(world: World) -> None:
    with pytest.raises(ContractError, match=r"no proof would mean anything.*\[KeyInvalid\]"):
        world.chain.deploy_verifier(world.factory, replace(KEY, delta=KEY.gamma))


def test_a_key_in_another_encoding_is_refused(world: World) -> None:
    data = call(FACTORY, "create", 0, encoded_key(KEY) + b"\0")
    with pytest.raises(ContractError, match=r"encoded in another way.*\[KeyNotCanonical\]"):
        world.chain._sender.send(world.factory, data, gas=6_000_000)
