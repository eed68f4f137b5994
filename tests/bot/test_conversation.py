"""One message in, the replies out."""

import asyncio
import gc
import json
import logging
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import pytest
from pydantic import SecretStr

from ai.catalogue import Catalogue
from ai.configuration import get_ai_config
from ai.openai_compatible import OpenAICompatible
from ai.parser import Parser
from bot.command_registry import CommandModule
from bot.context import Context, Message
from bot.fields import About, Secret, When
from bot.messages import Session
from bot.sessions import Turn
from config.settings import Settings, get_settings
from tests.support.chat import PASSWORD, Person, World, until
from tests.support.model_server import Answer, ModelServer, Request

shop = CommandModule("shop", "The *shop*")


@shop.command("order", "order {number} {thing}", "order {thing} for {due}")
async def order(
    ctx: Context,
    thing: Annotated[str, About("the thing", example="apples")],
    number: int = 1,
    size: Literal["small", "large"] = "small",
    due: When | None = None,
) -> str:
    """Order something."""
    return f"{number} {size} {thing}{ctx.when(due)}"


@shop.command("deliver {thing}", "when is {thing} delivered")
async def deliver(ctx: Context, thing: str, due: Annotated[When, About("it wanted")]) -> str:
    """Have something delivered."""
    return f"{thing}{ctx.when(due)}"


@shop.command("pay {amount}")
async def pay(ctx: Context, amount: int, pin: Annotated[Secret, About("PIN")]) -> str:
    """Pay."""
    assert pin == " 12 34"
    return f"Paid {amount}."


@shop.command("close {thing}", confirm="Close {thing}?")
async def close(ctx: Context, thing: str) -> str:
    """Close something."""
    return f"Closed {thing}."


@shop.command("wait")
async def wait(ctx: Context) -> str:
    """Wait for something to happen, and say nothing."""
    await ctx.say("Waiting …")
    return ""


@shop.command("leave the shop")
async def leave(ctx: Context) -> str:
    """Log out."""
    await ctx.log_out()
    return "Goodbye."


@shop.command("break {thing}")
async def smash(ctx: Context, thing: str) -> str:
    """Fail."""
    try:
        raise KeyError(thing)
    except KeyError as error:
        raise ValueError(f"can't break {thing}") from error


@shop.command("fetch {path}")
async def fetch(ctx: Context, path: str) -> str:
    """Ask the API for something that it does not have."""
    return str(await ctx.api.get(f"/api/{path}"))


class Listening(Parser):
    """The parser, and what it was given."""

    def __init__(self) -> None:
        specs = Catalogue()
        specs.add(*(command.spec for command in shop.commands.values()))
        super().__init__(specs, get_ai_config(), None)
        self.texts: list[str] = []
        self.histories: list[Any] = []

    async def parse(  # type: ignore[override]
        self, text: str, interaction_type: str = "command", history: Sequence[Turn] = ()
    ) -> dict[str, Any]:
        self.texts.append(text)
        self.histories.append(history)
        return await super().parse(text, interaction_type, history)


class Always:
    """A parser that understands the same each time."""

    def __init__(self, parsed: dict[str, Any]) -> None:
        self.parsed = parsed
        self.histories: list[Any] = []

    async def parse(
        self, text: str, interaction_type: str = "command", history: Sequence[Turn] = ()
    ) -> dict[str, Any]:
        self.histories.append(history)
        return dict(self.parsed)


@pytest.fixture
def listening() -> Listening:
    """The parser of the customer's shop."""
    return Listening()


@pytest.fixture
async def customer(world: World, chat: Person, listening: Listening) -> Person:
    """Someone who is logged in, and talks to a shop."""
    await world.know(shop, parser=listening)
    return chat


# Fields


async def test_fields_are_converted_and_defaults_kept(customer: Person) -> None:
    assert await customer.say("order 3 apples") == "3 small apples"


async def test_a_missing_field_is_asked_and_the_answer_completes_the_order(
    customer: Person,
) -> None:
    assert await customer.say("order") == "What is the thing?"
    assert await customer.say("apples") == "1 small apples"


async def test_the_users_own_words_are_kept(customer: Person) -> None:
    await customer.say("order")
    assert await customer.say("  Apples & *Pears*  ") == "1 small Apples & *Pears*"


async def test_an_unclear_time_is_asked_again(customer: Person) -> None:
    assert (await customer.say("deliver milk")).startswith("When is it wanted?")
    assert "past" in await customer.say("yesterday")
    answer = await customer.say("tomorrow at 5pm")
    assert answer.startswith("milk \N{EN DASH} tomorrow at 17:00 (UTC)")


