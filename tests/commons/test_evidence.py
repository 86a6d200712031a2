"""What is evidence against a prover, and what an honest one may have signed; and that nothing else is ever kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import pytest

from circuits.errors import InvalidInputError, UnknownError
from circuits.statement import Committee
from circuits.terms import TaskTerms, Windows
from commons.protocol.bundle import Certificate
from commons.protocol.certified import Attesters
from commons.protocol.evidence import (
    STEPS_TAKEN_ONCE,
    ConflictingAttestations,
    Evidence,
    NoEvidenceError,
    TooFewOwners,
    WrongSum,
    in_words,
)
from commons.protocol.forfeits import Forfeit
from commons.protocol.messages import Message, Step, StepReply
from commons.protocol.signing import sign_digest
from commons.protocol.witness import Witness
from commons.storage import evidencefiles
from commons.storage.evidencefiles import EvidenceFiles, Watch, load_evidence
from tests.support.parts import with_parts
from tests.support.perjury import attested, batch_of, message, of_owners, two_messages, with_false_sum
from tests.support.plain_batch import (
    MARKET,
    Circumstances,
    address_of,
    build_batch,
    bundle_of,
    development_setup,
    random_gradients,
    seed_of,
)

KEYS = tuple(seed_of("prover", p) for p in range(4))
SIGN = tuple(partial(sign_digest, key) for key in KEYS)
COMMITTEE = Committee(9, 1, tuple(map(address_of, KEYS)))
ATTESTERS = Attesters(COMMITTEE, b"\x46" * 32)
TERMS = TaskTerms(
    committee_id=9, verifier=bytes(20), coordinator=b"\x31" * 20, dimension=3, fraction_bits=16, bound=1 << 40,
    min_owners=2, capacity=9, rounds=9, windows=Windows(60, 60), market=MARKET, task_id=7, creator=b"\x32" * 20,
)  # fmt: skip


@cache
def whole() -> Certificate:
    """A batch of three owners."""
    at = Circumstances(task_id=7, terms_hash=TERMS.terms_hash, committee_id=9)
    return bundle_of(build_batch(development_setup("norm", 4, 3), random_gradients(3, 3, 1 << 40), at=at)).certificate


def meeting(who: int = 1, **changes: object) -> ConflictingAttestations:
    """One member attested owners 0 and 1, and owners 1 and 2."""
    first, second = (batch_of(of_owners(whole(), slots), ATTESTERS, SIGN[who]) for slots in ((0, 1), (1, 2)))
    return with_parts(ConflictingAttestations(9, first, second, 1, 0), **changes)


def few(who: int = 1) -> TooFewOwners:
    return TooFewOwners(9, batch_of(of_owners(whole(), (0,)), ATTESTERS, SIGN[who]), TERMS)


def false_sum(who: int = 1) -> WrongSum:
    return WrongSum(9, batch_of(with_false_sum(whole()), ATTESTERS, SIGN[who]))


def twice(who: int = 1, step: Step = Step.MASK) -> Evidence:
    return two_messages(9, *(message(SIGN[who], body, step=step) for body in (b"a", b"b")))


KINDS: tuple[Callable[[], Evidence], ...] = (meeting, few, false_sum, twice)


@pytest.mark.parametrize("made", KINDS)
def test_evidence_names_who_signed_it_and_survives_its_file(made: Callable[[], Evidence], tmp_path: Path) -> None:
    evidence = made()
    assert evidence.culprit() == COMMITTEE.members[1]
    path = EvidenceFiles(tmp_path).keep(evidence)
    assert path is not None
    assert load_evidence(path) == evidence
    assert in_words(evidence).split()[0] in {"attested", "signed"}


@pytest.mark.parametrize("step", sorted(set(Step) - STEPS_TAKEN_ONCE))
def test_steps_that_an_honest_prover_answers_anew_are_no_evidence(step: Step) -> None:
    with pytest.raises(NoEvidenceError, match="may answer step"):
        twice(step=step).culprit()
    heard = Witness()
    assert all(heard.message(COMMITTEE, 1, message(SIGN[1], body, step=step)) is None for body in (b"a", b"b"))


def _attestation(certificate: Certificate, who: int = 1) -> object:
    return batch_of(certificate, ATTESTERS, SIGN[who])


def _in_context(certificate: Certificate, **changes: object) -> Certificate:
    context = with_parts(certificate.statement.context, **changes)
    return replace(certificate, statement=replace(certificate.statement, context=context))


INNOCENT: dict[str, Callable[[], Evidence]] = {
    "the same set in another attempt": lambda: meeting(second=_attestation(_other_attempt((0, 1)))),
    "the same set for another payee": lambda: meeting(
        second=_attestation(replace(of_owners(whole(), (0, 1)), payee=b"\x05" * 20)), slot=0
    ),
    "the same set under other indices": lambda: meeting(
        second=_attestation(_moved(of_owners(whole(), (0, 1)))), slot=0
    ),
    "sets that do not meet": lambda: meeting(second=_attestation(of_owners(whole(), (2,))), slot=0),
    "another owner than named": lambda: meeting(slot=0),
    "owners that are not there": lambda: meeting(slot=2),
    "a place before the first": lambda: meeting(slot=-1),
    "another round": lambda: meeting(second=_attestation(_in_context(of_owners(whole(), (1, 2)), round=1))),
    "another task": lambda: meeting(second=_attestation(_in_context(of_owners(whole(), (1, 2)), task_id=8))),
    "another market": lambda: meeting(
        second=_attestation(_in_context(of_owners(whole(), (1, 2)), market=replace(MARKET, deployment=bytes(32))))
    ),
    "two members": lambda: meeting(second=_attestation(of_owners(whole(), (1, 2)), who=2)),
    "a task of another committee": lambda: meeting(committee_id=8),
    "the true sum": lambda: WrongSum(9, _attestation(whole())),  # type: ignore[arg-type]
    "enough owners": lambda: TooFewOwners(9, _attestation(of_owners(whole(), (0, 1))), TERMS),  # type: ignore[arg-type]
    "other terms": lambda: replace(few(), terms=replace(TERMS, rounds=8)),
    "the same message": lambda: two_messages(9, *(message(SIGN[1], b"a") for _ in range(2))),
    "messages of two members": lambda: two_messages(9, message(SIGN[1], b"a"), message(SIGN[2], b"b")),
    "a message of another session": lambda: two_messages(
        9, message(SIGN[1], b"a"), message(SIGN[1], b"b", session=b"\x02" * 32)
    ),
    "a message as another sender": lambda: two_messages(9, message(SIGN[1], b"a"), message(SIGN[1], b"b", sender=3)),
    "no signature": lambda: two_messages(9, message(SIGN[1], b"a"), message(lambda _: bytes(65), b"b")),
}  # fmt: skip


def _other_attempt(slots: tuple[int, ...]) -> Certificate:
    certificate = of_owners(whole(), slots)
    return replace(certificate, proof=replace(certificate.proof, gram=certificate.proof.knowledge))


def _moved(certificate: Certificate) -> Certificate:
    owners = tuple(replace(header, owner_index=header.owner_index + 5) for header in certificate.statement.owners)
    return replace(certificate, statement=replace(certificate.statement, owners=owners))


@pytest.mark.parametrize("name", INNOCENT)
def test_what_an_honest_prover_may_have_signed_is_no_evidence_and_is_not_kept(name: str, tmp_path: Path) -> None:
    innocent = INNOCENT[name]()
    try:
        guilty = innocent.culprit()
    except NoEvidenceError:
        guilty = None
    # A digest that nobody signed recovers to a key of nobody.
    assert guilty not in COMMITTEE.members
    if guilty is None:
        with pytest.raises(NoEvidenceError):
            EvidenceFiles(tmp_path / "evidence").keep(innocent)
        assert not (tmp_path / "evidence").exists()


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", '{"evidence": {"kind": "treason"}, "version": 2}', "9" * 5000, '{"a":' * 5000, "x" * (1 << 19)],
)
def test_files_that_hold_something_else_are_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "evidence.json").write_text(text)
    with pytest.raises(InvalidInputError, match="is no evidence of this release"):
        load_evidence(tmp_path / "evidence.json")
    with pytest.raises(UnknownError):
        load_evidence(tmp_path / "nothing")


def test_a_file_that_was_changed_is_no_evidence(tmp_path: Path) -> None:
    """Sizes and ranges are checked when it is read, everything else when its culprit is asked for."""
    path = EvidenceFiles(tmp_path).keep(meeting())
    assert path is not None
    text = path.read_text()
    for old, new in (('"version": 2', '"version": 1'), ("46" * 32, "46" * 31), ('"square_norm": ', '"square_norm": -')):
        path.write_text(text.replace(old, new))
        with pytest.raises(InvalidInputError, match="is no evidence of this release"):
            load_evidence(path)
    path.write_text(text.replace("46" * 32, "47" * 32, 1))
    with pytest.raises(NoEvidenceError, match="signed the one"):
        load_evidence(path).culprit()


# What is noticed.


def test_two_messages_for_one_step_are_noticed_whoever_was_asked_between() -> None:
    heard = Witness()
    first, second = (message(SIGN[1], body, step=Step.PROVE) for body in (b"a", b"b"))
    assert heard.message(COMMITTEE, 1, first) is None
    assert heard.message(COMMITTEE, 2, message(SIGN[2], b"c", step=Step.PROVE)) is None
    assert heard.message(COMMITTEE, 1, first) is None
    found = heard.message(COMMITTEE, 1, second)
    assert found is not None
    assert found.culprit() == COMMITTEE.members[1]


def test_nothing_is_held_against_who_did_not_sign() -> None:
    """Whoever sits on the line sends junk in a prover's name, before its own word or after it."""
    for junk_first in (True, False):
        heard = Witness()
        own, junk = message(SIGN[1], b"a"), message(SIGN[2], b"b")
        for each in (junk, own) if junk_first else (own, junk):
            assert heard.message(COMMITTEE, 1, each) is None
        assert heard.message(COMMITTEE, 1, own) is None
        found = heard.message(COMMITTEE, 1, message(SIGN[1], b"c"))
        assert found is not None, "its own word was remembered"
        assert found.culprit() == COMMITTEE.members[1]


