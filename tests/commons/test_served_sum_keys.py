"""Before a role works for a task with a key for sums, it looks at the key: the contract takes any word."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast
from unittest.mock import Mock

import pytest

from circuits.errors import InvalidInputError
from commons.chain.ports import MarketReader
from commons.chain.serving import require_served
from commons.sharing.sealing import generate, public_key
from commons.storage.parameters import PublicParameters
from tests.commons.test_sealedsums import SMALL_ORDER
from tests.support.network import Network
from tests.support.parts import with_parts


def require(sum_key: bytes) -> None:
    """As provers and coordinators do, with files that serve any task."""
    terms = with_parts(Network().terms, sum_key=sum_key)
    chain = SimpleNamespace(terms=lambda _: terms, tau=lambda _: None, policy=lambda _: SimpleNamespace(key_hash=b""))
    files = Mock(spec=PublicParameters)
    require_served(cast(MarketReader, chain), files, lambda _: None, terms.task_id)


@pytest.mark.parametrize("sum_key", [bytes(32), public_key(generate())], ids=["public sums", "a key"])
def test_usual_tasks_are_served(sum_key: bytes) -> None:
    require(sum_key)


@pytest.mark.parametrize("point", SMALL_ORDER[1:])
def test_a_task_whose_sums_anybody_could_open_is_not_served(point: str) -> None:
    with pytest.raises(InvalidInputError, match="small order"):
        require(bytes.fromhex(point))
