"""Take out of a report what is nobody's business: secrets, names of people, places.

What is known to be private on this very box is taken out word by word, wherever it stands; what
merely looks private goes by its form.
"""

import contextlib
import json
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from device.config import Config
from device.config_clouds import clouds
from device.config_network import proxy_login
from device.errors import FieldpostError
from device.logs import redact
from device.slots import FILE as SLOTS
from device.spool.reader import read_only
from device.token import NOT_ENROLLED

GONE = "***"
_LEAST = 4
"""Shorter words are in every text."""
_FORMS = (
    re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+"),
    # Two decimal degrees beside each other, and one that is named.
    re.compile(r"[-+]?\d{1,3}\.\d{3,}\s*°?\s*[NS]?\s*[,;/ ]\s*[-+]?\d{1,3}\.\d{3,}\s*°?\s*[EW]?"),
    re.compile(r"(?i)\b(?:lat|lon|lng|latitude|longitude)\b[\"']?\s*[=:]?\s*[-+]?\d+(?:\.\d+)?"),
    re.compile(r"(?<![\w.])\+\d[\d ()-]{7,}\d"),
    re.compile(r"(?<=/home/)[^/\s\"']+|(?<=/Users/)[^/\s\"']+"),
)
_PRIVATE_FACT = re.compile(
    r"(?i)\b(name|title|speaker|person|user|owner|site|place|position|file|folder|path)="
    r"(\"(?:[^\"\\]|\\.)*\"|\S+)"
)
_GENERIC = re.compile(r"(?i)(audio|image|img|video|recording|photo)?[-_ ]?\d*\.[a-z0-9]{2,5}")
"""Names of media that everybody's have."""


@dataclass(frozen=True, slots=True)
class Scrubber:
    """Takes texts through it; `known` are private words, the longest first."""

    known: tuple[str, ...] = ()
    _pattern: re.Pattern[str] | None = field(default=None)

    @classmethod
    def of(cls, words: Iterable[str]) -> "Scrubber":
        """Take these words out, in the spellings that logs and documents give them."""
        spelt = {
            spelling
            for word in words
            if len(word.strip()) >= _LEAST
            for spelling in _spellings(word.strip())
        }
        known = tuple(sorted(spelt, key=len, reverse=True))
        pattern = re.compile("|".join(map(re.escape, known)), re.IGNORECASE) if known else None
        return cls(known, pattern)

    def text(self, text: str) -> str:
        """Return a text without what is private."""
        if self._pattern is not None:
            text = self._pattern.sub(GONE, text)
        text = redact(text)
        for form in _FORMS:
            text = form.sub(GONE, text)
        return text

    def log(self, text: str) -> str:
        """Return a line of a log; facts that may name people or places go as a whole."""
        return _PRIVATE_FACT.sub(rf"\1={GONE}", self.text(text))

    def value(self, value: Any) -> Any:
        """Return a JSON value, with every text in it taken through."""
        match value:
            case str():
                return self.text(value)
            case Mapping():
                return {self.text(str(key)): self.value(each) for key, each in value.items()}
            case list() | tuple():
                return [self.value(each) for each in value]
            case _:
                return value


def private_words(config: Config, environ: Mapping[str, str]) -> set[str]:
    """Collect what is private on this box and may have got into any text. Blocks.

    What cannot be read is not in our texts either; the forms remain.
    """
    words: set[str] = set()
    for _, cloud in clouds(config):
        words |= {cloud.end_user_id, *_secrets(cloud.token_file)}
    if credentials := environ.get("CREDENTIALS_DIRECTORY"):
        for file in _files(Path(credentials)):
            words |= _secrets(file)
    words |= _secrets(config.spool.path / SLOTS)
    with contextlib.suppress(FieldpostError, OSError):
        words |= set(proxy_login(config.network).split(":"))
    words |= {value for name, value in environ.items() if _is_secret(name)}
    words |= set(_of_recordings(config.spool.path))
    host = os.uname().nodename
    if "fieldpost" not in host.lower():
        words.add(host)
    return words - {"", "localhost", "raspberrypi", NOT_ENROLLED}


def _of_recordings(root: Path) -> Iterator[str]:
    """Name what people called their recordings and media, and what they wrote about them."""
    try:
        with read_only(root) as reader:
            for entry in reader.entries():
                yield from entry.recording.metadata.values()
                for state in entry.media:
                    name = state.medium.name
                    if not _GENERIC.fullmatch(name):
                        yield name
                        yield Path(name).stem
    except (FieldpostError, OSError, sqlite3.Error):
        return


def _secrets(file: Path) -> set[str]:
    """Read a file of one secret, or of several in JSON."""
    try:
        text = file.read_text(errors="replace").strip()
    except OSError:
        return set()
    try:
        document = json.loads(text)
    except ValueError:
        return {text}
    found = document.values() if isinstance(document, dict) else ()
    return {text, *(each for each in found if isinstance(each, str))}


def _files(folder: Path) -> list[Path]:
    try:
        return [each for each in folder.iterdir() if each.is_file()]
    except OSError:
        return []


def _is_secret(name: str) -> bool:
    return bool(
        re.search(r"TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|CREDENTIAL$|_PROXY$", name, re.IGNORECASE)
    )


def _spellings(word: str) -> set[str]:
    """Spell a word as it stands, as URLs have it, and as JSON has it."""
    return {word, quote(word, safe=""), quote(word), json.dumps(word)[1:-1]}
