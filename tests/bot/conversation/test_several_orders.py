"""Several orders in one message, orders that overtake a question, and what "it" points at."""

from typing import Any

import pytest

from ai.sentences.references import NO_REFERENCES, References
from config.settings import Settings, get_settings
from tests.support.chat import Person, World
from tests.support.errands import errands
from tests.support.people import PASSWORD
from tests.support.shop import Always, shop


@pytest.fixture
def settings(request: pytest.FixtureRequest) -> Settings:
    """Questions lapse at once in the tests that ask for it."""
    patience = 0.2 if "lapsed" in request.node.name else 60
    return get_settings().model_copy(update={"login_timeout_seconds": patience})


def shop_order(action: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """Return a parsed order."""
    return {"interaction_type": "shop", "action": action, **fields}


APPLES = shop_order("order", thing="apples")
PEARS = shop_order("order", thing="pears", number=2)
CLOSE = shop_order("close", thing="door")
REST = "I haven't done the rest: “order 2 pears”."


async def say(world: World, chat: Person, *orders: dict[str, Any]) -> str:
    """Say something that is understood as these orders."""
    await world.know(shop, parser=Always(*orders))
    return await chat.say("whatever")


# Several orders in one message


async def test_orders_are_carried_out_in_order_and_each_is_answered(
    world: World, chat: Person
) -> None:
    assert await say(world, chat, APPLES, PEARS) == "1 small apples\n2 small pears"


@pytest.mark.parametrize(
    ("failing", "told"),
    [
        (shop_order("rob"), "I can't do that. Say **help** to see what I can do."),
        (shop_order("fetch", path="bananas"), "There is nothing at this address."),
        (
            shop_order("smash", thing="vase"),
            "Something went wrong on my side, and I've noted it. Please try again in a moment.",
        ),
        ({"interaction_type": "weather"}, "I can't do that. I know about **shop**."),
    ],
)
async def test_one_that_fails_does_not_stop_the_others(
    world: World, chat: Person, failing: dict[str, Any], told: str
) -> None:
    assert await say(world, chat, APPLES, failing, PEARS) == (
        f"1 small apples\n{told}\n2 small pears"
    )


async def test_one_that_is_declined_does_not_stop_the_others(world: World, chat: Person) -> None:
    assert (await say(world, chat, CLOSE, PEARS)).endswith("(yes or no)")
    assert await chat.say("no") == "All right, nothing was changed.\n2 small pears"


async def test_a_question_pauses_the_rest(world: World, chat: Person) -> None:
    assert await say(world, chat, shop_order("order"), CLOSE, PEARS) == "What is the thing?"
    assert await chat.say("plums") == "1 small plums\nClose door? (yes or no)"
    assert await chat.say("yes") == "Closed door.\n2 small pears"


async def test_never_mind_ends_all_and_says_what_was_not_done(world: World, chat: Person) -> None:
    await say(world, chat, APPLES, CLOSE, PEARS)
    assert await chat.say("never mind") == f"All right, I've dropped that.\n{REST}"


async def test_a_lapsed_question_says_what_was_not_done(world: World, chat: Person) -> None:
    await say(world, chat, CLOSE, PEARS)
    await chat.leave_unanswered()
    told = "I had stopped waiting for your answer to my last question."
    assert (await chat.say("whatever")).startswith(f"{told}\n{REST}\n")


async def test_nothing_is_done_after_a_log_out(world: World, chat: Person) -> None:
    answer = await say(world, chat, shop_order("leave"), APPLES, PEARS)
    assert answer == (
        "Goodbye.\nYour session has ended. Send me any message to log in again.\n"
        "I haven't done the rest: “order (apples)”, “order 2 pears”."
    )


async def test_every_order_of_a_message_makes_its_own_row(world: World, chat: Person) -> None:
    adding = [
        {"interaction_type": "errand", "action": "add", "name": name}
        for name in ("milk", "milk", "eggs")
    ]
    await world.know(errands, parser=Always(*adding))
    await chat.say("add milk, milk and eggs")
    await world.restart()
    assert await chat.say("list my errands") == "Your errands:\n• **milk**\n• **milk**\n• **eggs**"


async def test_the_history_holds_all_orders_of_a_message(world: World, chat: Person) -> None:
    await world.know(shop, parser=(parser := Always(APPLES, PEARS)))
    await chat.say("both")
    await chat.say("again")
    assert parser.histories[-1] == (("both", {"commands": [APPLES, PEARS]}),)


# Orders that overtake a question


@pytest.mark.parametrize("words", ["list my errands", "Please show my errands!", "undo that"])
async def test_an_order_overtakes_a_question(chat: Person, words: str) -> None:
    assert await chat.say("new errand") == "What is the errand?"
    answer = await chat.say(words)
    assert answer.startswith("All right, I've dropped my question.\n")
    assert await chat.say("list my errands") == "You have no errands."


async def test_help_overtakes_a_question(chat: Person) -> None:
    await chat.say("new errand")
    answer = await chat.say("help")
    assert answer.startswith("All right, I've dropped my question.\nTalk to me in your own words.")


async def test_what_is_not_done_is_said_when_an_order_overtakes(world: World, chat: Person) -> None:
    await say(world, chat, shop_order("order"), PEARS)
    answer = await chat.say("wait")
    assert answer.startswith(f"All right, I've dropped my question.\n{REST}\n")


@pytest.mark.parametrize(
    "words", ["tell me a joke", "laundry is done", "commands", "buy milk", "my errands"]
)
async def test_what_may_be_an_answer_is_one(chat: Person, words: str) -> None:
    await chat.say("new errand")
    assert await chat.say(words) == f"Added **{words}**."


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("order 2 pears", "2 small pears"),
        ("help", "Talk to me in your own words."),
        ("forget me", "I have forgotten"),
        ("leave the shop", "Goodbye."),
        ("what's the time?", "I did not understand that."),
    ],
)
async def test_a_confirmation_is_ended_by_another_order(
    customer: Person, words: str, told: str
) -> None:
    await customer.say("close the door")
    assert (await customer.say(words)).startswith(f"All right, I've dropped my question.\n{told}")


