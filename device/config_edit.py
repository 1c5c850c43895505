"""Change settings in the text of a configuration file, and leave all else in it as it stands."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from device.config_lines import KeyPath, key_lines
from device.errors import ConfigInvalid

_HEADER = re.compile(r"[ \t]*\[")
_SIMPLE = re.compile(
    r"[ \t]*[A-Za-z0-9_-]+[ \t]*=[ \t]*(?:\"[^\"\\]*\"|'[^']*'|[^#\"'\[{]*?)([ \t]*#.*)?$"
)
"""A key with a value on one line; what follows it is the comment to keep."""
_ESCAPES = {'"': '\\"', "\\": "\\\\"}

Values = Mapping[str, Any]


def edited(
    text: str, *, tables: Mapping[str, Values], recorders: Sequence[Values] | None = None
) -> str:
    """Return the text with these settings.

    Args:
        text: A valid TOML document.
        tables: Settings to make, by table; None takes one out.
        recorders: All there are to be: first those that the text has and that stay, in its order,
            then new ones. Which is which is told by `url`. None leaves them alone.

    Raises:
        ConfigInvalid: The file is written in a form that cannot be changed line by line.
    """
    wanted = _changed(tomllib.loads(text), tables, recorders)
    page = _Page(text)
    for table, values in tables.items():
        page.set_table(table, values)
    if recorders is not None:
        page.set_recorders(tomllib.loads(text).get("recorders", []), recorders)
    result = page.text()
    try:
        found = tomllib.loads(result)
    except tomllib.TOMLDecodeError:
        found = {}
    if found != wanted:
        raise ConfigInvalid(
            ["it is written in a form that only a person can change: write these settings by hand"]
        )
    return result


def toml(value: Any) -> str:
    """Write one value: text, a number, or true and false."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    return '"' + "".join(_ESCAPES.get(letter, letter) for letter in str(value)) + '"'


def _changed(
    document: dict[str, Any], tables: Mapping[str, Values], recorders: Sequence[Values] | None
) -> dict[str, Any]:
    """Say what the result must mean."""
    for name, values in tables.items():
        if table := _merged(document.get(name, {}), values):
            document[name] = table
    if recorders is not None:
        before = {each["url"]: each for each in document.pop("recorders", [])}
        after = [_merged(before.get(each["url"], {}), each) for each in recorders]
        if after:
            document["recorders"] = after
    return document


def _merged(before: Values, values: Values) -> dict[str, Any]:
    merged = {**before, **values}
    return {key: value for key, value in merged.items() if value is not None}


class _Page:
    """The lines of a file, and what comes in place of each."""

    def __init__(self, text: str) -> None:
        self._lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n") if text else []
        self._after: list[list[str]] = [[line] for line in self._lines]
        self._end: list[str] = []
        self._at: dict[KeyPath, int] = {
            path: number - 1 for path, number in key_lines(text).items()
        }

    def text(self) -> str:
        lines = [line for lines in self._after for line in lines] + self._end
        return "".join(f"{line}\n" for line in lines)

    def set_table(self, name: str, values: Values) -> None:
        header = self._header((name,))
        new = self._set((name,), values)
        if header is not None:
            for key, line in new.items():
                self._after[self._place(header, key)].append(line)
        elif new:
            self._append([f"[{name}]", *new.values()])

    def set_recorders(self, before: Sequence[Values], wanted: Sequence[Values]) -> None:
        index_of = {each["url"]: index for index, each in enumerate(before)}
        for url in index_of.keys() - {each["url"] for each in wanted}:
            first, last = self._extent(index_of[url])
            self._after[first : last + 1] = [[] for _ in range(first, last + 1)]
        for each in wanted:
            index = index_of.get(each["url"])
            if index is None:
                lines = [
                    f"{key} = {toml(value)}" for key, value in each.items() if value is not None
                ]
                self._append(["[[recorders]]", *lines])
                continue
            new = self._set(("recorders", index), each)
            self._after[self._extent(index)[1]] += new.values()

    def _set(self, table: KeyPath, values: Values) -> dict[str, str]:
        """Change the keys that have a line; return the lines of the others."""
        new = {}
        for key, value in values.items():
            at = self._at.get((*table, key))
            if at is not None:
                self._after[at][:1] = [] if value is None else [self._line(at, key, value)]
            elif value is not None:
                new[key] = f"{key} = {toml(value)}"
        return new

    def _line(self, at: int, key: str, value: Any) -> str:
        simple = _SIMPLE.match(self._lines[at])
        return f"{key} = {toml(value)}" + ((simple and simple.group(1)) or "")

    def _header(self, table: KeyPath) -> int | None:
        at = self._at.get(table)
        return at if at is not None and _HEADER.match(self._lines[at]) else None

    def _place(self, header: int, key: str) -> int:
        """Say after which line a new key goes: below its default, if that stands there."""
        shown = re.compile(rf"#[ \t]*{re.escape(key)}[ \t]*=")
        for at in range(header + 1, len(self._lines)):
            if _HEADER.match(self._lines[at]):
                break
            if shown.match(self._lines[at]):
                return at
        return header

    def _extent(self, index: int) -> tuple[int, int]:
        """Say from which line to which a recorder's table goes."""
        first = self._at["recorders", index]
        keys = [at for path, at in self._at.items() if path[:2] == ("recorders", index)]
        return first, max(keys)

    def _append(self, lines: list[str]) -> None:
        if self._end or any(line.strip() for line in self._lines[-1:]):
            self._end.append("")
        self._end += lines
