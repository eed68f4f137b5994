"""The authenticated list of ten rows in FastAPI, with bare asyncpg: as little as one can write."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated
from uuid import UUID

import asyncpg
import jwt
from fastapi import Depends, FastAPI, HTTPException, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

SECRET = os.environ["JWT_SECRET"]
USER_SQL = (
    "SELECT id, username, password_hashed, display_name, time_zone, token_version, created_at "
    "FROM users WHERE id = $1 LIMIT 1"
)
ROWS_SQL = (
    "SELECT id, user_uuid, name, created_at FROM examples WHERE user_uuid = $1 "
    "ORDER BY created_at, id LIMIT $2 OFFSET $3"
)


class Example(BaseModel):
    """What is answered."""

    id: UUID
    name: str
    created_at: datetime


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Keep as many connections as the project does."""
    url, size = os.environ["DATABASE_URL"], int(os.environ["POOL_SIZE"])
    async with asyncpg.create_pool(url, min_size=size, max_size=size) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=lifespan)


async def current_user(
    request: Request, given: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]
) -> asyncpg.Record:
    """Return the row of the user whose token this is."""
    try:
        claims = jwt.decode(given.credentials, SECRET, ["HS256"])
    except jwt.InvalidTokenError as error:
        raise HTTPException(401) from error
    user = await request.app.state.pool.fetchrow(USER_SQL, UUID(claims["sub"]))
    if user is None or user["token_version"] != claims["ver"]:
        raise HTTPException(401)
    return user


@app.get("/api/example")
async def index(
    request: Request,
    user: Annotated[asyncpg.Record, Depends(current_user)],
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> list[Example]:
    """List one's own rows."""
    rows = await request.app.state.pool.fetch(ROWS_SQL, user["id"], limit, offset)
    return [Example.model_validate(dict(row)) for row in rows]
