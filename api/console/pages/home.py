"""The first page is the chat: what the bot can do, it tells there."""

from flask import redirect, url_for
from werkzeug.wrappers import Response

from api.console.page import Page

page = Page("home", "Start", "")


@page.get("/")
def index() -> Response:
    """Lead to the chat."""
    return redirect(url_for("console.chat.index"), 303)
