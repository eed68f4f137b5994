"""The OpenAPI document as a page to read, at /docs: no script, and nothing from the internet."""

import base64
import hashlib
from pathlib import Path

from apiflask import APIFlask
from flask import Response, render_template

from api.http.security import public

STYLE = (Path(__file__).parent.parent / "templates" / "documentation.css").read_text("utf-8")
STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; frame-ancestors 'none'"


def install(app: APIFlask) -> None:
    """Add GET /docs."""

    @app.get("/docs")
    @app.doc(hide=True)
    @public
    def documentation() -> Response:
        page = render_template("documentation.html", document=app.spec, style=STYLE)
        return Response(page, headers={"Content-Security-Policy": POLICY})
