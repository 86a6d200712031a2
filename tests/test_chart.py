"""The chart of deploy/helm, rendered by helm: settings that load, real commands, valid manifests, and nothing too much.

`make chart` builds helm, and runs this; elsewhere only what needs no helm is looked at.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from commons.runtime.passphrases import Passphrase
from commons.settings.describing import all_settings
from commons.settings.loading import Settings, load
from commons.settings.sections import (
    SECTIONS,
    CoordinatorSettings,
    KeySettings,
    MetricsSettings,
    ProverSettings,
    UnlockSettings,
)
from commons.settings.values import TlsFiles
from commons.storage.accounts import create_account, load_account
from commons.storage.unlock import unlock_by
from gradroll.cli import build_parser

ROOT = Path(__file__).resolve().parent.parent
HELM_FOLDER = ROOT / "deploy" / "helm"
CHART = HELM_FOLDER / "gradroll"
TOOLS = os.environ.get("CHART_TOOLS")
KUBERNETES = "1.31"
ROLES = ("prover", "coordinator")
CUSTOM = {"ServiceMonitor", "PrometheusRule"}
"""Kinds of the operator of Prometheus, of which Kubernetes has no schema."""
GIVEN = {
    "GRADROLL_CHAIN_URL": "https://node.example.org", "GRADROLL_COORDINATOR_LOG": "redis://:PASSWORD@redis:6379/0",
    "GRADROLL_PROVER_SECOND_NODE": "https://second.example.org",
    "GRADROLL_TELEMETRY_TRACES": "https://collector.example.org",
}  # fmt: skip
"""What the Secrets hold that the variables are taken from."""

OTHER_SETTINGS = {
    "tlsSecret": "certificate",
    "settings": {
        "prover": {"confirmations": "finalized", "max_store_bytes": 1 << 33, "tidy_interval": 0.5},
        "coordinator": {"confirmations": 32, "payee": "0x" + "ab" * 20, "prover_roots": "/secret/roots.pem"},
        "chain": {"max_fee": 2_000_000_000},
        "telemetry": {"traces_in_clear": True},
    },
    "secretSettings": {
        "prover": {"second_node": {"name": "second-node", "key": "url"}},
        "telemetry": {"traces": {"name": "collector", "key": "url"}},
    },
}
"""Settings that a site may want and that the chart has no value of its own for."""
MONITORED = ("--set", "monitoring.enabled=true", "--set", "monitoring.scrapers[0].podSelector.matchLabels.a=b")

needs_helm = pytest.mark.skipif(TOOLS is None, reason="`make chart` builds helm and runs this")


def run_helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    assert TOOLS is not None
    return subprocess.run([Path(TOOLS) / "helm", *arguments], capture_output=True, text=True, check=False)


def values(role: str) -> Path:
    """Example values of a role."""
    return HELM_FOLDER / "examples" / f"{role}.yaml"


def rendered(role: str, *more: str) -> list[dict[str, Any]]:
    """The manifests of a release of a role."""
    done = run_helm(
        "template", "site", str(CHART), "--kube-version", f"{KUBERNETES}.0", "--values", str(values(role)), *more
    )
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def the(manifests: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    """The one manifest of a kind."""
    (found,) = [each for each in manifests if each["kind"] == kind]
    return found


def pod(manifests: list[dict[str, Any]]) -> dict[str, Any]:
    """What the StatefulSet makes pods of."""
    found: dict[str, Any] = the(manifests, "StatefulSet")["spec"]["template"]["spec"]
    return found


def server(manifests: list[dict[str, Any]]) -> dict[str, Any]:
    """The container of the server."""
    (found,) = pod(manifests)["containers"]
    return dict(found)


def test_the_charts_alerts_are_those_of_prometheus() -> None:
    assert (CHART / "files" / "rules.yaml").read_bytes() == (ROOT / "deploy" / "prometheus" / "rules.yaml").read_bytes()


def test_the_charts_release_is_this_one() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    assert chart["appVersion"] == chart["version"] == project["version"]


def test_a_place_of_a_passphrase_that_is_not_there_is_no_trouble_for_an_account_that_is_not_encrypted(
    tmp_path: Path,
) -> None:
    """The chart names one to every server; whether a Secret has it, it cannot know."""
    key = create_account(tmp_path / "account.json")
    unlock = unlock_by(Passphrase(file=tmp_path / "passphrase"))
    assert load_account(tmp_path / "account.json", unlock).address == key.address


@needs_helm
@pytest.mark.parametrize("role", ROLES)
def test_manifests_are_valid(role: str, tmp_path: Path) -> None:
    """Also by helm's own rules."""
    done = run_helm("lint", "--strict", "--kube-version", f"{KUBERNETES}.0", "--values", str(values(role)), str(CHART))
    assert done.returncode == 0, done.stdout
    sys.path.append(f"{TOOLS}/python")
    import kubernetes_validate  # type: ignore[import-not-found]  # noqa: PLC0415

    for manifest in rendered(role, *MONITORED, *others(tmp_path)):
        if manifest["kind"] not in CUSTOM:
            kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
    broken = the(rendered(role), "StatefulSet")
    broken["spec"]["replicsa"] = 2
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, KUBERNETES, strict=True)


