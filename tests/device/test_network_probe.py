"""What an interface and a battery are, by the kernel's files."""

import pytest

from device.network_probe import Probe
from device.surroundings import Connectivity, NetworkKind, NetworkState, PowerState
from tests.device.kernel_files import KernelFiles


@pytest.fixture
def files(tmp_path):
    return KernelFiles(tmp_path / "kernel")


@pytest.fixture
def probe(files):
    return Probe(files.root)


@pytest.mark.parametrize(
    ("name", "made", "kind"),
    [
        ("eth0", {}, NetworkKind.ETHERNET),
        ("usb0", {"devtype": "gadget"}, NetworkKind.ETHERNET),
        ("lan1", {"devtype": "dsa"}, NetworkKind.ETHERNET),
        ("br0", {"devtype": "bridge"}, NetworkKind.ETHERNET),
        ("wlan0", {"devtype": "wlan"}, NetworkKind.WIFI),
        ("wwan0", {"devtype": "wwan", "frames": 65534}, NetworkKind.CELLULAR),
        ("wwan7", {"frames": 519}, NetworkKind.CELLULAR),
        ("ppp0", {"devtype": "ppp", "frames": 512}, NetworkKind.CELLULAR),
        ("wg0", {"devtype": "wireguard", "frames": 65534}, NetworkKind.OTHER),
        ("bnep0", {"devtype": "bluetooth"}, NetworkKind.OTHER),
        ("tun0", {"frames": 65534}, NetworkKind.OTHER),
    ],
)
def test_kinds_of_interfaces(files, probe, name, made, kind):
    """An interface is what the kernel calls it, else what its name and its frames say."""
    files.interface(name, **made)

    assert kind is probe.kind(name)


def test_an_old_wireless_driver(files, probe):
    """A driver that names no kind has a folder of its extensions."""
    files.interface("eth1")
    files.folder("eth1", "wireless")

    assert NetworkKind.WIFI is probe.kind("eth1")


def test_a_tap_is_no_cable(files, probe):
    """A tunnel that carries Ethernet frames is of no known kind."""
    files.interface("tap0")
    files.folder("tap0", "tun_flags")

    assert NetworkKind.OTHER is probe.kind("tap0")


def test_an_interface_that_is_gone(probe):
    """Nothing is known of what is not there."""
    assert NetworkKind.OTHER is probe.kind("eth0")


@pytest.mark.parametrize(
    ("lower", "kind"),
    [
        (("eth0",), NetworkKind.ETHERNET),
        (("eth0", "wlan0"), NetworkKind.WIFI),
        (("eth0", "wwan0", "wlan0"), NetworkKind.CELLULAR),
        (("wg0",), NetworkKind.ETHERNET),
    ],
)
def test_what_lies_below_counts(files, probe, lower, kind):
    """A bond is what it is made of, and of several what costs most."""
    files.interface("eth0")
    files.interface("wlan0", devtype="wlan")
    files.interface("wwan0", devtype="wwan")
    files.interface("wg0", devtype="wireguard", frames=65534)
    files.interface("bond0", devtype="bond", lower=lower)

    assert kind is probe.kind("bond0")


def test_what_lies_deeper_counts(files, probe):
    """A VLAN on a bridge on Wi-Fi goes by radio."""
    files.interface("wlan0", devtype="wlan")
    files.interface("br0", devtype="bridge", lower=("wlan0",))
    files.interface("br0.7", devtype="vlan", lower=("br0",))

    assert NetworkKind.WIFI is probe.kind("br0.7")


def test_interfaces_in_a_circle(files, probe):
    """Files that make no sense end nothing."""
    files.interface("a0", devtype="vlan", lower=("a1",))
    files.interface("a1", devtype="vlan", lower=("a0",))

    assert NetworkKind.ETHERNET is probe.kind("a0")


def test_a_route_over_what_is_down_does_not_count(files, probe):
    """A route that was left behind on an unplugged cable is no way out."""
    files.interface("eth0", state="lowerlayerdown")
    files.interface("wlan0", devtype="wlan", state="up")
    files.routes("eth0", "wlan0")

    assert "wlan0" == probe.network().interface


def test_all_routes_are_down(files, probe):
    """With every interface down there is no way out."""
    files.interface("eth0", state="down")
    files.routes("eth0")

    assert NetworkState(connectivity=Connectivity.NONE) == probe.network()


@pytest.mark.parametrize("state", ["up", "unknown", "testing"])
def test_a_state_that_does_not_tell(files, probe, state):
    """A serial line does not know whether it is up, and may well be."""
    files.interface("ppp0", devtype="ppp", state=state)
    files.routes("ppp0")

    assert NetworkKind.CELLULAR is probe.network().kind


def test_ipv6_alone(files, probe):
    """A network without IPv4 is a way out too."""
    files.interface("eth0")
    files.routes6("eth0")

    assert (NetworkKind.ETHERNET, "eth0") == (probe.network().kind, probe.network().interface)


@pytest.mark.parametrize(
    ("level", "dbm"), [("-56.", -56), ("-56", -56), ("200.", None), ("?", None)]
)
def test_the_level_of_wifi(files, probe, level, dbm):
    """What the driver says in decibels is taken; other units are not."""
    files.interface("wlan0", devtype="wlan")
    files.routes("wlan0")
    files.wireless("wlan0", level)

    assert dbm == probe.network().signal_dbm


def test_a_kernel_without_a_table_for_wifi(files, probe):
    """Without that table the level is unknown, and no more."""
    files.interface("wlan0", devtype="wlan")
    files.routes("wlan0")

    assert (NetworkKind.WIFI, None) == (probe.network().kind, probe.network().signal_dbm)


def test_a_kernel_without_any_of_it(tmp_path):
    """Where no file is to be read, nothing is known."""
    probe = Probe(tmp_path / "nothing")

    assert (NetworkState(connectivity=Connectivity.NONE), PowerState()) == (
        probe.network(),
        probe.power(),
    )


def test_a_file_of_bytes(files, probe):
    """What is no text is no route."""
    (files.root / "proc" / "self" / "net" / "route").write_bytes(b"\xff\xfe\x00" * 99)

    assert probe.network().kind is None


def test_a_battery(files, probe):
    """A battery's files make its state."""
    files.supply("BAT0", type="Battery", present=1, capacity=64, status="Discharging")
    files.supply("AC", type="Mains", online=0)

    assert PowerState(battery_percent=64, charging=False) == probe.power()
