"""An external signer has the key of an account: what it signs is what was asked, or nothing is sent."""

from __future__ import annotations

import json
import logging
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from eth_utils.address import to_checksum_address
from hexbytes import HexBytes

from circuits.errors import ChainError, ConfigError, SignerError
from circuits.hashing import keccak
from commons.chain.account import ChainAccount
from commons.chain.calldata import contract_errors
from commons.chain.devchain import CHAIN_ID, DevChain
from commons.chain.externalsigner import ExternalSigner, signer_of
from commons.chain.outbox import Outbox
from commons.chain.patience import Patience
from commons.chain.rpc import ErrorTable, Rpc
from commons.chain.signedtransactions import NotSignedError, decode_signed, require_signed
from commons.chain.transactions import Sender
from commons.protocol.signing import recover
from commons.runtime.scrubbing import scrubbed
from commons.settings.accountplaces import SignerPlace, parse_account
from commons.settings.signersettings import SignerSettings
from commons.storage.accounts import SigningKey
from commons.storage.unlock import LOCKED
from tests.support.certificates import self_signed
from tests.support.poolnode import CONTRACT, GAS, KEY, PATIENCE, Killed, PoolNode, Terminal
from tests.support.signerserver import Reply, SignerServer, high, resigned

OTHER = SigningKey.from_secret(b"\x09" * 32)
CALL: dict[str, Any] = {
    "from": to_checksum_address(KEY.address), "to": to_checksum_address(CONTRACT), "data": "0x1234", "value": 5,
    "gas": 10**6, "nonce": 3, "chainId": 5, "maxFeePerGas": 3 * GAS, "maxPriorityFeePerGas": GAS,
}  # fmt: skip
FIELDS = ("chainId", "nonce", "maxPriorityFeePerGas", "maxFeePerGas", "gas", "value")
SECRETS = ("hunter2", "APIKEY", "user:")


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests in other processes have the same accounts; they take no turns with these."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def server() -> Iterator[SignerServer]:
    with SignerServer(KEY) as running:
        yield running


def signer(server: SignerServer, **own: Any) -> ExternalSigner:
    return ExternalSigner(server.place, SignerSettings.model_construct(**own))


def sender(node: PoolNode, server: SignerServer, outbox: Outbox | None = None, patience: Patience = PATIENCE) -> Sender:
    rpc = Rpc("http://node", ErrorTable(()))
    rpc.web3.provider = node
    return Sender(rpc, signer(server), patience, outbox=outbox)


def replying(status: int, body: bytes, **headers: str) -> Callable[[Reply], Reply]:
    return lambda _: (status, headers, body)


def answering(**answer: Any) -> Callable[[Reply], Reply]:
    """A right answer with other values."""

    def changed(reply: Reply) -> Reply:
        return 200, {}, json.dumps({**json.loads(reply[2]), **answer}).encode()

    return changed


# What is honest is sent.


def test_an_account_sends_and_creates_by_an_external_signer_on_a_chain() -> None:
    chain = DevChain()
    url = chain.start()
    try:
        with SignerServer(chain.accounts[0], CHAIN_ID) as server:
            sending = Sender(Rpc(url, contract_errors()), signer(server), Patience(poll=0.01))
            sending.send(CONTRACT, b"", gas=50_000, value=7)
            created = sending.send(None, bytes.fromhex("600160005360016000f3"), gas=200_000)
            assert sending.rpc.code(created.created) == b"\x01"
            assert sending.rpc.web3.eth.get_balance(to_checksum_address(CONTRACT)) == 7
            assert server.count("eth_signTransaction") == 2
    finally:
        chain.stop()


def test_what_it_signs_is_what_a_key_file_would_have_signed(server: SignerServer) -> None:
    assert signer(server).sign_transaction(CALL) == KEY.sign_transaction(CALL)
    created = {name: value for name, value in CALL.items() if name != "to"}
    assert signer(server).sign_transaction(created) == KEY.sign_transaction(created)
    assert signer(server).sign_message(b"a model") == KEY.sign_message(b"a model")
    assert recover(keccak(b"a model"), KEY.sign_message(b"a model")) == KEY.address


