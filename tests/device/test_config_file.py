"""Configuration: layers, origins, and all problems in one report."""

import re
from pathlib import Path

import pytest

from device import cloud, drivers
from device.cloud_facts import FACTS
from device.config import Config
from device.config_checks import DRIVER_OF_SCHEME, DRIVERS
from device.config_example import example
from device.config_file import load
from device.errors import ConfigInvalid
from device.settings import SendSettings, merge

ROOT = Path(__file__).parents[2]


@pytest.fixture
def file(tmp_path):
    return tmp_path / "fieldpost.toml"


def problems_of(file: Path, text: str, environ=None, *, needs_token=False) -> list[str]:
    """The complaints about a text, without the file's name in front."""
    file.write_text(text)
    with pytest.raises(ConfigInvalid) as caught:
        load(file, environ or {}, needs_token=needs_token)
    return [problem.removeprefix(f"{file}:") for problem in caught.value.problems]


def test_without_a_file_everything_is_a_default(tmp_path):
    """A machine without configuration runs on the dataclasses' defaults."""
    loaded = load(None, {}, needs_token=False, default=tmp_path / "fieldpost.toml")

    assert Config() == loaded.config
    assert {"default"} == set(loaded.origins.values())


def test_later_sources_win_and_are_named(tmp_path):
    """Defaults, file, conf.d in alphabetical order, environment: the last one to speak wins."""
    file = tmp_path / "fieldpost.toml"
    file.write_text("[upload]\nworkers = 3\nchunk_bytes = 524288\n[spool]\nmax_bytes = 1\n")
    extra = tmp_path / "conf.d"
    extra.mkdir()
    (extra / "10-a.toml").write_text("[upload]\n\nworkers = 4\n")
    (extra / "20-b.toml").write_text("upload.workers = 5\n")
    environ = {"FIELDPOST_SPOOL__MAX_BYTES": "7", "FIELDPOST_GATEWAY_DRAIN_S": "3"}

    loaded = load(None, environ, needs_token=False, default=file)

    assert (5, 524_288, 7) == (
        loaded.config.upload.workers,
        loaded.config.upload.chunk_bytes,
        loaded.config.spool.max_bytes,
    )
    assert f"{extra / '20-b.toml'}:1" == loaded.origins["upload.workers"]
    assert f"{file}:3" == loaded.origins["upload.chunk_bytes"]
    assert "env FIELDPOST_SPOOL__MAX_BYTES" == loaded.origins["spool.max_bytes"]


def test_a_named_file_replaces_the_default_and_its_conf_d(tmp_path, file):
    """With -c neither the default file nor any conf.d is read."""
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "x.toml").write_text("[upload]\nworkers = 9\n")
    file.write_text("")

    loaded = load(file, {}, needs_token=False, default=file)

    assert 2 == loaded.config.upload.workers
    assert (file,) == loaded.files


def test_arrays_replace(tmp_path):
    """A later file's recorders replace those of an earlier one; they are not added."""
    file = tmp_path / "fieldpost.toml"
    file.write_text('[[recorders]]\nurl = "folder:///a"\n[[recorders]]\nurl = "folder:///b"\n')
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "x.toml").write_text('[[recorders]]\nurl = "folder:///c"\n')

    loaded = load(None, {}, needs_token=False, default=file)

    assert ["folder:///c"] == [recorder.url for recorder in loaded.config.recorders]
    assert f"{tmp_path}/conf.d/x.toml:2" == loaded.origins["recorders.0.url"]


