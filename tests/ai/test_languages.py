"""Which language a message is in, and the bot's own questions in it."""

from typing import get_args

import pytest

from ai.languages import MAX_CHARS, QUESTIONS, WORDS, Language, Question, asked_in, language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("erinnere mich an den Zahnarzt", "de"),
        ("Ich brauche noch Klopapier", "de"),
        ("recuérdame llamar al médico", "es"),
        ("¿qué tengo hoy?", "es"),
        ("supprime la liste vacances", "fr"),
        ("rappelle-moi d'appeler le plombier", "fr"),
        ("wir haben keinen Honig mehr", "de"),
        ("lösch die Liste Umzug", "de"),
        ("no me molestes de 22 a 7", "es"),
        ("il n'y a plus de lessive", "fr"),
        ("remind me to call Mia tomorrow", "en"),
        ("create a list called Films", "en"),
        ("yesterday was a long day", "en"),
        ("wake me up at 7 am", "en"),
        ("add crème brûlée and el niño to my list", "en"),
        ("it's a d'Artagnan film", "en"),
        ("Milch", "en"),
        ("٣ ...", "en"),
        ("", "en"),
    ],
)
def test_small_words_tell_the_language(text: str, language: Language) -> None:
    assert language_of(text) == language


def test_only_the_beginning_of_a_long_message_is_looked_at() -> None:
    assert language_of("x" * MAX_CHARS + " ich und mein") == "en"


def test_each_question_is_there_in_each_language() -> None:
    assert {"en", *QUESTIONS} == {*WORDS} == {*get_args(Language)}
    for language in QUESTIONS:
        for question in get_args(Question):
            asked = asked_in(language, question, "{x}")
            assert asked
            assert ("{x}" in asked) == (question in ("choice", "text", "offer"))
    assert asked_in("en", "when") is None
