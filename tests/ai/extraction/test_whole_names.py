"""Names of which a model leaves out words that the message has."""

import pytest

from ai.extraction.whole_names import around_time, whole_name, whole_name_elsewhere
from ai.languages import language_of
from tests.ai.commands import COMMANDS

ADD = COMMANDS[0]


@pytest.mark.parametrize(
    ("text", "name", "whole"),
    [
        ("call grandma sunday evening", "grandma", "call grandma"),
        ("I have to ring the plumber on friday", "plumber", "ring the plumber"),
        (
            "got to email the landlord about the leak before noon",
            "email landlord",
            "email the landlord about the leak",
        ),
        ("need a lift from the airport on the 14th", "lift", "lift from the airport"),
        ("text Sam for me at 5", "text Sam", "text Sam"),
        ("a lift from the airport", "lift", "lift"),
        ("text Sam about lunch tomorrow at noon", "text Sam", "text Sam about lunch"),
        # What belongs to the sentence, or to no name:
        ("hey dentist tomorrow at 4", "dentist", "dentist"),
        ("ping me at 5 about mum", "mum", "mum"),
        ("remind me to water the newts at 5", "water the newts", "water the newts"),
        ("something for 12 minutes, the oats are on", "oats", "oats"),
        ("oats?", "", ""),
        ("a" * 5000, "a", "a"),
        ("call " * 2000, "call", "call"),
        ("call (.*) at 5", "(.*)", "(.*)"),
    ],
)
def test_a_name_has_its_verb_and_what_it_is_about(text: str, name: str, whole: str) -> None:
    assert whole_name(ADD, name, text) == whole


def test_what_goes_to_a_place_is_as_the_model_says() -> None:
    assert whole_name(ADD, "bread", "slap bread on shopping", "shopping") == "bread"


@pytest.mark.parametrize("quotes", ['""', "“”", "„“", "«»"])
def test_a_name_in_quotation_marks_is_all_that_is_in_them(quotes: str) -> None:
    text = f"can you jot {quotes[0]}renew library card{quotes[1]} down for monday"
    assert whole_name(ADD, "library card", text) == "renew library card"


@pytest.mark.parametrize(
    ("text", "time", "name", "whole"),
    [
        ("rappelle-moi de poser la harpe au port", "", "poser la harpe", "poser la harpe au port"),
        ("hay que cambiar las velas cada lunes", "cada lunes", "velas", "cambiar las velas"),
        ("ich muss noch die Harfe stimmen", "", "Harfe", "Harfe stimmen"),
        ("am Montag Harfe für Zelda holen", "am Montag", "Harfe", "Harfe für Zelda holen"),
        ("denk daran, die Harfe zum Hafen zu bringen", "", "Harfe", "Harfe zum Hafen bringen"),
        ("note : racheter du fil pour Zelda", "", "fil for Zelda", "racheter du fil pour Zelda"),
        ("il faut poser du fil et appeler Zelda", "", "fil", "poser du fil"),
        # The words of an order, and what isn't there:
        ("peux-tu ajouter du fil", "", "fil", "fil"),
        ("denk daran, mich an die Harfe zu erinnern", "", "Harfe", "Harfe"),
        ("il faut du fil", "", "tulle", "tulle"),
        ("le fil (.*)", "", "(.*)", "(.*)"),
        ("fil à " * 2000, "", "fil" * 100, "fil" * 100),
    ],
)
def test_names_are_whole_in_other_languages(text: str, time: str, name: str, whole: str) -> None:
    orders = {"ajouter", "erinnern"}
    found = whole_name_elsewhere(name, text, time, language_of(text), orders.__contains__)
    assert found == whole


@pytest.mark.parametrize(
    ("text", "name", "whole"),
    [
        ("call the school tmrw at nine about Jo", "Jo", "call the school about Jo"),
        ("ping me in an hour about Jo", "Jo", "Jo"),
        ("add Jo at nine about eggs", "eggs", "eggs"),
        ("call the school at nine on monday at 5 about Jo", "Jo", "Jo"),
        ("heads up at nine for Jo", "Jo", "Jo"),
        ("", "Jo", "Jo"),
    ],
)
def test_a_time_may_stand_in_a_name(text: str, name: str, whole: str) -> None:
    assert around_time(ADD, name, text, {"heads"}.__contains__) == whole
