"""Graded batches with real provers and the coordinator's machine: what comes out, and who is found when somebody lies."""

from __future__ import annotations

from tests.support.gradednetwork import graded_with


def test_owners_are_graded() -> None:
    network = graded_with([900, 500, 900, -300], least_owners=2)
    result = network.run()
    print(result.steps, result.verdicts, result.transition.outcome)
    done = result.completed
    print(done.statement.graded)
