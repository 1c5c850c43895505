"""Those who wait for the disk at the same time share a round."""

import asyncio
import threading

import pytest
import pytest_asyncio

from gateway.errors import StorageFull
from gateway.keeping import Keeper
from gateway.objects import Arrived, ObjectRef, Stored

pytestmark = pytest.mark.asyncio


class Disk:
    """A store that notes its rounds, and holds up the first until it is told to go on."""

    def __init__(self):
        self.rounds = []
        self.begun = threading.Event()
        self.goes_on = threading.Event()
        self.outcome = self.kept

    def keep_whole(self, arrived):
        self.rounds.append([each.ref.medium_id for each in arrived])
        self.begun.set()
        assert self.goes_on.wait(10)
        return [self.outcome(each) for each in arrived]

    def kept(self, arrived):
        return Stored(1, arrived.ref.medium_id)


@pytest.fixture
def disk():
    return Disk()


@pytest_asyncio.fixture
async def keeper(disk):
    keeper = Keeper(disk)
    yield keeper
    disk.goes_on.set()
    await keeper.aclose()


def medium(name):
    return Arrived(ObjectRef("rec", name), [b"x"], None, is_new=True)


async def begin(keeper, *names):
    tasks = [asyncio.create_task(keeper.keep(medium(name))) for name in names]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def behind(keeper, disk, *names):
    """Have media wait behind one that is being written."""
    (first,) = await begin(keeper, "first")
    await asyncio.to_thread(disk.begun.wait, 10)
    return [first, *await begin(keeper, *names)]


async def test_those_of_a_moment_go_together(keeper, disk):
    """Nobody is written alone who comes along with others, nor who waited for a round."""
    disk.goes_on.set()
    tasks = await begin(keeper, "a", "b", "c")
    told = await asyncio.gather(*tasks)

    assert [["a", "b", "c"]] == disk.rounds
    assert ["a", "b", "c"] == [each.sha256 for each in told]


async def test_who_comes_during_a_round_is_in_the_next(keeper, disk):
    """However many there are."""
    tasks = await behind(keeper, disk, "a", "b", "c")
    disk.goes_on.set()
    await asyncio.gather(*tasks)

    assert [["first"], ["a", "b", "c"]] == disk.rounds


async def test_a_round_is_bounded(keeper, disk):
    """What is held in memory is written before more is."""
    names = [f"{number:02}" for number in range(40)]
    tasks = await behind(keeper, disk, *names)
    disk.goes_on.set()
    await asyncio.gather(*tasks)

    assert [["first"], names[:32], names[32:]] == disk.rounds


async def test_each_is_told_its_own(keeper, disk):
    """A disk that is full for one of them."""
    disk.outcome = lambda each: StorageFull("full") if each.ref.medium_id == "b" else None
    disk.goes_on.set()
    tasks = await begin(keeper, "a", "b")
    told = await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(None), StorageFull] == [type(each) for each in told]


async def test_a_defect_is_told_to_all_of_its_round(keeper, disk):
    """Nobody waits for ever, and the next round is written."""

    def failing(_):
        raise ZeroDivisionError

    disk.outcome = failing
    disk.goes_on.set()
    told = await asyncio.gather(*await begin(keeper, "a", "b"), return_exceptions=True)
    disk.outcome = disk.kept
    (again,) = await asyncio.gather(*await begin(keeper, "c"))

    assert [ZeroDivisionError] * 2 == [type(each) for each in told]
    assert again.sha256 == "c"


async def test_who_left_before_the_round_is_not_written(keeper, disk):
    """Whoever waits beside is."""
    first, gone, there = await behind(keeper, disk, "gone", "there")
    gone.cancel()
    await asyncio.wait([gone])
    disk.goes_on.set()
    await asyncio.gather(first, there)

    assert [["first"], ["there"]] == disk.rounds


async def test_closing_waits_for_all(keeper, disk):
    """What was taken is written; again does nothing."""
    tasks = await behind(keeper, disk, "a")
    closing = asyncio.create_task(keeper.aclose())
    disk.goes_on.set()
    await closing
    await keeper.aclose()

    assert [["first"], ["a"]] == disk.rounds
    assert [Stored(1, "first"), Stored(1, "a")] == await asyncio.gather(*tasks)


async def test_who_comes_after_the_end_is_told(keeper, disk):
    """Nobody waits for a thread that is gone."""
    disk.goes_on.set()
    await keeper.aclose()

    with pytest.raises(RuntimeError):
        await keeper.keep(medium("late"))