def test_all_problems_come_in_one_report_in_reading_order(file):
    """Typing mistakes, wrong units, wrong types and wrong values are told together."""
    found = problems_of(
        file,
        "[cloud]\n"
        'base_url = "http://example.org"\n'
        'bas_url = "x"\n'
        "[spool]\n"
        "max_mb = 500\n"
        "[upload]\n"
        'chunk_bytes = "8MiB"\n'
        "workers = 99\n"
        "[[recorders]]\n"
        'url = "serial:///dev/serial/by-id/x?bod=1"\n'
        'release = "archive:/x"\n'
        "[clowd]\n",
    )

    assert [
        (
            "2: [cloud] base_url is plain http:// and not on this machine: the token would travel"
            " in clear; use https://, or set allow_http = true"
        ),
        "2: [cloud] base_url must include the API's version, such as /v1",
        "3: [cloud] has no key bas_url; did you mean base_url?",
        "5: [spool] has no key max_mb; the unit is bytes: max_bytes = 500000000",
        '7: [upload] chunk_bytes must be a whole number without quotes, not "8MiB"; write 8388608',
        "8: [upload] workers is 99; it must be from 1 to 16",
        "10: [[recorders]] url has an option 'bod' that serial:// does not know",
        (
            "11: [[recorders]] release archive: is for folders only; a recorder on a line can"
            " delete or keep"
        ),
        "12: there is no section [clowd]; did you mean cloud?",
    ] == found


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("x = = 1\n", "1: is not TOML: "),
        ('[cloud]\napi = "x\n', "2: is not TOML: "),
        ("cloud = 1\n", "1: cloud must be a table: [cloud]"),
        ("[recorders]\n", "1: recorders must be an array of tables: [[recorders]]"),
        ("[[recorders]]\n", "1: this recorder has no url"),
        ("[upload]\nworkers = true\n", "2: [upload] workers must be a whole number"),
        ("[upload]\nworkers = 2.0\n", "2: [upload] workers must be a whole number"),
        ("[upload]\nworkers = 0\n", "2: [upload] workers is 0; it must be from 1 to 16"),
        ("[upload]\nchunk_bytes = 0\n", "2: [upload] chunk_bytes is 0; it must be a multiple"),
        ("[upload]\nchunk_bytes = -262144\n", "2: [upload] chunk_bytes is -262144"),
        ("[upload]\nchunk_bytes = 300000\n", "2: [upload] chunk_bytes is 300000; it must be"),
        (
            '[upload]\nsegment = "often"\n',
            '2: [upload] segment is "often"; it must be auto, off or',
        ),
        ('[upload]\nsegment = "10"\n', '2: [upload] segment is "10"; it must be auto, off or'),
        ('[upload]\nsegment = "29s"\n', '2: [upload] segment is "29s"; it must be auto, off or'),
        ('[upload]\nsegment = "25h"\n', '2: [upload] segment is "25h"; it must be auto, off or'),
        ("[upload]\nsegment = 10\n", "2: [upload] segment must be text in quotes, not 10"),
        ("[upload]\nchunk_kib = 256\n", "2: [upload] has no key chunk_kib; the unit is bytes"),
        ("[spool]\nmax_bytes = -1\n", "2: [spool] max_bytes is -1"),
        ("[spool]\nmin_free_bytes = -1\n", "2: [spool] min_free_bytes is -1"),
        ('[spool]\npath = "spool"\n', "2: [spool] path must be an absolute path"),
        ("[spool]\npath = 5\n", "2: [spool] path must be text in quotes, not 5"),
        ('[spool]\npath = ""\n', "2: [spool] path is empty"),
        ('[spool]\npath = "/a\\u0000b"\n', "2: [spool] path holds a character"),
        (
            '[cloud]\napi = "botta"\n',
            '2: [cloud] api is "botta"; there is: bota, cryomix, siro, sivi, swayzio',
        ),
        ('[cloud]\nallow_http = "yes"\n', "2: [cloud] allow_http must be true or false"),
        ('[cloud]\nbase_url = "ftp://h/v1"\n', "2: [cloud] base_url must begin with https://"),
        ('[cloud]\nbase_url = "example.org"\n', "2: [cloud] base_url is not an address"),
        ('[cloud]\nbase_url = "https://h:x/v1"\n', "2: [cloud] base_url is not an address"),
        ('[cloud]\nbase_url = "https://u:p@h/v1"\n', "2: [cloud] base_url must not hold a user"),
        ('[cloud]\nbase_url = "https://h/v1?a=1"\n', "2: [cloud] base_url must end with its path"),
        ('[cloud]\nbase_url = "https://h/v1#a"\n', "2: [cloud] base_url must end with its path"),
        ('[cloud]\nbase_url = "https://h/"\n', "2: [cloud] base_url must include the API's"),
        ('[cloud]\ntoken_file = "token"\n', "2: [cloud] token_file must be an absolute path"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_line(file, text, complaint):
    """Each mistake is named with the line on which it was made."""
    found = problems_of(file, text)

    assert [complaint] == [problem[: len(complaint)] for problem in found]


@pytest.mark.parametrize(
    ("url", "more", "complaint"),
    [
        ("usb:///x", "", '[[recorders]] url is "usb:///x"; it must begin with'),
        ("folder://srv/x", "", "[[recorders]] url needs three slashes"),
        ("serial:///", "", "[[recorders]] url needs three slashes"),
        ("serial:///dev/x?baud=fast", "", "[[recorders]] url has baud='fast'"),
        ("ble://", "", "[[recorders]] url needs the recorder's address or name"),
        ("ble://AM-07/x", "", "[[recorders]] url needs the recorder's address or name"),
        ("ble://AM-07?baud=1", "", "[[recorders]] url has an option 'baud' that ble://"),
        ("ble://AM-07?adapter=", "", "[[recorders]] url has adapter=''"),
        ("ble://AM-07", 'driver = "folder"', '[[recorders]] driver is "folder", which does not'),
        ("folder:///x?a=1", "", "[[recorders]] url has an option 'a'"),
        ("folder:///x#y", "", "[[recorders]] url must not hold a #"),
        ("folder:///x", 'driver = "natve"', '[[recorders]] driver is "natve"; there is'),
        ("folder:///x", 'driver = "native"', '[[recorders]] driver is "native", which does not'),
        ("folder:///x", 'release = "burn"', '[[recorders]] release is "burn"; it must be'),
        ("folder:///x", 'release = "archive:x"', "[[recorders]] release archive: needs an"),
    ],
)
def test_recorders_are_checked(file, url, more, complaint):
    """Schemes, options, drivers and release policies are known before anything is opened."""
    (found,) = problems_of(file, f'[[recorders]]\nurl = "{url}"\n{more}\n')

    assert complaint == found.partition(": ")[2][: len(complaint)]


def test_the_same_recorder_twice_is_refused(file):
    """Two workers on one recorder would fight over it."""
    table = '[[recorders]]\nurl = "folder:///x"\n'

    found = problems_of(file, table + table)

    assert [f"4: [[recorders]] url is the same recorder as in {file}:2"] == found


@pytest.mark.parametrize(
    ("cloud_table", "base_url"),
    [
        ("", "http://localhost:8080/v1"),
        ("", "http://127.0.0.9/v1"),
        ("", "http://[::1]:80/v1"),
        ("", "https://fieldpost.example/bota/v2"),
        ("allow_http = true\n", "http://gateway.example/v1"),
    ],
)
def test_addresses_that_are_fine(file, cloud_table, base_url):
    """Plain http is for this machine, or for who asks for it."""
    file.write_text(f'[cloud]\n{cloud_table}base_url = "{base_url}"\n')

    assert base_url == load(file, {}, needs_token=False).config.cloud.base_url


@pytest.mark.parametrize(
    ("variable", "value", "complaint"),
    [
        ("FIELDPOST_UPLOAD__WORKERS", "many", "[upload] workers must be a whole number"),
        ("FIELDPOST_UPLOAD__WORKER", "2", "[upload] has no key worker; did you mean workers?"),
        ("FIELDPOST_UPLAOD__WORKERS", "2", "there is no section [uplaod]; did you mean upload?"),
        ("FIELDPOST_UPLOAD_WORKERS", "2", "did you mean FIELDPOST_UPLOAD__WORKERS?"),
        ("FIELDPOST_CLOUD__ALLOW_HTTP", "ja", "[cloud] allow_http must be true or false"),
    ],
)
def test_variables_are_checked_like_files(tmp_path, variable, value, complaint):
    """A mistake in the environment is named with its variable."""
    with pytest.raises(ConfigInvalid) as caught:
        load(None, {variable: value}, needs_token=False, default=tmp_path / "none.toml")

    (problem,) = caught.value.problems
    assert f"env {variable}: {complaint}" == problem[: len(f"env {variable}: {complaint}")]


def test_a_file_that_is_not_there_is_a_problem_when_it_was_named(file):
    """-c FILE must exist; the default file need not."""
    with pytest.raises(ConfigInvalid, match="cannot be read: No such file"):
        load(file, {}, needs_token=False)


def test_a_file_that_is_not_text_is_a_problem(file):
    """Bytes that are no UTF-8 are refused with a sentence."""
    file.write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigInvalid, match="is not a text file in UTF-8"):
        load(file, {}, needs_token=False)


