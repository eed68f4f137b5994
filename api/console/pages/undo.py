"""Takes back what was done last."""

import json

from flask import redirect, session
from werkzeug.wrappers import Response

from api.console.client import fetch
from api.console.page import UNDO, Page, failed, tell

page = Page("undo", "Undo", "/undo")


@page.post("")
def take_back() -> Response:
    """Send the request that takes it back, which the session keeps; it was signed by us."""
    kept = session.pop(UNDO, None)
    if kept is None:
        return failed("There is nothing left to undo.", "home.index")
    message, target, method, path, body = json.loads(kept)
    fetch(method, path, body)
    tell(f"Undone: {message}", "done")
    return redirect(target, 303)
