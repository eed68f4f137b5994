"""The authenticated list of ten rows in Flask with Flask-SQLAlchemy and marshmallow."""

import os
import sys
from datetime import datetime
from uuid import UUID

import jwt
import waitress
from flask import Flask, abort, jsonify, request
from flask_sqlalchemy import SQLAlchemy
from marshmallow import Schema, fields, validate
from sqlalchemy import select
from sqlalchemy.orm import Mapped, mapped_column

SECRET = os.environ["JWT_SECRET"]

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"].replace(
    "postgresql://", "postgresql+psycopg://"
)
app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"pool_size": int(os.environ["POOL_SIZE"])}
db = SQLAlchemy(app)


class User(db.Model):
    """Who calls."""

    __tablename__ = "users"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    username: Mapped[str]
    password_hashed: Mapped[bytes]
    display_name: Mapped[str | None]
    time_zone: Mapped[str | None]
    token_version: Mapped[int]
    created_at: Mapped[datetime]


class Example(db.Model):
    """A row."""

    __tablename__ = "examples"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_uuid: Mapped[UUID]
    name: Mapped[str]
    created_at: Mapped[datetime]


class PageSchema(Schema):
    """Which part of the list is wanted."""

    limit = fields.Integer(load_default=100, validate=validate.Range(1, 1000))
    offset = fields.Integer(load_default=0, validate=validate.Range(0))


class ExampleSchema(Schema):
    """What is answered."""

    id = fields.UUID()
    name = fields.String()
    created_at = fields.DateTime()


pages, examples = PageSchema(), ExampleSchema(many=True)


@app.get("/api/example")
def index() -> object:
    """List one's own rows."""
    try:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        claims = jwt.decode(token, SECRET, ["HS256"])
    except (KeyError, jwt.InvalidTokenError):
        abort(401)
    user = db.session.get(User, UUID(claims["sub"]))
    if user is None or user.token_version != claims["ver"]:
        abort(401)
    page = pages.load(request.args)
    query = select(Example).where(Example.user_uuid == user.id)
    ordered = query.order_by(Example.created_at, Example.id)
    rows = db.session.scalars(ordered.limit(page["limit"]).offset(page["offset"]))
    return jsonify(examples.dump(rows))


if __name__ == "__main__":
    waitress.serve(app, host="127.0.0.1", port=int(sys.argv[1]), threads=int(sys.argv[2]))