@pytest.mark.parametrize("text", ["a = " + "9" * 5000, "a = " + "[" * 5000])
def test_a_file_beyond_all_bounds_is_a_problem(file, text):
    """What no parser takes is refused with a sentence too: a reload must not end the agent."""
    file.write_text(text)

    with pytest.raises(ConfigInvalid, match="beyond all bounds"):
        load(file, {}, needs_token=False)


@pytest.mark.parametrize("url", ["ble://C0:FF:EE:00:00:01", "ble://AM-07?adapter=hci1"])
def test_a_bluetooth_address_is_a_recorder(file, url):
    """An address with its colons, or a name, is all that a Bluetooth recorder needs."""
    file.write_text(f'[[recorders]]\nurl = "{url}"\n')

    (recorder,) = load(file, {}, needs_token=False).config.recorders

    assert url == recorder.url


def test_a_port_number_is_warned_about(file):
    """A name that changes at the next plug-in works today and is pointed out."""
    file.write_text('[[recorders]]\nurl = "serial:///dev/ttyACM0"\n')

    (warning,) = load(file, {}, needs_token=False).warnings

    assert "/dev/serial/by-id" in warning


def test_problems_never_touch_the_spool(tmp_path, file):
    """A configuration that cannot be used leaves the disk as it was."""
    spool = tmp_path / "spool"

    problems_of(file, f'[spool]\npath = "{spool}"\nmax_bytes = -1\n')

    assert not spool.exists()


