"""Where command modules register: the documented names, which `bot.framework.registry` defines."""

from bot.framework.registry import (
    COMMAND_MODULES,
    CommandModule,
    get_handler,
    list_registered,
    register_module,
)

__all__ = [
    "COMMAND_MODULES",
    "CommandModule",
    "get_handler",
    "list_registered",
    "register_module",
]
