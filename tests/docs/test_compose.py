"""What `docker compose up` would start, read from the files as Compose reads them."""

import fnmatch
import importlib.util
import json
import os
import re
import shutil
import subprocess
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema.validators import validator_for

from config.settings import ROOT, ConfigError, Settings, load_settings

SECRETS = {"DB_PASS": "p" * 40, "JWT_SECRET": "j" * 40, "SERVICE_KEY": "s" * 40}
OURS = ("app", "scheduler", "bot")
EXTRAS = {"redis": "redis", "ntfy": "ntfy", "prometheus": "monitoring", "grafana": "monitoring"}
VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)(?::([-?])([^}]*))?\}")

top = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
stack = yaml.safe_load((ROOT / "config" / "services.yml").read_text("utf-8"))
services: dict[str, dict[str, Any]] = stack["services"]
dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
dockerignore = (ROOT / ".dockerignore").read_text("utf-8").splitlines()


def has_compose() -> bool:
    """Whether Docker's compose plugin is installed; reading the files needs no engine."""
    docker = shutil.which("docker")
    return (
        bool(docker)
        and not subprocess.run([docker, "compose", "version"], capture_output=True).returncode
    )


def test_the_services_are_read_with_config_env() -> None:
    assert top["include"] == [
        {"path": "config/services.yml", "project_directory": ".", "env_file": "config/.env"}
    ]
    assert set(services) == {"db", *OURS, *EXTRAS}


def test_extras_start_when_they_are_asked_for() -> None:
    asked = {
        name: service["profiles"] for name, service in services.items() if "profiles" in service
    }

    assert asked == {name: [profile] for name, profile in EXTRAS.items()}


def test_they_start_in_the_order_of_their_health() -> None:
    def waits_for(name: str) -> dict[str, str]:
        return {
            other: how["condition"] for other, how in services[name].get("depends_on", {}).items()
        }

    assert waits_for("db") == {}
    assert waits_for("app") == {"db": "service_healthy"}
    assert waits_for("scheduler") == {"app": "service_healthy"}
    assert waits_for("bot") == {"app": "service_healthy"}
    assert "pg_isready" in str(services["db"]["healthcheck"]["test"])
    assert services["app"]["healthcheck"]["test"][:3] == ["CMD", "python", "-c"]


def test_every_service_says_whether_it_is_well() -> None:
    assert [
        name for name, service in services.items() if "test" not in service["healthcheck"]
    ] == []
    for name, port in (("app", "API_PORT"), ("scheduler", "METRICS_PORT"), ("bot", "METRICS_PORT")):
        *_, code = services[name]["healthcheck"]["test"]
        compile(code, "healthcheck", "exec")
        assert f":{services[name]['environment'][port]}/health" in code


def test_of_the_program_the_api_alone_is_published_and_only_on_this_machine() -> None:
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}

    assert published.keys() & {"db", *OURS} == {"app"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)
    assert all("network_mode" not in service for service in services.values())


def test_every_service_of_the_program_can_be_scaled() -> None:
    (port,) = services["app"]["ports"]
    _, published, target = port.split(":")
    first, _, last = published.partition("-")

    assert (first, target) == ("8080", services["app"]["environment"]["API_PORT"])
    assert int(last) - int(first) >= 9, "each replica gets a port of its own"
    assert all("container_name" not in service for service in services.values())


def test_no_container_can_change_its_files_or_gain_rights() -> None:
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service.get("privileged"), name
    for name in OURS:
        assert services[name]["tmpfs"] == ["/tmp"]  # noqa: S108 - in the container
        assert services[name]["volumes"] == ["var:/app/var"]
        assert "cap_add" not in services[name]


def test_every_service_has_limits() -> None:
    for name, service in services.items():
        limits = service["deploy"]["resources"]["limits"]
        assert limits.keys() == {"cpus", "memory"}, name
        assert service["pids_limit"] > 0, name


