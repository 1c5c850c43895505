"""The runner of checks: at once, bounded, crashes told, dependents skipped with the cause."""

import asyncio
from datetime import UTC, datetime

import pytest

from device.config import Config
from device.config_file import Loaded
from device.doctor import CONFIG, Check, Scene
from device.doctor.running import every_check, examine
from device.errors import ConfigInvalid, LinkLost
from device.verdict import Verdict, failed, ok, warning
from tests.fakes.clock import FakeClock

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def scene(**changes) -> Scene:
    loaded = Loaded(config=Config(), origins={}, files=(), warnings=())
    given = {"loaded": loaded, "problem": None, "environ": {}, "status": None, "trouble": None}
    return Scene(clock=FakeClock(), **{**given, **changes})


def check(code, finding, *needs, subjects=None) -> Check:
    async def run(_scene, subject):
        if isinstance(finding, Exception):
            raise finding
        return finding[subject] if isinstance(finding, dict) else finding

    more = {} if subjects is None else {"subjects": lambda _scene: subjects}
    return Check(code=code, run=run, needs=needs, **more)


def told(results) -> list[tuple[str, str | None, Verdict]]:
    return [(each.code, each.subject, each.finding.verdict) for each in results]


@pytest.mark.asyncio
async def test_results_come_in_the_order_of_the_table():
    """Whichever check is done first."""
    results = await examine(scene(), [check("a", ok("x")), check("b", warning("y", "z"))])

    assert [("a", None, Verdict.OK), ("b", None, Verdict.WARNING)] == told(results)


@pytest.mark.asyncio
async def test_a_crash_is_a_result():
    """One bad check neither ends the others nor hides itself."""
    results = await examine(scene(), [check("a", ZeroDivisionError("oh")), check("b", ok("x"))])

    assert [("a", None, Verdict.FAILED), ("b", None, Verdict.OK)] == told(results)
    assert "ZeroDivisionError: oh" in results[0].finding.sentence
    assert results[0].finding.fix


@pytest.mark.asyncio
async def test_an_error_of_ours_keeps_its_hint():
    """Errors already say what to do."""
    (result,) = await examine(scene(), [check("a", LinkLost("the line is gone"))])

    assert (Verdict.FAILED, LinkLost.hint) == (result.finding.verdict, result.finding.fix)


@pytest.mark.asyncio
async def test_a_dependent_names_the_first_cause():
    """However far down the chain, what failed first is what to mend."""
    checks = [check("a", failed("x", "y")), check("b", ok(""), "a"), check("c", ok(""), "b")]
    results = await examine(scene(), checks)

    assert ["a", "a"] == [each.because for each in results[1:]]
    assert "not looked at, because a failed" == results[2].finding.sentence


@pytest.mark.asyncio
async def test_a_warning_holds_nothing_up():
    """It works, so what rests on it can be looked at."""
    results = await examine(scene(), [check("a", warning("x", "y")), check("b", ok(""), "a")])

    assert Verdict.OK is results[1].finding.verdict


@pytest.mark.asyncio
async def test_subjects_depend_on_their_own_alone():
    """A port without permission says nothing of the other one."""
    per = check("may", {"one": failed("x", "y"), "two": ok("")}, subjects=["one", "two"])
    results = await examine(scene(), [per, check("open", ok(""), "may", subjects=["one", "two"])])

    assert [Verdict.SKIPPED, Verdict.OK] == [each.finding.verdict for each in results[2:]]


@pytest.mark.asyncio
async def test_without_subjects_a_check_is_not_told():
    """No serial recorder, no line about serial ports."""
    assert [] == await examine(scene(), [check("a", ok(""), subjects=[])])


@pytest.mark.asyncio
async def test_a_check_that_hangs_is_ended(monkeypatch):
    """Nobody waits in the rain for one check."""
    monkeypatch.setattr("device.doctor.running.EACH_S", 0.01)

    async def hang(_scene, _subject):
        await asyncio.Event().wait()

    (result,) = await examine(scene(), [Check(code="a", run=hang)])

    assert Verdict.FAILED is result.finding.verdict
    assert "was not done" in result.finding.sentence


@pytest.mark.asyncio
async def test_checks_run_at_once():
    """Two that wait for each other are done; one after the other they never were."""
    meeting = asyncio.Barrier(2)

    async def meet(_scene, _subject):
        await meeting.wait()
        return ok("")

    results = await examine(scene(), [Check(code="a", run=meet), Check(code="b", run=meet)])

    assert [Verdict.OK, Verdict.OK] == [each.finding.verdict for each in results]


@pytest.mark.asyncio
async def test_an_unusable_configuration_skips_what_rests_on_it():
    """The rest is looked at all the same."""
    broken = scene(loaded=None, problem=ConfigInvalid(["fieldpost.toml:3: is not TOML"]))
    results = await examine(broken, every_check())
    skipped = [each for each in results if each.finding.verdict is Verdict.SKIPPED]

    assert (CONFIG, Verdict.FAILED) == (results[0].code, results[0].finding.verdict)
    assert {"spool-space", "dns", "serial-open"} <= {
        each.code for each in skipped if each.because == CONFIG
    }
    assert "memory" in {each.code for each in results if each.because is None}


def test_the_table_is_in_order():
    """What a check needs stands before it, or it would never be awaited."""
    seen: set[str] = set()
    for each in every_check():
        assert set(each.needs) <= seen, each.code
        assert each.code not in seen
        seen.add(each.code)
