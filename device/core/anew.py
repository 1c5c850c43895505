"""What a requeue forgets of an upload, so that all of it is sent anew, and what it keeps."""

import re
from collections.abc import Mapping

from device.cloud_facts import FACTS
from device.model import MediumState

AGAIN = "again"
"""Key of how often a person had it sent anew: a cloud's earlier recording of it is not this one."""

_OF_ONE_MEDIUM = re.compile(rf"(?:images\.)?(?:{'|'.join(FACTS)})\.(\d{{1,9}})")
_WHERE = frozenset({"cloud", "cloud_at", "at", "images.at"})
"""Keys that say which cloud, at which address, the rest of a reference is about."""


def acknowledged(ref: Mapping[str, str]) -> frozenset[int]:
    """Name the media that an API has acknowledged each by itself: announced twice, they double."""
    found = (_OF_ONE_MEDIUM.fullmatch(key) for key in ref)
    return frozenset(int(each[1]) for each in found if each is not None)


def anew(ref: Mapping[str, str]) -> dict[str, str]:
    """Return what stays of a cloud's names for a recording.

    Its name for the whole goes: that recording may be deleted there, or have failed for good.
    """
    alone = acknowledged(ref)
    kept = {
        key: text
        for key, text in ref.items()
        if alone and (key in _WHERE or _OF_ONE_MEDIUM.fullmatch(key))
    }
    return {**kept, AGAIN: str(times(ref) + 1)}


def times(ref: Mapping[str, str]) -> int:
    """Say how often all of it was sent anew."""
    said = ref.get(AGAIN, "")
    return int(said) if said.isascii() and said.isdigit() else 0


def in_vain_bytes(sent: MediumState) -> int:
    """Count what left for a medium, or a part, that is now forgotten."""
    if sent.evidence is not None:
        return sent.medium.size_bytes
    state = sent.session.state if sent.session is not None else {}
    return sum(int(state.get(key, "0")) for key in ("offset", "unsettled"))
