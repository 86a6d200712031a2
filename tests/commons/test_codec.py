"""Each value has one record, and a record that is not that of a value is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import native
from commons.protocol.codec import Codec, RecordError
from coordinator.events import AttemptUsed, Event, HeaderAccepted, OwnerDropped
from gradroll.data_owner.submissions import SavedSubmission
from native import G1
from provers.party.ledger import Combined, Entry, Locked, Selection
from tests.vectors.v5.storage import stories

EVENTS: Codec[Event] = Codec(Event)
ENTRIES: Codec[Entry] = Codec(Entry)
st.register_type_strategy(G1, st.integers(0, 5).map(lambda n: native.g1_mul(native.g1_generator, n)))
HEADER = {"commitment": native.g1_generator.hex(), "share_digests": ["0a", "0b"], "owner": "aa", "owner_index": 1}
HEADER |= {"task_id": 5, "round": 1, "signature": "", "dealing_signature": "05"}
ACCEPTED: dict[str, Any] = {"kind": "header-accepted", "submission": "00ff", "header": HEADER, "receipts": [0, 3]}
USED: dict[str, Any] = {"kind": "attempt-used", "task_id": 5, "round": 1, "attempt": 2}


@given(st.from_type(Event))  # type: ignore[arg-type]
@settings(deadline=None)
def test_every_event_comes_back_from_json(event: Event) -> None:
    record = json.loads(json.dumps(EVENTS.encode(event)))
    assert EVENTS.decode(record) == event
    assert EVENTS.encode(EVENTS.decode(record)) == record


@given(st.from_type(Entry))  # type: ignore[arg-type]
@settings(deadline=None)
def test_every_entry_comes_back_from_json(entry: Entry) -> None:
    record = json.loads(json.dumps(ENTRIES.encode(entry)))
    assert ENTRIES.decode(record) == entry
    assert ENTRIES.encode(ENTRIES.decode(record)) == record


def test_what_is_changed_below_is_a_record() -> None:
    assert EVENTS.encode(EVENTS.decode(ACCEPTED)) == ACCEPTED
    assert EVENTS.encode(EVENTS.decode(USED)) == USED


@pytest.mark.parametrize(
    "record",
    [
        {}, [], "attempt-used", None, {**USED, "kind": "nonsense"}, {**USED, "kind": ["attempt-used"]},
        {n: v for n, v in USED.items() if n != "kind"},
    ],
)  # fmt: skip
def test_records_of_no_kind_are_refused(record: Any) -> None:
    with pytest.raises(RecordError, match="of no known kind"):
        EVENTS.decode(record)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"attempt": True}, r"int expected, not bool @ \$.attempt"),
        ({"attempt": "2"}, "int expected, not str"),
        ({"attempt": 2.0}, "int expected, not float"),
        ({"attempt": None}, "int expected, not NoneType"),
        ({"more": 1}, "more"),
    ],
)
def test_another_field_or_type_is_refused(change: dict[str, Any], match: str) -> None:
    with pytest.raises(RecordError, match=match):
        EVENTS.decode({**USED, **change})


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"submission": "00FF"}, r"lowercase.* @ \$.submission"),
        ({"submission": "00 ff"}, "lowercase hexadecimal without spaces"),
        ({"submission": "00f"}, "hexadecimal bytes expected"),
        ({"submission": 0}, "hexadecimal bytes expected"),
        ({"receipts": "03"}, "list expected, not str"),
        ({"receipts": [0, False]}, r"int expected, not bool @ \$.receipts\[1\]"),
        ({"receipts": {"0": 3}}, "list expected, not dict"),
        ({"header": []}, "dict expected, not list"),
        ({"header": {**HEADER, "kind": "header"}}, "kind"),
        ({"header": {**HEADER, "share_digests": ["0A"]}}, r"lowercase.* @ \$.header.share_digests\[0\]"),
        ({"header": {**HEADER, "commitment": "00" * 63}}, "63 against 64"),
        ({"header": {**HEADER, "commitment": "01" * 64}}, r"curve.* @ \$.header.commitment"),
    ],
)
def test_another_form_is_refused(change: dict[str, Any], match: str) -> None:
    with pytest.raises(RecordError, match=match):
        EVENTS.decode({**ACCEPTED, **change})


def test_a_field_with_a_default_is_missed_all_the_same() -> None:
    lacking = {name: value for name, value in HEADER.items() if name != "signature"}
    with pytest.raises(RecordError, match=r"without signature @ \$.header"):
        EVENTS.decode({**ACCEPTED, "header": lacking})
    with pytest.raises(RecordError, match="without attempt, round"):
        EVENTS.decode({"kind": "attempt-used", "task_id": 5})


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        (AttemptUsed, (5, 1, True)), (AttemptUsed, (5, 1, "2")), (OwnerDropped, ("aa", "reason", True)),
        (OwnerDropped, (b"", b"", True)), (HeaderAccepted, (b"", stories.header(0), [0])),
        (HeaderAccepted, (b"", None, ())), (Combined, (b"",)),
    ],
)  # fmt: skip
def test_what_could_not_be_read_back_is_not_written(kind: Any, parts: tuple[object, ...]) -> None:
    with pytest.raises(RecordError):
        EVENTS.encode(kind(*parts))


def test_an_entry_knows_its_parts_and_not_those_of_others() -> None:
    record = ENTRIES.encode(Locked(Selection((b"\x01",), (b"\x02",), (1,))))
    assert record == {"kind": "locked", "selection": {"owners": ["01"], "submissions": ["02"], "weights": [1]}}
    with pytest.raises(RecordError, match="of no known kind"):
        ENTRIES.decode(USED)


def test_no_value_is_in_an_error() -> None:
    """A data owner's seeds are read by the same rules."""
    secret = SavedSubmission(stories.header(0), b"", "secret", {})  # type: ignore[arg-type]
    with pytest.raises(RecordError) as caught:
        Codec[SavedSubmission](SavedSubmission).encode(secret)
    assert "secret" not in str(caught.value)
    with pytest.raises(RecordError) as caught:
        EVENTS.decode({**USED, "attempt": "secret"})
    assert "secret" not in str(caught.value)
