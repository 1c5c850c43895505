"""Checks of serial recorders: may the port be used, and does somebody answer behind it?"""

import asyncio
import grp
import os
import pwd
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from device.doctor import CONFIG, Check, Scene
from device.doctor.by_agent import told
from device.drivers import Opening
from device.drivers.native import open_native
from device.errors import FieldpostError
from device.links.serial import SerialAddress
from device.verdict import Finding, failed, ok
from device.words import printable

AGENT_USER = "fieldpost"
ANSWER_S = 8.0
_LIST = "plug the recorder in and switch it on; ports: fieldpost scan --serial"


def recorders(scene: Scene) -> Sequence[str]:
    """List the recorders on serial ports."""
    return [each.url for each in scene.config.recorders if urlsplit(each.url).scheme == "serial"]


async def permission(_scene: Scene, url: str) -> Finding:
    """May the port be used?"""
    return await asyncio.to_thread(_permission, Path(SerialAddress.parse(url).path))


async def opens(scene: Scene, url: str) -> Finding:
    """Does a recorder answer?"""
    if scene.agent_pid is not None:
        return told(scene, url)
    opening = Opening(url=url, release="keep", clock=scene.clock, cache=scene.config.spool.path)
    try:
        async with asyncio.timeout(ANSWER_S):
            driver = await open_native(opening)
            try:
                info = await driver.info()
            finally:
                await driver.aclose()
    except TimeoutError:
        return failed(
            f"the port opens, and no recorder answers in {ANSWER_S:.0f} s",
            f"check cable, power and baud rate; then: fieldpost probe '{url}'",
        )
    except FieldpostError as error:
        return failed(printable(str(error)), error.hint or f"fieldpost probe '{url}'")
    battery = f", battery {info.battery_percent} %" if info.battery_percent is not None else ""
    return ok(printable(f"{info.serial} answers ({info.model}, {info.firmware}{battery})"))


def _permission(port: Path) -> Finding:
    """Judge for the agent's user where we are root, who may everything."""
    try:
        state = port.stat()
    except OSError as error:
        return failed(f"{port} is not there ({os.strerror(error.errno or 0)})", _LIST)
    user = _judged_user()
    if user is None:
        if os.access(port, os.R_OK | os.W_OK):
            return ok("this user may use the port")
        who = _user_name(os.geteuid())
    else:
        if _may(state, user):
            return ok(f"user {user.pw_name} may use the port")
        who = user.pw_name
    group = _group_name(state.st_gid)
    return failed(
        f"user {who} may not use the port: it belongs to group {group}",
        f"sudo usermod -aG {group} {who}; sudo systemctl restart fieldpost",
    )


def _judged_user() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(AGENT_USER)
    except KeyError:
        return None  # nobody but root runs it here


def _may(state: os.stat_result, user: pwd.struct_passwd) -> bool:
    wanted = 0o6
    if user.pw_uid == state.st_uid:
        return (state.st_mode >> 6) & wanted == wanted
    if state.st_gid in os.getgrouplist(user.pw_name, user.pw_gid):
        return (state.st_mode >> 3) & wanted == wanted
    return state.st_mode & wanted == wanted


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)  # a container's, or a service's of the moment


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


CHECKS = (
    Check(code="serial-permission", run=permission, needs=(CONFIG,), subjects=recorders),
    Check(code="serial-open", run=opens, needs=("serial-permission",), subjects=recorders),
)
