"""Documents that a model may look things up in, which `manage.py agents knowledge` keeps."""

from typing import Any

from ai.llm.types import Tool
from bot.agents.llm.prompt import quoted
from bot.agents.llm.tools import MAX_RESULT
from bot.api.client import ApiClient, ApiError

MAX_PASSAGES = 5
MAX_QUERY = 500  # characters
TOOL = Tool(
    "search_knowledge",
    "Search the documents that you were given for what the person asks about. Returns passages "
    "with their sources. Name the source of what you use, and say so where they don't answer it.",
    {
        "type": "object",
        "properties": {
            "query": {"type": "string", "description": "The words that such a passage has."}
        },
        "required": ["query"],
        "additionalProperties": False,
    },
)
RULE = (
    "You have documents. Don't answer from memory what they may tell: make a call of "
    "search_knowledge first, and answer by what it returns."
)
NOTHING = "No passage has these words. Try others, or say that the documents don't tell."
NO_QUERY = "Say in query what to search for."
UNAVAILABLE = "The documents can't be searched right now."


class Knowledge:
    """The documents of one agent."""

    def __init__(self, api: ApiClient, agent: str) -> None:
        self._api = api
        self._agent = agent

    async def search(self, arguments: dict[str, Any] | None) -> str:
        """Return passages as a model is told them: quoted, each below its source."""
        query = (arguments or {}).get("query")
        if not isinstance(query, str) or not query.strip():
            return NO_QUERY
        asked = {
            "agent": self._agent,
            "query": query.replace("\0", "")[:MAX_QUERY],
            "limit": MAX_PASSAGES,
        }
        try:
            found = await self._api.service("knowledge/search", asked)
        except ApiError:
            return UNAVAILABLE
        told = ""
        for one in found["passages"]:
            source = ", ".join(filter(None, (one["source"], one["place"])))
            passage = f"From {source}:\n{quoted(one['content'])}\n\n"
            if len(told) + len(passage) <= MAX_RESULT:
                told += passage
        return told.strip() or NOTHING
