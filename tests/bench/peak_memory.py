"""How much memory this process holds, and held at most since a mark."""

from pathlib import Path


def mark_kib() -> int:
    """Forget the peak so far; return what is held now."""
    Path("/proc/self/clear_refs").write_text("5")  # resets VmHWM
    return _status_kib("VmRSS")


def peak_kib() -> int:
    """Return the most that was held since the mark."""
    return _status_kib("VmHWM")


def _status_kib(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise LookupError(name)
