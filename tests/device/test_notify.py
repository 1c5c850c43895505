"""sd_notify, on real sockets."""

import os
import socket

import pytest

from device.notify import notify, watchdog_s


@pytest.fixture
def listen(monkeypatch: pytest.MonkeyPatch):
    sockets = []

    def bind(address: str) -> socket.socket:
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        sockets.append(manager)
        manager.settimeout(2)
        manager.bind(address.replace("@", "\0", 1))
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        return manager

    yield bind
    for manager in sockets:
        manager.close()


def test_a_state_reaches_the_service_manager(listen, tmp_path):
    """READY=1 arrives as one datagram at the path systemd gave."""
    manager = listen(str(tmp_path / "notify"))

    assert notify("READY=1")
    assert manager.recv(100) == b"READY=1"


def test_the_abstract_namespace_is_understood(listen):
    """An address that begins with @ is a socket without a file."""
    manager = listen("@fieldpost-test-notify")

    assert notify("STATUS=2 recordings wait")
    assert manager.recv(100) == b"STATUS=2 recordings wait"


@pytest.mark.parametrize("address", [None, "", "vsock:2:1", "/nowhere/notify"])
def test_without_a_listener_nothing_happens(monkeypatch: pytest.MonkeyPatch, address):
    """No service manager, or one that cannot be reached, is no error."""
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    if address is not None:
        monkeypatch.setenv("NOTIFY_SOCKET", address)

    assert not notify("READY=1")


def test_a_full_queue_does_not_stop_the_agent(listen, tmp_path):
    """A service manager that does not read never blocks the sender."""
    listen(str(tmp_path / "notify"))
    sent = [notify("STATUS=" + "x" * 1000) for _ in range(2000)]

    assert sent[0]
    assert not sent[-1]


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "60000000"}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "a minute"}, None),
    ],
)
def test_the_watchdog_is_read_as_systemd_sets_it(environ, expected):
    """A watchdog that is another process's, or none, is nothing to feed."""
    assert expected == watchdog_s(environ)