@needs_helm
@pytest.mark.parametrize("role", ROLES)
def test_settings_load_and_name_what_is_mounted(role: str, tmp_path: Path) -> None:
    manifests = rendered(role, *MONITORED)
    container, files, given = server(manifests), the(manifests, "ConfigMap")["data"], variables(manifests)
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert len(files) == the(manifests, "StatefulSet")["spec"]["replicas"]
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        loaded = load(tmp_path / name, environment=given)
        assert not loaded.development
        assert loaded.section(MetricsSettings).place == f"0.0.0.0:{ports['metrics']}"
        own = loaded.section(ProverSettings if role == "prover" else CoordinatorSettings)
        assert own.listen == f"0.0.0.0:{ports['grpc']}"
        for path in paths_of(loaded):
            assert any(str(path).startswith(each["mountPath"]) for each in container["volumeMounts"]), path
    if role == "coordinator":
        wanted = yaml.safe_load(values(role).read_text(encoding="utf-8"))["coordinator"]["endpoints"]
        found = [load(tmp_path / name, environment=given).section(CoordinatorSettings) for name in sorted(files)]
        assert [one.endpoint for one in found] == wanted
        assert {one.log for one in found} == {GIVEN["GRADROLL_COORDINATOR_LOG"]}


def variables(manifests: list[dict[str, Any]]) -> dict[str, str]:
    """Those that set settings; of what is in a Secret what ``GIVEN`` says."""
    given = {one["name"]: one.get("value") or GIVEN.get(one["name"], "") for one in server(manifests)["env"]}
    return {name: text for name, text in given.items() if name.startswith("GRADROLL_")}


def others(directory: Path) -> tuple[str, str]:
    """Options with further values."""
    path = directory / "others.yaml"
    path.write_text(yaml.safe_dump(OTHER_SETTINGS), encoding="utf-8")
    return "--values", str(path)


@needs_helm
@pytest.mark.parametrize("role", ROLES)
def test_every_other_setting_can_be_given_and_reaches_the_server(role: str, tmp_path: Path) -> None:
    """Although a section may stand in a file only once; what may hold a password comes from a Secret."""
    manifests = rendered(role, *others(tmp_path))
    (path := tmp_path / "settings.toml").write_text(the(manifests, "ConfigMap")["data"]["settings-0.toml"])
    loaded = load(path, environment=variables(manifests))
    prover, coordinator = loaded.section(ProverSettings, "confirmations"), loaded.section(CoordinatorSettings, "payee")
    assert (prover.confirmations, prover.max_store_bytes, prover.tidy_interval) == ("finalized", 1 << 33, 0.5)
    assert prover.second_node == GIVEN["GRADROLL_PROVER_SECOND_NODE"]
    assert (coordinator.confirmations, coordinator.payee) == (32, b"\xab" * 20)
    assert loaded.get("chain.max_fee") == 2_000_000_000
    assert loaded.get("telemetry.traces") == GIVEN["GRADROLL_TELEMETRY_TRACES"]
    own = loaded.section(ProverSettings if role == "prover" else CoordinatorSettings)
    assert own.tls == TlsFiles(Path("/secret/tls.crt"), Path("/secret/tls.key"))
    (mounted,) = [each["projected"]["sources"] for each in pod(manifests)["volumes"] if each["name"] == "given"]
    assert {"key": "tls.key", "path": "tls.key"} in mounted[1]["secret"]["items"]


