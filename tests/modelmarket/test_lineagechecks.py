"""What a lineage that the registry has does not show: each weakness of one is named."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import native
from circuits.accuracy.modelrows import ModelRow
from circuits.errors import ContractError, KeyMismatchError, ProofError
from circuits.statement import TAIL
from commons.chain.modelfacts import Lineage, LineageStatement
from commons.storage.parameters import PublicParameters
from gradroll.commands.modelbuying import tell_lineage
from gradroll.console import Console
from gradroll.modelmarket.lineagechecks import check_lineage
from gradroll.setup.keygen import SRS_FILE
from tests.modelmarket.modelstage import SIZE, make_keys, toy_model

START = np.arange(SIZE.weights, dtype=np.int64)
SEEN: Any = SimpleNamespace(record=SimpleNamespace(listing=bytes(32)), size=SIZE)


@dataclass
class Said:
    """A registry that has a lineage, and what there is of its task and its verifier."""

    public: PublicParameters
    statement: LineageStatement
    dimension: int = SIZE.weights
    tau: Any = None
    refusal: Exception | None = None

    @property
    def models(self) -> Any:
        chain = SimpleNamespace(
            terms=lambda task: SimpleNamespace(dimension=self.dimension),
            tau=lambda task: self.tau or self.public.srs.tau,
        )
        return SimpleNamespace(
            chain=chain, verifier=lambda address: address, lineage=lambda listing: Lineage(bytes(32), bytes(20)),
            lineage_statement=lambda listing: self.statement,
        )  # fmt: skip

    @property
    def parameters(self) -> Any:
        def require_rounding(verifier: object, dimension: int) -> None:
            if self.refusal is not None:
                raise self.refusal

        return SimpleNamespace(
            srs=self.public.srs, commitment_key=self.public.commitment_key, require_rounding=require_rounding
        )

    def faults(self, start: Any = None) -> tuple[str, ...]:
        found = check_lineage(self.models, self.parameters, SEEN, start)
        assert found is not None and found.statement == self.statement
        return found.faults


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Said:
    keys: Path = tmp_path_factory.mktemp("lineages") / "keys"
    make_keys(keys)
    public = PublicParameters(keys / SRS_FILE, keys, allow_insecure=True)
    began = public.commitment_key(SIZE.weights).commit_small(START, native.zeros(TAIL))
    return Said(public, LineageStatement(1, 0, (3, -2), began))


def test_a_lineage_from_the_public_start_has_no_fault(said: Said) -> None:
    assert said.faults(START) == ()


def test_a_start_that_nobody_computed_again_is_named(said: Said) -> None:
    (fault,) = said.faults()
    assert "not computed again" in fault and "--start" in fault


@pytest.mark.parametrize("start", [START + 1, START[1:], START[:0]])
def test_another_start_is_named(said: Said, start: Any) -> None:
    assert said.faults(start) == ("it does not begin with the integers that were given",)


def test_who_chooses_the_start_needs_no_round_and_no_row(said: Said) -> None:
    """A copier lists a foreign C_M and starts at 2^12 C_M and a small row: the registry takes the proof."""
    key = said.public.commitment_key(SIZE.weights)
    foreign = ModelRow.fresh(toy_model(), lambda: 5).commit(key)
    small = key.commit_small(np.ones(SIZE.weights, dtype=np.int64), native.zeros(TAIL))
    chosen = native.g1_linear_combination([foreign, small], [1 << 12, 1])
    copied = replace(said, statement=LineageStatement(1, 0, (0,), chosen))
    assert len(copied.faults()) == 2
    assert copied.faults(START) == (
        "no round has a part in it: all its coefficients are 0", "it does not begin with the integers that were given",
    )  # fmt: skip


def test_another_length_another_string_and_a_foreign_key_are_named(said: Said) -> None:
    assert "another length" in replace(said, dimension=SIZE.weights + 1).faults(START)[0]
    assert "another reference string" in replace(said, tau=native.g2_generator).faults(START)[0]
    for refusal in (KeyMismatchError("another"), ContractError("another")):
        assert "whoever made that key could prove any" in replace(said, refusal=refusal).faults(START)[0]


def test_the_batches_behind_a_lineage_are_shown_if_the_chain_has_them(
    said: Said, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rounds that have a part in it, each with its batches, whose commitments are the round's."""
    one, other = native.g1_generator, native.g1_linear_combination([native.g1_generator], [5])
    sums = {7: native.g1_linear_combination([one, other], [1, 1]), 9: other}
    batches = {7: [(b"\xaa", one, 4), (b"\xbb", other, 2)], 9: [(b"\xcc", other, 3)]}

    def accepted(task: int, number: int) -> list[Any]:
        return [
            SimpleNamespace(round=number, owners=(bytes(20),) * owners,
                            record=SimpleNamespace(batch_id=name * 32, commitment=commitment))
            for name, commitment, owners in batches[number]
        ]  # fmt: skip

    view = SimpleNamespace(round=lambda task, number: SimpleNamespace(aggregate=sums[number]), accepted=accepted)
    shown = replace(said, statement=replace(said.statement, first=7, coefficients=(2, 0, -1)))
    session: Any = SimpleNamespace(models=shown.models, model_parameters=said.parameters, view=view)
    start = tmp_path / "start.npy"
    np.save(start, START)
    tell_lineage(Console(), session, SEEN, start)
    told = capsys.readouterr().out
    for number, name, owners in ((7, "aa", 4), (7, "bb", 2), (9, "cc", 3)):
        assert f"lineage: round {number}, batch 0x{name * 32} of {owners} proven gradients\n" in told
    assert told.count(" proven gradients") == 3
    assert "the model is its start less the rounds' sums" in told
    sums[9] = one
    with pytest.raises(ProofError, match="inconsistent"):
        tell_lineage(Console(), session, SEEN, start)
