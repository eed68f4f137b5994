"""Where a bot has asked for a secret, with the service key: never the secret itself."""

from datetime import timedelta

from apiflask import APIBlueprint, APIFlask
from pydantic import BaseModel, Field

from api.http.context import time_now
from api.http.request_id import quiet
from api.http.security import service
from api.models import Body, ChatAddressIn, Short, Success
from core.accounts import open_secrets
from core.accounts.open_secrets import Place

routes = APIBlueprint("service_secrets", __name__, url_prefix="/api/service/secrets")

MAX_PLACES = 250
MAX_SECONDS = 24 * 3600.0


class Where(ChatAddressIn):
    """A person in a channel, as a bot meets them on a platform."""

    channel_id: Short

    @property
    def place(self) -> Place:
        """Where that is."""
        return Place(*self.address, self.channel_id)


class Expectation(Where):
    """Where a secret is asked for, and for how long it may still be typed."""

    seconds: float = Field(gt=0, le=MAX_SECONDS, allow_inf_nan=False)


class Places(Body):
    """Several of them."""

    places: list[Where] = Field(max_length=MAX_PLACES)


class AreOpen(BaseModel):
    """Of each place, whether a message there may be a secret."""

    open: list[bool]


@routes.post("/expect")
@routes.input(Expectation, arg_name="body")
@routes.output(Success)
@service
def expect(body: Expectation) -> Success:
    """Note, before it is asked for, that a secret may be typed there."""
    now = time_now()
    open_secrets.expect(body.place, now + timedelta(seconds=body.seconds), now)
    return Success()


@routes.post("/close")
@routes.input(Where, arg_name="body")
@routes.output(Success)
@service
def close(body: Where) -> Success:
    """Note that no secret is expected there any more; that none was is no error."""
    open_secrets.close(body.place)
    return Success()


@routes.post("/open")
@routes.input(Places, arg_name="body")
@routes.output(AreOpen)
@service
@quiet
def are_open(body: Places) -> dict[str, list[bool]]:
    """Say where a message may be a secret."""
    now = time_now()
    return {"open": open_secrets.are_open([one.place for one in body.places], now)}


def register(app: APIFlask) -> None:
    """Add the routes below /api/service/secrets."""
    app.register_blueprint(routes)
