"""Which mount a path lives on, from the text of /proc/self/mountinfo (proc(5))."""

import re
from dataclasses import dataclass

_OCTAL = re.compile(r"\\([0-7]{3})")
_FIELDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """One line of mountinfo. `device` is `major:minor`; major 0 means no block device behind it."""

    point: str
    device: str

    @property
    def on_block_device(self) -> bool:
        """Whether the kernel names a real device, which can be seen to go."""
        return not self.device.startswith("0:")


def mount_of(mountinfo: str, path: str) -> Mount | None:
    """Find the mount that `path` (absolute, canonical) is on; None where the text knows none.

    A bind mount of the same disk is looked through: a service sees those that its unit makes, a
    shell on the same machine does not.
    """
    over: dict[str, str] = {}
    for line in mountinfo.splitlines():
        fields = line.split(" ")
        if len(fields) < _FIELDS:
            continue
        point = _OCTAL.sub(lambda m: chr(int(m[1], 8)), fields[4])
        inside = point in ("/", path) or path.startswith(point + "/")
        if inside:
            over[point] = fields[2]  # of two mounts on one point the later hides the earlier
    points = sorted(over, key=len)
    while len(points) > 1 and over[points[-1]] == over[points[-2]]:
        points.pop()
    return Mount(point=points[-1], device=over[points[-1]]) if points else None
