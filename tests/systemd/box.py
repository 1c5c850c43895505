"""A recorder box in a booted machine: agent and gateway as their packages would install them."""

import json
import shlex
import sys
import sysconfig
from pathlib import Path

from tests.systemd.machine import Machine

REPO = Path(__file__).parents[2]
PYTHON = f"python3.{sys.version_info.minor}"
PROGRAMS = {"fieldpost": "device.cli.main", "fieldpost-gateway": "gateway.cli"}
PORT = 8470

RECORDINGS = "/srv/recordings"
REST = f"""\
[spool]
min_free_bytes = 0
[[recorders]]
url = "folder://{RECORDINGS}"
"""
CONFIG = f"""\
[cloud]
base_url = "http://127.0.0.1:{PORT}/v1"
{REST}"""
_SILENCE = (
    "import wave; f = wave.open('audio.wav', 'wb'); f.setparams((1, 2, 8000, 0, 'NONE', ''));"
    " f.writeframes(bytes(32000)); f.close()"
)
# Five seconds to a restart are for a box in the field.
DROP_IN = f"""\
[Service]
RestartSec=50ms
ReadWritePaths={RECORDINGS}
"""

BINDS = {
    Path(sysconfig.get_path("purelib")): "/opt/fieldpost/wheels",
    **{REPO / name: f"/opt/fieldpost/code/{name}" for name in ("device", "gateway", "tests")},
}
"""Where the machine finds what is installed here, and this very code."""


def install(machine: Machine) -> None:
    """Put in place what the packages put there, but this code instead of wheels."""
    machine.write("/opt/fieldpost/pyvenv.cfg", "home = /usr/bin\n")
    site = f"/opt/fieldpost/lib/{PYTHON}/site-packages"
    machine.write(f"{site}/fieldpost.pth", "/opt/fieldpost/code\n/opt/fieldpost/wheels\n")
    machine.run("mkdir", "-p", "/opt/fieldpost/bin", "/usr/lib/sysusers.d")
    machine.run("ln", "-s", f"/usr/bin/{PYTHON}", "/opt/fieldpost/bin/python3")
    for name, module in PROGRAMS.items():
        lines = "#!/opt/fieldpost/bin/python3 -P", "import sys", f"from {module} import main"
        machine.write(f"/usr/bin/{name}", "\n".join((*lines, "sys.exit(main())\n")), "0755")
    for source, place in (
        ("fieldpost.service", "systemd/system/fieldpost.service"),
        ("fieldpost-gateway.service", "systemd/system/fieldpost-gateway.service"),
        ("fieldpost.sysusers", "sysusers.d/fieldpost.conf"),
        ("fieldpost.tmpfiles", "tmpfiles.d/fieldpost.conf"),
        ("78-fieldpost.rules", "udev/rules.d/78-fieldpost.rules"),
    ):
        machine.write(f"/usr/lib/{place}", (REPO / "systemd" / source).read_text())
    machine.run("systemd-sysusers", "fieldpost.conf")
    machine.run("systemd-tmpfiles", "--create", "fieldpost.conf")
    for unit in ("fieldpost", "fieldpost-gateway"):
        machine.write(f"/etc/systemd/system/{unit}.service.d/test.conf", DROP_IN)
    machine.run("install", "-d", "-o", "fieldpost", RECORDINGS)
    machine.run("systemctl", "daemon-reload")


class Box:
    """A box as good as new."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        machine.run("systemctl", "stop", "fieldpost", "fieldpost-gateway", check=False)
        machine.run("systemctl", "reset-failed", check=False)
        machine.run("rm", "-rf", "/etc/fieldpost/token", "/etc/fieldpost/fieldpost.toml")
        for folder in ("/var/lib/fieldpost", "/var/lib/private/fieldpost-gateway", RECORDINGS):
            machine.run("sh", "-c", f"rm -rf {folder}/* {folder}/.[!.]*")
        self.drop_in("")
        self.configure(CONFIG)

    def configure(self, text: str) -> None:
        """Write the agent's configuration."""
        self.machine.write("/etc/fieldpost/fieldpost.toml", text)

    def drop_in(self, text: str) -> None:
        """Say something more about the agent's unit."""
        self.machine.write("/etc/systemd/system/fieldpost.service.d/more.conf", text)
        self.machine.run("systemctl", "daemon-reload")

    def enrol(self) -> None:
        """Register with the gateway, and keep the token where the unit looks for it."""
        gateway = ("fieldpost-gateway", "devices", "add", "AM-07", "--json")
        told = json.loads(self.machine.told(*gateway, "--data", "/var/lib/fieldpost-gateway"))
        self.machine.write("/etc/fieldpost/token", told["device_token"], "0600")

    def record(self, name: str, size_bytes: int) -> None:
        """Put a sealed recording of noise into the folder."""
        self._seal(name, f"head -c {size_bytes} /dev/urandom > audio.opus")

    def record_sound(self, name: str) -> None:
        """Put a sealed recording of two seconds of silence into the folder."""
        self._seal(name, f"python3 -c {shlex.quote(_SILENCE)}")

    def _seal(self, name: str, making: str) -> None:
        place = f"{RECORDINGS}/{name}"
        seal = "echo '{}' > .seal && chown -R fieldpost . && mv .seal recording.json"
        self.machine.run("sh", "-c", f"mkdir {place} && cd {place} && {making} && {seal}")

    def entries(self) -> list[dict]:
        """Return what is in the spool, released recordings too."""
        listed = self.machine.told("fieldpost", "spool", "ls", "--all", "--json")
        return json.loads(listed)["entries"]

    def until_released(self, count: int = 1) -> None:
        """Wait until the spool holds that many released recordings, and nothing else."""
        counts = 'fieldpost spool ls --all --json | grep -c \'"state": "released"\''
        self.machine.until(f'[ "$({counts})" = {count} ]')

    def until_logged(self, sentence: str, unit: str = "fieldpost") -> None:
        """Wait until the journal has this of the unit."""
        self.machine.until(f"journalctl -q -u {unit} -o cat | grep -q {shlex.quote(sentence)}")

    def until_fed(self, unit: str) -> None:
        """Wait until the unit fed its watchdog a while after it became ready."""
        shown = f"systemctl show {unit} -P"
        fed = f"$({shown} WatchdogTimestampMonotonic)"
        ready = f"$({shown} ActiveEnterTimestampMonotonic)"
        self.machine.until(f'[ "{fed}" -gt "$(({ready} + 400000))" ]')