async def test_a_time_that_stays_unclear_is_given_up(customer: Person) -> None:
    await customer.say("deliver milk")
    await customer.say("blue")
    await customer.say("green")
    assert await customer.say("red") == "I still don't understand that. Nothing was changed."


@pytest.mark.parametrize("word", ["cancel", "Never mind.", "nevermind", "forget it"])
async def test_a_question_can_be_called_off(customer: Person, word: str) -> None:
    await customer.say("order")
    assert await customer.say(word) == "All right, I've dropped that."
    assert await customer.say("order 2 pears") == "2 small pears"


async def test_a_secret_is_asked_and_kept_nowhere(
    customer: Person, listening: "Listening", caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    assert await customer.say("pay 12") == "What is PIN?"
    assert (await customer.say(" 12 34")).endswith("Paid 12.")
    await customer.say("wait")
    assert listening.histories[-1] == (
        ("pay 12", {"interaction_type": "shop", "action": "pay", "amount": 12}),
    )
    assert "12 34" not in caplog.text


async def test_a_message_without_text_is_no_answer(customer: Person) -> None:
    await customer.say("order")
    assert "only read text" in await customer.say(" ")
    assert await customer.say("apples") == "1 small apples"


# Confirmation


async def test_yes_lets_it_happen(customer: Person) -> None:
    assert await customer.say("close the *door*") == r"Close the \*door\*? (yes or no)"
    assert await customer.say("Yes!") == "Closed the *door*."


@pytest.mark.parametrize("word", ["no", "Nope.", "no thanks"])
async def test_no_leaves_everything_as_it_was(customer: Person, word: str) -> None:
    await customer.say("close the door")
    assert await customer.say(word) == "All right, nothing was changed."


async def test_only_a_plain_answer_counts(customer: Person) -> None:
    await customer.say("close the door")
    assert await customer.say("yes, and the window") == "Please answer “yes” or “no”."
    assert await customer.say("cancel") == "All right, I've dropped that."


# Questions that are left unanswered


@pytest.fixture
def settings(request: pytest.FixtureRequest) -> Settings:
    """Questions lapse at once in the tests that ask for it."""
    patience = 0.02 if "lapsed" in request.node.name else 60
    return get_settings().model_copy(update={"login_timeout_seconds": patience})


async def test_a_lapsed_question_is_told_and_the_message_is_an_order(customer: Person) -> None:
    await customer.say("close the door")
    await customer.leave_unanswered()
    assert await customer.say("order 2 pears") == (
        "I had stopped waiting for your answer to my last question.\n2 small pears"
    )
    assert await customer.say("order 2 pears") == "2 small pears"


async def test_a_late_yes_after_a_lapsed_question_does_nothing(customer: Person) -> None:
    await customer.say("close the door")
    await customer.leave_unanswered()
    assert "Closed" not in await customer.say("yes")


async def test_what_comes_after_a_lapsed_secret_is_not_read(
    customer: Person, listening: "Listening"
) -> None:
    await customer.say("pay 12")
    await customer.leave_unanswered()
    heard = len(listening.texts)
    assert "haven't read this message" in await customer.say(" 12 34")
    assert len(listening.texts) == heard
    assert await customer.say("order 2 pears") == "2 small pears"


# Help and manners


@pytest.mark.parametrize("words", ["help", "Help!", "?", "what can I say?", "what can you do"])
async def test_help_lists_what_can_be_said(chat: Person, words: str) -> None:
    told = await chat.say(words)
    assert "**Your to-do list**\n• add buy milk to my tasks" in told
    assert "• delete my account" in told
    assert not set("{}[]()|<>") & set(told)


async def test_help_names_raw_handlers(customer: Person, world: World) -> None:
    registry = await world.know(shop)
    registry.register_module("habit", shop.handle)
    assert "I also know about: habit." in await customer.say("help")


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("Hi!", "Hello, **ada**!"),
        ("thanks a lot", "You're welcome, **ada**."),
        ("good morning", "Good morning, **ada**!"),
        ("bye", "Goodbye, **ada**!"),
        ("cancel", "There is nothing to cancel, **ada**."),
        ("login", "You are logged in, **ada**."),
        ("register", "You are logged in, **ada**."),
    ],
)
async def test_courtesies_are_returned(chat: Person, words: str, answer: str) -> None:
    assert (await chat.say(words)).startswith(answer)


async def test_what_is_not_understood_gets_the_nearest_sentences(chat: Person) -> None:
    answer = await chat.say("put the kettle on my *tasks* somehow")
    assert len(answer.splitlines()) == 4
    assert "tasks" in answer


