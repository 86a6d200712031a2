"""Settings: order of sources, checked values, and errors that name the key and where it came from."""

from __future__ import annotations

import re
import time
from decimal import Decimal
from pathlib import Path

import pytest

from circuits.errors import ConfigError, InsecureSetupError
from commons.runtime.clock import Clock
from commons.settings import accountplaces, storeplaces
from commons.settings.clocks import clock_of
from commons.settings.describing import Setting, all_settings
from commons.settings.loading import load
from commons.settings.pins import WORDS
from commons.settings.sections import (
    SECTIONS,
    ChainSettings,
    CoordinatorSettings,
    KeySettings,
    ProverSettings,
    TaskDefaults,
)

MARKET = "0x" + "ab" * 20
SAMPLES = {
    "a path": "/somewhere", "text": "word", "host:port": "host:1", "an http:// or https:// address": "https://node",
    "an http:// or https:// address, or several with commas between them, or a list of them": "https://node,http://b",
    WORDS: "grpcs://host:1", accountplaces.WORDS: f"https://host:1#{MARKET}", storeplaces.WORDS: "s3://bucket",
    "sqlite:///path, sqlite://relative/path or redis://host:port/db": "sqlite:///log",
    "an address, 0x and 40 hexadecimal digits": MARKET,
    "an identifier, 0x and sixteen hexadecimal digits": "0xfedcba9876543210", "true or false": "true",
    '"text" or "json"': "json",
}  # fmt: skip
"""A value of each kind that is not a number."""
REQUIRED = {
    setting.key: SAMPLES.get(setting.wanted, 1) for setting in all_settings() if setting.default is None
}  # fmt: skip


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text(text)
    return path


def test_file_then_environment_then_command_line(tmp_path: Path) -> None:
    path = written(tmp_path, f'[chain]\nurl = "http://file"\nchain_id = 1\nmarket = "{MARKET}"\n')
    environment = {"GRADROLL_CHAIN_URL": "http://environment", "GRADROLL_CHAIN_CHAIN_ID": "2", "HOME": "/root"}
    chain = load(path, environment=environment, overrides={"chain.chain_id": 3}).section(ChainSettings)
    assert (chain.url, chain.chain_id, chain.market) == ("http://environment", 3, bytes.fromhex("ab" * 20))


def test_paths_are_relative_to_their_file(tmp_path: Path) -> None:
    path = written(tmp_path, '[keys]\nsrs = "srs.gsrs"\ndirectory = "/keys"\n')
    keys = load(path, environment={}).section(KeySettings)
    assert (keys.srs, keys.directory) == (tmp_path / "srs.gsrs", Path("/keys"))
    from_environment = load(path, environment={"GRADROLL_KEYS_SRS": "here.gsrs"}).section(KeySettings)
    assert from_environment.srs == Path.cwd() / "here.gsrs"


def test_a_relative_log_is_relative_to_its_file_too(tmp_path: Path) -> None:
    """Else a coordinator that is started elsewhere begins a second log."""
    path = written(tmp_path, '[coordinator]\nlog = "sqlite://logs/events.sqlite"\n')
    assert load(path, environment={}).get("coordinator.log") == f"sqlite://{tmp_path}/logs/events.sqlite"
    here = load(path, environment={"GRADROLL_COORDINATOR_LOG": "sqlite://events.sqlite"})
    assert here.get("coordinator.log") == f"sqlite://{Path.cwd()}/events.sqlite"
    for url in ("sqlite:///var/events.sqlite", "redis://host:6379/0"):
        assert load(path, environment={}, overrides={"coordinator.log": url}).get("coordinator.log") == url


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_bytes(b"\xef\xbb\xbf[chain]\r\nchain_id = 5\r\n")
    assert load(path, environment={}).get("chain.chain_id") == 5
    path.write_bytes("[chain]\nchain_id = 5\n".encode("utf-16"))
    with pytest.raises(ConfigError, match="save it as UTF-8"):
        load(path, environment={})


def test_optional_keys_have_defaults(tmp_path: Path) -> None:
    text = '[prover]\nlisten = "h:1"\nendpoint = "grpcs://h:1"\nkeystore = "k"\nstate = "s"\ncommittee = 0\n'
    prover = load(written(tmp_path, text), environment={}).section(ProverSettings)
    assert (prover.tls_certificate, prover.committee) == (None, 0)


PROVER = (
    f'[chain]\nurl = "http://n"\nchain_id = 1\nmarket = "{MARKET}"\nfrom_block = 5\n'
    '[keys]\nsrs = "s"\ndirectory = "d"\n'
    '[prover]\nlisten = "h:1"\nendpoint = "grpcs://h:1"\nkeystore = "k"\nstate = "s"\ncommittee = 0\n'
)


