"""`setup` by options: what is decided, what is written where, and what is refused."""

import io
import json
import os
import re
import stat
import sys
import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from device import enrolment
from device.cli import (
    around,
    cmd_setup,
    setup_cloud,
    setup_files,
    setup_plan,
    setup_recorders,
    setup_token,
)
from device.cli.invocation import Invocation
from device.cli.parser import Parser
from device.cli.setup_cloud import CloudName
from device.cli.setup_files import Page, Unwritable
from device.cli.setup_talk import Talk
from device.cli.setup_token import Given
from device.cloud_facts import FACTS
from device.config import CloudConfig, Config, RecorderConfig
from device.errors import CloudUnreachable, ConfigInvalid, UsageInvalid
from device.links.finding import Nearby, SerialPort

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SILENT = Talk(asks=False, quiet=True)
BOTA = Nearby(address="C0:FF:EE:00:00:01", name="Bota Pin", rssi_dbm=-71, driver="bota")
USB = SerialPort(path="/dev/serial/by-id/usb-A", device="/dev/ttyACM0", usb_id="2341:0043")
BOARD = SerialPort(path="/dev/ttyS0", device="/dev/ttyS0")


@pytest.fixture
def there(monkeypatch):
    """Put devices and ports where `setup` looks for them."""

    def put(near=(), ports=()) -> None:
        async def nearby(_adapter, _seconds):
            return tuple(near)

        monkeypatch.setattr(around, "ble_nearby", nearby)
        monkeypatch.setattr(around, "serial_ports", lambda: tuple(ports))

    put()
    return put


@pytest.fixture
def typed(monkeypatch):
    """Let somebody answer, line by line, on a pipe."""

    def put(*lines: str) -> Talk:
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        return Talk(asks=True)

    return put


@pytest.fixture
def etc(tmp_path):
    """A folder that stands for /etc/fieldpost."""
    folder = tmp_path / "etc"
    folder.mkdir()
    return setup_plan.Sources(environ={}, default=folder / "fieldpost.toml")


def recorders_of(config, talk, *, found=None, named=(), release=None) -> list[RecorderConfig]:
    return list(setup_recorders.decide(config, named, release, talk, lambda: found))


def looked(config, *seen) -> around.Around:
    found = tuple(around._found(each, config) for each in seen)
    return around.Around(found=found, others=0, problem=None)


def cloud_of(loaded, talk, answers=lambda _: "yes", **wishes) -> CloudConfig:
    return setup_cloud.decide(loaded, setup_cloud.Wishes(**wishes), talk, answers)


def refuses(_cloud) -> str:
    raise CloudUnreachable("nobody is there")


# Recorders


def test_named_recorders_are_added():
    """Beside those that are configured; one that is there already is not there twice."""
    yard = RecorderConfig(url="folder:///srv/yard", release="keep")
    config = Config(recorders=(yard,))
    found = recorders_of(config, SILENT, named=["/srv/a barn", "folder:///srv/yard"])

    assert [yard, RecorderConfig(url="folder:///srv/a%20barn")] == found


def test_a_bota_recorder_gets_its_driver():
    """Its url alone does not say that; what it advertises does."""
    seen = looked(Config(), BOTA)
    (found,) = recorders_of(Config(), SILENT, found=seen, named=[BOTA.url])

    assert ("bota", "delete") == (found.driver, found.release)


def test_one_release_policy_is_for_all():
    """Those that were configured before too."""
    config = Config(recorders=(RecorderConfig(url="folder:///srv/yard"),))
    found = recorders_of(config, SILENT, named=["/srv/barn"], release="archive:/srv/sent")

    assert ["archive:/srv/sent"] * 2 == [each.release for each in found]


@pytest.mark.parametrize(
    ("named", "release"),
    [("srv/barn", None), ("ble://", None), ("serial:///dev/ttyS0", "archive:/x"), ("/a", "burn")],
)
def test_what_is_no_recorder_is_refused(named, release):
    """By the checks of the configuration itself, before anything else is asked."""
    with pytest.raises(UsageInvalid):
        recorders_of(Config(), SILENT, named=[named], release=release)


def test_what_is_surely_a_recorder_is_offered_first(typed, capsys):
    """Enter takes what is on USB and on Bluetooth, and not the board's own port."""
    talk = typed("", "", "", "keep")
    found = recorders_of(Config(), talk, found=looked(Config(), BOARD, USB, BOTA))

    assert [(USB.url, "delete"), (BOTA.url, "keep")] == [(r.url, r.release) for r in found]
    assert "[2, 3]" in capsys.readouterr().err


