"""A MariaDB server of our own on 127.0.0.1, for as long as a command runs.

`python -m tests.support.mariadb make test` runs the command with TEST_MYSQL_URL set, and ends as it
ends. The server's programs are those of Debian's package mariadb-server.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pymysql

from tests.support.servers import free_port, ownership

START_TIMEOUT = 60  # seconds
STOP_TIMEOUT = 20  # seconds
ADMIN = "root"
# No defaults: the machine's own server, if any, is left alone. Durability is not what is tested.
FAST = (
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-flush-method=nosync",
    "--innodb-fast-shutdown=2",
    "--skip-log-bin",
    "--skip-name-resolve",
    "--max-connections=200",
)


@contextmanager
def mariadb_server() -> Iterator[str]:
    """Make and start a server, yield the SQLAlchemy URL of its administrator; delete it after."""
    server_program, install_program = (
        shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
        for name in ("mariadbd", "mariadb-install-db")
    )
    if server_program is None or install_program is None:
        raise SystemExit("MariaDB's server is missing; on Debian: apt install mariadb-server")
    folder = Path(tempfile.mkdtemp(prefix="mariadb-"))
    try:
        own = ownership(folder)
        data, log, port = folder / "data", folder / "log", free_port()
        with log.open("wb") as output:
            subprocess.run(
                [
                    install_program,
                    "--no-defaults",
                    f"--datadir={data}",
                    "--auth-root-authentication-method=normal",
                    "--skip-test-db",
                ],
                check=True,
                stdout=output,
                stderr=output,
                **own,
            )
            process = subprocess.Popen(
                [
                    server_program,
                    "--no-defaults",
                    f"--datadir={data}",
                    f"--socket={folder}/socket",
                    f"--pid-file={folder}/pid",
                    f"--port={port}",
                    "--bind-address=127.0.0.1",
                    *FAST,
                ],
                stdout=output,
                stderr=output,
                **own,
            )
        try:
            _wait_until_ready(process, port, log)
            yield f"mysql+pymysql://{ADMIN}@127.0.0.1:{port}/"
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(STOP_TIMEOUT)
    finally:
        shutil.rmtree(folder)


def _wait_until_ready(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while server.poll() is None and time.monotonic() < deadline:
        try:
            pymysql.connect(host="127.0.0.1", port=port, user=ADMIN).close()
        except pymysql.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"MariaDB did not start:\n{log.read_text()}")


if __name__ == "__main__":
    with mariadb_server() as server_url:
        environment = {**os.environ, "TEST_MYSQL_URL": server_url}
        code = subprocess.run(sys.argv[1:], env=environment, check=False).returncode
    raise SystemExit(code)
