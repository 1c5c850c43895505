"""What every test gets: no network beyond this machine, no blocked loop, no lost descriptor."""

import gc
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from blockbuster import blockbuster_ctx
from hypothesis import settings

# The same examples in every run, and no verdict that depends on how busy the machine is.
settings.register_profile("fieldpost", deadline=None, derandomize=True, database=None)
settings.load_profile("fieldpost")

_LOOPBACK = ("127.", "::1", "localhost")


@pytest.fixture(autouse=True, scope="session")
def _no_network(request: pytest.FixtureRequest) -> Iterator[None]:
    """Refuse connections that leave this machine, unless a gateway elsewhere is to be tested."""
    if request.config.getoption("--gateway", default=None):
        yield
        return
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def refuse_far(sock: socket.socket, address) -> None:
        if sock.family in {socket.AF_INET, socket.AF_INET6}:
            host = str(address[0])
            if not host.startswith(_LOOPBACK):
                raise RuntimeError(f"a test tried to reach {host}")

    def near_connect(sock: socket.socket, address):
        refuse_far(sock, address)
        return connect(sock, address)

    def near_connect_ex(sock: socket.socket, address):
        refuse_far(sock, address)
        return connect_ex(sock, address)

    patch = pytest.MonkeyPatch()
    patch.setattr(socket.socket, "connect", near_connect)
    patch.setattr(socket.socket, "connect_ex", near_connect_ex)
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def _loop_never_blocks(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail an asynchronous test in which `device` does file work in the event loop."""
    if request.node.get_closest_marker("asyncio") is None:
        yield
        return
    # Simulated hardware names its ports with symbolic links, which costs the loop nothing.
    with blockbuster_ctx("device", excluded_modules=["device.simulate"]):
        yield


@pytest.fixture(autouse=True)
def _no_lost_descriptors() -> Iterator[None]:
    """Fail a test that leaves files, sockets or pipes open."""
    before = _descriptors()
    yield
    lost = _descriptors() - before
    if lost:
        gc.collect()
        lost = _descriptors() - before

    assert set() == lost


def _descriptors() -> set[tuple[int, str]]:
    found = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            found.add((int(descriptor.name), str(descriptor.readlink())))
        except OSError:
            continue  # the listing's own
    return found
