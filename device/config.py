"""The configuration as values; defaults live here alone, config_file.py reads the files.

None is a setting that this box leaves to the gateway; `built-in` is what holds where that says
nothing either (settings.py).
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from device.cloud_facts import FACTS


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudConfig:
    """Where recordings go."""

    api: str = field(
        default="bota", metadata={"doc": "upload API: bota, siro, sivi, cryomix or swayzio"}
    )
    base_url: str = field(
        default="",
        metadata={"doc": "address of the API, version path included; its own by default"},
    )
    token_file: Path = field(
        default=Path("/etc/fieldpost/token"),
        metadata={"doc": "file that holds the API's credential (bota: dtok_…), mode 0600"},
    )
    allow_http: bool = field(
        default=False,
        metadata={"doc": "permit plain http:// beyond loopback; the token then travels in clear"},
    )
    finalize_path: str = field(
        default="",
        metadata={"doc": "siro, sivi: call that registers an upload, relative to base_url"},
    )
    oauth_url: str = field(
        default="",
        metadata={
            "doc": 'siro: token endpoint; token_file then holds {"client_id", "client_secret"}'
        },
    )
    url_life_s: int = field(
        default=0, metadata={"doc": "sivi, cryomix: life of an upload URL; 0 means the API's own"}
    )
    device_id: str = field(
        default="", metadata={"doc": "bota with an API key (sk_…, rk_…): device it stands for"}
    )
    end_user_id: str = field(
        default="",
        metadata={"doc": "siro, bota with an API key: whose recordings these are"},
    )

    def __post_init__(self) -> None:
        """Fill in what the API itself says where the operator says nothing."""
        if facts := FACTS.get(self.api):
            object.__setattr__(self, "base_url", self.base_url or facts.base_url)
            object.__setattr__(self, "finalize_path", self.finalize_path or facts.finalize_path)


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkConfig:
    """The way out to the clouds and their stores."""

    ca_file: str = field(
        default="",
        metadata={"doc": "PEM file of authorities to trust beside the system's own"},
    )
    client_cert: str = field(
        default="", metadata={"doc": "PEM file to show to servers that ask who we are (mTLS)"}
    )
    client_key: str = field(
        default="", metadata={"doc": "its private key, mode 0600; by default in client_cert"}
    )
    proxy: str = field(
        default="",
        metadata={"doc": "http://host:port, or environment (HTTPS_PROXY, NO_PROXY); else none"},
    )
    proxy_login_file: str = field(
        default="", metadata={"doc": "file that holds user:password for the proxy, mode 0600"}
    )
    no_proxy: str = field(
        default="",
        metadata={"doc": "reached without it, by commas: host, .domain, 10.0.0.0/8, host:port"},
    )
    max_bytes_per_s: int = field(
        default=0, metadata={"doc": "limit of what all uploads send together; 0 means none"}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionConfig:
    """Which networks may carry uploads."""

    upload_network_preference: str | None = field(
        default=None,
        metadata={
            "doc": "networks that may carry uploads, by commas: wifi (cables too), cellular",
            "built-in": "wifi, cellular",
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerConfig:
    """What a low battery is."""

    low_battery_threshold_percent: int | None = field(
        default=None,
        metadata={"doc": "the box's battery counts as low below this", "built-in": 20},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatConfig:
    """How often the cloud hears how this box fares, and is asked what it wants done."""

    every_s: int | None = field(
        default=None,
        metadata={
            "doc": "seconds between heartbeats, five times as many where bytes cost; 0: never",
            "built-in": 60,
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceConfig:
    """What the cloud may have this box do."""

    allow_factory_reset: bool = field(
        default=False,
        metadata={"doc": "let the cloud have the token and its own settings forgotten"},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolConfig:
    """Where recordings wait."""

    path: Path = field(
        default=Path("/var/lib/fieldpost"), metadata={"doc": "folder of the spool, on a real disk"}
    )
    max_bytes: int = field(
        default=0, metadata={"doc": "stop pulling above this many bytes; 0 means the disk's size"}
    )
    min_free_bytes: int = field(
        default=268_435_456, metadata={"doc": "stop pulling when the disk has less than this free"}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderConfig:
    """One recorder, or one folder of recordings."""

    url: str = field(
        metadata={"doc": "serial:///dev/serial/by-id/…?baud=921600, ble://ADDRESS, folder:///path"}
    )
    driver: str | None = field(
        default=None,
        metadata={"doc": "native, bota or folder; by default what the URL's scheme means"},
    )
    release: str = field(
        default="delete",
        metadata={"doc": "after the receipt: delete, keep, or archive:/path (folders only)"},
    )
    live: bool = field(
        default=False,
        metadata={"doc": "pull a recording while it is still being made (driver bota only)"},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadConfig:
    """How recordings go up."""

    chunk_bytes: int = field(
        default=8_388_608,
        metadata={"doc": "bytes per chunk of a resumable upload; a multiple of 262144"},
    )
    workers: int = field(
        default=2, metadata={"doc": "media, or parts of one, that go up at the same time"}
    )
    segment: str = field(
        default="auto",
        metadata={
            "doc": "audio in parts where a PUT cannot resume: auto (as the link drops), off, or 10m"
        },
    )

    daily_data_limit_mb: int | None = field(
        default=None,
        metadata={
            "doc": "MB a day over networks that cost, what is sent twice included; 0: no limit",
            "built-in": 0,
        },
    )
    allow_roaming: bool | None = field(
        default=None,
        metadata={"doc": "upload while the mobile network is a foreign one", "built-in": False},
    )
    pause_on_low_battery: bool | None = field(
        default=None,
        metadata={
            "doc": "wait while the box's own battery is low and not charging",
            "built-in": True,
        },
    )
    off_peak_hours: str | None = field(
        default=None,
        metadata={
            "doc": "upload only in these hours: 22:00-06:00 Europe/Berlin; empty: at all hours",
            "built-in": "",
        },
    )

    streaming_enabled: bool | None = field(
        default=None,
        metadata={
            "doc": "pull recordings while they are still being made, as live does for one recorder",
            "built-in": False,
        },
    )

    @property
    def segment_s(self) -> float | None:
        """The longest part that `segment` asks for; None where it names no duration."""
        found = re.fullmatch(r"([0-9]{1,6})(s|m|h)", self.segment)
        return int(found[1]) * {"s": 1.0, "m": 60.0, "h": 3600.0}[found[2]] if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All of it."""

    cloud: CloudConfig = field(default_factory=CloudConfig)
    cloud_images: CloudConfig | None = None
    """Table [cloud.images]: images go there and everything else to [cloud]."""
    spool: SpoolConfig = field(default_factory=SpoolConfig)
    recorders: tuple[RecorderConfig, ...] = ()
    upload: UploadConfig = field(default_factory=UploadConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    connection: ConnectionConfig = field(default_factory=ConnectionConfig)
    power: PowerConfig = field(default_factory=PowerConfig)
    heartbeat: HeartbeatConfig = field(default_factory=HeartbeatConfig)
    device: DeviceConfig = field(default_factory=DeviceConfig)
