"""Policies by name: what is refused, what the contract takes, and how policies of other packages are found."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from circuits.errors import CircuitError
from circuits.gadgets import equal
from circuits.policies import DEFAULT, registry, spec
from circuits.policies.gram import pairs, position, triangle
from circuits.policies.norm import NORM
from circuits.policies.spec import KEY_POINTS, MAX_CAPACITY, Constrain, OwnerWires, PolicySpec, PublicInputs
from circuits.r1cs import ConstraintSystem, LinearCombination, Variable
from tests.support.plain_batch import development_setup
from tests.support.policies import installed, own_registry

CLAIM = "Nothing more."


@pytest.fixture(autouse=True)
def patch() -> Iterator[pytest.MonkeyPatch]:
    with own_registry() as patch:
        yield patch


def test_the_default_is_one_of_ours() -> None:
    assert registry.find(DEFAULT) is NORM
    assert registry.known()[: len(registry.BUILT_IN)] == registry.BUILT_IN


def test_one_name_has_one_circuit() -> None:
    mine = PolicySpec("mine", CLAIM)
    registry.register(mine)
    registry.register(mine)
    for taken in ("mine", "norm"):
        with pytest.raises(CircuitError, match=f"two policies are called '{taken}'"):
            registry.register(PolicySpec(taken, CLAIM))
    assert registry.find("mine") is mine
    assert registry.compiled("mine", 3).circuit.digest == registry.compiled("norm", 3).circuit.digest


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"name": "Mine"}, "cannot name a policy"),
        ({"name": "../mine"}, "cannot name a policy"),
        ({"claim": " "}, "does not say what it proves"),
        ({"max_capacity": MAX_CAPACITY + 1}, "capacity of 121 is outside 1..120"),
        ({"max_capacity": 0}, "capacity of 0 is outside"),
        (
            {"public_inputs": ("rho", "square_norm", "bound", "contribution")},
            "gives every verifier rho, square_norm, b",
        ),
        ({"public_inputs": ("square_norm", "rho", "bound")}, "takes keys with 4 points"),
        ({"public_inputs": ()}, "none"),
    ],
)
def test_what_the_contract_would_not_take_is_no_policy(changes: dict[str, Any], named: str) -> None:
    parts: dict[str, Any] = {"name": "mine", "claim": CLAIM} | changes
    with pytest.raises(CircuitError, match=named):
        PolicySpec(**parts)


def further_inputs(cs: ConstraintSystem, owner: OwnerWires) -> None:
    (wire,) = cs.shared_inputs(1)
    equal(cs, wire, owner.norm)


def product_of_shares(cs: ConstraintSystem, owner: OwnerWires) -> None:
    cs.product(owner.norm, owner.norm)


def nothing_for_empty_slots(cs: ConstraintSystem, owner: OwnerWires) -> None:
    equal(cs, owner.norm, owner.bound)


def not_of_even_bounds(cs: ConstraintSystem, owner: OwnerWires) -> None:
    equal(cs, owner.slack[0], 1)


def a_wire_of_somebody_else(cs: ConstraintSystem, owner: OwnerWires) -> None:
    cs.enforce(owner.norm, Variable(70), 0)


def further_public_inputs(cs: ConstraintSystem, owner: OwnerWires) -> None:
    cs.public_inputs(1)


@pytest.mark.parametrize(
    ("constrain", "named"),
    [
        (further_inputs, "private inputs of its own"),
        (product_of_shares, "cannot be assigned on shares"),
        (nothing_for_empty_slots, "empty slot"),
        (not_of_even_bounds, "where BOUND is"),
        (a_wire_of_somebody_else, "does not declare"),
        (further_public_inputs, "public inputs come before"),
    ],
)
def test_a_circuit_that_breaks_a_rule_is_not_registered(constrain: Constrain, named: str) -> None:
    with pytest.raises(CircuitError, match=named):
        registry.register(PolicySpec("mine", CLAIM, constrain))
    with pytest.raises(CircuitError, match="no policy is called 'mine'; choose one of norm, reference, or install"):
        registry.find("mine")


def test_a_policy_is_asked_once_so_it_cannot_speak_of_the_owner_before() -> None:
    """Whether owners' values relate would tell one about the other, and look like a prover's lie where they do not."""
    before: list[LinearCombination] = []

    def relates(cs: ConstraintSystem, owner: OwnerWires) -> None:
        cs.enforce(owner.norm, owner.norm - before[-1] if before else owner.norm - owner.bound, 0)
        before.append(owner.norm)

    registry.register(PolicySpec("mine", CLAIM, relates))
    assert registry.compiled("mine", 4).circuit.constraint_count - NORM.circuit(4).circuit.constraint_count == 4
    assert len(before) == 1


def test_a_bound_under_which_slots_cannot_stay_empty_is_refused_before_a_batch(patch: pytest.MonkeyPatch) -> None:
    """Otherwise the batch would fail in the proof, and a prover be named for it."""

    def even_slack(cs: ConstraintSystem, owner: OwnerWires) -> None:
        equal(cs, owner.slack[0], 0)

    patch.setattr(spec, "_tried_bounds", lambda: (12344,))
    registry.register(PolicySpec("mine", CLAIM, even_slack))
    registry.compiled("mine", 2).require_bound(12344)
    with pytest.raises(CircuitError, match=r"empty slot .* where BOUND is 12345"):
        registry.compiled("mine", 2).require_bound(12345)


def test_slots_are_limited_by_the_policy() -> None:
    registry.register(PolicySpec("mine", CLAIM, max_capacity=2))
    assert registry.compiled("mine", 2).capacity == 2
    with pytest.raises(CircuitError, match=r"outside 1\.\.2"):
        registry.compiled("mine", 3)


def test_the_contract_takes_these_keys(repository: Path) -> None:
    source = (repository / "contracts/src/libraries/PolicyKey.sol").read_text()
    stated = {name: int(value) for name, value in re.findall(r"uint256 private constant (\w+) = (\d+);", source)}
    assert stated == {"INPUTS": KEY_POINTS, "MAX_CAPACITY": MAX_CAPACITY}
    assert KEY_POINTS == NORM.circuit(2).circuit.public_count == len(development_setup().verifying.inputs)
    assert NORM.public_inputs == PublicInputs._fields == ("rho", "square_norm", "bound")


def test_triangles_are_in_one_order() -> None:
    for rows in range(1, 6):
        assert [position(i, j, rows) for i, j in pairs(rows)] == list(range(triangle(rows)))
        assert all(position(j, i, rows) == position(i, j, rows) for i, j in pairs(rows))


MODULE = """
from circuits.policies.registry import register
from circuits.policies.spec import PolicySpec
register(PolicySpec("theirs", "Nothing more."))
"""
FUNCTION = """
from circuits.policies import registry
from circuits.policies.spec import PolicySpec
def add():
    registry.register(PolicySpec("called", "Nothing more."))
