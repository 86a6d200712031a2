"""Model cards: one encoding, bounds for everything, and a page that runs nothing whatever a card says."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from circuits.errors import InvalidInputError
from commons.protocol import decisionlists
from commons.protocol.modelmanifests import Block, ModelManifest
from commons.protocol.trainingdecisions import Decision, DecisionKind, SignedDecision
from commons.protocol.trainingrules import Dyadic, Sgd, TrainingRule
from gradroll.audit import modelcards
from gradroll.audit.cardpages import page
from gradroll.audit.modelcards import CardPrivacy, CardRound, ModelCard
from tests.support.parts import with_parts

MANIFEST = ModelManifest((Block("weights", 8, 16), Block("bias", 2, 12)), 10)

DECISION = SignedDecision(
    Decision(0x3FA9 << 48, b"\x44" * 32, 1, b"\x02" * 32, DecisionKind.METRIC, -7), bytes(20), bytes(65)
)


def card(**changes: object) -> ModelCard:
    """A card of three rounds, of which the second got no batch."""
    rounds = (
        CardRound(0, b"\x01" * 32, 5, 5, (b"\x11" * 32, b"\x12" * 32)),
        CardRound(1, b"\x02" * 32, 0, 0, ()),
        CardRound(2, b"\x02" * 32, 2, 2, (b"\x13" * 32,)),
    )
    usual = ModelCard(
        31337, b"\x42" * 20, b"\x43" * 32, 0x3FA9 << 48, b"\x44" * 32, CardPrivacy(7, 4, 1, 2, 0, 1), rounds, MANIFEST,
        b"\x03" * 32, (DECISION,),
    )  # fmt: skip
    return with_parts(usual, **changes)


def stated(**changes: object) -> dict[str, Any]:
    return {**json.loads(card().encoded), **changes}


def encoded(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def test_a_card_is_what_it_was() -> None:
    for each in (card(), card(manifest=None, final_model=b""), card(rounds=())):
        assert ModelCard.decode(each.encoded) == each


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data + b"\n",
        lambda data: data.replace(b'"version":1', b'"version": 1'),
        lambda data: data.replace(b'"version":1', b'"version":1,"version":1'),
        lambda data: data.replace(b'"version":1', b'"version":1,"zzz":1'),
        lambda data: data.replace(b'"version":1', b'"version":1.0'),
        lambda data: data.replace(b'"version":1', b'"version":2'),
        lambda data: data.replace(b'"version":1', b'"version":true'),
        lambda data: data.replace(b'"chain_id":31337', b'"chain_id":31337.0'),
        lambda data: data.replace(b'"0x4242', b'"0X4242'),
        lambda data: data.replace(b"0x1111", b"0x11zz"),
        lambda data: data[:-1],
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: b"[" * 10_000,
        lambda data: b"\x80\x04" + data,
        lambda data: b"",
    ],
)
def test_every_other_encoding_is_refused(change: Callable[[bytes], bytes]) -> None:
    changed = change(card().encoded)
    assert changed != card().encoded
    with pytest.raises(InvalidInputError):
        ModelCard.decode(changed)


def test_the_page_says_what_a_rule_makes_of_private_sums_and_of_a_final_model() -> None:
    rule = TrainingRule(Sgd(40), Dyadic(1, 1), 9)
    trained = card(manifest=replace(MANIFEST, training=rule))
    private = with_parts(trained, privacy=replace(trained.privacy, public_sums=0), final_model=b"")
    assert "computes them by the training rule" in page(private)
    assert "no public sums" in page(private)
    assert "the rule gives none" in page(with_parts(trained, final_model=b""))
    for plain in (trained, card(privacy=private.privacy, final_model=b"")):
        assert "computes them by the training rule" not in page(plain)
        assert "the rule gives none" not in page(plain)


@pytest.mark.parametrize(
    "lie",
    [
        stated(chain_id=-1),
        stated(chain_id=1 << 256),
        stated(chain_id=True),
        stated(chain_id="1"),
        stated(market="0x42"),
        stated(market=""),
        stated(market=None),
        stated(deployment="0x" + "43" * 20),
        stated(task=1 << 64),
        stated(terms_hash="0x" + "43" * 33),
        stated(final_model="0x43"),
        stated(rounds={}),
        stated(rounds=[[]]),
        stated(rounds=stated()["rounds"][1:]),
        stated(rounds=[stated()["rounds"][0] | {"owners": 1 << 16}]),
        stated(rounds=[stated()["rounds"][0] | {"weight": 1 << 18}]),
        stated(rounds=[stated()["rounds"][0] | {"batches": ["0x11"]}]),
        stated(rounds=[stated()["rounds"][0] | {"batches": "0x"}]),
        stated(rounds=[stated()["rounds"][0] | {"batches": ["0x" + "11" * 32] * (1 << 15)}]),
        stated(decisions=None),
        stated(decisions=[{}]),
        stated(decisions=[stated()["decisions"][0] | {"kind": 3}]),
        stated(decisions=[stated()["decisions"][0] | {"kind": True}]),
        stated(decisions=[stated()["decisions"][0] | {"kind": 2}]),
        stated(decisions=[stated()["decisions"][0] | {"value": 10**15 + 1}]),
        stated(decisions=[stated()["decisions"][0] | {"value": 0.5}]),
        stated(decisions=[stated()["decisions"][0] | {"signature": "0x"}]),
        stated(decisions=[stated()["decisions"][0] | {"signer": "0x" + "AB" * 20}]),
        stated(decisions=[stated()["decisions"][0] | {"signer": "0x" + "+1" * 20}]),
        stated(decisions=[stated()["decisions"][0] | {"more": 1}]),
        stated(privacy=None),
        stated(privacy=stated()["privacy"] | {"public_sums": 2}),
        stated(privacy=stated()["privacy"] | {"provers": 257}),
        stated(manifest={}),
        stated(manifest=stated()["manifest"] | {"blocks": []}),
        [],
        "card",
        *({key: value for key, value in stated().items() if key != name} for name in stated()),
    ],
)
def test_what_is_out_of_range_or_missing_is_refused(lie: object) -> None:
    with pytest.raises(InvalidInputError):
        ModelCard.decode(encoded(lie))


def test_a_card_that_is_too_large_is_neither_read_nor_written(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = encoded(stated())
    monkeypatch.setattr(modelcards, "MAX_CARD", len(whole) - 1)
    with pytest.raises(InvalidInputError, match="at most"):
        ModelCard.decode(whole)
    with pytest.raises(InvalidInputError, match="at most"):
        _ = card().encoded


def test_only_so_many_decisions_are_read_or_written(monkeypatch: pytest.MonkeyPatch) -> None:
    two = encoded(stated(decisions=stated()["decisions"] * 2))
    assert len(ModelCard.decode(two).decisions) == 2
    monkeypatch.setattr(decisionlists, "MAX_DECISIONS", 1)
    with pytest.raises(InvalidInputError, match="at most 1"):
        ModelCard.decode(two)
    with pytest.raises(InvalidInputError, match="at most 1"):
        _ = card(decisions=(DECISION, DECISION)).encoded


class Tags(HTMLParser):
    """Every tag and attribute of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def tags_of(text: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Tags()
    parser.feed(text)
    return parser.seen


def test_a_page_runs_nothing_and_loads_nothing() -> None:
    allowed = {
        "html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "table", "tr", "th", "td", "code",
        "div", "br",
    }  # fmt: skip
    text = page(card())
    for tag, attributes in tags_of(text):
        assert tag in allowed
        assert set(attributes) <= {"lang", "charset", "http-equiv", "content"}
    assert "url(" not in text
    assert "@import" not in text
    assert "default-src 'none'" in text


def test_a_page_states_every_field() -> None:
    text = page(card())
    for part in ("31337", "0x3fa9000000000000", "44" * 32, "03" * 32, "13" * 32, "weights", MANIFEST.digest.hex()):
        assert part in text


def test_names_that_are_markup_are_text() -> None:
    """The decoder lets no such name through; the page must not rest on that."""
    name = "<script>alert(1)</script>\"'&"
    block = Block("weights", 10, 16)
    object.__setattr__(block, "name", name)
    text = page(card(manifest=ModelManifest((block,), 10)))
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#x27;&amp;" in text
    assert all(tag != "script" for tag, _ in tags_of(text))
