"""Servers that nobody here wrote, each started once a worker, when a test first asks for it."""

from pathlib import Path

import pytest
import pytest_asyncio

from tests.fakes.clock import FakeClock
from tests.fakes.uploads import spool_in
from tests.gateway.stores import postgres_server
from tests.servers import juicefs, tus_node
from tests.servers.carrier import carrying
from tests.servers.gcs import GcsEmulator
from tests.servers.s3 import S3Server
from tests.servers.seaweedfs import SeaweedFS
from tests.servers.tus_node import TusNode

__all__ = ["postgres_server"]


def pytest_collection_modifyitems(items):
    """Mark every test here, and let a first one wait for a server on a busy machine."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.servers)
            item.add_marker(pytest.mark.timeout(90))


@pytest.fixture(scope="session")
def weed(tmp_path_factory):
    """SeaweedFS, all of it."""
    server = SeaweedFS(tmp_path_factory.mktemp("seaweedfs"))
    yield server
    server.daemon.kill()


@pytest.fixture(scope="session")
def seaweedfs(weed):
    """SeaweedFS as an S3 server."""
    return S3Server(weed.daemon, weed.s3)


@pytest.fixture(scope="session")
def juicefs_gateway(tmp_path_factory):
    """MinIO's S3 front end."""
    daemon = juicefs.start(tmp_path_factory.mktemp("juicefs"))
    yield S3Server(daemon, daemon.ports[0])
    daemon.kill()


@pytest.fixture(params=["seaweedfs", "juicefs_gateway"], ids=["seaweedfs", "juicefs"])
def s3(request):
    """Each S3 server in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def gcs(tmp_path_factory):
    """Google Cloud Storage's JSON API."""
    server = GcsEmulator(tmp_path_factory.mktemp("gcs"))
    yield server
    server.daemon.kill()


@pytest.fixture(scope="session")
def tus_on_node(tmp_path_factory):
    """The tus project's server for Node; skipped where it is not installed."""
    if (reason := tus_node.missing()) is not None:
        pytest.skip(reason)
    server = TusNode(tmp_path_factory.mktemp("tus"))
    yield server
    server.daemon.kill()


@pytest.fixture
def spool(tmp_path):
    """An empty spool; its clock is a fake one."""
    clock = FakeClock()
    with spool_in(tmp_path / "spool", clock) as opened:
        yield opened


@pytest_asyncio.fixture
async def carrier(request, spool, tmp_path):
    """The agent's side, with the module's AUDIO sealed in its spool."""
    async with carrying(spool, spool._clock, tmp_path) as each:
        await each.seal(request.module.AUDIO)
        yield each
