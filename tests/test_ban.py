"""What no file may hold: sleeps in tests, names of somebody's machine, files too long to read."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MOST_LINES = 500
MOST_TEST_LINES = 600
_SLEEP = re.compile(r"\btime\.sleep\(|\basyncio\.sleep\((?!0\))")
# /home/pi is nobody's in particular: every Raspberry Pi has it.
_MACHINE = re.compile(r"(?<![\w.])/(?:home/(?!pi\b)\w|Users/\w|root/\w|work/\w|farm/\w)")
_REGISTRY = re.compile(r"\bpypi\.|files\.python" + "hosted|--index-url|--extra-index")


def tracked() -> list[Path]:
    """Files of the repository: those git knows, else (from an archive) those that are there."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    names = listed.stdout.split("\0") if listed.returncode == 0 else []
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def lines_with(pattern: re.Pattern[str], files: list[Path]) -> list[str]:
    found = []
    for file in files:
        if file == Path(__file__):
            continue
        try:
            text = file.read_text()
        except UnicodeDecodeError:
            continue  # a vector or a recording
        found += [
            f"{file.relative_to(ROOT)}:{number}: {line.strip()}"
            for number, line in enumerate(text.splitlines(), 1)
            if pattern.search(line)
        ]
    return found


def python_files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def test_tests_do_not_sleep():
    """A sleep in a test is slow when it is too long and flaky when it is too short."""
    # A network that is slow on purpose has to be, and BlueZ tells not everything by itself.
    waits = {"demo", "bench", "bluez", "chaos_proxy.py"}
    files = [file for file in python_files("tests") if not waits & {file.parent.name, file.name}]

    assert [] == lines_with(_SLEEP, files)


def test_nothing_names_somebodys_machine():
    """Paths of a developer's machine work nowhere else."""
    assert [] == lines_with(_MACHINE, tracked())


def test_nothing_names_a_package_registry():
    """Where packages come from is the business of who installs."""
    assert [] == lines_with(_REGISTRY, tracked())


@pytest.mark.parametrize(
    ("folder", "most"),
    [("device", MOST_LINES), ("gateway", MOST_LINES), ("tests", MOST_TEST_LINES)],
)
def test_files_are_short_enough_to_read(folder, most):
    """A file has one reason to exist, and fits in a head."""
    long = {
        str(file.relative_to(ROOT)): lines
        for file in python_files(folder)
        if (lines := len(file.read_text().splitlines())) > most
    }

    assert {} == long


def test_the_changelog_has_an_unreleased_part_in_our_form():
    """What changes for users is told as "Fieldpost now …" or "The gateway now …"."""
    changelog = (ROOT / "CHANGELOG.md").read_text()
    unreleased = changelog.partition("## [Unreleased]\n")[2].partition("\n## ")[0]
    entries = re.findall(r"(?m)^- (.+)", unreleased)

    assert entries
    told = ("Fieldpost now ", "The gateway now ")
    assert [] == [entry for entry in entries if not entry.startswith(told)]
