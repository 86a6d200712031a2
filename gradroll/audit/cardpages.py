"""A model card as a page for people: one file of HTML, without scripts, and nothing is loaded from elsewhere.

Everything that a card says is a stranger's, so every value is escaped here, whatever its decoder checked before.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from html import escape

from commons.protocol.trainingdecisions import Decision, DecisionKind
from commons.runtime.amounts import checksum
from commons.runtime.identifiers import shown
from gradroll.audit.modelcards import CardRound, ModelCard

_STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse;margin:1em 0}"
    "th,td{border:1px solid #bbb;padding:.3em .6em;text-align:left;vertical-align:top;overflow-wrap:anywhere}"
    "code{font-size:.85em}"
)
_HEAD = (
    '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
    f"<title>Model card</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
)
_CHECK = (
    "This page proves nothing by itself. The file card.json beside it says the same for programs, and "
    "<code>gradroll model verify card.json</code> holds every field of it against the chain "
    "and computes the models again."
)


def page(card: ModelCard) -> str:
    """The page of a card."""
    owners = sum(each.owners for each in card.rounds)
    parts = (
        f"<h1>Model card of task {_code(shown(card.task))}</h1>\n<p>{_CHECK}</p>\n",
        _table(_place(card)),
        f"<h2>Privacy of the data owners</h2>\n{_table(_privacy(card))}",
        f"<h2>Training</h2>\n{_training(card)}",
        f"<h2>Decisions</h2>\n{_decisions(card)}",
        f"<h2>Rounds</h2>\n<p>{len(card.rounds)} rounds, {owners} gradients in all.</p>\n{_rounds(card.rounds)}",
    )
    return f"{_HEAD}{''.join(parts)}</body>\n</html>\n"


def _place(card: ModelCard) -> list[tuple[str, str]]:
    none = "none: the rule gives none"
    if card.training is None or not card.privacy.public_sums:
        none = "not on record: no training rule, or no public sums"
    final = _code(_hex(card.final_model)) if card.final_model else none
    return [
        ("chain", escape(str(card.chain_id))), ("market", _code(checksum(card.market))),
        ("deployment", _code(_hex(card.deployment))), ("hash of the terms", _code(_hex(card.terms_hash))),
        ("final model (Keccak-256)", final),
    ]  # fmt: skip


def _privacy(card: ModelCard) -> list[tuple[str, str]]:
    own = card.privacy
    graded = f"{own.millibits / 1000:.3f} bits a round at most" if own.millibits else "nothing: there are none"
    sums = "everybody can read them" if own.public_sums else "only the model owner can read them"
    if not own.public_sums and card.training is not None:
        sums += ", but whoever has the models before and after a round computes them by the training rule"
    return [
        ("committee", f"{_code(shown(own.committee))}, {own.provers} provers"),
        ("provers that collude and learn nothing of a gradient", str(own.threshold)),
        ("gradients in a sum, at least", str(own.min_owners)),
        ("what grades tell about an owner's data", graded),
        ("sums of gradients", sums),
    ]


def _training(card: ModelCard) -> str:
    if card.manifest is None:
        return "<p>The task has no manifest: nothing says how its models follow from each other.</p>\n"
    stated = json.loads(card.manifest.encoded)
    digest = ("digest of the manifest", _code(_hex(card.manifest.digest)))
    return _table([digest, *((escape(str(name)), _value(value)) for name, value in stated.items())])


def _value(value: object) -> str:
    """Any value of the manifest's JSON."""
    if isinstance(value, Mapping):
        return _table([(escape(str(name)), _value(part)) for name, part in value.items()])
    if isinstance(value, list):
        return "".join(f"<div>{_value(part)}</div>" for part in value)
    return escape(str(value))


def _decisions(card: ModelCard) -> str:
    if not card.decisions:
        return "<p>None: everything follows from the rule.</p>\n"
    rows = [
        (f"after round {each.decision.round}", f"{_decided(each.decision)}, signed by {_code(checksum(each.signer))}")
        for each in card.decisions
    ]
    return f"<p>Signed by the model owner, and not to be computed:</p>\n{_table(rows)}"


def _decided(decision: Decision) -> str:
    if decision.kind is DecisionKind.STOP:
        return "the training ends"
    return f"metric on the validation set: {decision.value / 10**6:.6f}"


def _rounds(rounds: Iterable[CardRound]) -> str:
    head = "".join(f"<th>{name}</th>" for name in ("round", "model (Keccak-256)", "gradients", "weight", "batches"))
    rows = (
        f"<tr><td>{each.number}</td><td>{_code(_hex(each.model))}</td><td>{each.owners}</td><td>{each.weight}</td>"
        f"<td>{'<br>'.join(_code(_hex(batch)) for batch in each.batches)}</td></tr>\n"
        for each in rounds
    )
    return f"<table>\n<tr>{head}</tr>\n{''.join(rows)}</table>\n"


def _table(rows: Iterable[tuple[str, str]]) -> str:
    """A table of names and values, both HTML already."""
    return f"<table>\n{''.join(f'<tr><th>{name}</th><td>{value}</td></tr>' for name, value in rows)}\n</table>\n"


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def _hex(data: bytes) -> str:
    return f"0x{data.hex()}"