def test_what_is_configured_is_offered_as_it_is(typed):
    """Enter all the way changes nothing, though something new was seen."""
    yard = RecorderConfig(url="folder:///srv/yard", release="archive:/srv/sent")
    config = Config(recorders=(yard,))

    assert [yard] == recorders_of(config, typed("", "", ""), found=looked(config, USB))


def test_recorders_are_taken_away_by_leaving_them_out(typed):
    """A number that is not named is one that goes."""
    config = Config(recorders=(RecorderConfig(url="folder:///a"), RecorderConfig(url="ble://B")))
    found = recorders_of(config, typed("9", "x", "2", "", ""), found=None)

    assert ["ble://B"] == [each.url for each in found]


def test_folders_may_be_several(typed, capsys, tmp_path):
    """One at a time until there is no more; one that is not there, or there twice, is told."""
    there, missing = str(tmp_path), str(tmp_path / "sd")
    found = recorders_of(Config(), typed(there, missing, there, "none", "", ""), found=None)
    said = " ".join(capsys.readouterr().err.split())

    assert [f"folder://{there}", f"folder://{missing}"] == [each.url for each in found]
    assert 1 == said.count("is not there yet")
    assert "taken already" in said


# The cloud


@pytest.fixture
def fresh(etc):
    """A configuration that says nothing yet."""
    return etc.load()


def test_the_first_cloud_offered_is_the_configured_one(fresh, typed):
    """Bota, where nothing is."""
    assert FACTS["bota"].base_url == cloud_of(fresh, typed("")).base_url


def test_a_gateway_is_asked_before_going_on(fresh, typed, capsys):
    """An address that does not answer is told, and another one asked for."""
    asked = []

    def answers(cloud: CloudConfig) -> str:
        asked.append(cloud.base_url)
        return refuses(cloud) if len(asked) == 1 else "it answers"

    cloud = cloud_of(fresh, typed("2", "gw.example", "no", "https://gw.example:1/x/v1"), answers)

    assert ["https://gw.example/v1", "https://gw.example:1/x/v1"] == asked
    assert ("bota", asked[1]) == (cloud.api, cloud.base_url)
    assert "nobody is there" in capsys.readouterr().err


def test_a_gateway_may_be_taken_unseen(fresh, typed):
    """The box may be set up where its gateway cannot be reached."""
    talk = typed("gateway", "gw.example", "yes")

    assert "https://gw.example/v1" == cloud_of(fresh, talk, refuses).base_url


def test_scripts_do_not_take_a_gateway_unseen(fresh):
    """Nobody would read the warning."""
    with pytest.raises(CloudUnreachable):
        cloud_of(fresh, SILENT, refuses, base_url="https://gw.example/v1")


def test_plain_http_is_allowed_by_a_person_alone(fresh, typed):
    """The token would travel in clear: scripts are refused, people are asked."""
    with pytest.raises(UsageInvalid, match="in clear"):
        cloud_of(fresh, SILENT, base_url="http://gw.example/v1")

    talk = typed("gateway", "http://gw.example", "no", "http://gw.example", "yes")
    assert cloud_of(fresh, talk).allow_http


def test_siro_wants_to_know_for_whom(fresh, typed):
    """Asked for by name, or given by an option, else refused."""
    asked = cloud_of(fresh, typed("siro", "", "two words", "ann@example.org"))
    given = cloud_of(fresh, SILENT, name=CloudName.SIRO, end_user_id="ann@example.org")

    assert asked == given == CloudConfig(api="siro", end_user_id="ann@example.org")
    with pytest.raises(UsageInvalid):
        cloud_of(fresh, SILENT, name=CloudName.SIRO)


def test_sivi_alone_is_refused_with_the_way_out(fresh, typed):
    """It takes no audio: it goes beside another cloud."""
    with pytest.raises(UsageInvalid, match="no audio"):
        cloud_of(fresh, SILENT, name=CloudName.SIVI)

    assert "swayzio" == cloud_of(fresh, typed("4", "swayzio")).api


def test_another_cloud_takes_nothing_along(etc):
    """What only the earlier one understands would be refused."""
    etc.default.write_text(
        '[cloud]\napi = "siro"\nend_user_id = "ann"\nfinalize_path = "x/y"\ntoken_file = "/t"\n'
    )
    loaded = etc.load()
    cloud = cloud_of(loaded, SILENT, name=CloudName.BOTA)
    page = setup_plan.plan(etc, loaded, replace(loaded.config, cloud=cloud)).page

    assert {
        "api": "bota", "base_url": FACTS["bota"].base_url, "token_file": "/t"
    } == tomllib.loads(page.after)["cloud"]  # fmt: skip


# The token


