"""An agent in servers: who is answered, with what words, and how the answer looks."""

from typing import Any

import discord
import pytest
import simcord

from bot.agent import Agent
from bot.discord.client import (
    NO_FILES,
    NO_WORDS,
    SOME_FILES,
    THREADS_EACH,
    UNCALLED_EACH,
    DiscordClient,
)
from bot.discord.files import MAX_BYTES
from bot.discord.incoming_queue import Quota
from bot.messages import Incoming, Recording, ReplyChannel
from bot.rules import Rules

VOICE = 1 << 13  # Discord's documentation, "Message Flags"
SPOKEN = ("voice-message.ogg", b"OggS")
PICTURE = ("cat.png", b"\x89PNG\r\n\x1a\n")


class Recorder(Agent):
    """An agent that keeps what it is given and says something about it."""

    takes_images = False

    def __init__(self) -> None:
        self.heard: list[Incoming] = []

    async def handle(self, incoming: Incoming, reply_channel: ReplyChannel) -> None:
        self.heard.append(incoming)
        await reply_channel.send(f"heard {incoming.text} @everyone <@1>")

    async def close(self) -> None:
        """Do nothing."""


class Server:
    """A server with one person, one channel, and the agent."""

    def __init__(self, env: simcord.Env, client: DiscordClient, agent: Recorder) -> None:
        self.env = env
        self.client = client
        self.agent = agent
        self.guild = env.create_guild()
        self.channel = self.guild.create_text_channel("general")
        self.role = self.guild.create_role(
            "crew", permissions=discord.Permissions(mention_everyone=True)
        )
        self.ada = self.guild.add_member(env.create_user("ada"), roles=[self.role])
        self.bob = self.guild.add_member(env.create_user("bob"))

    @property
    def name(self) -> str:
        assert self.client.user is not None
        return self.client.user.mention

    async def say(self, text: str, who: Any = None, channel: Any = None, **more: Any) -> list[str]:  # noqa: ANN401
        """Write something; return the words that the agent was given because of it."""
        before = len(self.agent.heard)
        await (who or self.ada).send(channel or self.channel, text, **more)
        await self.env.settle()
        return [incoming.text for incoming in self.agent.heard[before:]]

    @property
    def sent(self) -> list[dict[str, Any]]:
        """The bodies of the agent's messages."""
        return [
            dict(request.json or {})  # type: ignore[arg-type]
            for request in self.env.http_requests
            if request.method == "POST" and request.path.endswith("/messages")
        ]


@pytest.fixture
def agent() -> Recorder:
    return Recorder()


@pytest.fixture
def simcord_bot(agent: Recorder) -> DiscordClient:
    return DiscordClient("agent", agent, lambda _: None, rules=Rules())


@pytest.fixture
def server(simcord_env: simcord.Env, simcord_bot: DiscordClient, agent: Recorder) -> Server:
    return Server(simcord_env, simcord_bot, agent)


async def test_it_answers_who_calls_it_by_name_and_nobody_else(server: Server) -> None:
    assert await server.say("hello everybody") == []
    assert await server.say("@everyone hello") == []
    assert await server.say("@here hello") == []
    assert await server.say(f"{server.bob.mention} hello") == []
    assert await server.say(f"{server.role.mention} hello") == []
    assert await server.say(f"{server.name} hello @everyone") == ["hello @everyone"]


async def test_the_answer_is_a_reply_whose_mentions_reach_its_author_alone(
    server: Server,
) -> None:
    await server.say(f"{server.name} hello")
    (body,) = server.sent
    (question, answer) = sorted(server.channel.history(), key=lambda message: message.id)
    assert body["message_reference"]["message_id"] == question.id
    assert body["message_reference"]["fail_if_not_exists"] is False
    assert body["allowed_mentions"] == {
        "parse": [],
        "users": [server.ada.id],
        "replied_user": True,
    }
    assert not answer.mention_everyone


async def test_it_answers_replies_to_its_own_messages_only(server: Server) -> None:
    await server.say(f"{server.name} first")
    messages = sorted(server.channel.history(), key=lambda message: message.id)
    assert await server.say("and then?", reply_to=messages[-1]) == ["and then?"]
    assert await server.say("who?", reply_to=messages[0]) == []
    server.client.rules = Rules(reply=False)
    assert await server.say("and then?", reply_to=messages[-1]) == []
    server.client.rules = Rules(mention=False)
    assert await server.say(f"{server.name} hello") == []
    assert await server.say("and then?", reply_to=messages[-1]) == ["and then?"]


