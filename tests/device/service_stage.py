"""Boxes as NetworkManager, ModemManager and UPower tell of them."""

from dbus_fast.signature import Variant

from device.network import open_surroundings
from tests.device.dbus_mocks import Mocks
from tests.device.kernel_files import KernelFiles
from tests.fakes.clock import FakeClock

NM = "org.freedesktop.NetworkManager"
NM_PATH = "/org/freedesktop/NetworkManager"
ACTIVE = f"{NM}.Connection.Active"
DEVICE = f"{NM}.Device"
WIRELESS = f"{DEVICE}.Wireless"
ACCESS_POINT = f"{NM}.AccessPoint"
AP_PATH = f"{NM_PATH}/AccessPoint/ap0"
DEVICES = f"{NM_PATH}/Devices"

MM_PATH = "/org/freedesktop/ModemManager1"
MODEM_PATH = f"{MM_PATH}/Modems/8"
"""Where the template puts its modem."""
MODEM = "org.freedesktop.ModemManager1.Modem"
REGISTRATION = f"{MODEM}.Modem3gpp"
SIGNAL = f"{MODEM}.Signal"

UPOWER_PATH = "/org/freedesktop/UPower"
DISPLAY = f"{UPOWER_PATH}/devices/DisplayDevice"
BATTERY = "org.freedesktop.UPower.Device"


class ServiceStage:
    """Surroundings on a private bus, and below them a kernel that knows of nothing."""

    def __init__(self, mocks: Mocks, root) -> None:
        self.mocks = mocks
        self.files = KernelFiles(root / "kernel")
        self.clock = FakeClock()
        self.surroundings = open_surroundings(
            self.clock, bus_address=mocks.bus.address, root=self.files.root
        )

    async def arrange_network(self) -> None:
        """Let NetworkManager have the properties that its template lacks, and three devices."""
        await self.mocks.add(
            "networkmanager",
            NM_PATH,
            NM,
            PrimaryConnection=Variant("o", "/"),
            Metered=Variant("u", 0),
            ConnectivityCheckEnabled=Variant("b", True),
        )
        await self.mocks.mock("networkmanager", "AddWiFiDevice", "ssi", "wifi", "wlan0", 100)
        await self.mocks.mock(
            *("networkmanager", "AddAccessPoint", "ssssuuuyu"),
            *(f"{DEVICES}/wifi", "ap0", "Field", "02:00:00:00:00:01", 2, 2412, 54, 60, 0),
        )
        await self.mocks.add(
            "networkmanager", f"{DEVICES}/wifi", WIRELESS, ActiveAccessPoint=Variant("o", AP_PATH)
        )
        await self.mocks.mock("networkmanager", "AddEthernetDevice", "ssi", "cable", "eth0", 100)
        await self.activate("wifi", "802-11-wireless")
        await self.activate("cable", "802-3-ethernet")

    async def activate(self, device: str, kind: str) -> str:
        """Make an active connection of this type over a device; return its path."""
        path = f"{NM_PATH}/ActiveConnection/{device}"
        properties = {
            "Type": Variant("s", kind),
            "Devices": Variant("ao", [f"{DEVICES}/{device}"]),
            "State": Variant("u", 2),
        }
        await self.mocks.mock(
            "networkmanager", "AddObject", "ssa{sv}a(ssss)", path, ACTIVE, properties, []
        )
        return path

    async def primary(self, device: str | None) -> None:
        """Let bytes leave by this connection."""
        path = f"{NM_PATH}/ActiveConnection/{device}" if device else "/"
        await self.manager(PrimaryConnection=Variant("o", path))

    async def manager(self, **properties: Variant) -> None:
        """Change properties of NetworkManager itself."""
        await self.mocks.change("networkmanager", NM_PATH, NM, **properties)

    async def wifi(self, level_dbm: int) -> None:
        strength = Variant("y", level_dbm + 120)
        await self.mocks.change("networkmanager", AP_PATH, ACCESS_POINT, Strength=strength)
        await self.primary("wifi")

    async def cable(self) -> None:
        await self.primary("cable")

    async def nothing(self) -> None:
        await self.primary(None)

    async def battery(self, percent: float, *, charging: bool) -> None:
        await self.mocks.mock(
            *("upower", "SetupDisplayDevice", "uuddddxxbsu"),
            *(2, 1 if charging else 2, float(percent), 1.0, 2.0, 0.5, 60, 60, True, "x", 1),
        )

    async def mobile(self, **signal: Variant) -> None:
        """Be on a mobile network, at home on LTE; `signal` is what the modem measures."""
        await self.mobile_network()
        await self.plug_modem(**signal)

    async def mobile_network(self) -> None:
        """Let NetworkManager have a modem's connection."""
        await self.mocks.mock(
            *("networkmanager", "AddObject", "ssa{sv}a(ssss)", f"{DEVICES}/modem", DEVICE),
            {"Interface": Variant("s", "cdc-wdm0"), "IpInterface": Variant("s", "wwan0")},
            [],
        )
        await self.activate("modem", "gsm")
        await self.primary("modem")

    async def plug_modem(self, **signal: Variant) -> None:
        """Let ModemManager have the template's modem, and it what the template lacks."""
        await self.mocks.mock("modemmanager", "AddSimpleModem")
        ports = Variant("a(su)", [["cdc-wdm0", 6], ["wwan0", 2]])
        await self.mocks.add("modemmanager", MODEM_PATH, MODEM, Ports=ports)
        home = Variant("u", 1)
        await self.mocks.add("modemmanager", MODEM_PATH, REGISTRATION, RegistrationState=home)
        if signal:
            await self.mocks.add("modemmanager", MODEM_PATH, SIGNAL, **signal)
            await self.mocks.method("modemmanager", MODEM_PATH, f"{SIGNAL}.Setup", "u", "")
