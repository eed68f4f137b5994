"""The bot's own questions in the person's language, where a model understood them."""

import pytest

from ai.commands import FieldSpec
from ai.languages import QUESTIONS
from bot.framework.fields import question
from tests.support.chat import Person, World
from tests.support.errands import errands
from tests.support.model_server import ModelServer
from tests.support.shop import model


@pytest.mark.parametrize(
    ("said", "language", "answer"),
    [
        ("verschieb bitte die Besorgung Milch", "de", "morgen um 8"),
        ("aplaza por favor lo de Milch que tengo", "es", "mañana a las 8"),
        ("reporte la course Milch pour moi", "fr", "demain à 8h"),
    ],
)
async def test_when_is_asked_and_answered_in_their_language(
    chat: Person,
    world: World,
    model_server: ModelServer,
    said: str,
    language: str,
    answer: str,
) -> None:
    await world.know(errands, model=model(model_server))
    await chat.say("add Milch to my errands")
    model_server.replies({"command": "errand.schedule", "name": "Milch"})
    asked = QUESTIONS[language]["when"]  # type: ignore[index]
    assert await chat.say(said) == asked
    assert await chat.say("quux") == f"{asked} (Or say “never mind”.)"
    assert "tomorrow at 08:00" in await chat.say(answer)


async def test_which_one_and_what_is_offered_are_asked_in_their_language(
    chat: Person, world: World, model_server: ModelServer
) -> None:
    await world.know(errands, model=model(model_server))
    await chat.say("add Milch und Brot to my errands")
    await chat.say("add Milch und Eier to my errands")
    model_server.replies({"command": "errand.complete", "name": "Milch"})
    assert (await chat.say("ich hab noch die Milch geholt")).startswith("Was davon meinst du?\n1")
    assert "Brot" in await chat.say("1")
    model_server.replies({"command": "errand.show"})
    offered = await chat.say("und wozu das ganze")
    assert offered.startswith("Meinst du: ")


@pytest.mark.parametrize(
    ("field", "asked"),
    [
        (FieldSpec("name", description="the task"), "Eine Angabe fehlt noch (the task)"),
        (FieldSpec("b", "boolean"), "Ja oder nein?"),
        (FieldSpec("c", "choice", choices=("red", "green")), "Welches: red / green?"),
        (FieldSpec("w", "date", tense="past"), "Wann war das?"),
        (FieldSpec("d", "duration"), "Wie lange?"),
    ],
)
def test_each_kind_of_field_has_its_question(field: FieldSpec, asked: str) -> None:
    assert question(field, "de").startswith(asked)
