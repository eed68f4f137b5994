"""The example that people copy."""

from core.postgres import select
from tests.support.chat import Person, World


async def test_adding_and_showing(chat: Person) -> None:
    assert await chat.say("list my examples") == "You have no examples yet."
    assert await chat.say("add an example called First Try") == "Added **First Try**."
    assert await chat.say("what examples do i have") == "Your examples:\n• **First Try**"
    assert [row["name"] for row in select("examples")] == ["First Try"]


async def test_everyone_has_their_own(chat: Person, world: World) -> None:
    await chat.say("add an example called mine")
    other = await world.user("ben")
    assert await other.say("list my examples") == "You have no examples yet."
