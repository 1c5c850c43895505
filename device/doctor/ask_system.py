"""Ask a program of the system a question: bounded, without a shell, in plain words."""

import asyncio
import contextlib
import os

MOST_BYTES = 1 << 20


async def asked(*argv: str, within_s: float = 5.0) -> str | None:
    """Return what a program prints; None if it is not there, fails, or takes too long."""
    try:
        child = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
    except OSError:
        return None
    said = b""
    try:
        async with asyncio.timeout(within_s):
            if child.stdout is not None:
                while len(said) < MOST_BYTES and (more := await child.stdout.read(65_536)):
                    said += more
            await child.wait()
    except TimeoutError:
        return None
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    return said.decode("utf-8", "replace") if child.returncode == 0 else None
