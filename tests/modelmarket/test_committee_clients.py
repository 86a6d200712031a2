"""Who asks a committee: members are asked all at once, and the silent ones left alone."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from circuits.errors import (
    GradrollError,
    NotReadyError,
    RuleViolationError,
    UnavailableError,
)
from commons.protocol.bountyheads import GroupHead
from commons.wire import askingmembers
from commons.wire.askingmembers import Asking
from commons.wire.prover_client import ProverClient
from gradroll.modelmarket.committeewitnesses import CommitteeWitnesses
from tests.modelmarket.modelstage import model_stage
from tests.modelmarket.receiptstown import WINDOW, Town, town_on


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    directory = tmp_path_factory.mktemp("clients")
    with model_stage(directory) as stage, town_on(stage, directory) as made:
        yield made


class Silent:
    """A client of a member that takes calls and never answers, until it is left alone."""

    def __init__(self, gave_up: list[str]) -> None:
        self._left, self._gave_up = threading.Event(), gave_up

    def __getattr__(self, name: str) -> Any:
        return self._wait

    def close(self) -> None:
        self._left.set()

    def _wait(self, *_: object) -> bytes:
        if not self._left.wait(30):
            self._gave_up.append("nobody left it alone: the others waited for it")
        raise UnavailableError("left alone")


def test_a_silent_member_delays_nobody(town: Town, tmp_path: Path) -> None:
    """The first one that is asked is silent; a bounty's window may be shorter than what one call may take."""
    gave_up = list[str]()

    def asked(endpoint: str) -> Any:
        return Silent(gave_up) if endpoint == town.members[0].endpoint else ProverClient(endpoint)

    witnesses = CommitteeWitnesses(town.stage.models, pause=0)
    witnesses._client = asked  # type: ignore[method-assign]
    bounty = town.drawn()
    town.owner.show(bounty, town.data.__getitem__, witnesses)
    assert gave_up == []


def test_members_that_are_all_silent_are_given_up_together(town: Town) -> None:
    gave_up = list[str]()
    witnesses = CommitteeWitnesses(town.stage.models, pause=0, within=0.2)
    witnesses._client = lambda _: Silent(gave_up)  # type: ignore[method-assign, assignment, return-value]
    bounty = town.drawn()
    with pytest.raises(UnavailableError, match=r"member 0: it did not answer .*member 3: it did not answer"):
        town.owner.show(bounty, town.data.__getitem__, witnesses)
    assert gave_up == []


def test_a_member_that_breaks_its_client_is_named(town: Town) -> None:
    """An error that nobody foresaw is that member's, and not the end of the others."""

    class Broken(ProverClient):
        def hold_group(self, *_: object) -> None:
            raise RuntimeError("unforeseen")

    witnesses = CommitteeWitnesses(town.stage.models, pause=0)
    witnesses._client = Broken  # type: ignore[method-assign]
    with pytest.raises(UnavailableError, match=r"member 2: it could not be asked .RuntimeError: unforeseen"):
        town.owner.show(town.drawn(), town.data.__getitem__, witnesses)


def test_members_have_no_more_time_than_the_window_leaves(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    told = list[float]()

    class Timed(Asking[bytes]):
        def answers(self, endpoints: Mapping[int, str], within: float) -> Generator[tuple[int, bytes | GradrollError]]:
            told.append(within)
            return super().answers(endpoints, within)

    monkeypatch.setattr(askingmembers, "Asking", Timed)
    bounty = town.drawn()
    town.stage.pass_time(WINDOW - 100)
    town.owner.show(bounty, town.data.__getitem__, town.witnesses)
    assert len(told) == 1 and 0 < told[0] <= 100


def test_a_member_that_is_behind_is_asked_again_and_one_that_refuses_is_not(town: Town) -> None:
    calls = list[str]()

    class Behind(ProverClient):
        def hold_group(self, head: GroupHead, file: bytes) -> None:
            calls.append(self.endpoint)
            if self.endpoint == town.members[0].endpoint:
                raise RuleViolationError("never")
            if calls.count(self.endpoint) == 1:
                raise NotReadyError("a block is missing")
            super().hold_group(head, file)

    witnesses = CommitteeWitnesses(town.stage.models, pause=0)
    witnesses._client = Behind  # type: ignore[method-assign]
    town.owner.show(town.drawn(), town.data.__getitem__, witnesses)
    assert calls.count(town.members[0].endpoint) == 1
    assert {calls.count(member.endpoint) for member in town.members[1:]} == {2}
