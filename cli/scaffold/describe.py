"""`manage.py new-domain --describe`: a model proposes a domain, and code decides what is taken."""

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ai.commands import Catalogue, CommandSpec
from ai.extraction.json_reply import NoCommand, extract
from ai.llm.types import ChatModel, Said
from ai.sentences.matcher import Matcher
from bot.dialogue import is_question
from bot.framework.registry import CommandModule
from cli.agents.yaml_files import SafeLoader
from cli.scaffold import domain
from cli.scaffold.domain import CALCULATIONS, KINDS, BadName, More, Report, plural_of, read_field
from config.settings import ROOT

MAX_DESCRIPTION = 1000  # characters
MAX_TOKENS = 1000  # of an answer
MAX_SENTENCES = 5
TRIES = 3
SENTENCE = re.compile(r"(?:[a-z0-9']+|\{[a-z_]+\})(?: (?:[a-z0-9']+|\{[a-z_]+\})){1,14}")
HINT = re.compile(r"[\w ,.;:()'-]{1,150}", re.ASCII)
CHOICES = "choices"

_STRICT = ConfigDict(extra="forbid")
Word = Annotated[str, Field(max_length=60)]
Line = Annotated[str, Field(max_length=200)]


class ProposedColumn(BaseModel):
    """A field, as a model proposes it."""

    model_config = _STRICT

    name: Word
    type: Literal["choices", *KINDS]  # type: ignore[valid-type]
    unit: Word
    choices: list[Word]
    optional: bool


class ProposedReport(BaseModel):
    """A report, as a model proposes it."""

    model_config = _STRICT

    calculation: Literal["none", *CALCULATIONS]  # type: ignore[valid-type]
    column: Word
    by: Word
    sentence: Line


class Proposal(BaseModel):
    """What a model answers."""

    model_config = _STRICT

    name: Word
    columns: list[ProposedColumn]
    sentences: list[Line]
    hint: Line
    report: ProposedReport


PROMPT = f"""You design a table for a bot that keeps things for people. Answer with one JSON object.
name: what one of the things is called, one English noun in small letters.
columns: what is kept of each, besides its name, which is always kept. Only what the description
asks for. type: {", ".join(KINDS)} or {CHOICES}. decimal for weights, prices and distances, with a
unit such as kg, km, eur ("" for none); int for counts; past_date for the day of what was done;
when for a time to come alone; text for words. choices: words of which one is chosen, where the
type is {CHOICES}, else [].
sentences: two or three ways to tell the bot of a new one, no questions, with columns in braces.
hint: when somebody means such a thing, in a few words.
report: the one calculation that the description asks for: calculation ({", ".join(CALCULATIONS)}
or none), its column, the column that it is grouped by ("" for all in one), and what is said to
get it."""
EXAMPLE = (
    "my trips by bike: route, distance in km, weather (sun or rain), day, maybe a note; how far "
    "did I go on each route?",
    '{"name": "trip", "columns": ['
    '{"name": "route", "type": "text", "unit": "", "choices": [], "optional": false}, '
    '{"name": "distance", "type": "decimal", "unit": "km", "choices": [], "optional": false}, '
    '{"name": "weather", "type": "choices", "unit": "", "choices": ["sun", "rain"], '
    '"optional": false}, '
    '{"name": "day", "type": "past_date", "unit": "", "choices": [], "optional": false}, '
    '{"name": "note", "type": "text", "unit": "", "choices": [], "optional": true}], '
    '"sentences": ["i rode {distance} on {route}", "log a trip on {route} of {distance}"], '
    '"hint": "somebody tells where and how far they rode", '
    '"report": {"calculation": "sum", "column": "distance", "by": "route", '
    '"sentence": "how far did i go on each route"}}',
)