def test_the_checks_know_what_is_built_in():
    """The names checked here are those of the seams' own tables."""
    assert set(FACTS) == set(cloud.BUILTIN)
    assert set(DRIVERS) == set(drivers.BUILTIN)
    assert drivers.BY_SCHEME == DRIVER_OF_SCHEME


def test_the_example_in_docs_is_what_the_dataclasses_say():
    """docs/fieldpost.toml is generated; write it anew after a change of config.py."""
    assert example() == (ROOT / "docs" / "fieldpost.toml").read_text()


def _sending(config: Config) -> SendSettings:
    return merge(config.connection, config.upload, config.power, {}).send


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[connection]\nupload_network_preference = 'lan'", 'names "lan"'),
        ("[upload]\noff_peak_hours = 'at night'", "must be hours and a zone"),
        ("[upload]\noff_peak_hours = '22:00-06:00 Mars/Base'", "this machine does not know"),
        ("[upload]\noff_peak_hours = '22:00-24:30'", "no clock shows"),
        ("[upload]\ndaily_data_limit_mb = -1", "from 0 to"),
        ("[power]\nlow_battery_threshold_percent = 101", "from 0 to 100"),
    ],
)
def test_settings_of_sending_are_checked(file, text, complaint):
    """What the policy could not follow is refused with its line."""
    (problem,) = problems_of(file, text)

    assert problem.startswith("2: ")
    assert complaint in problem


def test_no_off_peak_hours_can_be_said(file):
    """An empty text is a setting of this box: at all hours, whatever the gateway says."""
    file.write_text('[upload]\noff_peak_hours = ""\n')

    assert "" == load(file, {}, needs_token=False).config.upload.off_peak_hours


def test_the_example_is_valid_when_everything_is_uncommented(file):
    """Whoever takes the comment signs away has a configuration that loads."""
    head, _, body = example().partition("\n\n")
    file.write_text(re.sub(r"(?m)^# (\w+ = |\[)", r"\1", body))

    loaded = load(file, {}, needs_token=False)

    assert head.startswith("# ")
    assert Config().spool == loaded.config.spool
    assert _sending(Config()) == _sending(loaded.config)
    assert 1 == len(loaded.config.recorders)


