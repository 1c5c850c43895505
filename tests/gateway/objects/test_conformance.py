"""The embedded object store does what every ObjectStore must."""

from urllib.parse import urlsplit

import pytest

from gateway.errors import ConfigInvalid
from gateway.objects import ObjectRef
from gateway.objects.filesystem import FilesystemObjects
from tests.gateway.objects import conformance

pytestmark = pytest.mark.asyncio


class FolderRig:
    """Does what the gateway's own routes do for a client."""

    def __init__(self, folder):
        self.store = FilesystemObjects(folder, secret=b"s" * 32)

    async def put(self, target, content, *, cut=0):
        part = self.store.part(_ref(target.url))
        part.restart()
        part.write([content[: len(content) - cut]])
        part.sync()
        if not cut:
            part.seal()
        part.close()

    async def fetch(self, url):
        return self.store.path(_ref(url)).read_bytes()


def _ref(url):
    medium_id = urlsplit(url).path.rpartition("/")[2]
    return ObjectRef(medium_id.replace("med", "rec"), medium_id)


@pytest.mark.parametrize("check", conformance.CHECKS, ids=lambda check: check.__name__)
async def test_files(tmp_path, check):
    """Objects as files."""
    await check(FolderRig(tmp_path))


async def test_a_folder_that_cannot_be_made_is_a_fault_of_the_configuration(tmp_path):
    """What is in the way is named, and so is the setting; there is no traceback."""
    (tmp_path / "objects").write_text("")
    with pytest.raises(ConfigInvalid, match=f"{tmp_path}/objects cannot be made") as refused:
        FilesystemObjects(tmp_path, secret=b"s" * 32)

    assert "FIELDPOST_GATEWAY_DATA" in refused.value.hint
