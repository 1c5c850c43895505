"""Uploads measured beside curl, with every ratio taken from pairs of the same run.

    python -m tests.bench.bench_upload [--quick] [--json]

One 1 GiB medium through `single_put` to a plain sink, over HTTP and TLS, beside `curl -T`; the same
through `chunked_put` to our gateway; and 200 MB under 20 seeded cuts, beside `curl --retry`.
"""

import argparse
import asyncio
import hashlib
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console
from rich.table import Table

from tests.fakes.chaos_proxy import ChaosProxy, Faults

_GATEWAY = "import sys; from gateway.cli import main; sys.exit(main(sys.argv[1:]))"
_MIB = 1_048_576


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much of everything."""

    size_bytes: int
    rounds: int
    cut_size_bytes: int
    cuts: int


FULL = Plan(size_bytes=1024 * _MIB, rounds=5, cut_size_bytes=200_000_000, cuts=20)
QUICK = Plan(size_bytes=128 * _MIB, rounds=1, cut_size_bytes=40_000_000, cuts=4)


@contextmanager
def program(*arguments: str) -> Iterator[str]:
    """Run a server of ours; its first line says where it listens."""
    running = subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert running.stdout is not None
        yield running.stdout.readline().strip()
    finally:
        running.terminate()
        running.wait()


def certificate(folder: Path) -> tuple[str, str]:
    """Make a self-signed certificate for loopback."""
    cert, key = str(folder / "cert.pem"), str(folder / "key.pem")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", key, "-out", cert),
        ],
        check=True,
        capture_output=True,
    )
    return cert, key


def ours(url: str, file: Path, *options: str) -> dict[str, Any]:
    """Upload with the agent's transport; see upload_client.py."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.upload_client", url, str(file), *options],
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout)


def curl(url: str, file: Path, *options: str) -> dict[str, Any]:
    """Upload with curl; wall by its own clock, CPU by the kernel's."""
    before, begun_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        ["curl", "-sS", "-o", "/dev/null", "-w", "%{time_total}", *options, "-T", str(file), url],
        check=True,
        capture_output=True,
        text=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    elapsed_s = time.perf_counter() - begun_s
    return {"wall_s": float(done.stdout), "cpu_s": cpu_s, "elapsed_s": elapsed_s}


def pairs(name: str, url: str, file: Path, rounds: int, ca: str | None) -> dict[str, Any]:
    """Alternate between the two and compare within each pair."""
    mine, theirs = [], []
    for _ in range(rounds):
        theirs.append(curl(url, file, *(["--cacert", ca] if ca else [])))
        mine.append(ours(url, file, *(["--ca", ca] if ca else [])))
    row: dict[str, Any] = {"name": name}
    for what in ("wall_s", "cpu_s"):
        row[what] = statistics.median(one[what] for one in mine)
        row[f"curl_{what}"] = statistics.median(one[what] for one in theirs)
        ratios = [a[what] / b[what] for a, b in zip(mine, theirs, strict=True)]
        row[f"{what[:-2]}_ratio"] = statistics.median(ratios)
    row["rss_growth_mib"] = max(one["rss_growth_mib"] for one in mine)
    return row


class Gateway:
    """A gateway with one device; `another` adds one more by name and gives its token."""

    def __init__(self, base_url: str, token: str, another: Callable[[str], str]) -> None:
        self.base_url = base_url
        self.another = another
        self._token = token
        self._made = 0

    def target(self, file: Path) -> tuple[str, list[str]]:
        """Announce one medium; return its URL and the options of upload_client."""
        self._made += 1
        with file.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
        recording = self._post(
            "/recordings", {"metadata": {}}, {"Idempotency-Key": f"b{self._made}"}
        )
        body = {
            "type": "audio",
            "content_type": "audio/opus",
            "file_size_bytes": file.stat().st_size,
        }
        answer = self._post(
            f"/recordings/{recording['id']}/upload-url",
            body,
            {"Idempotency-Key": f"b{self._made}-0", "X-Content-SHA256": digest},
        )
        headers = [f"--header={k}={v}" for k, v in answer["headers"].items()]
        return answer["upload_url"], ["--protocol", answer["upload_protocol"], *headers]

    def _post(self, path: str, body: object, headers: dict[str, str]) -> Any:
        request = urllib.request.Request(  # noqa: S310 - loopback, our own server
            self.base_url + path,
            data=json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self._token}",
                "Content-Type": "application/json",
                **headers,
            },
        )
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - see above
            return json.load(answer)


@contextmanager
def gateway(folder: Path) -> Iterator[Gateway]:
    """Set up a gateway on an empty folder and serve it."""
    place = ("--data", str(folder / "gateway"))
    command = (sys.executable, "-c", _GATEWAY)

    def add(device: str) -> str:
        """Add a device; return its token."""
        added = subprocess.run(
            [*command, "devices", "add", device, *place, "--json"],
            check=True,
            capture_output=True,
            text=True,
        )
        token: str = json.loads(added.stdout)["device_token"]
        return token

    token = add("BENCH")
    with program(*command, "serve", *place, "--listen", "127.0.0.1:0") as line:
        yield Gateway(line.rpartition("base_url ")[2].rstrip(")"), token, add)