@dataclass(frozen=True)
class Plan:
    """What is written after a yes, and what was proposed but is not."""

    word: str
    plural: str
    fields: list[domain.Field]
    more: More
    files: dict[str, str]
    left_out: tuple[str, ...]

    def lines(self) -> list[str]:
        """Say it."""
        shown = [f"A {self.word.replace('_', ' ')} has a name and:"]
        shown += [f"  {field.written}" for field in self.fields] or ["  nothing else"]
        shown += [f"It is also added by: {sentence}" for sentence in self.more.sentences]
        shown += [f"Hint for models: {self.more.hint}"] if self.more.hint else []
        if report := self.more.report:
            shown.append(f"A report: {report.title}, by saying: {', '.join(report.sentences)}")
        command = shlex.join(["new-domain", self.word, *(field.written for field in self.fields)])
        shown.append(f"To change it, say no and write it yourself: {command}")
        return shown + [f"Left out: {reason}" for reason in self.left_out]


async def propose(
    model: ChatModel, description: str, known: Sequence[CommandSpec], plural: str | None
) -> Plan:
    """Have a model propose a domain; `known` are the commands that exist.

    It is asked again with the reason where its proposal can't be used. Raises BadName where none
    can, and ModelError.
    """
    if not description.strip() or len(description) > MAX_DESCRIPTION:
        raise BadName(f"Describe it in up to {MAX_DESCRIPTION} characters.")
    turns = [Said("user", EXAMPLE[0]), Said("assistant", EXAMPLE[1]), Said("user", description)]
    problem = BadName("")
    for _ in range(TRIES):
        reply = await model.complete(PROMPT, turns, Proposal.model_json_schema())
        try:
            found = extract(reply.text, reply.reasoning, is_cut_off=reply.is_cut_off)
            return _checked(Proposal.model_validate(found[0]), known, plural)
        except (NoCommand, BadName) as error:
            problem = BadName(str(error))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"]))
            problem = BadName(f"{place}: {first['msg']}")
        turns += [
            Said("assistant", reply.text),
            Said("user", f"That can't be used: {problem} Answer again, in full."),
        ]
    raise BadName(f"The model proposed nothing that can be used. Its last answer: {problem}")


def _checked(proposal: Proposal, known: Sequence[CommandSpec], plural: str | None) -> Plan:
    """Take of a proposal what can be used. Raises BadName where its name or a field can't be."""
    word = _as_name(proposal.name)
    plural = plural or plural_of(word)
    fields = [_field(one) for one in proposal.columns if _as_name(one.name) != "name"]
    files = domain.render(word, plural, fields)  # checks all names
    by_name = {field.name: field for field in fields}
    left_out: list[str] = []
    report = _report(proposal.report, plural, by_name, left_out)
    hint = proposal.hint.strip()
    if hint and not HINT.fullmatch(hint):
        left_out.append(f"the hint {hint!r}, which has other letters than English ones.")
        hint = ""
    sentences: list[str] = []
    for said in dict.fromkeys(one.strip(" .?!").lower() for one in proposal.sentences):
        if problem := _problem_of(said, by_name):
            left_out.append(f"the sentence {said!r}, {problem}")
        elif len(sentences) < MAX_SENTENCES:
            sentences.append(said)
    more = More(tuple(sentences), hint, report)
    while True:
        files = domain.render(word, plural, fields, more)
        matcher = _matcher(files[f"bot/commands/{plural}.py"], plural, known)
        own = files[f"tests/domains/{plural}/sentences.yaml"]
        wrong = next((one for one in _said(own) if not _means(matcher, one)), None)
        if wrong is None and (changed := _first_changed(matcher, known)) and more.is_proposed:
            left_out.append(f"all sentences, because {changed!r} would no longer be understood.")
            more = more.plain()
        elif wrong is None:
            return Plan(word, plural, sorted(fields, key=_is_optional), more, files, (*left_out,))
        else:
            said = str(wrong["say"])
            rest = more.without(said, fields)
            if rest == more:
                raise BadName(f"{said!r} would not be understood; take another name.")
            left_out.append(f"a sentence, because {said!r} would not be understood for it.")
            more = rest


def _is_optional(field: domain.Field) -> bool:
    return field.optional