async def test_a_thread_is_under_its_channel(server: Server) -> None:
    channel = server.client.get_channel(server.channel.id)
    assert isinstance(channel, discord.TextChannel)
    thread = await channel.create_thread(name="aside", type=discord.ChannelType.public_thread)
    await server.env.settle()
    (aside,) = server.channel.threads
    other = server.guild.create_text_channel("other")
    server.client.rules = Rules(channels=(server.channel.id,))
    assert await server.say(f"{server.name} there", channel=aside) == ["there"]
    assert server.agent.heard[-1].channel_id == str(thread.id)
    assert server.agent.heard[-1].channel_name == "aside"
    assert await server.say(f"{server.name} here", channel=other) == []
    server.client.rules = Rules(channels=(thread.id,))
    assert await server.say(f"{server.name} there", channel=aside) == ["there"]
    assert await server.say(f"{server.name} here") == []


async def test_a_role_may_be_needed(server: Server) -> None:
    server.client.rules = Rules(roles=(server.role.id,))
    assert await server.say(f"{server.name} hello") == ["hello"]
    assert await server.say(f"{server.name} hello", server.bob) == []


async def test_webhooks_and_bots_get_no_answer_even_by_name(server: Server) -> None:
    webhook = server.guild.create_webhook(server.channel, "hook")
    await webhook.send(f"{server.name} hello")
    robot = server.guild.add_member(server.env.create_user("robot", bot=True))
    assert await server.say(f"{server.name} hello", robot) == []
    assert server.agent.heard == []


async def test_the_agent_learns_who_speaks_where(server: Server) -> None:
    await server.say(
        f"{server.name}, greet {server.bob.mention} of {server.role.mention}\n\nwarmly"
    )
    (incoming,) = server.agent.heard
    assert incoming.text == ", greet @bob of @crew\n\nwarmly"
    assert (incoming.author_name, incoming.channel_name) == ("ada", "general")
    assert not incoming.private
    await server.ada.user.send_dm("psst")
    await server.env.settle()
    assert server.agent.heard[-1].private
    assert server.agent.heard[-1].channel_name == ""


async def test_a_bare_name_and_files_get_a_kind_word(server: Server) -> None:
    assert await server.say(server.name) == []
    assert await server.say(server.name, attachments=[("notes.zip", b"x")]) == []
    assert [body["content"] for body in server.sent] == [NO_WORDS, NO_FILES]


async def test_a_mention_that_an_edit_adds_counts(server: Server) -> None:
    message = await server.ada.send(server.channel, "greet bob")
    await server.env.settle()
    assert server.agent.heard == []

    await server.ada.edit(message, f"{server.name} greet bob")
    await server.env.settle()

    assert [(one.text, one.edited) for one in server.agent.heard] == [("greet bob", False)]


async def test_what_a_message_replies_to_is_quoted(server: Server) -> None:
    before = await server.bob.send(server.channel, "milk, eggs")
    await server.say(f"{server.name} add these", reply_to=before)

    (incoming,) = server.agent.heard
    assert (incoming.text, incoming.quoted) == ("add these", "milk, eggs")


async def test_what_the_agent_said_itself_is_not_quoted(server: Server) -> None:
    await server.say(f"{server.name} hello")
    await server.say("and again", reply_to=server.channel.last_message)

    assert server.agent.heard[-1].quoted == ""


async def test_a_forward_is_quoted_with_its_pictures(server: Server) -> None:
    server.agent.takes_images = True
    note = await server.ada.send(server.channel, "call mum", attachments=[PICTURE])
    reference = {"type": 1, "channel_id": str(server.channel.id), "message_id": str(note.id)}
    await server.ada.user.send_dm(reference=reference)
    await server.env.settle()

    incoming = server.agent.heard[-1]
    assert (incoming.text, incoming.quoted, len(incoming.images)) == ("", "call mum", 1)


@pytest.mark.parametrize(
    ("name", "words", "text", "quoted"),
    [
        ("message.txt", "", "a long\npaste", ""),
        ("message.txt", "add these", "add these", "a long\npaste"),
        ("notes.md", "", "", "a long\npaste"),
    ],
)
async def test_text_files_are_read(
    server: Server, name: str, words: str, text: str, quoted: str
) -> None:
    await server.say(f"{server.name} {words}", attachments=[(name, b"a long\npaste")])

    (incoming,) = server.agent.heard
    assert (incoming.text, incoming.quoted) == (text, quoted)


