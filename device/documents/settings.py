"""Every setting that holds, with who set it: a file, the environment, the gateway, or nobody."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from device.agreed import SETTINGS, of_config
from device.config_file import Loaded
from device.errors import SpoolError
from device.off_peak import OffPeak
from device.settings import BUILT_IN, GATEWAY
from device.spool.reader import read_only


def settings(loaded: Loaded) -> Iterator[tuple[str, Any, str]]:
    """Yield key, value and origin of each; those only the gateway sets come last. Blocks."""
    merged = of_config(loaded.config, _told_by_gateway(loaded.config.spool.path))
    for key, set_at in loaded.origins.items():
        if merged.origins.get(key) in {GATEWAY, BUILT_IN}:
            # What the file says of a limit does not hold where the gateway's is smaller.
            yield key, _shown(merged.values[key]), merged.origins[key]
            continue
        section, *place, name = key.split(".")
        holder: Any = getattr(loaded.config, section)
        value = getattr(holder[int(place[0])] if place else holder, name)
        yield key, str(value) if isinstance(value, Path) else value, set_at
    for key in sorted(merged.origins.keys() - loaded.origins.keys()):
        yield key, _shown(merged.values[key]), merged.origins[key]


def _told_by_gateway(spool: Path) -> Mapping[str, Any]:
    """Return the sections that the gateway sent last; none where the spool cannot be read."""
    try:
        with read_only(spool) as reader:
            kept = reader.kept(SETTINGS)
    except (SpoolError, OSError):
        return {}
    return kept.value if kept is not None and isinstance(kept.value, dict) else {}


def _shown(value: Any) -> Any:
    """Give a merged value as it is written in a file."""
    if isinstance(value, tuple):
        return ", ".join(value)
    return str(value) if isinstance(value, OffPeak) else value