"""


def test_installed_policies_are_loaded_when_they_are_asked_for(tmp_path: Path, patch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lazy_module.py").write_text(MODULE)
    (tmp_path / "lazy_function.py").write_text(FUNCTION)
    installed(tmp_path, patch, "theirs = lazy_module\ncalled = lazy_function:add")
    registry.find("norm")
    assert "lazy_module" not in sys.modules
    assert registry.find("theirs").name == "theirs"
    assert [spec.name for spec in registry.known()] == ["norm", "reference", "theirs", "called"]
    assert registry.known() == registry.known()


@pytest.mark.parametrize(
    ("source", "target", "named"),
    [
        ("import no_such_thing\n", "broken_import", "ModuleNotFoundError: No module named 'no_such_thing'"),
        ("policy = 3\n", "broken_kind:policy", "TypeError"),
        ("", "broken_name:absent", "AttributeError"),
        (MODULE.replace("theirs", "norm"), "broken_double", "two policies are called 'norm'"),
        (MODULE + "raise ValueError('half way')\n", "broken_late", "half way"),
    ],
)
def test_an_entry_point_that_cannot_be_loaded_is_named(
    source: str, target: str, named: str, tmp_path: Path, patch: pytest.MonkeyPatch
) -> None:
    (tmp_path / f"{target.partition(':')[0]}.py").write_text(source)
    (tmp_path / "sound.py").write_text(MODULE.replace("theirs", "sound"))
    installed(tmp_path, patch, f"broken = {target}\nsound = sound")
    for ask in (lambda: registry.find("theirs"), registry.known, registry.known):
        with pytest.raises(CircuitError, match=named) as raised:
            ask()
        assert f"entry point 'broken' = '{target}' of some-policies" in str(raised.value)
    assert registry.find("norm") is NORM
    assert registry.find("sound").name == "sound", "it does not keep others from theirs"
