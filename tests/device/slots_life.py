"""Kill the exchange of a token at every operation of the disk, and see whether a way in is left.

Run as a program: `slots_life.py FOLDER LOSS`. Prints a JSON line for each crash point. It has no
threads, so it may fork: a child lives and dies, and the parent judges.
"""

import json
import os
import shutil
import sys
from itertools import count
from pathlib import Path

from device.slots import SlottedToken
from tests.device.spool.disk import Disk, Loss

BASE = "dtok_base"


class Gateway:
    """Our gateway's tokens, in a file that no crash of the box takes away."""

    def __init__(self, file: Path) -> None:
        self._file = file
        if not file.exists():
            self._save({"valid": [BASE], "successors": {}})

    def refresh(self, token: str) -> str | None:
        """Give the successor; the same again as long as the old token is good."""
        state = json.loads(self._file.read_text())
        if token not in state["valid"]:
            return None
        fresh = state["successors"].setdefault(token, f"{token}+")
        state["valid"] = sorted({*state["valid"], fresh})
        self._save(state)
        return str(fresh)

    def takes(self, token: str) -> bool:
        """Use a token; what it succeeds is dead from then on."""
        state = json.loads(self._file.read_text())
        if token not in state["valid"]:
            return False
        dead = {old for old, new in state["successors"].items() if new == token}
        self._save({**state, "valid": [each for each in state["valid"] if each not in dead]})
        return True

    def _save(self, state: dict) -> None:
        self._file.write_text(json.dumps(state))


def use(tokens: SlottedToken, gateway: Gateway) -> bool:
    """Make one call, as the cloud does: a refused token is tried once more by another."""
    token = tokens()
    taken = gateway.takes(token)
    if not taken and tokens.refused(token):
        token = tokens()
        taken = gateway.takes(token)
    if taken:
        tokens.worked(token)
    return taken


def live(folder: Path, gateway: Gateway) -> None:
    """Exchange the token twice, from wherever a life before has ended."""
    tokens = SlottedToken(lambda: BASE, folder)
    while tokens() != f"{BASE}++" or tokens.pending:
        if not tokens.pending:
            fresh = gateway.refresh(tokens())
            assert fresh is not None
            tokens.store(fresh)
        assert use(tokens, gateway)


def live_until(box: Path, at: int, loss: Loss, gateway: Gateway) -> None:
    """Live until the disk's operation number `at` kills us."""
    disk = Disk(box, at, lambda _: disk.die(loss))
    with disk:
        live(box / "spool", gateway)


def sweep(root: Path, loss: Loss) -> None:
    """Print what each crash point leads to."""
    for at in count(1):
        box, server = root / "box", root / "gateway.json"
        (box / "spool").mkdir(parents=True)
        gateway = Gateway(server)
        child = os.fork()
        if child == 0:
            live_until(box, at, loss, gateway)
            os._exit(0)
        ended = os.WIFEXITED(os.waitpid(child, 0)[1])
        problem = None
        try:
            assert use(SlottedToken(lambda: BASE, box / "spool"), gateway), "locked out"
            live(box / "spool", gateway)
        except AssertionError as error:
            problem = repr(error)
        print(json.dumps({"at": at, "problem": problem, "ended": ended}), flush=True)
        shutil.rmtree(root)
        if ended:
            return


if __name__ == "__main__":
    sweep(Path(sys.argv[1]), Loss(sys.argv[2]))
