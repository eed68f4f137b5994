"""Where reminders go beside the chat, and when they are held back."""

from flask import request
from werkzeug.wrappers import Response

from api.console.client import Refused, fetch
from api.console.page import Page, done, failed, show

PATH = "/api/notifications"
FLAGS = ("discord_enabled", "ntfy_enabled")
TEXTS = ("discord_webhook", "ntfy_topic", "quiet_from", "quiet_to", "digest_at")
SECRET = {"discord_webhook"}

page = Page("notifications", "Notifications", "/notifications", order=50)


@page.get("")
def index() -> str:
    """Show the channels, the quiet hours and the digest."""
    return show("pages/notifications.html", now=fetch("GET", PATH))


@page.post("")
def change() -> Response:
    """Change what a form names; an empty field removes."""
    given = {name: request.form[name].strip() or None for name in TEXTS if name in request.form}
    flags = {name: request.form[name] == "true" for name in FLAGS if name in request.form}
    before = fetch("GET", PATH)
    try:
        fetch("PUT", PATH, given | flags)
    except Refused as error:
        return failed(str(error), "notifications.index")
    old = {name: before[name] for name in given | flags}
    can_undo = not SECRET & {*given}
    undo = ("PUT", PATH, old) if can_undo else None
    return done(request.form.get("done", "Saved."), "notifications.index", undo=undo)


@page.post("/test")
def send_test() -> Response:
    """Send a message to the chat and to every channel that is on."""
    fetch("POST", f"{PATH}/test")
    words = "A test is on its way to your chat and to every channel that is on. Look there."
    return done(words, "notifications.index")


@page.post("/addresses")
def add_address() -> Response:
    """Add an address of another service."""
    try:
        added = fetch("POST", f"{PATH}/addresses", {"url": request.form.get("url", "").strip()})
    except Refused as error:
        return failed(str(error), "notifications.index")
    undo = ("DELETE", f"{PATH}/addresses/{added['scheme']}", None)
    return done(f"Added your {added['scheme']} address.", "notifications.index", undo=undo)


@page.post("/addresses/<scheme>")
def switch_address(scheme: str) -> Response:
    """Turn an address on or off."""
    enabled = request.form.get("enabled") == "true"
    fetch("PUT", f"{PATH}/addresses/{scheme}", {"enabled": enabled})
    undo = ("PUT", f"{PATH}/addresses/{scheme}", {"enabled": not enabled})
    words = f"Your {scheme} address is {'on' if enabled else 'off'}."
    return done(words, "notifications.index", undo=undo)


@page.post("/addresses/<scheme>/delete")
def remove_address(scheme: str) -> Response:
    """Forget an address."""
    fetch("DELETE", f"{PATH}/addresses/{scheme}")
    return done(f"Removed your {scheme} address.", "notifications.index")
