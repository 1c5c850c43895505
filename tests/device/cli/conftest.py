"""Calling the command line inside the test's own interpreter."""

import asyncio
import logging
import os
import sys
from collections.abc import Callable
from contextlib import asynccontextmanager

import pytest

from device.cli.main import main
from tests.device.cli.calls import Said, Site


@pytest.fixture(autouse=True)
def _as_before(monkeypatch):
    """No variable of the developer's own, and logging as it was."""
    for name in list(os.environ):
        if name.startswith(("FIELDPOST_", "CREDENTIALS_", "JOURNAL_", "NO_COLOR")):
            monkeypatch.delenv(name)
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    yield
    root.setLevel(before[0])
    root.handlers[:] = before[1]


@pytest.fixture
def site(tmp_path) -> Site:
    spool = tmp_path / "spool"
    token = tmp_path / "token"
    token.write_text("dtok_test")
    token.chmod(0o600)
    config = tmp_path / "fieldpost.toml"
    config.write_text(
        f'[cloud]\nbase_url = "http://127.0.0.1:9/v1"\ntoken_file = "{token}"\n'
        f'[spool]\npath = "{spool}"\nmin_free_bytes = 0\n'
    )
    return Site(config=config, spool=spool)


@pytest.fixture
def fieldpost(capsys, site) -> Callable[..., Said]:
    """Run one command line on the test's own site."""

    def call(*arguments: str) -> Said:
        capsys.readouterr()
        code = main(["-c", str(site.config), *arguments])
        said = capsys.readouterr()
        return Said(code=code, out=said.out, err=said.err)

    return call


@pytest.fixture
def agent(monkeypatch):
    """Put a stand-in where the commands look for what carries, looks or lives."""
    import device  # noqa: PLC0415 - patched here alone

    def put(stand_in) -> None:
        for name in ("agent", "once", "survey"):
            monkeypatch.setattr(device, name, stand_in, raising=False)
            monkeypatch.setitem(sys.modules, f"device.{name}", stand_in)

    return put


@pytest.fixture
def bota(monkeypatch):
    """Put a simulated Bota recorder where commands look for one."""
    from device.drivers import bota_errand as errands  # noqa: PLC0415 - needed here alone
    from tests.device.drivers.bota_rig import MemoryGatt  # noqa: PLC0415 - as above

    def put(source) -> list:
        asked = []

        @asynccontextmanager
        async def errand(place, clock):
            asked.append(place.target)
            if isinstance(source, Exception):
                raise source
            gatt = MemoryGatt(source, 23)
            radio = asyncio.create_task(gatt.run(), name="radio")
            try:
                async with errands.errand_on(gatt, clock) as session:
                    yield session
            finally:
                await radio

        monkeypatch.setattr(errands, "errand", errand)
        return asked

    return put
