"""Names of which a model leaves out words that the message has."""

import pytest

from ai.extraction.whole_names import whole_name
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
