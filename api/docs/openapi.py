"""What the OpenAPI document says beyond the routes' models: who may call, how errors look."""

import re
from typing import Any

from apiflask import APIFlask

from api.http import idempotency
from api.http.context import Access
from api.http.security import SERVICE_KEY_HEADER, access_of
from api.models import Error

Document = dict[str, Any]

SCHEMES: dict[str, Document] = {
    "user": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "operator": {"type": "http", "scheme": "bearer", "description": "METRICS_TOKEN."},
    "service": {"type": "apiKey", "in": "header", "name": SERVICE_KEY_HEADER},
}
OPENS: dict[Access, tuple[str, ...]] = {
    "public": (),
    "user": ("user",),
    "admin": ("user",),
    "service": ("service",),
    "operator": ("operator", "service"),
}
VARIABLE = re.compile(r"<(\w+:)?(\w+)>")  # in the path of a rule
ERROR = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}


def install(app: APIFlask) -> None:
    """Serve the document at /openapi.json."""
    app.config.update(
        SECURITY_SCHEMES=SCHEMES,
        AUTO_OPERATION_ID=True,
        AUTO_SERVERS=False,
        AUTO_VALIDATION_ERROR_RESPONSE=False,
        AUTO_404_RESPONSE=False,
    )

    @app.spec_processor
    def complete(document: Any) -> Any:  # noqa: ANN401 - APIFlask allows text too
        document["components"].setdefault("schemas", {})["Error"] = Error.model_json_schema()
        for rule in app.url_map.iter_rules():
            operations = document["paths"].get(VARIABLE.sub(r"{\2}", rule.rule), {})
            access = access_of(app.view_functions[rule.endpoint])
            uuids = {name for kind, name in VARIABLE.findall(rule.rule) if kind == "uuid:"}
            for method, operation in operations.items():
                if method.upper() in (rule.methods or ()):
                    if method == "post" and access in ("user", "admin"):
                        _may_be_repeated(operation)
                    _complete(operation, access, uuids)
        return document


def _may_be_repeated(operation: Document) -> None:
    schema = {"type": "string", "pattern": f"^{idempotency.KEY.pattern}$"}
    words = "Sent again with the same key, a request makes one row and gets the first answer."
    header = {"name": idempotency.HEADER, "in": "header", "schema": schema, "description": words}
    operation.setdefault("parameters", []).append(header)
    operation["responses"]["422"] = {"description": "The key was used for another request."}


def _complete(operation: Document, access: Access, uuids: set[str]) -> None:
    operation["security"] = [{scheme: []} for scheme in OPENS[access]]
    for parameter in operation.get("parameters", []):
        if parameter["name"] in uuids:
            parameter["schema"]["format"] = "uuid"
    if "requestBody" in operation:
        operation["requestBody"]["required"] = True
    responses = operation["responses"]
    for status, description in _errors(operation, access).items():
        responses.setdefault(status, {"description": description})
    for status, response in responses.items():
        if not status.startswith("2"):
            response["content"] = ERROR


def _errors(operation: Document, access: str) -> dict[str, str]:
    """Return the errors that an operation can answer with."""
    errors = {"429": "These are too many requests.", "default": "Any other error."}
    if "requestBody" in operation or operation.get("parameters"):
        errors["400"] = "What was sent can't be used."
    if access != "public":
        errors["401"] = "The caller is not known."
    if access == "admin":
        errors["403"] = "The caller is no administrator."
    if any(parameter["in"] == "path" for parameter in operation.get("parameters", [])):
        errors["404"] = "There is no such thing, or it is another user's."
    return errors
