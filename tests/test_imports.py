"""Start-up is quick because heavy libraries are imported where they are used, and not before."""

import json
import subprocess
import sys

import pytest

HEAVY = {"aiohttp", "asyncio", "bleak", "cbor2", "importlib.metadata", "rich", "serial", "ssl"}

_SCRIPT = """
import json, sys
from device.cli.main import main
code = main(sys.argv[1:])
sys.stderr.write(json.dumps([code, sorted(sys.modules)]))
"""


def imported(*arguments: str) -> tuple[int, set[str]]:
    """The exit code of a command line and the modules it took, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, *arguments], capture_output=True, text=True, check=True
    )
    code, names = json.loads(done.stderr.splitlines()[-1])
    return code, set(names)


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "fieldpost.toml"
    file.write_text(f'[spool]\npath = "{tmp_path / "spool"}"\n')
    return file


def test_status_imports_nothing_heavy(config, tmp_path):
    """`fieldpost status` on a filled spool loads neither event loop nor links nor HTTP."""
    from device.clock import SystemClock  # noqa: PLC0415 - only this test fills a spool
    from device.config import SpoolConfig  # noqa: PLC0415 - as above
    from device.spool.spool import Spool  # noqa: PLC0415 - as above

    Spool.open(SpoolConfig(path=tmp_path / "spool", min_free_bytes=0), SystemClock()).close()

    code, names = imported("status", "-c", str(config))

    assert (0, set()) == (code, HEAVY & names)


@pytest.mark.parametrize(
    "arguments", [["--help"], ["run", "--help"], ["config", "check"], ["spool", "ls"]]
)
def test_light_commands_import_nothing_heavy(config, arguments):
    """Help, configuration and looking at the spool are as quick."""
    code, names = imported("-c", str(config), *arguments)

    assert (0, set()) == (code, HEAVY & names)


def test_only_the_chosen_command_is_imported(config):
    """The other commands stay names in a table."""
    _, names = imported("config", "path", "-c", str(config))

    assert {"device.cli.cmd_config_path"} == {
        name for name in names if name.startswith("device.cli.cmd_")
    }


def test_a_run_imports_no_bluetooth(config, tmp_path):
    """Without a recorder that needs it, bleak is never loaded."""
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    config.write_text(
        f'[spool]\npath = "{tmp_path / "spool"}"\nmin_free_bytes = 0\n'
        f'[[recorders]]\nurl = "folder://{recordings}"\n'
    )

    _, names = imported("-q", "pull", "-c", str(config))

    assert set() == {"bleak", "rich", "serial"} & names


def test_a_list_of_serial_ports_imports_no_bluetooth(config):
    """Who asks for ports alone does not pay for bleak."""
    code, names = imported("scan", "--serial", "-c", str(config))

    assert (0, set()) == (code, {"aiohttp", "bleak", "rich"} & names)
