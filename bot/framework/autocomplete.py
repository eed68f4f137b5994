"""What a person may mean by the beginning of a name: their own things, to choose from."""

import logging

from ai.commands import ParsedCommand
from ai.sentences.references import MAKERS
from bot.api.client import ApiClient, ApiError
from bot.api.sessions import Rows, Sessions, UserApi
from bot.framework.lookup import containing, similar
from bot.framework.registry import Registry
from bot.messages import Address

logger = logging.getLogger(__name__)

MAX_CHOICES = 25  # Discord shows no more


async def are_there(registry: Registry, api: UserApi, order: ParsedCommand) -> bool:
    """Say whether a person has what an order names; yes where that can't be told.

    The first list may be made by what is put on it.
    """
    module = registry.modules.get(order.interaction_type)
    command = module.commands.get(order.action or "") if module else None
    for field, choices_from in (command.choices_from if command else {}).items():
        said = order.values.get(field)
        try:
            rows = await choices_from(api) if said else ()
        except ApiError as error:
            logger.warning("What a person has can't be read: %s", error.message)
            continue
        is_first = not rows and order.action in MAKERS
        if not said or is_first or (isinstance(rows, Rows) and rows.has_more):
            continue
        names = [row["name"] for row in rows]
        for one in [said] if isinstance(said, str) else said:
            if not (containing(one, names) or similar(one, names)):
                return False
    return True


class Suggestions:
    """Completes what people type into a command's field."""

    def __init__(self, api: ApiClient, sessions: Sessions, registry: Registry) -> None:
        self._api = api
        self._sessions = sessions
        self._registry = registry

    async def find(
        self, address: Address, key: tuple[str, str], field: str, typed: str
    ) -> list[str]:
        """Return names for a field of a command, the likeliest first; none for a stranger."""
        module = self._registry.open_to("user").modules.get(key[0])  # as the slash commands
        command = module.commands.get(key[1]) if module else None
        choices_from = command.choices_from.get(field) if command else None
        person = await self._sessions.get(address) if choices_from else None
        if choices_from is None or person is None:
            return []
        rows = await choices_from(UserApi(self._api, self._sessions, address, person))
        names = list(dict.fromkeys(row["name"] for row in rows))
        if typed.strip():
            found = dict.fromkeys([*containing(typed, names), *similar(typed, names)])
            names = [names[index] for index in found]
        return names[:MAX_CHOICES]
