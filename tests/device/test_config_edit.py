"""Changing settings in a file's text: what was asked for changes, and nothing else does."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.config_edit import edited, toml
from device.config_example import example
from device.errors import ConfigInvalid

MINE = """\
# Mine, since 2024.
[cloud]   # where it goes
api = "bota" # for now
base_url = "https://old.example/v1"  # ask Ann

# The yard.
[[recorders]]
url = "folder:///srv/yard"   # by the gate
live = false

# The barn.
[[recorders]]
url = "folder:///srv/barn"
release = "keep"

[spool]
path = "/srv/spool"
"""
URLS = st.sampled_from(["folder:///a", "folder:///b", "folder:///c", "ble://X"])
RELEASES = st.sampled_from(["delete", "keep", 'odd "\\ name'])
RECORDERS = st.dictionaries(URLS, RELEASES, max_size=4).map(
    lambda found: [{"url": url, "release": release} for url, release in found.items()]
)


def test_a_value_changes_in_its_line():
    """The comment behind it stays, and so does every other line."""
    after = edited(MINE, tables={"cloud": {"base_url": "https://new.example/v1"}})

    assert MINE.replace("old.example", "new.example") == after


def test_a_setting_is_taken_out():
    """None leaves no line of it."""
    after = edited(MINE, tables={"cloud": {"base_url": None}})

    assert MINE.replace('base_url = "https://old.example/v1"  # ask Ann\n', "") == after


def test_a_new_table_goes_to_the_end():
    """Set apart by an empty line."""
    after = edited(MINE, tables={"upload": {"workers": 3, "allow_roaming": True}})

    assert f"{MINE}\n[upload]\nworkers = 3\nallow_roaming = true\n" == after


def test_a_new_setting_goes_below_its_default():
    """In the example that packages install, each key has its explanation above it."""
    text = example()
    after = edited(text, tables={"cloud": {"base_url": "https://new.example/v1"}})

    default = '# base_url = "https://api.bota.dev/v1"\n'
    assert text.replace(default, f'{default}base_url = "https://new.example/v1"\n') == after


def test_recorders_come_and_go():
    """One that stays keeps its comments, one that goes takes its lines along, a new one is last."""
    after = edited(
        MINE,
        tables={},
        recorders=[
            {"url": "folder:///srv/yard", "release": "keep"},
            {"url": "ble://C0:FF:EE:00:00:01", "driver": "bota"},
        ],
    )

    yard = 'url = "folder:///srv/yard"   # by the gate\nlive = false\nrelease = "keep"\n'
    assert yard in after
    assert "srv/barn" not in after
    assert after.endswith('\n[[recorders]]\nurl = "ble://C0:FF:EE:00:00:01"\ndriver = "bota"\n')


@pytest.mark.parametrize(
    "text",
    [
        'cloud.api = "bota"\n',
        'cloud = { api = "bota" }\n',
        'recorders = [ { url = "folder:///srv/yard" } ]\n',
        '[cloud]\nbase_url = """\nhttps://old.example/v1"""\n',
    ],
    ids=["dotted", "inline", "array", "many lines"],
)
def test_what_only_a_person_can_change_is_refused(text):
    """A file in an unusual form is never made into one that means something else."""
    with pytest.raises(ConfigInvalid):
        edited(
            text,
            tables={"cloud": {"base_url": "https://new.example/v1"}},
            recorders=[{"url": "folder:///srv/yard", "release": "keep"}],
        )


WORDS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=9)


@given(before=RECORDERS, after=RECORDERS, api=WORDS)
def test_the_result_means_what_was_asked_for(before, after, api):
    """Whatever was there and whatever is wanted, and twice is as good as once."""
    lines = [f"[[recorders]]\n# no. {n}\nurl = {toml(r['url'])}\n" for n, r in enumerate(before)]
    text = "".join(lines)
    kept = [each["url"] for each in before]
    wanted = sorted(after, key=lambda r: kept.index(r["url"]) if r["url"] in kept else len(kept))
    result = edited(text, tables={"cloud": {"api": api}}, recorders=wanted)
    found = tomllib.loads(result)

    assert {"api": api} == found["cloud"]
    assert wanted == found.get("recorders", [])
    assert result == edited(result, tables={"cloud": {"api": api}}, recorders=wanted)
