"""Talking to an agent: `assets/chat.js` posts messages and follows what is said."""

from flask import Response, request

from api.console.client import ask, fetch
from api.console.page import Page, show
from api.http.context import time_now
from api.http.security import caller
from core import web_chats
from core.errors import NotFound
from core.web_chats import trials

page = Page("chat", "Chat", "/chat", order=10)


@page.get("")
@page.get("/<agent>")
def index(agent: str | None = None) -> str:
    """Show the conversation with an agent, the default one unless another is named."""
    names = [one["name"] for one in fetch("GET", "/api/chat")]
    agent = agent or names[0]
    user_uuid = caller().user_uuid
    on_trial = agent.startswith(trials.PREFIX)
    if on_trial:
        web_chats.find(user_uuid, agent, time_now())  # or there is none
    elif agent not in names:
        raise NotFound(f"There is no agent called {agent} that you may talk to.")
    else:
        web_chats.open_first(user_uuid, agent)
    return show("pages/chat.html", agents=names, agent=agent, who=user_uuid, on_trial=on_trial)


@page.get("/<agent>/events")
def events(agent: str) -> Response:
    """Stream what the agent says; the connection is handed over as it is for programs."""
    answer = ask("GET", f"/api/chat/{agent}/events", after=request.args.get("after"))
    return _passed_on(answer)


@page.post("/<agent>/messages")
def post(agent: str) -> Response:
    """Say something to the agent, in JSON as over the API."""
    return _passed_on(ask("POST", f"/api/chat/{agent}/messages", request.get_json()))


def _passed_on(answer: Response) -> Response:
    response = Response(answer.get_data(), answer.status_code, mimetype=answer.mimetype)
    for name in ("X-Accel-Buffering", "Retry-After"):
        if name in answer.headers:
            response.headers[name] = answer.headers[name]
    return response