def test_a_prover_waits_for_finality_unless_told_otherwise(tmp_path: Path) -> None:
    """What was accepted in a block that a reorganisation takes back must not have been released."""
    usual = load(written(tmp_path, PROVER), environment={}).section(ProverSettings)
    assert (usual.confirmations, usual.second_node, usual.retention_days) == (12, None, 90)
    text = PROVER + 'confirmations = 64\nsecond_node = "https://other"\nretention_days = 7\n'
    chosen = load(written(tmp_path, text), environment={})
    prover = chosen.section(ProverSettings)
    assert (prover.confirmations, prover.second_node, prover.retention_days) == (64, "https://other", 7)
    assert chosen.section(ChainSettings).from_block == 5


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (
            "confirmations = 0\n",
            'confirmations .* must be a whole number from 1 to 10000, "safe" or "finalized", not 0',
        ),
        ("confirmations = 10001\n", "confirmations .* must be a whole number from 1 to 10000"),
        ('confirmations = "latest"\n', "confirmations .* must be a whole number from 1 to 10000"),
        ("retention_days = 0\n", "retention_days .* must be a whole number from 1"),
        ("idle_timeout = nan\n", "idle_timeout .* must be a number from 1"),
        ('second_node = "ws://other"\n', "second_node .* must be an http:// or https:// address"),
        ('second_node = "https://[bad/"\n', "second_node .* must be an http:// or https:// address"),
        ('tls_key = "k.pem"\n', "tls_certificate is missing"),
    ],
)
def test_a_prover_refuses_settings_that_cannot_work(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        _ = load(written(tmp_path, PROVER + text), environment={}).section(ProverSettings).tls


def test_no_message_and_no_repr_shows_the_address_of_a_node(tmp_path: Path) -> None:
    """It may hold a password or a key."""
    secret = "user:hunter2"
    settings = load(written(tmp_path, PROVER.replace("http://n", f"http://{secret}@n")), environment={})
    assert "hunter2" not in f"{settings!r} {settings.section(ChainSettings)!r} {settings.section(ChainSettings)}"
    for text in (f'second_node = "ws://{secret}@n"', f'[coordinator]\nlog = "memcached://{secret}@n"'):
        with pytest.raises(ConfigError) as refused:
            load(written(tmp_path, f"{PROVER}{text}\n"), environment={})
        assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("written_as", "committee"),
    [('"0xfedcba9876543210"', 0xFEDCBA9876543210), ('"7"', 7), ("7", 7)],
)
def test_an_identifier_is_text_as_toml_has_no_numbers_of_its_size(
    written_as: str, committee: int, tmp_path: Path
) -> None:
    text = f"[task]\ncommittee = {written_as}\n"
    assert load(written(tmp_path, text), environment={}).section(TaskDefaults).committee == committee


@pytest.mark.parametrize(
    "written_as", ['"0x3fa9"', "-1", "true", '"zero"', "1.0", '"0x1fedcba9876543210"', "18446744073709551616"]
)
def test_what_is_no_whole_identifier_is_refused(written_as: str, tmp_path: Path) -> None:
    text = f"[task]\ncommittee = {written_as}\n"
    with pytest.raises(ConfigError, match=r"task\.committee .* must be an identifier, 0x and sixteen"):
        load(written(tmp_path, text), environment={})


