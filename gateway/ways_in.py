"""Build what the configuration says of the object store, and the intake that fits it."""

from dataclasses import dataclass
from typing import assert_never

from device.clock import Clock
from gateway.config import GatewayConfig
from gateway.config_objects import GcsConfig, S3Config
from gateway.intake import Intake
from gateway.landing import Landing
from gateway.live import Live
from gateway.metrics import Metrics
from gateway.objects import DirectObjectStore, ObjectStore
from gateway.objects.filesystem import FilesystemObjects
from gateway.part_lists import PartLists
from gateway.pumping import Pump
from gateway.receiving import Receiving
from gateway.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class WaysIn:
    """One object store and how media come into it.

    `direct` is the store where clients reach it themselves, `part_lists` where it takes parts.
    """

    objects: ObjectStore
    intake: Intake
    direct: DirectObjectStore | None = None
    part_lists: PartLists | None = None

    async def aclose(self) -> None:
        """Stop what is under way and let go of the store; idempotent."""
        await self.intake.aclose()
        await self.objects.aclose()


def ways_in(
    config: GatewayConfig, store: Store, metrics: Metrics, clock: Clock, live: Live
) -> WaysIn:
    """Build it.

    Raises:
        ConfigInvalid: Credentials or a package are missing.
    """
    match config.objects:
        case None:
            carried = FilesystemObjects(config.data, secret=config.secret)
            pump = Pump(metrics, clock, idle_s=config.idle_s)
            receiving = Receiving(
                store, carried, pump, live, max_medium_bytes=config.max_medium_bytes
            )
            return WaysIn(objects=carried, intake=receiving)
        case S3Config():
            from gateway.objects.s3 import S3Objects  # noqa: PLC0415 - only where it is used

            s3 = S3Objects(config.objects, secret=config.secret)
            landing = Landing(store, s3, metrics, at_once=config.verify_at_once)
            lists = PartLists(store, s3, clock, url_ttl_s=config.url_ttl_s)
            return WaysIn(objects=s3, intake=landing, direct=s3, part_lists=lists)
        case GcsConfig():
            from gateway.objects.gcs import GcsObjects  # noqa: PLC0415 - only where it is used

            gcs = GcsObjects(config.objects)
            landing = Landing(store, gcs, metrics, at_once=config.verify_at_once)
            return WaysIn(objects=gcs, intake=landing, direct=gcs)
        case _:
            assert_never(config.objects)
