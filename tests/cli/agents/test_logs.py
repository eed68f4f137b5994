"""`manage.py agents logs`: the lines of one agent, in plain text and in JSON, rotated or not."""

import asyncio
import logging
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import manage
from config.settings import Settings, get_settings
from runtime import logs
from runtime.run import run as run_program
from tests.support.process import program


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The log's file, which LOG_FILE names."""
    path = tmp_path / "logs" / "bot.log"
    monkeypatch.setenv("LOG_FILE", str(path))
    get_settings.cache_clear()
    yield path
    monkeypatch.undo()
    get_settings.cache_clear()


@pytest.fixture
def root_logger() -> Iterator[None]:
    """Leave logging as it was."""
    root = logging.getLogger()
    handlers, level = [*root.handlers], root.level
    yield
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.handlers[:], root.level = handlers, level


def write(settings: Settings) -> None:
    """Have two agents log side by side, as the pool has them do, and one crash."""
    logs.configure_logging(settings)
    logger = logging.getLogger("bot.test")

    async def live(name: str) -> None:
        logs.agent.set(name)
        for number in range(3):
            await asyncio.sleep(0)
            logger.info("line %d of %s", number, name)
        if name == "parrot":
            try:
                raise RuntimeError
            except RuntimeError:
                logger.exception("it crashed")

    async def both() -> None:
        await asyncio.gather(
            asyncio.create_task(live("parrot")), asyncio.create_task(live("parrot-2"))
        )

    asyncio.run(both())
    logger.info("a line of nobody")


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[str, str]:
    sys.argv[:] = ["manage.py", "agents", "logs", *arguments]
    with pytest.raises(SystemExit):
        run_program(manage.main)
    return capsys.readouterr()


@pytest.mark.usefixtures("root_logger")
@pytest.mark.parametrize("form", ["plain", "json"])
def test_an_agents_lines_are_shown_with_its_tracebacks(
    file: Path, form: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [])
    write(get_settings().model_copy(update={"log_format": form}))
    out, _ = shown(capsys, "parrot")
    assert "line 0 of parrot" in out
    assert "it crashed" in out
    assert "RuntimeError" in out
    for other in ("parrot-2", "nobody"):
        assert other not in out
    rotated = file.with_name("bot.log.1")
    file.rename(rotated)
    file.write_text("")
    assert shown(capsys, "parrot")[0] == out, "the rotated file counts too"
    latest, _ = shown(capsys, "parrot-2", "-n", "1")
    assert "line 2 of parrot-2" in latest
    assert len(latest.splitlines()) == 1
    assert shown(capsys, "nobody-s")[0] == ""


@pytest.mark.slow
@pytest.mark.usefixtures("root_logger")
def test_new_lines_are_followed_into_the_next_file(file: Path, tmp_path: Path) -> None:
    write(get_settings())
    log = tmp_path / "shown"
    arguments = ["manage.py", "agents", "logs", "parrot", "-n", "0", "-f"]
    with program(arguments, log, LOG_FILE=str(file), PYTHONUNBUFFERED="1") as following:
        line = "2030-01-01T00:00:00.000+00:00 INFO    bot.test [{} -] {}\n"
        deadline = time.monotonic() + 30
        number = 0
        while "number" not in following.log:  # from when on it looks is its own business
            assert time.monotonic() < deadline
            with file.open("a") as end:
                end.write(line.format("parrot", f"number {number}"))
            number += 1
            time.sleep(0.2)
        os.rename(file, file.with_name("bot.log.1"))
        file.write_text(line.format("other", "not ours") + line.format("parrot", "in the new file"))
        following.wait_for_line("in the new file")
        assert "not ours" not in following.log


def test_where_there_is_no_file_it_is_said(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [])
    assert "the service has written nothing to it" in shown(capsys, "parrot")[1]
    monkeypatch.delenv("LOG_FILE")
    get_settings.cache_clear()
    assert "LOG_FILE is not set" in shown(capsys, "parrot")[1]
