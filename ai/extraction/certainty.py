"""How certain it is that a message orders what a model took it for."""

from collections.abc import Mapping
from typing import Any

from ai.commands import CommandSpec
from ai.extraction.checks import KEY, Checked, Command, check, find_spec, given_to
from ai.extraction.examples import Nearest, name_of
from ai.extraction.grounding import Sources
from ai.extraction.sentence_words import answers_questions, is_question
from ai.languages import language_of

UNTELLING = ("choice", "when", "date", "duration")
"""Kinds of values that are said in talk of anything: "will it snow this week?"."""
SURE = 0.6  # the likeness from which an example says more of what is meant than a small model


class Certainty:
    """Holds commands against a message's own words, and against the examples it is like."""

    def __init__(
        self,
        specs: tuple[CommandSpec, ...],
        text: str,
        just_said: Sources,
        nearest: Nearest | None,
    ) -> None:
        """Know the commands and the message; a text of "" leaves the words alone to count."""
        self.likely, self._likeness = (nearest.likely, nearest.likeness) if nearest else ("", 0.0)
        self._specs, self._text, self._just_said = specs, text, just_said

    def meant(self, made_up: Mapping[str, Any]) -> Checked | None:
        """Return the likely command where it takes a value that has no place in another.

        "What's on today" is no list of the name "today".
        """
        spec = find_spec({"command": self.likely}, self._specs)
        given = {
            field.name: value
            for field in (spec.parsed_fields if spec else ())
            for value in made_up.values()
            if field.kind in UNTELLING
        }
        if not spec or not given:
            return None
        found = check(given, spec, self._text)
        needed = {*KEY, *(field.name for field in spec.parsed_fields if field.required)}
        is_whole = found.command.keys() >= needed and found.command.keys() > {*KEY}
        return found if is_whole and not found.problems else None

    def likelier(self, answer: Checked) -> Checked | None:
        """Return the command of the nearest example with the values of another that has its fields.

        Small models give "add", "change the time" and "move" for each other.
        """
        likely = find_spec({"command": self.likely}, self._specs)
        if not likely or self._likeness < SURE:
            return None
        command = given_to(likely, answer.command, self._specs)
        return Checked(command, answer.problems) if command else None

    def is_ordered(self, spec: CommandSpec, command: Command) -> bool:
        """Say whether the message orders a command, as far as its words tell."""
        said = self._just_said
        given = [one for one in spec.parsed_fields if one.name in command]
        values = {one.name: command[one.name] for one in given}
        if not said.name(spec, values):
            return False
        if not self._text:
            return True
        agrees = name_of(spec) == self.likely
        if not agrees and self._likeness >= SURE:
            return False
        if any(one.kind == "text" for one in given) and said.are_only(values):
            return False
        is_named = not given or any(one.kind not in UNTELLING for one in given)
        if language_of(self._text) != "en":  # no sentences are written in it
            return agrees or is_named
        is_asked_for = agrees or is_named or said.points or said.ask_for(spec)
        is_answer = agrees or not is_question(self._text) or answers_questions(spec)
        return is_asked_for and is_answer and said.have_all(spec)
