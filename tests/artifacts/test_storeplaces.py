"""Names of stores: what is one, what is refused, and that no secret is shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from circuits.errors import ConfigError
from commons.artifacts.gatewaystore import GatewayStore
from commons.artifacts.kubostore import KuboStore
from commons.artifacts.localstore import LocalStore
from commons.artifacts.opening import open_store
from commons.settings.artifactsettings import ArtifactSettings
from commons.settings.loading import load
from commons.settings.storeplaces import StorePlace, parse_store

PLAIN = ArtifactSettings()


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("store", StorePlace("directory", directory=Path("store"))),
        ("file:///var/store", StorePlace("directory", directory=Path("/var/store"))),
        ("http://127.0.0.1:5001/api/v0/", StorePlace("kubo", url="http://127.0.0.1:5001/api/v0")),
        ("https://gateway.example/", StorePlace("gateway", url="https://gateway.example")),
        ("s3://bucket", StorePlace("s3", bucket="bucket")),
        (
            "s3://bucket/a/b?endpoint=http://127.0.0.1:9000&region=eu-central-1",
            StorePlace(
                "s3", bucket="bucket", prefix="a/b/", endpoint="http://127.0.0.1:9000", region="eu-central-1"
            ),
        ),
    ],
)  # fmt: skip
def test_places_are_read(text: str, place: StorePlace) -> None:
    assert parse_store(text) == place


@pytest.mark.parametrize(
    "text",
    [
        "ftp://host/", "file://host/path", "file:relative://", "http://", "https:///ipfs", "http://host:99999/",
        "http://host/?x=1", "http://host/#x", "http://ho st/", "s3://", "s3://B", "s3://../bucket", "s3://bucket/../x",
        "s3://bucket//x", "s3://bucket/.x", "s3://bucket/a b", "s3://bucket#x", "s3://bucket?endpoint=ftp://host",
        "s3://bucket?region=a/b", "s3://bucket?region=a&region=b", "s3://bucket?endpoint",
    ],
)  # fmt: skip
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="the store must be a directory"):
        open_store(text, PLAIN)


@pytest.mark.parametrize(
    "text",
    [
        "http://user:hunter2@host/api/v0", "https://hunter2@host", "s3://AKIA:hunter2@bucket",
        "s3://bucket?endpoint=https://user:hunter2@host", "s3://bucket?secret_access_key=hunter2",
    ],
)  # fmt: skip
def test_passwords_are_refused_and_not_shown(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="environment") as refused:
        open_store(text, PLAIN)
    assert "hunter2" not in str(refused.value)
    (tmp_path / "settings.toml").write_text(f'[artifacts]\nstore = "{text}"\n')
    with pytest.raises(ConfigError, match=re.escape("artifacts.store")) as told:
        load(tmp_path / "settings.toml", environment={})
    assert "hunter2" not in str(told.value)


def test_a_relative_directory_is_below_the_file_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text('[artifacts]\nstore = "kept"\n')
    store = load(tmp_path / "settings.toml", environment={}).section(ArtifactSettings).store
    assert store == str(tmp_path / "kept")


def test_each_kind_is_opened(tmp_path: Path) -> None:
    assert isinstance(open_store(str(tmp_path), PLAIN), LocalStore)
    assert isinstance(open_store("http://127.0.0.1:1/api/v0", PLAIN), KuboStore)
    assert isinstance(open_store("https://gateway.example", PLAIN), GatewayStore)


def test_a_token_goes_over_no_clear_line(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hunter2\n")
    settings = ArtifactSettings(token_file=tmp_path / "token")
    for url in ("https://gateway.example", "http://127.0.0.1:5001/api/v0", "http://localhost:5001/api/v0"):
        open_store(url, settings)
    for url in ("http://gateway.example", "http://10.0.0.1:5001/api/v0"):
        with pytest.raises(ConfigError, match="in the clear"):
            open_store(url, settings)


@pytest.mark.parametrize("held", [b"", b"\n", b"two words", b"\xff", b"a\0b", b"x" * 5000])
def test_a_file_that_holds_no_token_is_refused(held: bytes, tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(held)
    with pytest.raises(ConfigError, match="token_file"):
        open_store("https://gateway.example", ArtifactSettings(token_file=tmp_path / "token"))
