"""Logging in and registering in the chat."""

import re

import pytest

from bot.agents.commands import make_agent
from bot.api.client import ApiClient
from bot.dialogue import DELETE_HINT
from bot.messages import Address
from bot.runtime.inbox import UNREAD
from core.auth import end_sessions
from core.postgres import select_one
from core.users import delete_user, get_user_uuid
from tests.support.chat import Person, World
from tests.support.http_sink import HttpSink, as_json
from tests.support.people import PASSWORD
from tests.support.waiting import Clock

HINT = DELETE_HINT.format(what="your password")


async def test_a_stranger_is_welcomed_and_registers(stranger: Person) -> None:
    welcome = await stranger.say("hi there")
    assert "Hello!" in welcome
    assert "user name" in welcome
    assert "register" in welcome
    assert "What should your user name be?" in await stranger.say("register")
    assert "password" in await stranger.say("ada")
    greeting = await stranger.say(PASSWORD)
    assert "Hello, **ada**!" in greeting
    for module in ("errand", "account", "notification"):
        assert f"**{module}**" in greeting
    assert re.search("“[^”]+”", greeting), "an example of what can be said"
    assert await stranger.say("list my errands") == "You have no errands."


async def test_registering_at_once(stranger: Person) -> None:
    assert await stranger.say("Register") == (
        "Let's make you an account. What should your user name be?"
    )


async def test_logging_in_again_after_logging_out(chat: Person) -> None:
    assert "logged out" in await chat.say("log out")
    assert "user name" in await chat.say("list my errands")
    assert await chat.say("ada") == "And your password?"
    assert "Hello, **ada**!" in await chat.say(PASSWORD)


async def test_saying_log_in_asks_for_the_name_at_once(stranger: Person) -> None:
    assert await stranger.say("log in") == "What is your user name?"
    assert await stranger.say("Login") == "What is your user name?"


async def test_help_before_logging_in(stranger: Person) -> None:
    await stranger.say("hello")
    assert "register" in await stranger.say("help")
    assert await stranger.say("nobody") == "And your password?"


@pytest.mark.parametrize("username", ["ada", "nobody"])
async def test_a_wrong_password_and_an_unknown_name_read_alike(
    chat: Person, stranger: Person, username: str
) -> None:
    await stranger.say("login")
    await stranger.say(username)
    refused = await stranger.say("not the password")
    assert refused == (
        f"{HINT}\nThat user name and password don't belong together. "
        "Send me any message to try again."
    )
    assert "user name" in await stranger.say("again")


async def test_a_name_that_is_taken_is_asked_again(chat: Person, stranger: Person) -> None:
    await stranger.say("register")
    await stranger.say("ada")
    refused = await stranger.say(PASSWORD)
    assert "taken" in refused
    assert "another user name" in refused
    assert "Hello, **ben**!" in await stranger.say("ben")  # the password is not asked again


@pytest.mark.parametrize(
    ("password", "reason"), [("short", "8"), ("ä" * 40, "72"), ("x" * 73, "72")]
)
async def test_a_bad_password_is_asked_again(stranger: Person, password: str, reason: str) -> None:
    await stranger.say("register")
    await stranger.say("ada")
    refused = await stranger.say(password)
    assert reason in refused
    assert "another password" in refused
    assert "Hello, **ada**!" in await stranger.say(PASSWORD)


@pytest.mark.parametrize("username", ["a\nb", "x" * 256, "\u200b\u202e", "🙂"])
async def test_a_bad_name_is_asked_again(stranger: Person, username: str) -> None:
    await stranger.say("register")
    await stranger.say(username)
    assert "another user name" in await stranger.say(PASSWORD)
    assert "Hello, **ada**!" in await stranger.say("ada")


@pytest.mark.parametrize(
    "username", ["@everyone", "*bold* _it_", "{braces}", "\"q\" 'q'", "山" * 200, "x" * 255, "1. a"]
)
async def test_any_good_name_can_be_used(stranger: Person, username: str) -> None:
    assert "Hello, " in await stranger.register(username)
    await stranger.say("log out")
    await stranger.say("log in")
    await stranger.say(username)
    assert "You are logged in" in await stranger.say(PASSWORD)
    account = await stranger.say("show my account")
    assert username in account.replace("\\", "")


@pytest.mark.parametrize("after", [["login"], ["login", "ada"], ["register"], ["register", "ada"]])
async def test_cancel_ends_it_at_every_step(stranger: Person, after: list[str]) -> None:
    for text in after:
        await stranger.say(text)
    assert await stranger.say("Cancel!") == "All right, I've dropped that."
    assert "Hello!" in await stranger.say("ada")


async def test_a_password_may_read_never_mind(stranger: Person) -> None:
    assert "Hello, **ada**!" in await stranger.register("ada", "never mind")