def test_a_writer_signs_messages_by_it(server: SignerServer) -> None:
    class View:
        rpc = Rpc("http://node", ErrorTable(()))

    account = ChainAccount(View(), signer(server))  # type: ignore[arg-type]
    assert account.sign_message(b"an order") == KEY.sign_message(b"an order")
    with pytest.raises(SignerError, match=r"is at an external signer, which signs no gradients .* use a key file"):
        account.sign(keccak(b"a gradient"))


def test_the_key_is_looked_for_once(server: SignerServer) -> None:
    own = signer(server)
    for _ in range(2):
        own.sign_message(b"a model")
    assert (server.count("publicKeys"), server.count("sign")) == (1, 2)


def test_a_key_file_is_opened_as_before(tmp_path: Path) -> None:
    from commons.storage.accounts import create_account  # noqa: PLC0415

    key = create_account(tmp_path / "key")
    assert signer_of(tmp_path / "key", LOCKED, SignerSettings()) == key


def test_a_signer_is_asked_for_the_key_before_anything_is_begun(server: SignerServer) -> None:
    own = SignerSettings()
    assert signer_of(server.place, LOCKED, own).address == KEY.address
    shown: Any
    for shown in ([], {}, None, "0x" + KEY.address.hex(), [7, None], ["0x" + OTHER.address.hex()]):
        server.accounts = shown
        with pytest.raises(SignerError, match=r"shows no key of account 0x.*; give it the key|no answer"):
            signer_of(server.place, LOCKED, own)
    assert not server.count("eth_signTransaction")


# What is not is refused, and nothing is sent.


@pytest.mark.parametrize("name", FIELDS)
def test_a_transaction_with_another_number_is_not_sent(server: SignerServer, name: str) -> None:
    node = PoolNode()
    server.fields = lambda call: {**call, name: call[name] + 1}
    with pytest.raises(SignerError, match=f"has another {name} than what was to be signed; check"):
        sender(node, server).send(CONTRACT, b"fund", gas=10**6, value=7)
    assert "eth_sendRawTransaction" not in node.asked and not node.mined


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"to": to_checksum_address("0x" + "bb" * 20)}, "has another to"),
        ({"to": b""}, "has another to"),
        ({"data": b"other"}, "has another data"),
        ({"data": b""}, "has another data"),
        ({"accessList": [{"address": "0x" + "bb" * 20, "storageKeys": ()}]}, "has lists in it"),
        ({"gasPrice": GAS, "maxFeePerGas": None, "maxPriorityFeePerGas": None}, "no transaction with fees as of"),
    ],
)
def test_another_transaction_is_not_sent(server: SignerServer, change: dict[str, Any], words: str) -> None:
    node = PoolNode()
    server.fields = lambda call: {k: v for k, v in {**call, **change}.items() if v is not None}
    with pytest.raises(SignerError, match=words):
        sender(node, server).send(CONTRACT, b"fund", gas=10**6, value=7)
    assert "eth_sendRawTransaction" not in node.asked


def with_high_s(raw: bytes) -> bytes:
    found = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
    plain = found["r"].to_bytes(32, "big") + found["s"].to_bytes(32, "big") + bytes((27 + found["v"],))
    return resigned(found, high(plain))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (with_high_s, "has no sound signature: .* upper half"),
        (lambda raw: raw + b"\0", "cannot be read|has lists"),
        (lambda raw: raw[:-1], "cannot be read"),
        (lambda raw: b"\x02" + b"\xc1" * 50_000, "has lists in it"),
        (lambda raw: b"\x02" + b"\xf9\xff\xff" * 50_000, "has lists in it"),
        (lambda raw: b"\x02" * (2 << 17), "cannot be read"),
        (lambda raw: raw[1:], "no transaction with fees as of"),
        (lambda raw: b"", "bytes of a transaction"),
    ],
)
def test_bytes_that_are_no_sound_transaction_are_not_sent(
    server: SignerServer, spoil: Callable[[bytes], bytes], words: str
) -> None:
    server.spoil = spoil
    with pytest.raises(SignerError, match=words):
        signer(server).sign_transaction(CALL)


