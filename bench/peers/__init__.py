"""What is measured beside the project: frameworks with its view, table and token, and queues.

They are installed into an environment of their own at the first use, since none of them is one of
the project's packages. Where that fails, for want of a network, the project is measured alone.
"""

import os
import socket
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
ENVIRONMENT = HERE.parents[1] / "var" / "bench-peers"
REQUIREMENTS = HERE / "requirements.txt"
UVICORN = "-m uvicorn --no-access-log --port {port} bench.peers.{name}:app"
PEERS = {
    "fastapi_asyncpg": UVICORN,
    "fastapi_sqlmodel": UVICORN,
    "flask_sqlalchemy_marshmallow": "-m bench.peers.{name} {port} {threads}",
}
PATIENCE = 30  # seconds for a server to start


def python_of_peers() -> Path | None:
    """Return the interpreter that has the peers' packages; None where they can't be installed."""
    python = ENVIRONMENT / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    done = ENVIRONMENT / "installed.txt"
    wanted = REQUIREMENTS.read_text(encoding="utf-8")
    if done.exists() and done.read_text(encoding="utf-8") == wanted:
        return python
    print("installing what is measured beside the project, once")
    venv.create(ENVIRONMENT, with_pip=True, clear=True)
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    result = subprocess.run([*command, "-r", REQUIREMENTS], check=False)
    if result.returncode:
        print("they can't be installed (is there a network?): the project is measured without them")
        return None
    done.write_text(wanted, encoding="utf-8")
    return python


@contextmanager
def running_peer(
    name: str, python: Path, url: str, secret: str, threads: int
) -> Iterator[tuple[int, int]]:
    """Run a peer in a process of its own; yield its port and the process's number."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = PEERS[name].format(name=name, port=port, threads=threads).split()
    environment = os.environ | {
        "DATABASE_URL": url.replace("postgresql+psycopg2://", "postgresql://"),
        "JWT_SECRET": secret,
        "POOL_SIZE": str(threads),
    }
    process = subprocess.Popen(
        [python, *command],
        cwd=HERE.parents[1],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + PATIENCE
        while True:
            assert process.poll() is None, f"{name} ended"
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert time.monotonic() < deadline, f"{name} did not start"
                time.sleep(0.05)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()