@pytest.mark.parametrize("setting", [*all_settings()], ids=lambda setting: setting.key)
def test_every_setting_can_be_set_by_a_variable_and_has_a_reason(setting: Setting) -> None:
    """No setting may exist on paper only."""
    assert setting.why.endswith(".")
    limits = re.findall(r"-?[\d.]+", setting.wanted) if " from " in setting.wanted else []
    text = limits[0] if limits else SAMPLES[setting.wanted]
    settings = load(environment={setting.variable: text})
    section = SECTIONS[setting.section]
    rest = {key: value for key, value in REQUIRED.items() if key.startswith(f"{setting.section}.")}
    loaded = load(environment={setting.variable: text}, overrides={k: v for k, v in rest.items() if k != setting.key})
    assert getattr(loaded.section(section), setting.name) == settings.get(setting.key)
    for limit, beyond in zip(map(Decimal, limits), (-1, 1), strict=False):
        with pytest.raises(ConfigError, match=re.escape(setting.key)):
            load(environment={setting.variable: str(limit + beyond)})


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[chain]\nurl = 5\n", "chain.url"),
        ('[chain]\nchain_id = "one"\n', "chain.chain_id"),
        ("[chain]\nchain_id = 1.5\n", "chain.chain_id"),
        ("[chain]\nchain_id = -1\n", "chain.chain_id"),
        ("[chain]\nchain_id = true\n", "chain.chain_id"),
        ('[chain]\nmarket = "0x12"\n', "chain.market"),
        ('[chain]\nmarket = "zz"\n', "chain.market"),
        (f'[chain]\nmarket = "0xAb{"ab" * 19}"\n', r"chain\.market .*\(EIP-55\); type it again, or use lower case"),
        ('[chain]\nmarkt = "0x12"\n', r"chain\.markt .*did you mean chain\.market\?"),
        ('[prover]\nendpoint = "prover0"\n', "prover.endpoint .* must be grpcs://host:port"),
        ('[prover]\nendpoint = "http://prover0:1"\n', "prover.endpoint .* must be grpcs://host:port"),
        ('[prover]\nendpoint = "prover 0:1"\n', "prover.endpoint"),
        ('[prover]\nendpoint = "prover0:0"\n', "prover.endpoint"),
        ('[prover]\nendpoint = "::1:7101"\n', r"prover.endpoint .*brackets, as in \[::1\]:7100"),
        ('[prover]\nlisten = "300.0.0.1:7101"\n', "prover.listen .* must be host:port"),
        ('[prover]\nlisten = "h:65536"\n', "prover.listen .* must be host:port"),
        ('[coordinator]\nlog = "sqlite://"\n', "coordinator.log .* must be sqlite:///path"),
        ("[keys]\nsrs = 3\n", "keys.srs"),
        ('[keys]\nsrs = ""\n', "keys.srs"),
        ("[chains]\n", "chains"),
        ("chain = 3\n", "chain"),
        ('development = "perhaps"\n', "development"),
        ("[chain\n", "TOML"),
    ],
)
def test_a_bad_file_is_refused_by_name(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        load(written(tmp_path, text), environment={})


def test_unknown_variables_and_missing_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"GRADROLL_CHAIN_ULR .*did you mean GRADROLL_CHAIN_URL\?"):
        load(environment={"GRADROLL_CHAIN_ULR": "http://x"})
    with pytest.raises(ConfigError, match=r"GRADROLL_KEYS_XYZZYXYZZY is no known setting; docs/settings\.md"):
        load(environment={"GRADROLL_KEYS_XYZZYXYZZY": "x"})
    with pytest.raises(ConfigError, match=r"GRADROLL_DEVELOPMNT .*did you mean GRADROLL_DEVELOPMENT\?"):
        load(environment={"GRADROLL_DEVELOPMNT": "1"})
    with pytest.raises(ConfigError, match=r"absent\.toml"):
        load(tmp_path / "absent.toml", environment={})


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("GRADROLL_COORDINATOR_SERVICE_HOST", "10.0.0.1"),
        ("GRADROLL_SERVICE_HOST", "10.0.0.1"),
        ("GRADROLL_COORDINATOR_SERVICE_PORT", "7100"),
        ("GRADROLL_COORDINATOR_SERVICE_PORT_GRPC", "7100"),
        ("GRADROLL_COORDINATOR_PORT", "tcp://10.0.0.1:7100"),
        ("GRADROLL_PORT", "udp://10.0.0.1:7100"),
        ("GRADROLL_PROVER_0_PORT_7101_TCP", "tcp://10.0.0.2:7101"),
        ("GRADROLL_PROVER_0_PORT_7101_TCP_PROTO", "tcp"),
        ("GRADROLL_PROVER_0_PORT_7101_TCP_ADDR", "10.0.0.2"),
        ("GRADROLL_CHAIN_NAME", "/prover/gradroll_chain"),
        ("GRADROLL_CHAIN_ENV_PATH", "/bin"),
    ],
)
def test_variables_of_a_container_platform_are_nobodys_setting(variable: str, text: str) -> None:
    assert load(environment={variable: text, "GRADROLL_CHAIN_CHAIN_ID": "5"}).get("chain.chain_id") == 5


def test_a_variable_of_somebodys_scripts_is_told_and_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    assert load(environment={"GRADROLL_LABEL": "a label", "GRADROLL_CHAIN_CHAIN_ID": "5"}).get("chain.chain_id") == 5
    assert caplog.messages == ["GRADROLL_LABEL has gradroll's prefix, but is no setting: it is not looked at"]


@pytest.mark.parametrize(("variable", "text"), [("GRADROLL_PROVER_PORT", "7101"), ("GRADROLL_PROVER_NAME", "prover-0")])
def test_a_variable_that_only_looks_like_a_platforms_is_refused(variable: str, text: str) -> None:
    with pytest.raises(ConfigError, match=variable):
        load(environment={variable: text})


