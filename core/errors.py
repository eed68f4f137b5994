"""What can go wrong, as the rest of the program names it.

A kind carries the HTTP status that the API answers with and a sentence for the person who asked.
No message holds SQL, a path, or another user's data.
"""


class AppError(Exception):
    """Something went wrong that the caller can be told about."""

    status = 500
    message = "Something went wrong on our side. Please try again."
    retry_after: int | None = None
    """Seconds after which it may work, where that is known."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.message)


class InvalidInput(AppError, ValueError):
    """What was sent can't be used."""

    status = 400
    message = "The request can't be understood."


class UnknownName(InvalidInput):
    """A table, column or operator that does not exist."""


class NotAuthenticated(AppError):
    """No token, or one that is not accepted (any more)."""

    status = 401
    message = "Please log in again."


class Forbidden(AppError):
    """The caller is known, and may not do this."""

    status = 403
    message = "You may not do this."


class NotFound(AppError):
    """There is no such thing, or it is another user's."""

    status = 404
    message = "There is no such thing."


class Conflict(AppError):
    """It exists already, or something else depends on it."""

    status = 409
    message = "This exists already."


class TooManyAttempts(AppError):
    """Something was tried too often; it may be tried again in a while."""

    status = 429
    message = "That was tried too often. Please wait a moment."

    def __init__(self, retry_after: int, message: str | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class SystemicFault(AppError):
    """Work fails for the rows of most people alike: the fault is the program's, not the rows'."""


class Unavailable(AppError):
    """The database can't be reached right now."""

    status = 503
    message = "The service is not available right now. Please try again in a moment."
    retry_after = 5


class OutOfDate(Unavailable):
    """The database lacks a table or a column that the program has."""


class BrokenSchema(AppError):
    """A statement in config/schema.sql can't be used; the message names it, on one line."""


class TooNew(AppError):
    """A newer program has changed the database, so that this one can't work with it."""

    status = 503
