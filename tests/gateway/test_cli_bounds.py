"""`fieldpost-gateway audit`, `quota` and `retention`, as people and scripts run them."""

import json

import pytest

from gateway.cli import main


@pytest.fixture
def gateway(tmp_path, capsys):
    """Run one command on the test's data folder."""

    def run(*argv, code=0):
        assert code == main([*argv, "--data", str(tmp_path / "data")])
        written = capsys.readouterr()
        return written.err if code else written.out

    return run


@pytest.fixture
def as_json(gateway):
    return lambda *argv: json.loads(gateway(*argv, "--json"))


def test_every_change_by_a_command_is_noted(gateway, as_json):
    """Under the name of whoever has the shell, and without a secret."""
    device = as_json("devices", "add", "AM-07")
    code = as_json("devices", "code", "AM-07")
    gateway("devices", "revoke", "AM-07")
    key = as_json("keys", "add", "--name", "backend", "--scopes", "recordings:read")
    gateway("keys", "revoke", key["key_id"])
    gateway("quota", "set", "AM-07", "--storage-bytes", "5")
    gateway("devices", "ls")
    noted = as_json("audit")

    actions = [(each["action"], each["subject"]) for each in reversed(noted["entries"])]
    assert actions == [
        ("devices add", device["device_id"]),
        ("devices code", device["device_id"]),
        ("devices revoke", device["device_id"]),
        ("keys add", key["key_id"]),
        ("keys revoke", key["key_id"]),
        ("quota set", device["device_id"]),
    ]
    assert {"cli"} == {each["actor"] for each in noted["entries"]}
    for secret in (device["device_token"], code["code"], key["api_key"]):
        assert secret not in json.dumps(noted)


def test_the_log_is_filtered_and_fits_a_terminal(gateway):
    """A line for each, within 80 columns."""
    gateway("devices", "add", "AM-07")
    gateway("keys", "add", "--name", "backend")
    lines = gateway("audit", "--actor", "cli", "--limit", "1").splitlines()

    assert 1 == len(lines)
    assert "keys add" in lines[0]
    assert len(lines[0]) <= 80
    assert "Nothing was noted.\n" == gateway("audit", "--actor", "key_0")


def test_a_quota_is_set_bound_by_bound(as_json):
    """What is not named stays; `inherit` takes a bound back."""
    as_json("devices", "add", "AM-07")
    as_json("quota", "set", "--recordings-per-day", "9")
    as_json("quota", "set", "AM-07", "--recordings-per-day", "5", "--retention-days", "30")
    changed = as_json("quota", "set", "AM-07", "--recordings-per-day", "inherit")

    assert {"recordings_per_day": 9, "retention_days": 30} == {
        name: number for name, number in changed["value"].items() if number
    }
    assert changed["value"] == as_json("quota", "show", "AM-07")["value"]


def test_a_key_has_a_quota_too(gateway, as_json):
    """But no say in how long recordings are kept."""
    key = as_json("keys", "add", "--name", "backend")["key_id"]
    gateway("quota", "set", key, "--media-bytes-per-day", "1000")
    refused = gateway("quota", "set", key, "--retention-days", "1", code=1)

    assert 1000 == as_json("quota", "show", key)["own"]["media_bytes_per_day"]
    assert "not the key" in refused


def test_a_table_tells_bounds_and_use(gateway):
    """And which bounds are those of all devices."""
    gateway("devices", "add", "AM-07")
    gateway("quota", "set", "AM-07", "--storage-bytes", "1000")
    shown = gateway("quota", "show", "AM-07").splitlines()[1:]

    assert shown == [
        "  recordings_per_day               none   used 0   (as for all devices)",
        "  media_bytes_per_day              none   used 0   (as for all devices)",
        "  storage_bytes                    1000   used 0",
        "  retention_days                   none   (as for all devices)",
    ]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("quota", "show", "AM-99"), "no device AM-99"),
        (("quota", "show", "key_0"), "no API key key_0"),
        (("quota", "set"), "say what to set"),
    ],
)
def test_what_is_not_there_is_said(gateway, argv, said):
    """With what to try."""
    code = 2 if argv == ("quota", "set") else 1
    refused = gateway(*argv, code=code)

    assert said in refused
    assert "  try: " in refused


@pytest.mark.parametrize("wrong", ["-1", "many", "1.5"])
def test_a_bound_is_a_whole_number(gateway, wrong, capsys):
    """Or the word that takes it back."""
    with pytest.raises(SystemExit) as refused:
        main(["quota", "set", f"--storage-bytes={wrong}"])

    assert 2 == refused.value.code
    assert "whole number" in capsys.readouterr().err


def test_retention_tells_before_it_deletes(as_json):
    """Nothing is old in a new folder."""
    told = as_json("retention", "--dry-run")

    assert (True, []) == (told["dry_run"], told["recordings"])
    assert [] == as_json("retention")["recordings"]