def test_who_attested_two_sets_that_meet_is_noticed_and_nobody_else() -> None:
    seen = Witness()
    (first, second, apart) = (of_owners(whole(), slots) for slots in ((0, 1), (1, 2), (2,)))
    low = replace(TERMS, rounds=8)  # not those of the batch, so that one owner is not too few
    assert not seen.certificate(attested(first, ATTESTERS, {0: SIGN[0], 1: SIGN[1]}), ATTESTERS, low)
    assert not seen.certificate(attested(apart, ATTESTERS, {1: SIGN[1]}), ATTESTERS, low)
    assert not seen.certificate(attested(first, ATTESTERS, {2: SIGN[2]}), ATTESTERS, low)
    forged = attested(second, ATTESTERS, {0: SIGN[3], 3: SIGN[3]})
    assert not seen.certificate(forged, ATTESTERS, low)
    found = seen.certificate(attested(second, ATTESTERS, {1: SIGN[1], 2: SIGN[2]}), ATTESTERS, low)
    # Member 1 attested the set beside it as well, member 3 its own alone, and member 0's word for it is forged.
    assert {evidence.culprit() for evidence in found} == {COMMITTEE.members[1], COMMITTEE.members[2]}


def test_a_wrong_sum_and_too_few_owners_are_noticed_of_everybody_who_attested_them() -> None:
    signing = {0: SIGN[0], 2: SIGN[2]}
    for certificate in (with_false_sum(whole()), of_owners(whole(), (1,))):
        found = Witness().certificate(attested(certificate, ATTESTERS, signing), ATTESTERS, TERMS)
        assert {evidence.culprit() for evidence in found} == {COMMITTEE.members[0], COMMITTEE.members[2]}
        assert not Witness().certificate(certificate, ATTESTERS, TERMS), "nobody attested it"
    assert not Witness().certificate(
        attested(of_owners(whole(), (1,)), ATTESTERS, signing), ATTESTERS, replace(TERMS, rounds=8)
    ), "these are not the terms that were attested"