@pytest.mark.parametrize(
    ("answers", "given"),
    [
        (["k7qf 2mxp"], Given.CODE),
        (["two words", "dtok_0123456789"], Given.TOKEN),
        ([""], Given.NOTHING),
    ],
)
def test_one_question_takes_token_or_code(typed, answers, given, tmp_path):
    """Which of the two it is shows; what is neither is asked again."""
    cloud = CloudConfig(token_file=tmp_path / "token")
    call = Invocation(environ={})
    found = setup_token.decide(cloud, cloud, setup_token.Wishes(), typed(*answers), call)

    assert given is found.given
    assert answers[-1] not in repr(found) or not answers[-1]


def test_a_token_of_another_cloud_is_not_kept(typed, tmp_path):
    """It would be refused there, and seen by strangers."""
    file = tmp_path / "token"
    file.write_text("dtok_before")
    before = CloudConfig(token_file=file)
    cloud = replace(before, base_url="https://gw.example/v1")
    call = Invocation(environ={})
    found = setup_token.decide(cloud, before, setup_token.Wishes(), SILENT, call)

    assert Given.NOTHING is found.given


# Files


def test_a_packaged_configuration_gets_a_file_beside_it(etc):
    """What the package owns is not touched while nobody else has."""
    etc.default.write_text('# [cloud]\n# api = "bota"\n[spool]\npath = "/srv/spool"\n')

    assert etc.default.parent / "conf.d" / "50-setup.toml" == etc.target


def test_a_configuration_by_hand_is_changed_where_it_is(etc):
    """Two places that say where recordings go would be one too many."""
    etc.default.write_text('[[recorders]]\nurl = "folder:///srv/yard"\n')

    assert etc.default == etc.target


def test_the_whole_configuration_is_checked_before_it_is_written(etc):
    """What a later file says wins, so it would not be what was asked for."""
    folder = etc.default.parent / "conf.d"
    folder.mkdir()
    (folder / "90-last.toml").write_text('[cloud]\nbase_url = "https://last.example/v1"\n')
    loaded = etc.load()
    wanted = replace(loaded.config, cloud=CloudConfig(base_url="https://gw.example/v1"))

    with pytest.raises(ConfigInvalid, match=r"90-last.toml:2: \[cloud\] base_url .* wins"):
        setup_plan.plan(etc, loaded, wanted)


def test_what_another_file_set_is_set_anew(etc):
    """A key of the earlier cloud that stands elsewhere is overridden, not left to spoil it."""
    etc.default.write_text("[spool]\nmin_free_bytes = 0\n")
    folder = etc.default.parent / "conf.d"
    folder.mkdir()
    (folder / "10-first.toml").write_text("[cloud]\nallow_http = true\n")
    loaded = etc.load()
    wanted = replace(loaded.config, cloud=CloudConfig(base_url="https://gw.example/v1"))
    page = setup_plan.plan(etc, loaded, wanted).page

    assert "allow_http = false" in page.after


def page_of(folder: Path, before: str | None) -> Page:
    file = folder / "x.toml"
    if before is not None:
        file.write_text(before)
        file.chmod(0o640)
    return Page(file=file, before=before, after="new\n")


def test_what_was_there_is_kept(tmp_path):
    """Beside the new one, dated, with the rights it had."""
    with setup_files.written(page_of(tmp_path, "old\n"), NOW) as kept:
        pass

    assert tmp_path / "x.toml.bak-20260301T120000Z" == kept
    assert ("old\n", "new\n") == (kept.read_text(), (tmp_path / "x.toml").read_text())
    assert {0o640} == {stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()}


def test_two_in_one_second_keep_both(tmp_path):
    """Nothing that was kept is ever overwritten."""
    for text in ("one\n", "two\n"):
        with setup_files.written(page_of(tmp_path, text), NOW) as kept:
            pass

    assert "two\n" == kept.read_text()
    assert 3 == len(list(tmp_path.iterdir()))


@pytest.mark.parametrize("before", ["old\n", None])
def test_what_fails_afterwards_takes_it_back(tmp_path, before):
    """An interruption too: everything is as it was, and nothing is left lying about."""
    page = page_of(tmp_path, before)
    there = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    with pytest.raises(KeyboardInterrupt), setup_files.written(page, NOW):
        raise KeyboardInterrupt

    assert there == {each.name: each.read_bytes() for each in tmp_path.iterdir()}


def test_the_agent_can_read_what_root_writes(tmp_path):
    """Whatever root's umask is, the folders on the way too."""
    page = Page(file=tmp_path / "etc" / "conf.d" / "x.toml", before=None, after="new\n")
    before = os.umask(0o077)
    try:
        with setup_files.written(page, NOW):
            pass
    finally:
        os.umask(before)
    modes = [stat.S_IMODE(each.stat().st_mode) for each in (page.file, page.file.parent)]

    assert [0o644, 0o755] == modes


