"""What surrounds the box, for programs: what only the running agent knows."""

from collections.abc import Mapping, Sequence
from typing import Any

from device.surroundings import NetworkState, PowerState


def live_object(
    transfers: Sequence[Mapping[str, Any]],
    upload_rate_bytes_per_s: int,
    network: NetworkState,
    power: PowerState,
    clock_offset_s: float | None,
) -> dict[str, Any]:
    """Describe this moment; `clock_offset_s` is how far the box's clock is ahead of the cloud's."""
    return {
        "network": network,
        "power": power,
        "clock_offset_s": clock_offset_s,
        "transfers": list(transfers),
        "upload_rate_bytes_per_s": upload_rate_bytes_per_s,
    }
