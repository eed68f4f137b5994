"""The authenticated list of ten rows in FastAPI with SQLModel, as the full-stack template does."""

import os
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated
from uuid import UUID

import jwt
from fastapi import Depends, FastAPI, HTTPException, Query
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlmodel import Field, Session, SQLModel, create_engine, select

SECRET = os.environ["JWT_SECRET"]
URL = os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://")
engine = create_engine(URL, pool_size=int(os.environ["POOL_SIZE"]))


class User(SQLModel, table=True):
    """Who calls."""

    __tablename__ = "users"
    id: UUID = Field(primary_key=True)
    username: str
    password_hashed: bytes
    display_name: str | None
    time_zone: str | None
    token_version: int
    created_at: datetime


class ExamplePublic(SQLModel):
    """What is answered."""

    id: UUID
    name: str
    created_at: datetime


class Example(SQLModel, table=True):
    """A row."""

    __tablename__ = "examples"
    id: UUID = Field(primary_key=True)
    user_uuid: UUID = Field(foreign_key="users.id")
    name: str
    created_at: datetime


def get_db() -> Iterator[Session]:
    """Lend a session for one request."""
    with Session(engine) as session:
        yield session


SessionDep = Annotated[Session, Depends(get_db)]


def get_current_user(
    session: SessionDep, given: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]
) -> User:
    """Return the user whose token this is."""
    try:
        claims = jwt.decode(given.credentials, SECRET, ["HS256"])
    except jwt.InvalidTokenError as error:
        raise HTTPException(401) from error
    user = session.get(User, UUID(claims["sub"]))
    if user is None or user.token_version != claims["ver"]:
        raise HTTPException(401)
    return user


app = FastAPI()


@app.get("/api/example", response_model=list[ExamplePublic])
def index(
    session: SessionDep,
    user: Annotated[User, Depends(get_current_user)],
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> object:
    """List one's own rows."""
    query = select(Example).where(Example.user_uuid == user.id)
    ordered = query.order_by(Example.created_at, Example.id)
    return session.exec(ordered.offset(offset).limit(limit)).all()
