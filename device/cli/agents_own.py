"""Why a recorder's port is taken: most often by our own agent, which nobody should stop."""

from device.cli.agent_client import AgentClient
from device.cli.invocation import Invocation
from device.config import Config
from device.errors import FieldpostError, LinkReason, LinkUnavailable


def named(error: FieldpostError, url: str, config: Config, call: Invocation) -> FieldpostError:
    """Return the error, or another that says that the agent has this recorder open."""
    if not (isinstance(error, LinkUnavailable) and error.reason is LinkReason.IN_USE):
        return error
    try:
        carried = AgentClient.of(config, call.environ).status()["configured"]
    except FieldpostError:
        return error
    if url not in carried:
        return error
    return LinkUnavailable(
        "the agent has it open, and tells what it holds",
        reason=LinkReason.IN_USE,
        hint="fieldpost status; what came from it: fieldpost recordings ls",
    )
