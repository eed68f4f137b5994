"""Which web pages may call the API from a browser: those that CORS_ORIGINS names, else none.

Cookies are never involved: a page has to have its user's token.
"""

from apiflask import APIFlask
from flask import Response, request

from api.http.idempotency import HEADER as IDEMPOTENCY_KEY
from api.http.idempotency import REPLAYED_HEADER
from api.http.request_id import HEADER as REQUEST_ID

METHODS = "GET, POST, PUT, DELETE"
REQUEST_HEADERS = f"Authorization, Content-Type, {IDEMPOTENCY_KEY}, {REQUEST_ID}"
RESPONSE_HEADERS = (
    f"{REQUEST_ID}, {REPLAYED_HEADER}, Link, Retry-After, "
    "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset"
)
REMEMBERED = "600"  # seconds that a browser need not ask again


def install(app: APIFlask) -> None:
    """Let the pages of the origins in the settings in. Comes before security: it asks no token."""
    origins = set(app.extensions["settings"].cors_origins)
    if not origins:
        return

    def is_welcome() -> bool:
        origin = request.headers.get("Origin")
        return origin is not None and (origin in origins or "*" in origins)

    @app.before_request
    def answer_preflight() -> Response | None:
        asks = "Access-Control-Request-Method" in request.headers
        return Response(status=204) if request.method == "OPTIONS" and asks else None

    @app.after_request
    def name_origin(response: Response) -> Response:
        response.vary.add("Origin")
        if is_welcome():
            headers = response.headers
            headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
            headers["Access-Control-Allow-Methods"] = METHODS
            headers["Access-Control-Allow-Headers"] = REQUEST_HEADERS
            headers["Access-Control-Expose-Headers"] = RESPONSE_HEADERS
            headers["Access-Control-Max-Age"] = REMEMBERED
        return response
