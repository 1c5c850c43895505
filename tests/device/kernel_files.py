"""A kernel's files on networks and batteries, as a test arranges them."""

import shutil
from pathlib import Path

_TITLE = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
_REFUSE_ALL = (
    f"{'0' * 32} 00 {'0' * 32} 00 {'0' * 32} ffffffff 00000001 00000000 00200200       lo\n"
)


class KernelFiles:
    """/proc and /sys below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._tables = root / "proc" / "self" / "net"
        self._interfaces = root / "sys" / "class" / "net"
        self._supplies = root / "sys" / "class" / "power_supply"
        for folder in (self._tables, self._interfaces, self._supplies):
            folder.mkdir(parents=True)
        self.routes()
        self.write("ipv6_route", _REFUSE_ALL)

    def write(self, table: str, text: str) -> None:
        (self._tables / table).write_text(text)

    def routes(self, *interfaces: str) -> None:
        """Set default routes, the preferred one first, and one to a neighbour."""
        lines = [
            f"{name}\t00000000\t0101A8C0\t0003\t0\t0\t{100 * (index + 1)}\t00000000\t0\t0\t0\n"
            for index, name in enumerate(interfaces)
        ]
        near = "eth9\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
        # The kernel's order is not that of preference.
        self.write("route", _TITLE + near + "".join(reversed(lines)))

    def routes6(self, *interfaces: str) -> None:
        lines = [
            f"{'0' * 32} 00 {'0' * 32} 00 {'fe80' + '0' * 27 + '1'} {1024 + index:08x}"
            f" 00000001 00000000 00450003 {name}\n"
            for index, name in enumerate(interfaces)
        ]
        self.write("ipv6_route", "".join(lines) + _REFUSE_ALL)

    def interface(
        self,
        name: str,
        *,
        devtype: str = "",
        frames: int = 1,
        state: str = "up",
        lower: tuple[str, ...] = (),
    ) -> None:
        folder = self._interfaces / name
        folder.mkdir(exist_ok=True)
        kind = f"DEVTYPE={devtype}\n" if devtype else ""
        (folder / "uevent").write_text(f"{kind}INTERFACE={name}\nIFINDEX=2\n")
        (folder / "type").write_text(f"{frames}\n")
        (folder / "operstate").write_text(f"{state}\n")
        for each in lower:
            (folder / f"lower_{each}").symlink_to(f"../{each}")

    def folder(self, interface: str, name: str) -> None:
        """Give an interface something of its kind's own: `wireless`, `tun_flags`."""
        (self._interfaces / interface / name).mkdir()

    def wireless(self, name: str, level: str) -> None:
        self.write(
            "wireless",
            "Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE\n"
            " face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22\n"
            f" {name}: 0000   54.  {level}  -256        0      0      0      0    123        0\n",
        )

    def supply(self, name: str, **files: str | int) -> None:
        """Set what a battery or a mains supply says; anew, if it was there."""
        folder = self._supplies / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for file, content in files.items():
            (folder / file).write_text(f"{content}\n")
