"""Finds the route modules: every file and folder in api/routes is one, and none is listed."""

from types import ModuleType

from apiflask import APIFlask

from config.broken import BrokenModule, file_of, load_folder, using


def load_routes() -> list[ModuleType]:
    """Import every module in api/routes, by name. Raises BrokenModule."""
    return list(load_folder("api.routes"))


def add_routes(app: APIFlask, module: ModuleType) -> None:
    """Let a module add its routes to an application. Raises BrokenModule."""
    register = getattr(module, "register", None)
    if not callable(register):
        raise BrokenModule(f"{file_of(module.__name__)} has no function register(app)")
    with using(file_of(module.__name__)):
        register(app)
