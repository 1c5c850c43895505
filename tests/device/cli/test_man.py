"""Manual pages: complete, sound to the tools that read them, and the same every time."""

import re
import shutil
import subprocess
from dataclasses import fields

import pytest

from device.cli import commands, exit_codes, parsers, roff
from device.cli.main import main
from device.cli.manual import PAGES
from device.config import RecorderConfig
from device.config_values import SECTIONS
from gateway.cli import main as gateway_main

WRITERS = {**{name: ["man", name] for name in PAGES}, "fieldpost-gateway.1": ["man"]}


@pytest.fixture(params=WRITERS)
def page(request, capsys, monkeypatch, tmp_path):
    """A page as a file of its name."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    capsys.readouterr()
    program = gateway_main if "gateway" in request.param else main
    assert 0 == program(WRITERS[request.param])
    place = tmp_path / request.param
    place.write_text(capsys.readouterr().out, encoding="ascii")
    return place


def shown(name: str) -> str:
    """What a page says, without roff's marks."""
    plain = re.sub(r"\\f[BR]|\\&", "", PAGES[name]())
    return plain.replace("\\-", "-").replace("\\(dq", '"')


@pytest.mark.skipif(not shutil.which("groff"), reason="no groff here (apt: groff-base)")
def test_groff_has_nothing_to_say(page):
    """Not even with all warnings on."""
    done = subprocess.run(
        ["groff", "-ww", "-man", "-Tutf8", "-z", page], capture_output=True, text=True, check=True
    )

    assert "" == done.stderr


@pytest.mark.skipif(not shutil.which("mandoc"), reason="no mandoc here (apt: mandoc)")
def test_mandoc_has_nothing_to_say(page):
    """The stricter of the two."""
    done = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "warning", page],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (0, "") == (done.returncode, done.stdout)


@pytest.mark.skipif(not shutil.which("man"), reason="no man here (apt: man-db)")
def test_man_shows_it(page):
    """As a person would look at it."""
    done = subprocess.run(["man", "-l", page], capture_output=True, text=True, check=True)

    assert "NAME" in done.stdout
    assert page.name.rpartition(".")[0] in done.stdout


@pytest.mark.parametrize("name", commands.COMMANDS)
def test_every_command_is_on_the_page_with_all_it_takes(name):
    """Purpose, options, arguments and examples."""
    part = shown("fieldpost.1").partition(f".SS fieldpost {name}\n")[2].partition("\n.S")[0]
    _, parser = parsers.of(name)
    known = {option for each in parsers.top()._actions for option in each.option_strings}
    own = {o for each in parser._actions for o in each.option_strings if o not in known}

    assert commands.COMMANDS[name][1:] in part
    assert [] == [option for option in own if option not in part]
    assert all(line in part for line, _ in commands.command(name).EXAMPLES)


def test_page_and_mapping_agree_on_exit_codes():
    """The section EXIT STATUS is the mapping."""
    section = shown("fieldpost.1").partition(".SH EXIT STATUS\n")[2].partition("\n.SH")[0]
    told = {int(code): text for code, text in re.findall(r"\.TP\n(\d+)\n(.+)", section)}

    assert exit_codes.EXIT_CODES == told


@pytest.mark.parametrize("schema", [*SECTIONS.values(), RecorderConfig])
def test_every_setting_is_on_the_page(schema):
    """With what it means."""
    told = shown("fieldpost.toml.5")

    assert [] == [each.name for each in fields(schema) if f"\n.TP\n{each.name}\n" not in told]


def test_the_day_is_that_of_the_source(monkeypatch):
    """A package that is built twice is the same twice."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")

    assert '"2023-11-14"' in PAGES["fieldpost.1"]().splitlines()[0]
    assert PAGES["fieldpost.1"]() == PAGES["fieldpost.1"]()


def test_pages_are_installed_where_man_looks(capsys, tmp_path):
    """Each in the folder of its section."""
    assert 0 == main(["man", "--install", str(tmp_path)])

    assert {"man1/fieldpost.1", "man5/fieldpost.toml.5"} == {
        str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.?")
    }


def test_a_folder_that_takes_no_pages_is_told(capsys, tmp_path):
    """Without a traceback."""
    (tmp_path / "man1").touch()

    assert 2 == main(["man", "--install", str(tmp_path)])
    assert "cannot write" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("a-b", "a\\-b"),
        ("back\\slash", "back\\eslash"),
        ('say "so"', "say \\(dqso\\(dq"),
        ("one…", "one\\[u2026]"),
    ],
)
def test_no_letter_means_more_than_itself(text, safe):
    """Help texts are not written with roff in mind."""
    assert safe == roff.escaped(text)


def test_a_line_is_never_a_request(monkeypatch):
    """A sentence that begins with a point would vanish."""
    page = roff.Page("x", 1, "y")
    page.text(".so elsewhere")

    assert "\n\\&.so elsewhere\n" in page.end()
