"""One message in, the replies out: fields, confirmation, questions left alone, manners."""

import logging

import pytest

from config.settings import Settings, get_settings
from tests.support.chat import Person, World
from tests.support.shop import Listening, shop

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
    assert (await customer.say("blue")).endswith(" (Or say “never mind”.)")
    assert await customer.say("green") == "I still don't understand that. Nothing was changed."


@pytest.mark.parametrize("word", ["cancel", "Never mind.", "nevermind", "forget it"])
async def test_a_question_can_be_called_off(customer: Person, word: str) -> None:
    await customer.say("order")
    assert await customer.say(word) == "All right, I've dropped that."
    assert await customer.say("order 2 pears") == "2 small pears"


async def test_a_secret_is_asked_and_kept_nowhere(
    customer: Person, listening: Listening, caplog: pytest.LogCaptureFixture
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
    assert await customer.say("yes, and the window") == (
        "Please answer “yes” or “no”, or say “cancel”."
    )
    assert await customer.say("cancel") == "All right, I've dropped that."


async def test_a_question_that_gets_no_plain_answer_is_given_up(customer: Person) -> None:
    await customer.say("close the door")
    await customer.say("well")
    assert "Nothing was changed" in await customer.say("perhaps")
    assert await customer.say("order 2 pears") == "2 small pears"


# Questions that are left unanswered


@pytest.fixture
def settings(request: pytest.FixtureRequest) -> Settings:
    """Questions lapse at once in the tests that ask for it."""
    patience = 0.2 if "lapsed" in request.node.name else 60
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
    customer: Person, listening: Listening
) -> None:
    await customer.say("pay 12")
    await customer.leave_unanswered()
    heard = len(listening.texts)
    assert "haven't read this message" in await customer.say(" 12 34")
    assert len(listening.texts) == heard
    assert await customer.say("order 2 pears") == "2 small pears"


# Help and manners


@pytest.mark.parametrize(
    "words",
    ["help", "Help!", "?", "what can I say?", "what can you do for me", "how do i use this bot?"],
)
async def test_help_lists_what_can_be_said(chat: Person, words: str) -> None:
    told = await chat.say(words)
    assert "**Your errands**\n• add buy milk to my errands\n• remind me of the errand" in told
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
        ("thx bot", "You're welcome, **ada**."),
        ("Good bot!", "You're welcome, **ada**."),
        ("how are you?", "I'm fine, thank you, **ada**. What can I do for you?"),
        ("hey there", "Hello, **ada**!"),
        ("hiya!!", "Hello, **ada**!"),
        ("what's up?", "I'm fine, thank you, **ada**."),
        ("great, thank you so much!", "You're welcome, **ada**."),
        ("that's awesome", "Glad to hear it, **ada**."),
        ("are you a real person?", "I'm a bot, **ada**"),
        ("yes", "I'm not waiting for an answer, **ada**. What can I do for you?"),
        ("OK.", "I'm not waiting for an answer, **ada**. What can I do for you?"),
        ("good morning", "Good morning, **ada**!"),
        ("bye", "Goodbye, **ada**!"),
        ("tell me a joke", "That is beyond me, **ada**."),
        ("you're useless", "I'm sorry to hear it, **ada**."),
        ("I love you", "That is kind of you, **ada**."),
        ("thanks, bye", "Goodbye, **ada**!"),
        ("stop", "There is nothing to cancel, **ada**."),
        ("cancel", "There is nothing to cancel, **ada**."),
        ("login", "You are logged in, **ada**."),
        ("register", "You are logged in, **ada**."),
    ],
)
async def test_courtesies_are_returned(chat: Person, words: str, answer: str) -> None:
    assert (await chat.say(words)).startswith(answer)


async def test_what_is_not_understood_gets_the_nearest_sentences(chat: Person) -> None:
    answer = await chat.say("put the kettle on my *errands* somehow")
    assert len(answer.splitlines()) == 4
    assert "errands" in answer


async def test_the_zone_is_explained_once(customer: Person) -> None:
    hint = "my time zone is Europe/Berlin"
    assert hint in await customer.say("order milk for tomorrow at 5pm")
    assert hint not in await customer.say("order milk for tomorrow at 5pm")


async def test_a_handler_may_say_nothing_at_the_end(customer: Person) -> None:
    assert await customer.say("wait") == "Waiting …"