async def test_the_zone_is_explained_once(customer: Person) -> None:
    hint = "my time zone is Europe/Berlin"
    assert hint in await customer.say("order milk for tomorrow at 5pm")
    assert hint not in await customer.say("order milk for tomorrow at 5pm")


async def test_a_handler_may_say_nothing_at_the_end(customer: Person) -> None:
    assert await customer.say("wait") == "Waiting …"


# Handlers registered by hand, and what the model makes up


async def test_a_raw_handler_gets_message_session_and_command(
    model_server: ModelServer, world: World, chat: Person
) -> None:
    seen: list[tuple[Message, Session, dict[str, Any]]] = []

    async def handler(message: Message, session: Session, parsed: dict[str, Any]) -> None:
        seen.append((message, session, parsed))
        await message.channel.send("Water is good for you.")

    registry = await world.know(shop, model=model(model_server))
    registry.register_module("habit", handler)
    command = {"interaction_type": "habit", "action": "log", "what": "water"}
    model_server.replies(command)
    assert await chat.say("I drank a glass of water") == "Water is good for you."
    message, session, parsed = seen[0]
    assert message.content == "I drank a glass of water"
    assert message.author.id == chat.address.account_id
    assert parsed == command
    assert session.username == "ada"
    assert session.user_uuid
    assert session.token


async def test_a_model_is_asked_where_a_key_is_set(
    model_server: ModelServer, world: World, chat: Person
) -> None:
    world.settings = world.settings.model_copy(
        update={
            "openrouter_api_key": SecretStr("key"),
            "openrouter_base_url": model_server.base_url,
        }
    )
    await world.restart()
    command = {"interaction_type": "task", "action": "add", "name": "call mum"}
    model_server.replies(command | {"due": "tomorrow at 5pm"})
    answer = await chat.say("I really should ring my mother tomorrow at 5pm")
    assert answer.startswith("Added **call mum** \N{EN DASH} tomorrow at 17:00 (UTC).")
    assert "list my tasks" in model_server.requests[0].messages[0]["content"]


async def test_discord_accounts_are_numbers(world: World, stranger: Person) -> None:
    parser = Always({"interaction_type": "raw", "action": "note"})
    registry = await world.know(shop, parser=parser)
    ids: list[object] = []

    async def note(message: Message, session: Session, parsed: dict[str, Any]) -> str:
        ids.append(message.author.id)
        return "Noted."

    registry.register_module("raw", note)
    await stranger.register("ada")
    assert await stranger.say("note") == "Noted."
    assert ids == [4711]


@pytest.mark.parametrize(
    ("parsed", "answer"),
    [
        (
            {"interaction_type": "weather", "action": "show"},
            "I can't do that. I know about **shop**.",
        ),
        (
            {"interaction_type": "shop", "action": "rob"},
            "I can't do that. Say **help** to see what I can do.",
        ),
        ({"needs_clarification": "Which *one*?"}, r"Which \*one\*?"),
        ({"error": "I am *lost*."}, r"I am \*lost\*."),
        ({"interaction_type": "shop", "action": "order", "thing": None}, "What is the thing?"),
        ({"interaction_type": "shop", "action": "pay", "amount": 1, "pin": "9"}, "What is PIN?"),
        (
            {"interaction_type": "shop", "action": "order", "thing": "x", "size": "huge"},
            "Please choose small or large.",
        ),
    ],
)
async def test_what_the_parser_says_is_checked_by_code(
    world: World, chat: Person, parsed: dict[str, Any], answer: str
) -> None:
    await world.know(shop, parser=Always(parsed))
    assert await chat.say("whatever") == answer


async def test_the_parser_gets_the_last_five_turns(world: World, chat: Person) -> None:
    parsed = {"interaction_type": "shop", "action": "wait"}
    await world.know(shop, parser=(parser := Always(parsed)))
    for number in range(7):
        await chat.say(f"message {number}")
    assert [len(history) for history in parser.histories] == [0, 1, 2, 3, 4, 5, 5]
    assert parser.histories[-1] == tuple((f"message {number}", parsed) for number in range(1, 6))


async def test_the_history_ends_with_the_session(customer: Person, listening: Listening) -> None:
    await customer.say("wait")
    await customer.say("leave the shop")
    for text in ("log in", "ada", PASSWORD):
        await customer.say(text)
    await customer.say("wait")
    assert [len(history) for history in listening.histories] == [0, 1, 0]


# When things go wrong


