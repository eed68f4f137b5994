"""An agent that chats, with a language model of OpenAI, Anthropic or a compatible server."""

from dataclasses import replace

from ai.config import load_ai_config
from ai.llm.chat import NO_KEY, ChatOptions
from ai.llm.registry import PROVIDERS, ProvidedChat, missing_package
from bot.agent import AgentConfig, AgentError, AgentType, Services
from bot.agents.llm.agent import LlmAgent
from bot.agents.llm.mcp_servers import McpServers
from bot.agents.llm.settings import LlmSettings
from bot.framework.registry import RegistrationError, load_commands, registry
from config.sealing import OWN_TOKEN, REFERENCE, Sealer, SealError
from config.settings import Settings

CANT_ANSWER = "I can't answer yet: {why}. Please tell whoever runs me."


def _key(config: LlmSettings, settings: Settings) -> tuple[str | None, str | None]:
    """Return the key, and what is missing where there has to be one and is none.

    The provider's own key goes to the address in the settings alone.
    """
    provider = PROVIDERS[config.provider]
    own = getattr(settings, provider.base_url)
    if config.api_key:
        try:
            return Sealer(settings).key(config.api_key, config.base_url or own), None
        except SealError as error:
            return None, str(error)
    if config.base_url not in (None, own):
        return None, None
    key = getattr(settings, provider.key)
    if key is None:
        return None, f"{provider.key.upper()} is not set; put your key there, in config/.env"
    return key.get_secret_value(), None


def _make(config: AgentConfig[LlmSettings], services: Services) -> LlmAgent:
    asked, settings = config.settings, services.settings
    load_commands()
    key, missing = _key(asked, settings)
    why = missing_package(asked.provider) or missing
    options = ChatOptions(
        asked.model,
        key or NO_KEY,
        asked.base_url or getattr(settings, PROVIDERS[asked.provider].base_url),
        asked.max_tokens,
        asked.temperature,
        asked.timeout_seconds,
    )
    servers = _servers(asked, services) if asked.mcp_servers else None
    others = {
        name: ProvidedChat(asked.provider, replace(options, model=name)) for name in asked.models
    }
    try:
        return LlmAgent(
            config,
            services,
            chat=None if why else ProvidedChat(asked.provider, options),
            trouble=CANT_ANSWER.format(why=why) if why else "",
            known=registry.only(asked.tools),
            prices=load_ai_config(settings.ai_config_path).prices,
            servers=servers,
            others={} if why else others,
        )
    except RegistrationError as error:
        raise AgentError(f"tools: {error}") from error


def _servers(asked: LlmSettings, services: Services) -> McpServers:
    """Return the MCP servers with their tokens. Raises AgentError where one can't be used."""
    sealer, keys = Sealer(services.settings), {}
    if len({server.name for server in asked.mcp_servers}) < len(asked.mcp_servers):
        raise AgentError("mcp_servers: two have the same name")
    for server in asked.mcp_servers:
        if server.token is None:
            continue
        if server.token == f"{REFERENCE}{OWN_TOKEN}":
            raise AgentError(f"mcp_servers: {OWN_TOKEN} is sent to Discord alone")
        try:
            keys[server.name] = sealer.open(server.token)
        except SealError as error:
            raise AgentError(f"mcp_servers: {error}") from error
    return McpServers(asked.mcp_servers, keys, services.clock)


AGENT_TYPE = AgentType("llm", "Chats, with a language model.", LlmSettings, _make)
