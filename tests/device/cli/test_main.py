"""The program: finding commands, global options, and how errors end."""

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest

from device import errors
from device.cli import exit_codes
from device.cli.exit_codes import exit_code
from device.cli.main import main
from tests.device.cli.calls import Said


def test_an_unknown_command_suggests_the_nearest(capsys):
    """A slip of the finger ends with 2 and the command that was probably meant."""
    code = main(["statsu"])

    assert 2 == code
    assert "fieldpost: there is no command 'statsu'\n  try: fieldpost status\n" == (
        capsys.readouterr().err
    )


def test_a_word_of_a_group_alone_is_understood(capsys):
    """`fieldpost requeue` leads to `fieldpost spool requeue`."""
    main(["requeue"])

    assert "try: fieldpost spool requeue" in capsys.readouterr().err


def test_an_unknown_option_suggests_the_nearest(fieldpost):
    """A misspelt option is answered with the option that was probably meant."""
    said = fieldpost("run", "--onse")

    assert 2 == said.code
    assert "try: --once" in said.err


@pytest.mark.parametrize("arguments", [[], ["spool"], ["config", "-v"]])
def test_without_a_command_help_and_2(capsys, arguments):
    """No command, or a group alone, shows what there is and ends as wrong usage."""
    code = main(arguments)

    assert 2 == code
    assert "COMMANDS" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--json", "version"], ["version", "--json"]])
def test_global_options_go_before_or_after_the_command(capsys, arguments):
    """--json means the same in both places."""
    main(arguments)

    document = json.loads(capsys.readouterr().out)
    assert ["schema", "version", "python", "platform"] == list(document)


def test_the_config_option_goes_inside_a_group(capsys, site):
    """-c is taken between the words of a command as well."""
    code = main(["config", "-c", str(site.config), "path"])

    assert (0, f"{site.config}\n") == (code, capsys.readouterr().out)


def test_version_is_an_option_too(capsys):
    """--version prints what `version` prints."""
    main(["--version"])
    option = capsys.readouterr().out
    main(["version"])

    assert capsys.readouterr().out == option


def test_an_error_under_json_is_one_object_on_stderr(fieldpost):
    """Programs get code, message, hint and exit code."""
    said = fieldpost("spool", "show", "zz", "--json")

    assert "" == said.out
    assert {
        "schema": 1,
        "error": "entry-unknown",
        "message": "there is no entry zz in the spool",
        "hint": "fieldpost spool ls",
        "exit_code": 1,
    } == json.loads(said.err)


def test_errors_pass_the_redactor(fieldpost, agent):
    """A secret in an error's text does not reach the screen."""

    async def look(_config):
        raise errors.CloudUnreachable("cannot reach https://h/k?sig=c4n4ry with dtok_c4n4ry")

    agent(SimpleNamespace(look=look))
    said = fieldpost("recorders", "--debug")

    assert 69 == said.code
    assert "Traceback" in said.err
    assert "c4n4ry" not in said.err


def test_a_traceback_of_a_bug_passes_the_redactor():
    """What nobody foresaw is printed without secrets as well."""
    script = (
        "import sys, device.cli.main as m\n"
        "def bug(_arguments): raise KeyError('dtok_' + 'c4n4ry')\n"
        "m._run = bug\n"
        "sys.argv = ['fieldpost', 'status']\n"
        "sys.exit(m.main())\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )

    assert 1 == done.returncode
    assert "KeyError: 'dtok_***'" in done.stderr


def test_ctrl_c_ends_with_130(fieldpost, agent):
    """An interrupt is told by the code alone."""

    async def look(_config):
        raise KeyboardInterrupt

    agent(SimpleNamespace(look=look))

    assert Said(code=130, out="", err="") == fieldpost("recorders")


def test_a_reader_that_left_is_no_error():
    """`fieldpost config show | head -1` ends quietly."""
    script = (
        "import os, sys\n"
        "read, write = os.pipe(); os.close(read); os.dup2(write, 1)\n"
        "from device.cli.main import main\n"
        "sys.exit(main(['config', 'show', '-c', os.devnull]))\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], stderr=subprocess.PIPE, text=True, check=False
    )

    assert (0, "") == (done.returncode, done.stderr)


@pytest.mark.parametrize(("arguments", "told"), [([], b"COMMAND ?"), (["--json"], "é".encode())])
def test_an_old_terminal_ends_nothing(tmp_path, arguments, told):
    """What it cannot show becomes `?`; JSON is UTF-8 wherever it goes."""
    config = tmp_path / "fieldpost.toml"
    config.write_text(f'[spool]\npath = "{tmp_path}/é"\n')
    command = ["status", "-c", config, *arguments] if arguments else ["--help"]

    done = subprocess.run(
        [sys.executable, "-m", "device.cli.main", *command],
        capture_output=True,
        env={"PYTHONIOENCODING": "ascii"},
        check=False,
    )

    assert (0, b"") == (done.returncode, done.stderr)
    assert told in done.stdout


def test_every_error_ends_with_a_code_of_the_table():
    """No error leaves with a number that the help texts do not explain."""

    def classes(kind):
        return {kind, *(each for sub in kind.__subclasses__() for each in classes(sub))}

    used = {kind.exit_code for kind in classes(errors.FieldpostError)}

    assert set() == used - set(exit_codes.EXIT_CODES)
    assert 1 == exit_code(ValueError())
