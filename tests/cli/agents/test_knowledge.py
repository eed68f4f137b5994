"""`manage.py agents knowledge`: files of every kind, and hostile ones."""

import os
import zlib
from pathlib import Path

import pytest

from cli.agents import documents
from cli.agents.documents import MAX_PASSAGE, NotRead, read
from core import agents
from core.agents import knowledge
from core.db.engine import Database
from tests.cli.agents.test_commands import Manage, run

__all__ = ["run"]

pytestmark = pytest.mark.usefixtures("database")


def pdf(*pages: bytes) -> bytes:
    """Return a PDF with these content streams."""
    contents = [zlib.compress(page) for page in pages]
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number, content in enumerate(contents):
        page = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800]"
        page += f" /Contents {5 + 2 * number} 0 R"
        objects.append(f"{page} /Resources << /Font << /F1 3 0 R >> >> >>".encode())
        head = f"<< /Length {len(content)} /Filter /FlateDecode >>\nstream\n".encode()
        objects.append(head + content + b"\nendstream")
    made, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(made))
        made += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    start = len(made)
    made += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}".encode()
    made += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\n".encode()
    return made + f"startxref\n{start}\n%%EOF\n".encode()


def text(words: str) -> bytes:
    return f"BT /F1 12 Tf 50 700 Td ({words}) Tj ET".encode()


@pytest.fixture
def folder(tmp_path: Path, database: Database) -> Path:
    agents.add("sage", "a.b.c", {"type": "llm", "settings": {"model": "m"}})
    folder = tmp_path / "library"
    (folder / "more").mkdir(parents=True)
    return folder


def test_a_folder_is_added_listed_and_removed(run: Manage, folder: Path) -> None:
    (folder / "staff.md").write_text("# Staff\n\n## Holidays\nThirty days a year.\n## Tea\nFree.\n")
    (folder / "more" / "plan.txt").write_text("\ufeffThe plan is simple.", "utf-8")
    (folder / "manual.pdf").write_bytes(pdf(text("First the lid"), text("Then the kettle boils")))
    (folder / "picture.png").write_bytes(b"\x89PNG")
    (folder / ".hidden.md").write_text("secret")

    code, out, err = run("agents", "knowledge", "add", "sage", str(folder))
    assert (code, err) == (0, "")
    assert "Added 3 documents to sage." in out
    assert agents.find("sage")["settings"]["knowledge"] is True
    _, out, _ = run("agents", "knowledge", "list", "sage")
    assert [name in out for name in ("staff.md", "more/plan.txt", "manual.pdf")] == [True] * 3

    (found, *_) = knowledge.search("sage", "kettle boiling", 5)
    assert (found["source"], found["place"]) == ("manual.pdf", "page 2")
    (found, *_) = knowledge.search("sage", "holidays", 5)
    assert (found["source"], found["place"]) == ("staff.md", "Holidays")

    code, out, _ = run("agents", "knowledge", "remove", "sage", "manual.pdf", "more/plan.txt")
    assert (code, out) == (0, "Removed 2 documents.\n")
    assert [row["name"] for row in knowledge.list_all("sage")] == ["staff.md"]
    code, _, err = run("agents", "knowledge", "remove", "sage", "manual.pdf")
    assert code == 2
    assert "no document called manual.pdf" in err


def test_hostile_files_are_left_out_and_the_rest_is_added(run: Manage, folder: Path) -> None:
    secret = folder.parent / "secret.md"
    secret.write_text("the secret")
    (folder / "link.md").symlink_to(secret)
    (folder / "linked").symlink_to(folder.parent, target_is_directory=True)
    os.mkfifo(folder / "pipe.md")
    (folder / "binary.txt").write_bytes(b"abc\0def")
    (folder / "latin.txt").write_bytes(b"caf\xe9")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4\n" + b"<< /Kids " * 20_000)
    (folder / "bomb.pdf").write_bytes(pdf(b" " * 100_000_000))
    (folder / "line.txt").write_text("word " * 300_000)
    (folder / "good.md").write_text("This is good.")

    code, out, err = run("agents", "knowledge", "add", "sage", str(folder))
    assert code == 1
    assert "Added 2 documents" in out
    for name in ("pipe.md", "binary.txt", "latin.txt", "broken.pdf", "bomb.pdf"):
        assert f"{name} was left out" in err, name
    assert {row["name"] for row in knowledge.list_all("sage")} == {"good.md", "line.txt"}
    assert knowledge.search("sage", "secret", 5) == []
    assert all(len(one["content"]) <= MAX_PASSAGE for one in knowledge.search("sage", "word", 20))

    code, _, err = run("agents", "knowledge", "add", "sage", str(folder / "link.md"))
    assert code == 2
    assert "links are not followed" in err


def test_only_agents_that_can_look_things_up_have_documents(run: Manage, folder: Path) -> None:
    agents.add("parrot", "d.e.f", {"type": "echo"})
    code, _, err = run("agents", "knowledge", "add", "parrot", str(folder))
    assert code == 2
    assert "only llm agents" in err


def test_a_file_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "MAX_BYTES", 1000)
    large = tmp_path / "large.md"
    large.write_text("x" * 1001)
    with pytest.raises(NotRead, match="larger than"):
        read(large)


def test_paragraphs_stay_whole_and_a_heading_in_code_is_none(tmp_path: Path) -> None:
    file = tmp_path / "a.md"
    paragraphs = [f"{number} " + "word " * 120 for number in range(4)]
    file.write_text("# Top #\n" + "\n\n".join(paragraphs) + "\n```sh\n# a comment\n```\n")
    passages = read(file)
    assert {one.place for one in passages} == {"Top"}
    assert [one.content.split()[0] for one in passages] == ["0", "1", "2", "3"]
    assert "# a comment" in passages[-1].content
