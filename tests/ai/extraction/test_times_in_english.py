"""Times in other languages, as small models leave them."""

from dataclasses import replace

import pytest

from ai.commands import CommandSpec, FieldSpec
from ai.extraction.checks import check
from ai.extraction.times_in_english import in_english, one_time
from ai.times.grammar import phrases

SPEC = CommandSpec("a", "b", "C.", (FieldSpec("due", "when"),), ("x {due}",))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("morgen um 8", "tomorrow at 8"),
        ("monday 9", "monday at 9"),
        ("lundi 9", "monday at 9"),
        ("Morgen um acht Uhr", "tomorrow at 8:00"),
        ("um viertel vor sechs", "at 5:45"),
        ("morgen um viertel nach 9", "tomorrow at 9:15"),
        ("um dreiviertel sieben", "at 6:45"),
        ("um viertel acht", "at 7:15"),
        ("a las siete y media", "at 7:30"),
        ("mañana a las 6 menos cuarto", "tomorrow at 5:45"),
        ("à six heures moins le quart", "at 5:45"),
        ("demain à 7 heures et demie", "tomorrow at 7:30"),
        ("à 8h et quart", "at 8:15"),
        ("übermorgen um 18 Uhr 30", "in 2 days at 18:30"),
        ("nächsten Freitag um halb acht", "next friday at 7:30"),
        ("jeden Montag um 9", "every monday at 9"),
        ("in zwei Stunden", "in 2 hours"),
        ("am 3. März", "3 march"),
        ("mañana a las 9", "tomorrow at 9"),
        ("el viernes a las 5 de la tarde", "friday at 5 in the afternoon"),
        ("todos los días a las 8", "every day at 8"),
        ("en 3 horas", "in 3 hours"),
        ("demain à 18h30", "tomorrow at 18:30"),
        ("lundi prochain à midi", "next monday at noon"),
        ("tous les lundis à 9h", "every monday at 9:00"),
        ("dans une heure", "in 1 hour"),
    ],
)
def test_times_are_put_into_english_where_they_are_read(said: str, expected: str) -> None:
    assert in_english(said) == expected
    read = phrases.read(expected)
    assert read
    assert read[1] == len(expected)
    command, problems, _ = check({"due": said}, SPEC, said)
    assert (command["due"], problems) == (expected, [])


@pytest.mark.parametrize(
    "said",
    [
        "tomorrow at 5pm",
        "9 am",
        "Bananen",
        "l'été",
        "halb",
        "am",
        "99 Uhr",
        "halb 99",
        "morgen " * 200,
        "٣ Uhr morgen früh gestern",
        "",
        "0" * 90 + " uhr",
        "\\g<0> um 8",
    ],
)
def test_what_is_read_or_unknown_stays(said: str) -> None:
    assert in_english(said) == said


def test_a_time_that_nobody_said_is_still_dropped() -> None:
    assert "due" not in check({"due": "morgen um 8"}, SPEC, "kauf Brot")[0]


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("Weck mich um halb sieben", "at 6:30"),
        ("recuérdame llamar mañana a las 6 de la tarde", "tomorrow at 6 in the afternoon"),
        ("rappelle-moi d'appeler Jo demain à 10h", "tomorrow at 10:00"),
        ("hay que renovar el pasaporte antes del 20", "by the 20th"),
        ("Miete bis zum 3. zahlen", "by the 3rd"),
        ("payer le loyer avant le 5", "by the 5th"),
        ("was steht an?", None),
        ("am Montag um 9 zum Arzt, am Dienstag um 10 zur Bank", None),  # which one?
        ("am " * 5000, None),
        ("", None),
    ],
)
def test_the_one_time_of_a_message_is_found(text: str, time: str | None) -> None:
    found = one_time(text)
    assert (found and found[1]) == time


@pytest.mark.parametrize(
    ("said", "name", "due", "meant"),
    [
        ("newt pills at 7 and 19:00 every day", "newt pills at 7", "every day", "newt pills"),
        ("buy milk tomorrow", "buy milk tomorrow", None, "buy milk"),
        ("prepare the 5pm meeting tomorrow", "prepare the 5pm meeting", "tomorrow", None),
        ("flea drops on the 3rd of june", "flea drops", "2023-06-03", None),
    ],
)
def test_the_time_of_a_message_is_the_time_and_no_part_of_a_name(
    said: str, name: str, due: str | None, meant: str | None
) -> None:
    spec = replace(SPEC, fields=(FieldSpec("name"), *SPEC.fields))
    command, problems, _ = check({"name": name, "due": due}, spec, said, (), said)
    assert not problems
    assert command["name"] == (meant or name)
    assert said.endswith(command["due"])


def test_their_own_time_takes_the_place_of_a_wrong_translation() -> None:
    said = "recuérdame llamar mañana a las 6 de la tarde"
    command, problems, _ = check({"due": "morning at 6 PM"}, SPEC, said, (), said)
    assert (command["due"], problems) == ("tomorrow at 6 in the afternoon", [])
    assert "due" not in check({}, SPEC, said, (), said)[0], "a model says that there is one"
    said = "remind me tomorrow"
    assert check({"due": "tomorrow"}, SPEC, said, (), said)[0]["due"] == "tomorrow"