def test_what_is_remembered_and_what_is_written_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("commons.protocol.witness._MESSAGES", 5)
    heard = Witness()
    for nth in range(20):
        heard.message(COMMITTEE, 1, message(SIGN[1], b"a", session=bytes([nth]) * 32))
    assert len(heard._messages) == 5
    monkeypatch.setattr(evidencefiles, "_MOST_FILES", 2)
    files = EvidenceFiles(tmp_path)
    kept = [files.keep(twice(who)) for who in (0, 1, 2)]
    assert [path is None for path in kept] == [False, False, True]
    assert "the directory is full" in caplog.text
    assert len(list(tmp_path.iterdir())) == 2
    assert files.keep(meeting(0)) == kept[0], "one file does for a culprit"


def test_a_watch_is_never_in_the_way(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "evidence").write_text("no directory")
    watch = Watch(EvidenceFiles(tmp_path / "evidence"))
    for body in (b"a", b"b"):
        watch.replies(COMMITTEE, {1: _reply(message(SIGN[1], body)), 2: None})
    watch.certificates([attested(of_owners(whole(), (1,)), ATTESTERS, {0: SIGN[0]})], ATTESTERS, TERMS)
    for body in (b"a", b"b"):
        watch.replies(COMMITTEE, {1: _reply(message(SIGN[1], body, session=b"\x01" * 64))})
    assert caplog.text.count("event=evidence-not-kept") == 3, "two cannot be written, one has a session that is none"


