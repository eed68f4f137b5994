"""What people mean by phrases of their own: "when I say ... I mean ...", taught by a yes."""

import json
from typing import Annotated, Any
from uuid import UUID

from apiflask import APIFlask
from flask import current_app
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, Field

from api.http.rate_limit import Limits
from api.http.security import caller, service
from api.models import Body, Name
from api.resources import OwnedResource, Row, mine
from core import postgres
from core.auth import read_tokens
from core.db.engine import transaction
from core.errors import AppError, InvalidInput, NotAuthenticated
from core.tables import phrases, users

MAX_PHRASES = 100  # of one person
MAX_PHRASE = 255  # characters
MAX_ASKED = 50  # in one request
MAX_ORDERS, MAX_CHARS = 5, 4000  # of a phrase; characters of its orders as JSON
FULL = f"You have taught me {MAX_PHRASES} phrases, which is all that I can keep. Forget one first."

Order = dict[str, Any]


def _short(orders: list[Order]) -> list[Order]:
    if len(json.dumps(orders)) > MAX_CHARS:
        raise ValueError(f"at most {MAX_CHARS} characters as JSON")
    return orders


def _read(value: object) -> object:
    return json.loads(value) if isinstance(value, str) else value


class PhraseIn(Body):
    """A phrase, as it is compared, and the orders that it means."""

    phrase: Name
    orders: Annotated[list[Order], AfterValidator(_short)] = Field(
        min_length=1,
        max_length=MAX_ORDERS,
        description="Commands, each with `interaction_type`, `action` and its fields.",
    )


class PhraseOut(BaseModel):
    """A phrase of yours."""

    id: UUID
    phrase: str
    orders: Annotated[list[Order], BeforeValidator(_read)]
    created_at: AwareDatetime


class PhraseAsked(Body):
    """What a person said; `token` says who."""

    token: str
    phrase: str


class PhrasesAsked(Body):
    """What several people said."""

    asked: list[PhraseAsked] = Field(max_length=MAX_ASKED)


class PhraseMeant(BaseModel):
    """The orders that are meant, none where nothing was taught; or why the person is refused."""

    orders: list[Order] = []
    status: int = Field(200, description="As a request of the person's own would be answered.")
    error: str | None = None


class PhrasesMeant(BaseModel):
    """An answer for each."""

    answers: list[PhraseMeant]


class Forgotten(BaseModel):
    """How many phrases were forgotten."""

    forgotten: int


class Phrases(OwnedResource):
    """The phrases, whose orders are kept as JSON."""

    def create(self, data: Row) -> Row:
        """Insert a phrase, or give one a new meaning. Raises InvalidInput."""
        with transaction():
            # One at a time, or two at once would be one more than there may be.
            postgres.select(users.name, {"id": caller().user_uuid}, columns=["id"], lock="update")
            postgres.delete(self.table, {"phrase": data["phrase"]} | mine())
            if postgres.count(self.table, mine()) >= MAX_PHRASES:
                raise InvalidInput(FULL)
            return super().create(_kept(data))

    def update(self, row_id: UUID, data: Row) -> Row:
        """Change a phrase. Raises as OwnedResource does."""
        return super().update(row_id, _kept(data))


def _kept(data: Row) -> Row:
    return data | ({"orders": json.dumps(data["orders"])} if "orders" in data else {})


def _answers(asked: list[PhraseAsked]) -> list[PhraseMeant]:
    limits: Limits = current_app.extensions["limits"]
    callers = read_tokens([one.token for one in asked])
    answers: list[PhraseMeant] = []
    open_: dict[tuple[UUID, str], list[PhraseMeant]] = {}
    for one, who in zip(asked, callers, strict=True):
        answer = PhraseMeant()
        try:
            if who is None:
                raise NotAuthenticated
            limits.count_for(who.user_uuid)
        except AppError as error:
            answer = PhraseMeant(status=error.status, error=str(error))
        else:
            if 0 < len(one.phrase) <= MAX_PHRASE and "\0" not in one.phrase:
                open_.setdefault((who.user_uuid, one.phrase), []).append(answer)
        answers.append(answer)
    if open_:
        people, said = (list(set(some)) for some in zip(*open_, strict=True))
        where = {"user_uuid": ("IN", people), "phrase": ("IN", said)}
        for row in postgres.select(phrases.name, where):
            for answer in open_.get((row["user_uuid"], row["phrase"]), ()):
                answer.orders = json.loads(row["orders"])
    return answers


resource = Phrases(phrases, read=PhraseOut, create=PhraseIn, update=PhraseIn)


def register(app: APIFlask) -> None:
    """Add the routes of /api/phrases, and one that forgets all phrases at once."""
    resource.register(app, "/api/phrases")

    @app.post("/api/service/phrases")
    @app.input(PhrasesAsked, arg_name="body")
    @app.output(PhrasesMeant)
    @service
    def find_phrases(body: PhrasesAsked) -> PhrasesMeant:
        """Tell what several people mean by what they said, each by their own token."""
        return PhrasesMeant(answers=_answers(body.asked))

    @app.delete("/api/phrases")
    @app.output(Forgotten)
    def forget_phrases() -> Forgotten:
        """Forget all of your own phrases."""
        return Forgotten(forgotten=len(postgres.delete(phrases.name, mine())))
