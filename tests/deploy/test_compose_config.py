"""What Compose itself reads in the files. `.ci/compose` runs this with the oldest versions too."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.compose import GOOD, SECRETS, checkout, config, needs_compose, services

ALWAYS = {"db", "app", "proxy", "scheduler", "bot"}
PROFILES = {
    "redis": {"redis"},
    "ntfy": {"ntfy"},
    "monitoring": {"prometheus", "grafana"},
    "tls": {"tls"},
}
SCALED = ("app", "scheduler", "bot")

pytestmark = needs_compose


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout without config/.env."""
    return checkout(tmp_path)


def published(service: dict[str, Any]) -> list[tuple[str | None, str]]:
    return [(port.get("host_ip"), port["published"]) for port in service.get("ports", [])]


def test_without_config_env_the_error_names_the_file(project: Path) -> None:
    done = config(project)

    assert done.returncode != 0
    assert str(project / "config" / ".env") in done.stderr


def test_an_empty_config_env_is_told_how_to_fill_it(project: Path) -> None:
    (project / "config" / ".env").touch()

    done = config(project)

    assert done.returncode != 0
    assert "`make secrets`" in done.stderr


@pytest.mark.parametrize("missing", SECRETS)
def test_each_missing_secret_is_named(project: Path, missing: str) -> None:
    (project / "config" / ".env").write_text(GOOD.replace(f"{missing}=", f"NOT_{missing}="))

    done = config(project)

    assert done.returncode != 0
    assert missing in done.stderr


@pytest.mark.parametrize("profile", [None, *PROFILES])
def test_each_profile_adds_its_services(project: Path, profile: str | None) -> None:
    read = services(project, GOOD, [profile] if profile else [])

    assert read.keys() == ALWAYS | (PROFILES[profile] if profile else set())


def test_settings_reach_the_programs_without_quotes_and_comments(project: Path) -> None:
    read = services(project, GOOD + 'DISCORD_BOT_TOKEN="to#ken"  # the bot\'s\nTIME_ZONE=UTC\n')

    for name in SCALED:
        given = read[name]["environment"]
        assert given["DISCORD_BOT_TOKEN"] == "to#ken"
        assert given["TIME_ZONE"] == "UTC"
        assert given["DATABASE_URL"] == ""
        assert SECRETS.items() <= given.items()
    assert read["db"]["environment"]["POSTGRES_PASSWORD"] == SECRETS["DB_PASS"]
    assert SECRETS["JWT_SECRET"] not in str(read["db"]) + str(read["proxy"])


@pytest.mark.parametrize(("line", "port"), [("", "8080"), ("API_PORT=9123\n", "9123")])
def test_the_api_has_one_address_that_api_port_moves(project: Path, line: str, port: str) -> None:
    read = services(project, GOOD + line)

    assert published(read["proxy"]) == [("127.0.0.1", port)]
    assert read["app"]["environment"]["API_PORT"] == "5000", "inside, it stays where it is"


def test_what_is_scaled_publishes_nothing_so_that_no_two_replicas_clash(project: Path) -> None:
    read = services(project, GOOD, list(PROFILES))

    for name in SCALED:
        assert published(read[name]) == []
        assert "container_name" not in read[name]
    ports = [port for service in read.values() for _, port in set(published(service))]
    assert len(ports) == len(set(ports)), "all profiles together"
    public = {name for name, s in read.items() for ip, _ in published(s) if ip != "127.0.0.1"}
    assert public == {"tls"}


def test_every_path_leads_into_the_project(project: Path) -> None:
    read = services(project, GOOD, list(PROFILES))

    for name in SCALED:
        assert read[name]["build"]["context"] == str(project)
    mounts = [volume for s in read.values() for volume in s.get("volumes", [])]
    sources = [Path(mount["source"]) for mount in mounts if mount["type"] == "bind"]
    assert sources
    assert all(source.is_relative_to(project) and source.exists() for source in sources)
    assert all(mount["read_only"] for mount in mounts if mount["type"] == "bind")


def test_every_service_has_limits(project: Path) -> None:
    for name, service in services(project, GOOD, list(PROFILES)).items():
        assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}, name


def test_certificates_are_asked_for_the_domain_that_is_set(project: Path) -> None:
    read = services(project, GOOD + "TLS_DOMAIN=bot.example.com\nTRUSTED_PROXIES=2\n", ["tls"])

    assert read["tls"]["environment"]["SITE"] == "bot.example.com"
    assert read["app"]["environment"]["TRUSTED_PROXIES"] == "2"
    assert services(project, GOOD)["app"]["environment"]["TRUSTED_PROXIES"] == "1"
