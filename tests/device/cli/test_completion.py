"""Completion: what is offered, and that real shells take it."""

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from device.cli import commands, offers
from device.clock import SystemClock
from device.config import SpoolConfig
from device.spool.spool import Spool
from tests.device.spool.recordings import recording, sealed, stored

URL = "serial:///dev/serial/by-id/usb-Acme-if00?baud=921600"
DEADLINE_S = 15.0


@pytest.fixture
def entry(site) -> str:
    """A sealed recording, a stored one, and a recorder in the configuration."""
    with site.config.open("a") as file:
        file.write(f'[[recorders]]\nurl = "{URL}"\n')
    spool = Spool.open(SpoolConfig(path=site.spool, min_free_bytes=0), SystemClock())
    kept = sealed(spool, recording("01" * 16)).id
    stored(spool, recording("02" * 16))
    spool.close()
    return kept


@pytest.fixture
def path(tmp_path) -> str:
    """A PATH on which `fieldpost` is this one."""
    folder = tmp_path / "bin"
    folder.mkdir()
    launcher = folder / "fieldpost"
    launcher.write_text(f'#!/bin/sh\nexec {sys.executable} -m device.cli.main "$@"\n')
    launcher.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def values(*words: str) -> list[str]:
    return [each.value for each in offers.offers(words)]


def script(capsys, shell: str, folder: Path) -> Path:
    from device.cli.main import main  # noqa: PLC0415 - needed here alone

    capsys.readouterr()
    main(["completion", shell])
    place = folder / f"fieldpost.{shell}"
    place.write_text(capsys.readouterr().out)
    return place


def test_the_first_word_is_a_command_or_a_group():
    """Everything that help lists, and nothing twice."""
    tops = {name for name in commands.COMMANDS if " " not in name}

    assert sorted(tops | set(commands.GROUPS)) == sorted(values(""))


@pytest.mark.parametrize("group", commands.GROUPS)
def test_a_group_offers_its_commands(group):
    """As its help does."""
    members = [n.rpartition(" ")[2] for n in commands.COMMANDS if n.startswith(f"{group} ")]

    assert members == values(group, "")


@pytest.mark.parametrize("name", commands.COMMANDS)
def test_every_command_offers_its_options(name):
    """Global ones among them."""
    assert {"--help", "--json", "--config"} <= set(values(*name.split(), "-"))


def test_options_are_offered_before_a_command_too():
    """As they may stand there."""
    assert "--quiet" in values("--q")


def test_choices_of_an_option_are_offered():
    """Both ways to write them."""
    assert ["auto", "always", "never"] == values("status", "--color", "")
    assert ["--color=auto", "--color=always"] == values("status", "--color=a")


def test_choices_of_a_positional_are_offered():
    """Of `completion` itself."""
    assert ["zsh"] == values("completion", "z")


def test_ids_are_offered(site, entry):
    """From the spool that the configuration on the line names."""
    assert [entry[:12]] == values("-c", str(site.config), "spool", "show", entry[:2])


def test_ids_are_those_that_the_command_can_use(site, entry):
    """What is not stored cannot be released."""
    offered = values(f"--config={site.config}", "release", "")

    assert 1 == len(offered)
    assert entry[:12] not in offered


def test_urls_are_offered(site, entry):
    """Of the configured recorders."""
    assert [URL] == values("-c", str(site.config), "pull", "ser")


@pytest.mark.parametrize("words", [("upload", ""), ("spool", "export", "-o", ""), ("-c", "")])
def test_files_are_left_to_the_shell(words):
    """It knows best how they are completed."""
    assert [offers.FILES] == values(*words)


def test_a_broken_configuration_offers_nothing(site):
    """A shell is no place for its problems."""
    site.config.write_text("[cloud")

    assert [] == values("-c", str(site.config), "spool", "show", "")


def test_after_a_single_positional_nothing_is_offered(site, entry):
    """`spool show` takes one."""
    assert [] == values("-c", str(site.config), "spool", "show", entry, "")


def in_bash(place: Path, path: str, line: str) -> list[str]:
    ask = (
        f'source {place}; COMP_LINE="$1"; COMP_POINT=${{#1}}; COMP_WORDS=(fieldpost);'
        ' _fieldpost; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", ask, "bash", line],
        env={"PATH": path, "HOME": "/"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash here")
def test_bash_completes(capsys, tmp_path, path, site, entry):
    """Commands, ids, and a url behind the colon at which bash takes words apart."""
    place = script(capsys, "bash", tmp_path)
    asked = f"fieldpost -c '{site.config}' "

    assert ["export"] == in_bash(place, path, "fieldpost spool exp")
    assert [entry[:12]] == in_bash(place, path, f"{asked}spool show {entry[:3]}")
    assert ["///dev/serial/by-id/usb-Acme-if00\\?baud=921600"] == in_bash(
        place, path, f"{asked}pull serial:"
    )


@pytest.mark.skipif(not shutil.which("fish"), reason="no fish here (apt: fish)")
def test_fish_completes(capsys, tmp_path, path, site, entry):
    """With what each is about beside it."""
    place = script(capsys, "fish", tmp_path)

    def ask(line: str) -> list[str]:
        done = subprocess.run(
            ["fish", "--no-config", "-c", f'source {place}; complete -C "{line}"'],
            env={"PATH": path, "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.splitlines()

    assert [f"export\t{commands.COMMANDS['spool export']}"] == ask("fieldpost spool exp")
    assert [f"{entry[:12]}\tsealed, 42.0 KiB, native:AM-07"] == ask(
        f"fieldpost -c {site.config} spool show {entry[:3]}"
    )


def typed_into_zsh(place: Path, path: str, line: str, wanted: str, folder: Path) -> str:
    """Type a line and a TAB into an interactive zsh; return what it shows until `wanted`."""
    pid, terminal = pty.fork()
    if pid == 0:
        environ = {"PATH": path, "HOME": str(folder), "TERM": "dumb", "ZDOTDIR": str(folder)}
        os.execve("/usr/bin/env", ["env", "zsh", "-f", "-i"], environ)  # noqa: S606 - a shell on purpose
    shown = ""
    try:
        setup = f"autoload -U compinit; compinit -D -u; source {place}; PS1=; echo rea''dy\n"
        os.write(terminal, setup.encode())
        asked = False
        ends_s = time.monotonic() + DEADLINE_S
        while wanted not in shown and time.monotonic() < ends_s:
            if select.select([terminal], [], [], 0.2)[0]:
                shown += os.read(terminal, 4096).decode(errors="replace")
            if "\nready" in shown and not asked:
                asked, shown = True, ""
                os.write(terminal, f"{line}\t".encode())
    finally:
        os.close(terminal)
        os.waitpid(pid, 0)
    return shown


@pytest.mark.skipif(not shutil.which("zsh"), reason="no zsh here (apt: zsh)")
def test_zsh_completes(capsys, tmp_path, path, site, entry):
    """Typed at a real prompt: a command, and an id."""
    place = script(capsys, "zsh", tmp_path)
    line = f"fieldpost -c {site.config} spool show {entry[:3]}"

    assert "spool export" in typed_into_zsh(
        place, path, "fieldpost spool exp", "spool export", tmp_path
    )
    assert entry[:12] in typed_into_zsh(place, path, line, entry[:12], tmp_path)
