"""Statuses of submissions and tasks on the wire."""

from __future__ import annotations

import pytest

from circuits.errors import WireError
from commons.protocol.status import (
    BatchStatus,
    NamedProver,
    Rejection,
    RoundStatus,
    SubmissionState,
    SubmissionStatus,
    TaskStatus,
)
from commons.wire import coordination
from commons.wire._generated import coordinator_pb2 as pb

ROUND = RoundStatus(
    3, 2, 1, 5, "why it does not move",
    (BatchStatus(b"\x01" * 32, b"\x02" * 32, 2, True, b"\x03" * 32), BatchStatus(b"\x04" * 32, None, 2, False, None)),
    (NamedProver(1, "MASK", "share: it does not fit"),), "what it waits for",
)  # fmt: skip
TASK = TaskStatus((ROUND,), {"validity": 1, "closed": 2}, (Rejection(b"\x05" * 20, 3, "validity: above the bound"),))


def test_a_tasks_status_survives_the_wire() -> None:
    sent = coordination.task_status_to_wire(TASK).SerializeToString()
    assert coordination.task_status_from_wire(pb.TaskStatusReply.FromString(sent)) == TASK


def test_a_submissions_status_survives_the_wire() -> None:
    for status in (
        SubmissionStatus(b"\x01" * 32, SubmissionState.EXPIRED, "submit again in this round"),
        SubmissionStatus(b"\x01" * 32, SubmissionState.ACCEPTED, batch_id=b"\x02" * 32),
    ):
        sent = coordination.status_to_wire(status).SerializeToString()
        assert coordination.status_from_wire(pb.SubmissionStatusReply.FromString(sent)) == status


def test_what_a_coordinator_writes_steers_no_terminal() -> None:
    message = coordination.task_status_to_wire(TASK)
    steering = "\x1b[2J\nit is accepted"
    message.recent[0].reason = message.rounds[0].waits = message.rounds[0].trouble = steering
    message.rounds[0].named[0].reason = message.rounds[0].named[0].step = steering
    read = coordination.task_status_from_wire(message)
    named = read.rounds[0].named[0]
    for text in (read.recent[0].reason, read.rounds[0].waits, read.rounds[0].trouble, named.reason, named.step):
        assert text.isprintable()


def test_a_rejection_names_an_address() -> None:
    message = coordination.task_status_to_wire(TASK)
    message.recent[0].owner = b"\x05" * 19
    with pytest.raises(WireError, match=r"recent\.owner"):
        coordination.task_status_from_wire(message)
