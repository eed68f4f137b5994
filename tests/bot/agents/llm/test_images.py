"""Pictures that people send: fetched from Discord's addresses alone, and shown to the model."""

import base64
from collections.abc import AsyncIterator

import pytest

from ai.llm.chat import IMAGE_LEFT_OUT
from bot.agents.llm.images import MAX_BYTES, MAX_IMAGES, Pictures
from config.settings import Settings
from tests.support.chat import Person
from tests.support.llm import Llm, talking, tell
from tests.support.model_server import Answer, ModelServer
from tests.support.picture_server import PNG, PictureServer


@pytest.fixture
def settings(model_server: ModelServer, picture_server: PictureServer) -> Settings:
    """Settings by which pictures come from the stand-in."""
    return talking(model_server).model_copy(update={"discord_cdn_urls": (picture_server.url,)})


@pytest.fixture
async def pictures(picture_server: PictureServer) -> AsyncIterator[Pictures]:
    """What fetches pictures from the stand-in."""
    made = Pictures([picture_server.url])
    yield made
    await made.close()


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
async def test_the_model_sees_a_picture(
    llm: Llm,
    model_server: ModelServer,
    picture_server: PictureServer,
    stranger: Person,
    provider: str,
) -> None:
    agent = await llm(provider=provider)
    assert agent.takes_images
    model_server.replies("A dog.", "A dog again.")
    url = f"{picture_server.url}/a.png"
    assert await tell(agent, stranger, "what is this?", images=(url,)) == "A dog."
    assert base64.b64encode(PNG).decode() in str(model_server.requests[0].body)
    assert await tell(agent, stranger, "", images=(url,)) == "A dog again."
    earlier = [str(m["content"]) for m in model_server.requests[1].messages]
    assert any("what is this?" in said for said in earlier)


@pytest.mark.parametrize(
    ("status", "why"), [(400, "no image input"), (500, "image input is not supported - hint: ...")]
)
async def test_a_model_without_eyes_is_told_of_the_picture(
    llm: Llm,
    model_server: ModelServer,
    picture_server: PictureServer,
    stranger: Person,
    status: int,
    why: str,
) -> None:
    agent = await llm()
    model_server.replies(Answer(why, status=status), "I can't see pictures.")
    told = await tell(agent, stranger, "look!", images=(f"{picture_server.url}/a.png",))
    assert told == "I can't see pictures."
    assert model_server.requests[1].messages[-1]["content"] == f"look!\n{IMAGE_LEFT_OUT}"


async def test_an_agent_may_be_told_not_to_look(
    llm: Llm, model_server: ModelServer, picture_server: PictureServer, stranger: Person
) -> None:
    agent = await llm(images=False)
    assert not agent.takes_images
    model_server.replies("Hello.")
    url = f"{picture_server.url}/a.png"
    assert await tell(agent, stranger, "look!", images=(url,)) == "Hello."
    assert "can only read text" in await tell(agent, stranger, "", images=(url,))
    assert not picture_server.asked


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0 and more", "image/jpeg"),
        (b"GIF89a and more", "image/gif"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
    ],
)
async def test_what_a_picture_is_stands_in_it(
    pictures: Pictures, picture_server: PictureServer, data: bytes, kind: str
) -> None:
    picture_server.files["/x"] = data
    (image,) = await pictures.fetch([f"{picture_server.url}/x"])
    assert (image.media_type, image.data) == (kind, data)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/a.png",
        "http://localhost:{port}/a.png",
        "http://127.0.0.1:{port}@evil.example/a.png",
        "http://user@127.0.0.1:{port}/a.png",
        "https://127.0.0.1:{port}/a.png",
        "http://[::1]:{port}/a.png",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "//127.0.0.1:{port}/a.png",
        "http://[/a.png",
        "",
    ],
)
async def test_no_other_address_is_asked(
    pictures: Pictures, picture_server: PictureServer, url: str
) -> None:
    port = picture_server.url.rpartition(":")[2]
    assert await pictures.fetch([url.replace("{port}", port)]) == ()
    assert not picture_server.asked


async def test_no_redirect_is_followed(pictures: Pictures, picture_server: PictureServer) -> None:
    picture_server.redirects["/away"] = f"{picture_server.url}/a.png"
    assert await pictures.fetch([f"{picture_server.url}/away"]) == ()
    assert picture_server.asked == ["/away"]


@pytest.mark.parametrize("data", [b"<html>", b"", b"<svg onload=", PNG + b"\0" * MAX_BYTES])
async def test_what_is_no_picture_or_too_large_is_left_out(
    pictures: Pictures, picture_server: PictureServer, data: bytes
) -> None:
    picture_server.files["/x"] = data
    urls = [f"{picture_server.url}/{name}" for name in ("x", "missing", "a.png")]
    assert [image.data for image in await pictures.fetch(urls)] == [PNG]


async def test_few_are_looked_at(pictures: Pictures, picture_server: PictureServer) -> None:
    url = f"{picture_server.url}/a.png"
    assert len(await pictures.fetch([url] * 10)) == MAX_IMAGES
    assert len(picture_server.asked) == MAX_IMAGES
