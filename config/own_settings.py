"""Settings of your own modules: declared in the module, read as the program's own are."""

from collections.abc import Iterator
from typing import Any, Self

from pydantic_settings import BaseSettings

from config.broken import load_folder
from config.settings import Settings, read, settings_file

FOLDERS = ("api.routes", "bot.commands", "bot.agents", "scheduler.jobs")

_declared: dict[str, type["OwnSettings"]] = {}


class OwnSettings(BaseSettings):
    """Settings of a module; each has a type, a default and a description.

    Their upper-case names are read from the environment, then from config/.env. They are in
    config/.env.example after `make format`, and in the report of `manage.py doctor`.
    """

    model_config = Settings.model_config

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:  # noqa: ANN401 - Pydantic's
        """Note the class. Raises TypeError for a setting that is the program's or undescribed."""
        super().__pydantic_init_subclass__(**kwargs)
        name = f"{cls.__module__}.{cls.__qualname__}"
        others = [one.model_fields for key, one in _declared.items() if key != name]
        taken = [Settings.model_fields, *others]
        for field, info in cls.model_fields.items():
            if any(field in known for known in taken):
                raise TypeError(f"the setting {field.upper()} is another's; take another name")
            if not info.description or "\n" in info.description:
                raise TypeError(f"the setting {field.upper()} needs a description of one line")
            if info.is_required():
                raise TypeError(f"the setting {field.upper()} needs a default, such as None")
        _declared[name] = cls

    @classmethod
    def read(cls) -> Self:
        """Return the settings as they are now. Raises ConfigError with one line a problem."""
        return read(cls, settings_file())


def own_settings() -> Iterator[type[OwnSettings]]:
    """Yield what the modules declare, by the modules' names. Raises BrokenModule."""
    for folder in FOLDERS:
        list(load_folder(folder))
    for name, declared in sorted(_declared.items()):
        if name.startswith(FOLDERS):
            yield declared