def test_a_transaction_of_another_key_is_not_sent(server: SignerServer) -> None:
    server.signer = OTHER
    with pytest.raises(SignerError, match=f"is signed by 0x{OTHER.address.hex()}, not by 0x{KEY.address.hex()}"):
        signer(server).sign_transaction(CALL)


def test_a_signature_that_was_made_before_serves_no_other_transaction(server: SignerServer) -> None:
    """A signer that gives an earlier answer again would have the same money sent twice."""
    before = signer(server).sign_transaction(CALL)
    server.spoil = lambda _: before
    with pytest.raises(SignerError, match="another nonce"):
        signer(server).sign_transaction({**CALL, "nonce": 4})


def test_a_transaction_has_one_encoding() -> None:
    raw = KEY.sign_transaction(CALL)
    assert decode_signed(raw).raw == raw
    assert raw[1] == 0xF8 and raw[3] == 0x05  # the length of the list, then the chain's number
    longer = b"\x02\xf8" + bytes((raw[2] + 1,)) + b"\x81\x05" + raw[4:]
    with pytest.raises(NotSignedError):
        decode_signed(longer)
    require_signed(raw, CALL, KEY.address)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (high, "is of no use: .* upper half"),
        (lambda signed: OTHER.sign_message(b"a model"), "is of no use: what it was to sign is signed by"),
        (lambda signed: signed[:64], "something else than 65 bytes"),
        (lambda signed: signed + b"\0", "something else than 65 bytes"),
        (lambda signed: signed[:64] + b"\x01", "is of no use"),
        (lambda signed: KEY.sign_message(b"another model"), "is of no use"),
    ],
)
def test_a_signature_of_something_else_is_not_used(
    server: SignerServer, spoil: Callable[[bytes], bytes], words: str
) -> None:
    server.spoil = spoil
    with pytest.raises(SignerError, match=words):
        signer(server).sign_message(b"a model")


@pytest.mark.parametrize("shown", [b"[]", b"{}", b'[7, null, "0x12"]', b"[" * 100_000, b"\xff"])
def test_a_signer_that_shows_no_key_of_the_account_is_named(server: SignerServer, shown: bytes) -> None:
    server.said = replying(200, shown)
    with pytest.raises(SignerError, match=r"shows no key of account 0x|something else than a list of keys"):
        signer(server).sign_message(b"a model")


# What fails has a name, shows no secret, and is not tried again.


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (replying(200, b"<html>"), "is it a signer"),
        (replying(200, b"[]"), "is it a signer"),
        (replying(200, b"[" * 100_000), "is it a signer"),
        (replying(200, b" " * (2 << 20)), "answers with over 1 MiB"),
        (replying(301, b"", Location="http://127.0.0.1:1/hunter2"), "elsewhere with HTTP status 301, which is not"),
        (replying(304, b""), "sends elsewhere with HTTP status 304"),
        (replying(401, b""), "refuses these credentials .HTTP status 401.; correct the password"),
        (replying(403, b""), "refuses these credentials"),
        (replying(404, b""), "has not this key, or not this API"),
        (replying(500, b"hunter2"), "answers with HTTP status 500; look at its log"),
        (replying(429, b""), "answers with HTTP status 429"),
        (answering(id=0), "no answer to what it was asked"),
        (answering(result=None), "bytes of a transaction"),
        (answering(result=["0x02"]), "bytes of a transaction"),
        (answering(result="0x2"), "bytes of a transaction"),
        (answering(error={"message": "locked\x1b[2J" + "x" * 500}), r"refuses to sign: 'locked \[2Jx+'"),
        (answering(error=7), "refuses to sign: 'it does not say why'; see that it has the key of 0x"),
    ],
)  # fmt: skip
def test_each_way_to_fail_has_its_name(server: SignerServer, said: Callable[[Reply], Reply], words: str) -> None:
    server.said = said
    with pytest.raises(SignerError, match=words) as failed:
        signer(server).sign_transaction(CALL)
    assert server.asked == ["eth_signTransaction"]
    assert f"the signer at http://localhost:{server.port} " in str(failed.value)
    assert not any(secret in f"{failed.value!r}" for secret in SECRETS)
    assert failed.value.__cause__ is None or not any(secret in repr(failed.value.__cause__) for secret in SECRETS)


