"""What Debian packages there are, and what is in each."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

REPO = Path(__file__).parents[2]

PYTHONS = {"12": "3.11", "13": "3.13"}
"""The Python of each Debian release, which is that of Raspberry Pi OS as well."""
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One package.

    `root` holds its wheels; `script` is the name and module of its command; `files` go from
    `systemd/` to places below `/usr/lib`; `setup` is shell of its postinst; `needs` and `advice`
    are lists in the form of Depends and Suggests.
    """

    name: str
    root: str
    extras: tuple[str, ...] = ()
    script: str = ""
    files: tuple[tuple[str, str], ...] = ()
    setup: str = ":"
    needs: str = ""
    advice: str = ""
    about: str
    text: str

    @property
    def unit(self) -> str:
        """Its unit, if it has one."""
        return next((name for name, _ in self.files if name.endswith(".service")), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a package is made for: an architecture and a Debian release, as Debian names them."""

    arch: str
    debian: str

    @property
    def python(self) -> str:
        """Its Python, as in `3.11`."""
        return PYTHONS[self.debian]

    @property
    def machine(self) -> str:
        """Its architecture, as in the names of wheels."""
        return MACHINES[self.arch]


# The agent alone is small, because it is fetched over the links that it is made for; what a
# gateway needs and a decoder are ten times its size, and few boxes want either.
AGENT = Package(
    name="fieldpost",
    root="/opt/fieldpost",
    script="device.cli.main",
    files=(
        ("fieldpost.service", "systemd/system/fieldpost.service"),
        ("fieldpost.sysusers", "sysusers.d/fieldpost.conf"),
        ("fieldpost.tmpfiles", "tmpfiles.d/fieldpost.conf"),
        ("78-fieldpost.rules", "udev/rules.d/78-fieldpost.rules"),
    ),
    setup="""\
systemd-sysusers fieldpost.conf
systemd-tmpfiles --create fieldpost.conf
if [ -S /run/udev/control ]; then
  udevadm control --reload
  udevadm trigger --subsystem-match=tty
fi""",
    needs="ca-certificates",
    advice="bluez, fieldpost-audio, network-manager, modemmanager, upower",
    about="carries recordings from field recorders to the cloud",
    text="""\
 Pulls recordings off field recorders (serial port, Bluetooth, folder), keeps
 them until the cloud has acknowledged every byte, and goes on where it stopped
 after every cut of link or power.
 .
 The agent is not started by the installation: run fieldpost setup, or write
 /etc/fieldpost/fieldpost.toml and enable fieldpost.service.""",
)
GATEWAY = Package(
    name="fieldpost-gateway",
    root="/opt/fieldpost-gateway",
    extras=("gateway", "postgres", "s3", "gcs", "nats", "audio"),
    script="gateway.cli",
    files=(("fieldpost-gateway.service", "systemd/system/fieldpost-gateway.service"),),
    needs="ca-certificates",
    about="server that takes recordings from Fieldpost's agents",
    text="""\
 A self-hosted server of the upload API that Fieldpost's agents speak, with a
 console for operators. Keeps recordings on its own disk, or in PostgreSQL and
 a bucket of S3 or Google Cloud Storage.
 .
 It is not started by the installation: see fieldpost-gateway.service.""",
)
AUDIO = Package(
    name="fieldpost-audio",
    root="/opt/fieldpost/audio",
    extras=("audio",),
    needs="fieldpost (>= {version})",
    about="waveforms of recordings, for Fieldpost's agent",
    text="""\
 Decodes Opus, WAV, FLAC and MP3, so that the agent can tell Swayzio playing
 time and waveform. Other clouds do not ask for them.""",
)
PACKAGES = (AGENT, GATEWAY, AUDIO)


def version(target: Target, repo: Path = REPO) -> str:
    """Return the version of the packages: that of pyproject.toml, for one Debian release.

    They hold modules for its Python and no other, so an upgrade of the release takes new ones.
    """
    with (repo / "pyproject.toml").open("rb") as file:
        number = tomllib.load(file)["project"]["version"]
    # What comes before a release sorts before it: 1.0rc1 is 1.0~rc1 to Debian.
    number = re.sub(r"[.-]?(a|b|rc|dev)(?=[0-9])", r"~\1", number)
    return f"{number}+deb{target.debian}"
