"""What ai_config.json says: model, prompts, validation."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from config.settings import ConfigError, get_settings

_STRICT = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class Prompt(BaseModel):
    """The prompt of one interaction type; `{user_input}` and `{history_context}` are filled in."""

    model_config = _STRICT

    system: str = Field(min_length=1)
    user_template: str = "{history_context}{user_input}"


class Validation(BaseModel):
    """How often a reply is asked for in all, and how many seconds one may take."""

    model_config = _STRICT

    max_retries: Annotated[int, Field(ge=1, le=10)] = 3
    timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 30


class AIConfig(BaseModel):
    """The whole file."""

    model_config = _STRICT

    model: str = Field(min_length=1)
    max_tokens: Annotated[int, Field(ge=16, le=100_000)] = 500
    prompts: dict[str, Prompt] = Field(default_factory=dict)
    validation: Validation = Validation()


def load_ai_config(path: Path) -> AIConfig:
    """Read the file. Raises ConfigError with the file's name and the keys that are wrong."""
    try:
        return AIConfig.model_validate(json.loads(path.read_text("utf-8")))
    except OSError as error:
        raise ConfigError(f"{path} can't be read: {error.strerror}; see AI_CONFIG_PATH") from error
    except ValueError as error:
        raise ConfigError(f"{path}: {_explain(error)}") from error


def _explain(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'the file'}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False)
        )
    return f"no valid JSON ({error})"


@lru_cache(maxsize=1)
def get_ai_config() -> AIConfig:
    """Return the configuration that AI_CONFIG_PATH names, read once."""
    return load_ai_config(get_settings().ai_config_path)
