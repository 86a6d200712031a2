"""Where a juror was drawn: read once, read anew after a reorganisation, and not to be hidden by a node."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from circuits.errors import ChainError
from commons.chain import datadecoding, drawncases
from commons.chain.contractevents import Events
from commons.chain.drawncases import NOTHING, Draw, DrawsRead, read_draws
from commons.storage.files import make_directory
from gradroll.datamarket.datastate import DataState
from gradroll.datamarket.drawbook import DrawBook
from gradroll.datamarket.juror import Juror
from tests.datamarket.datastage import OTHER, DataStage, bundle_of, sample

BUNDLE = bundle_of(sample(1, 10, 20, 30), sample(2, 40, 50, 60))
JUROR, STRANGER = 1, 2
Asked = list[tuple[str, int | None, int | None]]


@pytest.fixture
def stage(own_stage: DataStage, monkeypatch: pytest.MonkeyPatch) -> DataStage:
    monkeypatch.setattr(drawncases, "_DEEP", 4)
    return own_stage


@pytest.fixture
def asked(stage: DataStage, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Event, first and last block of each question from here on."""
    found: Asked = []
    find = Events.find

    def noting(self: Events, event: str, *topics: Any, first: int | None = None, last: int | None = None) -> list[Any]:
        found.append((event, first, last))
        return find(self, event, *topics, first=first, last=last)

    monkeypatch.setattr(Events, "find", noting)
    return found


@pytest.fixture
def number(stage: DataStage, tmp_path: Path) -> int:
    """A bundle whose two samples wait for their cases."""
    return stage.waiting_for_cases(tmp_path / "reviewer", BUNDLE, {JUROR: 8, STRANGER: 2})


def draw(stage: DataStage, number: int, index: int) -> int:
    """Open a case and draw its jury; its number."""
    case = stage.opener().open(number, index).case
    stage.pass_time(1, 10)
    stage.juror(OTHER).draw(case)
    return case


def seats_of(stage: DataStage, case: int) -> list[tuple[int, int]]:
    """Case and seat of the juror, as the jury's storage has them."""
    own = stage.accounts[JUROR].address
    return [(case, seat) for seat in range(3) if stage.data.jury.seat(case, 0, seat).juror == own]


def test_blocks_are_read_once_and_not_after_a_restart(
    stage: DataStage, state: DataState, number: int, asked: Asked
) -> None:
    own = stage.accounts[JUROR].address
    first = draw(stage, number, 0)
    stage.pass_time(1, 6)
    juror = Juror(stage.account(JUROR), state)
    known = [seat.seat for seat in juror.seats()]
    assert [(first, seat) for seat in known] == seats_of(stage, first)
    read = state.draws.known(stage.data.jury.deployment, own)
    assert read.block == stage.data.chain.rpc.head().number - 3
    second = draw(stage, number, 1)
    asked.clear()
    again = Juror(stage.account(JUROR), state).to_reveal()
    assert again == []
    assert [first for event, first, _ in asked if event == datadecoding.DRAWN] == [read.block + 1]
    draws, _ = read_draws(stage.data.jury, own, read)
    assert [(each.case, each.seat) for each in draws] == seats_of(stage, first) + seats_of(stage, second)


def test_what_a_case_is_about_is_looked_up_in_one_block(stage: DataStage, number: int, asked: Asked) -> None:
    case = draw(stage, number, 1)
    asked.clear()
    assert stage.data.subject_of(case) == (number, 1)
    (block,) = {first for event, first, _ in asked if event == datadecoding.CASE_OPENED}
    assert (datadecoding.CASE_OPENED, block, block) in asked
    with pytest.raises(ChainError, match="what case 77 is about"):
        stage.data.subject_of(77)


def test_what_was_read_of_blocks_that_are_gone_is_read_anew(stage: DataStage, number: int) -> None:
    own = stage.accounts[JUROR].address
    with stage.taken_back():
        gone = draw(stage, number, 0)
        stage.pass_time(1, 8)
        _, known = read_draws(stage.data.jury, own)
        assert known.draws
    stage.pass_time(5, 2)
    assert read_draws(stage.data.jury, own, known)[0] == []
    case = draw(stage, number, 1)
    draws, _ = read_draws(stage.data.jury, own, known)
    assert case == gone
    assert [(each.case, each.seat) for each in draws] == seats_of(stage, case)


def test_no_node_hides_a_draw_from_a_juror(stage: DataStage, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    own, jury = stage.accounts[JUROR].address, stage.data.jury
    first = draw(stage, number, 0)
    stage.pass_time(1, 6)
    _, known = read_draws(jury, own)
    second = draw(stage, number, 1)
    read = Events.read

    def hiding(hidden: int) -> Callable[..., list[Any]]:
        def told(self: Events, decode: Any, event: str, *topics: Any, **bounds: Any) -> list[Any]:
            found = read(self, decode, event, *topics, **bounds)
            if event == datadecoding.DRAWN:
                return [(block, draws) for block, draws in found if draws[0].case != hidden]
            return found

        return told

    seated = {case: seats_of(stage, case) for case in (first, second)}
    assert all(seated.values()), "three are drawn, and the stranger has two"
    for hidden in (first, second):
        with monkeypatch.context() as patched:
            patched.setattr(Events, "read", hiding(hidden))
            with pytest.raises(ChainError, match="shows no draw of slot"):
                read_draws(jury, own)
    lied = DrawsRead(known.block, known.hash, ())  # what another node hid is found once one tells it
    assert len(read_draws(jury, own, lied)[0]) == sum(map(len, seated.values()))


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", "nothing", '{"block": -1, "hash": "", "draws": []}', '{"block": 1, "hash": "zz", "draws": []}',
     '{"block": 1, "hash": "00", "draws": [[1, 2, 3]]}', '{"block": 1, "hash": "00", "draws": [[1, 2, 3, true]]}',
     '{"block": 1, "hash": "00", "draws": 5}'],
)  # fmt: skip
def test_a_file_of_draws_that_is_damaged_is_as_if_there_were_none(tmp_path: Path, content: str) -> None:
    book = DrawBook(tmp_path)
    kept = DrawsRead(5, b"\x01" * 32, (Draw(1, 0, 2, 9),))
    book.keep(b"\x02" * 32, b"\x03" * 20, kept)
    assert book.known(b"\x02" * 32, b"\x03" * 20) == kept
    assert book.known(b"\x02" * 32, b"\x04" * 20) == NOTHING
    (path,) = (tmp_path / "draws").iterdir()
    assert json.loads(path.read_bytes())["draws"] == [[1, 0, 2, 9]]
    path.write_text(content)
    assert book.known(b"\x02" * 32, b"\x03" * 20) == NOTHING


def test_a_disk_that_takes_nothing_keeps_nobody_from_voting(tmp_path: Path) -> None:
    make_directory(tmp_path / "book")
    (tmp_path / "book" / "draws").write_text("no directory")
    book = DrawBook(tmp_path / "book")
    book.keep(b"\x02" * 32, b"\x03" * 20, DrawsRead(5, b"\x01" * 32, ()))
    assert book.known(b"\x02" * 32, b"\x03" * 20) == NOTHING