async def test_large_files_and_others_get_a_sentence(server: Server) -> None:
    for attached in (("big.txt", b"x" * (MAX_BYTES + 1)), ("notes.pdf", b"%PDF")):
        assert await server.say(server.name, attachments=[attached]) == []

    assert [body["content"] for body in server.sent] == [NO_FILES, NO_FILES]


async def test_what_could_not_be_opened_beside_the_words_is_said(server: Server) -> None:
    files = [("notes.txt", b"milk"), ("notes.pdf", b"%PDF"), PICTURE]
    assert await server.say(f"{server.name} add these", attachments=files) == ["add these"]
    assert server.agent.heard[-1].quoted == "milk"
    assert server.sent[0]["content"] == SOME_FILES
    await server.say(f"{server.name} add these", attachments=[files[0], PICTURE])
    assert len(server.sent) == 3


async def test_a_voice_message_is_one_that_is_forwarded_or_replied_to(server: Server) -> None:
    server.agent.takes_voice = True
    said = await server.bob.send(server.channel, "", attachments=[SPOKEN])
    assert server.agent.heard == []
    await server.say(f"{server.name} add this", reply_to=said)
    reference = {"type": 1, "channel_id": str(server.channel.id), "message_id": str(said.id)}
    await server.ada.user.send_dm(reference=reference)
    about = {"id": "1", "filename": "a.ogg", "size": 14, "url": "https://a/", "proxy_url": ""}
    spoken = {**about, "content_type": "audio/ogg; codecs=opus", "duration_secs": 1.5}
    await server.ada.user.send_dm(attachments=[spoken])
    await server.ada.user.send_dm(attachments=[about], flags=VOICE)
    await server.env.settle()

    replied, forwarded, attached, own = (one.recording for one in server.agent.heard)
    assert replied == forwarded
    assert replied is not None
    assert (replied.media_type, replied.size, replied.is_quoted) == ("audio/ogg", 4, True)
    assert attached == Recording("https://a/", "audio/ogg", 14, 1.5)
    assert own == Recording("https://a/", "audio/ogg", 14)


async def test_a_voice_message_is_answered_where_no_mention_is_needed(server: Server) -> None:
    server.client.rules = Rules(without_mention=(server.channel.id,))
    assert await server.say("", attachments=[SPOKEN]) == []
    assert server.sent == [], "no sentence about what was not for the agent"
    server.agent.takes_voice = True
    assert await server.say("", attachments=[SPOKEN]) == [""]


async def test_pictures_are_for_brains_that_take_them(server: Server) -> None:
    assert await server.say(f"{server.name} what is this?", attachments=[PICTURE]) != []
    assert len(server.agent.heard[0].images) == 1
    assert server.agent.heard[0].images[0].startswith("https://")
    assert await server.say(server.name, attachments=[PICTURE]) == []
    server.agent.takes_images = True
    assert await server.say(server.name, attachments=[PICTURE]) == [""]


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("{name}, add milk", "add milk"),
        ("hey {name} add milk", "add milk"),
        ("Hi, {NAME}: add milk", "add milk"),
        ("{name} add milk", "{name} add milk"),  # it may be a word of the order
        ("{name},", "{name},"),
        ("hey {name}y add milk", "hey {name}y add milk"),
        ("tell {name}, please", "tell {name}, please"),
    ],
)
async def test_its_own_name_may_be_a_word_of_address(server: Server, said: str, heard: str) -> None:
    assert server.client.user is not None
    name = server.client.user.name
    names = {"name": name, "NAME": name.upper()}
    await server.ada.user.send_dm(said.format(**names))
    await server.env.settle()
    assert server.agent.heard[-1].text == heard.format(**names)


# Without a mention


def listen(server: Server, **more: Any) -> None:  # noqa: ANN401
    """Have the agent answer everything in the channel."""
    server.client.rules = Rules(without_mention=(server.channel.id,), **more)


async def test_everything_is_answered_in_a_listed_channel(server: Server) -> None:
    listen(server)
    other = server.guild.create_text_channel("other")
    assert await server.say("hello everybody") == ["hello everybody"]
    assert await server.say("hello everybody", channel=other) == []
    assert await server.say("", attachments=[PICTURE]) == []
    assert len(server.sent) == 1  # a picture among people gets no kind word


