"""What the table of mistakes finds in its directory: files that are not what they should be, nodes that are none."""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np

from circuits.foreignjson import parse_json
from circuits.terms import MarketId, Pay, Windows
from commons.protocol.hidingschemes import LINEAR, HidingScheme, Layer
from commons.protocol.modelmanifests import Block, ModelManifest
from commons.protocol.strictjson import canonical
from commons.protocol.trainingrules import Dyadic, Plateau, Sgd, TrainingRule
from commons.runtime.identifiers import shown
from commons.storage.accounts import create_account
from commons.storage.hidingkeys import save_hiding_key
from commons.storage.marketbinding import bind
from commons.storage.roundarchives import ArchiveHead
from commons.storage.sumkeys import create_sum_key
from commons.storage.unlock import Unlock
from gradroll.hiddenmodel.hiding import draw_noise, hide
from gradroll.setup.keygen import development_srs
from provers.joining.keystore import Keystore
from tests.gradroll.smallmarket import DIMENSION, REWARD, SmallMarket
from tests.support.certificates import self_signed

SECRET = "s3cr3t"
"""Stands in every URL of the table where a password or a key may; no message shows it."""
_PLATEAU = Plateau("min", Dyadic(1, 1), 1, 0, 1, bytes(32))
RULED = ModelManifest(
    (Block("weights", 2, 20), Block("bias", 1, 4)), 3, TrainingRule(Sgd(40), Dyadic(1, 3), 7, plateau=_PLATEAU)
)
"""Of the task with a training rule, which asks for a metric of each round."""
_SCHEME = HidingScheme((1,), (Layer(LINEAR, 1), Layer(LINEAR, 1)), (0,), (1.0,))
"""The smallest network that can be hidden: four numbers, of which owners hand in ten."""
_HIDDEN = ModelManifest(tuple(Block(name, length, 8) for name, length in _SCHEME.blocks()), 4, hiding=_SCHEME)


@dataclass(frozen=True, slots=True)
class Places:
    """What commands of the table name: addresses that are another time others."""

    values: dict[str, str]

    def filled(self, text: str) -> str:
        for name, value in self.values.items():
            text = text.replace(f"{{{name}}}", value)
        return text


def prepare_tasks(market: SmallMarket) -> dict[str, str]:
    """Make the tasks, and a committee, that the table names; returns their identifiers as they are typed."""
    members = [bytes([number]) * 20 for number in (1, 2, 3, 4)]
    absent = market.writer("operator.json").create_committee(1, members)  # nobody joins it
    tasks = {
        "task": market.task(),  # a round is open, owner 0 is registered
        "bare": market.task(),  # no money, no round
        "closed": market.task(permissioned=True),
        "late": market.task(windows=Windows(submit=1, settle=3600)),  # its round takes no submissions any more
        "free": market.task(pay=Pay()),
        "spent": market.task(rounds=1),  # its only round is open
        "lonely": market.task(committee_id=absent),
        "funded": market.task(),  # money, no round
        "ruled": market.task(manifest=RULED.digest, fraction_bits=20),  # has a training rule; no round
    }
    for name in ("task", "bare", "free"):
        market.writer("owner-0.json").register(tasks[name])
    for name in ("task", "closed", "late", "free", "spent"):
        market.open_round(tasks[name])
    market.writer("model-owner.json").fund(tasks["funded"], 4 * REWARD)
    market.chain.advance(3)
    numbers = tasks | {"absent": absent, "committee": market.local.committee}
    return {name: shown(number) for name, number in numbers.items()}


def prepare_files(market: SmallMarket, numbers: dict[str, str], stub: str, taken: str) -> Places:
    """Write the files; returns what the placeholders of the table mean.

    Args:
        numbers: identifiers that the table names.
        stub: URL of what answers as no node does.
        taken: host:port that somebody listens at.
    """
    place = market.directory
    _arrays(place)
    _keys(place)
    _models(place)
    _settings(market)
    _archives(place, market.local.view().market_id, int(numbers["task"], 16))
    relay = market.local.plan.coordinator
    return Places(
        numbers
        | {"url": market.url, "relay": relay, "taken": taken, "stub": f"{stub}/{SECRET}",
         "owner": "0x" + market.writer("owner-1.json").address.hex(), "verifier": "0x" + market.local.verifier.hex(),
         "market": "0x" + market.local.market.hex(), "coordinator": "0x" + market.local.coordinator.hex(),
         "dead": f"http://user:{SECRET}@{relay}/{SECRET}"}
    )  # fmt: skip