@pytest.mark.parametrize(
    "words", ["when is mum's birthday?", "whats on the shopping list", "can you help me with that?"]
)
async def test_a_question_is_no_answer_to_one(customer: Person, words: str) -> None:
    await customer.say("order")
    assert (await customer.say(words)).startswith("All right, I've dropped my question.\n")


@pytest.mark.parametrize("words", ["when I get home", "what to wear", "how-to books", "will"])
async def test_what_only_begins_like_a_question_is_an_answer(customer: Person, words: str) -> None:
    await customer.say("order")
    assert await customer.say(words) == f"1 small {words}"


async def test_a_secret_is_not_overtaken(customer: Person) -> None:
    await customer.say("pay 12")
    assert "Something went wrong" in await customer.say("order 2 pears")  # the shop checks the PIN


async def test_names_at_log_in_are_no_orders(stranger: Person) -> None:
    await stranger.say("register")
    await stranger.say("list my errands")
    assert "Hello, **list my errands**!" in await stranger.say(PASSWORD)


# What "it" points at


async def test_the_parser_is_told_what_came_before(world: World, chat: Person) -> None:
    for name in ("oat milk", "bread"):
        await chat.say(f"add {name} to my errands")
    show = {"interaction_type": "errand", "action": "show"}
    complete = {"interaction_type": "errand", "action": "complete", "name": "oat"}
    await world.know(errands, parser=(parser := Always(show, complete)))
    await chat.say("show them and complete oat")
    await chat.say("and then")
    assert parser.recalls == [
        NO_REFERENCES,
        References(complete | {"name": "oat milk"}, shown=("oat milk", "bread"), kind="errand"),
    ]


@pytest.mark.parametrize(
    ("orders", "answer"),
    [
        (["relabel the second one as oat milk"], "Renamed **milk** to **oat milk**."),
        (["strike 2"], "Done: **milk**."),
        (["strike the first one"], "Done: **bread**."),
        (["expunge the second one", "yes"], "Deleted **milk**."),
        (["add eggs to my errands", "expunge that", "yes"], "Deleted **eggs**."),
    ],
)
async def test_follow_ups(chat: Person, orders: list[str], answer: str) -> None:
    for name in ("bread", "milk"):
        await chat.say(f"add {name} to my errands")
    await chat.say("list my errands")
    for order in orders:
        told = await chat.say(order)
    assert told == answer


async def test_it_is_what_was_found_not_what_was_said(chat: Person) -> None:
    await chat.say("add buy milk to my errands")
    await chat.say("add milk the cow to my errands")
    await chat.say("relabel buy as fetch milk")
    assert (await chat.say("strike it")) == "Done: **fetch milk**."


async def test_nothing_is_remembered_after_log_out(chat: Person) -> None:
    await chat.say("add milk to my errands")
    await chat.say("list my errands")
    await chat.say("log out")
    for text in ("log in", "ada", PASSWORD):
        await chat.say(text)
    assert "Done" not in await chat.say("strike the first one")


async def test_places_are_remembered_apart(world: World, chat: Person) -> None:
    await chat.say("add milk to my errands")
    await chat.say("list my errands")
    elsewhere = world.person(chat.address.account_id, "another channel")
    assert "Done" not in await elsewhere.say("strike the first one")
    assert await chat.say("strike the first one") == "Done: **milk**."
