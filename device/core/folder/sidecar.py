"""recording.json: read once, strictly, with everything that is wrong in one sentence."""

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from device.core.folder.content_types import kind_of
from device.core.folder.names import SIDECAR, ignored, plain
from device.errors import ProtocolViolation
from device.model import MediaKind

MAX_BYTES = 1_048_576
MAX_MEDIA = 10_000
_SHOWN_PROBLEMS = 5
_SHOWN_CHARACTERS = 40
_CONTENT_TYPE = re.compile(
    r"[a-z]+/[A-Za-z0-9.+-]{1,60}(; ?[a-z]{1,20}=[A-Za-z0-9.,+-]{1,40}){0,3}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SidecarMedium:
    """One medium as recording.json names it; None is left to the driver to find out."""

    file: str
    kind: MediaKind | None = None
    content_type: str | None = None
    captured_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecar:
    """What recording.json says. `media` is None where it leaves that to the files present."""

    started_at: datetime | None = None
    ended_at: datetime | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    media: tuple[SidecarMedium, ...] | None = None


def parse_sidecar(raw: bytes) -> Sidecar:
    """Parse the bytes of recording.json.

    Raises:
        ProtocolViolation: It cannot be used; the sentence names every problem.
    """
    reader = _Reader()
    sidecar = reader.sidecar(_load(raw))
    if reader.problems:
        shown = reader.problems[:_SHOWN_PROBLEMS]
        if more := len(reader.problems) - len(shown):
            shown.append(f"and {more} more")
        raise ProtocolViolation(f"{SIDECAR}: {'; '.join(shown)}")
    return sidecar


def _load(raw: bytes) -> Any:
    if not raw.strip():
        raise ProtocolViolation(f"{SIDECAR} is empty; write at least {{}}")
    if len(raw) > MAX_BYTES:
        raise ProtocolViolation(f"{SIDECAR} is larger than {MAX_BYTES} bytes")
    try:
        return json.loads(
            raw.decode("utf-8-sig"), object_pairs_hook=_distinct, parse_constant=_no_constant
        )
    except UnicodeDecodeError as error:
        raise ProtocolViolation(f"{SIDECAR} is not UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise ProtocolViolation(
            f"{SIDECAR} is not JSON: line {error.lineno}, column {error.colno}: "
            f"{error.msg.removesuffix(' at')}"
        ) from error
    except (ValueError, RecursionError) as error:
        raise ProtocolViolation(f"{SIDECAR} cannot be read: {error}") from error


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen = dict(pairs)
    if len(seen) < len(pairs):
        twice = next(k for k in seen if sum(k == other for other, _ in pairs) > 1)
        raise ValueError(f"the key {_show(twice)} is there twice")
    return seen


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _show(value: Any) -> str:
    """Quote something hostile for a sentence: ASCII, one line, short."""
    text = json.dumps(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"


class _Reader:
    """Walks the decoded document and collects what is wrong with it."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def sidecar(self, document: Any) -> Sidecar:
        top = self._object(
            document, "the document", ("started_at", "ended_at", "metadata", "media")
        )
        started_at = self._time(top, "started_at", "")
        ended_at = self._time(top, "ended_at", "")
        if started_at is not None and ended_at is not None and ended_at < started_at:
            self.problems.append("ended_at is before started_at")
        return Sidecar(
            started_at=started_at,
            ended_at=ended_at,
            metadata=self._metadata(top.get("metadata")),
            media=self._media(top.get("media")),
        )

    def _object(self, value: Any, where: str, known: tuple[str, ...]) -> dict[str, Any]:
        if not isinstance(value, dict):
            self.problems.append(f"{where} is not an object")
            return {}
        for key in value.keys() - set(known):
            near = difflib.get_close_matches(key, known, n=1)
            meant = f" (did you mean {near[0]}?)" if near else ""
            self.problems.append(f"unknown key {_show(key)} in {where}{meant}")
        return value

    def _text(self, value: Any, where: str) -> str | None:
        if value is None:
            return None
        if isinstance(value, str) and _encodable(value):
            return value
        self.problems.append(f"{where} is not a text: {_show(value)}")
        return None

    def _time(self, holder: Mapping[str, Any], key: str, prefix: str) -> datetime | None:
        where = prefix + key
        text = self._text(holder.get(key), where)
        if text is None:
            return None
        try:
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is not None:
                return moment.astimezone(UTC)
        except (ValueError, OverflowError):
            self.problems.append(f"{where} is not an ISO 8601 time: {_show(text)}")
        else:
            self.problems.append(f"{where} has no offset (2026-03-01T12:00:00Z): {_show(text)}")
        return None

    def _metadata(self, value: Any) -> dict[str, str]:
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.problems.append("metadata is not an object")
            return {}
        texts: dict[str, str] = {}
        for key, item in value.items():
            # Numbers and booleans go up as their JSON text: a battery level needs no quotes.
            text = item if isinstance(item, str) else json.dumps(item)
            if isinstance(item, dict | list) or item is None or not _encodable(key + text):
                self.problems.append(f"metadata {_show(key)} is not a text, number or boolean")
            else:
                texts[key] = text
        return texts

    def _media(self, value: Any) -> tuple[SidecarMedium, ...] | None:
        if value is None:
            return None
        if not isinstance(value, list) or not 0 < len(value) <= MAX_MEDIA:
            self.problems.append(f"media is not a list of 1 to {MAX_MEDIA} objects")
            return None
        media: list[SidecarMedium] = []
        names: set[str] = set()
        for index, item in enumerate(value):
            medium = self._medium(item, f"media[{index}]")
            if medium.file in names:
                self.problems.append(f"media[{index}].file is there twice: {_show(medium.file)}")
            names.add(medium.file)
            media.append(medium)
        return tuple(media)

    def _medium(self, item: Any, where: str) -> SidecarMedium:
        known = ("file", "type", "content_type", "captured_at")
        fields = self._object(item, where, known)
        file = self._text(fields.get("file"), f"{where}.file") or ""
        if not plain(file) or ignored(file) or file == SIDECAR:
            self.problems.append(f"{where}.file is not the name of a medium: {_show(file)}")
        named = self._text(fields.get("type"), f"{where}.type")
        kind = MediaKind(named) if named in tuple(MediaKind) else None
        if named is not None and kind is None:
            self.problems.append(f"{where}.type is not audio, image or video: {_show(named)}")
        content_type = self._text(fields.get("content_type"), f"{where}.content_type")
        if content_type is not None:
            if _CONTENT_TYPE.fullmatch(content_type) is None:
                self.problems.append(
                    f"{where}.content_type is not a content type: {_show(content_type)}"
                )
            elif kind is None and (kind := kind_of(content_type)) is None:
                self.problems.append(f"{where} needs a type: audio, image or video")
        return SidecarMedium(
            file=file,
            kind=kind,
            content_type=content_type,
            captured_at=self._time(fields, "captured_at", f"{where}."),
        )


def _encodable(text: str) -> bool:
    """JSON can spell half of a surrogate pair; UTF-8, our database and HTTP cannot."""
    return not any("\ud800" <= c <= "\udfff" for c in text)
