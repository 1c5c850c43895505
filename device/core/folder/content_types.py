"""What kind of medium a file is, from its extension and its first bytes."""

from device.model import MediaKind

HEAD_BYTES = 16
"""How much of a file `sniff` needs."""

_BY_EXTENSION = {
    "aac": "audio/aac",
    "aif": "audio/aiff",
    "aiff": "audio/aiff",
    "amr": "audio/amr",
    "avi": "video/x-msvideo",
    "caf": "audio/x-caf",
    "flac": "audio/flac",
    "heic": "image/heic",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "m4a": "audio/mp4",
    "m4v": "video/mp4",
    "mka": "audio/x-matroska",
    "mkv": "video/x-matroska",
    "mov": "video/quicktime",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "oga": "audio/ogg",
    "ogg": "audio/ogg",
    "ogv": "video/ogg",
    "opus": "audio/opus",
    "png": "image/png",
    "rf64": "audio/wav",
    "wav": "audio/wav",
    "wave": "audio/wav",
    "weba": "audio/webm",
    "webm": "video/webm",
    "webp": "image/webp",
}

_CONTAINERS = {
    "audio/ogg": frozenset({"audio/ogg", "audio/opus", "video/ogg"}),
    "video/mp4": frozenset({"audio/mp4", "video/mp4", "video/quicktime", "audio/aac"}),
    "video/webm": frozenset({"audio/webm", "video/webm", "audio/x-matroska", "video/x-matroska"}),
}
"""What the bytes cannot tell apart is told by the extension."""

_MAGIC = (
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"fLaC", "audio/flac"),
    (0, b"OggS", "audio/ogg"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (0, b"#!AMR", "audio/amr"),
    (0, b"caff", "audio/x-caf"),
    (4, b"ftypM4A", "audio/mp4"),
    (4, b"ftypqt", "video/quicktime"),
    (4, b"ftyphei", "image/heic"),
    (4, b"ftypmif1", "image/heic"),
    (4, b"ftyp", "video/mp4"),
    (8, b"WAVE", "audio/wav"),
    (8, b"WEBP", "image/webp"),
    (8, b"AVI ", "video/x-msvideo"),
    (8, b"AIF", "audio/aiff"),
)


def sniff(head: bytes) -> str | None:
    """Recognise a content type from a file's first `HEAD_BYTES`; None where they say nothing."""
    for at, magic, content_type in _MAGIC:
        if head.startswith(magic, at):
            return content_type
    return None


def content_type(name: str, sniffed: str | None) -> str | None:
    """Decide the content type of a file.

    Bytes that are recognised win over an extension that contradicts them; unrecognised bytes leave
    it to the extension (a picture damaged by a power cut still goes up as what it was meant to be).

    Returns:
        None where neither says anything.
    """
    by_extension = _BY_EXTENSION.get(name.rpartition(".")[2].lower())
    if sniffed is None:
        return by_extension
    if by_extension is not None and by_extension in _CONTAINERS.get(sniffed, frozenset()):
        return by_extension
    return sniffed


def kind_of(content_type: str) -> MediaKind | None:
    """Say which kind of medium a content type is; None for what is no medium at all."""
    try:
        return MediaKind(content_type.partition("/")[0])
    except ValueError:
        return None