def test_a_full_disk_leaves_it_as_it_was(tmp_path, monkeypatch):
    """No half file, and no copy."""
    page = page_of(tmp_path, "old\n")

    def full(*_args) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(setup_files, "write_all", full)
    with pytest.raises(Unwritable, match="No space left"), setup_files.written(page, NOW):
        pass

    assert ["x.toml"] == [each.name for each in tmp_path.iterdir()]
    assert "old\n" == page.file.read_text()


def test_a_link_stays_one(tmp_path):
    """Where /etc is kept elsewhere, what it points to changes."""
    (tmp_path / "real").mkdir()
    real = page_of(tmp_path / "real", "old\n").file
    link = tmp_path / "x.toml"
    link.symlink_to(real)
    with setup_files.written(Page(file=link, before="old\n", after="new\n"), NOW):
        pass

    assert link.is_symlink()
    assert "new\n" == real.read_text()


# The command


def test_nobody_answers_questions_in_vain(fieldpost, site, monkeypatch):
    """Whoever may not write is told so first, and how to."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    said = fieldpost("setup", "--yes")

    assert 1 == said.code
    assert "sudo fieldpost setup" in said.err


def test_a_dry_run_touches_nothing(fieldpost, site, there):
    """It shows the change as people and programs read it."""
    before = site.config.read_text()
    said = fieldpost("setup", "--yes", "--dry-run", "--json", "--recorder", "/srv/yard")
    told = json.loads(said.out)

    assert (0, before) == (said.code, site.config.read_text())
    assert (True, True, None) == (told["dry_run"], told["changed"], told["backup"])
    assert '+url = "folder:///srv/yard"' in told["diff"].splitlines()
    assert "dry run: nothing was written" in fieldpost("setup", "--yes", "--dry-run").out


def test_a_recorder_that_is_away_is_told_and_configured(fieldpost, site, there):
    """The configuration stands, the exit code says that not all is well, and doctor comes next."""
    said = fieldpost("setup", "--yes", "--json", "--recorder", "/srv/not-there")
    told = json.loads(said.out)
    (folder,) = [each for each in told["checks"] if each["code"] == "folder-readable"]

    assert (1, "failed") == (said.code, folder["verdict"])
    assert "/srv/not-there" in site.config.read_text()
    assert f"fieldpost -c {site.config} doctor" in told["next"]


def test_an_invalid_configuration_is_not_built_on(fieldpost, site):
    """Its problems are told, as by every command."""
    site.config.write_text("[cloud]\nbase = 1\n")

    assert 78 == fieldpost("setup", "--yes").code


def test_where_nobody_is_asked_somebody_has_to_agree(fieldpost, site):
    """`--no-input` alone writes nothing."""
    before = site.config.read_text()
    said = fieldpost("setup", "--no-input", "--recorder", "/srv/yard")

    assert (2, before) == (said.code, site.config.read_text())


def test_ctrl_c_while_the_token_is_checked_takes_everything_back(
    fieldpost, site, tmp_path, monkeypatch
):
    """Half of a new cloud is worse than all of the old one."""

    async def keep(*_args) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(enrolment, "keep", keep)
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir() if each.is_file()}
    given = tmp_path.parent / f"{tmp_path.name}-given"
    given.write_text("dtok_0123456789")
    said = fieldpost("setup", "--yes", "--recorder", "/srv/yard", "--token-file", str(given))
    after = {each.name: each.read_bytes() for each in tmp_path.iterdir() if each.is_file()}

    assert (130, before) == (said.code, after)
    assert "nothing was changed" in said.err


def test_users_get_places_of_their_own(site, tmp_path, monkeypatch):
    """Spool and token of the service are not theirs to write."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    file = tmp_path / "own" / "fieldpost.toml"
    sources = setup_plan.Sources(environ={}, file=file)
    page = Page(file=file, before=None, after="")
    config = setup_plan.at_home(sources.load(page), file)

    assert tmp_path / "own" / "spool" == config.spool.path
    assert tmp_path / "own" / "token" == config.cloud.token_file


def test_the_page_names_every_option():
    """And no other one."""
    page = (Path(__file__).parents[3] / "docs" / "setup.md").read_text()
    parser = Parser("setup", "", ())
    cmd_setup.arguments(parser)
    options = {each for action in parser._actions for each in action.option_strings}

    named = set(re.findall(r"^\| `(--[a-z-]+)`|`(--code)`", page, flags=re.MULTILINE))
    assert options - {"-h", "--help"} == {a or b for a, b in named}
