"""A private bus with python-dbusmock's NetworkManager, ModemManager and UPower on it.

They run in the system's own Python, for which the binding to D-Bus comes as a package.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from dbus_fast.aio import MessageBus
from dbus_fast.constants import MessageType
from dbus_fast.message import Message
from dbus_fast.signature import Variant

DBUSMOCK = Path(sys.prefix) / "dbusmock"
"""Where `make setup` installs it."""
PYTHON = "/usr/bin/python3"

MOCK = "org.freedesktop.DBus.Mock"
_PROPERTIES = "org.freedesktop.DBus.Properties"
_BUS = "org.freedesktop.DBus"
_BUS_PATH = "/org/freedesktop/DBus"

_CONFIG = """<busconfig><listen>{address}</listen><auth>EXTERNAL</auth>
<servicedir>{folder}</servicedir>
<policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/>
</policy></busconfig>
"""

_DEADLINE_S = 18.0

ROOTS = {
    "networkmanager": ("org.freedesktop.NetworkManager", "/org/freedesktop"),
    "modemmanager": ("org.freedesktop.ModemManager1", "/org/freedesktop/ModemManager1"),
    "upower": ("org.freedesktop.UPower", "/org/freedesktop/UPower"),
}
"""Name on the bus and main object, by template."""


def missing() -> str | None:
    """Say why there can be no such bus here; None if there can."""
    if shutil.which("dbus-daemon") is None:
        return "dbus-daemon is not installed: see `make setup`"
    if not (DBUSMOCK / "dbusmock").is_dir():
        return "python-dbusmock is not installed: see `make setup`"
    command = [PYTHON, "-c", "import dbus.mainloop.glib"]
    tried = subprocess.run(command, check=False, capture_output=True)
    return "python3-dbus is not installed: see `make setup`" if tried.returncode else None


class PrivateBus:
    """A dbus-daemon of our own, and the processes of mocks. Call it in the main thread."""

    def __init__(self, folder: Path) -> None:
        self.address = f"unix:path={folder / 'bus'}"
        self.folder = folder
        self._config = folder / "bus.conf"
        self._config.write_text(_CONFIG.format(address=self.address, folder=folder))
        self._daemon: subprocess.Popen[str] | None = None
        self._mocks: dict[str, subprocess.Popen[str]] = {}

    def start(self) -> None:
        command = ["dbus-daemon", f"--config-file={self._config}", "--nofork", "--print-address"]
        self._daemon = _spawn(command, stdout=subprocess.PIPE)
        with self._daemon.stdout:
            self._daemon.stdout.readline()  # it listens

    def start_mock(self, template: str) -> None:
        self._mocks[template] = _spawn(
            [PYTHON, "-m", "dbusmock", "--template", template],
            stdout=subprocess.DEVNULL,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(DBUSMOCK),
                "DBUS_SYSTEM_BUS_ADDRESS": self.address,
            },
        )

    def runs(self, template: str) -> bool:
        return template in self._mocks

    def kill_mock(self, template: str) -> None:
        _end(self._mocks.pop(template))

    def kill(self) -> None:
        for mock in self._mocks.values():
            _end(mock)
        self._mocks.clear()
        self.kill_daemon()

    def kill_daemon(self) -> None:
        """Take the bus from under those on it."""
        if self._daemon is not None:
            _end(self._daemon)
            (self.folder / "bus").unlink(missing_ok=True)

    @contextlib.contextmanager
    def stopped(self, template: str):
        """Let a service hang: it is there, and does not answer."""
        mock = self._mocks[template]
        mock.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            mock.send_signal(signal.SIGCONT)


class Mocks:
    """The services of a private bus, arranged over a connection of the test's own."""

    def __init__(self, bus: PrivateBus) -> None:
        self.bus = bus
        self._connection: MessageBus | None = None

    async def connect(self) -> None:
        async with asyncio.timeout(_DEADLINE_S):
            self._connection = await MessageBus(bus_address=self.bus.address).connect()

    async def aclose(self) -> None:
        self._connection.disconnect()
        with contextlib.suppress(EOFError):
            await self._connection.wait_for_disconnect()

    async def have(self, *templates: str) -> None:
        """Let these services be there as their templates made them, and no others."""
        for template in ROOTS:
            if self.bus.runs(template) and template not in templates:
                await self.stop(template)
        for template in templates:
            if self.bus.runs(template):
                await self.call(template, ROOTS[template][1], f"{MOCK}.Reset")
            else:
                await self.start(template)

    async def start(self, template: str) -> None:
        self.bus.start_mock(template)
        await self._until_owned(template, yes=True)

    async def stop(self, template: str) -> None:
        self.bus.kill_mock(template)
        await self._until_owned(template, yes=False)

    async def call(self, template: str, path: str, method: str, signature: str = "", *body):
        return await self._call(ROOTS[template][0], path, method, signature, list(body))

    async def mock(self, template: str, method: str, signature: str = "", *body):
        """Call a method that the template gives its main object."""
        return await self.call(template, ROOTS[template][1], f"{MOCK}.{method}", signature, *body)

    async def add(self, template: str, path: str, interface: str, **properties: Variant) -> None:
        """Add properties, of which nobody is told."""
        method = f"{MOCK}.AddProperties"
        await self.call(template, path, method, "sa{sv}", interface, properties)

    async def change(self, template: str, path: str, interface: str, **properties: Variant) -> None:
        """Change properties, and tell so."""
        for name, value in properties.items():
            method = f"{_PROPERTIES}.Set"
            await self.call(template, path, method, "ssv", interface, name, value)

    async def method(
        self, template: str, path: str, method: str, signature: str, code: str
    ) -> None:
        """Give an object a method, and what it does."""
        interface, _, member = method.rpartition(".")
        body = (interface, member, signature, "", code)
        await self.call(template, path, f"{MOCK}.AddMethod", "sssss", *body)

    async def calls(self, template: str, path: str, method: str) -> list:
        """Return what a mocked method was called with so far."""
        calls = await self.call(template, path, f"{MOCK}.GetMethodCalls", "s", method)
        return [[each.value for each in arguments] for _, arguments in calls]

    async def reload(self) -> None:
        """Let the bus read again which services it may start."""
        await self._call(_BUS, _BUS_PATH, f"{_BUS}.ReloadConfig", "", [])

    async def connections(self) -> set[str]:
        """Return the unique names of everybody on the bus."""
        names = await self._call(_BUS, _BUS_PATH, f"{_BUS}.ListNames", "", [])
        return {name for name in names if name.startswith(":")}

    async def _until_owned(self, template: str, *, yes: bool) -> None:
        async with asyncio.timeout(_DEADLINE_S):
            name = ROOTS[template][0]
            method = f"{_BUS}.NameHasOwner"
            while await self._call(_BUS, _BUS_PATH, method, "s", [name]) is not yes:
                pass

    async def _call(self, service: str, path: str, method: str, signature: str, body: list):
        interface, _, member = method.rpartition(".")
        message = Message(
            destination=service,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=body,
        )
        async with asyncio.timeout(_DEADLINE_S):
            answer = await self._connection.call(message)
        assert answer.message_type is MessageType.METHOD_RETURN, (method, answer.body)
        return answer.body[0] if answer.body else None


def _spawn(command: list[str], **options) -> subprocess.Popen[str]:
    # The kernel ends it with us, so that a worker which is killed leaves nothing behind.
    return subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", "--", *command],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
        **options,
    )


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
