"""Llm agents in the real process of the bot, on a stand-in of Discord and a scripted model."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from core import agents
from core.db.engine import Database
from core.postgres import select
from tests.support.agents import Fleet, fleet
from tests.support.databases import on_sqlite
from tests.support.discord_gateway import Bot
from tests.support.discord_server import DiscordServer, discord_server
from tests.support.model_server import Answer, ModelServer, Request
from tests.support.picture_server import PictureServer

pytestmark = on_sqlite
ADA, BEN = "42", "43"


@pytest.fixture
def discord() -> Iterator[DiscordServer]:
    with discord_server() as server:
        yield server


class Agents:
    """Llm agents that run, and what was said to and by them."""

    def __init__(
        self, ships: Fleet, discord: DiscordServer, model: ModelServer, cdn: PictureServer
    ) -> None:
        self.discord, self.model, self.cdn = discord, model, cdn
        self._ships = ships
        model.script = lambda request: f"{request.body['model']}: {self.latest(request)}"

    @staticmethod
    def latest(request: Request) -> str:
        return str(request.messages[-1]["content"])

    def add(self, name: str, **settings: Any) -> Bot:  # noqa: ANN401
        bot = self.discord.add_bot()
        settings = {"model": name, "system_prompt": f"You are {name}.", **settings}
        agents.add(name, bot.token, {"type": "llm", "settings": settings})
        return bot

    def start(self, *bots: Bot, **settings: str) -> None:
        keys = {
            "OPENAI_API_KEY": "openai-key",
            "OPENAI_BASE_URL": self.model.base_url,
            "ANTHROPIC_API_KEY": "anthropic-key",
            "ANTHROPIC_BASE_URL": self.model.anthropic_url,
            "DISCORD_CDN_URLS": self.cdn.url,
        }
        self._ships.start(**keys | settings)
        self._ships.online(*bots)

    def error(self, name: str) -> str:
        return str(self._ships.wait_for(name, lambda status: status["error"])["error"])

    def answers(self, bot: Bot, text: str) -> None:
        """Wait until this is what the bot wrote last."""

        def latest() -> str:
            return next((p.text for p in reversed(self.discord.posts) if p.bot is bot), "")

        self.discord.wait_until(lambda: latest() == text)


@pytest.fixture
def llms(
    discord: DiscordServer,
    database: Database,
    tmp_path: Path,
    model_server: ModelServer,
    picture_server: PictureServer,
) -> Iterator[Agents]:
    with fleet(discord, database, tmp_path) as ships:
        yield Agents(ships, discord, model_server, picture_server)


def test_two_agents_in_one_channel_keep_apart(llms: Agents) -> None:
    kind, curt = llms.add("kind"), llms.add("curt", provider="anthropic")
    guild = llms.discord.add_guild(kind, curt)
    llms.start(kind, curt)
    say = llms.discord.say_in
    say(guild, ADA, f"<@{kind.id}> my secret is 1234", kind)
    llms.answers(kind, f"kind: user{ADA}: my secret is 1234")
    say(guild, ADA, f"<@{curt.id}> what is it?", curt)
    llms.discord.wait_until(lambda: len(llms.model.requests) == 2)
    say(guild, BEN, f"<@{kind.id}> what is it?", kind)
    llms.answers(kind, f"kind: user{BEN}: what is it?")
    assert not any("1234" in str(request.body) for request in llms.model.requests[1:])
    llms.discord.say(ADA, "and now?", kind)
    llms.answers(kind, "kind: and now?")
    assert "1234" in str(llms.model.requests[-1].body)
    llms.discord.say(ADA, "forget me", kind)
    llms.answers(kind, "I have forgotten 4 messages of our talks.")
    assert {row["agent"] for row in select("agent_turns", {"account_id": ADA})} == {"curt"}


def test_an_answer_grows_by_edits(llms: Agents) -> None:
    bot = llms.add("slow")
    llms.start(bot)
    words = [f"word{number}" for number in range(12)]
    llms.model.replies(Answer(" ".join(words), piece_delay=0.3))
    llms.discord.say(ADA, "count", bot)
    shown: list[str] = []

    def done() -> bool:
        text = llms.discord.posts[-1].text if llms.discord.posts else ""
        if text and text not in shown:
            shown.append(text)
        return text == " ".join(words)

    llms.discord.wait_until(done)
    assert len(llms.discord.posts) == 1
    assert len(shown) > 2
    assert all(later.startswith(sooner) for sooner, later in pairwise(shown))


def test_an_edit_starts_the_answer_anew(llms: Agents) -> None:
    bot = llms.add("slow")
    llms.start(bot)
    llms.model.replies(Answer("Bake it like this, and so on", stalls_after=4), "Boil it.")
    number = llms.discord.say(ADA, "how do I bake eggs?", bot)
    llms.discord.wait_until(lambda: llms.discord.posts)
    assert llms.discord.posts[0].text.startswith("Bake")

    llms.discord.edit(number, ADA, "how do I boil eggs?", bot)
    llms.answers(bot, "Boil it.")

    assert [post.text for post in llms.discord.posts] == ["Boil it."]
    told = llms.model.requests[-1].messages
    assert [one["content"] for one in told if one["role"] == "user"] == ["how do I boil eggs?"]
    rows = select("agent_turns")
    assert not any("bake" in str(row).casefold() for row in rows)


def test_a_long_answer_is_split(llms: Agents) -> None:
    bot = llms.add("long")
    llms.start(bot)
    paragraphs = [f"Paragraph {number}. {'word ' * 60}".strip() for number in range(12)]
    llms.model.replies("\n\n".join(paragraphs))
    llms.discord.say(ADA, "tell me all", bot)
    llms.discord.wait_until(
        lambda: "\n\n".join(post.text for post in llms.discord.posts) == "\n\n".join(paragraphs)
    )
    assert all(len(post.text) <= 2000 for post in llms.discord.posts)


def test_a_picture_reaches_the_model(llms: Agents) -> None:
    bot = llms.add("seeing")
    llms.start(bot)
    picture = {
        "id": "1",
        "filename": "a.png",
        "size": 108,
        "content_type": "image/png",
        "url": f"{llms.cdn.url}/a.png",
        "proxy_url": f"{llms.cdn.url}/a.png",
    }
    llms.model.replies("A dog.")
    llms.discord.say(ADA, "what is this?", bot, attachments=[picture])
    llms.answers(bot, "A dog.")
    assert llms.model.requests[0].messages[-1]["content"][1]["type"] == "image_url"


def test_settings_change_while_it_runs(llms: Agents) -> None:
    bot = llms.add("before")
    llms.start(bot)
    llms.discord.say(ADA, "hello", bot)
    llms.answers(bot, "before: hello")
    agents.edit("before", {"settings": {"model": "after"}})
    llms.discord.wait_until(lambda: agents.find("before")["status"]["revision"] == 2)
    llms.discord.say(ADA, "hello again", bot)
    llms.answers(bot, "after: hello again")
    assert len(bot.identified) == 1
    assert "before: hello" in str(llms.model.requests[-1].body)  # it remembers


def test_what_is_missing_stands_in_the_status(llms: Agents) -> None:
    bot = llms.add("keyless")
    llms.start(bot, OPENAI_API_KEY="")
    assert "OPENAI_API_KEY is not set; put your key there, in config/.env" in llms.error("keyless")
    llms.discord.say(ADA, "hello", bot)
    llms.discord.wait_until(lambda: llms.discord.posts)
    assert llms.discord.posts[0].text.startswith("I can't answer yet: OPENAI")
