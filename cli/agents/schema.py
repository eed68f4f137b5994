"""config/agents.schema.json: what an agent may be, made from the models of the bot."""

import json
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from bot.agent import AgentType, load_agent_types
from bot.rules import Rules
from config.sealing import REFERENCE, VARIABLE
from core.agents.validation import LONGEST_MEMORY, NAME

Schema = dict[str, Any]


def agents_schema() -> Schema:
    """Return the JSON schema of a file of agents; `$defs.agent` is that of one."""
    brains = [brain for _, brain in sorted(load_agent_types().items())]
    models: list[type[BaseModel]] = [Rules, *(brain.settings for brain in brains)]
    of_model, shared = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/$defs/{model}"
    )
    references = [of_model[model, "validation"] for model in models]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Agents, for `manage.py agents apply`",
        "description": "Made from the program by `manage.py generate`.",
        "type": "object",
        "properties": {
            "agents": {
                "description": "Every agent by its name.",
                "type": "object",
                "patternProperties": {f"^{NAME.pattern}$": {"$ref": "#/$defs/agent"}},
                "additionalProperties": False,
            }
        },
        "required": ["agents"],
        "additionalProperties": False,
        "$defs": {"agent": _agent(brains, references), **shared["$defs"]},
    }


def agents_schema_text() -> str:
    """Return the file's text."""
    return json.dumps(agents_schema(), indent=2) + "\n"


def _agent(brains: list[AgentType[Any]], references: list[Schema]) -> Schema:
    rules, *settings = references
    about = " ".join(f"{brain.name}: {brain.description}" for brain in brains)
    return {
        "type": "object",
        "properties": {
            "type": {"description": about, "enum": [brain.name for brain in brains]},
            "enabled": {"description": "Whether it runs.", "type": "boolean", "default": True},
            "token": {
                "description": "env:NAME, the variable that holds the bot's token; may be left out "
                "for an agent that has one.",
                "type": "string",
                "pattern": f"^{REFERENCE}{VARIABLE.pattern}$",
            },
            "answers": {"description": "When it answers.", **rules},
            "settings": {"description": "Those of its type.", "type": "object"},
            "memory_days": {
                "description": "Days that it remembers what was said; 0: no end; null: as "
                "MEMORY_RETENTION_DAYS says.",
                "anyOf": [
                    {"type": "integer", "minimum": 0, "maximum": LONGEST_MEMORY},
                    {"type": "null"},
                ],
                "default": None,
            },
        },
        "required": ["type"],
        "additionalProperties": False,
        "allOf": [
            {
                "if": {"properties": {"type": {"const": brain.name}}, "required": ["type"]},
                "then": {"properties": {"settings": reference}},
            }
            for brain, reference in zip(brains, settings, strict=True)
        ],
    }