def test_a_signer_that_hangs_is_given_up(server: SignerServer) -> None:
    ended = threading.Event()

    def hang(reply: Reply) -> Reply:
        ended.wait(60)
        return reply

    server.said = hang
    with pytest.raises(SignerError, match=r"has not answered within 0\.2 s; look at its log, or raise signer.timeout"):
        signer(server, timeout=0.2).sign_transaction(CALL)
    ended.set()


def test_a_signer_that_sends_headers_without_end_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def drip() -> None:
            line, _ = listening.accept()
            with line:
                try:
                    line.sendall(b"HTTP/1.1 200 OK\r\n")
                    while True:
                        line.sendall(b"X: y\r\n")
                        threading.Event().wait(0.01)
                except OSError:
                    return

        threading.Thread(target=drip, daemon=True).start()
        with SignerServer(KEY) as server:
            server.port = listening.getsockname()[1]
            with pytest.raises(SignerError, match=r"has not answered within|no HTTP|cannot be reached"):
                signer(server, timeout=0.3).sign_transaction(CALL)


def test_a_signer_that_is_not_there_is_named() -> None:
    with SignerServer(KEY) as server:
        place = signer(server)
    with pytest.raises(SignerError, match="cannot be reached; is it running"):
        place.sign_transaction(CALL)


