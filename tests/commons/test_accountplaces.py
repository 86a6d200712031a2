"""Where an account's key is: a file, or an external signer, which has one written form and shows no password."""

from __future__ import annotations

from pathlib import Path

import pytest

from circuits.errors import ConfigError
from commons.settings.accountplaces import SignerPlace, parse_account
from commons.settings.loading import load
from commons.settings.sections import CoordinatorSettings, ModelOwnerSettings, OwnerSettings

ADDRESS = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
SECRETS = ("hunter2", "APIKEY")


@pytest.mark.parametrize(
    "url",
    ["https://signer.example:9000", "https://user:hunter2@[2001:db8::1]:443/APIKEY", "http://127.0.0.1:9000",
     "http://[::1]:9000/", "http://localhost:1"],
)  # fmt: skip
def test_a_signer_is_named_by_its_address_and_the_accounts(url: str) -> None:
    place = parse_account(f"{url}#{ADDRESS}")
    assert isinstance(place, SignerPlace)
    assert (place.url.reveal(), place.address) == (url, bytes.fromhex(ADDRESS[2:]))
    assert str(place).endswith(f"#{ADDRESS}")
    assert not any(secret in f"{place!r}{place}" for secret in SECRETS)


def test_two_signers_of_one_account_are_one_account() -> None:
    """An account has one sender in a process, or its nonces are given twice."""
    first, second = (parse_account(f"https://{host}:9#{ADDRESS}") for host in ("a", "b"))
    assert first == second and len({first, second}) == 1
    assert first != parse_account("https://a:9#0x" + "ab" * 20)


@pytest.mark.parametrize(
    "written",
    [
        "https://user:hunter2@signer.example:9000/APIKEY",
        "https://user:hunter2@signer.example:9000/APIKEY#0x12",
        f"https://user:hunter2@signer.example:9000/APIKEY#{ADDRESS[2:]}",
        f"https://user:hunter2@signer.example:9000/APIKEY#{ADDRESS}#{ADDRESS}",
        f"https://user:hunter2@signer.example:9000/APIKEY#{ADDRESS[:-1]}F",
        f"https://user:hunter2@signer.example/APIKEY#{ADDRESS}",
        f"https://user:hunter2@signer.example:0/APIKEY#{ADDRESS}",
        f"https://user:hunter2@signer.example:65536/APIKEY#{ADDRESS}",
        f"https://user:hunter2@signer.example:9000/APIKEY?#{ADDRESS}",
        f"https://user:hunter2@signer.example:9000/APIKEY?a=b#{ADDRESS}",
        f"https://user:hunter2@:9000/APIKEY#{ADDRESS}",
        f"https://user:hunter2@signer.example:9000/APIKEY #{ADDRESS}",
        f"https://user:hunter2@signer.example:9000/APIKEY\n#{ADDRESS}",
        f"https://user:hunter2@signer.ex\u00e4mple:9000/APIKEY#{ADDRESS}",
        f"https://user:hunter2@[::1/APIKEY#{ADDRESS}",
        f"http://user:hunter2@signer.example:9000/APIKEY#{ADDRESS}",
        f"http://user:hunter2@127.0.0.1.example:9000/APIKEY#{ADDRESS}",
        f"ftp://user:hunter2@127.0.0.1:9000/APIKEY#{ADDRESS}",
        f"https://user:hunter2@signer.example:9000/APIKEY{'/a' * 1024}#{ADDRESS}",
    ],
)  # fmt: skip
def test_what_is_no_signer_is_refused_and_not_shown(written: str) -> None:
    for key in ("owner.account", "model_owner.account"):
        with pytest.raises(ConfigError, match=f"{key} .* must be a path of a key file, or https://") as refused:
            load(environment={}, overrides={key: written})
        assert not any(secret in str(refused.value) for secret in SECRETS)


def test_a_path_stays_a_path_below_its_file(tmp_path: Path) -> None:
    file = tmp_path / "owner.toml"
    file.write_text(f'[owner]\naccount = "keys/#1.json"\n[model_owner]\naccount = "https://signer:9#{ADDRESS}"\n')
    settings = load(file, environment={})
    assert settings.section(OwnerSettings, "account").account == tmp_path / "keys" / "#1.json"
    assert isinstance(settings.section(ModelOwnerSettings, "account").account, SignerPlace)


@pytest.mark.parametrize("value", ["", "a\0b", 7, True, ["a"]])
def test_what_is_no_text_is_no_account(value: object) -> None:
    with pytest.raises(ConfigError, match=r"owner\.account .* must be a path of a key file, or https://"):
        load(environment={}, overrides={"owner.account": value})


@pytest.mark.parametrize(
    "named", [f"https://user:hunter2@signer:9#{ADDRESS}", parse_account(f"https://hunter2@b:9#{ADDRESS}")]
)
def test_a_coordinators_key_is_a_file(named: object) -> None:
    """It signs every request to every prover, so a signer elsewhere would be asked for each."""
    with pytest.raises(
        ConfigError, match=r"coordinator\.account .* an external signer cannot have this key"
    ) as refused:
        load(environment={}, overrides={"coordinator.account": named})
    assert "hunter2" not in str(refused.value)
    given = load(environment={}, overrides={"coordinator.account": Path("/keys/account.json")})
    assert given.section(CoordinatorSettings, "account").account == Path("/keys/account.json")
