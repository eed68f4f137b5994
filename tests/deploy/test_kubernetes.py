"""The Kubernetes manifests, held to the API's own schemas, without a cluster."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from cli.secrets import KUBERNETES_NAME
from config.settings import ROOT, Settings, load_settings

FOLDER = ROOT / "deploy" / "kubernetes"
EXAMPLE = FOLDER / "overlays" / "example"
OURS = ("app", "bot", "scheduler")
VERSIONS = ("1.30", kubernetes_validate.latest_version())
"""The oldest with `preStop: sleep`, and the newest whose schemas there are."""
KUBECTL = Path(sys.executable).with_name("kubectl")
Object = dict[str, Any]


def documents(*folders: Path) -> list[Object]:
    files = [file for folder in folders for file in sorted(folder.glob("*.yaml"))]
    found = [one for file in files for one in yaml.safe_load_all(file.read_text("utf-8"))]
    return [one for one in found if one["kind"] != "Kustomization"]


def of_kind(kind: str, objects: list[Object]) -> dict[str, Object]:
    return {one["metadata"]["name"]: one for one in objects if one["kind"] == kind}


def kustomization(folder: Path) -> Object:
    read: Object = yaml.safe_load((folder / "kustomization.yaml").read_text("utf-8"))
    return read


def literals(folder: Path) -> dict[str, str]:
    (generator,) = kustomization(folder)["configMapGenerator"]
    pairs = (line.partition("=") for line in generator["literals"])
    return {name: value for name, _, value in pairs}


base = documents(FOLDER / "base")
deployments = of_kind("Deployment", base)
services = yaml.safe_load((ROOT / "deploy" / "services.yml").read_text("utf-8"))["services"]


def container(name: str) -> Object:
    (only,) = deployments[name]["spec"]["template"]["spec"]["containers"]
    assert isinstance(only, dict)
    return only


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("found", documents(FOLDER / "base", EXAMPLE), ids=lambda o: o["kind"])
def test_every_object_follows_the_schema(found: Object, version: str) -> None:
    kubernetes_validate.validate(found, version, strict=True)


def test_a_misspelt_key_would_be_seen() -> None:
    wrong = {**deployments["app"], "spec": {**deployments["app"]["spec"], "replica": 2}}

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


def test_every_file_is_part_of_its_folder() -> None:
    for folder in (FOLDER / "base", EXAMPLE):
        named = {name for name in kustomization(folder)["resources"] if name.endswith(".yaml")}
        assert named == {file.name for file in folder.glob("*.yaml")} - {"kustomization.yaml"}


def test_what_runs_is_what_compose_runs() -> None:
    assert sorted(deployments) == sorted(OURS)
    for name in OURS:
        assert container(name)["command"] == services[name]["command"]
        assert container(name)["image"] == services[name]["image"]


def test_no_container_can_change_its_files_or_gain_rights() -> None:
    for name in OURS:
        pod = deployments[name]["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert f"USER {pod['securityContext']['runAsUser']}:" in (ROOT / "Dockerfile").read_text()
        assert pod["automountServiceAccountToken"] is False
        assert container(name)["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container(name)["resources"]["limits"]["memory"]


def test_each_is_probed_spread_and_never_all_taken_away() -> None:
    budgets = of_kind("PodDisruptionBudget", base)
    for name in OURS:
        spec = deployments[name]["spec"]
        ports = {port["name"]: port["containerPort"] for port in container(name)["ports"]}
        for probe in ("startupProbe", "livenessProbe"):
            assert container(name)[probe]["httpGet"]["port"] in ports
        assert ports["metrics"] == int(literals(FOLDER / "base")["METRICS_PORT"])
        assert spec["replicas"] >= 2
        assert budgets[name]["spec"]["selector"] == spec["selector"]
        pod = spec["template"]["spec"]
        longest = Settings.model_fields["shutdown_timeout"].default
        assert pod["terminationGracePeriodSeconds"] > longest + 5
        assert budgets[name]["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
        path = container(name)["startupProbe"]["httpGet"]["path"]
        assert path == "/health", "answered while the database is migrated"
    assert container("app")["readinessProbe"]["httpGet"]["path"] == "/ready"
    assert "livenessProbe" in container("app")
    assert container("app")["livenessProbe"]["httpGet"]["path"] == "/health", "asks no database"


def test_secrets_are_named_and_not_written() -> None:
    everything = [*base, *documents(EXAMPLE)]

    assert of_kind("Secret", everything) == {}
    for name in OURS:
        references = [list(one) for one in container(name)["envFrom"]]
        assert references == [["secretRef"], ["configMapRef"]], "the last one wins"
    hidden = [name for name, field in Settings.model_fields.items() if "Secret" in str(field)]
    written = {name.lower() for folder in (FOLDER / "base", EXAMPLE) for name in literals(folder)}
    assert hidden
    without_password = {"database_url", "rate_limit_storage_url"}
    assert written & {*hidden} <= without_password


def test_the_programs_accept_these_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    config_map = {**literals(FOLDER / "base"), **literals(EXAMPLE)}
    assert config_map.keys() <= {name.upper() for name in Settings.model_fields}
    secret = {
        "JWT_SECRET": "j" * 40,
        "SERVICE_KEY": "s" * 40,
        "APP_ENV": "development",
        "API_PORT": "8080",
        "DB_HOST": "localhost",
        "DATABASE_URL": "sqlite:///var/app.db",
    }
    for name, value in {**secret, **config_map}.items():  # in the order of envFrom
        monkeypatch.setenv(name, value)

    settings = load_settings(tmp_path / "absent")

    assert settings.app_env == "production"
    assert settings.sqlalchemy_url.host == "postgres.example.com"
    assert settings.api_url == f"http://app:{settings.api_port}"


@pytest.mark.skipif(not KUBECTL.exists(), reason="there is no kubectl for this platform")
def test_the_example_is_put_together_as_it_should_be() -> None:
    done = subprocess.run(
        [KUBECTL, "kustomize", EXAMPLE], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    objects = list(yaml.safe_load_all(done.stdout))

    for one in objects:
        kubernetes_validate.validate(one, VERSIONS[-1], strict=True)
        if one["kind"] != "Namespace":
            assert one["metadata"]["namespace"] == KUBERNETES_NAME
    (settings,) = of_kind("ConfigMap", objects)
    made = of_kind("Deployment", objects)
    for name in OURS:
        spec = made[name]["spec"]
        (only,) = spec["template"]["spec"]["containers"]
        assert only["image"].startswith("registry.example.com/")
        assert only["envFrom"][-1]["configMapRef"]["name"] == settings
        labels = spec["template"]["metadata"]["labels"]
        assert spec["selector"]["matchLabels"].items() <= labels.items()
    service = of_kind("Service", objects)["app"]["spec"]
    labels = made["app"]["spec"]["template"]["metadata"]["labels"]
    assert service["selector"].items() <= labels.items()
    assert made["app"]["spec"]["replicas"] == 3
