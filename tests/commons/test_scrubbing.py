"""No line of a log has a password or a key of a URL, whoever writes it, at whatever level."""

from __future__ import annotations

import io
import logging
import threading
from base64 import b64encode
from collections.abc import Iterator

import pytest
import requests

from circuits.errors import ChainError
from commons.chain.rpc import ErrorTable, Rpc
from commons.runtime import scrubbing
from commons.runtime.scrubbing import ScrubbingFormatter, hide, scrubbed
from tests.support.httpnode import HttpNode

SECRETS = ("hunter2", "APIKEY", b64encode(b"user:hunter2").decode())


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scrubbing, "_known", frozenset())


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What a process writes that logs everything."""
    text = io.StringIO()
    handler, root = logging.StreamHandler(text), logging.getLogger()
    handler.setFormatter(ScrubbingFormatter("%(levelname)s %(name)s %(message)s"))
    loggers = (root, logging.getLogger("urllib3"))  # which a command that ran before may have made quieter
    before = [logger.level for logger in loggers]
    root.addHandler(handler)
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    yield text
    root.removeHandler(handler)
    for logger, level in zip(loggers, before, strict=True):
        logger.setLevel(level)


def test_libraries_that_log_each_question_show_no_secret(written: io.StringIO) -> None:
    node = HttpNode(lambda *_: {"result": "0x7a69"})
    assert Rpc(node.secret_url, ErrorTable(())).chain_id == 31337
    node.close()
    text = written.getvalue()
    assert '"POST /v3/... HTTP/1.1" 200' in text, "the library does write the path"
    assert not any(secret in text for secret in SECRETS)


def test_so_it_is_with_headers_that_a_server_makes_the_library_warn_of(written: io.StringIO) -> None:
    """The warning has the whole address, and it is the server that decides whether there is one."""
    node = HttpNode(lambda *_: {"result": "0x7a69"})
    node._server.RequestHandlerClass.version_string = lambda _: "x\r\n broken: \x00\r\nno header at all"  # type: ignore[attr-defined]
    rpc = Rpc(node.secret_url, ErrorTable(()))
    try:
        _ = rpc.chain_id
    except ChainError:
        pass
    finally:
        node.close()
    text = written.getvalue()
    assert "Failed to parse headers (url=http://" in text, "the library does write the address"
    assert not any(secret in text for secret in SECRETS)


def test_nor_do_an_exceptions_words_its_causes_and_its_traceback(written: io.StringIO) -> None:
    url = "http://user:hunter2@127.0.0.1:9/v3/APIKEY"
    hide(url)
    try:
        requests.post(url, timeout=1)
    except requests.ConnectionError:
        logging.getLogger("stranger").exception("asking %s failed", url, stack_info=True)
    text = written.getvalue()
    assert "Traceback" in text
    assert "Max retries exceeded with url: /v3/..." in text
    assert not any(secret in text for secret in SECRETS)


@pytest.mark.parametrize(
    ("url", "line", "left"),
    [
        ("https://h/v3/APIKEY", "/v3/APIKEY?", "/v3/...?"),
        ("https://h/?key=APIKEY", "key is APIKEY", "key is ..."),
        ("https://h/?key=a%2Fsecret", "a/secret a%2Fsecret", "... ..."),
        ("https://u:p@h/", "up and p, u:p@h, https://u:p@h/", "up and p, ...h, ..."),
        ("redis://:hunter2@h:1/0", "hunter2", "..."),
        ("https://h:1/v3/", "https://h:1/v3/", "..."),
        ("http://127.0.0.1:8545", "http://127.0.0.1:8545", "http://127.0.0.1:8545"),
        ("http://[broken", "http://[broken", "..."),
    ],
)
def test_what_may_be_a_secret_is_hidden_and_nothing_else(url: str, line: str, left: str) -> None:
    hide(url)
    assert scrubbed(line) == left


def test_urls_may_become_known_while_others_log() -> None:
    threads = [threading.Thread(target=hide, args=(f"https://h/SECRET{n:03}",)) for n in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not any(f"SECRET{n:03}" in scrubbed(f"SECRET{n:03}") for n in range(50))
