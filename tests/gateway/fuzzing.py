"""Let schemathesis ask everything that openapi.json describes, of a gateway that serves.

    python -m tests.gateway.fuzzing [EXAMPLES]

With an API key that may do everything, and with a device's token; every check is on. It exits with
1 if an answer was none that the description allows.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.contract.processes import add_key, administer, serve
from tests.contract.synchronous import Caller

_HERE = Path(__file__).parent
_DESCRIPTION = _HERE.parents[1] / "gateway" / "openapi.json"
_PHASES = "examples,coverage,fuzzing,stateful"
_CONFIG = """
hooks = "tests.gateway.schemathesis_hooks"

# Whether fields fit each other, or what is stored, no schema says: such a request is refused, too.
[checks.positive_data_acceptance]
expected-statuses = [
    "2xx", "3xx", "400", "401", "403", "404", "409", "412", "413", "415", "422", "429", "503",
    "507",
]

# 507 is a quota of kept bytes, which PUT /v1/quota may just have made.
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", "507"]

# 412 is another version of tus, which comes before everything else.
[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "409", "412", "413", "415", "422", "429"]

[checks.missing_required_header]
expected-statuses = ["400", "401", "403", "404", "412", "415", "422"]

# A change is merged before it is looked at: what its nulls have emptied is gone by then.
[[operations]]
include-path-regex = "^/v1/phones/codes$"
checks.allow_header_conformance.enabled = false  # It is a phone's path, too: DELETE finds none.

# Hundreds of cases for one body that four operations take; patchSettings tries them all.
[[operations]]
include-path-regex = "/settings$"
exclude-path = "/v1/settings"
phases.coverage.enabled = false

[[operations]]
include-path-regex = "/settings$"
checks.negative_data_rejection.enabled = false

[[operations]]
include-path-regex = "^/v1/uploads/"
parameters = {{ medium_id = "{medium_id}", expires = {expires}, signature = "{signature}" }}
"""


_LIMITS = ("DEVICE_PER_MIN", "DEVICE_URLS_PER_MIN", "KEY_PER_MIN", "KEY_URLS_PER_MIN")
UNLIMITED = {f"FIELDPOST_GATEWAY_RATE_{each}": "0" for each in _LIMITS}


@dataclass(frozen=True, kw_only=True)
class Served:
    """A gateway, and who may call it."""

    url: str
    key: str
    token: str
    upload_url: str


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    """Serve an empty folder, with one medium that can be uploaded."""
    key = add_key(folder)
    token = administer(folder, ["devices", "add", "FUZZ"])["device_token"]
    process = serve(folder, UNLIMITED)
    try:
        caller = Caller(process.url, token)
        recording = caller.post("/v1/recordings", {})["id"]
        target = caller.post(f"/v1/recordings/{recording}/upload-url", {"type": "audio"})
        yield Served(url=process.url, key=key, token=token, upload_url=target["upload_url"])
    finally:
        process.kill()


def fuzz(
    served: Served, token: str, folder: Path, *, examples: int
) -> subprocess.CompletedProcess[str]:
    """Run all phases once; the same examples every time."""
    url = urlsplit(served.upload_url)
    query = parse_qs(url.query)
    config = folder / "schemathesis.toml"
    config.write_text(
        _CONFIG.format(
            medium_id=url.path.rpartition("/")[2],
            expires=query["expires"][0],
            signature=query["signature"][0],
        )
    )
    return subprocess.run(
        [
            *(str(Path(sys.executable).with_name("st")), "--config-file", str(config), "run"),
            *(str(_DESCRIPTION), "--url", served.url, "--header", f"Authorization: Bearer {token}"),
            *("--phases", _PHASES, "--max-examples", str(examples), "--generation-deterministic"),
            # U+0000 is tried by tests/contract: no schema can say that it is refused.
            *("--generation-allow-x00", "false", "--no-color"),
            *("--warnings", "off", "--continue-on-failure"),
            *(f"--include-operation-id={each}" for each in _open_to(token)),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(_HERE.parents[1])},
    )


def _open_to(token: str) -> list[str]:
    """Name the operations that a credential opens; tests/contract knows what the others say.

    What anybody may ask is asked with the key. A stream has no end that could be waited for:
    tests/gateway/test_live.py reads it.
    """
    kind = "deviceToken" if token.startswith("dtok_") else "apiKey"
    return [
        operation["operationId"]
        for path in json.loads(_DESCRIPTION.read_text())["paths"].values()
        for operation in path.values()
        if "text/event-stream" not in operation["responses"].get("200", {}).get("content", {})
        and any(kind in each for each in operation["security"] or [{"apiKey": []}])
    ]


def main() -> int:
    examples = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    code = 0
    with tempfile.TemporaryDirectory(prefix="fieldpost-fuzz-") as name:
        folder = Path(name)
        with served(folder / "gateway") as found:
            for token in (found.key, found.token):
                done = fuzz(found, token, folder, examples=examples)
                print(done.stdout, done.stderr, flush=True)
                code = max(code, done.returncode)
    return code


if __name__ == "__main__":
    sys.exit(main())
