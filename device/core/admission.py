"""Whether an API takes the media of a recording: asked before any call is made or byte is sent."""

from device.cloud_facts import FACTS
from device.core.medium_name import called
from device.errors import CloudRejected
from device.model import Manifest, SealedMedium

_PLURAL = {"audio": "audio", "image": "images", "video": "video"}


def admit(api: str, manifest: Manifest) -> None:
    """Pass if the API's pages have a place for every medium of a recording.

    Raises:
        CloudRejected: They have not; the sentence says which medium, why, and what to do.
    """
    for medium in manifest.media:
        _admit(api, medium)


def api_word(api: str, medium: SealedMedium) -> str | None:
    """Return the API's own word for a medium's content type; None if it has none."""
    facts = FACTS.get(api)
    known = facts.content_types if facts is not None else None
    return None if known is None else known.get(bare_type(medium))


def bare_type(medium: SealedMedium) -> str:
    """Return a medium's content type without parameters, in lower case."""
    return medium.content_type.partition(";")[0].strip().lower()


def _admit(api: str, medium: SealedMedium) -> None:
    if (facts := FACTS.get(api)) is None:
        return
    kind, which = medium.kind.value, called(medium)
    if kind not in facts.takes:
        remedy = "; give them a cloud of their own: [cloud.images]" if kind == "image" else ""
        raise CloudRejected(f"{api} takes no {_PLURAL[kind]}{remedy}")
    if facts.content_types is not None and bare_type(medium) not in facts.content_types:
        taken = ", ".join(sorted(set(facts.content_types.values())))
        raise CloudRejected(f"{api} takes {taken}; {which} is {bare_type(medium) or 'untyped'}")
    if medium.size_bytes < facts.min_bytes:
        raise CloudRejected(f"{api} takes no empty files; {which} is empty")
    if facts.max_bytes is not None and medium.size_bytes > facts.max_bytes:
        most_mb, has_mb = facts.max_bytes / 1e6, medium.size_bytes / 1e6
        raise CloudRejected(f"{api} takes at most {most_mb:.0f} MB; {which} has {has_mb:.0f} MB")
