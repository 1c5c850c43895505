"""What Swayzio is told that a file is called: it checks the extension beside the content type."""

import re

from device.core.admission import bare_type
from device.core.http_answer import plain
from device.core.medium_name import called
from device.errors import CloudRejected
from device.model import Manifest, SealedMedium

_NAME_CHARS = 120
_NAMED = re.compile(r"(.+)\.([A-Za-z0-9]{1,5})")

_EXTENSIONS = {
    "audio/wav": ("wav", "wave"),
    "audio/wave": ("wav", "wave"),
    "audio/x-wav": ("wav", "wave"),
    "audio/vnd.wave": ("wav", "wave"),
    "audio/mpeg": ("mp3",),
    "audio/mp3": ("mp3",),
    "audio/flac": ("flac",),
    "audio/x-flac": ("flac",),
    "audio/ogg": ("ogg", "oga", "opus"),
    "audio/opus": ("opus",),
    "audio/mp4": ("m4a", "mp4"),
    "audio/x-m4a": ("m4a",),
    "audio/aac": ("aac",),
    "audio/aiff": ("aiff", "aif"),
    "audio/x-aiff": ("aiff", "aif"),
    "audio/webm": ("webm", "weba"),
}
"""Content type → the extensions that go with it, the first of which is given to a bare name."""


def check_names(manifest: Manifest) -> None:
    """Pass if every medium has a content type that a file extension goes with.

    Raises:
        CloudRejected: Swayzio checks both, so it would refuse the upload after all.
    """
    for medium in manifest.media:
        if bare_type(medium) not in _EXTENSIONS:
            raise CloudRejected(
                f"swayzio checks type and file extension; {called(medium)} is"
                f" {plain(bare_type(medium)) or 'untyped'}, which has no extension there"
            )


def file_name(medium: SealedMedium) -> str:
    """Return the recorder's name for the audio, with an extension that its type goes with."""
    label = "".join(c for c in medium.name if c.isprintable() and c not in '/\\:*?"<>|')
    fitting = _EXTENSIONS[bare_type(medium)]
    found = _NAMED.fullmatch(label.strip(" ."))
    stem, extension = found.groups() if found else (label, "")
    told = extension if extension.lower() in fitting else fitting[0]
    return f"{stem[:_NAME_CHARS].strip(' .') or f'medium-{medium.index}'}.{told}"
