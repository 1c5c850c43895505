"""The rules of devices, applied by udev itself to USB devices that umockdev makes up."""

from dataclasses import dataclass

import pytest

from tests.systemd.machine import Machine

pytestmark = pytest.mark.timeout(90)

ACM, ACM_NO_AT, PIPE = "020201", "020200", "0a0000"
NETWORK, VENDOR = "020d00", "ff0000"
DEVICE = "/devices/pci0000:00/0000:00:14.0/usb1/1-1"
_HEAD = "12010002020000404310e32f000101020301090243000201008032"
"""What stands before the interfaces: of the device, and of its one configuration."""
_ENDPOINT = "07058103100009"
PORT = f"{DEVICE}/1-1:1.0/tty/ttyACM0"


@dataclass(frozen=True, kw_only=True)
class Plugged:
    """A USB device: the kinds of its interfaces, and who drives the first of them."""

    interfaces: tuple[str, ...]
    driver: str = "cdc_acm"

    def described(self) -> str:
        """As umockdev reads it."""
        kinds = "".join(f"0904000000{kind}00{_ENDPOINT}" for kind in self.interfaces)
        usb = {
            "idVendor": "2fe3",
            "idProduct": "0100",
            "manufacturer": "Acme",
            "product": "AM-07",
            "bNumInterfaces": f"{len(self.interfaces):2}",
        }
        first = self.interfaces[0]
        port = {
            "bInterfaceClass": first[:2],
            "bInterfaceSubClass": first[2:4],
            "bInterfaceProtocol": first[4:],
            "bInterfaceNumber": "00",
        }
        return "\n".join(
            (
                f"P: {DEVICE}\nE: DEVTYPE=usb_device\nE: SUBSYSTEM=usb\nE: DRIVER=usb",
                *(f"A: {name}={value}" for name, value in usb.items()),
                f"H: descriptors={_HEAD}{kinds}\n",
                f"P: {DEVICE}/1-1:1.0\nE: DEVTYPE=usb_interface\nE: SUBSYSTEM=usb",
                f"L: driver=../../../../../../../bus/usb/drivers/{self.driver}",
                *(f"A: {name}={value}" for name, value in port.items()),
                f"\nP: {PORT}\nN: ttyACM0\nE: DEVNAME=ttyACM0\nE: SUBSYSTEM=tty",
                "E: MAJOR=166\nE: MINOR=0\n",
            )
        )


def told(machine: Machine, plugged: Plugged) -> list[str]:
    """What udev says of its port."""
    if machine.run("sh", "-c", "command -v umockdev-run", check=False).returncode:
        pytest.skip("umockdev is not installed")
    machine.write("/run/plugged.umockdev", plugged.described())
    test = ("udevadm", "test", "--action=add", f"/sys{PORT}")
    mocked = ("umockdev-run", "--device", "/run/plugged.umockdev", "--", *test)
    done = machine.run(*mocked)
    return [*done.stdout.splitlines(), *done.stderr.splitlines()]


@pytest.mark.parametrize(
    "recorder",
    [
        Plugged(interfaces=(ACM, PIPE)),
        Plugged(interfaces=(ACM_NO_AT, PIPE)),
        Plugged(interfaces=(VENDOR,), driver="cp210x"),
    ],
    ids=["acm", "acm-without-at", "bridge"],
)
def test_modemmanager_keeps_off_a_port_that_is_alone(machine: Machine, recorder: Plugged):
    """A recorder's port is the unit's group's, and nobody else opens it."""
    said = told(machine, recorder)

    assert "ID_MM_DEVICE_IGNORE=1" in said
    assert "TAGS=:systemd:" in said
    assert any("78-fieldpost.rules" in line and line.endswith("MODE 0660") for line in said)


@pytest.mark.parametrize(
    "modem",
    [
        Plugged(interfaces=(ACM, PIPE, NETWORK, PIPE)),
        Plugged(interfaces=(ACM, PIPE, ACM, PIPE)),
        Plugged(interfaces=(VENDOR, VENDOR, VENDOR), driver="option"),
        Plugged(interfaces=(VENDOR,), driver="qcserial"),
    ],
    ids=["acm-and-network", "two-acm", "option", "qcserial"],
)
def test_a_modem_is_left_to_modemmanager(machine: Machine, modem: Plugged):
    """It may be the way out of the box."""
    said = told(machine, modem)

    assert any(line.startswith("ID_USB_INTERFACES=") for line in said)
    assert not any(line.startswith("ID_MM_DEVICE_IGNORE") for line in said)
