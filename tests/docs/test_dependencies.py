"""What the project asks for is pinned, and says why it is there."""

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from itertools import product

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from config.settings import ROOT

DOCUMENT = (ROOT / "docs" / "dependencies.md").read_text("utf-8")

MODULES = {
    "discord.py": "discord",
    "psycopg2-binary": "psycopg2",
    "pyjwt": "jwt",
    "python-dateutil": "dateutil",
    "python-dotenv": "dotenv",
    "python-json-logger": "pythonjsonlogger",
    "pyyaml": "yaml",
}
"""What a package is imported as, where that is not its name."""
BY_NAME = {"tzdata", "redis"}  # read by zoneinfo; imported by limits where a URL names it

PYTHONS = ("3.11.0", "3.11.7", "3.12.0", "3.13.0", "3.14.0")
MARKS = ("sys_platform", "platform_system", "os_name", "platform_machine")
PLATFORMS = (
    ("linux", "Linux", "posix", "x86_64"),
    ("linux", "Linux", "posix", "aarch64"),
    ("darwin", "Darwin", "posix", "arm64"),
    ("win32", "Windows", "nt", "AMD64"),
)
ENVIRONMENTS = [
    {
        "python_version": python.rpartition(".")[0],
        "python_full_version": python,
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        **dict(zip(MARKS, names, strict=True)),
    }
    for python, names in product(PYTHONS, PLATFORMS)
]
"""The environments that one file of pins serves."""


def wanted(name: str) -> set[str]:
    """The packages that a .in file asks for."""
    lines = (ROOT / name).read_text("utf-8").splitlines()
    names = (line.partition(";")[0].strip() for line in lines)
    return {name for name in names if name and not name.startswith(("#", "-r"))}


def pinned(name: str) -> dict[str, str]:
    """The packages of a requirements file and their exact versions; each has its files' hashes."""
    text = (ROOT / name).read_text("utf-8").replace("\\\n", " ")
    pins = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            package, _, rest = line.partition("==")
            assert rest, f"{name} doesn't pin {line}"
            assert "--hash=sha256:" in rest, f"{name} has no hash for {package}: run `make pins`"
            pins[re.sub(r"[-_.]+", "-", package).lower()] = rest.split()[0]
    return pins


def pins_of(name: str) -> list[Requirement]:
    """The lines of a requirements file, markers included."""
    lines = re.findall(r"^(\w[^\\\n]*)", (ROOT / name).read_text("utf-8"), re.MULTILINE)
    return [Requirement(line) for line in lines]


@cache
def requirements_of(package: str) -> list[Requirement]:
    """What a package requires; none where it is for other machines than this one."""
    try:
        return [Requirement(text) for text in metadata.requires(package) or []]
    except metadata.PackageNotFoundError:
        return []


def unmet(name: str, environment: dict[str, str]) -> Iterator[str]:
    """What pinned packages require in this environment, and what the file does not pin so."""
    pins = {
        canonicalize_name(pin.name): pin
        for pin in pins_of(name)
        if pin.marker is None or pin.marker.evaluate(environment)
    }
    asked = [(package, "") for package in pins]  # of each package, with each extra of it, once
    for package, extra in asked:
        for one in requirements_of(package):
            if one.marker and not one.marker.evaluate({**environment, "extra": extra}):
                continue
            pin = pins.get(canonicalize_name(one.name))
            if pin is None or not one.specifier.contains(str(pin.specifier).removeprefix("==")):
                yield f"{package} [{extra}] requires {one}; pinned is {pin}"
            more = {(canonicalize_name(one.name), extra) for extra in one.extras}
            asked.extend(more.difference(asked))


def normal(names: set[str]) -> set[str]:
    return {re.sub(r"[-_.]+", "-", name).lower() for name in names}


def documented(heading: str) -> set[str]:
    section = DOCUMENT.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| ([\w.-]+) \| (.+?) \|", section, re.MULTILINE)
    return {name for name, reason in rows if name not in ("package", "---") and reason.strip()}


def test_every_runtime_package_has_its_reason() -> None:
    assert documented("To run") == wanted("requirements.in")


def test_every_development_package_has_its_reason() -> None:
    assert documented("To test and check") == wanted("requirements-dev.in")


def test_every_runtime_package_is_used() -> None:
    packages = ("ai", "api", "bot", "cli", "config", "core", "runtime", "scheduler")
    files = [
        ROOT / "manage.py",
        *(path for name in packages for path in (ROOT / name).rglob("*.py")),
    ]
    code = "\n".join(path.read_text("utf-8") for path in files)
    modules = {
        package: MODULES.get(package, package.replace("-", "_"))
        for package in wanted("requirements.in") - BY_NAME
    }

    unused = {
        package
        for package, module in modules.items()
        if not re.search(rf"^\s*(?:from|import) {module}\b|\"{module}\.", code, re.MULTILINE)
    }
    assert unused == set()


def test_every_package_asked_for_is_pinned() -> None:
    to_run = pinned("requirements.txt")
    to_test = pinned("requirements-dev.txt")
    assert to_run.items() <= to_test.items(), "one version of each, to run and to test"
    assert normal(wanted("requirements.in")) <= to_run.keys()
    assert normal(wanted("requirements-dev.in")) <= to_test.keys()


def test_the_version_is_the_changelogs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    released = re.findall(r"^## \[(\d+\.\d+\.\d+)\]", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert released[0] == project["version"]


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_all_that_a_pinned_package_requires_is_pinned(name: str) -> None:
    """So that no later release of anything can change or break an installation."""
    found = {line for environment in ENVIRONMENTS for line in unmet(name, environment)}

    assert found == set()


def test_the_environment_holds_what_is_asked_here() -> None:
    """The test above reads what is installed: it must be what the file pins."""
    for pin in pins_of("requirements-dev.txt"):
        if pin.marker is None or pin.marker.evaluate():
            assert metadata.version(pin.name) in pin.specifier
