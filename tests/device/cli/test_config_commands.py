"""`config …`: what is wrong, what is set, and where."""

import json
from contextlib import closing

from device.agreed import SETTINGS
from device.cli import cmd_config_show
from device.clock import SystemClock
from device.config import SpoolConfig
from device.spool.spool import Spool


def test_check_says_that_all_is_well(fieldpost, site):
    """A valid configuration ends with 0 and names its files."""
    said = fieldpost("config", "check")

    assert (0, f"the configuration is valid ({site.config})\n") == (said.code, said.out)


def test_check_tells_all_problems_under_json(fieldpost, site):
    """Programs get the problems as a list, and 78."""
    site.config.write_text("[cloud]\nx = 1\n[upload]\nworkers = 99\n")

    said = fieldpost("config", "check", "--json")

    error = json.loads(said.err)
    assert (78, 78) == (said.code, error["exit_code"])
    assert 2 == len(error["problems"])


def test_check_warns_on_stderr(fieldpost, site):
    """A token that others can read is pointed out without failing."""
    (site.config.parent / "token").chmod(0o640)

    said = fieldpost("config", "check")

    assert 0 == said.code
    assert "has mode 0640" in said.err


def test_show_names_the_origin_of_each_value(fieldpost, site, monkeypatch):
    """Default, file and environment are told apart."""
    monkeypatch.setenv("FIELDPOST_UPLOAD__WORKERS", "3")

    settings = {
        each["key"]: (each["value"], each["origin"])
        for each in json.loads(fieldpost("config", "show", "--json").out)["settings"]
    }

    assert (8_388_608, "default") == settings["upload.chunk_bytes"]
    assert (str(site.spool), f"{site.config}:5") == settings["spool.path"]
    assert (3, "env FIELDPOST_UPLOAD__WORKERS") == settings["upload.workers"]


def test_show_tells_what_the_gateway_set(fieldpost, site):
    """What holds is shown: the smaller limit, and whatever this box leaves to its gateway."""
    site.config.write_text(
        site.config.read_text()
        + '[upload]\ndaily_data_limit_mb = 500\noff_peak_hours = "22:00-06:00 UTC"\n'
    )
    told = {"daily_data_limit_mb": 100, "allow_roaming": True, "off_peak_hours": None}
    with closing(Spool.open(SpoolConfig(path=site.spool), SystemClock())) as spool:
        spool.keep(SETTINGS, {"upload": told})

    settings = {
        each["key"]: (each["value"], each["origin"])
        for each in json.loads(fieldpost("config", "show", "--json").out)["settings"]
    }

    assert (100, "gateway") == settings["upload.daily_data_limit_mb"]
    assert (True, "gateway") == settings["upload.allow_roaming"]
    assert ("22:00-06:00 UTC", f"{site.config}:9") == settings["upload.off_peak_hours"]
    assert ("wifi, cellular", "default") == settings["connection.upload_network_preference"]


def test_show_never_shows_the_token(fieldpost):
    """The token file is named, its content is not."""
    assert "dtok_test" not in fieldpost("config", "show").out


def test_path_lists_the_files(fieldpost, site):
    """What is read, one per line."""
    assert f"{site.config}\n" == fieldpost("config", "path").out


def test_show_cuts_no_origin_off_on_a_terminal(monkeypatch):
    """However long another value is, each setting stands with where it was set."""
    monkeypatch.setattr(cmd_config_show, "width", lambda: 80)
    monkeypatch.setattr(cmd_config_show, "page_width", lambda: 80)
    url = "serial:///dev/serial/by-id/" + 50 * "x"
    rows = [("upload.workers", "2", "fieldpost.toml:20"), ("recorders.0.url", url, "gateway")]

    lines = list(cmd_config_show._lines(rows))

    assert "upload.workers  2      fieldpost.toml:20" == lines[1]
    assert "  origin gateway" == lines[-1]