def test_the_files_follow_the_compose_specification() -> None:
    schema = json.loads(
        resources.files("check_jsonschema")
        .joinpath("builtin_schemas/vendor/compose-spec.json")
        .read_text("utf-8")
    )
    validator = validator_for(schema)(schema)

    for document in (top, stack):
        assert [error.message for error in validator.iter_errors(document)] == []
    assert not validator.is_valid(stack | {"services": {"app": {"imagee": "x"}}})


def test_the_monitoring_watches_every_service_of_the_program() -> None:
    folder = ROOT / "deploy"
    scraped = yaml.safe_load((folder / "prometheus" / "prometheus.yml").read_text("utf-8"))
    (names,) = (found["dns_sd_configs"] for found in scraped["scrape_configs"])

    assert sorted(names[0]["names"]) == sorted(OURS)
    assert str(names[0]["port"]) == services["bot"]["environment"]["METRICS_PORT"]
    mounted = [v for name in ("prometheus", "grafana") for v in services[name]["volumes"]]
    for path in (volume.split(":")[0] for volume in mounted if volume.startswith("./")):
        assert (ROOT / path).is_dir(), path


def test_everything_restarts_and_rotates_its_log() -> None:
    for service in services.values():
        assert service["restart"] == "unless-stopped"
        assert service["logging"]["options"].keys() == {"max-size", "max-file"}


def test_the_programs_share_one_image_and_run_a_module_that_exists() -> None:
    assert {services[name]["image"] for name in OURS} == {top["name"]}
    for name in OURS:
        python, flag, module = services[name]["command"]
        assert (python, flag) == ("python", "-m")
        assert importlib.util.find_spec(module), module


def test_they_get_time_to_finish() -> None:
    for name in OURS:
        grace = int(services[name]["stop_grace_period"].removesuffix("s"))
        assert grace > Settings.model_fields["shutdown_timeout"].default
        assert services[name]["init"] is True


def test_secrets_have_no_default_and_the_error_says_how_to_make_them() -> None:
    text = (ROOT / "config" / "services.yml").read_text("utf-8")
    found = {name: (kind, rest) for name, kind, rest in VARIABLE.findall(text)}

    assert {name for name, (kind, _) in found.items() if kind == "?"} == set(SECRETS)
    for name in SECRETS:
        assert "make secrets" in found[name][1]
        assert "config/.env" in found[name][1]
    assert {name for name, (kind, _) in found.items() if kind == "-"} == {
        "DB_NAME",
        "DB_USER",
        "LOG_FORMAT",
    }
    for name in ("DB_NAME", "DB_USER"):
        assert found[name][1] == Settings.model_fields[name.lower()].default
    assert found["LOG_FORMAT"][1] == "json"


