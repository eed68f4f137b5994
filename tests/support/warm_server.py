"""A Python that has imported the libraries, and becomes the program whenever it is asked to.

`python warm_server.py FD [ROOT]` reads from a Unix socket. Each byte brings four file descriptors:
a socket for talking about one process, and that process's stdin, stdout and stderr. On the socket
comes a line of JSON: `arguments` (what would follow `python`), `cwd` and `env`. Back go a line with
the process id, and at its end one with the exit code, negative for a signal. tests.support.warm is
the other side.

With a folder, that program's modules are imported too, but for those that are found by themselves
or started: they read no settings, which is checked. Without one each process reads all of the
program, wherever that lies.
"""

import atexit
import gc
import importlib
import io
import json
import os
import runpy
import select
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

LIBRARIES = (
    "aiohttp", "alembic.autogenerate", "alembic.command", "apiflask", "apprise",
    "apscheduler.triggers.cron", "bcrypt", "cryptography.fernet", "discord", "discord.ext.tasks",
    "flask", "hassil", "httpx2", "jinja2", "json_repair", "jsonschema", "jwt", "limits.aio.storage",
    "prometheus_client", "prompt_toolkit", "psycopg2", "pydantic_settings", "pymysql",
    "pythonjsonlogger.json", "rapidfuzz", "rich.console", "rich.table",
    "sqlalchemy.dialects.mysql", "sqlalchemy.dialects.postgresql", "sqlalchemy.dialects.sqlite",
    "typer", "waitress", "yaml",
)  # fmt: skip
PROGRAM = (
    "ai.parser", "api.console.site", "api.docs.openapi", "api.workers", "bot.discord.client",
    "bot.framework", "bot.runtime.supervisor", "core.deliveries.channels", "core.migrations",
    "core.transfer", "core.web_chats", "scheduler.runner",
)  # fmt: skip


def serve(control: socket.socket) -> dict[str, Any] | None:
    """Fork for each order. Returns the order in the new process; None where all is over."""
    wakes, woken = socket.socketpair()
    for one in (wakes, woken):
        one.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes.fileno())
    running: dict[int, socket.socket] = {}
    while True:
        ready, _, _ = select.select([control, woken], [], [])
        if woken in ready:
            woken.recv(4096)
            _tell_ends(running)
        if control not in ready:
            continue
        message, descriptors, _, _ = socket.recv_fds(control, 1, 4)
        if not message:
            return None
        talk = socket.socket(fileno=descriptors[0])
        with talk.makefile() as lines:
            order: dict[str, Any] = json.loads(lines.readline())
        child = os.fork()
        if child == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for number, descriptor in enumerate(descriptors[1:]):
                os.dup2(descriptor, number)
            for one in (control, wakes, woken, talk, *running.values()):
                one.close()
        for descriptor in descriptors[1:]:
            os.close(descriptor)
        if child == 0:
            return order
        running[child] = talk
        _tell(talk, child)


def become(order: dict[str, Any]) -> None:
    """Be what `python` with these arguments would be."""
    kind, *more = order["arguments"]
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    time.tzset()
    sys.stdin = sys.__stdin__ = _stream(0, "r", "strict")
    sys.stdout = sys.__stdout__ = _stream(1, "w", "strict")
    sys.stderr = sys.__stderr__ = _stream(2, "w", "backslashreplace")
    if kind == "-m":
        sys.path[0], sys.argv = order["cwd"], more
        runpy.run_module(more[0], run_name="__main__", alter_sys=True)
    elif kind == "-c":
        sys.path[0], sys.argv = "", ["-c", *more[1:]]
        exec(more[0], {"__name__": "__main__"})  # noqa: S102 - that is what -c is for
    else:
        sys.path[0], sys.argv = str(Path(kind).resolve().parent), [kind, *more]
        runpy.run_path(kind, run_name="__main__")


def _stream(descriptor: int, mode: str, errors: str) -> io.TextIOWrapper:
    """Open a standard stream as Python does at its start, in its UTF-8 mode."""
    unbuffered = mode == "w" and bool(os.environ.get("PYTHONUNBUFFERED"))
    binary: Any = open(  # noqa: SIM115 - for as long as the process lives
        descriptor, f"{mode}b", 0 if unbuffered else -1, closefd=False
    )
    return io.TextIOWrapper(
        binary,
        "utf-8",
        errors,
        line_buffering=descriptor == 2 or os.isatty(descriptor),
        write_through=unbuffered,
    )


def _tell_ends(running: dict[int, socket.socket]) -> None:
    while running:
        child, status = os.waitpid(-1, os.WNOHANG)
        if child == 0:
            return
        with running.pop(child) as talk:
            _tell(talk, os.waitstatus_to_exitcode(status))


def _tell(talk: socket.socket, number: int) -> None:
    with suppress(BrokenPipeError):  # nobody wants to know any more
        talk.sendall(f"{number}\n".encode())


def main() -> None:
    """Wait for orders; in each process that comes of one, carry it out."""
    gc.disable()
    for library in LIBRARIES:
        importlib.import_module(library)
    for root in sys.argv[2:]:
        sys.path.insert(0, root)
        for module in PROGRAM:
            importlib.import_module(module)
        sys.path.remove(root)
        settings: Any = sys.modules["config.settings"]
        assert not settings.get_settings.cache_info().currsize, "a module has read the settings"
    gc.enable()
    gc.freeze()  # each process would look at all this at its end: 0.3 s
    order = serve(socket.socket(fileno=int(sys.argv[1])))
    if order is not None:
        try:
            become(order)
        except SystemExit as end:
            if isinstance(end.code, int | None):
                _end(end.code or 0)
            raise
        _end(0)


def _end(code: int) -> None:
    """End as Python does, but for the clearing of all modules, which takes 0.1 s."""
    threading._shutdown()  # type: ignore[attr-defined] # waits for the threads
    atexit._run_exitfuncs()
    gc.collect()  # tells of files and sockets that nobody has closed
    with suppress(OSError):  # what can't be written is told below, with another code
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    main()
