"""Bumble describes every packet for its log even when nobody reads it: most of its time."""

import bumble.controller
import bumble.device
import bumble.gatt_client
import bumble.gatt_server
import bumble.host
import bumble.l2cap
import bumble.link
from bumble import att, hci, l2cap


def _plain(text: object, *_: object, **__: object) -> object:
    return text


def _name(packet: object) -> str:
    return type(packet).__name__


def _hush(kind: type, seen: set[type]) -> None:
    if kind in seen:
        return
    seen.add(kind)
    if "__str__" in vars(kind):
        kind.__str__ = _name
    for sub in kind.__subclasses__():
        _hush(sub, seen)


def install() -> None:
    """Replace the descriptions by constants, in this process, for good."""
    seen: set[type] = set()
    for kind in (hci.HCI_Packet, att.ATT_PDU, l2cap.L2CAP_PDU, l2cap.L2CAP_Control_Frame):
        _hush(kind, seen)
    for module in (
        bumble.controller,
        bumble.device,
        bumble.gatt_client,
        bumble.gatt_server,
        bumble.host,
        bumble.l2cap,
        bumble.link,
    ):
        if hasattr(module, "color"):
            module.color = _plain
