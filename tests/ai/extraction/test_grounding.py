"""Values that a model made up are told from those that were said."""

import time

import pytest

from ai.commands import FieldKind, FieldSpec
from ai.extraction.grounding import Sources


def said(text: str, value: object, kind: FieldKind = "text", *known: str) -> bool:
    return Sources(text, known).support(FieldSpec("f", kind), value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("I need to buy bread", "buy bread"),
        ("I bought the bread", "bread"),
        ("waxed the kayak", "wax the kayak"),
        ("add tomatos please", "tomatoes"),
        ("Was steht auf der Einkaufsliste?", "Einkauf"),
        ("recuérdame llamar a mamá", "llamar a mamá"),
        ("牛乳を買う", "牛乳を買う"),
    ],
)
def test_texts_that_were_said(text: str, value: str) -> None:
    assert said(text, value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("I need to buy bread", "default"),
        ("add eggs", "the meter"),
        ("add eggs", "Shopping"),
        ("tell me something funny", "Jokes"),
        ("", "milk"),
    ],
)
def test_texts_that_were_not(text: str, value: str) -> None:
    assert not said(text, value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("call mum tomorrow at 5pm", "tomorrow at 5pm"),
        ("morgen um 17 Uhr", "tomorrow at 5pm"),
        ("morgen um acht", "tomorrow at 8"),
        ("el lunes a las 5", "monday at 5"),
        ("demain à 18h", "tomorrow at 18:00"),
        ("wake me at half past six", "half past six"),
        ("every mon at 7", "every monday at 7"),
        ("in zwanzig Minuten", "in 20 minutes"),
    ],
)
def test_times_that_were_said(text: str, value: str) -> None:
    assert said(text, value, "when")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("I need to buy bread", "tomorrow at 5pm"),
        ("I need to buy bread", "now"),
        ("call mum tomorrow", "tomorrow at 5pm"),
        ("call mum at 5", "tomorrow at 5"),
    ],
)
def test_times_that_were_not(text: str, value: str) -> None:
    assert not said(text, value, "when")


def test_numbers_choices_and_names_that_were_shown() -> None:
    assert said("dim it to thirty", 30, "integer")
    assert not said("dim it", 30, "integer")
    assert said("stop ntfy", "ntfy", "choice")
    assert not said("stop it", "discord", "choice")
    assert said("delete the second one", "eggs", "text", "milk", "eggs")
    assert said("on please", True, "boolean")


def test_names_keep_the_accents_that_the_person_wrote() -> None:
    sources = Sources("mueve la reunión al lunes; el ano nuevo, Zoë")
    assert sources.as_said("la reunion") == "la reunión"
    assert sources.as_said("año nuevo") == "ano nuevo"
    assert sources.as_said("Zoe") == "Zoë"


@pytest.mark.parametrize(
    ("text", "value", "name"),
    [
        ("erinnere mich an den Zahnarzt", "Zahnarzt appointment", "Zahnarzt"),
        ("I'm in Lisbon", "Europe/Lisbon", "Lisbon"),
        ("the hinges are oiled already", "hinges already", "hinges"),
        ("at long last I fed the newts", "at long last fed the newts", "fed the newts"),
        ("finally", "finally", "finally"),
        ("Sam's bday is on saturday", "Sam's birthday", "Sam's birthday"),
        ("read On the Road, please", "On the Road, please", "On the Road"),
        ("turn the heater on", "turn the heater on", "turn the heater on"),
        ("牛乳を買う", "牛乳", "牛乳"),
        ("call mum (mobile)", "call mum (mobile)", "call mum (mobile)"),
        ("share it with jess_88", "jess_88", "jess_88"),
        ("share it with jess of the shop", "jess_of_the_shop", "jess of the shop"),
    ],
)
def test_names_lose_at_their_ends_what_is_no_part_of_them(text: str, value: str, name: str) -> None:
    assert Sources(text).as_said(value) == name


def test_no_message_takes_long() -> None:
    sources = Sources(" ".join(f"word{number}x" for number in range(800))[:4000])
    began = time.thread_time()
    sources.support(FieldSpec("f"), " ".join(f"other{number}" for number in range(300)))
    assert time.thread_time() - began < 0.5


def test_a_choice_may_be_a_day_in_another_language() -> None:
    day = FieldSpec("day", "choice", choices=("today", "tomorrow", "this week"))
    assert Sources("was steht heute an?").support(day, "today")
    assert Sources("qué tengo esta semana").support(day, "this week")
    assert not Sources("was steht heute an?").support(day, "tomorrow")


def test_words_are_the_same_with_and_without_accents_and_times_may_be_short() -> None:
    assert Sources("despiértame a las siete").support(FieldSpec("name"), "despertar")
    assert Sources("gimme 12 mins for the eggs").support(FieldSpec("due", "when"), "in 12 minutes")
    assert Sources("nimm Mehl von der Liste Backen runter").as_said("Backen runter") == "Backen"


def test_what_a_model_misspells_is_as_it_was_said() -> None:
    assert Sources("Rasen mähen").as_said("Rassen mähen") == "Rasen mähen"
    assert Sources("llevar a Nico").as_said("llegar a Nico") == "llevar a Nico"
    assert Sources("the harp is tuned").as_said("tune harp") == "tune harp", "another form of it"
    assert Sources("vet jabs for Bo").as_said("veterinary jab for Bo") == "vet jabs for Bo"