@needs_helm
def test_values_name_no_setting_that_is_the_charts_own_or_may_hold_a_password(tmp_path: Path) -> None:
    own = {setting.key for setting in all_settings() if setting.secret}
    for role in ROLES:
        manifests = rendered(role, *MONITORED, "--set", "tlsSecret=certificate")
        written = tomllib.loads(the(manifests, "ConfigMap")["data"]["settings-0.toml"])
        own |= {f"{section}.{key}" for section, keys in written.items() for key in keys}
        own |= {setting.key for setting in all_settings() if setting.variable in variables(manifests)}
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))["properties"]
    refused = {
        f"{section}.{key}"
        for section, rules in schema["settings"]["properties"].items()
        for rule in rules.get("allOf", ())
        for key in rule.get("propertyNames", {}).get("not", {}).get("enum", ())
    }
    closed = {"keys", "unlock", "signer", "owner", "model_owner", "task"}
    assert set(SECTIONS) - schema["settings"]["properties"].keys() == closed
    assert refused == {key for key in own if key.partition(".")[0] not in closed}
    from_secrets = schema["secretSettings"]["properties"].items()
    assert {f"{section}.{key}" for section, rules in from_secrets for key in rules["properties"]} == {
        "prover.second_node", "telemetry.traces",
    }  # fmt: skip


def paths_of(loaded: Settings) -> list[Path | None]:
    """Everything that a server's settings name on its disk."""
    keys, unlock = loaded.section(KeySettings), loaded.section(UnlockSettings).passphrase_file
    assert unlock == Path("/secret/passphrase")
    if loaded.get("prover.listen"):
        prover = loaded.section(ProverSettings)
        return [keys.srs, keys.directory, prover.keystore, prover.state, unlock]
    own = loaded.section(CoordinatorSettings)
    return [keys.srs, keys.directory, own.account, own.state, own.shared, unlock]


@needs_helm
@pytest.mark.parametrize("role", ROLES)
def test_pods_run_and_are_asked_by_real_commands(role: str) -> None:
    container = server(rendered(role))
    served = build_parser().parse_args(container["args"])
    assert served.serves
    assert str(served.config) == "/etc/gradroll/settings-$(POD_INDEX).toml"
    for probe in ("startupProbe", "livenessProbe"):
        shell, option, line = container[probe]["exec"]["command"]
        assert (shell, option) == ("sh", "-c")
        assert line.startswith("exec gradroll ")
        asked = build_parser().parse_args(line.removeprefix("exec gradroll ").split())
        assert str(asked.config) == "/etc/gradroll/settings-$POD_INDEX.toml"
        assert asked.run is not served.run
    assert container["readinessProbe"]["tcpSocket"]["port"] == "grpc"
    assert server(rendered(role, "--set", "maintenance=true"))["command"] == ["sleep", "infinity"]


@needs_helm
@pytest.mark.parametrize("role", ROLES)
def test_a_pod_may_do_nothing_that_it_need_not(role: str) -> None:
    manifests = rendered(role)
    spec = pod(manifests)
    assert not spec["automountServiceAccountToken"]
    assert not the(manifests, "ServiceAccount")["automountServiceAccountToken"]
    assert not spec["enableServiceLinks"]
    assert spec["securityContext"]["runAsNonRoot"]
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["securityContext"]["fsGroupChangePolicy"] == "OnRootMismatch"
    assert f"--uid {spec['securityContext']['runAsUser']} gradroll" in (ROOT / "deploy" / "Containerfile").read_text()
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
    for container in (*spec["initContainers"], *spec["containers"]):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        }  # fmt: skip
        assert "memory" in container["resources"]["limits"]
    assert "Secret" not in {each["kind"] for each in manifests}
    assert not any("hostPath" in volume for volume in spec["volumes"])


