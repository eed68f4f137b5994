"""What `docker compose up` would start: what the files say beside what Compose reads in them."""

import fnmatch
import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.settings import ROOT, ConfigError, Settings, load_settings

SECRETS = {"DB_PASS": "p" * 40, "JWT_SECRET": "j" * 40, "SERVICE_KEY": "s" * 40}
OURS = ("app", "scheduler", "bot")
VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)(?::([-?])([^}]*))?\}")

top = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
stack = yaml.safe_load((ROOT / "deploy" / "services.yml").read_text("utf-8"))
services: dict[str, dict[str, Any]] = stack["services"]
dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
dockerignore = (ROOT / ".dockerignore").read_text("utf-8").splitlines()


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


def test_the_monitoring_watches_every_service_of_the_program() -> None:
    scraped = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text("utf-8"))
    (names,) = (found["dns_sd_configs"] for found in scraped["scrape_configs"])

    assert sorted(names[0]["names"]) == sorted(OURS)
    assert str(names[0]["port"]) == services["bot"]["environment"]["METRICS_PORT"]


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
    text = (ROOT / "deploy" / "services.yml").read_text("utf-8")
    found = {name: (kind, rest) for name, kind, rest in VARIABLE.findall(text)}

    assert {name for name, (kind, _) in found.items() if kind == "?"} == set(SECRETS)
    for name in SECRETS:
        assert "make secrets" in found[name][1]
        assert "config/.env" in found[name][1]
    assert {name for name, (kind, _) in found.items() if kind == "-"} == {
        "API_PORT",
        "DB_NAME",
        "DB_USER",
        "LOG_FORMAT",
        "MCP_PORT",
        "TLS_DOMAIN",
        "TRUSTED_PROXIES",
    }
    for name in ("API_PORT", "DB_NAME", "DB_USER"):
        assert found[name][1] == str(Settings.model_fields[name.lower()].default)
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