def test_images_may_go_elsewhere(file):
    """[cloud.images] takes the keys of [cloud], with origins of their own."""
    file.write_text(
        '[cloud.images]\napi = "sivi"\ntoken_file = "/etc/fieldpost/images"\nurl_life_s = 300\n'
    )

    loaded = load(file, {"FIELDPOST_CLOUD_IMAGES__URL_LIFE_S": "600"}, needs_token=False)

    assert "bota" == loaded.config.cloud.api
    images = loaded.config.cloud_images
    assert images is not None
    assert ("sivi", "https://api.sivi.ai", "media/create", 600) == (
        images.api,
        images.base_url,
        images.finalize_path,
        images.url_life_s,
    )
    assert f"{file}:2" == loaded.origins["cloud_images.api"]
    assert "env FIELDPOST_CLOUD_IMAGES__URL_LIFE_S" == loaded.origins["cloud_images.url_life_s"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('[cloud]\napi = "sivi"\n', '2: [cloud] api is "sivi", which takes no audio'),
        ("[cloud]\nurl_life_s = 60\n", "2: [cloud] url_life_s is for sivi and cryomix"),
        (
            '[cloud]\napi = "cryomix"\nurl_life_s = 604801\n',
            "3: [cloud] url_life_s is 604801; cryomix takes 1 to 604800 seconds",
        ),
        ('[cloud]\nfinalize_path = "x"\n', "2: [cloud] finalize_path is for siro and sivi"),
        ('[cloud]\noauth_url = "https://a/b"\n', "2: [cloud] oauth_url is for siro, not for bota"),
        (
            '[cloud]\napi = "siro"\noauth_url = "http://a.example/b"\n',
            "3: [cloud] oauth_url must begin with https://",
        ),
        (
            '[cloud]\napi = "siro"\noauth_url = "https://[a.example/b"\n',
            "3: [cloud] oauth_url must begin with https://",
        ),
        (
            '[cloud]\napi = "siro"\noauth_url = "ftp://127.0.0.1/b"\n',
            "3: [cloud] oauth_url must begin with https://",
        ),
        ('[cloud]\napi = "siro"\ndevice_id = "d"\n', "3: [cloud] device_id is for bota"),
        ('[cloud]\napi = "siro"\n', "[cloud] end_user_id is missing: put in the Siro user's id"),
        (
            '[cloud]\napi = "cryomix"\nend_user_id = "u"\n',
            "3: [cloud] end_user_id is for bota and siro, not for cryomix",
        ),
        ('[cloud.images]\napi = "bota"\n', "api is the same cloud as [cloud]"),
        ("[cloud]\nimages = 1\n", "2: images must be a table: [cloud.images]"),
        ("[cloud.images]\nnope = 1\n", "2: [cloud.images] has no key nope"),
        (
            '[cloud.images]\napi = "siro"\ntoken_file = "/a"\n',
            '2: [cloud.images] api is "siro", which takes no images',
        ),
        ('[cloud.images]\napi = "sivi"\n', "token_file is that of [cloud]"),
    ],
)
def test_clouds_that_cannot_work_are_refused(file, text, complaint):
    """What an API cannot do is said before anything is sent."""
    assert any(complaint in problem for problem in problems_of(file, text))


def test_an_api_without_images_is_mentioned(file):
    """Images that nobody takes would wait: the configuration says so."""
    file.write_text('[cloud]\napi = "swayzio"\n')

    (warning,) = load(file, {}, needs_token=False).warnings

    assert "takes no images" in warning


@pytest.mark.parametrize("api", ["bota", "sivi", "cryomix", "swayzio"])
def test_an_oauth_url_where_there_is_none_is_one_complaint(file, api):
    """What is wrong with an address that does not belong there at all is nobody's concern."""
    found = problems_of(file, f'[cloud]\napi = "{api}"\noauth_url = "ftp://x"\n')

    assert 1 == sum("oauth_url" in problem for problem in found)


@pytest.mark.parametrize(
    ("recorders", "told"),
    [
        ('[[recorders]]\nurl = "folder:///r"\n', 1),
        ('[[recorders]]\nurl = "ble://AA:BB:CC:DD:EE:FF"\ndriver = "bota"\n', 0),
        ("", 0),
    ],
)
def test_images_of_other_kinds_are_mentioned_where_there_may_be_some(file, recorders, told):
    """Once, with each kind once; no recorder that makes audio alone asks for it."""
    images = '[cloud.images]\napi = "sivi"\ntoken_file = "/s"\n'
    file.write_text(images + recorders)

    warnings = load(file, {}, needs_token=False).warnings

    assert told == sum(
        "bmp, gif, jpeg, png, svg, tiff, webp only" in warning for warning in warnings
    )
    assert told == sum("put aside" in warning for warning in warnings)


def test_an_api_of_few_kinds_is_mentioned(file):
    """Which files would be put aside is known before the first recording is."""
    file.write_text('[cloud]\napi = "siro"\nend_user_id = "u"\n')

    kinds, images = load(file, {}, needs_token=False).warnings

    assert f'{file}:2: [cloud] api is "siro", which takes aac, mp3, wav only' in kinds
    assert "takes no images" in images
