"""What the project asks for is pinned, and says why it is there."""

import re
import tomllib

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
    rooms = ("ai", "api", "bot", "cli", "config", "core", "scheduler")
    files = [ROOT / "manage.py", *(path for room in rooms for path in (ROOT / room).rglob("*.py"))]
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