def test_a_missing_key_is_named_with_the_ways_to_set_it() -> None:
    with pytest.raises(ConfigError, match=r"chain\.url.*GRADROLL_CHAIN_URL$"):
        load(environment={}).section(ChainSettings)
    with pytest.raises(ConfigError, match=r"chain\.url.*GRADROLL_CHAIN_URL, or pass --chain$"):
        load(environment={}, options={"chain.url": "--chain"}).section(ChainSettings)


def test_a_part_of_a_section_needs_no_more_than_its_keys() -> None:
    settings = load(environment={}, overrides={"prover.keystore": "keys"})
    assert settings.section(ProverSettings, "keystore").keystore == Path.cwd() / "keys"
    with pytest.raises(ConfigError, match=r"prover\.committee"):
        settings.section(ProverSettings, "keystore", "committee")


@pytest.mark.parametrize(
    "text", ["grpcs://h:1", "127.0.0.1:65535", "[::1]:7100", "grpcs://a_b.example.org.:1", "grpcs://[fe80::1]:1"]
)
def test_endpoints_are_names_and_addresses_of_both_kinds(text: str) -> None:
    assert load(environment={"GRADROLL_OWNER_COORDINATOR": text}).get("owner.coordinator") == text


@pytest.mark.parametrize(
    "text", ["0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED"]
)
def test_addresses_have_the_right_checksum_or_none(text: str) -> None:
    """The address is an example of EIP-55."""
    market = load(environment={"GRADROLL_CHAIN_MARKET": text}).get("chain.market")
    assert market == bytes.fromhex(text.removeprefix("0x"))


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("true", True), ("0", False), ("", False)])
def test_development_comes_from_the_environment_too(value: str, expected: bool) -> None:
    assert load(environment={"GRADROLL_DEVELOPMENT": value}).development is expected


def test_insecure_setups_need_development_mode() -> None:
    with pytest.raises(InsecureSetupError, match="--development"):
        load(environment={}).require_development("a seeded SRS")
    load(environment={}, development=True).require_development("a seeded SRS")


def test_a_clock_is_the_machines_and_a_wrong_one_is_for_development_only() -> None:
    def clock(offset: float, *, development: bool) -> Clock:
        given = {"coordinator.insecure_clock_offset": offset}
        chosen = load(environment={}, overrides=given, development=development)
        return clock_of(chosen, chosen.section(CoordinatorSettings, "insecure_clock_offset"))

    for offset, name in ((0.0, False), (0.0, True)):
        before = time.time()
        assert before <= clock(offset, development=name).time() <= time.time()
    with pytest.raises(InsecureSetupError, match=r"a clock that is \-3600 seconds off.*--development"):
        clock(-3600.0, development=False)
    wrong, before = clock(-3600.0, development=True), time.time()
    assert before - 3600 <= wrong.time() <= time.time() - 3600
    assert wrong.monotonic() <= time.monotonic()


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "9" * 5000,
        "x = " + "[" * 5000,
        '[prover]\nstate = "~nobody-has-this-name/x"',
        '[prover]\nstate = "a\\u0000b"',
    ],
    ids=["long", "deep", "home", "nul"],
)
def test_a_file_that_cannot_be_read_as_settings_is_a_bad_setting(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError):
        load(written(tmp_path, text), environment={})


def test_an_address_of_a_node_in_another_place_is_not_shown_either(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="host:port") as refused:
        load(written(tmp_path, '[prover]\nlisten = "http://user:hunter2@h"\n'), environment={})
    assert "hunter2" not in str(refused.value)


NODES = ("https://user:hunter2@a/KEY", "http://b:8545", "https://c/x%2Cy")


def test_a_chain_has_one_node_or_several(tmp_path: Path) -> None:
    listed = ", ".join(f'"{url}"' for url in NODES)
    by_list = load(written(tmp_path, f"[chain]\nurl = [{listed}]\n"), environment={}).get("chain.url")
    by_text = load(environment={"GRADROLL_CHAIN_URL": ", ".join(NODES)}).get("chain.url")
    assert by_list == by_text == ",".join(NODES)


@pytest.mark.parametrize(
    "written_as",
    ["[]", '["http://a", 5]', '["http://a,http://b"]', '"http://a,"', '"http://a,ws://hunter2@b"', "[[]]",
     '"http://a,http://a"', '"' + ",".join(f"http://n{n}" for n in range(17)) + '"'],
)  # fmt: skip
def test_what_is_no_list_of_nodes_is_refused_and_not_shown(written_as: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"chain\.url .* must be an http:// or https:// address") as caught:
        load(written(tmp_path, f"[chain]\nurl = {written_as}\n"), environment={})
    assert "hunter2" not in str(caught.value)
