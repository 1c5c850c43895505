"""The shipped `fieldpost`, whose Bluetooth adapter is a controller that Bumble opens.

`python -m tests.demo.agent_on_hci HCI …` takes what `fieldpost` takes. Only the system's Bluetooth
stack below bleak is replaced.
"""

import sys

from bumble.device import Device, DeviceConfiguration
from bumble.hci import Address
from bumble.transport import open_transport

from device.cli.main import main
from device.links import radio as radios
from tests.ble import quiet
from tests.ble.bleak_on_bumble import Radio, installed

_ADDRESS = "C0:C1:C2:C3:C4:C5"


class HciRadio(Radio):
    """Opens its controller at the first scan, as it must be in the loop that the command makes."""

    def __init__(self, hci: str) -> None:
        super().__init__(None)
        self._hci = hci

    async def maybe_hang(self, call: str) -> None:
        if self.central is None:
            transport = await open_transport(self._hci)
            config = DeviceConfiguration(name="host", address=Address(_ADDRESS))
            central = Device.from_config_with_hci(config, transport.source, transport.sink)
            await central.power_on()
            self.central = central
        await super().maybe_hang(call)


if __name__ == "__main__":
    hci, *arguments = sys.argv[1:]
    quiet.install()
    radios._system_stack = lambda: None  # this computer's own Bluetooth is none of its business
    with installed(HciRadio(hci)):
        code = main(arguments)
    sys.exit(code)
