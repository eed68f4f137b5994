"""Tasks, from what is said to the row and back."""

import pytest

from tests.support.chat import Clock, Person


async def test_a_reminder_reaches_the_user(chat, clock):
    assert "Added" in await chat.say("remind me to call mum tomorrow at 5pm")
    clock.move_to("tomorrow 17:00")
    assert "call mum" in await chat.next_message()
