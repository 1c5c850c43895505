"""The gateways that the fleet calls: one by itself, and two that share PostgreSQL and a bucket."""

import asyncio
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.contract.processes import Process, add_key, serve, shared
from tests.servers.postgres import PostgresServer
from tests.servers.s3 import S3Server
from tests.servers.seaweedfs import SeaweedFS

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
ONE = "one gateway, SQLite, files"
TWO = "two gateways, PostgreSQL, SeaweedFS"


@dataclass
class Site:
    """Gateways that serve one fleet."""

    name: str
    processes: list[Process]
    key: str
    others: list[int]
    """Process ids of what they need: database, object store."""
    database: tuple[PostgresServer, str] | None = None
    store: tuple[S3Server, str] | None = None

    @property
    def urls(self) -> list[str]:
        """Where the gateways are."""
        return [process.url for process in self.processes]

    async def restart(self, number: int) -> None:
        """Start a gateway anew that was killed."""
        process = self.processes[number].again()
        await asyncio.to_thread(process.ready)
        self.processes[number] = process

    def spent(self) -> tuple[float, float]:
        """Give CPU seconds so far: of the gateways, and of what they need."""
        gateways = sum(cpu_s(process.popen.pid) for process in self.processes)
        return gateways, sum(cpu_s(pid) for pid in self.others)

    def mark(self) -> None:
        """Forget the memory peaks so far."""
        for process in self.processes:
            Path(f"/proc/{process.popen.pid}/clear_refs").write_text("5")  # resets VmHWM

    def peak_mib(self) -> list[float]:
        """Give each gateway's memory peak since the mark."""
        found = []
        for process in self.processes:
            status = Path(f"/proc/{process.popen.pid}/status").read_text()
            peak = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
            assert peak is not None
            found.append(int(peak[1]) / 1024)
        return found


@contextmanager
def one() -> Iterator[Site]:
    """Serve by one process on SQLite and files."""
    with tempfile.TemporaryDirectory(prefix="fieldpost-fleet-") as name, ExitStack() as stack:
        folder = Path(name) / "gateway"
        key = add_key(folder)
        site = Site(name=ONE, processes=[serve(folder)], key=key, others=[])
        stack.callback(_end, site)
        yield site


@contextmanager
def two() -> Iterator[Site]:
    """Serve by two processes on PostgreSQL, with its commits on disk, and SeaweedFS."""
    with tempfile.TemporaryDirectory(prefix="fieldpost-fleet-") as name, ExitStack() as stack:
        folder = Path(name)
        (folder / "weed").mkdir()
        weed = SeaweedFS(folder / "weed")
        stack.callback(weed.daemon.kill)
        postgres = PostgresServer(durable=True)
        stack.callback(postgres.close)
        database = stack.enter_context(postgres.database())
        store = S3Server(weed.daemon, weed.s3)
        environ = shared(folder, database=database.url, store=store)
        key = add_key(folder / "0", environ)
        site = Site(
            name=TWO,
            processes=[serve(folder / str(number), environ) for number in range(2)],
            key=key,
            others=[weed.daemon.pid, postgres.daemon.pid],
            database=(postgres, urlsplit(database.url).path.strip("/")),
            store=(store, urlsplit(environ["FIELDPOST_GATEWAY_OBJECTS"]).path.strip("/")),
        )
        stack.callback(_end, site)
        yield site


def cpu_s(pid: int) -> float:
    """Give the CPU seconds of a process and all it started; 0 where it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return 0.0
    # utime, stime, and of children that have ended: cutime, cstime.
    own = sum(map(int, fields[11:15])) * _TICK_S
    return own + sum(cpu_s(int(child)) for child in children)


def _end(site: Site) -> None:
    for process in site.processes:
        process.kill()
