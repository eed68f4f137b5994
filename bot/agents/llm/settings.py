"""The settings of an llm agent. Their descriptions are what `config/agents.schema.json` shows."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

DEFAULT_PROMPT = (
    "You are a friendly, helpful assistant in a chat. You talk with {user} in {channel}; it is "
    "{now}. Answer briefly and plainly, in the language in which you are asked, and say so when "
    "you don't know something."
)


class McpServer(BaseModel):
    """A server whose tools the model may use, by the Model Context Protocol."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[
        str,
        Field(pattern=r"^[a-z][a-z0-9]{0,19}$", description="What people are told it is called."),
    ]
    url: Annotated[
        str,
        Field(
            pattern=r"^https?://[^\s]+$",
            max_length=500,
            description="Its address (Streamable HTTP).",
            examples=["https://mcp.example.com/mcp"],
        ),
    ]
    token: Annotated[
        str | None,
        Field(
            pattern=r"^env:[A-Z][A-Z0-9_]*$",
            max_length=200,
            description="The variable with its bearer token.",
            examples=["env:AGENT_EXAMPLE_TOKEN"],
        ),
    ] = None
    tools: Annotated[
        tuple[str, ...],
        Field(min_length=1, description="The tools that the model may use; no others."),
    ]
    confirm: Annotated[
        Literal["changes", "always", "never"],
        Field(
            description="Which calls the person has to agree to; changes: all but those of tools "
            "that say they only read."
        ),
    ] = "changes"
    timeout_seconds: Annotated[
        float, Field(gt=0, le=120, description="How long one call may take.")
    ] = 30


class LlmSettings(BaseModel):
    """Which model an llm agent talks with, and how."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        # In the schema, so that it is refused where an agent is changed.
        json_schema_extra={
            "if": {"properties": {"provider": {"const": "anthropic"}}, "required": ["provider"]},
            "then": {"properties": {"temperature": {"maximum": 1}}},
        },
    )

    provider: Annotated[
        Literal["openai", "anthropic"],
        Field(description="Whose client is used; openai also speaks to every server like it."),
    ] = "openai"
    model: Annotated[
        str,
        Field(
            min_length=1,
            max_length=200,
            description="The model's name, as the provider calls it.",
            examples=["gpt-5-mini", "claude-sonnet-4-5"],
        ),
    ]
    models: Annotated[
        tuple[Annotated[str, Field(pattern=r"^\S+$", max_length=100)], ...],
        Field(
            max_length=24,
            description="Other models of the same server that people may choose, each for "
            "themselves, by /model.",
            examples=[["gpt-5"]],
        ),
    ] = ()
    base_url: Annotated[
        str | None,
        Field(
            pattern=r"^https?://[^\s]+$",
            max_length=500,
            description="Another server than the provider's own, such as a local one. The "
            "provider's key is not sent there: name one in `api_key`, if it wants one.",
            examples=["http://localhost:11434/v1"],
        ),
    ] = None
    api_key: Annotated[
        str | None,
        Field(
            pattern=r"^env:[A-Z][A-Z0-9_]*_API_KEY$",
            max_length=200,
            description="The variable with the key, where it is not the provider's usual one; "
            "its name ends in _API_KEY.",
            examples=["env:OPENROUTER_API_KEY"],
        ),
    ] = None
    system_prompt: Annotated[
        str,
        Field(
            max_length=20_000,
            description="What the model is told first; {user}, {channel} and {now} are filled in.",
        ),
    ] = DEFAULT_PROMPT
    temperature: Annotated[
        float | None,
        Field(
            ge=0,
            le=2,
            description="How freely it chooses its words, for models that take it; Anthropic's: up "
            "to 1; null: the model's own default.",
        ),
    ] = None
    max_tokens: Annotated[
        int, Field(ge=16, le=100_000, description="The longest answer, in tokens.")
    ] = 1000
    timeout_seconds: Annotated[
        float, Field(gt=0, le=600, description="How long the model may say nothing.")
    ] = 60
    history: Annotated[
        int,
        Field(ge=0, le=100, description="How many of the last exchanges it is shown; 0: none."),
    ] = 10
    history_tokens: Annotated[
        int, Field(ge=0, le=200_000, description="The most tokens that those may be, estimated.")
    ] = 4000
    summarise: Annotated[
        bool, Field(description="Keep a summary of what is older than that, made by the model.")
    ] = False
    share_direct_messages: Annotated[
        bool,
        Field(
            description="Let it use in channels, where others read along, what a person told it in "
            "direct messages."
        ),
    ] = False
    images: Annotated[bool, Field(description="Show the model the pictures people send.")] = True
    tools: Annotated[
        tuple[str, ...],
        Field(
            description="Command modules, such as account, or commands of them, such as "
            "notification.show, that it may use for people who log in.",
            examples=[["account", "notification.show"]],
        ),
    ] = ()
    knowledge: Annotated[
        bool,
        Field(
            description="Let it look things up in its documents: manage.py agents knowledge add."
        ),
    ] = False
    mcp_servers: Annotated[
        tuple[McpServer, ...],
        Field(max_length=10, description="MCP servers whose tools it may use for everyone."),
    ] = ()
    tokens_per_day: Annotated[
        int,
        Field(
            ge=0,
            le=1_000_000_000_000,
            description="What it may spend a day (UTC) over all people; 0: the setting "
            "MODEL_TOKENS_PER_AGENT_DAY alone.",
        ),
    ] = 0
