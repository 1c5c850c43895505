"""What a live view knows at a moment: the last status, what moves, and how fast bytes leave."""

from dataclasses import dataclass, field
from typing import Any

from device.cli.live_feed import TROUBLE, Heard
from device.cli.live_flow import Flow


@dataclass(kw_only=True)
class Board:
    """Takes events; `status` is None until the first came."""

    flow: Flow
    status: dict[str, Any] | None = None
    transfers: list[dict[str, Any]] = field(default_factory=list)
    upload_rate_bytes_per_s: int = 0
    """Of all uploads together."""
    recorders: dict[str, str] = field(default_factory=dict)
    """The recorder of each entry that was told of."""
    told: str | None = None
    """The last that was said about no entry, or why nothing is known."""

    @property
    def is_live(self) -> bool:
        """Whether the agent itself tells."""
        return self.status is not None and self.status["source"] == "agent"

    def take(self, heard: Heard, now_s: float) -> None:
        """Take an event; those of later versions are left alone."""
        content = heard.content
        match heard.name:
            case "status":
                self.status = content
                self._progress(content, now_s)
                self.recorders = {each["id"]: each["recorder"] for each in content["waiting"]}
            case "progress":
                self._progress(content, now_s)
            case "moved":
                self._moved(content["entry"], now_s)
            case "note":
                self.told = content["sentence"]
            case name if name == TROUBLE:
                self.status, self.transfers, self.told = None, [], content["sentence"]

    def moving(self, direction: str) -> list[dict[str, Any]]:
        """List what moves one way."""
        return [each for each in self.transfers if each["direction"] == direction]

    def _moved(self, entry: dict[str, Any], now_s: float) -> None:
        self.flow.moved(entry, now_s)
        self.recorders[entry["id"]] = entry["recorder"]
        if self.status is not None:  # what it says of the entry is old; the next one comes soon
            waiting = [each for each in self.status["waiting"] if each["id"] != entry["id"]]
            self.status = {**self.status, "waiting": waiting}

    def _progress(self, content: dict[str, Any], now_s: float) -> None:
        self.transfers = content.get("transfers", [])
        self.upload_rate_bytes_per_s = content.get("upload_rate_bytes_per_s") or 0
        self.flow.progress(self.transfers, now_s)
