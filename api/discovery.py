"""Finds the route modules: every module in api/routes is one, and none is listed anywhere."""

import importlib
import pkgutil
from types import ModuleType

from apiflask import APIFlask

from api import routes


class BrokenModule(Exception):
    """A route module can't be used; the message names it."""


def load_routes() -> list[ModuleType]:
    """Import every module in api/routes, by name. Raises BrokenModule."""
    names = sorted(found.name for found in pkgutil.iter_modules(routes.__path__, "api.routes."))
    return [_load(name) for name in names]


def _load(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise BrokenModule(f"The route module {name} can't be imported: {error!r}") from error


def add_routes(app: APIFlask, module: ModuleType) -> None:
    """Let a module add its routes to an application. Raises BrokenModule."""
    register = getattr(module, "register", None)
    if not callable(register):
        raise BrokenModule(f"The route module {module.__name__} has no function register(app).")
    try:
        register(app)
    except Exception as error:
        raise BrokenModule(
            f"The route module {module.__name__} can't be registered: {error!r}"
        ) from error