def test_the_programs_accept_the_environment_they_are_given(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in services["app"]["environment"].items():
        assert name.lower() in Settings.model_fields, f"{name} is no setting"
        monkeypatch.setenv(name, VARIABLE.sub(lambda found: SECRETS.get(found[1], found[3]), value))

    settings = load_settings(tmp_path / "absent")

    assert settings.app_env == "production"
    assert settings.sqlalchemy_url.host == "db"
    assert settings.sqlalchemy_url.password == SECRETS["DB_PASS"]
    assert settings.api_url == f"http://app:{settings.api_port}"
    monkeypatch.delenv("JWT_SECRET")
    with pytest.raises(ConfigError, match=r"JWT_SECRET.*make secrets"):
        load_settings(tmp_path / "absent")


def test_the_database_gets_the_same_password_as_the_programs() -> None:
    given = services["db"]["environment"]

    assert given["POSTGRES_PASSWORD"] == services["app"]["environment"]["DB_PASS"]
    assert "env_file" not in services["db"], "the database needs no other secret"


def test_the_image_runs_as_nobody_special_and_holds_no_secret() -> None:
    instructions = [
        line.split(maxsplit=1) for line in dockerfile.splitlines() if line[:1].isupper()
    ]
    users = [rest for instruction, rest in instructions if instruction == "USER"]

    assert users and users[-1] not in ("root", "0")
    assert not re.search(r"(?i)(ENV|ARG).*(TOKEN|SECRET|PASS|_KEY)", dockerfile)
    images = re.findall(r"^ARG \w+_IMAGE=(.+)$", dockerfile, re.MULTILINE)
    assert len(images) == 1
    images += [service["image"] for name, service in services.items() if name not in OURS]
    assert all(re.search(r":v?\d+\.\d+", image) for image in images), "an exact tag each"


def test_what_installs_the_packages_stays_out_of_the_image() -> None:
    build, image = dockerfile.split("\n\n\nFROM ", 1)

    assert "--require-hashes --only-binary :all:" in build
    assert "--without-pip" in build
    assert "install -r" not in image
    assert "apt-get" not in image
    assert "pip uninstall" in image
    assert "COPY --from=packages" in image


def test_a_change_in_the_code_installs_nothing_anew() -> None:
    install = dockerfile.index("--require-hashes")

    assert dockerfile.index("COPY requirements.txt") < install < dockerfile.index("COPY . .")


def test_the_image_holds_the_program_and_nothing_else() -> None:
    def ignored(path: str) -> bool:
        verdict = False
        for rule in filter(lambda line: line and not line.startswith("#"), dockerignore):
            pattern = rule.removeprefix("!").replace("**/", "*")
            parts = [path, *(str(folder) for folder in Path(path).parents)]
            if any(fnmatch.fnmatch(part, pattern) for part in parts[:-1]):
                verdict = not rule.startswith("!")
        return verdict

    for path in ("manage.py", "requirements.txt", "api/main.py", "config/settings.py"):
        assert not ignored(path), path
    for path in ("config/.env", "config/.env.local", ".git/config", "var/app.db", "tests/x.py"):
        assert ignored(path), path


@pytest.mark.skipif(not has_compose(), reason="Docker's compose plugin is not installed")
def test_compose_reads_it_the_same_way(tmp_path: Path) -> None:
    shutil.copy(ROOT / "docker-compose.yml", tmp_path)
    (tmp_path / "config").mkdir()
    shutil.copy(ROOT / "config" / "services.yml", tmp_path / "config")

    def config(env: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "config" / ".env").write_text(env)
        command = ["docker", "compose", "config", "--format", "json"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    refused = config("DISCORD_BOT_TOKEN=token\n")
    assert refused.returncode != 0
    assert "make secrets" in refused.stderr

    done = config("DISCORD_BOT_TOKEN=token\n" + "".join(f"{k}={v}\n" for k, v in SECRETS.items()))
    assert done.returncode == 0, done.stderr
    resolved = json.loads(done.stdout)["services"]
    assert resolved["db"]["environment"]["POSTGRES_PASSWORD"] == SECRETS["DB_PASS"]
    assert resolved["bot"]["environment"]["DISCORD_BOT_TOKEN"] == "token"


COMPOSE = shutil.which("docker-compose")


@pytest.mark.skipif(not COMPOSE, reason="Debian's docker-compose is not installed")
def test_debians_compose_reads_the_services_too(tmp_path: Path) -> None:
    """Debian's docker-compose is older than `include`: it is given the services' file itself."""
    env_file = tmp_path / "config" / ".env"
    env_file.parent.mkdir()
    env_file.write_text("".join(f"{name}={value}\n" for name, value in SECRETS.items()))
    shutil.copy(ROOT / "config" / "services.yml", env_file.parent)
    profiles = [word for profile in set(EXTRAS.values()) for word in ("--profile", profile)]
    files = ["--project-directory", ".", "-f", "config/services.yml", "--env-file", "config/.env"]

    done = subprocess.run(
        [str(COMPOSE), *files, *profiles, "config"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    read = yaml.safe_load(done.stdout)["services"]
    assert read.keys() == services.keys()
    for name in OURS:
        assert read[name]["environment"]["JWT_SECRET"] == SECRETS["JWT_SECRET"]
        assert read[name]["read_only"] is True
