"""Voice messages on Discord: what comes with its flag, attached, forwarded or replied to."""

import pytest
from pydantic import SecretStr

from bot.agents.echo import Echo
from bot.conversation.voice import NO_VOICE
from bot.discord.client import SOME_FILES
from config.settings import Settings, get_settings
from core.postgres import select_one
from tests.support.picture_server import PictureServer
from tests.support.speech_server import KEY, SpeechServer, speech_server
from tests.support.stage import Stage

__all__ = ["speech_server"]

VOICE = 1 << 13  # Discord's documentation, "Message Flags": IS_VOICE_MESSAGE


@pytest.fixture
def settings(speech_server: SpeechServer, picture_server: PictureServer) -> Settings:
    """Settings with a server that writes out speech."""
    return get_settings().model_copy(
        update={
            "transcription_base_url": speech_server.base_url,
            "transcription_api_key": SecretStr(KEY),
            "discord_cdn_urls": (picture_server.url,),
        }
    )


@pytest.fixture
def spoken(picture_server: PictureServer) -> dict[str, object]:
    """A voice message's attachment, as Discord's documentation, "Voice Messages", has it."""
    picture_server.files["/voice-message.ogg"] = b"OggS and so on"
    url = f"{picture_server.url}/voice-message.ogg"
    return {
        "id": "1",
        "filename": "voice-message.ogg",
        "size": 14,
        "url": url,
        "proxy_url": url,
        "content_type": "audio/ogg",
        "duration_secs": 1.2999999523162842,
        "waveform": "AAAA",
    }


async def test_a_voice_message_is_an_order(
    stage: Stage, speech_server: SpeechServer, spoken: dict[str, object]
) -> None:
    ada = stage.person("ada")
    await ada.register("ada")
    speech_server.says("Add milk to my errands.", "Add tea to my errands.")
    told = await ada.say("", attachments=[spoken], flags=VOICE)
    assert "I have heard" in told
    assert "Added **milk**" in told
    attached = {**spoken, "filename": "memo.m4a", "content_type": "audio/x-m4a"}
    assert "Added **tea**" in await ada.say("", attachments=[attached])
    assert [one.filename for one in speech_server.uploads] == ["speech.ogg", "speech.m4a"]


async def test_words_point_at_a_recording(
    stage: Stage, speech_server: SpeechServer, spoken: dict[str, object]
) -> None:
    ada = stage.person("ada")
    await ada.register("ada")
    speech_server.says("delete my account")
    told = await ada.say("add this to my errands", attachments=[spoken, {**spoken, "id": "2"}])
    assert SOME_FILES not in told, "both have one address here"
    assert select_one("errands", {"name": "delete my account"}) is not None
    other = {**spoken, "url": "https://elsewhere.example/a.mp3", "content_type": "audio/mpeg"}
    speech_server.says("tea")
    assert SOME_FILES in await ada.say("add this to my errands", attachments=[spoken, other])


async def test_elsewhere_a_sentence(stage: Stage, spoken: dict[str, object]) -> None:
    stage.world.settings = get_settings()
    await stage.restart()
    ada = stage.person("ada")
    await ada.register("ada")
    assert await ada.say("", attachments=[spoken], flags=VOICE) == NO_VOICE
    assert await ada.say("", attachments=[spoken]) == NO_VOICE
    assert not Echo.takes_voice
    told = await ada.say("add milk to my errands", attachments=[spoken])
    assert SOME_FILES in told
    assert "Added **milk**" in told