async def test_a_crash_is_told_in_plain_words_and_logged_without_text(
    customer: Person, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await customer.say("break grandmother's vase")
    assert answer.startswith("Something went wrong on my side")
    assert "ValueError from KeyError" in caplog.text
    assert "in smash" in caplog.text
    assert "vase" not in caplog.text
    assert await customer.say("order 2 pears") == "2 small pears"


async def test_no_log_line_holds_what_was_said(
    world: World, stranger: Person, caplog: pytest.LogCaptureFixture
) -> None:
    for room in ("ai", "api", "bot", "core"):
        caplog.set_level(logging.DEBUG, room)
    await stranger.register("ada")
    await stranger.say("remind me to call mum tomorrow at 5pm")
    await stranger.say("this is not understood, mum")
    await stranger.say("show my mum list")
    await stranger.say("change my password")
    await stranger.say("wrong current password")
    await stranger.say("new mum password")
    async with world.api_away():
        await stranger.say("add call mum to my tasks")
    assert caplog.records
    for said in ("mum", "ada", PASSWORD, "wrong current"):
        assert said not in caplog.text


async def test_what_the_api_refuses_is_told_in_its_words(customer: Person) -> None:
    assert await customer.say("fetch bananas") == "There is nothing at this address."


async def test_the_api_away_loses_nothing(world: World, chat: Person) -> None:
    await chat.say("add buy milk to my tasks")
    async with world.api_away():
        assert "can't reach the service right now" in await chat.say("list my tasks")
    assert "buy milk" in await chat.say("list my tasks")


async def test_the_api_away_at_log_in_is_waited_for(world: World, stranger: Person) -> None:
    await stranger.say("register")
    await stranger.say("ada")
    async with world.api_away():
        assert "Send me any message and I'll try again." in await stranger.say(PASSWORD)
        assert "Send me any message and I'll try again." in await stranger.say("hello?")
    assert "Hello, **ada**!" in await stranger.say("there?")


async def test_the_api_away_before_the_first_word(world: World, stranger: Person) -> None:
    async with world.api_away():
        assert "can't reach the service right now" in await stranger.say("hello")
    assert "user name" in await stranger.say("hello")


# Many people at once


def model(server: ModelServer) -> OpenAICompatible:
    """Return the real client, for the scripted model."""
    return OpenAICompatible(server.base_url, "key", "test-model")


async def test_a_slow_model_delays_nobody_else(
    model_server: ModelServer, world: World, chat: Person
) -> None:
    other = await world.user("ben")
    await world.know(shop, model=model(model_server))

    def script(request: Request) -> Answer:
        fields = {"interaction_type": "shop", "action": "order", "thing": "tea"}
        return Answer(json.dumps(fields), delay=2 if "slowly" in request.user else 0)

    model_server.script = script
    slow = asyncio.create_task(chat.say("I would slowly like a cup of tea now"))
    await until(lambda: model_server.requests)  # before the other one begins
    assert await other.say("I would quickly like a cup of tea now") == "1 small tea"
    assert not slow.done()
    assert await slow == "1 small tea"


async def test_messages_of_one_person_are_answered_in_order(customer: Person) -> None:
    await asyncio.gather(*(customer.say(f"order {number} pears") for number in range(20)))
    assert customer.replies[-20:] == [f"{number} small pears" for number in range(20)]


async def test_an_answer_is_not_taken_from_another_channel(customer: Person, world: World) -> None:
    elsewhere = world.person(customer.address.account_id, "another channel")
    await customer.say("close the door")
    assert "Closed" not in await elsewhere.say("yes")
    assert await customer.say("yes") == "Closed the door."


async def test_nothing_is_kept_of_strangers(world: World, stranger: Person) -> None:
    await stranger.say("hello")
    await stranger.say("cancel")
    await stranger.say("log in")
    await stranger.say("nobody")
    await stranger.say("wrong password")
    gc.collect()
    held = vars(world.brain)
    assert not held["_talks"]
    assert not held["_turns"]


async def test_stopping_drops_open_questions(customer: Person, world: World) -> None:
    await customer.say("close the door")
    assert world.brain.is_waiting(customer.address, "dm")
    await world.brain.close()
    assert not world.brain.is_waiting(customer.address, "dm")


async def test_stopping_in_the_middle_of_an_answer(
    model_server: ModelServer, world: World, chat: Person
) -> None:
    await world.know(shop, model=model(model_server))
    model_server.replies(Answer(hangs=True))
    task = asyncio.create_task(chat.say("I would like a cup of tea now"))
    await until(lambda: model_server.requests)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not world.brain.is_waiting(chat.address, "dm")