def _arrays(place: Path) -> None:
    good = np.array([0.5, -0.25, 1.0])
    for name, array in {
        "model.npy": good, "other.npy": -good, "long.npy": np.zeros(DIMENSION + 1), "square.npy": good[:, None],
        "nan.npy": np.array([0.5, np.nan, 1.0]), "complex.npy": good.astype(complex), "dates.npy":
        good.astype("M8[s]"), "objects.npy": good.astype(object), "huge.npy": 1e9 * good,
    }.items():  # fmt: skip
        np.save(place / name, array, allow_pickle=True)
    np.savez(place / "archive.npz", gradient=good)
    (place / "tensor.pickle").write_bytes(pickle.dumps([1.0, 2.0]))
    (place / "numbers.txt").write_text("0.5, -0.25, 1.0\n")
    (place / "empty.npy").touch()
    (place / "cut.npy").write_bytes((place / "model.npy").read_bytes()[:-4])


def _keys(place: Path) -> None:
    for name in ("poor.json", "shared.json", "cut.json", "busy.json", "damaged.json"):
        create_account(place / name)
    (place / "shared.json").chmod(0o644)
    create_account(place / "sealed.json", Unlock(lambda: "the right one"))
    (place / "passphrase").write_text("another\n")
    (place / "passphrase").chmod(0o600)
    with (place / "cut.json").open("r+b") as file:
        file.truncate(20)
    (place / "damaged.json.outbox").write_text("{")
    Keystore.create(place / "stranger")
    development_srs("another", 256).save(place / "other.gsrs")
    (place / "cut.gsrs").write_bytes((place / "other.gsrs").read_bytes()[:-64])
    (place / "no-keys").mkdir()
    bind(place / "foreign", MarketId(1, bytes(20), bytes(32)), "")
    self_signed(place / "tls-a")
    self_signed(place / "tls-b")


def _models(place: Path) -> None:
    """Manifests, and a hidden model with its view and its secret."""
    both = parse_json(_HIDDEN.encoded) | {"training": parse_json(RULED.encoded)["training"]}
    for name, raw in {
        "ruled.json": RULED.encoded, "hidden.json": _HIDDEN.encoded, "both.json": canonical(both),
        "network.json": canonical(_SCHEME.to_json()),
    }.items():  # fmt: skip
        (place / name).write_bytes(raw)
    create_sum_key(place / "sums.key")
    model, key = np.array([0.5, -0.25, 1.0, 2.0]), bytes(range(32))
    save_hiding_key(place / "hiding.key", key, _SCHEME)
    save_hiding_key(place / "wider.key", key, replace(_SCHEME, gamma=(2.0,)))
    np.save(place / "hidden.npy", model)
    np.save(place / "later.npy", 2 * model)
    np.save(place / "view.npy", hide(_SCHEME, model, draw_noise(_SCHEME, model, key, _SCHEME.digest)))
    np.save(place / "hidden-sum.npy", np.ones(_SCHEME.handed_in))
    np.save(place / "samples.npy", np.ones((5, 1)))


def _archives(place: Path, market: MarketId, task: int) -> None:
    foreign = ArchiveHead(MarketId(1, bytes(20), bytes(32)), 0, 0, 1, 0).encode()
    (place / "foreign.archive").write_bytes(foreign)
    (place / "later.archive").write_bytes(foreign[:15] + b"\x02" + foreign[16:])
    (place / "round-7.archive").write_bytes(ArchiveHead(market, task, 7, 1, 0).encode())


def _settings(market: SmallMarket) -> None:
    place = market.directory
    owner = (place / "owner-0.toml").read_text()
    for name, text in {
        "typo.toml": '[chain]\nulr = "http://127.0.0.1:8545"\n', "section.toml": '[chains]\nurl = "http://x:1"\n',
        "range.toml": "[chain]\ntimeout = 0\n", "kind.toml": '[chain]\nchain_id = "mainnet"\n',
        "broken.toml": "[chain\n", "production.toml": owner.replace("development = true", "development = false"),
    }.items():  # fmt: skip
        (place / name).write_text(text)
    (place / "latin.toml").write_bytes(b'[owner]\naccount = "schl\xfcssel.json"\n')


@contextmanager
def no_node() -> Iterator[str]:
    """A server that answers as no node does: with the status at the end of the path, a page, or late; gives its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Stub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


class _Stub(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        wanted = self.path.rpartition("/")[2]
        body = b"<html>please log in</html>"
        if wanted == "late":
            time.sleep(1.5)
        self.send_response(int(wanted) if wanted.isdigit() else 200)
        if wanted == "302":
            self.send_header("Location", f"https://example.org/{SECRET}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(BrokenPipeError):  # who asked has waited long enough
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        return None
