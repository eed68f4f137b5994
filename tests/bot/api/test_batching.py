"""Many small requests as a few larger ones."""

import asyncio

import pytest

from bot.api.batching import Batches


class Counter:
    """Doubles numbers, slowly, and keeps what was asked."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.renew = asyncio.Event()

    async def double(self, numbers: list[int]) -> list[int]:
        self.batches.append(numbers)
        await self.renew.wait()
        if 13 in numbers:
            raise LookupError
        return [2 * number for number in numbers]


async def test_what_comes_at_once_goes_together_and_the_rest_when_the_answer_is_there() -> None:
    counter = Counter()
    batches = Batches(counter.double, most=3)
    first = [asyncio.create_task(batches.ask(number)) for number in (1, 2)]
    await asyncio.sleep(0.01)
    later = [asyncio.create_task(batches.ask(number)) for number in (3, 4, 5, 6)]
    await asyncio.sleep(0.01)
    assert counter.batches == [[1, 2]]
    counter.renew.set()
    assert await asyncio.gather(*first, *later) == [2, 4, 6, 8, 10, 12]
    assert counter.batches == [[1, 2], [3, 4, 5], [6]]
    assert await batches.ask(7) == 14


async def test_a_failure_is_told_to_those_in_the_batch_alone() -> None:
    counter = Counter()
    counter.renew.set()
    batches = Batches(counter.double, most=2)
    answers = await asyncio.gather(*map(batches.ask, (12, 13, 14)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [LookupError, LookupError, int]


async def test_answers_that_are_too_few_are_a_failure() -> None:
    async def lose_one(numbers: list[int]) -> list[int]:
        return numbers[1:]

    batches = Batches(lose_one, most=5)
    answers = await asyncio.gather(*map(batches.ask, (1, 2)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [ValueError, ValueError]


@pytest.mark.parametrize("fails", [False, True])
async def test_who_no_longer_waits_holds_up_nobody(fails: bool) -> None:
    counter = Counter()
    batches = Batches(counter.double, most=5)
    gone, stays = (asyncio.create_task(batches.ask(13 if fails else 1)) for _ in range(2))
    await asyncio.sleep(0.01)
    gone.cancel()
    await asyncio.sleep(0)
    counter.renew.set()
    if fails:
        with pytest.raises(LookupError):
            await stays
    else:
        assert await stays == 2
    assert gone.cancelled()
