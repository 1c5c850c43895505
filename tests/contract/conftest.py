"""The gateways that must keep the contract: our own on each back end, or the one that is named."""

from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from tests.contract.client import Client, Site
from tests.contract.processes import add_key, serve


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let an operator name his own gateway."""
    group = parser.getgroup("contract")
    group.addoption("--gateway", metavar="URL", help="test this gateway (contract)")
    group.addoption("--key-file", metavar="F", type=Path, help="an API key of it, in a file")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run everything on each site."""
    if "site" in metafunc.fixturenames:
        named = metafunc.config.getoption("--gateway", default=None)
        sites = ["named"] if named else ["sqlite-filesystem"]
        metafunc.parametrize("site", sites, indirect=True, scope="session")


@pytest.fixture(scope="session")
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A gateway that serves."""
    match request.param:
        case "named":
            yield _named(request.config)
        case "sqlite-filesystem":
            folder = tmp_path_factory.mktemp("gateway")
            key = add_key(folder)
            process = serve(folder)
            yield Site(urls=[process.url], key=key)
            process.kill()


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
