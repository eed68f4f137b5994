"""Discord waits three seconds for each interaction: it is answered before the API is."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bot.api.client import ApiClient
from tests.support.people import PASSWORD
from tests.support.stage import Beside, Member, Stage


class Slow:
    """An API that takes its time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answered = 0
        self.asked = 0
        self._released = asyncio.Event()
        exchange = ApiClient._exchange

        async def slowly(api: ApiClient, *args: Any, **more: Any) -> Any:  # noqa: ANN401
            self.asked += 1
            await self._released.wait()
            answer = await exchange(api, *args, **more)
            self.answered += 1
            return answer

        monkeypatch.setattr(ApiClient, "_exchange", slowly)

    async def answers(self) -> None:
        self._released.set()


def responses(stage: Stage) -> int:
    """How many interactions Discord has been answered."""
    return sum(request.path.endswith("/callback") for request in stage.env.http_requests)


async def is_answered_first(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, act: Callable[[], Awaitable[object]]
) -> None:
    """Do something with the API held up; fail unless Discord has its answer by then."""
    before = responses(stage)
    with monkeypatch.context() as patched:
        api = Slow(patched)
        acting = asyncio.ensure_future(act())
        async with asyncio.timeout(30):
            while responses(stage) == before or not api.asked:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert api.answered == 0
        await api.answers()
        await acting
        await stage.settle()
        assert api.answered


@pytest.fixture
async def ada(stage: Stage) -> Member:
    member = stage.person("ada")
    await member.register("ada")
    await member.say("add milk to my errands")
    return member


async def test_a_slash_command(stage: Stage, ada: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    await is_answered_first(stage, monkeypatch, lambda: ada.user.slash("errand show"))
    assert "milk" in ada.replies[-1]


async def test_a_button_under_a_question(
    stage: Stage, ada: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ada.say("delete the errand milk")
    await is_answered_first(stage, monkeypatch, lambda: ada.user.click(ada.latest, label="Yes"))
    assert "Deleted" in ada.replies[-1]


async def test_a_form(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    ben = stage.person("ben")
    await ben.say("hello")
    await ben.press("Register")
    assert ben.used is not None
    lines = {"username": "ben", "password": PASSWORD}
    shown = ben.used
    await is_answered_first(stage, monkeypatch, lambda: ben.user.submit_modal(shown, lines))
    assert "Hello" in ben.replies[-1]


async def test_what_is_being_typed_gets_no_suggestion_rather_than_one_too_late(
    stage: Stage, ada: Member, beside: Beside, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[str] = []

    async def slowly(*_: object) -> list[str]:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("given up")
        return ["milk"]

    monkeypatch.setattr(beside, "suggest", slowly)
    assert await ada.user.autocomplete("errand complete", "name", "mi") == []
    assert ended == ["given up"]
