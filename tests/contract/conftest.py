"""The gateways that must keep the contract: our own on each back end, or the one that is named."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from tests.contract.client import Client, Site
from tests.contract.processes import add_key, shared, start
from tests.servers.postgres import PostgresServer, missing
from tests.servers.s3 import S3Server
from tests.servers.seaweedfs import SeaweedFS

_OURS = [
    "sqlite-filesystem",
    pytest.param("postgresql-seaweedfs", marks=[pytest.mark.servers, pytest.mark.timeout(90)]),
]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let an operator name his own gateway."""
    group = parser.getgroup("contract")
    group.addoption("--gateway", metavar="URL", help="test this gateway (contract)")
    group.addoption("--key-file", metavar="F", type=Path, help="an API key of it, in a file")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run everything on each site."""
    if "site" in metafunc.fixturenames:
        named = metafunc.config.getoption("--gateway", default=None)
        sites = ["named"] if named else _OURS
        metafunc.parametrize("site", sites, indirect=True, scope="session")


@pytest.fixture(scope="session")
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A gateway that serves."""
    if request.param == "named":
        yield _named(request.config)
        return
    folder = tmp_path_factory.mktemp(request.param)
    with contextlib.ExitStack() as stack:
        environ, names = {}, ["one"]
        if request.param == "postgresql-seaweedfs":
            environ, names = stack.enter_context(_shared(folder)), ["one", "two"]
        key = add_key(folder / "one", environ)
        processes = [start(folder / name, environ) for name in names]
        for process in processes:
            stack.callback(process.kill)
        for process in processes:
            process.ready()
        yield Site(urls=[process.url for process in processes], key=key)


@contextlib.contextmanager
def _shared(folder: Path) -> Iterator[dict[str, str]]:
    """Start what several gateways share."""
    if (reason := missing()) is not None:
        pytest.skip(reason)
    weed = SeaweedFS(folder)
    postgres = PostgresServer()
    try:
        with postgres.database() as database:
            store = S3Server(weed.daemon, weed.s3)
            yield shared(folder, database=database.url, store=store)
    finally:
        postgres.close()
        weed.daemon.kill()


@pytest_asyncio.fixture
async def client(site: Site):
    """A device that calls the site."""
    async with aiohttp.ClientSession() as session:
        client = Client(site, session)
        await client.enrol()
        yield client
        await client.aclose()


def _named(config: pytest.Config) -> Site:
    key_file: Path | None = config.getoption("--key-file")
    if key_file is None:
        raise pytest.UsageError("--gateway needs --key-file: an API key that may do everything")
    url: str = config.getoption("--gateway")
    return Site(urls=[url.rstrip("/").removesuffix("/v1")], key=key_file.read_text().strip())
