"""What a recorder lists that needs a person, as the spool keeps it. Nothing heavy."""

from collections.abc import Callable

import msgspec

from device.model import Kept, Noticed


def name_of(url: str) -> str:
    """Say under which name the notices about a URL are kept."""
    return f"notices {url}"


def noticed(kept: Callable[[str], Kept | None], url: str) -> Noticed | None:
    """Look up what needs a person at a URL; what cannot be read is told anew by the next visit."""
    found = kept(name_of(url))
    try:
        return None if found is None else msgspec.convert(found.value, Noticed)
    except msgspec.ValidationError:
        return None
