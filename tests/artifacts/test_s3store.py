"""A bucket, at a real server of S3's protocol."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.server import ThreadedMotoServer

from circuits.errors import ConfigError, InvalidInputError, ProofError, UnavailableError, UnknownError
from commons.artifacts import webstores
from commons.artifacts.cids import Cid
from commons.artifacts.s3store import S3Store
from commons.artifacts.transfers import get_file, put_file
from commons.artifacts.unixfs import LEAF
from commons.artifacts.webstores import Access
from commons.settings.storeplaces import parse_store
from tests.artifacts.blockservers import Server
from tests.artifacts.vectors import counted

BLOCK = b"a block"
CID = Cid.of(BLOCK)
SECRET = "sEcReTkEy0123456789"


@pytest.fixture(autouse=True)
def _account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Credentials of this test alone, whatever the machine has."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setattr(webstores, "_PAUSES", ())


def client(url: str) -> Any:
    """The client that everybody else has."""
    return boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="AKIAELSE", aws_secret_access_key="x"
    )


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A server with a bucket; its address."""
    moto = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    url = f"http://{host}:{port}"
    client(url).create_bucket(Bucket="artifacts")
    yield url
    moto.stop()


def bucket(url: str, path: str = "artifacts/models") -> S3Store:
    return S3Store(parse_store(f"s3://{path}?endpoint={url}&region=us-east-1"), Access(10))


def test_a_file_goes_in_and_comes_back(server: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(counted(2 * LEAF + 1))
    store = bucket(server)
    root = put_file(store, tmp_path / "file").root
    get_file(bucket(server), root, tmp_path / "copy", most=1 << 30)
    assert (tmp_path / "copy").read_bytes() == counted(2 * LEAF + 1)
    assert root.fits(client(server).get_object(Bucket="artifacts", Key=f"models/{root}")["Body"].read())


def test_a_block_that_is_not_there_is_unknown(server: str) -> None:
    store = bucket(server, "artifacts/empty/")
    assert not store.has(CID)
    with pytest.raises(UnknownError):
        store.get(CID)
    store.put(CID, BLOCK)
    assert store.has(CID)
    assert store.get(CID) == BLOCK
    assert not bucket(server, "artifacts").has(CID)


def test_other_bytes_are_caught(server: str) -> None:
    store = bucket(server, "artifacts/changed")
    store.put(CID, BLOCK)
    client(server).put_object(Bucket="artifacts", Key=f"changed/{CID}", Body=b"other")
    with pytest.raises(ProofError):
        store.get(CID)
    with pytest.raises(InvalidInputError):
        store.put(CID, b"other")


def test_what_is_sent_is_what_was_signed(caplog: pytest.LogCaptureFixture) -> None:
    """Signed again by the rules from what a server saw: path, host, time and digest of the body."""
    caplog.set_level("DEBUG")
    with Server(lambda _: (200, {}, BLOCK)) as server:
        assert bucket(server.url, "bucket/a/b").get(CID) == BLOCK
    (asked,) = server.asked
    signed_at = asked.headers["X-Amz-Date"]
    request: Any = AWSRequest("GET", f"http://{asked.headers['Host']}{asked.path}", data=b"")
    auth = S3SigV4Auth(Credentials("AKIATEST", SECRET), "s3", "us-east-1")
    request.context["timestamp"] = signed_at
    request.headers["X-Amz-Date"] = signed_at
    request.headers["X-Amz-Content-SHA256"] = auth.payload(request)
    canonical = auth.canonical_request(request)
    signature = auth.signature(auth.string_to_sign(request, canonical), request)
    assert asked.headers["Authorization"].endswith(f"Signature={signature}")
    assert asked.path == f"/bucket/a/b/{CID}"
    assert SECRET not in caplog.text


def test_a_refusal_is_told_without_what_is_secret() -> None:
    with Server(lambda _: (403, {}, b"")) as server, pytest.raises(UnavailableError, match="refuses") as refused:
        bucket(server.url).get(CID)
    assert SECRET not in str(refused.value)


def test_missing_credentials_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(ConfigError, match="AWS_ACCESS_KEY_ID"):
        bucket("http://127.0.0.1:1")


def test_a_missing_extra_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore.session", None)
    with pytest.raises(ConfigError, match=r"pip install 'gradroll\[s3\]'"):
        bucket("http://127.0.0.1:1")
