"""What the bot alone may call, with the service key: the routes below /api/service."""

from apiflask import APIFlask

from api.routes.service import agents, chats, knowledge, secrets, web_chats


def register(app: APIFlask) -> None:
    """Add them."""
    for module in (agents, chats, knowledge, secrets, web_chats):
        module.register(app)