def _as_name(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def _field(proposed: ProposedColumn) -> domain.Field:
    """Return a field as `new-domain` takes it. Raises BadName."""
    kind = str(proposed.type)
    if kind == CHOICES:
        kind = "|".join(map(_as_name, proposed.choices))
        if "|" not in kind:
            raise BadName(f"{proposed.name!r} has the type {CHOICES}, and fewer than two.")
    unit = f":{proposed.unit.lower()}" if proposed.unit and kind == "decimal" else ""
    return read_field(f"{_as_name(proposed.name)}:{kind}{unit}{'?' if proposed.optional else ''}")


def _problem_of(said: str, fields: dict[str, domain.Field]) -> str:
    """Say why a sentence can't be one to add something by; "" where it can."""
    if not SENTENCE.fullmatch(said):
        return "which is not of plain words and {fields}."
    named = re.findall(r"\{(\w+)\}", said)
    unknown = [name for name in named if name not in fields and name != "name"]
    if unknown:
        return f"which names {unknown[0]!r}, which is no field."
    if len({*named}) < len(named):
        return "which names a field twice."
    if re.search(r"\} \{", said):
        return "in which two fields touch."
    if is_question(f"{said}?"):
        return "which is a question."
    return ""


def _report(
    proposed: ProposedReport, plural: str, fields: dict[str, domain.Field], left_out: list[str]
) -> Report | None:
    """Return the report, or None and the reason."""
    calculation = str(proposed.calculation)
    if calculation == "none":
        return None
    column, by = _as_name(proposed.column), _as_name(proposed.by)
    grouped = fields.get(by)
    if calculation != "count" and (column not in fields or not fields[column].is_number):
        left_out.append(f"the report: {column!r} is no number that can be counted with.")
        return None
    if by not in ("", "name") and (grouped is None or not grouped.groups):
        left_out.append(f"the grouping of the report by {by!r}, which is no text and no choice.")
        by, grouped = "", None
    said = proposed.sentence.strip(" .?!").lower()
    if not SENTENCE.fullmatch(said) or "{" in said:
        left_out.append(f"the sentence {said!r} of the report, which is not of plain words.")
        said = ""
    field = None if calculation == "count" else fields[column]
    spoken = plural.replace("_", " ")
    return Report(
        calculation,
        field,
        by,
        grouped,
        tuple(filter(None, (said, f"summarize my {spoken}"))),
        spoken,
    )


def _matcher(code: str, plural: str, known: Sequence[CommandSpec]) -> Matcher:
    """Return what understands the known commands and those of a proposed module."""
    scope: dict[str, Any] = {"__name__": f"proposed.{plural}"}
    exec(code, scope)  # noqa: S102 - of names and sentences that were checked
    module: CommandModule = scope[plural]
    catalogue = Catalogue()
    catalogue.add(*known, *(command.spec for command in module.commands.values()))
    return Matcher(catalogue)


def _said(text: str) -> Iterator[dict[str, Any]]:
    """Yield what a file of sentences holds."""
    read = yaml.load(text, SafeLoader) or ()  # noqa: S506 - it is a safe one
    yield from (one for one in read if isinstance(one, dict) and "say" in one)


def _means(matcher: Matcher, one: dict[str, Any]) -> bool:
    """Say whether a text is understood as it is meant."""
    wanted = dict(one["is"])
    kind, action = wanted.pop("command").split()
    understood = [found.command for found in matcher.match_all(one["say"])]
    return understood == [{"interaction_type": kind, "action": action, **wanted}]


def _first_changed(matcher: Matcher, known: Sequence[CommandSpec]) -> str | None:
    """Return the first text of the other domains that would be understood otherwise than now."""
    catalogue = Catalogue()
    catalogue.add(*known)
    now, keys = Matcher(catalogue), {spec.key for spec in known}
    for path in sorted((ROOT / "tests" / "domains").glob("*/sentences.yaml")):
        for one in _said(path.read_text("utf-8")):
            said = str(one["say"])
            after = matcher.match_all(said)
            if after and all(found.spec.key in keys for found in after):
                continue  # no command that is new has taken it
            before = [found.command for found in now.match_all(said)]
            if before != [found.command for found in after]:
                return said
    return None
