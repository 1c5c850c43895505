"""Processes at one database have one signing key and one object store, or do not start."""

import pytest

from gateway.agreement import adopt, agree
from gateway.config import GatewayConfig
from gateway.config_objects import S3Config
from gateway.errors import ConfigInvalid

pytestmark = pytest.mark.asyncio

KEY = b"k" * 32


def config(folder, **more):
    folder.mkdir(exist_ok=True)
    return GatewayConfig(data=folder, **{"secret": KEY, "objects": S3Config(bucket="b"), **more})


@pytest.fixture
def any_database(postgres):
    """A shared one: there is nobody to agree with at another."""
    return postgres


async def test_those_who_have_the_same_may_serve(any_store, tmp_path):
    """Two hosts with one key and one bucket, reached by whatever address."""
    await agree(config(tmp_path / "a"), any_store)
    elsewhere = S3Config(bucket="b", endpoint="http://127.0.0.1:8333")
    await agree(config(tmp_path / "b", objects=elsewhere), any_store)


async def test_another_signing_key_is_refused(any_store, tmp_path):
    """Its URLs would be refused by the others; the sentence says what to do, and no key."""
    await agree(config(tmp_path / "a"), any_store)
    with pytest.raises(ConfigInvalid, match="signing key") as caught:
        await agree(config(tmp_path / "b", secret=b"x" * 32), any_store)

    assert "SIGNING_KEY_FILE" in caught.value.hint


@pytest.mark.parametrize("objects", [S3Config(bucket="c"), S3Config(bucket="b", prefix="p/"), None])
async def test_another_object_store_is_refused(any_store, tmp_path, objects):
    """It would not find what the others keep."""
    await agree(config(tmp_path / "a"), any_store)
    with pytest.raises(ConfigInvalid, match="objects elsewhere"):
        await agree(config(tmp_path / "b", objects=objects), any_store)


async def test_files_are_one_folders(any_store, tmp_path):
    """The same folder goes on after a restart; another one has other files."""
    await agree(config(tmp_path / "a", objects=None), any_store)
    await agree(config(tmp_path / "a", objects=None), any_store)
    with pytest.raises(ConfigInvalid, match="objects elsewhere"):
        await agree(config(tmp_path / "b", objects=None), any_store)


async def test_a_change_on_purpose_is_adopted(any_store, tmp_path):
    """Afterwards it is the old one that is refused."""
    new = config(tmp_path / "b", secret=b"x" * 32, objects=None)
    await agree(config(tmp_path / "a"), any_store)
    await adopt(new, any_store)
    await agree(new, any_store)
    with pytest.raises(ConfigInvalid):
        await agree(config(tmp_path / "a"), any_store)
