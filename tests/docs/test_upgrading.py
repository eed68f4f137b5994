"""A fork takes a newer version of the template, as docs/upgrading.md says."""

import re
import shutil
from pathlib import Path

import pytest

from config.settings import ROOT
from tests.support.project import PYTHON, cloned, git, published, ran

PAGE = (ROOT / "docs" / "upgrading.md").read_text("utf-8")
NEWER = "bot/commands/usage.py", "api/routes/usage.py"  # what the old version lacks
README = "README.md"


def commands(section: str) -> list[str]:
    """The lines of the shell blocks below a heading of the page."""
    _, _, rest = PAGE.partition(f"## {section}\n")
    text = rest.partition("\n## ")[0]
    found = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return "".join(found).splitlines()


def renamed(folder: Path, title: str) -> None:
    """Change the first line of the README."""
    _, _, rest = (folder / README).read_text("utf-8").partition("\n")
    (folder / README).write_text(f"# {title}\n{rest}", "utf-8")


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", f"--message={message}")


def old_template(folder: Path) -> tuple[Path, str]:
    """A template at an old version; with the tree of today's."""
    template = published(folder)
    today = git(template, "rev-parse", "HEAD^{tree}").strip()
    git(template, "rm", "--quiet", *NEWER)
    renamed(template, "The old template")
    git(template, "commit", "--quiet", "--all", "--amend", "--message=The old version")
    return template, today


def renew(template: Path, today: str) -> None:
    """Bring the template to today's version, with one migration more."""
    git(template, "read-tree", "-um", "HEAD", today)
    ran(template, PYTHON, "manage.py", "new-domain", "plant")
    commit(template, "Today's version")


@pytest.mark.slow
def test_a_fork_with_a_domain_of_its_own_takes_a_newer_version(tmp_path: Path) -> None:
    template, today = old_template(tmp_path / "template")
    fork = cloned(template, tmp_path / "fork")
    ran(fork, PYTHON, "manage.py", "new-domain", "book", "pages:int")
    renamed(fork, "Our own")
    commit(fork, "Books")
    said = "register\nada\ncorrect horse\nadd a book called Emma with pages 7\n"
    assert "Added Emma: pages 7." in ran(fork, "make", "run", text=said)
    renew(template, today)

    (add_it, *_) = commands("Once: add the template as a remote")
    fetch, merge, join, *_ = commands("Each time")
    git(fork, *add_it.partition(" <")[0].split()[1:], str(template))
    git(fork, *fetch.split()[1:])
    stopped = git(fork, *merge.split()[1:], code=1)
    assert re.findall(r"Merge conflict in (\S+)", stopped) == [README]
    assert f"`git checkout --ours {README}`" in PAGE
    git(fork, "checkout", "--ours", README)
    commit(fork, "Merge")
    assert "both come last" in ran(fork, "make", "run", code=2)
    printed = ran(fork, *join.split())

    assert "Wrote core/migrations/versions/" in printed
    assert "All checks passed!" in printed
    assert "# Our own\n" in (fork / README).read_text("utf-8")
    schema = (fork / "config" / "schema.sql").read_text("utf-8")
    assert schema.count("CREATE TABLE books") == schema.count("CREATE TABLE plants") == 1
    asked = "ada\ncorrect horse\nlist my books\nlist my plants\n"
    answered = ran(fork, "make", "run", text=asked)
    assert "• Emma: pages 7" in answered
    assert "You have no plants yet." in answered
    tested = ran(fork, PYTHON, "-m", "pytest", "-n", "0", "-q", "tests/domains", "-k", "test_books")
    assert re.search(r"^\d+ passed", tested, re.MULTILINE), tested


def test_a_copy_without_history_is_told_once_where_it_began(tmp_path: Path) -> None:
    template, today = old_template(tmp_path / "template")
    began = git(template, "rev-parse", "HEAD").strip()
    copy = tmp_path / "copy"
    shutil.copytree(template, copy, ignore=shutil.ignore_patterns(".git"))
    git(copy, "init", "--quiet", "--initial-branch=main")
    renamed(copy, "Our own")
    commit(copy, "A copy")
    git(template, "read-tree", "-um", "HEAD", today)
    renamed(template, "The old template")
    commit(template, "Today's version")
    add_it, fetch, begin = commands("Once: add the template as a remote")

    git(copy, *add_it.partition(" <")[0].split()[1:], str(template))
    git(copy, *fetch.split()[1:])
    git(copy, *begin.partition(" <")[0].split()[1:], began)
    git(copy, *commands("Each time")[1].split()[1:])

    assert all((copy / file).exists() for file in NEWER)
    assert "# Our own\n" in (copy / README).read_text("utf-8")
