"""What is committed to and not opened stands in no message: not in what Python shows of an object, in a log say."""

from __future__ import annotations

import re

import pytest

from commons.chain.dataaccount import ChallengeOpening
from commons.chain.juryfacts import Verdict
from commons.samples.contributions import Ground
from gradroll.datamarket.challengebook import KeptChallenge
from gradroll.datamarket.contributionbook import KeptBundle
from gradroll.datamarket.votebook import KeptVote

SECRET, PUBLIC, NUMBER = b"SECRET".rjust(32, b"x"), bytes(32), 987654
WHO = bytes(20)


@pytest.mark.parametrize(
    "hidden",
    [
        ChallengeOpening(1, NUMBER, NUMBER, SECRET),
        KeptVote(PUBLIC, 1, 0, 2, WHO, Verdict.BAD, SECRET),
        KeptChallenge(PUBLIC, SECRET, NUMBER, NUMBER, Ground.JUDGED, SECRET, (NUMBER, NUMBER), WHO, SECRET),
        KeptBundle(PUBLIC, SECRET, SECRET, 3, WHO, SECRET, 0),
    ],
    ids=lambda hidden: type(hidden).__name__,
)
def test_nothing_of_it_is_shown(hidden: object) -> None:
    assert re.search(f"SECRET|{NUMBER}|BAD|JUDGED", repr(hidden)) is None
