"""The first session, as a newcomer has it: a real process and piped input."""

import stat
from pathlib import Path

from tests.system.test_first_session import run

SESSION = """\
register
ada
correct horse battery staple
add buy milk to my tasks
remind me to water the plants in 3 seconds
list my tasks
complete buy milk
what can i say
"""


def test_the_first_session_ends_with_the_reminder(tmp_path: Path) -> None:
    done = run(tmp_path, "up", text=SESSION)

    assert done.returncode == 0, done.stderr
    started, *_ = done.stdout.partition("you>")
    assert 1 <= len(started.strip().splitlines()) <= 5
    assert "DISCORD_BOT_TOKEN" in started
    assert "OPENROUTER_API_KEY" in started
    listed = done.stdout.index("list my tasks")
    completed = done.stdout.index("complete buy milk")
    assert "buy milk" in done.stdout[listed:completed]
    assert "water the plants" in done.stdout[listed + 10 : completed]
    assert "Reminder: water the plants" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    log = (tmp_path / "var" / "bot.log").read_text("utf-8")
    for secret in ("correct horse", "water the plants", "buy milk"):
        assert secret not in log
    kept = tmp_path / "var" / "secrets.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600

    again = run(tmp_path, "up", "--chat", "list my tasks")
    assert again.returncode == 0, again.stderr
    assert "water the plants" in again.stdout, "the log-in survives a restart"
    assert "buy milk" not in again.stdout, "what is complete is not listed"