async def test_bots_and_webhooks_are_not_answered_there_either(server: Server) -> None:
    listen(server, threads=True)
    robot = server.guild.add_member(server.env.create_user("robot", bot=True))
    webhook = server.guild.create_webhook(server.channel, "hook")
    assert await server.say("hello", robot) == []
    await webhook.send("hello")
    await server.env.settle()
    assert server.agent.heard == []
    assert server.channel.threads == []


async def test_a_conversation_has_a_thread_that_is_followed_after_a_restart(
    server: Server,
) -> None:
    listen(server, threads=True)
    await server.say("how do   I\nbake bread? " + "x" * 200 + server.bob.mention)
    (thread,) = server.channel.threads
    assert len(thread.name) == 100
    assert thread.name.startswith("how do I bake bread? xx")
    assert server.agent.heard[-1].channel_id == str(thread.id)
    assert [message.author.bot for message in thread.history()][-1]

    server.client = DiscordClient("agent", server.agent, lambda _: None, rules=server.client.rules)
    await server.env.restart_bot(server.client)
    assert await server.say("and cake?", channel=thread) == ["and cake?"]
    assert await server.say("and pie?", server.bob, thread) == ["and pie?"]
    assert len(server.channel.threads) == 1
    assert {one.channel_id for one in server.agent.heard} == {str(thread.id)}


async def test_a_thread_of_peoples_own_needs_a_mention(server: Server) -> None:
    listen(server, threads=True)
    server.env.backend.create_thread(server.channel.id, "aside", server.ada.id)
    (aside,) = server.channel.threads
    assert await server.say("psst", channel=aside) == []
    assert await server.say(f"{server.name} psst", channel=aside) == ["psst"]


async def test_without_the_permission_it_answers_in_the_channel(server: Server) -> None:
    listen(server, threads=True)
    server.env.inject_error("POST", "/channels/*/messages/*/threads", status=403, code=50013)
    assert await server.say("hello") == ["hello"]
    assert server.channel.threads == []
    assert server.agent.heard[-1].channel_id == str(server.channel.id)


async def test_one_person_gets_so_many_answers_and_threads(server: Server) -> None:
    listen(server, threads=True)
    for number in range(UNCALLED_EACH + 3):
        await server.say(f"message {number}")
    assert len(server.agent.heard) == UNCALLED_EACH
    assert len(server.channel.threads) == THREADS_EACH
    assert await server.say("hello", server.bob) == ["hello"]
    assert await server.say(f"{server.name} hello") == ["hello"]  # who calls it is answered


async def test_a_channel_gets_so_many_answers(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    listen(server)
    monkeypatch.setattr(server.client, "_uncalled_together", Quota(1, 60))
    assert await server.say("hello") == ["hello"]
    assert await server.say("hello", server.bob) == []


async def test_a_correction_is_answered_in_the_thread_of_its_message(server: Server) -> None:
    listen(server, threads=True)
    message = await server.ada.send(server.channel, "helo")
    await server.env.settle()
    await server.ada.edit(message, "hello")
    await server.env.settle()
    (thread,) = server.channel.threads
    assert [(one.text, one.edited) for one in server.agent.heard] == [
        ("helo", False),
        ("hello", True),
    ]
    assert {one.channel_id for one in server.agent.heard} == {str(thread.id)}


async def test_a_post_of_a_listed_forum_is_answered(server: Server) -> None:
    forum = server.guild.create_forum_channel("help")
    server.client.rules = Rules(without_mention=(forum.id,), threads=True)
    server.env.backend.create_thread(forum.id, "bread", server.ada.id)
    (post,) = forum.threads
    assert await server.say("and cake?", channel=post) == ["and cake?"]


async def test_a_correction_has_to_call_it_too(server: Server) -> None:
    message = await server.ada.send(server.channel, "helo")
    await server.ada.edit(message, "hello")
    await server.env.settle()
    assert server.agent.heard == []
    await server.ada.edit(message, f"{server.name} hello")
    await server.env.settle()
    assert [(incoming.text, incoming.edited) for incoming in server.agent.heard] == [
        ("hello", False)
    ]


async def test_a_process_that_may_not_answer_is_silent(server: Server) -> None:
    server.client._may_answer = lambda: False
    assert await server.say(f"{server.name} hello") == []
    assert server.sent == []