async def test_deleting_the_message_with_the_password_is_suggested(stranger: Person) -> None:
    await stranger.say("register")
    await stranger.say("ada")
    assert stranger.secrets_expected == 1
    assert (await stranger.say(PASSWORD)).startswith(HINT)


async def test_nothing_is_suggested_where_secrets_are_hidden(stranger: Person) -> None:
    stranger.hides_secrets = True
    assert (await stranger.register("ada")).startswith("Hello, ")


async def test_a_log_in_survives_a_restart(world: World, chat: Person) -> None:
    await chat.say("add buy milk to my errands")
    await world.restart()
    assert "buy milk" in await chat.say("list my errands")


async def test_a_log_in_belongs_to_one_account_on_one_platform(world: World, chat: Person) -> None:
    other = world.person("someone else")
    assert "user name" in await other.say("list my errands")
    elsewhere = world.person(chat.address.account_id)
    elsewhere.address = Address("discord", chat.address.agent, chat.address.account_id)
    assert "user name" in await elsewhere.say("list my errands")


async def test_a_token_is_renewed_before_it_expires(chat: Person, clock: Clock) -> None:
    await chat.say("add buy milk to my errands")
    clock.forward(hours=5)
    assert "buy milk" in await chat.say("list my errands")


async def test_a_token_that_was_ended_is_renewed_once_unseen(chat: Person) -> None:
    end_sessions(get_user_uuid("ada"))
    assert await chat.say("list my errands") == "You have no errands."


async def test_a_session_that_the_api_no_longer_knows_is_ended(chat: Person) -> None:
    delete_user(get_user_uuid("ada"))
    assert await chat.say("list my errands") == (
        "Your session has ended. Send me any message to log in again."
    )
    assert "Hello!" in await chat.say("list my errands")


async def test_logging_in_as_someone_else_replaces_the_session(world: World, chat: Person) -> None:
    await chat.say("add buy milk to my errands")
    await world.user("ben")
    await chat.say("log out")
    for text in ("log in", "ben"):
        await chat.say(text)
    assert "Hello, **ben**!" in await chat.say(PASSWORD)
    assert await chat.say("list my errands") == "You have no errands."


async def test_one_person_in_two_channels_has_one_log_in(world: World, chat: Person) -> None:
    other_channel = world.person(chat.address.account_id, "another channel")
    assert await other_channel.say("list my errands") == "You have no errands."


async def test_any_other_refusal_is_told_in_the_words_of_the_api(
    world: World, stranger: Person
) -> None:
    with HttpSink() as sink:
        api = ApiClient(sink.url, "key")
        world.conversation = make_agent(api, world.settings, world.clock)
        for flow, path in ((["login"], "/api/login"), (["register"], "/api/register")):
            sink.answer("/api/service/tokens", as_json(200, {"sessions": [None]}))
            for _ in (*flow, "ada"):
                sink.answer("/api/service/secrets/open", as_json(200, {"open": [False]}))
            sink.answer(path, as_json(429, {"error": "Slow down, *please*."}))
            for text in (*flow, "ada"):
                await stranger.say(text)
            assert (await stranger.say(PASSWORD)).endswith("Slow down, \\*please\\*.")
        await api.close()


async def test_a_log_in_left_alone_is_dropped(world: World, stranger: Person) -> None:
    world.settings = world.settings.model_copy(update={"login_timeout_seconds": 0.02})
    await world.restart()
    await stranger.say("register")
    await stranger.say("ada")
    await stranger.leave_unanswered()
    assert await stranger.say(PASSWORD) == UNREAD
    assert select_one("users", {"username": "ada"}) is None


@pytest.mark.parametrize("text", ["who are you?", "help", "what can you do", "Is this safe?"])
async def test_a_question_is_no_user_name(stranger: Person, text: str) -> None:
    await stranger.say("hi")
    assert "I am a bot" in await stranger.say(text)
    assert "password" in await stranger.say("ada")


@pytest.mark.parametrize(
    "text", ["hello", "thanks!", "remind me of the errand call mum tomorrow at 5pm"]
)
async def test_small_talk_and_an_order_are_no_user_names(stranger: Person, text: str) -> None:
    await stranger.say("hi")
    assert "who you are first" in await stranger.say(text)
    assert "password" in await stranger.say("ada")


async def test_a_user_name_may_be_anything_that_is_said_twice(
    world: World, stranger: Person
) -> None:
    name = "who is it that can tell me who I am?"
    await world.person("elsewhere").register(name)
    await stranger.say("hi")
    await stranger.say(name)
    assert "password" in await stranger.say(name)
    assert "Hello" in await stranger.say(PASSWORD)