def test_its_password_and_path_are_in_no_line(server: SignerServer, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        signer(server).sign_transaction(CALL)
    assert server.headers["Authorization"].startswith("Basic ")
    text = "\n".join(scrubbed(record.getMessage()) for record in caplog.records) + repr(server.place)
    assert "localhost" in text
    assert not any(secret in text for secret in SECRETS)
    assert str(server.place) == f"http://localhost:{server.port}#{Account.from_key(KEY.secret_bytes()).address}"
    assert scrubbed(f"0x{KEY.address.hex()}") == f"0x{KEY.address.hex()}", "the address is no secret"


def test_what_it_echoes_of_its_password_and_path_is_not_shown(server: SignerServer) -> None:
    echo = json.dumps({"jsonrpc": "2.0", "id": 1, "error": {"code": -1, "message": " ".join(("denied", *SECRETS))}})
    place = signer(server)
    server.said = replying(200, echo.encode())
    with pytest.raises(SignerError, match="denied") as caught:
        place.sign_transaction(CALL)
    assert not any(secret in str(caught.value) for secret in SECRETS)


def test_nothing_of_the_environment_decides_how_it_is_reached(
    server: SignerServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    (tmp_path / "netrc").write_text("machine localhost login another password another\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    place = parse_account(server.written.replace("user:hunter2@", ""))
    assert isinstance(place, SignerPlace)
    assert ExternalSigner(place, SignerSettings()).sign_transaction(CALL)
    assert "Authorization" not in server.headers


def test_over_tls_it_is_trusted_by_the_certificates_that_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity, others = self_signed(tmp_path / "signer"), self_signed(tmp_path / "others")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(identity[0]))
    with SignerServer(KEY, identity=identity) as server:
        assert signer(server, tls_roots=identity[0]).sign_transaction(CALL)
        for roots in (others[0], None):
            with pytest.raises(SignerError, match=r"do not agree on TLS: .*signer\.tls_roots"):
                signer(server, tls_roots=roots).sign_transaction(CALL)
        assert server.count("eth_signTransaction") == 1


def test_it_is_shown_the_certificate_that_is_named(tmp_path: Path) -> None:
    identity, client = self_signed(tmp_path / "signer"), self_signed(tmp_path / "client")
    with SignerServer(KEY, identity=identity, clients=client[0]) as server:
        known = {"tls_roots": identity[0], "tls_certificate": client[0], "tls_key": client[1]}
        assert signer(server, **known).sign_transaction(CALL)
        with pytest.raises(SignerError):
            signer(server, tls_roots=identity[0]).sign_transaction(CALL)
        assert server.count("eth_signTransaction") == 1
        for wrong, words in (
            ({"tls_key": identity[1]}, "signer.tls_key does not belong to signer.tls_certificate"),
            ({"tls_key": tmp_path / "absent"}, "signer.tls_key: .* cannot be read"),
            ({"tls_certificate": client[1]}, "signer.tls_certificate: .* holds no PEM certificate"),
            ({"tls_roots": client[1]}, "signer.tls_roots: .* holds no PEM certificate"),
            ({"tls_roots": tmp_path / "absent"}, "signer.tls_roots: .*cannot be read .No such file"),
            ({"tls_key": None}, "tls_key is missing"),
        ):
            with pytest.raises(ConfigError, match=words):
                signer(server, **{**known, **wrong})


# No variant is signed twice.


def test_a_variant_is_not_signed_again_by_a_process_that_goes_on(server: SignerServer, tmp_path: Path) -> None:
    """Hardware signs the same in another way: a second hash of one variant would be one more to look for."""
    node = PoolNode(mines=False, kill_at="eth_getTransactionReceipt")
    server.deterministic = False
    with Outbox(tmp_path / "outbox") as outbox, pytest.raises(Killed):
        sender(node, server, outbox).send(CONTRACT, b"fund", gas=10**6, value=7)
    node.kill_at, limit = "", 2 * GAS + PATIENCE.tip
    hashes = [sent for sent, _ in node.pool.values()]
    stuck = replace(PATIENCE, max_fee=limit, give_up=0.2)  # no room for a higher bid
    with Outbox(tmp_path / "outbox") as outbox, pytest.raises(ChainError, match="was not mined"):
        sender(node, server, outbox, stuck).send(CONTRACT, b"fund", gas=10**6, value=7)
    node.mines = True
    node.mine()
    with Outbox(tmp_path / "outbox") as outbox:
        assert sender(node, server, outbox).send(CONTRACT, b"fund", gas=10**6, value=7).earlier
    assert server.count("eth_signTransaction") == 1
    assert [sent for sent, _ in node.mined] == hashes
    assert node.paid == 7


def test_a_signer_that_fails_while_a_variant_is_under_way_does_not_lose_it(
    server: SignerServer, tmp_path: Path
) -> None:
    node = PoolNode(mines=False)
    refuse = answering(error={"message": "locked"})
    server.said = lambda reply: reply if server.count("eth_signTransaction") == 1 else refuse(reply)
    patience = replace(PATIENCE, resend=0.05, doubt=0.05)
    with (
        Outbox(tmp_path / "outbox") as outbox,
        pytest.raises(ChainError, match="may be under way: run the command again"),
    ):
        sender(node, server, outbox, patience).send(CONTRACT, b"fund", gas=10**6, value=7)
    node.mines = True
    node.mine()
    with Outbox(tmp_path / "outbox") as outbox:
        assert sender(node, server, outbox).send(CONTRACT, b"fund", gas=10**6, value=7).earlier
    assert node.paid == 7


def test_a_missing_nonce_is_filled_by_it_as_well(server: SignerServer, tmp_path: Path) -> None:
    terminal = Terminal(PoolNode(), tmp_path / "outbox", key=signer(server))
    terminal.fund(1)
    terminal.killed(7, at="eth_getTransactionReceipt")
    for _ in range(2):
        terminal.node.take_back(keeps=False)
    terminal.fund(7)
    assert [transaction["value"] for _, transaction in terminal.node.mined] == [0, 7]


def test_nothing_is_remembered_of_what_was_not_signed(server: SignerServer, tmp_path: Path) -> None:
    node, server.said = PoolNode(), replying(503, b"")
    with Outbox(tmp_path / "outbox") as outbox, pytest.raises(SignerError, match="503"):
        sender(node, server, outbox).send(CONTRACT, b"fund", gas=10**6, value=7)
    assert not (tmp_path / "outbox").exists()
    server.said = lambda reply: reply
    with Outbox(tmp_path / "outbox") as outbox:
        assert not sender(node, server, outbox).send(CONTRACT, b"fund", gas=10**6, value=7).earlier
    assert node.paid == 7