def to_gateway(serving: Gateway, file: Path, rounds: int) -> dict[str, Any]:
    """Send the medium in chunks; medians."""
    runs = []
    for _ in range(rounds):
        url, options = serving.target(file)
        runs.append(ours(url, file, *options))
    row: dict[str, Any] = {"name": "chunked_put, gateway"}
    for what in ("wall_s", "cpu_s"):
        row[what] = statistics.median(one[what] for one in runs)
    row["rss_growth_mib"] = max(one["rss_growth_mib"] for one in runs)
    return row


async def under_cuts(serving: Gateway, file: Path, sink: str, plan: Plan) -> dict[str, Any]:
    """Cut both uploads at the same seeded positions of what passed the line so far."""
    size_bytes = plan.cut_size_bytes
    random_ = random.Random(20)
    at = tuple(sorted(random_.randrange(size_bytes) for _ in range(plan.cuts)))
    url, options = await asyncio.to_thread(serving.target, file)
    parts = urlsplit(url)
    async with ChaosProxy("127.0.0.1", parts.port or 80, Faults(cut_up_at=at)) as proxy:
        near = parts._replace(netloc=f"127.0.0.1:{proxy.port}").geturl()
        mine = await asyncio.to_thread(ours, near, file, *options)
        cuts = proxy.cuts
    retry = ("--retry", "200", "--retry-all-errors", "--retry-delay", "1", "-H", "Expect:")
    async with ChaosProxy("127.0.0.1", int(sink), Faults(cut_up_at=at)) as proxy:
        theirs = await asyncio.to_thread(curl, f"http://127.0.0.1:{proxy.port}/", file, *retry)
        curl_sent_bytes = proxy.up_bytes
    return {
        "name": f"{size_bytes / 1e6:.0f} MB under {cuts} cuts",
        "cuts": cuts,
        "size_bytes": size_bytes,
        "resent_bytes": mine["sent_bytes"] - size_bytes,
        "resent_share": mine["sent_bytes"] / size_bytes - 1,
        "wall_s": mine["wall_s"],
        "curl_resent_share": curl_sent_bytes / size_bytes - 1,
        "curl_wall_s": theirs["elapsed_s"],
    }


def measure(plan: Plan, console: Console) -> dict[str, Any]:
    """Run all of it."""
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="fieldpost-bench-") as name:
        folder = Path(name)
        big, cut = folder / "big", folder / "cut"
        fill(big, plan.size_bytes)
        fill(cut, plan.cut_size_bytes)
        cert, key = certificate(folder)
        sink = (sys.executable, "-m", "tests.bench.upload_sink")
        with program(*sink) as port:
            console.print("single_put beside curl -T, HTTP …")
            url = f"http://127.0.0.1:{port}/o"
            rows.append(pairs("single_put, HTTP", url, big, plan.rounds, None))
        with program(*sink, "--cert", cert, "--key", key) as port:
            console.print("single_put beside curl -T, TLS …")
            url = f"https://127.0.0.1:{port}/o"
            rows.append(pairs("single_put, TLS", url, big, plan.rounds, cert))
        with gateway(folder) as serving, program(*sink) as port:
            console.print("chunked_put to the gateway …")
            rows.append(to_gateway(serving, big, plan.rounds))
            console.print("cuts …")
            cuts = asyncio.run(under_cuts(serving, cut, port, plan))
    return {"schema": 1, "size_bytes": plan.size_bytes, "uploads": rows, "cuts": cuts}


def fill(path: Path, size_bytes: int) -> None:
    """Make a medium of noise."""
    block = random.Random(1).randbytes(_MIB)
    with path.open("wb") as file:
        for first in range(0, size_bytes, _MIB):
            file.write(block[: min(_MIB, size_bytes - first)])


def show(result: dict[str, Any], console: Console) -> None:
    """Print two tables."""
    table = Table(
        "upload", "wall s", "CPU s", "curl wall", "curl CPU", "wall ratio", "CPU ratio", "RSS + MiB"
    )
    for row in result["uploads"]:
        keys = ("wall_s", "cpu_s", "curl_wall_s", "curl_cpu_s", "wall_ratio", "cpu_ratio")
        figures = [f"{row[key]:.2f}" if key in row else "-" for key in keys]
        table.add_row(row["name"], *figures, f"{row['rss_growth_mib']:.1f}")
    console.print(table)
    row = result["cuts"]
    cuts = Table("upload", "re-sent", "wall s", "curl --retry re-sent", "curl wall s")
    cuts.add_row(
        row["name"],
        f"{row['resent_share']:.2%}",
        f"{row['wall_s']:.2f}",
        f"{row['curl_resent_share']:.0%}",
        f"{row['curl_wall_s']:.2f}",
    )
    console.print(cuts)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small and once")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    got = parser.parse_args()
    talk = Console(stderr=True)
    result = measure(QUICK if got.quick else FULL, talk)
    if got.json:
        print(json.dumps(result))
    else:
        show(result, Console(width=100))


if __name__ == "__main__":
    main()
