"""The device token: where it is found, and what is said when it is not."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from device.config import CloudConfig
from device.config_file import load
from device.errors import ConfigInvalid, TokenRefused
from device.token import mistaken, token_problem, token_source, token_warning


@dataclass
class Places:
    """A token file, a credentials folder, and a configuration that names the former."""

    file: Path
    credential: Path
    config: CloudConfig
    environ: dict[str, str]
    toml: Path


@pytest.fixture
def places(tmp_path):
    folder = tmp_path / "credentials"
    folder.mkdir()
    file = tmp_path / "token"
    toml = tmp_path / "fieldpost.toml"
    toml.write_text(f'[cloud]\ntoken_file = "{file}"\n')
    return Places(
        file=file,
        credential=folder / "token",
        config=CloudConfig(token_file=file),
        environ={"CREDENTIALS_DIRECTORY": str(folder)},
        toml=toml,
    )


def write(file: Path, text: str, mode: int = 0o600) -> None:
    file.write_text(text)
    file.chmod(mode)


def test_the_file_is_read_anew_each_time(places):
    """A replaced token is used without a restart."""
    read = token_source(places.config, {})
    write(places.file, "dtok_one\n")
    first = read()
    write(places.file, "dtok_two\n")

    assert ("dtok_one", "dtok_two") == (first, read())


def test_the_credential_comes_first(places):
    """systemd's LoadCredential wins over token_file."""
    write(places.file, "dtok_file")
    write(places.credential, "dtok_credential")

    assert "dtok_credential" == token_source(places.config, places.environ)()


def test_the_sentinel_leaves_the_word_to_the_file(places):
    """`not-enrolled` in place of a credential means that there is none."""
    write(places.credential, "not-enrolled")
    write(places.file, "dtok_file")

    assert "dtok_file" == token_source(places.config, places.environ)()


@pytest.mark.parametrize("content", [None, "not-enrolled\n"])
def test_without_a_token_the_device_is_not_enrolled(places, content):
    """No file and the sentinel both say so, as an error that parks uploads."""
    if content is not None:
        write(places.file, content)

    with pytest.raises(TokenRefused, match="not enrolled"):
        token_source(places.config, {})()


@pytest.mark.parametrize("content", ["", "two words", "dtok_a\ndtok_b", "dtok_\u00e9", "dtok_\x01"])
def test_what_is_no_token_is_refused_without_quoting_it(places, content):
    """Text that cannot stand in a header never gets there, and never into a message."""
    write(places.file, content)

    with pytest.raises(TokenRefused) as caught:
        token_source(places.config, {})()

    assert "dtok_" not in str(caught.value).replace(str(places.file), "")


def test_a_configured_file_that_is_missing_is_warned_about_with_its_line(places):
    """As under systemd: the agent pulls and keeps, and says what to do."""
    (warning,) = load(places.toml, {}, needs_token=True).warnings

    what_to_do = f"run: fieldpost enrol, or write the device's dtok_… into {places.file}, mode 0600"

    assert warning.startswith(f"{places.toml}:2: [cloud] token_file is not there: this device is")
    assert warning.endswith(what_to_do)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_a_problem(places):
    """Permissions are found at the start, not at the first upload."""
    write(places.file, "dtok_x", mode=0)

    with pytest.raises(ConfigInvalid, match="cannot be read: Permission denied"):
        load(places.toml, {}, needs_token=True)


def test_a_folder_in_place_of_the_file_is_a_problem(places):
    """What cannot be read for any other reason is told as well."""
    places.file.mkdir()

    with pytest.raises(ConfigInvalid, match="cannot be read: Is a directory"):
        load(places.toml, {}, needs_token=True)


def test_commands_that_do_not_send_do_not_ask_for_it(places):
    """`status` works for who may not read the token."""
    assert () == load(places.toml, {}, needs_token=False).warnings


def test_a_credential_makes_the_file_needless(places):
    """Under systemd a missing token file is no problem when there is a credential."""
    write(places.credential, "dtok_x")

    assert () == load(places.toml, places.environ, needs_token=True).warnings


def test_a_sentinel_starts_un_enrolled_and_says_so(places):
    """The unit starts without a token; recordings are pulled and kept meanwhile."""
    write(places.credential, "not-enrolled")

    (warning,) = load(places.toml, places.environ, needs_token=True).warnings

    assert "this device is not enrolled" in warning


def test_a_sentinel_in_the_file_is_as_good(places):
    """An image may ship the file before the device is enrolled."""
    write(places.file, "not-enrolled\n")

    (warning,) = load(places.toml, {}, needs_token=True).warnings

    assert "this device is not enrolled" in warning


def test_a_file_that_nobody_configured_need_not_exist(places):
    """A machine that nobody enrolled pulls and spools on the default path."""
    assert None is token_problem(places.config, environ={})
    assert "not enrolled" in (token_warning(places.config, {}) or "")


def test_a_file_that_others_can_read_is_warned_about(places):
    """A wide mode works, and is pointed out with the cure."""
    write(places.file, "dtok_x", mode=0o644)

    (warning,) = load(places.toml, {}, needs_token=True).warnings

    assert f"chmod 0600 {places.file}" in warning


@pytest.mark.parametrize(
    ("token", "keys", "doubt"),
    [
        ("dtok_x", 'device_id = "d"\n', "holds a device token"),
        ("dtok_x", 'end_user_id = "u"\n', "holds a device token"),
        ("sk_live_x", 'device_id = "d"\n', "Bota asks for end_user_id"),
        ("rk_test_x", "", "Bota asks for end_user_id"),
    ],
)
def test_a_token_of_another_kind_than_the_keys(places, token, keys, doubt):
    """Whose recordings these are is said by a device token itself, and beside an API key."""
    write(places.file, token)
    places.toml.write_text(places.toml.read_text() + keys)

    (warning,) = load(places.toml, {}, needs_token=True).warnings

    assert doubt in warning


@pytest.mark.parametrize(
    ("token", "keys"), [("dtok_x", ""), ("sk_live_x", 'device_id = "d"\nend_user_id = "u"\n')]
)
def test_a_token_that_goes_with_the_keys(places, token, keys):
    """Nothing is said about a device token alone, nor about an API key with its names."""
    write(places.file, token)
    write(places.credential, "not-enrolled")
    places.toml.write_text(places.toml.read_text() + keys)

    assert () == load(places.toml, places.environ, needs_token=True).warnings


def test_another_api_has_no_such_kinds(places):
    """What a credential of another API begins with means nothing."""
    write(places.file, "sk_of_another")
    places.toml.write_text(places.toml.read_text() + 'api = "cryomix"\n')

    (warning,) = load(places.toml, {}, needs_token=True).warnings

    assert "takes no images" in warning


@pytest.mark.parametrize(
    ("token", "api", "said"),
    [
        ("K7QF-2MX", "bota", "no token"),
        ("dtok_a b", "bota", "one token alone"),
        ("dtok_good", "bota", None),
        ("sk_live_good", "bota", None),
        ("anything", "cryomix", None),
    ],
)
def test_a_mistyped_code_is_no_token(token, api, said):
    """A person's word that could not be checked would be kept, and be refused for ever after."""
    complaint = mistaken(token, CloudConfig(api=api))

    assert said is complaint if said is None else said in complaint
    assert token not in (complaint or "")
