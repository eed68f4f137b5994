"""docs/agents.md: its transcript, from an empty database to three running agents, run as it is."""

import os
import re
import select
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.settings import ROOT
from tests.support import warm
from tests.support.discord_server import DiscordServer, discord_server
from tests.support.process import program

PAGE = (ROOT / "docs" / "agents.md").read_text("utf-8")
BLOCK = re.compile(r"^```(console|yaml)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
VARYING = ((r"\d+ (s|min) ago", "N s ago"), (r"\d+ ms", "N ms"), (r" +", " "), ("─+", "─"))
PROMPT = re.compile(r"(?:Name|[\])]): \Z")
PATIENCE = 60  # seconds
ANSWERS = ["helper", "", "", "", "env:AGENT_HELPER_TOKEN"]
"""What is typed into the questions of the page; the last one is not shown."""


@pytest.fixture
def discord() -> Iterator[DiscordServer]:
    with discord_server() as server:
        yield server


def exchanges(text: str) -> Iterator[tuple[str, str]]:
    """Yield each command of a block, and what it prints."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def plain(text: str) -> str:
    """What is printed, without blank lines, what fills lines up, and what differs each time."""
    for pattern, word in VARYING:
        text = re.sub(pattern, word, text)
    lines = (line.strip() for line in text.replace("\r", "").splitlines())
    return "\n".join(line for line in lines if line)


def in_terminal(arguments: list[str], environment: dict[str, str], answers: list[str]) -> str:
    """Run a command in a terminal of its own, and type these; return what the terminal showed."""
    spawn = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]))"
    process = subprocess.Popen(
        [sys.executable, "-c", spawn, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        cwd=ROOT,
    )
    assert process.stdin and process.stdout
    waiting = [*answers]
    shown = ""
    with process:
        while select.select([process.stdout], [], [], PATIENCE)[0]:
            read = os.read(process.stdout.fileno(), 4096)
            if not read:
                break
            shown += read.decode()
            if waiting and PROMPT.search(shown):
                process.stdin.write(f"{waiting.pop(0)}\n".encode())
                process.stdin.flush()
        else:
            process.kill()
    assert process.returncode == 0, shown
    return shown


@pytest.mark.slow
def test_the_transcript_is_true(discord: DiscordServer, tmp_path: Path) -> None:
    bots = {name: discord.add_bot() for name in ("PARROT", "HELPER", "WRITER")}
    discord.add_guild(*bots.values())
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    environment = os.environ | {
        "DATA_DIR": str(tmp_path / "var"),
        "DISCORD_API_URL": discord.url,
        "API_PORT": port,
        "API_URL": f"http://127.0.0.1:{port}",
        "COLUMNS": "100",
        "TERM": "dumb",
        "OPENAI_API_KEY": "nobody asks it anything here",
        **{f"AGENT_{name}_TOKEN": bot.token for name, bot in bots.items()},
    }
    file = tmp_path / "agents.yml"

    def run(command: str) -> str:
        words = shlex.split(command.replace("config/agents.yml", str(file)))
        if command.endswith("agents add"):
            return in_terminal([sys.executable, *words[1:]], environment, ANSWERS)
        done = warm.run(words[1:], cwd=ROOT, env=environment, timeout=PATIENCE)
        assert done.returncode == 0, done.stderr
        return done.stdout

    *before, running = [found.groups() for found in BLOCK.finditer(PAGE)]
    for kind, text in before:
        if kind == "yaml":
            file.write_text(text, "utf-8")
            continue
        for command, output in exchanges(text):
            assert plain(run(command)) == plain(output), command

    [(listing, output)] = exchanges(running[1])
    with program(["manage.py", "up"], tmp_path / "log", **environment) as up:
        discord.wait_until(lambda: all(bot.connected for bot in bots.values()), PATIENCE)
        discord.wait_until(lambda: run(listing).count("online") == 3, PATIENCE)
        assert plain(run(listing)) == plain(output)
        up.terminate()
        assert up.exit_code() == 0, up.log
    assert not any(bot.token in up.log for bot in bots.values())
