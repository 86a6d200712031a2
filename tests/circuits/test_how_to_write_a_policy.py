"""docs/how-to-write-a-policy.md, step by step, with the file and the entry point that it shows.

The policy's module is imported by nobody but its entry point: all that follows knows its name only.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import native
from circuits.commitment import commitment_key
from circuits.errors import KeyMismatchError
from circuits.keyfiles import load_proving_key, load_verifying_key, save_verifying_key
from circuits.policies import registry
from circuits.policies.spec import PublicInputs
from circuits.srs import load
from circuits.terms import NewTask, Windows
from circuits.verify import verify_batch
from commons.chain.calldata import proof_tuple
from commons.chain.deploying import deploy_contracts
from commons.chain.devchain import DevChain
from commons.chain.view import ChainView
from commons.chain.writer import ChainWriter
from coordinator.machine import OwnerRejected
from gradroll.cli import main
from tests.contracts.encoding import PROOF, STATEMENT, statement_tuple
from tests.support.network import IntArray, OwnerPlan, network_with
from tests.support.plain_batch import Setup, build_batch, seed_of, slack_bits
from tests.support.policies import installed, own_registry

NAME, CAPACITY, BOUND = "exact-norm", 4, 1 << 40
MODULE = "tests.circuits.policy_exact_norm"
PAGE = Path("docs/how-to-write-a-policy.md")
DIGEST = "8b9769fd140c4bbc536c65052b2cde26c0612e16c7f45ee6246f5bd36ed959d6"


def gradients() -> list[IntArray]:
    """Three whose squared norm is BOUND."""
    shapes = ([1, 1, 1, 1, 0], [1, -1, 0, 1, -1], [0, 0, 2, 0, 0])
    return [np.array(shape, np.int64) << 19 for shape in shapes]


def block(page: str, language: str) -> str:
    """The page's one block in a language."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.fixture(scope="module", autouse=True)
