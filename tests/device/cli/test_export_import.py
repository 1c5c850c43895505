"""`spool export` and `spool import`, as they are called."""

import io
import json
import os
import subprocess
import sys
import tarfile

import pytest

from device.clock import SystemClock
from device.config import SpoolConfig
from device.spool.spool import Spool
from tests.device.spool.recordings import recording, sealed, stored


@pytest.fixture
def spool(site):
    held = Spool.open(SpoolConfig(path=site.spool, min_free_bytes=0), SystemClock())
    yield held
    held.close()


@pytest.fixture
def place(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def other_box(spool, site, tmp_path):
    """Give the site to another box when it is called."""

    def move() -> None:
        spool.close()
        site.config.write_text(site.config.read_text().replace("/spool", "/other"))
        (tmp_path / "other").mkdir()

    return move


@pytest.fixture
def entries(spool):
    """One that waits, one that is quarantined, one that is stored, one that is being pulled."""
    waiting = sealed(spool, recording("01" * 16))
    quarantined = sealed(spool, recording("02" * 16))
    spool.quarantine(quarantined.id, "siro takes no images")
    kept = stored(spool, recording("03" * 16))
    pulling = spool.begin(recording("04" * 16))
    return {
        "waiting": waiting.id,
        "quarantined": quarantined.id,
        "stored": kept.id,
        "pulling": pulling.id,
    }


@pytest.mark.parametrize(
    ("options", "which"),
    [
        ([], {"waiting", "quarantined"}),
        (["--waiting"], {"waiting"}),
        (["--quarantined"], {"quarantined"}),
        (["--all"], {"waiting", "quarantined", "stored"}),
    ],
)
def test_export_takes_what_was_asked_for(fieldpost, entries, tmp_path, options, which):
    """By default what the cloud does not have; beside an agent that holds the spool."""
    said = fieldpost("spool", "export", "-o", str(tmp_path / "out"), *options, "--json")

    assert 0 == said.code
    assert {entries[name] for name in which} == {
        each["entry"] for each in json.loads(said.out)["recordings"]
    }


def test_export_of_one_by_the_beginning_of_its_id(fieldpost, entries, tmp_path):
    """As in every other command."""
    fieldpost("spool", "export", entries["stored"][:8], "-o", str(tmp_path / "out"))

    assert {entries["stored"], "MANIFEST.sha256"} == {
        path.name for path in (tmp_path / "out").iterdir()
    }


def test_export_of_what_is_not_whole_is_refused(fieldpost, entries, tmp_path):
    """Its recorder still has it: nothing is lost, and nothing half is written."""
    said = fieldpost("spool", "export", entries["pulling"], "-o", str(tmp_path / "out"))

    assert 1 == said.code
    assert "is not whole yet: its recorder still has it" in said.err
    assert not (tmp_path / "out").exists()


def test_export_says_what_to_do_next(fieldpost, entries, tmp_path):
    """Whoever does this once a year is told how to check, how to go on, and to unmount."""
    out = fieldpost("spool", "export", "-o", str(tmp_path / "my stick")).out

    assert "2 recordings written (84.0 KiB)" in out
    assert f"cd '{tmp_path / 'my stick'}' && sha256sum -c MANIFEST.sha256" in out
    assert f"fieldpost spool import '{tmp_path / 'my stick'}'" in out
    assert "unmount" in out


def test_export_of_nothing_is_no_error(fieldpost, spool, tmp_path):
    """And makes no claim of having written something."""
    said = fieldpost("spool", "export", "-o", str(tmp_path / "out"))

    assert (0, "nothing to rescue: no recording waits; for all that are here: --all\n") == (
        said.code, said.out,
    )  # fmt: skip


def test_export_with_one_damaged_ends_with_3(fieldpost, entries, site, tmp_path):
    """The others are written; the damaged one is named."""
    (site.spool / "sealed" / entries["waiting"] / "0001.jpg").write_bytes(b"x" * 3000)

    said = fieldpost("spool", "export", "-o", str(tmp_path / "out"))

    assert 3 == said.code
    assert f"[!!] {entries['waiting'][:12]}: " in said.out
    assert "1 recording written" in said.out


@pytest.mark.parametrize("options", [["--json"], ["--all", "3f"]])
def test_export_of_two_things_at_once_is_refused(fieldpost, entries, options):
    """Ids and a choice by state, or two documents on one stdout."""
    assert 2 == fieldpost("spool", "export", "-o", "-", *options).code


def test_export_down_a_pipe_says_everything_else_on_stderr(entries, site):
    """stdout is the tar, to its last byte."""
    done = subprocess.run(
        [sys.executable, "-m", "device.cli.main", "-c", site.config, "spool", "export", "-o", "-"],
        capture_output=True,
        check=True,
    )
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
        names = tar.getnames()

    assert 7 == len(names)
    assert b"2 recordings written" in done.stderr


def test_export_to_nobody_is_no_success(entries, site):
    """A tar that its reader did not take whole ends with 1."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "device.cli.main", "-c", site.config, "spool", "export", "-o", "-"],
        stdout=write,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(write)

    assert (1, True) == (done.returncode, b"whoever was to read the tar is gone" in done.stderr)


def test_import_waits_for_the_agent_to_end(fieldpost, entries, tmp_path):
    """Who needs the lock and does not get it ends with 75."""
    fieldpost("spool", "export", "-o", str(tmp_path / "out"))

    assert 75 == fieldpost("spool", "import", str(tmp_path / "out")).code


@pytest.mark.parametrize("suffix", ["", ".tar"])
def test_import_tells_each_recording(fieldpost, entries, other_box, place, suffix):
    """On another box: taken the first time, told the second time."""
    fieldpost("spool", "export", "--all", "-o", f"{place}{suffix}")
    other_box()

    first = fieldpost("spool", "import", f"{place}{suffix}")
    again = json.loads(fieldpost("spool", "import", f"{place}{suffix}", "--json").out)

    assert 0 == first.code
    assert f"{entries['waiting'][:12]} imported (42.0 KiB)" in first.out
    assert f"{entries['stored'][:12]} is in the cloud already, as rec_1 (bota)" in first.out
    assert ["here already", "here already", "in the cloud already"] == sorted(
        each["outcome"] for each in again["recordings"]
    )


def test_a_box_that_never_ran_takes_recordings_in_and_out(fieldpost, entries, other_box, site):
    """Neither spool nor token is there yet: rescue needs neither."""
    home = site.config.parent
    fieldpost("spool", "export", "--waiting", "-o", str(home / "stick"))
    other_box()
    (home / "other").rmdir()
    (home / "token").unlink()

    taken = fieldpost("spool", "import", str(home / "stick"))
    out = fieldpost("spool", "export", "-o", str(home / "again"))

    assert [0, 0] == [taken.code, out.code]
    assert (home / "again" / entries["waiting"] / "recording.json").is_file()
    assert 0o700 == (home / "other").stat().st_mode & 0o777


def test_import_of_a_damaged_one_ends_with_3(fieldpost, entries, other_box, place):
    """It is named, and the others are taken."""
    fieldpost("spool", "export", "-o", str(place))
    (place / entries["waiting"] / "0001.jpg").write_bytes(b"x" * 3000)
    other_box()

    said = fieldpost("spool", "import", str(place))

    assert 3 == said.code
    assert f"[!!] {entries['waiting'][:12]} not imported: 0001.jpg" in said.out
    assert "1 recording imported" in said.out


@pytest.mark.parametrize("name", ["nowhere", "empty", "noise.tar"])
def test_import_of_what_is_no_export_is_refused(fieldpost, spool, tmp_path, name):
    """A wrong path is told as one."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "noise.tar").write_bytes(b"noise")

    assert 2 == fieldpost("spool", "import", str(tmp_path / name)).code
