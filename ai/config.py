"""What ai_config.json says: model, prompts, validation."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from config.broken import shown
from config.settings import ConfigError, get_settings

USER_INPUT, HISTORY = "{user_input}", "{history_context}"
COMMAND, COMMAND_PARSER = "command", "command_parser"
"""What the prompt of all registered commands is called; the documentation has the longer name."""
_STRICT = ConfigDict(extra="forbid", frozen=True)


def type_of(prompt: str) -> str:
    """Return the interaction type that a prompt is for: `habit_parser` is for `habit`."""
    return prompt.removesuffix("_parser")


class Prompt(BaseModel):
    """The prompt of one interaction type; the placeholders of the template are filled in."""

    model_config = _STRICT

    system: Annotated[str, Field(min_length=1)]
    user_template: str = HISTORY + USER_INPUT

    @field_validator("user_template")
    @classmethod
    def _holds_the_message(cls, value: str) -> str:
        if USER_INPUT not in value:
            raise ValueError(
                f"{USER_INPUT} is missing, so that the model would never see the message"
            )
        return value


class Validation(BaseModel):
    """How often the model is asked in all, and how many seconds it may take for each answer."""

    model_config = _STRICT

    max_retries: Annotated[int, Field(ge=1, le=10)] = 3
    timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 30
    validators: Any = Field(None, exclude=True)  # documented; what is registered counts


class Price(BaseModel):
    """What a model costs, in US dollars for a million tokens."""

    model_config = _STRICT

    prompt: Annotated[float, Field(ge=0)]
    completion: Annotated[float, Field(ge=0)]


class AIConfig(BaseModel):
    """The whole file.

    `models` are asked in their order where `model` gives no answer; `prices` are by model.
    """

    model_config = _STRICT

    model: Annotated[str, Field(min_length=1)]
    models: list[Annotated[str, Field(min_length=1)]] = []
    prices: dict[str, Price] = {}
    max_tokens: Annotated[int, Field(ge=16, le=100_000)] = 500
    prompts: dict[str, Prompt]
    validation: Validation = Validation()

    @field_validator("prompts")
    @classmethod
    def _has_the_common_prompt(cls, value: dict[str, Prompt]) -> dict[str, Prompt]:
        prompt = value.get(COMMAND_PARSER) or value.get(COMMAND)
        if prompt is None:
            raise ValueError("command_parser is missing, the prompt of all registered commands")
        return {**value, COMMAND: prompt, COMMAND_PARSER: prompt}

    def prompt_of(self, interaction_type: str) -> Prompt | None:
        """Return the prompt of an interaction type: `habit_parser`, or `habit`."""
        return self.prompts.get(f"{interaction_type}_parser") or self.prompts.get(interaction_type)


def load_ai_config(path: Path) -> AIConfig:
    """Read the file. Raises ConfigError with the file's name and every key that is wrong."""
    try:
        return AIConfig.model_validate(json.loads(path.read_text("utf-8")))
    except OSError as error:
        raise ConfigError(
            f"{shown(path)} can't be read ({error.strerror}); AI_CONFIG_PATH says where it is"
        ) from error
    except ValidationError as error:
        raise ConfigError(f"{shown(path)}: {_explain(error)}") from error
    except ValueError as error:
        raise ConfigError(f"{shown(path)} is no valid JSON: {error}") from error


def _explain(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, problem['loc'])) or 'the file'}: "
        + problem["msg"].removeprefix("Value error, ")
        for problem in error.errors(include_url=False, include_input=False)
    )


@lru_cache(maxsize=1)
def get_ai_config() -> AIConfig:
    """Return the configuration that AI_CONFIG_PATH names, read once."""
    return load_ai_config(get_settings().ai_config_path)
