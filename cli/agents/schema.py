"""config/agents.schema.json: what an agent may be, made from the models of the bot."""

import json
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from bot.agent import AgentType, load_agent_types
from bot.rules import Rules
from config.sealing import REFERENCE, VARIABLE
from core.agents.validation import MAX_MEMORY, NAME

Schema = dict[str, Any]


def agents_schema() -> Schema:
    """Return the JSON schema of a file of agents; `$defs.agent` is that of one."""
    agent_types = [agent_type for _, agent_type in sorted(load_agent_types().items())]
    models: list[type[BaseModel]] = [Rules, *(agent_type.settings for agent_type in agent_types)]
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
        "$defs": {"agent": _agent(agent_types, references), **shared["$defs"]},
    }


def agents_schema_text() -> str:
    """Return the file's text."""
    return json.dumps(agents_schema(), indent=2) + "\n"


def _agent(agent_types: list[AgentType[Any]], references: list[Schema]) -> Schema:
    rules, *settings = references
    about = " ".join(f"{agent_type.name}: {agent_type.description}" for agent_type in agent_types)
    return {
        "type": "object",
        "properties": {
            "type": {"description": about, "enum": [agent_type.name for agent_type in agent_types]},
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
                    {"type": "integer", "minimum": 0, "maximum": MAX_MEMORY},
                    {"type": "null"},
                ],
                "default": None,
            },
        },
        "required": ["type"],
        "additionalProperties": False,
        "allOf": [
            {
                "if": {"properties": {"type": {"const": agent_type.name}}, "required": ["type"]},
                "then": {"properties": {"settings": reference}},
            }
            for agent_type, reference in zip(agent_types, settings, strict=True)
        ],
    }
