"""Who may use a simulated recorder: hosts that paired with it, by LE Secure Connections."""

from collections.abc import Iterable

from bumble.att import Attribute
from bumble.device import Connection, Device
from bumble.gatt import GATT_CLIENT_CHARACTERISTIC_CONFIGURATION_DESCRIPTOR, Characteristic
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.smp import AuthReq, ErrorCode, Session, SMP_Pairing_Request_Command

_READ = Attribute.Permissions.READ_REQUIRES_ENCRYPTION
_WRITE = Attribute.Permissions.WRITE_REQUIRES_ENCRYPTION


def accept_pairing(device: Device) -> None:
    """Pair with whoever asks, by Just Works and LE Secure Connections alone, and keep the bond.

    Bonds last as long as the device does. A host that knows only legacy pairing, whose keys an
    eavesdropper can work out, is refused.
    """
    device.pairing_config_factory = _just_works
    device.smp_session_proxy = _SecureConnectionsOnly


def require_encryption(device: Device, characteristics: Iterable[Characteristic[bytes]]) -> None:
    """Let nobody read, write or subscribe before the link is encrypted.

    Called once the characteristics are in the device's table.
    """
    for each in characteristics:
        each.permissions |= _READ | _WRITE
        for attribute in device.gatt_server.attributes:
            if (
                each.handle < attribute.handle <= each.end_group_handle
                and attribute.type == GATT_CLIENT_CHARACTERISTIC_CONFIGURATION_DESCRIPTOR
            ):
                attribute.permissions |= _WRITE


def _just_works(_: Connection) -> PairingConfig:
    return PairingConfig(
        sc=True,
        mitm=False,
        bonding=True,
        delegate=PairingDelegate(PairingDelegate.IoCapability.NO_OUTPUT_NO_INPUT),
    )


class _SecureConnectionsOnly(Session):
    async def on_smp_pairing_request_command_async(
        self, command: SMP_Pairing_Request_Command
    ) -> None:
        if not command.auth_req & AuthReq.SC:
            self.send_pairing_failed(ErrorCode.AUTHENTICATION_REQUIREMENTS)
            return
        await super().on_smp_pairing_request_command_async(command)
