"""The receipt of an API that acknowledges media one by one and has no call for the recording."""

from collections.abc import Mapping
from datetime import datetime

from device.core.medium_name import all_called
from device.errors import MediaMissing
from device.model import Manifest, Receipt


def receipt_of_each(
    manifest: Manifest, ref: Mapping[str, str], *, cloud: str, lacking: str, now: datetime
) -> Receipt:
    """Make a receipt of what the API said of each medium: `ref["<cloud>.<index>"]`.

    Args:
        manifest: Every medium of it must have been acknowledged.
        ref: The cloud's own names, one for each acknowledged medium.
        cloud: The API's name.
        lacking: Sentence for people, before the names of media that were not acknowledged.
        now: The time, aware.

    Raises:
        MediaMissing: Some were not; they are sent again.
    """
    missing = [m for m in manifest.media if f"{cloud}.{m.index}" not in ref]
    if missing:
        refs = tuple(str(medium.index) for medium in missing)
        raise MediaMissing(f"{lacking} {all_called(missing)}", refs=refs)
    return Receipt(
        cloud=cloud,
        cloud_recording=",".join(ref[f"{cloud}.{m.index}"] for m in manifest.media),
        acknowledged_at=now,
        media=len(manifest.media),
    )