def test_a_mistake_of_the_watch_or_a_directory_that_cannot_be_read_is_no_trouble_of_who_is_looking(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch, given = Watch(EvidenceFiles(tmp_path / "evidence")), attested(whole(), ATTESTERS, {0: SIGN[0]})
    flawed = attested(of_owners(whole(), (1,)), ATTESTERS, {0: SIGN[0]})
    with monkeypatch.context() as patch:
        patch.setattr(Witness, "message", failing)
        patch.setattr(Witness, "certificate", failing)
        watch.replies(COMMITTEE, {1: _reply(message(SIGN[1], b"a"))})
        assert not watch.certificate(given, ATTESTERS, TERMS)
    assert caplog.text.count("event=evidence-error") == 2
    with monkeypatch.context() as patch:
        patch.setattr(Path, "exists", failing)
        assert not watch.certificate(flawed, ATTESTERS, TERMS)
    assert "event=evidence-not-kept code=storage" in caplog.text
    assert watch.certificate(given, ATTESTERS, TERMS)
    assert watch.certificate(flawed, ATTESTERS, TERMS)


def failing(*_: object) -> None:
    raise PermissionError(13, "Permission denied")


def _reply(given: Message) -> StepReply:
    return StepReply(given)


@pytest.mark.parametrize("amount", [0, 1, 3, 4, 101, 10**18 + 3])
def test_a_bond_is_divided_as_the_contract_does(amount: int) -> None:
    for harmed in (True, False):
        parts = Forfeit.of(amount, harmed=harmed)
        assert parts.reporter + parts.harmed + parts.burnt == amount
        assert (parts.reporter, parts.harmed) == (amount // 4, amount // 4 if harmed else 0)
        assert 2 * parts.burnt >= amount