@needs_helm
def test_a_provers_ledger_has_one_process() -> None:
    """Whatever values say: the schema has no number of replicas, and the volume is one pod's alone."""
    stateful = the(rendered("prover"), "StatefulSet")["spec"]
    assert stateful["replicas"] == 1
    assert stateful["updateStrategy"] == {"type": "OnDelete"}
    assert {each["metadata"]["name"] for each in stateful["volumeClaimTemplates"]} == {"state", "keystore"}
    assert all(each["spec"]["accessModes"] == ["ReadWriteOncePod"] for each in stateful["volumeClaimTemplates"])
    assert stateful["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}
    refused = run_helm("template", "site", str(CHART), "--values", str(values("prover")), "--set", "replicas=2")
    assert refused.returncode
    assert "replicas" in refused.stderr


@needs_helm
def test_two_coordinators_are_on_two_machines_and_one_of_them_stays() -> None:
    manifests = rendered("coordinator")
    assert the(manifests, "StatefulSet")["spec"]["replicas"] == 2
    (spread,) = pod(manifests)["topologySpreadConstraints"]
    assert (spread["topologyKey"], spread["whenUnsatisfiable"]) == ("kubernetes.io/hostname", "DoNotSchedule")
    assert the(manifests, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    labels = the(manifests, "StatefulSet")["spec"]["template"]["metadata"]["labels"]
    for selector in (spread["labelSelector"], the(manifests, "PodDisruptionBudget")["spec"]["selector"]):
        assert selector["matchLabels"].items() <= labels.items()
    alone = [each for each in manifests if each["kind"] == "Service" and each["spec"].get("type") == "LoadBalancer"]
    assert [each["spec"]["selector"]["apps.kubernetes.io/pod-index"] for each in alone] == ["0", "1"]
    assert all(each["spec"]["externalTrafficPolicy"] == "Local" for each in alone)


@needs_helm
@pytest.mark.parametrize("role", ROLES)
def test_the_network_lets_through_what_is_named_and_nothing_else(role: str) -> None:
    manifests = rendered(role, "--set", "monitoring.enabled=false")
    policy, chosen = the(manifests, "NetworkPolicy")["spec"], yaml.safe_load(values(role).read_text(encoding="utf-8"))
    labels = the(manifests, "StatefulSet")["spec"]["template"]["metadata"]["labels"]
    assert policy["podSelector"]["matchLabels"].items() <= labels.items()
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert [rule["ports"] for rule in policy["ingress"]] == [[{"protocol": "TCP", "port": "grpc"}]]
    names, *rest = policy["egress"]
    assert {port["port"] for port in names["ports"]} == {53}
    assert rest == chosen["networkPolicy"]["egress"]
    assert all(rule["to"] and rule["ports"] for rule in policy["egress"])


@needs_helm
def test_alerts_are_of_jobs_that_are_scraped() -> None:
    manifests = rendered("prover")
    (service,) = [each for each in manifests if each["kind"] == "Service" and each["spec"].get("clusterIP") == "None"]
    monitor, rules = the(manifests, "ServiceMonitor")["spec"], the(manifests, "PrometheusRule")["spec"]
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert service["metadata"]["labels"][monitor["jobLabel"]] == "gradroll-prover"
    assert {port["name"] for port in service["spec"]["ports"]} >= {each["port"] for each in monitor["endpoints"]}
    assert rules == yaml.safe_load((ROOT / "deploy" / "prometheus" / "rules.yaml").read_text(encoding="utf-8"))
    policy = the(manifests, "NetworkPolicy")["spec"]
    assert [{"protocol": "TCP", "port": "metrics"}] in [rule["ports"] for rule in policy["ingress"]]


@needs_helm
@pytest.mark.parametrize(
    ("role", "wrong", "named"),
    [
        ("prover", "image=registry.example.org/gradroll", "image"),
        ("prover", "chain.urlSecret=", "urlSecret"),
        ("prover", "prover.endpoint=prover0.example.org:7101", "endpoint"),
        ("prover", "networkPolicy.egress=null", "egress"),  # an empty list of peers would be everybody
        ("prover", "networkPolicy.callers=null", "callers"),
        ("prover", "monitoring.scrapers=null", "scrapers"),
        ("coordinator", "coordinator.endpoints={grpcs://a.example.org:1}", "endpoints"),
        ("coordinator", "coordinator.sharedClaim=", "sharedClaim"),
        ("prover", "settings.prover.second_node=https://name:password@node.example.org", "second_node"),
        ("prover", "settings.prover.state=/tmp", "state"),
        ("prover", "settings.unlock.passphrase_env=HOME", "unlock"),
        ("coordinator", f"settings.coordinator.round_age={2**53 + 1}", "round_age"),  # helm would change the number
        ("coordinator", "secretSettings.coordinator.log.name=redis", "coordinator"),
    ],
)
def test_values_that_would_not_do_are_refused(role: str, wrong: str, named: str) -> None:
    done = run_helm(
        "template", "site", str(CHART), "--kube-version", f"{KUBERNETES}.0", "--values", str(values(role)), "--set",
        wrong,
    )  # fmt: skip
    assert done.returncode
    assert named in done.stderr
