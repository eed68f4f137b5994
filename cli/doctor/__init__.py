"""`manage.py doctor`: is everything as it should be, and what to do where it is not."""

import asyncio
import logging
import sys
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import TypeVar

import typer

from cli.doctor import agents, machine, services
from cli.doctor.database import database
from config.settings import Settings
from core.checks import Finding, Findings, Mark

Found = TypeVar("Found")

PATIENCE = 15.0  # seconds that one check gets
SIGNS: dict[Mark, tuple[str, str, str]] = {  # sign, the same in ASCII, colour
    "good": ("✓", "ok", "green"),
    "unused": ("-", "--", "bright_black"),
    "warning": ("!", "!!", "yellow"),
    "bad": ("✗", "NO", "red"),
}


def doctor() -> None:
    """Check everything the program needs; exit with 1 where something must be done."""
    logging.disable(logging.CRITICAL)  # the report says it
    findings = asyncio.run(examine())
    for finding in findings:
        typer.echo(_line(finding))
    bad = sum(finding.mark == "bad" for finding in findings)
    warnings = sum(finding.mark == "warning" for finding in findings)
    typer.echo(_verdict(bad, warnings))
    raise typer.Exit(1 if bad else 0)


async def examine() -> Findings:
    """Run every check, those that ask somebody side by side."""
    findings = machine.python()
    settings, told = machine.settings()
    findings += told
    if settings is None:
        return findings
    findings += machine.secrets(settings)
    async with services.net() as net:

        async def all_bots() -> Findings:
            stored = await _in_thread(agents.stored, settings)
            found = await asyncio.gather(
                services.discord(settings, net, len(stored)),
                agents.tokens(settings, net, stored),
                _in_time("Model", agents.windows(settings, stored)),
            )
            return [finding for part in found for finding in part]

        asking = {
            "Database": _in_thread(database, settings),
            "Redis": _in_thread(services.redis, settings),
            "API": services.api(settings, net),
            "Discord": all_bots(),
            "Model": services.model(settings, net),
            "Providers": services.providers(settings, net),
            "Voice": services.voice(settings, net),
            "ntfy": services.ntfy(settings, net),
        }
        found = await asyncio.gather(*(_in_time(name, check) for name, check in asking.items()))
        return [*findings, *(one for part in found for one in part), *services.clock(net)]


async def _in_time(subject: str, check: Awaitable[Findings]) -> Findings:
    try:
        return await asyncio.wait_for(check, PATIENCE)
    except TimeoutError:
        advice = "Whatever it asks does not answer: is it overloaded, or behind a firewall?"
        return [Finding("bad", subject, f"no answer in {PATIENCE:g} s", advice)]


def _in_thread(check: Callable[[Settings], Found], settings: Settings) -> "asyncio.Future[Found]":
    """Run a check that blocks. Its thread holds up neither the others nor the end."""
    result: Future[Found] = Future()

    def run() -> None:
        try:
            result.set_result(check(settings))
        except Exception as error:
            result.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return asyncio.wrap_future(result)


def _line(finding: Finding) -> str:
    sign, plain, colour = SIGNS[finding.mark]
    try:
        sign.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        sign = plain
    advice = f"\n    -> {finding.advice}" if finding.advice else ""
    return f"{typer.style(sign, fg=colour)} {finding.subject}: {finding.what}{advice}"


def _verdict(bad: int, warnings: int) -> str:
    if bad:
        return f"\n{bad} to be mended, {warnings} to look at."
    return "\nAll is well." if not warnings else f"\nNothing is broken; {warnings} to look at."
