"""Settings over the API: two levels, changed by keys, told to the device."""

import asyncio

import pytest
import pytest_asyncio

pytestmark = pytest.mark.asyncio

ALL = "/v1/settings"


@pytest_asyncio.fixture
async def key(api):
    return await api.api_key()


@pytest_asyncio.fixture
async def own(api):
    return f"/v1/devices/{(await api.call('GET', '/v1/devices/me')).json['id']}/settings"


async def told(api):
    answer = (await api.call("POST", "/v1/devices/me/heartbeat", {})).json
    return answer["settings"], answer["settings_version"]


async def test_a_device_nobody_set_up_is_told_nothing(api, key, own):
    """What nobody set is left to the device."""
    shown = await api.call("GET", own, token=key)

    assert ({}, 0) == await told(api)
    assert (shown.json["value"], shown.json["origins"]) == ({}, {})


async def test_a_device_is_told_both_levels_merged(api, key, own):
    """Gateway-wide settings under the device's own, with the origin of each."""
    await api.call("PUT", ALL, {"upload": {"allow_roaming": True}}, token=key)
    patch = {"upload": {"daily_data_limit_mb": 300}, "power": {"low_battery_threshold_percent": 9}}
    shown = await api.call("PATCH", own, patch, token=key)
    value = {**patch, "upload": {"allow_roaming": True, "daily_data_limit_mb": 300}}

    assert shown.status == 200
    assert (value, 2) == await told(api)
    assert shown.json["value"] == value
    assert shown.json["own"] == patch
    assert shown.json["origins"] == {
        "upload.allow_roaming": "gateway",
        "upload.daily_data_limit_mb": "device",
        "power.low_battery_threshold_percent": "device",
    }
    assert shown.json == (await api.call("GET", "/v1/devices/me/settings")).json


async def test_a_put_replaces_and_a_patch_does_not(api, key, own):
    """PUT leaves only what it says; PATCH leaves what it does not name, and null removes."""
    both = {"upload": {"allow_roaming": True, "streaming_enabled": True}}
    await api.call("PUT", own, both, token=key)
    patched = await api.call("PATCH", own, {"upload": {"allow_roaming": None}}, token=key)
    put = await api.call("PUT", own, {"audio": {"codec": "wav"}, "upload": None}, token=key)
    empty = await api.call("PUT", own, {}, token=key)

    assert patched.json["own"] == {"upload": {"streaming_enabled": True}}
    assert put.json["own"] == {"audio": {"codec": "wav"}}
    assert (empty.json["own"], empty.json["settings_version"]) == ({}, 4)


async def test_the_version_grows_with_every_change_that_is_one(api, key, own):
    """Also with changes for all devices; not with one that changes nothing."""
    versions = []
    for path, roaming in ((own, True), (own, True), (ALL, True), (own, None)):
        await api.call("PATCH", path, {"upload": {"allow_roaming": roaming}}, token=key)
        versions.append((await told(api))[1])

    assert [1, 1, 2, 3] == versions


async def test_changes_at_once_are_all_kept(api, key, own):
    """Each change is made to what the one before left."""
    patches = [
        {"upload": {"allow_roaming": True}},
        {"upload": {"streaming_enabled": True}},
        {"upload": {"daily_data_limit_mb": 5}},
        {"power": {"auto_sleep_minutes": 3}},
    ]
    await asyncio.gather(*(api.call("PATCH", own, each, token=key) for each in patches))
    value, version = await told(api)

    assert (4, {"auto_sleep_minutes": 3}) == (version, value["power"])
    assert value["upload"] == patches[0]["upload"] | patches[1]["upload"] | patches[2]["upload"]


async def test_a_refused_change_names_every_field_and_changes_nothing(api, key, own):
    """All or nothing, and whoever reads the answer can mend all of it."""
    wrong = {
        "upload": {"daily_data_limit_mb": -1, "allow_roaming": True},
        "audio": {"codec": "mp3"},
    }
    refused = await api.call("PATCH", own, wrong, token=key)
    fields = refused.json["error"]["details"]["fields"]

    assert (refused.status, refused.code) == (400, "invalid_request")
    assert ["upload.daily_data_limit_mb", "audio.codec"] == [each["field"] for each in fields]
    assert all(each["reason"] for each in fields)
    assert ({}, 0) == await told(api)


async def test_a_change_is_judged_by_what_it_makes(api, key, own):
    """Hours may be switched off and on without being written again, and not be cut in half."""
    hours = {"enabled": True, "start": "22:00", "end": "06:00", "timezone": "UTC"}
    await api.call("PUT", own, {"upload": {"off_peak_hours": hours}}, token=key)
    off = await api.call(
        "PATCH", own, {"upload": {"off_peak_hours": {"enabled": False}}}, token=key
    )
    cut = await api.call("PATCH", own, {"upload": {"off_peak_hours": {"end": None}}}, token=key)
    half = {"upload": {"off_peak_hours": {"enabled": True}}}
    refused = await api.call("PATCH", own, half, token=key)

    assert off.json["own"]["upload"]["off_peak_hours"] == {**hours, "enabled": False}
    assert (cut.status, refused.status) == (200, 400)


@pytest.mark.parametrize("body", [b"[]", b"5", b"{", b"null", b'{"upload": NaN}'])
async def test_what_is_no_object_is_refused(api, key, own, body):
    """A settings document is a JSON object."""
    refused = await api.call("PUT", own, body=body, token=key)

    assert (refused.status, refused.code) == (400, "invalid_request")


async def test_all_devices_have_a_page_of_their_own(api, key):
    """What holds for all is shown without a device."""
    shown = await api.call("PATCH", ALL, {"audio": {"bitrate_kbps": 32}}, token=key)

    assert shown.json == {
        "device_id": None,
        "value": {"audio": {"bitrate_kbps": 32}},
        "own": {"audio": {"bitrate_kbps": 32}},
        "origins": {"audio.bitrate_kbps": "gateway"},
        "settings_version": 1,
    }
