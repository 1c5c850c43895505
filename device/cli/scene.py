"""Set the scene for `doctor` and `bugreport`: configuration, and what the agent or spool tells."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from device.cli.agent_client import AgentAbsent, AgentBroken, AgentClient
from device.cli.invocation import Invocation
from device.config import Config
from device.config_file import Loaded, load
from device.documents.plain import plain
from device.documents.status import status_object
from device.errors import ConfigInvalid, FieldpostError, SpoolError
from device.glance import glance

if TYPE_CHECKING:
    from device.doctor import Scene


def scene_of(call: Invocation) -> "Scene":
    """Look at what there is; nothing of it is an error here."""
    from device.clock import SystemClock  # noqa: PLC0415 - it imports asyncio
    from device.doctor import Scene  # noqa: PLC0415 - as above

    loaded: Loaded | None = None
    problem = trouble = None
    status: Mapping[str, Any] | None = None
    try:
        loaded = load(call.config_file, call.environ, needs_token=False)
    except ConfigInvalid as error:
        problem = error
    if loaded is not None:
        try:
            status = told(loaded.config, call)
        except FieldpostError as error:
            trouble = error
    return Scene(
        loaded=loaded,
        problem=problem,
        environ=call.environ,
        status=status,
        trouble=trouble,
        clock=SystemClock(),
    )


def told(config: Config, call: Invocation) -> Mapping[str, Any]:
    """Ask the agent, else read the spool; what a silent agent holds is then still known.

    Raises:
        FieldpostError: Neither tells.
    """
    try:
        return AgentClient.of(config, call.environ).status()
    except (AgentAbsent, AgentBroken) as silent:
        try:
            return plain(status_object(glance(config, datetime.now(UTC)), config))
        except SpoolError as error:
            hint = "join group fieldpost and log in again, or use sudo"
            raise SpoolError(f"{silent}; {error}", hint=hint) from error