def package(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Step 3: the package is installed with the page's entry point."""
    project = tomllib.loads(block((repository / PAGE).read_text(), "toml"))
    entries = project["project"]["entry-points"][registry.GROUP]
    with own_registry() as patch:
        installed(tmp_path_factory.mktemp("site"), patch, "\n".join(f"{k} = {v}" for k, v in entries.items()))
        yield


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> Setup:
    """Step 4: keys by the command line, loaded with all their checks."""
    srs, keys = tmp_path_factory.mktemp("srs") / "srs.gsrs", tmp_path_factory.mktemp("keys")
    seeded = ["--development", "--insecure-seed", "x"]
    assert main(["setup", "srs", *seeded, "--dimension", "5", "--out", str(srs)]) == 0
    make = ["setup", "keys", *seeded, "--policy", NAME, "--capacity", str(CAPACITY), "--srs", str(srs)]
    assert main([*make, "--out", str(keys)]) == 0
    string = load(srs, allow_insecure=True)
    proving = load_proving_key(keys / f"{NAME}-{CAPACITY}.proving", allow_insecure=True)
    assert load_verifying_key(keys / f"{NAME}-{CAPACITY}.verifying", allow_insecure=True) == proving.verifying
    return Setup(string, commitment_key(string, 5), proving)


def test_step_1_the_page_shows_the_file(repository: Path) -> None:
    source = (repository / "/".join(MODULE.split("."))).with_suffix(".py").read_text()
    assert source.endswith(block((repository / PAGE).read_text(), "python"))


def satisfied(chosen: list[IntArray]) -> bool:
    """Whether the circuit holds for gradients in the clear; slots are left empty."""
    policy, owners = registry.compiled(NAME, CAPACITY), len(chosen)
    gram = native.gram([native.zeros(5), *map(native.from_int64, chosen)])
    rho = 1 << 200
    weights = [pow(rho, 1 << i, native.R) for i in range(owners + 1)]
    combined = native.linear_combination([native.zeros(5), *map(native.from_int64, chosen)], weights)
    public = PublicInputs(rho, native.inner(combined, combined), BOUND)
    bits = policy.slack_bits(slack_bits(chosen, BOUND), BOUND, owners)
    return policy.circuit.is_satisfied(policy.assignment(public, policy.committed_block(gram, 7, owners), bits))


def test_step_2_the_circuit_says_what_the_claim_says() -> None:
    good = gradients()
    assert satisfied(good)
    assert satisfied([good[0], np.zeros(5, np.int64)]), "a zero gradient looks like an empty slot"
    for short in (good[2] // 2, good[2] - np.array([0, 0, 1, 0, 0])):
        assert not satisfied([good[0], short])


def test_step_2_the_validity_test_says_the_same_on_shares() -> None:
    policy, xs = registry.compiled(NAME, CAPACITY), [1, 2, 3]
    for norm, zero in ((BOUND, True), (BOUND - 1, False)):
        bits = native.from_ints([BOUND - norm >> e & 1 for e in range(62)])
        shares = native.shamir_share(bits, [native.expand(seed_of("slope"), len(bits))], xs)
        parts = [policy.further_residual(BOUND, s, 9) for s in shares]
        opened = sum(p * c for p, c in zip(parts, native.lagrange_coefficients(xs), strict=True)) % native.R
        assert (opened == 0) is zero


def test_step_2_the_circuit_has_not_changed() -> None:
    assert registry.compiled(NAME, 2).circuit.digest.hex() == DIGEST


def test_step_3_it_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["setup", "policies"]) == 0
    listed = capsys.readouterr().out
    assert "norm  Every owner's squared norm is at most BOUND." in listed
    assert f"{NAME}  {registry.find(NAME).claim} Up to 120 owners." in listed


def test_step_4_without_the_package_the_keys_are_refused(setup: Setup, tmp_path: Path) -> None:
    save_verifying_key(setup.verifying, tmp_path / "key")
    with own_registry() as patch:
        patch.setattr(registry, "GROUP", "gradroll.none")
        with pytest.raises(KeyMismatchError, match=f"no policy is called '{NAME}'.*install the package"):
            load_verifying_key(tmp_path / "key", allow_insecure=True)


def test_step_5_a_committee_proves_it() -> None:
    network = network_with([OwnerPlan(gradient) for gradient in gradients()], proves=NAME)
    result = network.run()
    network.check(result, range(3))
    assert not result.verdicts


def test_step_5_who_breaks_it_is_named_and_nobody_else() -> None:
    chosen = gradients()
    chosen[1] //= 2
    network = network_with([OwnerPlan(gradient) for gradient in chosen], proves=NAME)
    result = network.run()
    network.check(result, [0, 2])
    (verdict,) = result.verdicts
    assert isinstance(verdict, OwnerRejected)
    assert verdict.submission == network.submission(1)
    assert "the task's policy" in verdict.reason


@pytest.mark.slow
def test_step_6_the_contract_takes_key_and_proof(setup: Setup) -> None:
    batch = build_batch(setup, gradients())
    assert verify_batch(batch.statement, batch.proof, setup.verifying) == batch.batch_id
    chain = DevChain()
    try:
        url = chain.start()
        made = deploy_contracts(url, chain.accounts[0])
        view = ChainView(url, made.market)
        writer = ChainWriter(view, chain.accounts[0])
        verifier = writer.deploy_verifier(made.factory, setup.verifying)
        committee = writer.create_committee(1, [bytes([p + 1]) * 20 for p in range(4)])
        task = writer.create_task(
            NewTask(committee, verifier, writer.address, 5, 0, BOUND, 2, 4, 1, Windows(3600, 3600))
        )
        policy = view.policy(task)
        assert (policy.capacity, policy.key_hash) == (CAPACITY, setup.verifying.key_hash)
        arguments = [statement_tuple(batch.statement), proof_tuple(batch.proof)]
        answer = view.rpc.call(verifier, f"verify({STATEMENT},{PROOF})", arguments, ["bytes32", "uint256"])
        assert answer == (batch.batch_id, 0)
    finally:
        chain.stop()
